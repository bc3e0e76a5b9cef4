"""Clinical pack R13: the renal band, which decides every magnesium dose."""

from __future__ import annotations

from typing import Any

import pack_kit as kit
import pytest

# R13: the band shows in the dose for severe low magnesium.
GRAMS = {"4 g": "full", "2 g": "half", "1 g": "low"}


def band(cards: list[dict[str, Any]]) -> str:
    found = kit.offered([kit.card(cards, "A2")])
    return GRAMS[found[0][1]] if found else "none"


def severe(*labs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return kit.chart(kit.lab("mg", 1.0), *labs, **more)


# age, sex, weight, creatinine, CKD-EPI and Cockcroft-Gault as clinical pack section 4 has them
ESTIMATES: list[tuple[int, str, int, float, str, str, str]] = [
    (50, "male", 70, 1.0, "92", "88", "full"),
    (50, "female", 70, 1.0, "69", "74", "full"),
    (72, "male", 70, 3.5, "18", "19", "low"),
    (30, "female", 60, 0.6, "124", "130", "full"),
    (67, "female", 70, 2.4, "22", "25", "low"),
    (80, "female", 55, 1.8, "28", "22", "low"),
    (65, "male", 90, 2.5, "28", "38", "low"),
]


@pytest.mark.parametrize(("age", "sex", "kg", "cr", "epi", "cg", "expected"), ESTIMATES)
def test_r13_both_estimates_are_printed_and_the_lower_one_decides(
    age: int, sex: str, kg: int, cr: float, epi: str, cg: str, expected: str, ask: Any
) -> None:
    cards = ask(severe(kit.lab("cr", cr), age=age, sex=sex, weight=kg))
    text = kit.words(*cards)
    assert f"ckd-epi 2021 egfr {epi} ml/min" in text
    assert f"cockcroft-gault {cg} ml/min" in text
    assert "lower one, decided" in text
    assert band(cards) == expected


def test_r13_cockcroft_gault_counts_while_the_weight_is_fresh(ask: Any) -> None:
    fresh, stale = kit.lab("weight", 45, hours=720), kit.lab("weight", 45, hours=720.1)
    assert band(ask(severe(fresh, weight=None))) == "half"
    assert band(ask(severe(stale, weight=None))) == "full"
    assert band(ask(severe(weight=None))) == "full"


REPORTED = [
    (60, "", "full"),
    (59.9, "", "half"),
    (30, "", "half"),
    (29.9, "", "low"),
    (15, "", "low"),
    (14.9, "", "none"),
    (60, ">", "full"),
    (15, "<", "none"),
    (45, ">", "none"),  # half or full: no dose
]


@pytest.mark.parametrize(("value", "sign", "expected"), REPORTED, ids=str)
def test_r13_a_reported_egfr_decides_where_there_is_no_creatinine(
    value: float, sign: str, expected: str, ask: Any
) -> None:
    cards = ask(severe(kit.lab("egfr", value, comparator=sign), kidneys="unknown"))
    assert band(cards) == expected
    assert f"{sign}{value}" in kit.words(*cards)


def test_r13_a_reported_egfr_does_not_count_beside_a_creatinine(ask: Any) -> None:
    assert band(ask(severe(kit.lab("egfr", 20)))) == "full"
    assert band(ask(severe(kit.lab("egfr", 90), kidneys="low"))) == "low"


MONTH = 30 * 24
FAILURE: dict[str, dict[str, Any]] = {
    "SNOMED CT": {"problems": [kit.problem("105502003")]},
    "ICD-10-CM": {"problems": [kit.problem("Z99.2")]},
    "procedure": {"procedures": [kit.procedure("302497006", hours=MONTH)]},
    "end-stage": {"problems": [kit.problem("46177005")]},
    "end-stage, ICD-10-CM": {"problems": [kit.problem("N18.6")]},
}
NO_FAILURE: dict[str, dict[str, Any]] = {
    "dialysis over": {"problems": [kit.problem("105502003", clinical="resolved")]},
    "procedure before that": {"procedures": [kit.procedure("302497006", hours=MONTH + 0.1)]},
    "transplant": {"problems": [kit.problem("46177005"), kit.problem("Z94.0")]},
    "CKD 4 with good numbers": {"problems": [kit.problem("431857002")]},
}


@pytest.mark.parametrize("why", FAILURE)
def test_r13_dialysis_and_end_stage_disease_are_hold(why: str, ask: Any) -> None:
    assert band(ask(severe(**FAILURE[why]))) == "none"


@pytest.mark.parametrize("why", NO_FAILURE)
def test_r13_otherwise_the_numbers_decide(why: str, ask: Any) -> None:
    assert band(ask(severe(**NO_FAILURE[why]))) == "full"


@pytest.mark.parametrize("code", ["11042-9", "51618-7"])
def test_r13_a_pre_dialysis_result_of_a_month_is_hold(code: str, ask: Any) -> None:
    unit, value = ("mg/dL", 0.9) if code == "11042-9" else ("mmol/L", 4.0)
    for hours, expected in ((MONTH, "none"), (MONTH + 0.1, "full")):
        cards = ask(severe(kit.lab(code, value, unit, hours=hours)))
        assert band(cards) == expected


def test_r13_failure_goes_before_an_unstable_creatinine(ask: Any) -> None:
    injury = kit.problem("14669001", onset=1)
    assert band(ask(severe(kidneys="hold", problems=[injury]))) == "none"
    dialysis = kit.problem("105502003")
    assert band(ask(severe(problems=[injury, dialysis]))) == "none"


@pytest.mark.parametrize("why", ["SNOMED CT", "ICD-10-CM", "procedure"])
@pytest.mark.parametrize("labs", [[], [kit.lab("egfr", 8)]], ids=["creatinine", "reported"])
def test_r13_in_dialysis_no_egfr_is_printed(why: str, labs: list[Any], ask: Any) -> None:
    bag = kit.draft("magnesium sulfate bag", "2 g")
    tablet = kit.draft("potassium chloride tablet", "20 meq")
    kidneys = "unknown" if labs else "hold"
    for drafts in ([], [bag, tablet]):
        cards = ask(severe(*labs, kidneys=kidneys, drafts=drafts, **FAILURE[why]))
        text = kit.words(*cards)
        assert "ml/min" not in text
        assert "dialysis" in text


RISES = [
    (1.2, 0.9, 44, "low"),
    (1.19, 0.9, 44, "full"),
    (1.2, 0.9, 48, "low"),
    (1.2, 0.9, 48.1, "full"),
    (1.35, 0.9, 120, "low"),
    (1.34, 0.9, 120, "full"),
    (1.35, 0.9, 168, "low"),
    (1.35, 0.9, 168.1, "full"),
    (0.9, 1.8, 44, "full"),
]


@pytest.mark.parametrize(("now", "expected"), [(106.5, "low"), (106.4, "full")])
def test_r13_the_rise_is_26_5_in_micromoles(now: float, expected: str, ask: Any) -> None:
    labs = [kit.lab("14682-9", value, "umol/L", hours=h) for value, h in ((now, 4), (80, 30))]
    assert band(ask(severe(*labs, kidneys="unknown"))) == expected


def test_r13_the_ratio_is_to_the_lowest_of_the_week(ask: Any) -> None:
    now, lowest, earlier = (1.2, 4), (0.8, 100), (1.0, 150)
    labs = [kit.lab("cr", value, hours=hours) for value, hours in (now, lowest, earlier)]
    assert band(ask(severe(*labs))) == "low"
    assert band(ask(severe(labs[0], labs[2]))) == "full"


@pytest.mark.parametrize(("now", "then", "hours", "expected"), RISES, ids=str)
def test_r13_a_rising_creatinine_is_low(
    now: float, then: float, hours: float, expected: str, ask: Any
) -> None:
    cards = ask(severe(kit.lab("cr", now), kit.lab("cr", then, hours=4 + hours)))
    assert band(cards) == expected
    assert ("unstable" in kit.words(*cards)) is (expected == "low")


AKI = "14669001"
INJURIES: list[tuple[dict[str, float], str]] = [
    ({"onset": 168}, "low"),
    ({"onset": 168.1}, "full"),
    ({"recorded": 168}, "low"),
    ({"recorded": 168.1}, "full"),
    ({"onset": 200, "recorded": 1}, "full"),
    ({}, "full"),
]


@pytest.mark.parametrize(("when", "expected"), INJURIES, ids=str)
def test_r13_acute_kidney_injury_of_a_week_is_low(
    when: dict[str, float], expected: str, ask: Any
) -> None:
    assert band(ask(severe(problems=[kit.problem(AKI, **when)]))) == expected


def test_r13_children_have_no_band(ask: Any) -> None:
    cards = ask(severe(age=17))
    assert band(cards) == "none"
    assert "no band is computed for children" in kit.words(*cards)
