"""What if: one fact is moved, and the rules that change are those the engine itself changes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import cache
from itertools import permutations
from pathlib import Path

import pytest

from cds.doors import SANDBOX
from cds.engine.decision import Decision
from cds.errors import BadRequest
from cds.hooks.request import read_call
from cds.hooks.services import SERVICES
from cds.pipeline import answer
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import ProblemSource, Rule, Rulebook
from cds.rulebook.narrower import narrower
from cds.sample import Sample, samples
from cds.trial.cases import dose_words, run_case
from cds.whatif.answer import Answer, Asked, WhatIf
from cds.whatif.judged import Change, why
from cds.whatif.reading import LISTS

LOW = "hypomagnesemia"
SAMPLES = {item.name: item for item in samples()}
REFUSED = {
    "draft-of-another-patient", "observations-left-out", "patient-is-another", "patient-null",
    "selection-points-nowhere",
}  # fmt: skip


@cache
def book() -> Rulebook:
    return load_rulebook(Path(__file__).parents[2] / "rules")


@cache
def whatif() -> WhatIf:
    return WhatIf(book())


def asked(start: str = "", hook: str = "", /, **texts: str) -> Answer:
    found = whatif().answer(Asked(start, hook, {k.replace("__", "."): v for k, v in texts.items()}))
    assert not found.faults
    return found


def change(found: Answer, rule: str = LOW) -> Change:
    return next(item for item in found.changes if item.rule.id == rule)


def now(found: Answer, rule: str = LOW) -> Decision:
    (decision,) = change(found, rule).now
    return decision


def row(decision: Decision) -> str:
    return decision.fired.row if decision.fired else decision.outcome.value


def doses(decision: Decision) -> list[str]:
    return [f"{x.suggestion.name}: {dose_words(x)}" for x in decision.offers if x.dose]


def shown(decision: Decision) -> tuple[object, ...]:
    return (
        decision.rule.id, decision.outcome, decision.fired and decision.fired.row,
        decision.indicator, decision.summary, decision.detail, decision.reason,
        [(x.label, x.dose, x.rate) for x in decision.offers],
        [(x.suggestion.name, x.reasons) for x in decision.withheld], decision.undecided,
    )  # fmt: skip


def real(sample: Sample) -> tuple[Decision, ...]:
    """What the pipeline decides for the call of a synthetic patient."""
    hook = sample.request["hook"]
    entry = next(item for item in SERVICES.values() if item.hook == hook)
    call = read_call(entry, json.dumps(sample.request).encode())
    return answer(call, book(), sample.now, SANDBOX).decisions.items


@pytest.mark.parametrize("name", sorted(set(SAMPLES) - REFUSED))
def test_a_synthetic_patient_untouched_is_judged_as_its_hook_call_is(name: str) -> None:
    found = asked(f"patient:{name}")
    mine = [one for item in found.changes for one in item.now]
    wanted = real(SAMPLES[name])
    assert sorted(map(repr, map(shown, mine))) == sorted(map(repr, map(shown, wanted)))
    assert len(mine) >= len(found.changes) > 0
    assert not any(item.what for item in found.changes)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_call_that_the_service_refuses_is_no_start(name: str) -> None:
    with pytest.raises(BadRequest) as refused:
        real(SAMPLES[name])
    found = whatif().answer(Asked(f"patient:{name}"))
    assert str(refused.value) in found.faults["start"]
    assert found.start.name == ""


@pytest.mark.parametrize("rule", book().rules, ids=lambda rule: rule.id)
def test_the_patient_of_a_case_untouched_is_judged_as_the_case_is(rule: Rule) -> None:
    cases = list(enumerate(rule.cases, 1))
    assert cases
    for at, case in cases[:: max(1, len(cases) // 8)]:
        told = run_case(book(), rule, case).decision
        assert told is not None
        mine = now(asked(f"case:{rule.id}:{at}"), rule.id)
        assert (mine.outcome, row(mine), mine.summary) == (told.outcome, row(told), told.summary)
        assert doses(mine) == doses(told)


def test_magnesium_that_falls_flips_the_rule_to_its_row() -> None:
    normal, severe = (
        asked(magnesium="2.0 mg/dL", renal_band="full"),
        asked(magnesium="1.1 mg/dL", renal_band="full"),
    )
    assert row(now(normal)) == "silent"
    assert (row(now(severe)), now(severe).indicator) == ("A2", "critical")
    assert doses(now(severe)) == ["severe-dose: 4 g over 4 h"]
    assert "1.1 mg/dL" in now(severe).summary
    assert {"outcome", "row", "offers"} <= set(change(severe).what)
    assert any("magnesium level is severe: yes" in words for _, words in why(now(severe)))


@pytest.mark.parametrize("text", ["1.1 mg/dL", "0.453 mmol/L", "0.905 meq/L", "453 umol/L"])
def test_the_same_level_in_another_unit_gives_the_same(text: str) -> None:
    found = now(asked(magnesium=text, renal_band="full"))
    assert (row(found), doses(found)) == ("A2", ["severe-dose: 4 g over 4 h"])


@pytest.mark.parametrize(
    ("band", "offered"),
    [("full", ["severe-dose: 4 g over 4 h"]), ("half", ["severe-dose: 2 g over 2 h"]),
     ("low", ["severe-dose: 1 g over 1 h"]), ("hold", []), ("unknown", [])],
)  # fmt: skip
def test_the_kidney_band_changes_the_dose_that_is_offered(band: str, offered: list[str]) -> None:
    found = now(asked(magnesium="1.1 mg/dL", renal_band=band))
    assert doses(found) == offered
    assert bool(found.withheld) is not bool(offered)


def test_a_missing_creatinine_withholds_the_dose_and_asks_for_the_test() -> None:
    found = asked("patient:first-card", creatinine="missing")
    assert change(asked("patient:first-card")).now[0].offers[0].dose is not None
    assert [offer.suggestion.name for offer in now(found).offers] == ["order-creatinine"]
    (lost,) = now(found).withheld
    assert lost.codes == ("kidney_function",)
    assert "what is withheld" in change(found).what
    kidneys = next(item for item in found.worked if item.label == "renal_band")
    assert (kidneys.before, kidneys.now) == ("reduced (half)", "not known (unknown)")


def test_kidneys_are_never_assumed_to_be_good() -> None:
    found = now(asked(magnesium="1.1 mg/dL"))
    assert (row(found), doses(found)) == ("A2", [])
    assert [lost.codes for lost in found.withheld] == [("kidney_function",)]


def test_kidneys_are_not_known_until_something_measures_them() -> None:
    def band(**texts: str) -> str:
        return next(x.now for x in asked(**texts).worked if x.label == "renal_band")

    assert band() == band(age="80 a") == band(weight="60 kg") == "not known (unknown)"
    assert band(creatinine="2.0 mg/dL") == "not known (unknown)"  # no sex, no estimate
    assert band(creatinine="2.0 mg/dL", sex="male") == "reduced (half)"
    assert band(creatinine="2.0 mg/dL", sex="male", renal_band="full") == "good (full)"
    assert band(dialysis="present") == "failing (hold)"


@pytest.mark.parametrize("word", ["not-sent", "failed"])
@pytest.mark.parametrize("start", ["", "patient:first-card"])
def test_a_list_that_is_gone_leaves_open_what_it_would_tell(start: str, word: str) -> None:
    found = asked(start, magnesium="1.1 mg/dL", list__problems=word)
    assert row(now(found)) == "A2"
    assert not doses(now(found))
    assert any("could not be checked" in why for why in now(found).withheld[0].reasons)
    assert (row(now(found, "incomplete-results")) == "D4") is (word == "failed")


def test_not_measured_and_not_known_are_two_things() -> None:
    missing, unknown = asked(magnesium="missing"), asked(magnesium="not known")
    assert not change(missing).what  # nothing is recorded of this patient anyway
    assert "what cannot be told" in change(unknown).what


@pytest.mark.parametrize(
    ("texts", "follow", "beside"),
    [
        ({"ppi": "present"}, {"wasting_drugs": "yes: ppi"}, "ppi_for_a_year"),
        ({"ppi_for_a_year": "present"}, {"ppi": "yes: ppi for a year"}, "digoxin"),
        ({"torsades": "present"}, {"ventricular_arrhythmia_recent": "yes: torsades"}, "long_qt"),
        ({"magnesium": "1.5 mg/dL"}, {"magnesium_14d": "1.5 mg/dL (0.62 mmol/L)"}, "potassium"),
    ],
)
def test_what_a_stated_fact_means_for_others_follows(
    texts: Mapping[str, str], follow: Mapping[str, str], beside: str
) -> None:
    found = dict(asked(**texts).follows)
    assert follow.items() <= found.items()
    assert beside not in found
    assert not set(texts) & set(found)


def test_who_lacks_the_wider_thing_lacks_the_narrower() -> None:
    start = "patient:first-card"  # a loop diuretic is active
    assert dict(asked(start, wasting_drugs="absent").follows)["diuretic"] == "no"
    stated = asked(start, wasting_drugs="absent", diuretic="present")
    assert "diuretic" not in dict(stated.follows)


def test_what_follows_is_what_proofs_take_for_granted_and_stated_diagnoses_are_of_this_stay() -> (
    None
):
    more = seen = 0
    for one, other in permutations(book().facts.values(), 2):
        granted = narrower(one.source, other.source)
        here = narrower(one.source, other.source, of_this_stay=True)
        seen += granted
        more += here is not granted
        of_a_stay = isinstance(other.source, ProblemSource) and other.source.this_stay
        assert here is granted or (here and of_a_stay)
    assert seen > 20
    assert more


def test_a_draft_order_is_stated_by_its_facts() -> None:
    rule = "potassium-order-iv"
    assert now(asked(), rule).reason == "no selected order is of the kind it is about"
    fast = asked(order="k-replacement", order_potassium_rate="25 meq/h")
    assert (row(now(fast, rule)), now(fast, rule).indicator) == ("C4-iv", "critical")
    assert row(now(asked(order="k-replacement", order_potassium_rate="8 meq/h"), rule)) == "silent"
    magnesium = asked(order="mg-replacement-iv", magnesium="1.1 mg/dL", renal_band="full")
    assert now(magnesium, rule).reason == "no selected order is of the kind it is about"
    assert now(magnesium).withheld[0].codes == ("iv_magnesium_on_order",)  # the draft counts


def test_the_draft_of_a_synthetic_patient_may_be_taken_away_and_restated() -> None:
    start, rule = "patient:four-grams-with-stage-4-kidneys", "magnesium-order"
    assert now(asked(start), rule).order is not None
    assert now(asked(start, order="none"), rule).order is None
    dose = now(asked(start, order_dose="1 g"), rule)
    assert (
        row(dose) != row(now(asked(start), rule)) or dose.offers != now(asked(start), rule).offers
    )


def test_at_another_moment_other_rules_are_asked_and_no_drug_is_suggested() -> None:
    found = asked("", "encounter-discharge", magnesium="1.1 mg/dL")
    assert "magnesium-order" in {rule.id for rule in found.quiet}
    assert not doses(now(found))
    assert any("no drug is suggested" in why for why in now(found).withheld[0].reasons)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("magnesium", "abc mg/dL", "“abc mg/dL” is not a number with a unit."),
        ("magnesium", "1.1 g/L", "is not a unit of magnesium"),
        ("magnesium", "40 mg/dL", "Only 0.24 to 19.44 mg/dL is believable"),
        ("magnesium", "2 to 1 mg/dL", "the first value is the lower one"),
        ("magnesium", "9" * 90, "longer than 80 characters"),
        ("age", "50.5 a", "whole years"),
        ("age", "130 a", "Only 0 to 120 years is believable"),
        ("order_dose", "-1 g", "below zero"),
        ("setting", "ship", "is not one of inpatient, outpatient"),
        ("setting", "not known", "always known"),
        ("ppi", "maybe", "is neither present, absent"),
        ("sex", "other", "cannot be chosen here"),
        ("nothing_like_it", "present", "know no such fact"),
    ],
)
def test_what_cannot_be_read_gets_a_sentence_and_the_rest_is_judged(
    name: str, text: str, words: str
) -> None:
    found = whatif().answer(Asked(texts={"potassium": "3.1 mmol/L", name: text}))
    assert words in found.faults[name]
    assert found.texts == {"potassium": "3.1 mmol/L"}
    assert row(now(found, "low-potassium")) != "silent"


@pytest.mark.parametrize("start", ["patient:nobody", "patient:../x", "case:x:1", "case:qt-risk:0",
                                   "case:qt-risk:1000", "else", "x" * 500])  # fmt: skip
def test_a_start_that_is_none_is_said_and_nobody_is_the_start(start: str) -> None:
    found = whatif().answer(Asked(start, "no-such-hook", {"magnesium": "1.1 mg/dL"}))
    assert set(found.faults) == {"start", "hook"}
    assert (found.start.name, row(now(found))) == ("", "A2")


def test_every_fact_has_a_control_or_a_reason_why_not() -> None:
    controls = whatif().controls
    named = {control.name for control in controls.all()} & set(book().facts)
    assert named | set(controls.without) == set(book().facts)
    assert not named & set(controls.without)
    assert all(controls.without.values())
    assert all(control.rules for control in controls.all())


def test_every_choice_of_every_control_can_be_stated_and_judged() -> None:
    tried = 0
    for control in whatif().controls.all():
        values = [f"{scale.high:f} {scale.unit}" for scale in control.scales[:1]]
        for text in (*values, *(word for word, _ in control.choices)):
            found = asked("", "", **{control.name.replace(".", "__"): text})
            broken = [x.rule.id for x in found.changes for y in x.now if y.outcome.value == "error"]
            assert (control.name, text, broken) == (control.name, text, [])
            tried += 1
    assert tried > 250
    assert {f"list.{key}" for key in LISTS} < {x.name for x in whatif().controls.all()}


def test_limits_stand_as_marks_in_every_unit() -> None:
    magnesium = next(x for x in whatif().controls.all() if x.name == "magnesium")
    scales = {scale.unit: scale for scale in magnesium.scales}
    marks = {unit: {m.name: f"{m.value:f}" for m in x.marks} for unit, x in scales.items()}
    assert marks["mg/dL"]["mg_severe"] == "1.2"
    assert marks["mmol/L"]["mg_severe"] == "0.494"
    for scale in scales.values():
        assert all(scale.low < mark.value < scale.high for mark in scale.marks)


def test_an_answer_takes_less_than_fifty_milliseconds_once_warm() -> None:
    spent = []
    for tenth in range(1, 10):
        begun = time.perf_counter()
        asked("patient:first-card", magnesium=f"1.{tenth} mg/dL")
        spent.append(time.perf_counter() - begun)
    assert min(spent) < 0.05
