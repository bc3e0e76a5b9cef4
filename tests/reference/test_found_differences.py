"""Where the engine once did not say what the rule language says, found by the naive evaluator."""

from __future__ import annotations

from typing import Any

import pytest
from sides import Answer, Given, engine, naive
from vocabulary import compiled, rule_file, shared_file

from cds.errors import RulebookError

NO_DOSE = {
    "by": ["setting"],
    "of": "magnesium_sulfate_dose",
    "unit": "g",
    "rows": {"inpatient": "none", "outpatient": "none", "unknown": "none"},
    "why": "made up",
    "cite": ["paper"],
}
CLASS: dict[str, Any] = {
    "of": "magnesium",
    "steps": ["severe", "magnesium_0", "low", "magnesium_1", "normal"],
    "contested": {"label": "borderline", "threshold": "magnesium_1", "by": "magnesium_lab_low"},
}


def both(when: dict[str, Any], given: Given, band: dict[str, Any] = CLASS) -> tuple[Answer, Answer]:
    """What the engine and the naive evaluator say about a rule with this one level."""
    level = {"row": "X1", "indicator": "info", "when": when, "summary": "made up"}
    shared = shared_file({"class": band}, {"no_dose": NO_DOSE}, {})
    rules = compiled(shared, [rule_file("rule", [level], {})])
    return engine(rules, "rule", given), naive(rules, "rule", given)


@pytest.mark.parametrize("operator", ["below", "at_most"])
@pytest.mark.parametrize("text", ["missing dose-unclear", "not known"])
def test_missing_is_not_false_beside_a_cell_without_a_dose(operator: str, text: str) -> None:
    said, wanted = both({"order_dose": {operator: {"table": "no_dose"}}}, {"order_dose": text})
    assert wanted.outcome == "cannot-tell"
    assert said == wanted


def test_no_dose_is_between_a_limit_and_a_cell_without_a_dose() -> None:
    when = {"order_dose": {"between": ["2 g", {"table": "no_dose"}]}}
    said, wanted = both(when, {"order_dose": "4 g"})
    assert wanted.outcome == "silent"
    assert said == wanted


@pytest.mark.parametrize(
    ("magnesium", "lab_low", "label"),
    [("<2.0 mg/dL", "1.7 mg/dL", "borderline"), ("1.0 to 1.3 mg/dL", "1.2 mg/dL", "low")],
)
def test_an_interval_has_only_the_labels_of_its_numbers(
    magnesium: str, lab_low: str, label: str
) -> None:
    given = {"magnesium": magnesium, "magnesium_lab_low": lab_low}
    said, wanted = both({"class": {"is": label}}, given)
    assert wanted.outcome == "silent"
    assert said == wanted


def test_a_contested_limit_with_above_does_not_load() -> None:
    """What such a limit means is written nowhere, and two readings differ on the limit itself."""
    above = [f"above {step}" if step == "magnesium_1" else step for step in CLASS["steps"]]
    with pytest.raises(RulebookError, match="cannot be contested"):
        both({"class": {"is": "low"}}, {"magnesium": "1.7 mg/dL"}, {**CLASS, "steps": above})
