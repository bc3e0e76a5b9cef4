"""What is known of a patient whatever is drafted, kept while an order is edited.

At every edit of an order an EHR asks again, and all but the draft is as it was: then what was found
for the same chart, the same rules and the same moment is found again instead of worked out. That
is no guess: a fact is a function of these three, and the moment is a whole minute
(`pipeline.whole_minute`). What looks at draft orders (`drafted`) holds as long as they are the
same, as when an order that was selected is signed; what looks at one of them is worked out every
time.

The chart hands on the very same lists while their bytes are the same (`cds.fhir.memo`), so a
patient is known again by them. Bounded by `MOST` patients, the longest unasked goes first; nothing
is written anywhere.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from operator import attrgetter, is_
from threading import Lock
from typing import Any

from cds.engine.decision import Judgement
from cds.facts.draws import Results
from cds.facts.model import Fact
from cds.facts.record import Listing, Record
from cds.rulebook.model import Rulebook

MOST = 32  # patients; each takes about a quarter of a megabyte


class Known:
    """What was found: facts by name, named clauses (plain and with `not`), all judged clauses by
    their identity, texts with their holes filled, what the guards of rules leave over, and what
    was decided."""

    __slots__ = ("decided", "definitions", "facts", "judged", "left", "negations", "texts")

    def __init__(self) -> None:
        self.facts: dict[str, Fact] = {}
        self.definitions: dict[str, Judgement] = {}
        self.negations: dict[str, Judgement] = {}
        self.judged: dict[int, Judgement] = {}
        self.texts: dict[str, str] = {}
        self.left: dict[Hashable, Any] = {}
        self.decided: dict[Hashable, Any] = {}

    def forget(self) -> None:
        """Let go of the judgements. Their words still ask for facts: if both held each other, the
        whole patient would stay until the collector of cycles comes."""
        for kept in (self.definitions, self.negations, self.judged, self.decided):
            kept.clear()


class Standing(Known):
    """What was found for one patient, one rulebook and one moment, whatever is drafted: also what
    several derived facts share, windows, and lists by word. Beside it what was found with the
    drafts of the last call. `kept` says whether it is kept from call to call: else judgements are
    not put here but with those who ask."""

    __slots__ = ("_with_drafts", "found", "indexes", "kept", "results", "windows")

    def __init__(self, record: Record, *, kept: bool = False) -> None:
        super().__init__()
        self.kept = kept
        self.results = Results(record.labs)
        self.found: dict[Callable[..., Any], Any] = {}
        self.windows: dict[str, timedelta] = {}
        self.indexes: dict[Callable[..., Any], Any] = {}
        # One attribute: threads that edit the same orders must not mix up what belongs together.
        self._with_drafts = (_drafts(record), Known())

    def with_drafts(self, record: Record) -> Known:
        """What was found with these drafts; nothing yet, where they are others than before."""
        wanted, (drafts, known) = _drafts(record), self._with_drafts
        if not _same_ones(wanted, drafts):
            known.forget()
            known = Known()
            self._with_drafts = (wanted, known)
        return known

    def forget(self) -> None:
        """Also of what was found with drafts."""
        super().forget()
        self._with_drafts[1].forget()


def _drafts(record: Record) -> tuple[object, ...]:
    return (*record.drafts, None, *record.draft_lab_orders)


def _same_ones(one: Sequence[object], other: Sequence[object]) -> bool:
    """By identity: equal amounts may be spelled otherwise, and words keep the spelling."""
    return len(one) == len(other) and all(map(is_, one, other))


@dataclass(frozen=True, slots=True)
class _Of:
    """For whom, by which rules and when. `rest` is of the record what is neither a list nor of the
    call."""

    book: Rulebook
    lists: tuple[Listing[Any], ...]
    rest: tuple[object, ...]
    now: datetime

    def same(self, other: _Of) -> bool:
        """Lists are compared by identity: to compare them costs what is to be saved."""
        return (
            self.book is other.book
            and self.now == other.now
            and self.now.utcoffset() == other.now.utcoffset()  # an age asks for the day
            and all(map(_alike, self.lists, other.lists))
            and self.rest == other.rest
        )


def _alike(one: Listing[Any], other: Listing[Any]) -> bool:
    return one is other or (not one.items and one == other)


class Patients:
    """The patients asked about last."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: OrderedDict[int, tuple[_Of, Standing]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._known)

    def standing(self, book: Rulebook, record: Record, now: datetime) -> Standing:
        """What is known of this patient; nothing yet, where this chart is new."""
        wanted = _of(book, record, now)
        with self._lock:
            known = self._known.get(id(record.labs))
            if known is not None and known[0].same(wanted):
                self._known.move_to_end(id(record.labs))
                return known[1]
            made = Standing(record, kept=True)
            self._known[id(record.labs)] = (wanted, made)
            self._known.move_to_end(id(record.labs))
            if known is None and len(self._known) > self._most:
                _, known = self._known.popitem(last=False)
        if known is not None:
            known[1].forget()
        return made


_LISTS = (
    "labs", "medications", "administrations", "problems", "procedures", "allergies", "lab_orders",
)  # fmt: skip
_OF_THE_CALL = ("drafts", "draft_lab_orders", "unreadable", "overridden")
_lists = attrgetter(*_LISTS)
_rest = attrgetter(*(x.name for x in fields(Record) if x.name not in (*_LISTS, *_OF_THE_CALL)))


def _of(book: Rulebook, record: Record, now: datetime) -> _Of:
    return _Of(book, _lists(record), _rest(record), now)
