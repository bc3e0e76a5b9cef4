"""Clinical pack R4 to R6: how old a result may be, the constants of each unit, and the class of a
magnesium result.

The window of albumin (R4) decides nothing of its own: R20 takes an albumin within 24 h only.
"""

from __future__ import annotations

from typing import Any

import pack_kit as kit
import pytest

DAY = 24
CKD = [kit.problem("709044004")]
MINUTE = 1 / 60
# name: inpatient window, outpatient window (hours), and the patient with that result at that age
WINDOWS = {
    "magnesium": (24, 7 * DAY, lambda h: [kit.lab("mg", 1.0, hours=h)]),
    "potassium": (24, 7 * DAY, lambda h: [kit.lab("k", 2.4, hours=h)]),
    "ionized calcium": (24, 7 * DAY, lambda h: [kit.lab("mg", 1.5), kit.lab("ica", 1.0, hours=h)]),
    "total calcium": (
        *(24, 7 * DAY),
        lambda h: [
            *(kit.lab("mg", 1.5), kit.lab("ca", 7.0, hours=h)),
            kit.lab("albumin", 4.0, hours=h),
        ],
    ),
    "creatinine": (48, 90 * DAY, lambda h: [kit.lab("mg", 1.5), kit.lab("cr", 0.9, hours=h)]),
    "QTc": (48, 7 * DAY, lambda h: [kit.lab("k", 3.2), kit.lab("qtc", 500, hours=h)]),
    "white cells": (7 * DAY, 30 * DAY, lambda h: [kit.lab("wbc", 3.0, hours=h)]),
    "weight": (30 * DAY, 180 * DAY, lambda h: [kit.lab("mg", 1.5), kit.lab("weight", 39, hours=h)]),
}
# What shows that the result was used.
USED = {
    "magnesium": lambda cards: "A2" in kit.rows(cards),
    "potassium": lambda cards: "B4" in kit.rows(cards),
    "ionized calcium": lambda cards: "replace calcium too" in kit.words(*cards),
    "total calcium": lambda cards: "replace calcium too" in kit.words(*cards),
    "creatinine": lambda cards: kit.offered(cards) == [("198741", "400 mg")],
    "QTc": lambda cards: "D2" in kit.rows(cards),
    "white cells": lambda cards: "A6" in kit.rows(cards),
    "weight": lambda cards: kit.offered(cards) == [] and "39 kg" in kit.words(*cards),
}


def at_age(name: str, hours: float, place: str, **more: Any) -> dict[str, Any]:
    """The patient of WINDOWS; outside hospital the visit of today is named."""
    where = {"encounter": kit.ambulatory()} if place == "outpatient" else {}
    lupus = [kit.problem("55464009")] if name == "white cells" else []
    problems = [*lupus, *more.pop("problems", ())]
    weight = None if name == "weight" else 80
    return kit.chart(*WINDOWS[name][2](hours), weight=weight, problems=problems, **where, **more)


@pytest.mark.parametrize("place", ["inpatient", "outpatient"])
@pytest.mark.parametrize("name", WINDOWS)
def test_r04_a_result_is_fresh_up_to_its_window_and_not_a_minute_longer(
    name: str, place: str, ask: Any
) -> None:
    window = WINDOWS[name][0 if place == "inpatient" else 1]
    assert USED[name](ask(at_age(name, window, place)))
    assert not USED[name](ask(at_age(name, window + MINUTE, place)))


def test_r04_in_chronic_kidney_disease_creatinine_is_fresh_for_30_days_outside(ask: Any) -> None:
    month = 30 * DAY
    fresh, stale = month, month + MINUTE
    assert USED["creatinine"](ask(at_age("creatinine", fresh, "outpatient", problems=CKD)))
    assert not USED["creatinine"](ask(at_age("creatinine", stale, "outpatient", problems=CKD)))


@pytest.mark.parametrize(("place", "hours"), [("inpatient", 24.1), ("outpatient", 7 * DAY + 0.1)])
@pytest.mark.parametrize("value", [1.0, 1.5])
def test_r04_a_stale_magnesium_never_drives_a_dose(
    value: float, place: str, hours: float, ask: Any
) -> None:
    cards = ask(kit.chart(kit.lab("mg", value, hours=hours), place=place))
    assert kit.rows(cards) == {"D4": "info"}
    assert kit.drugs(cards) == []


# R5, column by column: mg/dL, mmol/L, meq/L, and the two that follow from them.
UNITS = ("mg/dL", "mmol/L", "meq/L", "mg/L", "umol/L")
LIMITS = {
    "low": (1.7, 0.70, 1.4, 17, 700),
    "severe": (1.2, 0.494, 0.987, 12, 494),
    "critical wording": (1.0, 0.411, 0.823, 10, 411),
    "high": (2.6, 1.07, 2.14, 26, 1070),
    "very high": (4.0, 1.65, 3.29, 40, 1650),
    "obstetric alarm": (8.0, 3.30, 6.58, 80, 3300),
}
LEAST = 0.0001  # far less than a laboratory reports: nothing is rounded before it is compared


def limits(name: str) -> list[Any]:
    """(limit, unit) for a table of tests."""
    found = zip(LIMITS[name], UNITS, strict=True)
    return [pytest.param(limit, unit, id=f"{limit} {unit}") for limit, unit in found]


def magnesium(value: float, unit: str, **more: Any) -> dict[str, Any]:
    """A patient with that magnesium, digits as written."""
    return kit.chart(kit.lab("mg", round(value, 6), unit), **more)


@pytest.mark.parametrize(("limit", "unit"), limits("low"))
def test_r05_low_is_below_its_constant(limit: float, unit: str, ask: Any) -> None:
    assert ask(magnesium(limit, unit)) == []
    assert kit.rows(ask(magnesium(limit - LEAST, unit))) == {"A1": "warning"}


@pytest.mark.parametrize(("limit", "unit"), limits("severe"))
def test_r05_severe_is_below_its_constant(limit: float, unit: str, ask: Any) -> None:
    assert kit.rows(ask(magnesium(limit, unit))) == {"A1": "warning"}
    assert kit.rows(ask(magnesium(limit - LEAST, unit))) == {"A2": "critical"}


@pytest.mark.parametrize(("limit", "unit"), limits("critical wording"))
def test_r05_critical_wording_is_below_its_constant(limit: float, unit: str, ask: Any) -> None:
    assert "critical value" not in kit.words(*ask(magnesium(limit, unit)))
    assert "critical value" in kit.words(*ask(magnesium(limit - LEAST, unit)))


@pytest.mark.parametrize(("limit", "unit"), limits("high"))
def test_r05_high_is_above_its_constant(limit: float, unit: str, ask: Any) -> None:
    tablets = [kit.order("magnesium oxide")]
    assert ask(magnesium(limit, unit, medications=tablets)) == []
    cards = ask(magnesium(limit + LEAST, unit, medications=tablets))
    assert kit.rows(cards) == {"C5": "warning"}


@pytest.mark.parametrize(("limit", "unit"), limits("very high"))
def test_r05_very_high_begins_at_its_constant(limit: float, unit: str, ask: Any) -> None:
    assert ask(magnesium(limit - LEAST, unit)) == []
    assert kit.rows(ask(magnesium(limit, unit))) == {"C5": "critical"}


@pytest.mark.parametrize(("limit", "unit"), limits("obstetric alarm"))
def test_r05_the_obstetric_alarm_is_above_its_constant(limit: float, unit: str, ask: Any) -> None:
    treated: dict[str, Any] = {
        "sex": "female",
        "problems": [kit.problem("398254007")],
        "medications": [kit.order("magnesium sulfate bag", "4 g", route="iv")],
    }
    assert kit.rows(ask(magnesium(limit, unit, **treated))) == {"C5": "info"}
    assert kit.rows(ask(magnesium(limit + LEAST, unit, **treated))) == {"C5": "critical"}


CALCIUM = [(8.5, "mg/dL"), (2.12, "mmol/L"), (4.24, "meq/L")]


@pytest.mark.parametrize(("limit", "unit"), CALCIUM, ids=str)
def test_r05_total_calcium_is_low_below_its_constant(limit: float, unit: str, ask: Any) -> None:
    def cards(value: float) -> str:
        calcium = kit.lab("ca", round(value, 6), unit)
        return kit.words(*ask(kit.chart(kit.lab("mg", 1.5), calcium, kit.lab("albumin", 4.0))))

    assert "replace calcium too" not in cards(limit)
    assert "replace calcium too" in cards(limit - LEAST)


# R6: x, the laboratory's own lower limit, and the class. D is 1.7 mg/dL.
LOW, BORDERLINE, SEVERE, NONE = {"A1": "warning"}, {"A1": "info"}, {"A2": "critical"}, {}
CLASSES = [
    (1.6, None, LOW),
    (1.2, None, LOW),
    (1.19, None, SEVERE),
    (1.7, None, NONE),
    (1.49, 1.5, LOW),
    (1.5, 1.5, BORDERLINE),
    (1.69, 1.5, BORDERLINE),
    (1.7, 1.5, NONE),
    (1.69, 1.8, LOW),
    (1.7, 1.8, BORDERLINE),
    (1.79, 1.8, BORDERLINE),
    (1.8, 1.8, NONE),
    (1.69, 1.7, LOW),
    (1.19, 1.2, SEVERE),
    (1.2, 1.2, BORDERLINE),
    (1.6, 1.19, LOW),
    (2.19, 2.2, BORDERLINE),
    (2.19, 2.21, NONE),
]


@pytest.mark.parametrize(("value", "low", "expected"), CLASSES, ids=str)
def test_r06_two_lower_limits_make_low_and_borderline(
    value: float, low: float | None, expected: dict[str, str], ask: Any
) -> None:
    cards = ask(kit.chart(kit.lab("mg", value, low=low)))
    assert kit.rows(cards) == expected
    assert (kit.drugs(cards) != []) is (expected in (LOW, SEVERE))


def test_r06_the_laboratory_limit_counts_in_the_unit_of_the_result_only(ask: Any) -> None:
    limit = {"value": 0.75, "unit": "mmol/L", "system": "http://unitsofmeasure.org"}
    other = kit.lab("mg", 1.8, referenceRange=[{"low": limit | {"code": "mmol/L"}}])
    assert ask(kit.chart(other)) == []
    same = kit.lab("mg", 0.74, "mmol/L", low=0.75)
    assert kit.rows(ask(kit.chart(same))) == {"A1": "info"}


def test_r06_borderline_fires_no_potassium_card_and_suggests_nothing(ask: Any) -> None:
    earlier = [kit.lab("k", 3.0, hours=30)]
    cards = ask(
        kit.chart(
            *(kit.lab("mg", 1.6, low=1.5), kit.lab("k", 3.0), *earlier),
            administrations=[kit.given("potassium chloride", "40 meq", hours=20)],
        )
    )
    assert kit.rows(cards) == {"A1": "info"}
    assert kit.actions(cards) == []


def test_r06_the_upper_limit_of_the_laboratory_is_not_used(ask: Any) -> None:
    range_ = [{"high": {"value": 2.2, "unit": "mg/dL", "code": "mg/dL"}}]
    tablets = [kit.order("magnesium oxide")]
    assert ask(kit.chart(kit.lab("mg", 2.5, referenceRange=range_), medications=tablets)) == []


COMPARATORS = [
    ("<", 1.2, SEVERE),
    ("<", 0.5, SEVERE),
    ("<", 1.7, LOW),
    (">", 2.6, {"C5": "warning"}),
    (">", 4.0, {"C5": "critical"}),
    (">", 3.9, {"C5": "warning"}),
]


@pytest.mark.parametrize(("sign", "value", "expected"), COMPARATORS, ids=str)
def test_r06_a_comparator_decides_where_every_possible_value_does(
    sign: str, value: float, expected: dict[str, str], ask: Any
) -> None:
    # High is a finding with a product; low with one on order would be information only.
    on_order = [kit.order("magnesium oxide")] if sign == ">" else []
    cards = ask(kit.chart(kit.lab("mg", value, comparator=sign), medications=on_order))
    assert kit.rows(cards) == expected


@pytest.mark.parametrize("value", [1.7, 1.21])
def test_r06_low_but_how_low_is_not_known_so_there_is_no_dose(value: float, ask: Any) -> None:
    cards = ask(kit.chart(kit.lab("mg", value, comparator="<")))
    assert kit.rows(cards) == LOW
    assert kit.drugs(cards) == []


@pytest.mark.parametrize(("sign", "value"), [("<", 1.71), ("<", 2.6), (">", 2.59), (">", 1.0)])
def test_r06_a_comparator_that_leaves_it_open_decides_nothing(
    sign: str, value: float, ask: Any
) -> None:
    cards = ask(kit.chart(kit.lab("mg", value, comparator=sign)))
    assert kit.rows(cards) == {"D4": "info"}
    assert kit.drugs(cards) == []
