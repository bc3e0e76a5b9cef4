"""From laboratory results to facts: the newest usable one, the one before, the one set aside.

Usable is decided where the result was read (clinical pack R2); here windows (R4), results of
one draw (R39) and what to say about a value that could not be used (R25) are decided.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from cds.facts.draws import Draw, Results, newness
from cds.facts.model import Evidence, Fact, Missing, NotKnown, Reason, category
from cds.facts.record import LabResult
from cds.facts.show import age_words, analyte_words, both_units, time_words
from cds.kernel.units import Analyte

__all__ = [
    "Draw",
    "LabResult",
    "Results",
    "evidence_of",
    "newest",
    "previous",
    "reason_fact",
    "set_aside",
    "set_aside_words",
]

# How a unit was spelled is for the record; what a value may not mean is for the reader.
_SPELLING = (
    "unit spelled",
    "unit not stated",
    "number sent as text",
    "read from text",
    "the test code",  # said under "Based on": in a sentence it reads as doubt about the value
)
# No reader would call these "the newest result": nothing was measured, it was not this specimen or
# not this quantity, or it is not in the past (safety points 8 and 10). So none of them stands
# before an older result that may be low (R25).
_NEVER_SHOWN = frozenset(
    {
        Reason.NO_VALUE,
        Reason.WRONG_SPECIMEN,
        Reason.NOT_APPLICABLE,
        Reason.FUTURE,
        Reason.NO_TIME,
    }
)
# What `set_aside` may answer: a result without a time is shown only where it is all there is.
SET_ASIDE_REASONS = (
    Reason.STALE,
    Reason.PRELIMINARY,
    Reason.HAEMOLYSED,
    Reason.UNIT,
    Reason.COMPARATOR,
    Reason.IMPLAUSIBLE,
    Reason.NO_TIME,
    Reason.UNREADABLE,
)


def newest(name: str, results: Results, analyte: Analyte, window: timedelta, now: datetime) -> Fact:
    """The newest usable result at most `window` old, or why there is none (R2, R4)."""
    listing = results.listing
    if listing.gap:
        why = f"{analyte_words(analyte)} not known: {listing.gap}"
        return Fact(name, NotKnown(listing.key, listing.gap), why)
    used = results.series(analyte).newest(now)
    if used is not None and now - used.when <= window:
        return _used(name, used, now)
    set_aside = _set_aside_within(results, analyte, window, now)
    if set_aside is not None:
        return _missing(name, set_aside, set_aside.set_aside or Reason.NO_VALUE, now)
    if used is not None:
        return _missing(name, used.results[0], Reason.STALE, now, used)
    return _nothing_usable(name, results, analyte, now)


def previous(results: Results, analyte: Analyte, before: datetime) -> Draw | None:
    """The usable value drawn before the one in use (`before` = when that one was drawn)."""
    return results.series(analyte).before(before)


def set_aside(
    results: Results,
    analyte: Analyte,
    window: timedelta,
    within: timedelta,
    newer_than_used: bool,
    now: datetime,
) -> tuple[LabResult, Reason] | None:
    """The newest result that could not be used, at most `within` old, and why (R25).

    A usable result older than `window` counts as stale. With `newer_than_used` the answer is
    None when a usable value of the same draw or of a later one is there.
    """
    since, stale = now - within, now - window
    unused = (
        item
        for item in results.in_force(analyte)
        if item.effective is not None
        and since <= item.effective <= now
        and (item.set_aside is not None or item.effective < stale)
        and item.set_aside not in _NEVER_SHOWN
    )
    top = max(unused, key=newness, default=None)
    used = results.series(analyte).newest(now)
    if used is not None and used.when < stale:
        used = None
    if top is None or top.effective is None:
        return _undated(results, analyte) if used is None else None
    if newer_than_used and used is not None and used.when >= top.effective:
        return None
    return top, top.set_aside or Reason.STALE


def _undated(results: Results, analyte: Analyte) -> tuple[LabResult, Reason] | None:
    """A value whose time cannot be read, where it is all there is: it may be of today."""
    for item in results.of(analyte):
        undated = item.set_aside is Reason.NO_TIME and item.quantity is not None
        unread = item.set_aside is Reason.UNREADABLE and item.effective is None
        if item.set_aside is not None and (undated or unread):
            return item, item.set_aside
    return None


def set_aside_words(item: LabResult, reason: Reason, now: datetime) -> str:
    """Value, time and reason of a result that could not be used, as one clause (R25)."""
    face = both_units(item.quantity, item.face) if item.quantity else item.face
    return _cannot_use(item, face, reason, now)


def evidence_of(item: LabResult) -> tuple[Evidence, ...]:
    """The one Observation, as evidence."""
    return (Evidence(item.source, item.face, item.effective),)


def reason_fact(
    name: str, reason: Reason, explained: str, evidence: tuple[Evidence, ...] = ()
) -> Fact:
    """Why a result was set aside, as a label: the kebab-case name of the reason."""
    return category(name, reason.name.lower().replace("_", "-"), explained, evidence)


def _used(name: str, draw: Draw, now: datetime) -> Fact:
    what = f"{analyte_words(draw.quantity.analyte)} {draw.words}"
    words = f"{what}, {draw.drawn}, {age_words(now, draw.when)} ago"
    told = [flag for flag in draw.flags if not flag.startswith(_SPELLING)]
    return Fact(
        name, draw.measured, f"{words} ({'; '.join(told)})" if told else words, draw.evidence
    )


def _set_aside_within(
    results: Results, analyte: Analyte, window: timedelta, now: datetime
) -> LabResult | None:
    items = (
        item
        for item in results.of(analyte)
        if item.set_aside is not None
        and item.set_aside is not Reason.NO_VALUE
        and item.effective is not None
        and now - window <= item.effective
    )
    return max(items, key=newness, default=None)


def _missing(
    name: str, item: LabResult, reason: Reason, now: datetime, draw: Draw | None = None
) -> Fact:
    face = draw.face if draw else item.face
    evidence = draw.evidence if draw else evidence_of(item)
    words = _cannot_use(item, face, reason, now)
    return Fact(name, Missing(reason, face, item.effective), words, evidence)


def _cannot_use(item: LabResult, face: str, reason: Reason, now: datetime) -> str:
    what, when = f"{analyte_words(item.analyte)} {face}".rstrip(), item.effective
    if when is None or when > now:
        return f"{what} cannot be used: {reason.value}"
    drawn = f"drawn {time_words(when)}, {age_words(now, when)} ago"
    return f"{what}, {drawn}, cannot be used: {reason.value}"


def _nothing_usable(name: str, results: Results, analyte: Analyte, now: datetime) -> Fact:
    """Nothing usable was ever drawn: name an undated or empty result if that is all there is."""
    for reason in (Reason.NO_TIME, Reason.NO_VALUE):
        item = next((i for i in results.of(analyte) if i.set_aside is reason), None)
        if item is not None:
            return _missing(name, item, reason, now)
    words = f"no usable {analyte_words(analyte)} result was found"
    return Fact(name, Missing(Reason.NONE_FOUND), words)
