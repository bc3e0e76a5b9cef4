"""From what was measured to what a region needs: 10,000 calls a minute, 10 million patients."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

from bench.comparing import FIRST
from bench.rounds import Row

CALLS_A_MINUTE = 10_000
PATIENTS = 10_000_000
BUSY_HOURS = 12  # of a day, at the full rate; the other hours count as nothing
LOAD = 0.5  # of what a worker can do: the other half is for peaks and for a machine that is away
_BODY = "40k"
_GB = 1e9
_LINKED = 300  # bytes a card that was told about keeps for good: ids, rule, row, reason, seal
_TOLD = 0.1  # of all patients have such a card, which is generous


def capacity(found: list[Row], about: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What, figure and how, line by line. Raises SystemExit where the run was too short for it."""
    wanted = CALLS_A_MINUTE / 60
    yield "calls a second", f"{wanted:.0f}", f"{CALLS_A_MINUTE:,} a minute"
    one = _calls_a_second(found)
    yield (
        "one worker, calls a second",
        f"{one:.0f}",
        f"body {_BODY}, never the same patient twice, audit and token, measured here",
    )
    workers = ceil(wanted / (one * LOAD))
    yield "workers", f"{workers}", f"each loaded to {LOAD:.0%}"
    memory = max(row["rss_mib"] or 0 for row in found if row["target"].startswith("ours+audit"))
    yield "memory", f"{workers * memory / 1024:.1f} GiB", f"{memory:.0f} MiB for each worker"
    yield from _disk(wanted, about)
    told = PATIENTS * _TOLD * _LINKED / _GB
    yield (
        "patients",
        f"{told:.1f} GB",
        f"{_TOLD:.0%} of {PATIENTS:,} with one card that was told about, some {_LINKED} bytes "
        "each; a patient without one costs nothing between calls",
    )


def _disk(wanted: float, about: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    size = _staged(about)["bytes"]["kept"]
    yield "one decision on the disk", f"{size / 1000:.1f} kB", "file of the database, indexes too"
    yield "written a second", f"{wanted * size / 1e6:.1f} MB", "beside the log of the database"
    day = wanted * 3600 * BUSY_HOURS * size
    yield "a day", f"{day / _GB:.0f} GB", f"{BUSY_HOURS} hours at the full rate"
    yield "a year", f"{day * 365 / 1e12:.1f} TB", "without `cds audit purge`"
    alone = 1000 / about["fsync_ms"]
    yield "fsyncs a second at most", f"{alone:.0f}", "of this disk; workers put many calls into one"


def _staged(about: dict[str, Any]) -> dict[str, dict[str, float]]:
    if _BODY not in about.get("stages", {}):
        raise SystemExit(f"bench: the run has no stages of the body {_BODY}")
    staged: dict[str, dict[str, float]] = about["stages"][_BODY]
    return staged


def _calls_a_second(found: list[Row]) -> float:
    """Of one busy worker in earnest: a new patient every time, and what a token adds."""
    rates = {
        row["target"]: row["rps"]
        for row in found
        if row["table"] == "targets" and row["body"] == _BODY and row["connections"] > 1
    }
    wanted = (f"ours+audit{FIRST}", "ours+audit", "ours+audit+jwt")
    if missing := [name for name in wanted if name not in rates]:
        raise SystemExit(f"bench: the run has no row {missing[0]} with several connections")
    first, again, signed = (1 / rates[name] for name in wanted)
    return float(1 / (first + max(0.0, signed - again)))
