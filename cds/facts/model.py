"""What a fact is: a named answer about one patient, in one of four states (design section 4).

    Value    Measured (a lab, an estimate, a dose), Category (a label), Presence (is it there?)
    Missing  asked, nothing usable; with the reason and what was set aside
    NotKnown the question could not be asked (key not supplied, fetch failed, list truncated)
    Nothing  there is no such thing (no selected order, no set-aside result)

A fact carries its explanation: cards, trace and audit print the same object (law 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from cds.kernel.quantity import Quantity


class Reason(Enum):
    """Why a result or a fact cannot be used. The value is the word shown to the reader."""

    __hash__ = object.__hash__  # members are themselves and nothing else: no need of Python

    NONE_FOUND = "none found"
    STALE = "stale"
    PRELIMINARY = "preliminary"
    HAEMOLYSED = "haemolysed"
    UNIT = "unit not understood"
    COMPARATOR = "comparator not understood"
    WRONG_SPECIMEN = "wrong specimen"
    IMPLAUSIBLE = "implausible value"
    FUTURE = "dated in the future"
    NO_TIME = "no readable time"
    NO_VALUE = "no numeric value"
    DOSE_UNCLEAR = "dose unclear"
    AGE_OR_SEX = "age or sex unknown"
    NOT_APPLICABLE = "not applicable"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One source a fact rests on: the resource, what it says, and when."""

    source: str  # relative reference, e.g. "Observation/mg-1"
    text: str
    when: datetime | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A quantity. `as_received` is the text a reader of the chart would see, unit included."""

    quantity: Quantity
    as_received: str
    when: datetime | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Category:
    """One label of a closed set. Several labels = the fact is one of them, undecided."""

    labels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Presence:
    """Present or absent; `names` says what was found, in display words, most relevant first."""

    present: bool
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """Asked, nothing usable. `face` is the newest unusable value, if any, as the chart shows it."""

    reason: Reason
    face: str = ""
    when: datetime | None = None


@dataclass(frozen=True, slots=True)
class NotKnown:
    """Could not be asked. `key` is the prefetch key that was not there or not complete."""

    key: str
    why: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is no such thing: no set-aside result, no such order."""

    why: str = ""


State = Measured | Category | Presence | Missing | NotKnown | Nothing


@dataclass(frozen=True, slots=True)
class Fact:
    """A named answer with its explanation (one sentence or more) and its sources."""

    name: str
    state: State
    explained: str
    evidence: tuple[Evidence, ...] = ()


def category(name: str, label: str, explained: str, evidence: tuple[Evidence, ...] = ()) -> Fact:
    """A decided category fact."""
    return Fact(name, Category(frozenset({label})), explained, evidence)


def presence(
    name: str,
    present: bool,
    explained: str,
    names: tuple[str, ...] = (),
    evidence: tuple[Evidence, ...] = (),
) -> Fact:
    """A decided presence fact."""
    return Fact(name, Presence(present, names), explained, evidence)
