"""Cases inside rule files: what a rule author writes, and what is said when it does not hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cds.engine.decision import Outcome
from cds.facts.model import (
    Category,
    Measured,
    Missing,
    Nothing,
    NotKnown,
    Presence,
    Reason,
    State,
)
from cds.kernel.units import Analyte
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Case, Rule, Rulebook, Where
from cds.trial import CASE_NOW, case_facts, run_case, run_cases, stated
from tests.unit.facts.standin import quantity

HERE = Where("rules/x.yaml", 7)
RULES = Path(__file__).parents[2] / "rules"


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return load_rulebook(RULES)


def rule(book: Rulebook, name: str = "hypomagnesemia") -> Rule:
    return next(item for item in book.rules if item.id == name)


STATED: list[tuple[str, str, State]] = [
    ("magnesium", "1.0 mg/dL",
     Measured(quantity(Analyte.MAGNESIUM, "1.0 mg/dL"), "1.0 mg/dL", CASE_NOW)),
    ("magnesium", " <0.5 mg/dL ",
     Measured(quantity(Analyte.MAGNESIUM, "<0.5 mg/dL"), "<0.5 mg/dL", CASE_NOW)),
    ("magnesium", "missing", Missing(Reason.NONE_FOUND)),
    ("magnesium", "missing haemolysed", Missing(Reason.HAEMOLYSED)),
    ("magnesium", "missing no-time", Missing(Reason.NO_TIME)),
    ("magnesium", "not known", NotKnown("magnesium", "not supplied")),
    ("renal_band", "half", Category(frozenset({"half"}))),
    ("renal_band", "missing", Missing(Reason.NONE_FOUND)),
    ("torsades", "present", Presence(True, ("torsades",))),
    ("recent_infarction", "present", Presence(True, ("recent infarction",))),
    ("torsades", "absent", Presence(False)),
    ("torsades", "not known", NotKnown("torsades", "not supplied")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "state"), STATED)
def test_a_fact_is_stated_as_an_author_would_write_it(
    book: Rulebook, name: str, text: str, state: State
) -> None:
    fact = stated(book.facts[name], text)
    assert (fact.name, fact.state) == (name, state)


REFUSED = [
    ("magnesium", "1.0", "`magnesium`: `1.0` is not a number with a unit"),
    ("magnesium", "1.0 meq", "`magnesium`: `meq` is not a unit of magnesium (accepted:"),
    ("magnesium", "missing somehow", "`magnesium`: `somehow` is not a reason"),
    ("magnesium", "present", "`magnesium`: `present` is not a number with a unit"),
    ("renal_band", "quarter", "`renal_band`: `quarter` is not one of full, half, low, hold"),
    ("torsades", "yes", "`torsades`: `yes` is neither present, absent, missing nor not known"),
]


@pytest.mark.parametrize(("name", "text", "said"), REFUSED)
def test_a_fact_that_cannot_be_read_names_itself(
    book: Rulebook, name: str, text: str, said: str
) -> None:
    with pytest.raises(ValueError, match=r"is not|is neither") as caught:
        stated(book.facts[name], text)
    assert str(caught.value).startswith(said)


DEFAULTS: list[tuple[str, State]] = [
    # what a case does not name       is what it is in a patient about whom nothing is recorded
    ("magnesium", Missing(Reason.NONE_FOUND)),
    ("torsades", Presence(False)),
    ("magnesium_set_aside", Nothing("nothing there")),
    ("magnesium_set_aside_reason", Nothing("nothing there")),
    ("magnesium_lab_low", Nothing("nothing there")),
    ("order_dose", Nothing("nothing there")),
    ("renal_band", Category(frozenset({"full"}))),  # `in_cases` of the declaration
    ("setting", Category(frozenset({"inpatient"}))),
    ("mg_class", Missing(Reason.NONE_FOUND)),  # worked out from magnesium
]


@pytest.mark.parametrize(("name", "state"), DEFAULTS)
def test_a_case_names_only_what_matters(book: Rulebook, name: str, state: State) -> None:
    assert case_facts(book, {}).fact(name).state == state


def case(expect: Any, given: dict[str, str], **more: Any) -> Case:
    return Case("a case", given, expect, HERE, **more)


SEVERE = {"magnesium": "1.0 mg/dL", "creatinine": "0.9 mg/dL"}
CASES = [
    # the case                                                             its faults
    (case("fires", SEVERE, row="A2", indicator="critical", suggests=("severe-dose",),
          because=("magnesium", "mg_class", "magnesium_severe", "torsades")[1:]), []),
    (case("silent", {"magnesium": "2.0 mg/dL"}), []),
    (case("cannot-tell", {}), []),
    (case("silent", SEVERE), ["expected silent, got fires: row A2 applies"]),
    (case("fires", {"magnesium": "2.0 mg/dL"}, row="A2"),
     ["expected fires, got silent: no row of this rule applies; "
      "qtc: nothing recorded; potassium: nothing recorded"]),
    (case("fires", SEVERE, row="A1"), ["expected row A1, got A2"]),
    (case("fires", SEVERE, row="A2", indicator="info"), ["expected info, got critical"]),
    (case("fires", SEVERE, row="A2", suggests=()),
     ["expected suggestions [], got ['severe-dose'] ()"]),
    (case("fires", {**SEVERE, "myasthenia_gravis": "present"}, row="A2",
          suggests=("severe-dose",)),
     ["expected suggestions ['severe-dose'], got [] (myasthenia gravis: IV magnesium can worsen "
      "weakness, contraindicated in the label of the 1 % bag; ask a specialist)"]),
    (case("fires", SEVERE, row="A2", because=("potassium", "mg_class")),
     ["`potassium` was not part of the reason"]),
    (case("fires", SEVERE, row="A1", indicator="info", because=("wbc",)),
     ["expected row A1, got A2", "expected info, got critical",
      "`wbc` was not part of the reason"]),
]  # fmt: skip


@pytest.mark.parametrize(("item", "faults"), CASES)
def test_a_case_that_does_not_hold_says_everything_that_differs(
    book: Rulebook, item: Case, faults: list[str]
) -> None:
    result = run_case(book, rule(book), item)
    assert list(result.faults) == faults
    assert result.decision is not None


SALT = {"magnesium": "1.0 mg/dL", "creatinine": "0.9 mg/dL", "calcium_corrected": "7.5 mg/dL"}
TORSADES = {"torsades": "present", "creatinine": "0.9 mg/dL"}
NOT_READ = "Not read here"
ANSWERS = [
    # the case                                                                 its faults
    (case("fires", SEVERE, row="A2", summary="Severe low magnesium"), []),
    (case("fires", SEVERE, row="A2", summary="borderline"),
     ["expected a headline with `borderline`, got `Severe low magnesium 1.0 mg/dL (0.41 mmol/L): "
      "IV replacement unless contraindicated`"]),
    (case("fires", SEVERE, row="A2", alone=True), ["expected alone: true, got false"]),
    (case("fires", SEVERE, row="A2", dose={"severe-dose": "4 g over 4 h"}), []),
    (case("fires", SEVERE, row="A2", dose={"severe-dose": "4 g over 2 h"}),
     ["expected `severe-dose` to give 4 g over 2 h, got 4 g over 4 h"]),
    (case("fires", SEVERE, row="A2", dose={"emergency-dose": "2 g over 15 min"}),
     ["expected `emergency-dose` to give 2 g over 15 min, got no such offer"]),
    (case("fires", TORSADES, row="A3", dose={"emergency-dose": "2 g over 15 min"}), []),
    (case("fires", {"magnesium": "1.6 mg/dL"}, row="A1", dose={"magnesium-oral": "800 mg a day"}),
     []),
    (case("fires", SEVERE, row="A2", withheld={}), []),
    (case("fires", {**SEVERE, "renal_band": "hold"}, row="A2",
          withheld={"severe-dose": ("kidney_function",)}), []),
    (case("fires", {**SEVERE, "renal_band": "hold"}, row="A2", withheld={}),
     ["expected nothing to be withheld, got {'severe-dose': ['kidney_function']}"]),
    (case("fires", SEVERE, row="A2", withheld={"severe-dose": ("obstetric",)}),
     ["expected {'severe-dose': ['obstetric']} to be withheld, got nothing"]),
    (case("fires", SALT, row="A2", says=(NOT_READ, "Calcium is low too")), []),
    (case("fires", SALT, row="A2", says=(NOT_READ,)),
     ["it also says `Calcium is low too: replace calcium too (IV magnesium can lower it "
      "further).`"]),
    (case("fires", SEVERE, row="A2", says=("Calcium is low too", NOT_READ)),
     ["expected it to say `Calcium is low too`, got ['Not read here: urine output, and kidney "
      "injury whose creatinine is already falling. In frail or cachectic patients estimates from "
      "creatinine overstate kidney function: consider cystatin C.']"]),
]  # fmt: skip


@pytest.mark.parametrize(("item", "faults"), ANSWERS)
def test_a_case_may_ask_what_the_card_says_gives_and_withholds(
    book: Rulebook, item: Case, faults: list[str]
) -> None:
    assert list(run_case(book, rule(book), item).faults) == faults


def test_a_sentence_that_is_always_said_is_not_asked_for(book: Rulebook) -> None:
    result = run_case(book, rule(book), case("fires", SEVERE, row="A2", says=()))
    (fault,) = result.faults
    assert fault.startswith(f"it also says `{NOT_READ}")
    assert result.decision is not None
    assert any(text.startswith("Infusion, never a push") for text in result.decision.detail)


ROLES = [("mg-replacement-iv", "fires"), ("k-replacement", "silent")]


@pytest.mark.parametrize(("role", "outcome"), ROLES)
def test_an_order_with_another_role_is_none_of_the_rule_s_business(
    book: Rulebook, role: str, outcome: str
) -> None:
    renal = rule(book, "magnesium-order")
    given = {"order_dose": "4 g", "renal_band": "low", "magnesium": "1.4 mg/dL"}
    result = run_case(book, renal, case(outcome, given, role=role))
    assert result.faults == ()


def test_a_given_that_cannot_be_read_is_a_fault_of_the_case(book: Rulebook) -> None:
    result = run_case(book, rule(book), case("fires", {"magnesium": "low"}))
    assert result.decision is None
    assert result.faults == ("`magnesium`: `low` is not a number with a unit",)


def test_a_rule_about_orders_is_tried_on_one_selected_order(book: Rulebook) -> None:
    renal = rule(book, "magnesium-order")
    given = {"order_dose": "4 g", "renal_band": "low", "magnesium": "1.4 mg/dL"}
    result = run_case(book, renal, case("fires", given, row="C1", suggests=("reduce-bag",)))
    assert result.faults == ()
    assert result.decision is not None
    assert result.decision.order is not None
    assert result.decision.offers[0].label.startswith("Reduce this order to 1 g")
    plain = run_case(book, rule(book), case("fires", SEVERE, row="A2"))
    assert plain.decision is not None
    assert plain.decision.order is None


def test_all_cases_are_run_in_the_order_of_the_files(book: Rulebook) -> None:
    results = run_cases(book)
    wanted = [(item.id, one.name) for item in book.rules for one in item.cases]
    assert [(item.rule.id, item.case.name) for item in results] == wanted
    assert not [fault for item in results for fault in item.faults]
    broken = replace(rule(book), status="silent")
    still = next(case for case in broken.cases if case.expect == "silent")
    first = run_case(book, broken, still)
    assert first.decision is not None
    assert first.decision.outcome is Outcome.SILENT
