"""Moving the dates of a record in time, so that a synthetic patient never goes stale.

All dates move by the same span: ages and intervals stay what they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Shift:
    """How far instants and full dates move."""

    span: timedelta
    days: timedelta

    def moved(self, value: Any) -> Any:
        """A JSON tree with every full date and instant moved; what only looks like one stays."""
        if isinstance(value, dict):
            return {key: self.moved(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.moved(item) for item in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, value: str) -> str:
        try:
            if _DATE.fullmatch(value):
                return (date.fromisoformat(value) + self.days).isoformat()
            if _INSTANT.fullmatch(value):
                moment = (datetime.fromisoformat(value) + self.span).isoformat()
                return moment.removesuffix("+00:00") + "Z" if value.endswith("Z") else moment
        except (ValueError, OverflowError):  # 30 February, or past the end of the calendar
            pass
        return value


def shift(was: datetime, now: datetime) -> Shift:
    """From dates that lie around `was` to dates around `now` (both aware), to the second."""
    later = now.astimezone(UTC).replace(microsecond=0)
    return Shift(later - was, later.date() - was.astimezone(UTC).date())
