"""The shape of rule files and shared files (pydantic), checked before their meaning is.

Every scalar arrives as text; quantities and times are read by `words`. The JSON schema for
editors is generated from these models.
"""

from __future__ import annotations

import datetime as dt
import difflib
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cds.errors import Problem
from cds.rulebook.source import Source

ClauseData = dict[str, Any]
T = TypeVar("T", bound="Strict")


class Strict(BaseModel):
    """No unknown words anywhere."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class CitationData(Strict):
    """A source document."""

    title: str
    url: str = ""
    standing: Literal["label", "guideline", "review", "design", "weak"]


class ShorterData(Strict):
    """A shorter outpatient window while a problem is active."""

    problem: str
    outpatient: str


class WindowData(Strict):
    """How old a result may be."""

    inpatient: str
    outpatient: str
    why: str
    cite: list[str] = Field(min_length=1)
    shorter_when: ShorterData | None = None


class ThresholdData(Strict):
    """A constant, one value per unit."""

    of: str
    value: list[str] = Field(min_length=1)
    why: str
    cite: list[str] = Field(min_length=1)


class ContestedData(Strict):
    """Where the laboratory's own limit and ours disagree."""

    label: str
    threshold: str
    by: str


class BandData(Strict):
    """A partition of a lab by thresholds."""

    of: str
    steps: list[str] = Field(min_length=3)
    contested: ContestedData | None = None


class TableData(Strict):
    """A complete table of doses."""

    by: list[str] = Field(min_length=1, max_length=2)
    of: str
    unit: str
    why: str
    cite: list[str] = Field(min_length=1)
    rows: dict[str, Any]


class DefineData(Strict):
    """A named clause. `means` says it to a reader of the book, in half a sentence; `say` is the
    sentence a card prints for it."""

    means: str = Field(default="", pattern=r"^[^{}]*$")
    when: ClauseData
    say: str = ""


class DoseData(Strict):
    """How much, how fast."""

    table: str
    rate: str | None = None
    over: str | None = None


class TotalData(Strict):
    """`fact` + dose must not exceed the threshold `at_most`."""

    fact: str
    at_most: str


class SuggestionData(Strict):
    """What a card may offer."""

    label: str
    create: str | None = None
    update: Literal["order"] | None = None
    delete: Literal["order"] | None = None
    dose: DoseData | None = None
    if_: ClauseData | None = Field(default=None, alias="if")
    unless: list[str] = []
    duplicate_of: str | None = None
    total: TotalData | None = None


class NoteData(Strict):
    """A conditional sentence."""

    if_: ClauseData | None = Field(default=None, alias="if")
    say: str
    unknown: str = ""


class LevelData(Strict):
    """One row of the decision table."""

    row: str
    indicator: Literal["info", "warning", "critical"]
    when: ClauseData
    critical_when: ClauseData | None = None
    info_when: ClauseData | None = None
    info_summary: str = ""
    summary: str
    detail: list[str] = []
    suggest: list[str] = []
    notes: list[NoteData] = []
    cite: list[str] = []
    alone: bool = False


class ForEachData(Strict):
    """Judge once per selected order with one of these roles."""

    order: list[str] = Field(min_length=1)
    which: Literal["selected"]


class RepeatData(Strict):
    """Fatigue policy."""

    after: str
    unless: ClauseData | None = None


class ReviewData(Strict):
    """Who signed off, and until when."""

    by: str
    date: dt.date
    due: dt.date


class CaseData(Strict):
    """An embedded test patient."""

    name: str
    given: dict[str, str] = {}
    expect: Literal["fires", "silent", "cannot-tell"]
    row: str | None = None
    indicator: Literal["info", "warning", "critical"] | None = None
    suggests: list[str] | None = None
    because: list[str] = []
    summary: str = ""
    detail: list[str] = []
    says: list[str] | None = None
    withheld: dict[str, list[str]] | None = None
    dose: dict[str, str] = {}
    alone: bool | None = None
    otherwise: Literal["", "not known"] = ""
    role: str | None = None


class ReasonData(Strict):
    """An override reason."""

    system: str
    display: str


class SharedFile(Strict):
    """Numbers and definitions that several rules need stand once."""

    citations: dict[str, CitationData] = {}
    windows: dict[str, WindowData] = {}
    facts: dict[str, dict[str, Any]] = {}
    thresholds: dict[str, ThresholdData] = {}
    bands: dict[str, BandData] = {}
    tables: dict[str, TableData] = {}
    define: dict[str, DefineData] = {}
    suggestions: dict[str, SuggestionData] = {}
    override_reasons: dict[str, ReasonData] = {}
    defence_in_depth: dict[str, str] = {}


class RuleFile(Strict):
    """One rule."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    family: Literal[
        "hypomagnesemia",
        "refractory-hypokalemia",
        "renal-dose-caution",
        "potassium-safety",
        "qt-and-interactions",
        "data-quality",
    ]
    title: str
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    status: Literal["draft", "silent", "active", "retired"]
    owner: str
    reviewed: ReviewData
    hooks: list[Literal["order-select", "order-sign", "patient-view", "encounter-discharge"]] = (
        Field(min_length=1)
    )
    use: list[str]
    purpose: str
    cite: list[str] = Field(min_length=1)
    for_each: ForEachData | None = None
    levels: list[LevelData] = Field(min_length=1)
    unless: ClauseData | None = None
    suggestions: dict[str, SuggestionData] = {}
    notes: list[NoteData] = []
    repeat: RepeatData | None = None
    override_reasons: list[str] = []
    known_false_alarms: list[str] = []
    defence_in_depth: dict[str, str] = {}
    cases: list[CaseData] = []


def suggest(word: str, known: list[str] | tuple[str, ...]) -> str:
    """`Did you mean ...?`, or ""."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"Did you mean `{close[0]}`?" if close else ""


def check_shape(model: type[T], source: Source, problems: list[Problem]) -> T | None:
    """The file as a model, or None with every problem of shape appended."""
    try:
        return model.model_validate(source.data)
    except ValidationError as error:
        for item in error.errors():
            path = tuple(part for part in item["loc"] if part != "if_")
            problems.append(source.problem(path, *_message(model, item)))
        return None


def _message(model: type[Strict], item: Any) -> tuple[str, str]:
    word = str(item["loc"][-1]) if item["loc"] else ""
    if item["type"] == "extra_forbidden":
        return f"`{word}` is not a word of the rule language here.", suggest(
            word, sorted(_words(model))
        )
    if item["type"] == "missing":
        return f"`{word}` is missing here.", ""
    return f"`{word}`: {item['msg'][:1].lower()}{item['msg'][1:]}.", ""


def _words(model: type[Strict]) -> set[str]:
    schema = model.model_json_schema(by_alias=True)
    shapes = [schema, *schema.get("$defs", {}).values()]
    return {name for shape in shapes for name in shape.get("properties", {})}
