"""What a rule rests on: everything whose change may change what the rule does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "rulebook"))

import rulefiles

from cds.rulebook.model import Rule, Rulebook
from cds.rulebook.prose.reach import offered, reach

SHARED = rulefiles.SHARED.replace(
    "windows:\n",
    """
windows:
  week: {inpatient: 7 d, outpatient: 7 d, why: a week, cite: [paper]}
  month: {inpatient: 30 d, outpatient: 30 d, why: a month, cite: [paper]}
""".lstrip("\n"),
).replace(
    "thresholds:\n",
    """
  week_potassium: {lab: potassium, newest_within: week}
  aside: {lab_set_aside: potassium, beyond: week, within: month}
  aside_why: {lab_set_aside_reason: potassium, beyond: week, within: month}
  own_limit: {reference_low: week_potassium, between: [3.0 mmol/L, 4.0 mmol/L]}
  differing: {two_results: week_potassium}
  refractory: {derived: refractory_hypokalemia}
  total: {derived: magnesium_24h}
thresholds:
  k_high: {of: potassium, value: [5.0 mmol/L], why: high, cite: [paper]}
  day_limit: {of: magnesium_sulfate_dose, value: [8 g], why: a day, cite: [paper]}
""".lstrip("\n"),
).replace(
    "tables:\n",
    """
  k_class:
    of: week_potassium
    steps: [low, k_low, normal, k_high, high]
    contested: {label: borderline, threshold: k_low, by: own_limit}
tables:
  grams:
    {by: [renal_band], of: magnesium_sulfate_dose, unit: g, why: usual, cite: [paper],
     rows: {full: 4, half: 2, low: 1, hold: none, unknown: none}}
""".lstrip("\n"),
).replace(
    "define:\n",
    """
define:
  named: {when: {epilepsy: present}, say: "{week_potassium}, not below {k_low}"}
  twice: {when: {all: [{holds: named}, {not: named}]}}
""".lstrip("\n"),
)  # fmt: skip
LEVEL = '    summary: "Magnesium {magnesium}"\n'
PLAIN = {"low_magnesium", "mg_class", "magnesium", "mg_low", "mg_high", "day"}
BAND = {"renal_band", "age", "creatinine", "weight", "egfr_reported", "aki_recent", "esrd"}
BAND |= {"dialysis", "dialysis_procedure", "kidney_transplant"}
WEEK = {"week_potassium", "week"}
NAMED = {"named", "epilepsy", "k_low"} | WEEK


ORDERS = "for_each: {order: [mg-replacement-iv], which: selected}\n"


def load(folder: Path, level: str = "", rest: str = "", case: str = "") -> tuple[Rule, Rulebook]:
    """A rule with these words in its level and behind its levels."""
    rule = rulefiles.RULE.replace(LEVEL, f"{LEVEL}{level}")
    rule = rule.replace("cases:\n", f"{rest}cases:\n{case}")
    book = rulefiles.load(folder, rule, SHARED)
    return book.rules[0], book


def added(folder: Path, level: str = "", rest: str = "") -> set[str]:
    """What the rule rests on besides the names of the plain rule."""
    found = reach(*load(folder, level, rest)).names()
    assert found >= PLAIN
    return found - PLAIN


def test_a_rule_rests_on_its_terms_their_facts_and_what_stands_behind_these(
    tmp_path: Path,
) -> None:
    found = reach(*load(tmp_path))
    assert list(found.definitions) == ["low_magnesium"]
    assert list(found.facts) == ["mg_class", "magnesium"]
    assert list(found.thresholds) == ["mg_low", "mg_high"]
    assert (list(found.windows), list(found.tables)) == (["day"], [])
    assert found.names() == PLAIN


IN_A_LEVEL = {
    "info_when: {potassium: {below: k_low}}": {"potassium", "k_low"},
    "critical_when: {week_potassium: {between: [k_low, k_high]}}": WEEK | {"k_low", "k_high"},
    "notes: [{if: {epilepsy: present}, say: a sentence}]": {"epilepsy"},
    'notes: [{say: "below {k_low}"}]': {"k_low"},
    'notes: [{if: {epilepsy: present}, say: a, unknown: "{age}"}]': {"epilepsy", "age"},
    'detail: ["At most {grams.amount}", "that is {grams}"]': {"grams"} | BAND,
    'info_summary: "{potassium}"': {"potassium"},
}


@pytest.mark.parametrize(("words", "names"), IN_A_LEVEL.items(), ids=IN_A_LEVEL)
def test_a_level_rests_on_what_it_asks_and_on_what_it_says(
    tmp_path: Path, words: str, names: set[str]
) -> None:
    assert added(tmp_path, f"    {words}\n") == names


IN_A_RULE = {
    "unless: {epilepsy: present}": {"epilepsy"},
    "repeat: {after: 24 h}": set(),
    "repeat: {after: 24 h, unless: {potassium: {falling_by: 0.2 mmol/L}}}": {"potassium"},
    "notes: [{say: always said}]": set(),
    'notes: [{if: {holds: twice}, say: "{potassium}"}]': NAMED | {"twice", "potassium"},
    "unless: {cannot_tell: named}": NAMED,
}


@pytest.mark.parametrize(("words", "names"), IN_A_RULE.items(), ids=IN_A_RULE)
def test_a_rule_rests_on_what_keeps_it_silent_and_on_its_sentences(
    tmp_path: Path, words: str, names: set[str]
) -> None:
    assert added(tmp_path, rest=f"{words}\n") == names


SOURCES = {
    "{week_potassium: present}": WEEK,
    "{aside: present}": {"aside", "week", "month"},
    "{aside_why: {is: stale}}": {"aside_why", "week", "month"},
    "{week_potassium: {below: own_limit}}": WEEK | {"own_limit"},
    "{differing: present}": WEEK | {"differing"},
    # also the laboratory's own limit, which decides what is borderline
    "{k_class: {is: borderline}}": WEEK | {"k_class", "k_low", "k_high", "own_limit"},
    "{refractory: present}": {"refractory", "potassium", "k_low"},
    # facts that the program reads count although this rulebook does not declare them
    "{renal_band: {is: hold}}": BAND,
    "{epilepsy: present}": {"epilepsy"},
}


@pytest.mark.parametrize(("clause", "names"), SOURCES.items(), ids=SOURCES)
def test_a_fact_rests_on_what_it_is_read_from(tmp_path: Path, clause: str, names: set[str]) -> None:
    assert added(tmp_path, rest=f"unless: {clause}\n") == names


TEST = "label: A test, create: magnesium-level"
DRUG = "label: A dose, update: order, dose: {table: grams"
OFFERS = {
    f"{{{TEST}}}": set(),
    f"{{{TEST}, if: {{potassium: missing}}}}": {"potassium"},
    f"{{{TEST}, duplicate_of: named}}": NAMED,
    f"{{{TEST}, unless: [named, child]}}": NAMED | {"child", "age"},
    f"{{{DRUG}}}}}": {"grams"} | BAND,
    f"{{{DRUG}, rate: 1 g/h}}, total: {{fact: total, at_most: day_limit}}}}": (
        {"grams", "total", "day_limit"} | BAND
    ),
}


@pytest.mark.parametrize(("offer", "names"), OFFERS.items(), ids=OFFERS)
def test_an_offer_rests_on_its_conditions_its_stops_and_its_dose(
    tmp_path: Path, offer: str, names: set[str]
) -> None:
    rest = f"{ORDERS}suggestions: {{one: {offer}}}\n"
    assert added(tmp_path, "    suggest: [one]\n", rest) == names


def test_what_an_order_fills_in_is_nothing_that_a_rule_rests_on(tmp_path: Path) -> None:
    assert added(tmp_path, '    detail: ["{order}: check it"]\n', ORDERS) == set()


def test_a_dose_that_is_compared_with_a_table_rests_on_the_table(tmp_path: Path) -> None:
    clause = "{total: {above: {table: grams}}}"
    assert added(tmp_path, rest=f"unless: {clause}\n") == {"total", "grams"} | BAND


def test_offers_come_in_the_order_of_the_levels_and_each_once(tmp_path: Path) -> None:
    level = (
        "    suggest: [second, first]\n"
        "  - {row: T2, indicator: info, when: {holds: child}, summary: a child,\n"
        "     suggest: [third, second]}\n"
    )
    names = ("first", "second", "third")
    offers = ", ".join(f"{name}: {{label: {name}, create: magnesium-level}}" for name in names)
    case = "  - {name: a child, given: {age: 5 a}, expect: fires, row: T2}\n"
    rule, book = load(tmp_path, level, f"suggestions: {{{offers}}}\n", case)
    assert list(offered(rule)) == ["second", "first", "third"]
    assert list(reach(rule, book).suggestions) == ["second", "first", "third"]
