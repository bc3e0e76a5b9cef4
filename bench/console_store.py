"""An audit database as a hospital fills it in half a year, and how long the pages of the console
look things up in it: `python -m bench.console_store PATH [N]`.

The decisions are those of the synthetic patients, made once by the real pipeline, with the shipped
rules, with some of them in silent mode and with cards overridden a while before. Each is kept many
times, with ids, patient and time of its own, sealed like any other: `cds audit verify` finds the
file whole.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter

from cds.audit.batch import Archive, Batch, Sealed, Told
from cds.audit.browse import Filter
from cds.audit.chain import Chain, chain_name, key_of, told_seal
from cds.audit.entry import Identity, entry_of
from cds.audit.heads import HeadWriter
from cds.audit.kept import Entry, stamp
from cds.audit.rulebooks import archive_of
from cds.audit.store import AuditStore
from cds.clients.model import Client
from cds.errors import BadRequest
from cds.facts.record import Overridden
from cds.hooks.request import HookCall, read_call
from cds.hooks.services import SERVICES
from cds.pipeline import Answer, answer
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook
from cds.sample import Sample, samples

ROOT = Path(__file__).parent.parent
END = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAYS = 180
KEY = key_of("a key for measuring, of no other use")
HEADS = "audit-heads.log"
CLIENTS = ("ward-7", "ward-7", "ward-7", "emergency", "outpatients")
SILENCED = ("hypomagnesemia.yaml", "qt-risk.yaml")  # in silent mode for a part of the time
_CHAINS = 2
_FEWEST = 40  # decisions that others are made of
_AT_ONCE = 1000
_VISITS = 12  # decisions about one patient, on average
_TOLD = 4  # one in so many decisions with cards gets feedback
_REASON = ("urn:cds:reasons", "already-being-corrected")
_ID = 8  # digits of an id that are made anew for each decision


@dataclass(frozen=True, slots=True)
class _Model:
    """A decision to make others of: an entry, and what of its body is each decision's own."""

    entry: Entry

    def made(self, number: int, at: datetime, patient: str, client: str) -> Entry:
        """The same decision with another id, for another patient."""
        entry = self.entry
        body = entry.body.replace(entry.patient.encode(), patient.encode())
        for old in (entry.id, *(one.card for one in entry.shown)):
            body = body.replace(old.encode(), _own(old, number).encode())
        shown = tuple(replace(one, card=_own(one.card, number)) for one in entry.shown)
        name = _own(entry.id, number)
        return replace(
            entry, id=name, at=at, patient=patient, client=client, body=body, shown=shown
        )


def _own(name: str, number: int) -> str:
    return f"{number:0{_ID}x}{name[_ID:]}"


def make_store(path: Path, n: int = 100_000, seed: int = 1) -> Path:
    """Fill a new SQLite database with `n` decisions of the last `DAYS` days up to `END`, and some
    feedback; the head file lies beside it. The same seed makes the same decisions."""
    random = Random(seed)
    models, archives = _models(max(_FEWEST, n // 20))
    chains = [
        Chain(chain_name("bench", number, END, KEY), KEY, path.with_name(HEADS))
        for number in range(1, _CHAINS + 1)
    ]
    with closing(AuditStore.open(path)) as store:
        store.add(Batch(archives=archives))
        for start in range(0, n, _AT_ONCE):
            chain = chains[start // _AT_ONCE % _CHAINS]
            numbers = range(start, min(start + _AT_ONCE, n))
            _keep(store, chain, [_decision(models, x, n, random) for x in numbers])
    return path


def _decision(models: list[_Model], number: int, n: int, random: Random) -> Entry:
    at = END - timedelta(days=DAYS) * ((n - number - random.random()) / n)
    who = random.randrange(max(1, n // _VISITS))
    client = CLIENTS[who % len(CLIENTS)]
    return random.choice(models).made(number, at, f"hmac:{who:032x}", client)


def _keep(store: AuditStore, chain: Chain, entries: list[Entry]) -> None:
    first, items = chain.seq + 1, chain.sealed(entries)
    store.add(Batch(items, told=tuple(_told(items))))
    chain.advance(items[-1])
    heads = HeadWriter(chain.heads, KEY, monotonic)
    heads.note(chain.name, first, chain.seq, chain.mac)
    heads.close()


def _told(items: tuple[Sealed, ...]) -> Iterator[Told]:
    for item in items:
        entry = item.entry
        if not entry.shown or item.seq % _TOLD:
            continue
        at, card = stamp(entry.at + timedelta(minutes=3)), entry.shown[0].card
        answered = item.seq // _TOLD % 3
        outcome, reason = ("accepted", ("", "")) if not answered else ("overridden", _REASON)
        row = (entry.client, entry.service, card, outcome, at, "[]", *reason, at)
        yield Told(((*row, told_seal(KEY, row)),))


def _models(most: int) -> tuple[list[_Model], tuple[Archive, ...]]:
    """About so many, or all there are."""
    with TemporaryDirectory() as folder:
        changed = Path(folder) / "rules"
        shutil.copytree(ROOT / "rules", changed)
        for name in SILENCED:
            text = (changed / name).read_text("utf-8")
            (changed / name).write_text(text.replace("status: active", "status: silent"), "utf-8")
        books = [(load_rulebook(place), place) for place in (ROOT / "rules", changed)]
        archives = tuple(Archive(book.digest, archive_of(book, at)) for book, at in books)
    every = list(samples(ROOT / "fhir_fixtures"))
    some = every[:: max(1, 4 * len(every) // most)]  # each makes up to four
    found = [_Model(entry) for book, _ in books for entry in _entries(book, some)]
    return found, archives


def _entries(book: Rulebook, patients: Iterable[Sample]) -> Iterator[Entry]:
    """Each of them, and once more with its first card overridden an hour before."""
    client, identity = Client(CLIENTS[0]), Identity(KEY)
    for item in patients:
        hook = item.request["hook"]
        try:
            call = read_call(SERVICES[f"electrolytes-{hook}"], json.dumps(item.request).encode())
            said = answer(call, book, item.now, client, whole=False)
        except BadRequest:
            continue
        again = _overridden(said, call, book, item.now, client)
        for one in (said, again) if again else (said,):
            yield entry_of(call, client, one, book, item.now, END, identity, 0.002)


def _overridden(
    said: Answer, call: HookCall, book: Rulebook, now: datetime, client: Client
) -> Answer | None:
    if not said.cards:
        return None
    card = said.cards[0]
    rule, row = card["extension"]["rule"].partition("@")[0], card["extension"]["rows"][0]
    told = Overridden(rule, row, card["indicator"], _REASON[1], now - timedelta(hours=1))
    return answer(call, book, now, client, history=[told], whole=False)


def filters() -> dict[str, Filter]:
    """What the pages of the console ask for, by what is chosen there."""
    month = END - timedelta(days=30)
    return {
        "nothing": Filter(),
        "a rule": Filter(rule="hypomagnesemia"),
        "a rare rule": Filter(rule="magnesium-and-muscle-relaxants"),
        "a rule and a row": Filter(rule="hypomagnesemia", row="A2"),
        "a row": Filter(row="C1"),
        "an outcome": Filter(outcome="fires"),
        "a rare outcome": Filter(outcome="held-back"),
        "an outcome that never was": Filter(outcome="error"),
        "a rule that was silent": Filter(rule="hypomagnesemia", outcome="silent"),
        "a rule, a month": Filter(rule="low-potassium", since=month, before=END),
        "a patient": Filter(patient=f"hmac:{7:032x}"),
        "a patient and a rule": Filter(patient=f"hmac:{7:032x}", rule="hypomagnesemia"),
        "a client": Filter(client="outpatients"),
        "a client and a rule": Filter(client="outpatients", rule="hypomagnesemia"),
        "a client there is not": Filter(client="nowhere", outcome="fires"),
        "before a year": Filter(before=END - timedelta(days=365), outcome="fires"),
    }


def measured(store: AuditStore, repeats: int = 15) -> Iterator[tuple[str, float, int]]:
    """What was looked up, the median of its milliseconds, and how much was found."""
    browse = store.browse
    for name, wanted in filters().items():
        first = browse.page(wanted)
        yield name, _ms(partial(browse.page, wanted), repeats), len(first.items)
        if first.older:
            later = _ms(partial(browse.page, wanted, first.older), repeats)
            yield f"{name}, the next page", later, len(browse.page(wanted, first.older).items)
        yield f"{name}, counted", _ms(partial(browse.count, wanted), repeats), -1
    for days in (1, 30, DAYS):
        since = END - timedelta(days=days)
        ms = _ms(partial(browse.numbers, since), repeats)
        yield f"numbers of {days} days", ms, len(browse.numbers(since))
    newest = browse.page(Filter()).items[0]
    yield "around a decision", _ms(partial(browse.around, newest.chain, newest.seq), repeats), -1
    yield "its feedback", _ms(partial(browse.feedback_of, newest.id), repeats), -1
    yield "the clients", _ms(browse.clients, repeats), len(browse.clients())


def _ms(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        began = perf_counter()
        work()
        times.append(perf_counter() - began)
    return median(times) * 1000


def main() -> None:
    """Make the file where there is none, and print the times."""
    path, number = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    if not path.exists():
        began = monotonic()
        make_store(path, number)
        print(f"{number} decisions kept in {monotonic() - began:.0f} s")
    with closing(AuditStore.read_only(path)) as store:
        for name, ms, found in measured(store):
            print(f"{name:<40}{ms:>10.1f} ms{found if found >= 0 else '':>8}")


if __name__ == "__main__":
    main()
