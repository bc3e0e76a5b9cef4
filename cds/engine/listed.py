"""Facts that ask a list: is something there? Absence is only concluded from a complete list."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from cds.facts.model import Evidence, Fact, Missing, NotKnown, Reason, presence
from cds.facts.record import Listing, MedicationOrder, OrderKind, ProblemEntry, Record
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


def listed_fact(name: str, source: FactSource, record: Record, now: datetime) -> Fact:
    """A presence fact about one of the supplied lists."""
    match source:
        case ProblemSource():
            return _concluded(name, _problems(record, source, now), (record.problems,))
        case ProcedureSource():
            return _concluded(name, _procedures(record, source, now), (record.procedures,))
        case MedicationSource():
            return _medications(name, record, source, now)
        case AllergySource():
            hits = [
                (a.source, a.name)
                for a in record.allergies.items
                if a.substances & set(source.substances)
            ]
            return _concluded(name, hits, (record.allergies,))
        case LabOrderSource():
            return _concluded(name, _lab_orders(record, source, now), (record.lab_orders,))
        case SuppliedSource():
            key = "labs" if source.key == "observations" else source.key
            asked = _failed if source.failed else _supplied
            return asked(name, getattr(record, key))
        case _:
            raise TypeError(f"{name} does not ask a list")


def problem_state(record: Record, concepts: tuple[str, ...]) -> Verdict:
    """Whether one of the concepts is on the problem list."""
    if any(p.concepts & set(concepts) for p in record.problems.items):
        return Verdict.YES
    return Verdict.CANNOT_TELL if record.problems.gap else Verdict.NO


def _concluded(name: str, hits: Found, listings: Iterable[Listing[object]]) -> Fact:
    if hits:
        # By name: whoever sends the list decides its order, and the same chart is the same answer.
        hits = sorted(hits, key=lambda hit: (hit[1].casefold(), *hit))
        names = tuple(dict.fromkeys(display for _, display in hits))
        evidence = tuple(Evidence(source, display) for source, display in hits)
        return presence(name, True, names_words(names), names, evidence)
    gaps = [listing for listing in listings if listing.gap]
    if gaps:
        return Fact(name, NotKnown(gaps[0].key, gaps[0].gap), gaps[0].gap)
    return presence(name, False, "none on the list")


def _supplied(name: str, listing: Listing[object]) -> Fact:
    words = listing.gap or f"`{listing.key}` is complete"
    return presence(name, not listing.gap, words)


def _failed(name: str, listing: Listing[object]) -> Fact:
    names = (listing.gap,) if listing.failed else ()
    return presence(name, listing.failed, listing.gap or f"`{listing.key}` is complete", names)


def _problems(record: Record, source: ProblemSource, now: datetime) -> Found:
    wanted = set(source.concepts)
    return [
        (entry.source, entry.name)
        for entry in record.problems.items
        if entry.concepts & wanted and _recent(entry, source, now)
    ]


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
    wanted = set(source.concepts)
    return [
        (entry.source, entry.name)
        for entry in record.procedures.items
        if entry.concepts & wanted
        and (entry.performed is None or now - entry.performed <= source.within)
    ]


def _medications(name: str, record: Record, source: MedicationSource, now: datetime) -> Fact:
    wanted = set(source.roles)
    active = _active(record, source, wanted) if "active" in source.which else []
    if source.running is not None:
        return _running(name, active, source.running, record.medications, now)
    hits: Found = [(o.source, o.name) for o in active]
    drafts = _drafts(record, source)
    hits += [(o.source, f"{o.name} (draft)") for o in drafts if _matches(o, source, wanted)]
    if "given" in source.which:
        named = {display for _, display in hits}
        found = _given(record, source, wanted, now)
        hits += [hit for hit in found if hit[1].removesuffix(" (given)") not in named]
    if not hits and any(not o.identified for o in drafts):
        why = "a draft order names no drug that can be read"
        return Fact(name, NotKnown("draftOrders", why), why)
    return _concluded(name, hits, (record.medications,) if "active" in source.which else ())


def _active(record: Record, source: MedicationSource, wanted: set[str]) -> list[MedicationOrder]:
    return [
        o
        for o in record.medications.items
        if o.kind is OrderKind.ACTIVE and _matches(o, source, wanted)
    ]


def _drafts(record: Record, source: MedicationSource) -> tuple[MedicationOrder, ...]:
    """Every draft, or only those the hook is about."""
    if "draft" in source.which:
        return record.drafts
    return tuple(o for o in record.drafts if o.selected) if "selected" in source.which else ()


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
    return _concluded(name, long, (listing,))


def _earliest(order: MedicationOrder) -> datetime | None:
    return min((at for at in (order.start, order.authored) if at), default=None)


def _matches(order: MedicationOrder, source: MedicationSource, wanted: set[str]) -> bool:
    named = {item.name for item in order.substances} | order.roles
    return bool(named & wanted) and order.systemic and _route_fits(source, order.parenteral)


def _route_fits(source: MedicationSource, parenteral: bool | None) -> bool:
    """An unknown route counts as parenteral: the safe reading of a stop."""
    if source.parenteral is None:
        return True
    return (parenteral is not False) if source.parenteral else (parenteral is False)


def _given(record: Record, source: MedicationSource, wanted: set[str], now: datetime) -> Found:
    # R10: administrations not known are no stop; the card says so, hence no gap from this list.
    found: Found = []
    for item in record.administrations.items:
        named = {s.name for s in item.substances} | {r for s in item.substances for r in s.roles}
        when = item.end or item.start
        if (
            named & wanted
            and _route_fits(source, item.parenteral)
            and (
                # A dose at a time nobody wrote down may have been given just now.
                when is None or timedelta(0) <= now - when <= GIVEN_WITHIN or not item.completed
            )
        ):
            found.append((item.source, f"{item.name} (given)"))
    return found


def _lab_orders(record: Record, source: LabOrderSource, now: datetime) -> Found:
    wanted = set(source.loincs)
    drafted = [(o.source, "drafted") for o in record.draft_lab_orders if o.loincs & wanted]
    ordered = [
        (o.source, "ordered")
        for o in record.lab_orders.items
        if o.loincs & wanted and (o.authored is None or now - o.authored <= source.within)
    ]
    return drafted + ordered
