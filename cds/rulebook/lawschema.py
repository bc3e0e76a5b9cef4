"""The shape of `rules/laws.yaml` (pydantic), checked before its meaning is."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cds.rulebook.schema import (
    ClauseData,
    DefineData,
    ForEachData,
    Strict,
    TableData,
    ThresholdData,
)


class CardFilterData(Strict):
    """Which cards are meant; a word that is left out means any."""

    rule: list[str] = Field(default_factory=list)
    row: list[str] = Field(default_factory=list)
    indicator: list[Literal["info", "warning", "critical"]] = Field(default_factory=list)


class OfferFilterData(CardFilterData):
    """Which offers are meant; a word that is left out means any."""

    action: list[Literal["create", "update", "delete"]] = Field(default_factory=list)
    ingredient: list[str] = Field(default_factory=list)
    template: list[str] = Field(default_factory=list)
    kind: Literal["drug", "test", "any"] = "any"


class LawFactData(Strict):
    """A fact only laws ask: a number of the offer they look at, or whether a result is exact."""

    offer: Literal["dose", "rate", "duration", "total", ""] = ""
    of: str = ""
    with_: str = Field(default="", alias="with")
    exact: str = ""


class DoubtData(CardFilterData):
    """One fact with several possible labels, and the rules whose cards are meant."""

    fact: str


class LawData(Strict):
    """One law: exactly one of the last five words says what it demands."""

    title: str = Field(min_length=1)
    why: str = Field(min_length=1)
    cite: list[str] = Field(min_length=1)
    hook: Literal["order-select", "order-sign", "patient-view", "encounter-discharge"] = (
        "order-select"
    )
    for_each: ForEachData | None = None
    given: ClauseData | None = None
    each_offer: OfferFilterData | None = None
    vacuous: str = ""
    always: dict[str, Any] | None = None
    never: dict[str, Any] | None = None
    levels_can_fire: list[str] | None = None
    unknown_never_adds: OfferFilterData | None = None
    doubt_never_silences: DoubtData | None = None


class LawFile(Strict):
    """Laws, and the numbers, tables and definitions they state for themselves."""

    facts: dict[str, LawFactData] = Field(default_factory=dict)
    thresholds: dict[str, ThresholdData] = Field(default_factory=dict)
    tables: dict[str, TableData] = Field(default_factory=dict)
    define: dict[str, DefineData] = Field(default_factory=dict)
    laws: dict[str, LawData] = Field(min_length=1)
