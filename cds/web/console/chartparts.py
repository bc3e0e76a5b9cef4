"""Small tolerant readers for a chart that is only looked at: what is not there is an empty text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as people say it (`3 h ago`) and in full; a day without an hour has no `seconds`."""

    ago: str = ""
    full: str = ""
    seconds: float | None = None


def inside(node: Any, *path: str | int) -> Any:
    """What stands at a path, or None where the tree has another shape."""
    for step in path:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            return None
    return node


def resources(value: Any) -> tuple[dict[str, Any], ...]:
    """The resources of a prefetch value, as far as they are objects."""
    entries = inside(value, "entry")
    found = [inside(entry, "resource") for entry in entries] if isinstance(entries, list) else []
    return tuple(item for item in found if isinstance(item, dict))


def concept_words(concept: Any) -> str:
    """The words of a CodeableConcept."""
    coding = inside(concept, "coding", 0)
    found = inside(concept, "text") or inside(coding, "display") or inside(coding, "code")
    return str(found or "")


def medication(item: dict[str, Any]) -> str:
    """The drug of an order or of a dose given."""
    reference = item.get("medicationReference")
    return (
        concept_words(item.get("medicationCodeableConcept"))
        or str(inside(reference, "display") or inside(reference, "reference") or "")
        or "A drug without a name"
    )


def dosages(item: dict[str, Any]) -> str:
    """The dosage of an order in its own words."""
    lines = item.get("dosageInstruction")
    if not isinstance(lines, list):
        return ""
    return "; ".join(str(inside(line, "text") or "") for line in lines).strip("; ")


def quantity_words(quantity: Any) -> str:
    """`1.0 mg/dL`."""
    value = inside(quantity, "value")
    if value is None:
        return ""
    unit = inside(quantity, "unit") or inside(quantity, "code") or ""
    return f"{inside(quantity, 'comparator') or ''}{value} {unit}".strip()


def number_of(value: Any) -> float | None:
    """A JSON number; a text is none."""
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if good else None


def years(born: str, now: datetime) -> str:
    """The age at `now`, in days and months for the smallest."""
    try:
        day, today = date.fromisoformat(born), now.date()
    except ValueError:
        return "age not known"
    months = (today.year - day.year) * 12 + today.month - day.month - (today.day < day.day)
    if months < 1:
        return f"{(today - day).days} days"
    return f"{months} months" if months < 24 else f"{months // 12} years"


def moment_of(value: Any, now: datetime) -> Moment:
    """A FHIR date or moment; what cannot be read stands as it was sent."""
    if not isinstance(value, str):
        return Moment()
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return Moment("", value)
    if at.tzinfo is None:
        days = (now.date() - at.date()).days
        return Moment("today" if days == 0 else _said(timedelta(days=days)), value)
    return Moment(_said(now - at), f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC", at.timestamp())


def _said(span: timedelta) -> str:
    minutes = abs(span) // timedelta(minutes=1)
    if minutes == 0:
        return "now"
    if minutes < 90:
        words = f"{minutes} min"
    elif minutes < 48 * 60:
        words = f"{round(minutes / 60)} h"
    elif minutes < 730 * 1440:
        words = f"{minutes // 1440} d"
    else:
        words = f"{minutes // (1440 * 365)} years"
    return f"{words} ago" if span > timedelta(0) else f"in {words}"
