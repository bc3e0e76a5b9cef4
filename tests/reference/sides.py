"""The evaluators that are compared: the same rules, the same patient, one form of answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from naive import Naive

from cds.engine.decide import judge_rule
from cds.engine.decision import Decision, Offer
from cds.facts.derived.registry import DERIVED
from cds.given import stated
from cds.kernel.units import UNITS, Analyte, factor
from cds.prove.fixed import Translation
from cds.rulebook.model import Rulebook
from cds.trial.given import defaults, facts_with, order_with

Data = dict[str, Any]
Given = dict[str, str]
SECTIONS = ("facts", "thresholds", "bands", "tables", "define", "suggestions")


class Answer(NamedTuple):
    """What is compared. `offers`: suggestion -> its dose in the canonical unit, None for a test.

    `withheld` is None for an evaluator that does not tell withheld from left out.
    """

    outcome: str
    level: int | None
    indicator: str | None
    offers: Mapping[str, Decimal | None]
    withheld: frozenset[str] | None

    def agrees(self, other: Answer) -> bool:
        told = self.withheld is not None and other.withheld is not None
        return self[:4] == other[:4] and (not told or self.withheld == other.withheld)


@dataclass(frozen=True)
class Rules:
    """Rules as data and as the engine holds them."""

    shared: Data
    rules: Mapping[str, Data]
    book: Rulebook

    @classmethod
    def of(cls, shared_files: Iterable[Data], rule_files: Iterable[Data], book: Rulebook) -> Rules:
        """From the data of the files, beside what the loader made of them."""
        shared: Data = {name: {} for name in SECTIONS}
        for file in shared_files:
            for name in SECTIONS:
                shared[name] |= file.get(name, {})
        shared["facts"] = {name: with_kind(fact) for name, fact in shared["facts"].items()}
        return cls(shared, {file["id"]: file for file in rule_files}, book)

    @cached_property
    def defaults(self) -> Mapping[str, Any]:
        return defaults(self.book)


Evaluator = Callable[[Rules, str, Given], Answer]


def plain(path: Path) -> Data:
    """A YAML file as dicts, lists and texts."""
    found: Data = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    return found


def read_rules(directory: Path, book: Rulebook) -> Rules:
    """All rule files of a directory as data, beside the compiled book."""
    files = [plain(path) for path in sorted(directory.glob("*.yaml"))]
    shared = [plain(path) for path in sorted((directory / "shared").glob("*.yaml"))]
    return Rules.of(shared, [file for file in files if "levels" in file], book)


def with_kind(fact: Data) -> Data:
    """A declaration with what its words do not say: labels, or what a quantity measures.

    For derived facts that stands in code, for the others in the language itself.
    """
    derived = DERIVED.get(fact.get("derived", ""))
    if derived is not None and derived.analyte is not None:
        return {"in_cases": "missing", **fact, "of": derived.analyte.value}
    if derived is not None and derived.kind == "category":
        return {**fact, "labels": list(derived.labels)}
    if fact.get("patient") == "age":
        return {"in_cases": "missing", **fact, "of": "age"}
    labelled = fact.get("patient") == "setting" or fact.get("order") == "route"
    return {**fact, "labels": []} if labelled else fact


def naive(rules: Rules, rule_id: str, given: Given) -> Answer:
    """The naive reading."""
    rule = rules.rules[rule_id]
    outcome, level, indicator, told = Naive(rules.shared, rule, given).judge()
    known = {**rules.shared["suggestions"], **rule.get("suggestions", {})}
    offers = {
        name: None if text == "offered" else _dose(rules, known[name], text)
        for name, text in told.items()
        if text not in ("withheld", "left out")
    }
    withheld = frozenset(name for name, text in told.items() if text == "withheld")
    return Answer(outcome, level, indicator, offers, withheld)


def _dose(rules: Rules, suggestion: Data, text: str) -> Decimal:
    """A cell as the amount of the order: so many grams, or so many tablets of so many mg."""
    number, unit = text.split(" ")
    analyte = Analyte(rules.shared["tables"][suggestion["dose"]["table"]]["of"])
    if analyte is Analyte.FREQUENCY:
        one = rules.book.templates[suggestion["create"]].per_unit
        assert one is not None
        return Decimal(number) * one.value
    return Decimal(number) * factor(analyte, unit) / factor(analyte, UNITS[analyte].canonical)


def engine(rules: Rules, rule_id: str, given: Given) -> Answer:
    """The engine, as cases run it."""
    book = rules.book
    rule = next(rule for rule in book.rules if rule.id == rule_id)
    known = {name: stated(book.facts[name], text) for name, text in given.items()}
    facts, order = facts_with(book, {**rules.defaults, **known}), None
    if rule.for_each is not None:
        facts.order = order = order_with(frozenset(rule.for_each.roles))
    return said(judge_rule(rule, facts, order))


def said(decision: Decision) -> Answer:
    """What the engine decided, in the form that is compared."""
    level = len(decision.levels) - 1 if decision.fired is not None else None
    offers = {offer.suggestion.name: _dose_of(offer) for offer in decision.offers}
    withheld = frozenset(item.suggestion.name for item in decision.withheld)
    return Answer(decision.outcome.value, level, decision.indicator, offers, withheld)


def _dose_of(offer: Offer) -> Decimal | None:
    return None if offer.dose is None else offer.dose.value


def translation(rules: Rules, rule_id: str, given: Given) -> Answer:
    """The translation that the proofs rest on, about this one patient."""
    book = rules.book
    states = {name: stated(book.facts[name], text).state for name, text in given.items()}
    rule = next(rule for rule in book.rules if rule.id == rule_id)
    found = Translation(book, states).answer(rule)
    return Answer(found.outcome, found.level, found.indicator, found.offers or {}, None)
