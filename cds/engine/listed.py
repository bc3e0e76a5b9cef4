"""Facts that ask a list: is something there? Absence is only concluded from a complete list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Generic, TypeVar

from cds.facts.model import Evidence, Fact, Missing, NotKnown, Reason, presence
from cds.facts.record import (
    Administration,
    Listing,
    MedicationOrder,
    OrderKind,
    ProblemEntry,
    Record,
)
from cds.facts.show import names_words
from cds.kernel.verdict import Verdict
from cds.rulebook.model import (
    AllergySource,
    FactSource,
    LabOrderSource,
    MedicationSource,
    ProblemSource,
    ProcedureSource,
    SuppliedSource,
)

GIVEN_WITHIN = timedelta(hours=24)  # clinical pack R29
Found = list[tuple[str, str]]  # (source, display name)


T = TypeVar("T")


class Index(Generic[T]):
    """Entries of a list with the words by which they are asked for. Most questions are about
    something the patient does not have: those are answered by all words at once."""

    __slots__ = ("_entries", "_words")

    def __init__(self, entries: Iterable[tuple[T, frozenset[str]]]) -> None:
        self._entries = tuple(entries)
        self._words = frozenset(word for _, words in self._entries for word in words)

    def asked(self, wanted: Iterable[str]) -> list[T]:
        """The entries with one of these words, in the order of the list."""
        if self._words.isdisjoint(wanted):
            return []
        return [entry for entry, words in self._entries if not words.isdisjoint(wanted)]


class Lists:
    """The lists of one patient, each gone through once, when it is first asked. `made` holds what
    was made of the same lists before; of draft orders nothing is made that outlives this."""

    __slots__ = ("_drafted", "_made", "record")

    def __init__(self, record: Record, made: dict[Callable[..., Any], Any] | None = None) -> None:
        self.record = record
        self._made: dict[Callable[..., Any], Any] = {} if made is None else made
        self._drafted: Index[MedicationOrder] | None = None

    def of(self, make: Callable[[Record], Index[T]]) -> Index[T]:
        """The index that `make` makes of one of the lists."""
        found: Index[T] | None = self._made.get(make)
        if found is None:
            found = self._made[make] = make(self.record)
        return found

    def drafted(self) -> Index[MedicationOrder]:
        """The draft orders that act in the whole body."""
        if self._drafted is None:
            orders = (order for order in self.record.drafts if order.systemic)
            self._drafted = Index((order, _named(order)) for order in orders)
        return self._drafted


def _active(record: Record) -> Index[MedicationOrder]:
    items = (o for o in record.medications.items if o.kind is OrderKind.ACTIVE and o.systemic)
    return Index((order, _named(order)) for order in items)


def _administered(record: Record) -> Index[Administration]:
    return Index((item, _named(item)) for item in record.administrations.items)


def _on_problem_list(record: Record) -> Index[ProblemEntry]:
    return Index((entry, entry.concepts) for entry in record.problems.items)


def _named(item: MedicationOrder | Administration) -> frozenset[str]:
    """Substances and roles: what a rule may call it by."""
    return frozenset(name for one in item.substances for name in (one.name, *one.roles))


def listed_fact(name: str, source: FactSource, lists: Lists, now: datetime) -> Fact:
    """A presence fact about one of the supplied lists."""
    record = lists.record
    match source:
        case ProblemSource():
            return _concluded(name, _problems(lists, source, now), record.problems)
        case MedicationSource():
            return _medications(name, lists, source, now)
        case ProcedureSource():
            return _concluded(name, _procedures(record, source, now), record.procedures)
        case AllergySource():
            hits = [
                (a.source, a.name)
                for a in record.allergies.items
                if not a.substances.isdisjoint(source.substances)
            ]
            return _concluded(name, hits, record.allergies)
        case LabOrderSource():
            return _concluded(name, _lab_orders(record, source, now), record.lab_orders)
        case SuppliedSource():
            key = "labs" if source.key == "observations" else source.key
            asked = _failed if source.failed else _supplied
            return asked(name, getattr(record, key))
        case _:
            raise TypeError(f"{name} does not ask a list")


def problem_state(lists: Lists, concepts: tuple[str, ...]) -> Verdict:
    """Whether one of the concepts is on the problem list."""
    if lists.of(_on_problem_list).asked(concepts):
        return Verdict.YES
    return Verdict.CANNOT_TELL if lists.record.problems.gap else Verdict.NO


def _concluded(name: str, hits: Found, listing: Listing[object] | None) -> Fact:
    """Yes by what was found; no only where the list, if it is one that has to be complete, is."""
    if hits:
        # By name: whoever sends the list decides its order, and the same chart is the same answer.
        hits = sorted(hits, key=lambda hit: (hit[1].casefold(), *hit))
        names = tuple(dict.fromkeys(display for _, display in hits))
        evidence = tuple(Evidence(source, display) for source, display in hits)
        return presence(name, True, names_words(names), names, evidence)
    if listing is not None and listing.gap:
        return Fact(name, NotKnown(listing.key, listing.gap), listing.gap)
    return _nothing_listed(name)


@lru_cache(maxsize=1024)  # names are those of a rulebook; most answers are this one
def _nothing_listed(name: str) -> Fact:
    return presence(name, False, "none on the list")


def _supplied(name: str, listing: Listing[object]) -> Fact:
    words = listing.gap or f"`{listing.key}` is complete"
    return presence(name, not listing.gap, words)


def _failed(name: str, listing: Listing[object]) -> Fact:
    names = (listing.gap,) if listing.failed else ()
    return presence(name, listing.failed, listing.gap or f"`{listing.key}` is complete", names)


def _problems(lists: Lists, source: ProblemSource, now: datetime) -> Found:
    found = lists.of(_on_problem_list).asked(source.concepts)
    return [(entry.source, entry.name) for entry in found if _recent(entry, source, now)]


def _recent(entry: ProblemEntry, source: ProblemSource, now: datetime) -> bool:
    """Onset, else recorded (clinical pack R7); never in the future."""
    when = entry.onset or entry.recorded
    if when is None and source.this_stay and entry.of_another_stay:
        return False
    if source.within is None:
        return True
    if when is None:
        return source.undated_counts
    return timedelta(0) <= now - when <= source.within


def _procedures(record: Record, source: ProcedureSource, now: datetime) -> Found:
    return [
        (entry.source, entry.name)
        for entry in record.procedures.items
        if not entry.concepts.isdisjoint(source.concepts)
        and (entry.performed is None or now - entry.performed <= source.within)
    ]


def _medications(name: str, lists: Lists, source: MedicationSource, now: datetime) -> Fact:
    which, listing = source.which, lists.record.medications
    active = _fitting(lists.of(_active), source) if "active" in which else []
    if source.running is not None:
        return _running(name, active, source.running, listing, now)
    hits: Found = [(o.source, o.name) for o in active]
    if "draft" in which or "selected" in which:
        hits += [(o.source, f"{o.name} (draft)") for o in _drafts(lists, source)]
    if "given" in which:
        named = {display for _, display in hits}
        found = _given(lists, source, now)
        hits += [hit for hit in found if hit[1].removesuffix(" (given)") not in named]
    if not hits and _one_is_unread(lists.record, source):
        why = "a draft order names no drug that can be read"
        return Fact(name, NotKnown("draftOrders", why), why)
    return _concluded(name, hits, listing if "active" in which else None)


def _fitting(index: Index[MedicationOrder], source: MedicationSource) -> list[MedicationOrder]:
    return [o for o in index.asked(source.roles) if _route_fits(source, o.parenteral)]


def _drafts(lists: Lists, source: MedicationSource) -> list[MedicationOrder]:
    """Of every draft, or only of those the hook is about."""
    found = _fitting(lists.drafted(), source)
    return found if "draft" in source.which else [order for order in found if order.selected]


def _one_is_unread(record: Record, source: MedicationSource) -> bool:
    """Might one of the drafts that are asked about be any drug?"""
    if "draft" in source.which:
        return any(not order.identified for order in record.drafts)
    if "selected" in source.which:
        return any(order.selected and not order.identified for order in record.drafts)
    return False


def _running(
    name: str,
    orders: list[MedicationOrder],
    least: timedelta,
    listing: Listing[MedicationOrder],
    now: datetime,
) -> Fact:
    """Orders that began long enough ago; one without a date keeps the question open (R26)."""
    long = [
        (o.source, o.name)
        for o in orders
        if (began := _earliest(o)) is not None and now - began >= least
    ]
    undated = [o for o in orders if _earliest(o) is None]
    if not long and undated:
        why = f"{undated[0].name}: since when is not recorded"
        evidence = tuple(Evidence(o.source, o.name) for o in undated)
        return Fact(name, Missing(Reason.NO_TIME), why, evidence)
    return _concluded(name, long, listing)


def _earliest(order: MedicationOrder) -> datetime | None:
    return min((at for at in (order.start, order.authored) if at), default=None)


def _route_fits(source: MedicationSource, parenteral: bool | None) -> bool:
    """An unknown route counts as parenteral: the safe reading of a stop."""
    if source.parenteral is None:
        return True
    return (parenteral is not False) if source.parenteral else (parenteral is False)


def _given(lists: Lists, source: MedicationSource, now: datetime) -> Found:
    # R10: administrations not known are no stop; the card says so, hence no gap from this list.
    found: Found = []
    for item in lists.of(_administered).asked(source.roles):
        when = item.end or item.start
        # A dose at a time nobody wrote down may have been given just now.
        recent = when is None or timedelta(0) <= now - when <= GIVEN_WITHIN or not item.completed
        if recent and _route_fits(source, item.parenteral):
            found.append((item.source, f"{item.name} (given)"))
    return found


def _lab_orders(record: Record, source: LabOrderSource, now: datetime) -> Found:
    wanted = source.loincs
    drafted = [
        (o.source, "drafted") for o in record.draft_lab_orders if not o.loincs.isdisjoint(wanted)
    ]
    ordered = [
        (o.source, "ordered")
        for o in record.lab_orders.items
        if not o.loincs.isdisjoint(wanted)
        and (o.authored is None or now - o.authored <= source.within)
    ]
    return drafted + ordered
