"""Mutants of a rule about one order: doses, totals, tables, levels that exclude one another."""

from __future__ import annotations

from typing import Any, cast

import pytest
import rulefiles

from cds.rulebook.model import All, BandSource, IsPresent, Rulebook, Where
from cds.rulebook.mutate import Mutant, mutants
from cds.rulebook.mutate.words import written

SHARED = (
    rulefiles.SHARED.replace(
        "thresholds:\n",
        """
  own_limit: {reference_low: magnesium, between: [1.2 mg/dL, 2.2 mg/dL]}
  total: {derived: magnesium_24h}
  order_dose: {order: dose, of: magnesium_sulfate_dose}
thresholds:
  day_limit: {of: magnesium_sulfate_dose, value: [8 g], why: a day, cite: [paper]}
""".lstrip("\n"),
    )
    .replace(
        "tables:\n",
        """
  own_class:
    of: magnesium
    steps: [low, mg_low, normal]
    contested: {label: borderline, threshold: mg_low, by: own_limit}
tables:
  grams:
    {by: [renal_band], of: magnesium_sulfate_dose, unit: g, why: usual, cite: [paper],
     rows: {full: 4, half: 2, low: 1, hold: none, unknown: none}}
  most:
    {by: [renal_band], of: magnesium_sulfate_dose, unit: g, why: most, cite: [paper],
     rows: {full: 6, half: 3, low: 1, hold: none, unknown: none}}
  nothing:
    {by: [renal_band], of: potassium_dose, unit: meq, why: nothing, cite: [paper],
     rows: {full: none, half: none, low: none, hold: none, unknown: none}}
""".lstrip("\n"),
    )
    .replace(
        "define:\n",
        """
define:
  said_only: {when: {all: [{potassium: present}, {potassium: {below: k_low}}]}}
  asked_too: {when: {all: [{potassium: present}, {potassium: {below: k_low}}]}}
  alone: {when: {any: [{epilepsy: present}]}}
  between: {when: {magnesium: {between: [mg_low, 2.5 mg/dL]}}}
""".lstrip("\n"),
    )
)
RULE = """
id: order-rule
family: renal-dose-caution
title: Order rule
version: 1.0.0
status: active
owner: Test
reviewed: {by: pending, date: 2026-01-01, due: 2027-01-01}
hooks: [order-select]
use: [base]
purpose: a test
cite: [paper]
for_each: {order: [mg-replacement-iv, mg-replacement-oral], which: selected}
levels:
  - row: O1
    indicator: critical
    when: {order_dose: {above: {table: most}}}
    summary: "{order}: too much"
    suggest: [slower, shorter]
  - row: O2
    indicator: warning
    when: {all: [{mg_class: {in: [low, normal]}}, {magnesium: {falling_by: 0.2 mg/dL}}]}
    info_when: {mg_class: {is: normal}}
    summary: falling
  - {row: O3, indicator: warning, when: {mg_class: {is: high}}, summary: high}
  - row: O4
    indicator: info
    when: {all: [{magnesium: missing}, {epilepsy: present}, {not: asked_too}]}
    summary: unknown
  - {row: O5, indicator: info, when: {holds: alone}, summary: epilepsy}
notes:
  - {if: {holds: said_only}, say: potassium is low}
  - {if: {holds: asked_too}, say: potassium is low}
suggestions:
  slower:
    label: "Reduce {order} to {dose} at {rate}"
    update: order
    dose: {table: grams, rate: 1 g/h}
    total: {fact: total, at_most: day_limit}
  shorter: {label: "Reduce {order} to {dose}", update: order, dose: {table: most, over: 4 h}}
cases:
  - {name: too much, given: {order_dose: 8 g}, expect: fires, row: O1}
  - {name: normal, given: {magnesium: 2.0 mg/dL}, expect: silent}
  - {name: falling, given: {magnesium: 1.0 mg/dL}, expect: fires, row: O2}
  - {name: high, given: {magnesium: 3.0 mg/dL}, expect: fires, row: O3}
  - {name: not measured, given: {epilepsy: present}, expect: fires, row: O4}
  - {name: on the list, given: {epilepsy: present}, expect: fires, row: O5}
"""
HERE = Where("rules/order-rule.yaml", 1)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return rulefiles.load(tmp_path_factory.mktemp("orders"), RULE, SHARED)


@pytest.fixture(scope="module")
def found(book: Rulebook) -> dict[str, Mutant]:
    return {item.change: item for item in mutants(book)}


CHANGES = [
    "bands.own_class: borderline removed",
    "define.between: `magnesium: {between: [mg_low, 2.5 mg/dL]}` moved to "
    "`magnesium: {between: [mg_low, 2.6 mg/dL]}`",
    "for_each: mg-replacement-oral dropped",
    "levels.O1.when: `order_dose: {above: {table: most}}` turned into at_least",
    "levels.O2.when.all.2: `magnesium: {falling_by: 0.2 mg/dL}` moved to 0.1 mg/dL",
    "levels.O2.when.all.2: `magnesium: {falling_by: 0.2 mg/dL}` moved to 0.3 mg/dL",
    "levels.O2.when.all.2: `magnesium: {falling_by: 0.2 mg/dL}` turned into rising",
    "suggestions.slower.dose: rate 1 g/h moved to 2 g/h",
    "suggestions.slower.dose: table grams turned into most",
    "suggestions.slower.total: removed",
    "suggestions.shorter.dose: over 4 h moved to 3 h",
    "suggestions.shorter.dose: over 4 h moved to 5 h",
    "suggestions.shorter.dose: table most turned into grams",
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_made_and_told_in_words(found: dict[str, Mutant], change: str) -> None:
    assert change in found


def test_a_band_without_its_contested_label_judges_by_the_usual_limit_alone(
    found: dict[str, Mutant],
) -> None:
    source = found["bands.own_class: borderline removed"].book.facts["own_class"].source
    assert isinstance(source, BandSource)
    assert source.contested is None


def test_no_infusion_runs_at_no_rate(found: dict[str, Mutant]) -> None:
    rates = [change for change in found if change.startswith("suggestions.slower.dose: rate")]
    assert rates == ["suggestions.slower.dose: rate 1 g/h moved to 2 g/h"]


def test_a_table_is_not_mistaken_for_one_of_another_kind_of_dose(found: dict[str, Mutant]) -> None:
    assert not [change for change in found if change.endswith("turned into nothing")]
    assert not [change for change in found if change.endswith("turned into tablets")]


def test_a_none_becomes_a_dose_only_where_the_table_has_one(found: dict[str, Mutant]) -> None:
    assert "tables.grams: hold: none turned into 1 g" in found
    assert not [change for change in found if change.startswith("tables.nothing")]


def test_levels_that_no_patient_has_both_are_not_put_in_another_order(
    found: dict[str, Mutant],
) -> None:
    # O2 and O3 ask for different labels; O3 needs a magnesium result, O4 needs that there is none
    swaps = {change for change in found if " put after " in change}
    assert swaps == {"levels.O1: put after O2", "levels.O4: put after O5"}


def test_a_group_of_one_is_neither_emptied_nor_read_the_other_way(
    found: dict[str, Mutant],
) -> None:
    changes = [change for change in found if change.startswith("define.alone")]
    assert changes == ["define.alone.any.1: `epilepsy: present` turned into `epilepsy: absent`"]


@pytest.mark.parametrize(("name", "changed"), [("said_only", False), ("asked_too", True)])
def test_present_beside_a_comparison_may_go_where_nothing_but_a_yes_of_the_term_is_used(
    found: dict[str, Mutant], name: str, changed: bool
) -> None:
    assert (f"define.{name}.all.1: `potassium: present` dropped" in found) is changed
    assert f"define.{name}.all.2: `potassium: {{below: k_low}}` dropped" in found


def test_a_label_the_row_leaves_no_room_for_is_not_added_to_a_question_of_the_row(
    found: dict[str, Mutant],
) -> None:
    widened = {change for change in found if change.startswith("levels.O2.info_when: `mg_class")}
    assert "levels.O2.info_when: `mg_class: {in: [normal]}` with low too" in widened
    assert "levels.O2.info_when: `mg_class: {in: [normal]}` with high too" not in widened


def test_a_kind_of_clause_nobody_taught_to_write_breaks_and_has_no_wrong_name(
    book: Rulebook,
) -> None:
    new = cast("Any", object())
    with pytest.raises(AssertionError, match="unreachable, but got: <object"):
        written(All((IsPresent("epilepsy", True, HERE), new), HERE))
    (rule,) = book.rules
    compared = cast("Any", rule.levels[0].when)
    with pytest.raises(AssertionError, match="unreachable, but got: <object"):
        written(type(compared)(compared.fact, "above", new, HERE))
