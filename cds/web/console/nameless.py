"""Sentences about a patient without what says who, and when.

A record holds no names (`cds/audit/entry.py`). It does hold names of resources, pseudonyms and
moments, and sentences quote some of them. Here a moment becomes a span before the decision, and
whatever names a resource, a person, a call or an order goes. Only what the rule files say
themselves is left alone, since it is about nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from cds.audit.kept import Entry
from cds.facts.show import span_words

_LONG_AGO = timedelta(days=730)  # beyond it a span in days would tell a date, as that of birth
_ID = "(id)"
_DATE = "(date)"
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"

_SPAN = r"\d+ (?:min|h|days)"
_MOMENT = re.compile(
    r"(?P<at>\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)"
    r"(?P<zone> ?UTC\b|Z\b| ?[+-]\d\d:?\d\d)?"
    rf"(?:, (?P<ago>{_SPAN}) ago)?"
)
_DAY = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_AGO = re.compile(rf"\b({_SPAN}) ago\b")
_OTHER_DATES = re.compile(
    r"\b(?:19|20)\d\d-(?:0[1-9]|1[0-2])\b(?!-)"
    r"|\b(?:19|20)\d\d[/.]\d{1,2}[/.]\d{1,2}\b"
    r"|\b\d{1,2}[/.-]\d{1,2}[/.-](?:19|20)\d\d\b"
    rf"|\b\d{{1,2}}\.? (?:{_MONTHS})[a-z]*\.?,? (?:19|20)\d\d\b"
    rf"|\b(?:{_MONTHS})[a-z]*\.? \d{{1,2}}(?:st|nd|rd|th)?,? (?:19|20)\d\d\b",
    re.IGNORECASE,
)
_WORDS = {
    "Observation": "a result",
    "MedicationRequest": "an order",
    "MedicationAdministration": "an administration",
    "MedicationStatement": "a medication",
    "Medication": "a drug",
    "Condition": "a problem",
    "Procedure": "a procedure",
    "AllergyIntolerance": "an allergy",
    "ServiceRequest": "a laboratory order",
    "Encounter": "the encounter",
    "Patient": "the patient",
    "Practitioner": "a clinician",
    "PractitionerRole": "a clinician",
    "RelatedPerson": "a person",
    "Person": "a person",
    "Organization": "an organization",
    "Location": "a place",
    "Specimen": "a specimen",
    "DiagnosticReport": "a report",
    "Device": "a device",
}
_TYPES = "|".join(sorted(_WORDS, key=len, reverse=True))
_REFERENCE = re.compile(rf"(?:https?://\S*/)?\b({_TYPES})/[A-Za-z0-9._:-]*[A-Za-z0-9]")
_MACHINE = re.compile(
    r"\bhmac:[0-9a-f]+|\burn:(?:uuid|oid):\S+"
    r"|\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b",
    re.IGNORECASE,
)
# A word or a number may be an id too; taken out wherever it stands it would spoil sentences, and
# tells nothing there.
_FOR_CERTAIN = re.compile(r"(?=.*[A-Za-z])(?=.*[0-9])[A-Za-z0-9._:-]{4,}")


class Nameless:
    """Rewrites the sentences of one record."""

    def __init__(
        self, entry: Entry, body: Mapping[str, Any], now: datetime, ours: Iterable[str]
    ) -> None:
        """`now` is the moment that was decided for, `ours` lines of the rule files that are left
        as they are."""
        self._now = now
        names = sorted(set(_names(entry, body)), key=len, reverse=True)
        self._names = _either(names, r"(?<![A-Za-z0-9])(?:{})(?![A-Za-z0-9])")
        # The longer first: one may be the beginning of another.
        self._ours = _either(sorted(set(ours), key=len, reverse=True), "({})")

    def text(self, words: str) -> str:
        """The sentences without identifiers; moments are told from the decision."""
        if self._ours is None:
            return self._rewritten(words)
        parts = self._ours.split(words)  # what is ours stands at every other place
        return "".join(x if at % 2 else self._rewritten(x) for at, x in enumerate(parts))

    def lines(self, found: Iterable[str]) -> tuple[str, ...]:
        """Each of them."""
        return tuple(self.text(line) for line in found)

    def span(self, when: datetime) -> str:
        """A moment: `3 h before the decision`."""
        return self._from(when - self._now)

    def _rewritten(self, words: str) -> str:
        words = _REFERENCE.sub(lambda found: _WORDS[found[1]], words)
        words = _MACHINE.sub(_ID, words)
        if self._names is not None:
            words = self._names.sub(_ID, words)
        words = _MOMENT.sub(self._moment, words)
        words = _DAY.sub(self._day, words)
        words = _AGO.sub(r"\1 before the decision", words)
        return _OTHER_DATES.sub(_DATE, words)

    def _moment(self, found: re.Match[str]) -> str:
        if found["ago"]:
            return f"{found['ago']} before the decision"
        zone = (found["zone"] or "").strip().replace("UTC", "+00:00").replace("Z", "+00:00")
        try:
            when = datetime.fromisoformat(found["at"] + zone)
        except ValueError:
            return _DATE
        if when.tzinfo is None:  # whose clock is not told; a day is all that can be said
            return self._of_day(when.date())
        return self.span(when)

    def _day(self, found: re.Match[str]) -> str:
        try:
            return self._of_day(date.fromisoformat(found[0]))
        except ValueError:
            return _DATE

    def _of_day(self, day: date) -> str:
        apart = day - self._now.date()
        return self._from(apart) if apart else "the day of the decision"

    def _from(self, apart: timedelta) -> str:
        side = "after" if apart > timedelta() else "before"
        if abs(apart) > _LONG_AGO:
            return f"more than 2 years {side} the decision"
        return f"{span_words(abs(apart))} {side} the decision"


def _either(names: list[str], pattern: str) -> re.Pattern[str] | None:
    return re.compile(pattern.format("|".join(map(re.escape, names)))) if names else None


def _names(entry: Entry, body: Mapping[str, Any]) -> Iterator[str]:
    """Whatever names this call, its patient or what is charted, where it can be taken for nothing
    else."""
    named = [entry.id, entry.patient, entry.client]
    named += [str(body.get(key) or "") for key in ("encounter", "hook_instance")]
    for key in ("record", "facts", "rules"):
        named += _references(body.get(key))
    for name in named:
        for part in {name, name.rpartition("/")[2]}:
            if _FOR_CERTAIN.fullmatch(part):
                yield part


def _references(tree: Any) -> Iterator[str]:
    """Names of resources, wherever they are kept."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == "source" and isinstance(value, str):
                yield value
            elif key == "also" and isinstance(value, list):
                yield from map(str, value)
            else:
                yield from _references(value)
    elif isinstance(tree, list):
        for item in tree:
            yield from _references(item)
