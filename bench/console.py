"""How long the pages of the console take with 100,000 decisions: `python -m bench.console [N]`.

A real server over a real file, asked over HTTP one page after the other, round by round. Each page
is asked once before that counts: what is worked out once is not what somebody waits for.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

import httpx

from bench.console_store import END, make_store
from bench.server import KEPT_IN

ROUNDS = 15
_LISTENING = re.compile(r"listening on (http://\S+)")
_RULE = "hypomagnesemia"
_DECISIONS = "/console/decisions"
_PAGES = {
    "sandbox": "/console/sandbox",
    "sandbox, a patient": "/console/sandbox/first-card",
    "rules": "/console/rules",
    "a rule": f"/console/rules/{_RULE}",
    "terms": "/console/rules/terms",
    "what if": "/console/whatif?start=patient:first-card&magnesium=1.1+mg/dL",
    "decisions": _DECISIONS,
    "decisions of a rule": f"{_DECISIONS}?rule={_RULE}",
    "decisions of a rule and a row": f"{_DECISIONS}?rule={_RULE}&row=A2",
    "decisions of a row": f"{_DECISIONS}?row=C1",
    "decisions of an outcome": f"{_DECISIONS}?outcome=cannot-tell",
    "decisions of a rare outcome": f"{_DECISIONS}?outcome=held-back",
    "decisions where a rule was silent": f"{_DECISIONS}?rule={_RULE}&outcome=silent",
    "decisions of a client and a rule": f"{_DECISIONS}?client=outpatients&rule={_RULE}",
    "decisions of a patient": f"{_DECISIONS}?patient=hmac:{7:032x}",
}


@contextmanager
def _served(state: Path) -> Iterator[str]:
    """The address of a sandbox that keeps its decisions there."""
    given = {"CDS_SANDBOX": "1", "CDS_STATE": str(state), "CDS_NOW": END.isoformat()}
    process = subprocess.Popen(
        [sys.executable, "-m", "cds", "serve", "--port", "0"],
        env={**os.environ, **given, "CDS_LOG_LEVEL": "error"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        found = next(filter(None, map(_LISTENING.search, process.stdout)), None)
        if found is None:
            raise SystemExit("bench: the service did not start")
        yield found[1]
    finally:
        process.terminate()
        process.wait()


def pages(client: httpx.Client) -> Mapping[str, str]:
    """Every page by its name, also those about one decision that is kept."""
    listed = client.get(f"{_DECISIONS}?rule={_RULE}&row=A2").text
    found = re.search(rf'href="({_DECISIONS}/[0-9a-f-]{{36}})"', listed)
    if found is None:
        raise SystemExit("bench: no decision is listed")
    older = re.search(r'href="([^"]+)" rel="next"', client.get(_DECISIONS).text)
    more = {"decisions, the next page": older[1].replace("&amp;", "&")} if older else {}
    return {**_PAGES, **more, "a decision": found[1], "its trace": f"{found[1]}/trace"}


def measured(client: httpx.Client, rounds: int = ROUNDS) -> Iterator[tuple[str, float, float]]:
    """Name, and median and 95th percentile of the milliseconds, of every page."""
    wanted = pages(client)
    took: dict[str, list[float]] = {name: [] for name in wanted}
    for number in range(rounds + 1):
        for name, path in wanted.items():
            began = perf_counter()
            reply = client.get(path)
            seconds = perf_counter() - began
            if reply.status_code != httpx.codes.OK:
                raise SystemExit(f"bench: {path} answered {reply.status_code}")
            if number:
                took[name].append(seconds * 1000)
    for name, times in took.items():
        yield name, median(times), quantiles(times, n=20)[-1]


def main() -> None:
    """Keep so many decisions, and print how long each page takes."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(dir=KEPT_IN) as folder:
        place = Path(os.environ.get("BENCH_STATE", folder))
        if not (place / "audit.sqlite3").exists():
            make_store(place / "audit.sqlite3", number)
        with _served(place) as address, httpx.Client(base_url=address, timeout=120) as client:
            print(f"{'page':<40}{'p50 ms':>10}{'p95 ms':>10}")
            for name, middle, high in measured(client):
                print(f"{name:<40}{middle:>10.1f}{high:>10.1f}")


if __name__ == "__main__":
    main()
