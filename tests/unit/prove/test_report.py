"""What `cds prove` prints: one line a law, and a patient who breaks it in the words of a case."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from terms import RULES

from cds.facts.model import Category, Measured, Missing, Reason
from cds.kernel.quantity import Interval, Quantity
from cds.kernel.units import Analyte
from cds.prove.prover import Proof, Standing
from cds.prove.report import Proved, in_words, prove
from cds.prove.witness import Witness
from cds.rulebook.laws import load_laws
from cds.rulebook.load import load_rulebook
from cds.rulebook.model.laws import Law
from cds.trial import run_case

Change = Callable[[str, str, str], Path]


@pytest.fixture
def changed(tmp_path: Path) -> Change:
    """The rules of this project with one text in one file replaced."""
    copy = Path(shutil.copytree(RULES, tmp_path / "rules"))

    def apply(file: str, old: str, new: str) -> Path:
        path = copy / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return copy

    return apply


def only(rules: Path, law: str) -> Proved:
    """One law, for the rules as they are."""
    return next(iter(prove(rules, None, law)))


@cache
def any_law() -> Law:
    return load_laws(RULES, load_rulebook(RULES)).laws[0]


TABLE = "rows: {full: 4, half: 2, low: 1, hold: none, unknown: none}"
TOO_MUCH = TABLE.replace("half: 2", "half: 3")


def test_a_law_that_holds_is_one_line() -> None:
    told = in_words(only(RULES, "never-a-push")).splitlines()
    assert told[0].startswith("proved   never-a-push: Magnesium is infused over 15 minutes")
    assert told[1:] == ["1 laws for the rules as they are: 1 proved"]


def test_a_law_about_nothing_says_why() -> None:
    told = in_words(only(RULES, "no-potassium-ever"))
    assert "vacuous  no-potassium-ever: " in told
    assert "    because no order template holds potassium, and none may" in told


def test_a_broken_law_shows_a_patient_and_the_pasted_patient_gets_that_dose(
    changed: Change,
) -> None:
    rules = changed("shared/magnesium.yaml", TABLE, TOO_MUCH)
    proved = only(rules, "infusion-within-class-and-kidneys")
    assert not proved.good
    told = in_words(proved)
    assert f"    {any_law().where}: magnesium that the kidneys cannot clear" in told
    assert "a patient who breaks it (the engine agrees), as a case states one:" in told
    (given,) = re.findall(r"^      given: (\{.*\})$", told, re.MULTILINE)
    assert "renal_band: half" in given
    case = f"""cases:
  - name: pasted
    given: {given}
    expect: fires
    row: A2
    dose: {{severe-dose: 3 g over 3 h}}
"""
    rules = changed("hypomagnesemia.yaml", "cases:\n", case)
    book = load_rulebook(rules)
    rule = next(rule for rule in book.rules if rule.id == "hypomagnesemia")
    result = run_case(book, rule, rule.cases[0])
    assert rule.cases[0].name == "pasted"
    assert result.faults == ()


def test_the_roles_of_the_order_of_a_patient_are_shown(changed: Change) -> None:
    rules = changed(
        "magnesium-order.yaml",
        "when: {all: [{holds: magnesium_high}, {holds: obstetric_infusion}]}",
        "when: {all: [{holds: magnesium_high}, {holds: obstetric_infusion}, {torsades: present}]}",
    )
    rules = changed(
        "magnesium-order.yaml",
        "when: {holds: magnesium_high}\n",
        "when: {all: [{holds: magnesium_high}, {torsades: present}]}\n",
    )
    told = in_words(only(rules, "magnesium-order-when-high"))
    assert "(the engine agrees)" in told
    assert re.search(r"^      the selected order holds: .*mg-", told, re.MULTILINE)


def test_only_under_a_site_that_silences_it_is_a_rule_excused() -> None:
    (proved,) = prove(RULES, "example", "wasting-drugs-are-named")
    assert proved.good
    told = in_words(proved)
    assert "silenced at this site  wasting-drugs-are-named" in told
    assert "    magnesium-wasting-drugs is silent at example" in told
    assert told.endswith("1 laws at site example: 1 silenced at this site")


MEANT = {
    Standing.NOTHING_TO_SAY: "no patient is one it is about: give `vacuous` a reason, or mend it",
    Standing.NO_LONGER_VACUOUS: "patients are affected now: remove `vacuous`",
    Standing.UNCONFIRMED: "the engine decides otherwise: the translation in cds/prove is wrong",
    Standing.UNDECIDED: "the solver gave up: say the law in simpler words",
}


@pytest.mark.parametrize(("standing", "words"), MEANT.items())
def test_every_other_standing_says_what_to_do(standing: Standing, words: str) -> None:
    told = in_words(Proved("", (Proof(any_law(), standing),)))
    assert f"    {any_law().where}: {words}" in told
    assert f"1 laws for the rules as they are: 1 {standing.value}" in told


def test_a_patient_is_stated_in_yaml_that_loads() -> None:
    egfr, weight = "mL/min/{1.73_m2}", "[lb_av]"
    low = Interval(None, Quantity.of(Analyte.EGFR, 60, egfr).value, high_open=True)
    states = {
        "egfr": Measured(Quantity(Analyte.EGFR, low, egfr), "an interval"),
        "renal_band": Category(frozenset({"low", "half"})),
        "weight": Measured(Quantity.of(Analyte.WEIGHT, 88, weight), "88"),
        "magnesium": Missing(Reason.STALE),
    }
    patient = Witness(states, frozenset({"mg-replacement-iv"}))
    told = in_words(Proved("", (Proof(any_law(), Standing.BROKEN, patient),)))
    assert (
        f'      given: {{egfr: "<60 {egfr}", renal_band: half or low, weight: "88 {weight}", '
        "magnesium: missing stale}" in told
    )
    assert "      the selected order holds: mg-replacement-iv" in told
