"""FHIR date, dateTime and instant texts as moments; tolerant, and never an exception.

What the text did not say (zone, time of day) is said in `flags`: a moment is never silently more
exact than its source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from functools import lru_cache

from cds.chart.clock import Clock

NO_ZONE = "time zone not stated, read as UTC"
NO_TIME_OF_DAY = "time of day not stated, read as start of day"
NO_DAY = "day not stated"

_TEXT = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?"
    r"\s?([Zz]|[+-]\d\d(?::?\d\d)?)?)?)?)?"
)


# What nearly every system sends; other ways of writing a moment are read part by part.
_USUAL = re.compile(
    r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3}(?:\d{3})?)?"
    r"(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_LONGEST = 40  # characters of a text that is remembered


class Precision(Enum):
    """The smallest part the text stated."""

    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class Moment:
    """An aware datetime and how far it may be trusted; `at` is None when nothing was readable.

    `key` is the `sortable` text of it.
    """

    at: datetime | None = None
    precision: Precision = Precision.INSTANT
    flags: tuple[str, ...] = ()
    key: str = field(default="", compare=False)


NOWHEN = Moment()


def read_moment(text: object) -> Moment:
    """The moment a FHIR date, dateTime or instant names.

    Minutes without seconds are accepted; without a zone UTC is assumed and flagged; a date is the
    start of that day (UTC), a month or year the start of it, all flagged. Anything else: `NOWHEN`.
    """
    if not isinstance(text, str):
        return NOWHEN
    return _remembered(text) if len(text) <= _LONGEST else _read(text)


def _read(text: str) -> Moment:
    try:
        if _USUAL.fullmatch(text):
            return _at(datetime.fromisoformat(text))
        match = _TEXT.fullmatch(text.strip())
        return _moment(match) if match is not None else NOWHEN
    except (ValueError, OverflowError):  # 30 February, year 0, or an offset past the calendar
        return NOWHEN


_remembered = lru_cache(maxsize=4096)(_read)  # one chart names the same few moments again and again


def _at(
    at: datetime, precision: Precision = Precision.INSTANT, flags: tuple[str, ...] = ()
) -> Moment:
    """An offset that leaves the calendar fails here, not in a later comparison."""
    return Moment(at, precision, flags, sortable(at))


def _moment(match: re.Match[str]) -> Moment:
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    date = datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
    if day is None:
        precision = Precision.YEAR if month is None else Precision.MONTH
        return _at(date, precision, (NO_DAY,))
    if hour is None:
        return _at(date, Precision.DAY, (NO_TIME_OF_DAY,))
    at = date.replace(
        hour=int(hour),
        minute=int(minute),
        second=59 if second == "60" else int(second or 0),  # a leap second
        microsecond=int(((fraction or "0") + "00000")[:6]),
        tzinfo=_zone(zone),
    )
    return _at(at, flags=() if zone else (NO_ZONE,))


def _zone(text: str | None) -> timezone:
    if not text or text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:]) if len(text) > 3 else 0
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def sortable(at: datetime | None) -> str:
    """A fixed-width UTC text that sorts as the moments do; "" (first) for none."""
    return at.astimezone(UTC).isoformat(timespec="microseconds") if at else ""


def event_time(text: object, clock: Clock) -> datetime | None:
    """When something began, for windows such as "infarction within 28 days".

    A date is the start of that day. A bare month or year that is over is the start of its last
    day (the latest it can have been); one that is not over says too little and gives None, so
    that the event counts as undated instead of as old.
    """
    moment = read_moment(text)
    if moment.at is None or moment.precision in (Precision.INSTANT, Precision.DAY):
        return moment.at
    try:
        after = _next(moment.at, moment.precision)
    except ValueError:  # the year 9999
        return None
    return after - timedelta(days=1) if clock.reached(after) else None


def _next(at: datetime, precision: Precision) -> datetime:
    if precision is Precision.YEAR or at.month == 12:
        return at.replace(year=at.year + 1, month=1)
    return at.replace(month=at.month + 1)
