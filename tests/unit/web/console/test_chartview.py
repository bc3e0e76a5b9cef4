"""The chart of the sandbox: values as they were sent, and what counts as a dot of a line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from cds.web.console.chartparts import Moment, moment_of, years
from cds.web.console.chartview import Chart, Series, chart

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LIMITS = ((1.2, "severe below this"), (1.7, "low below this"))


def limits(system: str, code: str, unit: str) -> Sequence[tuple[float, str]]:
    known = (system, code, unit) == ("http://loinc.org", "19123-9", "mg/dL")
    return LIMITS if known else ()


def result(hour: int = 9, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {
            "coding": [{"system": "http://loinc.org", "code": "19123-9"}],
            "text": "Magnesium",
        },
        "effectiveDateTime": f"2026-11-22T{hour:02}:00:00Z",
        "valueQuantity": {"value": 1.8, "unit": "mg/dL", "code": "mg/dL"},
        **more,
    }


def of(*results: dict[str, Any], **prefetch: Any) -> Chart:
    entries = [{"resource": item} for item in results]
    return chart({"observations": {"entry": entries}, **prefetch}, NOW, limits)


def only(*results: dict[str, Any]) -> Series:
    (found,) = of(*results).labs
    return found


def test_results_of_one_test_are_one_line_oldest_first_and_a_table_newest_first() -> None:
    found = only(result(7, valueQuantity={"value": 1.0, "unit": "mg/dL"}), result(9))
    assert [value for _, value in found.points] == [1.0, 1.8]
    assert [(item.value, item.at.ago) for item in found.results] == [
        ("1.8", "3 h ago"),
        ("1.0", "5 h ago"),
    ]
    assert found.limits == LIMITS


@pytest.mark.parametrize(
    "odd",
    [
        {"status": "preliminary"},
        {"status": "entered-in-error"},
        {"valueQuantity": {"value": 1.2, "comparator": "<", "unit": "mg/dL"}},
        {"valueQuantity": {"value": "low", "unit": "mg/dL"}},
        {"effectiveDateTime": None},
        {"effectiveDateTime": "2026-11"},
    ],
)
def test_a_result_that_does_not_count_or_is_not_exact_is_in_the_table_but_no_dot(
    odd: dict[str, Any],
) -> None:
    found = only(result(**odd))
    assert len(found.results) == 1
    assert found.points == ()


def test_a_result_without_a_value_says_so() -> None:
    (found,) = of(result(valueQuantity=None)).labs
    assert found.results[0].value == "no value"


def test_another_unit_is_another_line_without_limits_that_do_not_fit() -> None:
    found = of(result(), result(8, valueQuantity={"value": 0.7, "unit": "mmol/L"})).labs
    assert [(item.unit, len(item.limits)) for item in found] == [("mg/dL", 2), ("mmol/L", 0)]


def test_the_band_is_the_newest_range_that_a_result_carries() -> None:
    ranged = {
        "referenceRange": [
            {"low": {"value": 1.9, "unit": "mg/dL"}, "high": {"value": 2.9, "unit": "mg/dL"}}
        ]
    }
    found = only(result(7, **ranged), result(9))
    assert (found.low, found.high) == (1.9, 2.9)
    assert found.results[1].range == "1.9 mg/dL to 2.9 mg/dL"
    assert only(result()).low is None


def test_a_remark_stands_beside_its_result() -> None:
    found = only(result(note=[{"text": "haemolysed"}, {"text": "repeat"}]))
    assert found.results[0].comment == "haemolysed; repeat"


@pytest.mark.parametrize(
    ("prefetch", "said"),
    [
        ({}, "Not sent"),
        ({"problems": None}, "sent as null"),
        ({"problems": {"resourceType": "Bundle"}}, "None."),
        ({"problems": {"resourceType": "OperationOutcome"}}, "failed"),
    ],
)
def test_not_sent_null_failed_and_empty_are_four_things(
    prefetch: dict[str, Any], said: str
) -> None:
    (found,) = [part for part in of(**prefetch).lists if part.id == "problems"]
    assert found.rows == ()
    assert said in found.empty


def test_the_banner_says_what_is_not_known() -> None:
    assert dict(of().banner) == {
        "Name": "not stated",
        "Age": "not known: no birth date",
        "Sex": "not stated",
        "Weight": "not recorded",
        "Setting": "no encounter",
    }


@pytest.mark.parametrize(
    ("value", "ago", "full"),
    [
        ("2026-11-22T12:00:00Z", "now", "2026-11-22 12:00 UTC"),
        ("2026-11-22T12:45:00+01:00", "15 min ago", "2026-11-22 11:45 UTC"),
        ("2026-11-22T10:30:00Z", "2 h ago", "2026-11-22 10:30 UTC"),
        ("2026-11-21T10:00:00Z", "26 h ago", "2026-11-21 10:00 UTC"),
        ("2026-11-19T10:00:00Z", "3 d ago", "2026-11-19 10:00 UTC"),
        ("2026-11-22T15:00:00Z", "in 3 h", "2026-11-22 15:00 UTC"),
        ("2026-11-22", "today", "2026-11-22"),
        ("2026-11-12", "10 d ago", "2026-11-12"),
        ("2019-11-22", "7 years ago", "2019-11-22"),
        ("2026-11", "", "2026-11"),
        (None, "", ""),
        (5, "", ""),
    ],
)
def test_a_time_is_told_as_an_age_and_in_full(value: Any, ago: str, full: str) -> None:
    found = moment_of(value, NOW)
    assert (found.ago, found.full) == (ago, full)
    assert isinstance(found, Moment)


@pytest.mark.parametrize(
    ("born", "age"),
    [
        ("1959-04-25", "67 years"),
        ("1959-11-23", "66 years"),
        ("2025-11-22", "12 months"),
        ("2026-11-02", "20 days"),
        ("sometime", "age not known"),
    ],
)
def test_an_age_is_in_years_and_of_the_smallest_in_months_and_days(born: str, age: str) -> None:
    assert years(born, NOW) == age
