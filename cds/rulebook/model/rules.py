"""Rules and the rulebook."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from cds.facts.terminology import Terminology
from cds.rulebook.model.actions import OrderTemplate, OverrideReason, Suggestion, Table
from cds.rulebook.model.base import Citation, Indicator, Remembers, Threshold, Where, Window
from cds.rulebook.model.clauses import Clause, Definition
from cds.rulebook.model.sources import FactSpec


@dataclass(frozen=True, slots=True)
class Note:
    """A conditional sentence. `unknown` is said instead when the clause cannot be told."""

    if_: Clause | None
    say: str
    unknown: str
    where: Where


@dataclass(frozen=True, slots=True)
class Level(Remembers):
    """One row of the decision table inside a rule."""

    row: str
    indicator: Indicator
    when: Clause
    summary: str
    detail: tuple[str, ...]
    suggest: tuple[str, ...]
    where: Where
    critical_when: Clause | None = None
    info_when: Clause | None = None
    info_summary: str = ""  # instead of `summary` while `info_when` holds
    notes: tuple[Note, ...] = ()
    cite: tuple[str, ...] = ()
    alone: bool = False  # shown only where no other card is


@dataclass(frozen=True, slots=True)
class ForEach:
    """Judge the rule once per order with one of these roles (`which`: selected)."""

    roles: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """How long a card stays away once it was overridden for a reason, and what brings it back
    earlier (`engine/repeat`)."""

    after: timedelta
    unless: Clause | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """An embedded test patient: `given` facts, the expected outcome."""

    name: str
    given: Mapping[str, str]
    expect: Literal["fires", "silent", "cannot-tell"]
    where: Where
    row: str | None = None
    indicator: str | None = None
    suggests: tuple[str, ...] | None = None
    because: tuple[str, ...] = ()
    summary: str = ""  # a part of the headline
    detail: tuple[str, ...] = ()  # parts of sentences of the card
    says: tuple[str, ...] | None = None  # one fragment of each conditional sentence of the card
    withheld: Mapping[str, tuple[str, ...]] | None = None  # suggestion -> codes of its reasons
    dose: Mapping[str, str] = field(default_factory=dict)  # suggestion -> `4 g over 4 h`
    alone: bool | None = None
    otherwise: Literal["", "not known"] = ""  # what facts are that `given` does not name
    role: str | None = None  # the one role of the order, for a rule about one order


@dataclass(frozen=True, slots=True)
class Excuse:
    """A guard that is redundant on purpose: `change` names the mutant that no test notices."""

    change: str
    reason: str
    where: Where


@dataclass(frozen=True, slots=True)
class Review:
    """Who reviewed the rule; `by: pending` = nobody yet."""

    by: str
    date: dt.date
    due: dt.date


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule file."""

    id: str
    family: str
    title: str
    version: str
    status: Literal["draft", "silent", "active", "retired"]
    owner: str
    reviewed: Review
    hooks: tuple[str, ...]
    purpose: str
    levels: tuple[Level, ...]
    suggestions: Mapping[str, Suggestion]
    where: Where
    for_each: ForEach | None = None
    unless: Clause | None = None
    notes: tuple[Note, ...] = ()
    repeat: Repeat | None = None
    override_reasons: tuple[str, ...] = ()
    known_false_alarms: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()
    cite: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rulebook(Remembers):
    """Everything that decides, content-addressed: equal `digest` = equal decisions."""

    rules: tuple[Rule, ...]
    facts: Mapping[str, FactSpec]
    thresholds: Mapping[str, Threshold]
    windows: Mapping[str, Window]
    definitions: Mapping[str, Definition]
    tables: Mapping[str, Table]
    templates: Mapping[str, OrderTemplate]
    citations: Mapping[str, Citation]
    override_reasons: Mapping[str, OverrideReason]
    terminology: Terminology
    digest: str
    site: str = ""
    accepted: Mapping[str, str] = field(default_factory=dict)  # rule id -> who accepted it, when
    case_defaults: Mapping[str, str] = field(default_factory=dict)  # facts a case leaves out
    excuses: tuple[Excuse, ...] = ()  # `defence_in_depth` of all files
