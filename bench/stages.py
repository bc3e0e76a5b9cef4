"""Where the microseconds of one call go: each stage by itself, in this process, without HTTP.

`python -m bench.stages` prints the table. Every stage is measured again, with the same call over
and over, edit, with another draft order each time, and first, with a patient nobody has seen. The
stages within deciding are timed where the pipeline calls them: what is put off until it is needed
counts where it is done.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter
from typing import Any

import msgspec

import cds.pipeline
from bench.bodies import NOW, OBSERVATIONS, body, edited, patients, renamed
from bench.rules import SHIPPED
from bench.server import KEPT_IN
from cds.audit.chain import Chain, chain_name
from cds.audit.entry import Identity, entry_of
from cds.audit.kept import Entry
from cds.audit.spoolplace import SpoolPlace
from cds.audit.store import AuditStore
from cds.audit.writer import AuditWriter
from cds.doors import SANDBOX
from cds.engine.select import prepare
from cds.fhir.access import Fetched
from cds.hooks.request import read_call
from cds.hooks.response import encode_cards
from cds.hooks.services import ORDER_SELECT
from cds.pipeline import answer
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook
from cds.web.contract import check_contract

_KEY = b"a key for measuring, of no other use"
_SPOOL = 8 * 1024 * 1024
_INSIDE = ("read_chart", "decide", "render_all", "adapted")
_numbers = count(10_000_000)
KINDS = ("again", "edit", "first")
Times = dict[str, list[float]]
Clock = Callable[[str, float], None]

# Stage -> what it is, in the order of a call.
STAGES = {
    "floor": "decode and encode the body, as the floor does",
    "read_call": "the envelope: is it a call, about one patient",
    "read_chart": "FHIR resources become plain records",
    "decide": "facts and rules",
    "render_all": "cards, suggestions, complete orders",
    "adapted": "the shape this client reads",
    "rest of answer": "digests and ids",
    "encode_cards": "cards to bytes",
    "check of the contract": "every answer against the wire shapes; in the sandbox only",
    "entry_of": "the record of the decision",
    "seal and write": "sealed and on the disk, one at a time, with its fsync",
}


@dataclass(slots=True)
class _Stopwatch:
    times: Times = field(default_factory=lambda: {name: [] for name in STAGES})

    def note(self, name: str, seconds: float) -> None:
        self.times[name].append(seconds)

    def time(self, name: str, work: Callable[[], Any]) -> Any:
        began = perf_counter()
        found = work()
        self.note(name, perf_counter() - began)
        return found

    def microseconds(self) -> dict[str, float]:
        return {name: round(median(all_) * 1e6, 1) for name, all_ in self.times.items()}


def stages(name: str, repeats: int) -> dict[str, dict[str, float]]:
    """Microseconds by stage for the body of that name: `again`, `edit` and `first`; and `bytes` of
    one record and of all that the database holds for it."""
    same = body(name)
    moved = patients(OBSERVATIONS[name])
    book = load_rulebook(SHIPPED)
    prepare(book)
    again = _measured(book, lambda _: same, repeats)
    edit = _measured(book, lambda _: edited(same, next(_numbers)), repeats)
    first = _measured(book, lambda i: renamed(moved[i % len(moved)], next(_numbers)), repeats)
    return {"again": again[0], "edit": edit[0], "first": first[0], "bytes": first[1]}


def _measured(
    book: Rulebook, payload: Callable[[int], bytes], repeats: int
) -> tuple[dict[str, float], dict[str, float]]:
    watch = _Stopwatch()
    # what is made once in the life of a process is not the price of a call
    for i in range(3):
        _call(payload(i), book, _Stopwatch())
    with tempfile.TemporaryDirectory(dir=KEPT_IN) as folder:
        entries = [_call(payload(i), book, watch) for i in range(repeats)]
        asyncio.run(_written(Path(folder), entries, watch))
        kept = sum(path.stat().st_size for path in Path(folder).glob("audit.sqlite3*"))
    sizes = {"record": median(len(entry.body) for entry in entries), "kept": kept / len(entries)}
    return watch.microseconds(), {what: round(size) for what, size in sizes.items()}


def _call(raw: bytes, book: Rulebook, watch: _Stopwatch) -> Entry:
    watch.time("floor", lambda: msgspec.json.encode(msgspec.json.decode(raw)))
    asked = watch.time("read_call", lambda: read_call(ORDER_SELECT, raw))
    inside: list[float] = []

    def note(stage: str, seconds: float) -> None:
        watch.note(stage, seconds)
        inside.append(seconds)

    with _timed(note):
        began = perf_counter()
        said = answer(asked, book, NOW, SANDBOX, whole=False)  # as a service that serves does
        watch.note("rest of answer", perf_counter() - began - sum(inside))
    wire = watch.time("encode_cards", lambda: encode_cards(said.cards))
    watch.time("check of the contract", lambda: check_contract(wire))
    kept = (asked, SANDBOX, said, book, NOW, datetime.now(UTC), Identity(_KEY), 0.001, Fetched())
    entry: Entry = watch.time("entry_of", lambda: entry_of(*kept))
    return entry


@contextmanager
def _timed(note: Clock) -> Iterator[None]:
    """The stages that `answer` calls by their names in its module are timed."""
    plain = {name: getattr(cds.pipeline, name) for name in _INSIDE}

    def timing(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            began = perf_counter()
            try:
                return work(*given, **named)
            finally:
                note(name, perf_counter() - began)

        return timed

    for name, work in plain.items():
        setattr(cds.pipeline, name, timing(name, work))
    try:
        yield
    finally:
        for name, work in plain.items():
            setattr(cds.pipeline, name, work)


async def _written(folder: Path, entries: list[Entry], watch: _Stopwatch) -> None:
    chain = Chain(chain_name("bench", 1, datetime.now(UTC), _KEY), _KEY, folder / "heads.log")
    spool = SpoolPlace(folder / "spool", chain.name, _SPOOL, ahead=True)
    place = folder / "audit.sqlite3"
    writer = AuditWriter(lambda: AuditStore.open(place), chain, spool, monotonic)
    writer.start()
    try:
        for entry in entries:
            began = perf_counter()
            await writer.write(entry)
            watch.note("seal and write", perf_counter() - began)
    finally:
        await asyncio.to_thread(writer.close)


def show(found: dict[str, dict[str, float]]) -> None:
    """Print them as a table."""
    print(f"{'microseconds':<24}" + "".join(f"{kind:>10}" for kind in KINDS))
    for stage, words in STAGES.items():
        print(f"{stage:<24}" + "".join(f"{found[x][stage]:>10}" for x in KINDS) + f"  {words}")


if __name__ == "__main__":
    for size in OBSERVATIONS:
        print(f"\nbody {size}\n")
        show(stages(size, 40))
