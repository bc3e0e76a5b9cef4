"""Which names does a clause use? The book, the linter and the proofs rely on it."""

from __future__ import annotations

from pathlib import Path

import pytest
import rulefiles

from cds.rulebook.model import (
    All,
    AnyOf,
    Between,
    CannotTell,
    Change,
    Clause,
    Compare,
    Holds,
    IsMissing,
    IsPresent,
    ToFact,
    ToQuantity,
    ToTable,
    ToThreshold,
    Where,
)
from cds.rulebook.walk import facts_in, holds_in, nodes, operands, thresholds_in
from tests.unit.facts.standin import Analyte, quantity

HERE, THERE = Where("a.yaml", 1), Where("a.yaml", 2)
ONE = ToQuantity(quantity(Analyte.MAGNESIUM, "1.0 mg/dL"))
BY = quantity(Analyte.POTASSIUM, "0.3 mmol/L")

USED: list[tuple[Clause, str, str, str]] = [
    # clause                                                        definitions facts thresholds
    (Compare("magnesium", "below", ToThreshold("mg_low"), HERE),    "", "magnesium", "mg_low"),
    (Compare("magnesium", "below", ToFact("limit"), HERE),          "", "magnesium limit", ""),
    (Compare("magnesium", "below", ONE, HERE),                      "", "magnesium", ""),
    (Compare("dose", "above", ToTable("allowed"), HERE),            "", "dose", ""),
    (Between("magnesium", ToThreshold("low"), ToThreshold("high"), HERE),
                                                                    "", "magnesium", "low high"),
    (Between("magnesium", ToFact("limit"), ToThreshold("high"), HERE),
                                                                    "", "magnesium limit", "high"),
    (IsPresent("torsades", True, HERE),                             "", "torsades", ""),
    (IsMissing("magnesium", frozenset(), HERE),                     "", "magnesium", ""),
    (Change("potassium", "falling", BY, HERE),                      "", "potassium", ""),
    (Holds("child", False, HERE),                                   "child", "", ""),
    (CannotTell("child", HERE),                                     "child", "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("clause", "definitions", "facts", "thresholds"), USED)
def test_a_clause_names_what_it_uses(
    clause: Clause, definitions: str, facts: str, thresholds: str
) -> None:
    assert [name for name, _ in holds_in(clause)] == definitions.split()
    assert list(facts_in(clause)) == facts.split()
    assert list(thresholds_in(clause)) == thresholds.split()
    assert list(nodes(clause)) == [clause]


def test_groups_are_walked_from_top_to_bottom() -> None:
    below = Compare("magnesium", "below", ToThreshold("mg_low"), HERE)
    child, adult = Holds("child", False, HERE), Holds("adult", True, THERE)
    inner = AnyOf((below, child), HERE)
    tree = All((inner, adult), HERE)
    assert list(nodes(tree)) == [tree, inner, below, child, adult]
    assert list(holds_in(tree)) == [("child", HERE), ("adult", THERE)]
    assert list(facts_in(tree)) == ["magnesium"]
    assert list(thresholds_in(tree)) == ["mg_low"]
    assert operands(tree) == ()


def test_definitions_are_named_but_not_followed(tmp_path: Path) -> None:
    book = rulefiles.load(tmp_path)
    (rule,) = book.rules
    assert list(facts_in(rule.levels[0].when)) == []
    assert [name for name, _ in holds_in(rule.levels[0].when)] == ["low_magnesium"]
    assert list(facts_in(book.definitions["low_magnesium"].clause)) == ["mg_class"]
