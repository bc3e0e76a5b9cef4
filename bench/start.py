"""What a start costs, piece by piece, each in a process that has loaded nothing yet."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench.rules import SHIPPED, write_rules

# Seconds of two pieces, and MiB resident afterwards.
_PIECES = """
import json, sys, time
from pathlib import Path
began = time.perf_counter()
import cds.web.app
imported = time.perf_counter()
from cds.rulebook.load import load_rulebook
book = load_rulebook(Path(sys.argv[1]))
loaded = time.perf_counter()
status = Path("/proc/self/status")
lines = status.read_text().splitlines() if status.exists() else ()
kib = [int(line.split()[1]) for line in lines if line.startswith("VmRSS:")]
print(json.dumps({
    "import_s": imported - began,
    "rulebook_s": loaded - imported,
    "rss_mib": kib[0] / 1024 if kib else 0,
}))
"""


def starts(times: int, rules: tuple[int, ...]) -> dict[str, dict[str, float]]:
    """Seconds to import the service and to load a rulebook, and MiB afterwards, for the shipped
    rules and for that many; medians of `times` processes."""
    found = {"shipped": _start(SHIPPED, times)}
    for count in rules:
        with tempfile.TemporaryDirectory() as folder:
            write_rules(Path(folder), count)
            found[f"{count} rules"] = _start(Path(folder), 1)
    return found


def _start(rules: Path, times: int) -> dict[str, float]:
    all_ = [_once(rules) for _ in range(times)]
    return {name: round(median(one[name] for one in all_), 2) for name in all_[0]}


def _once(rules: Path) -> dict[str, float]:
    words = [sys.executable, "-c", _PIECES, str(rules)]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    found: dict[str, float] = json.loads(told)
    return found
