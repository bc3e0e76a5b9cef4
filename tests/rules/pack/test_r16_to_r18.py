"""Clinical pack R16 to R18: potassium orders. Each limit from both sides; what may be removed, and
what may not."""

from __future__ import annotations

from typing import Any

import pytest
from pack_kit import (
    card,
    chart,
    deleted,
    draft,
    drip,
    intensive_care,
    lab,
    order,
    per_day,
    problem,
    rows,
    tablets,
    words,
)

Json = dict[str, Any]
DAY = 24
HAEMOLYSED = {"note": [{"text": "Hemolyzed specimen."}]}
NORMAL = lab("mg", 2.0)


def level(ask: Any, request: Json, row: str) -> str | None:
    """The indicator of the card that shows the row, or nothing."""
    return rows(ask(request)).get(row)


# R16: C4, potassium that may rise too far


@pytest.mark.parametrize(
    ("result", "expected", "removed"),
    [
        (lab("k", 4.9), None, False),
        (lab("k", 5.0), "critical", True),
        (lab("k", 4.9, **HAEMOLYSED), None, False),
        (lab("k", 5.0, **HAEMOLYSED), "critical", False),
        (lab("k", 4.9, status="preliminary"), None, False),
        (lab("k", 5.0, status="preliminary"), "critical", False),
        (lab("k", 4.9, hours=7 * DAY), None, False),
        (lab("k", 5.0, hours=7 * DAY), "critical", False),
        (lab("k", 5.0, hours=7 * DAY + 1), None, False),
    ],
)
def test_r16_potassium_of_5_or_more_is_critical_and_only_a_usable_one_removes_the_order(
    ask: Any, result: Json, expected: str | None, removed: bool
) -> None:
    cards = ask(chart(NORMAL, result, drafts=[tablets()]))
    assert rows(cards).get("C4") == expected
    assert deleted(cards) == (["MedicationRequest/draft-0"] if removed else [])


@pytest.mark.parametrize(
    ("kidneys", "expected"),
    [("full", None), ("half", "warning"), ("low", "critical"), ("hold", "critical")],
)
def test_r16_reduced_kidneys_warn_of_potassium_and_nothing_is_removed(
    ask: Any, kidneys: str, expected: str | None
) -> None:
    cards = ask(chart(NORMAL, lab("k", 3.4), kidneys=kidneys, drafts=[tablets()]))
    assert rows(cards).get("C4") == expected
    assert deleted(cards) == []


def test_r16_unknown_kidneys_are_a_matter_of_c6(ask: Any) -> None:
    found = rows(ask(chart(NORMAL, lab("k", 3.4), kidneys="unknown", drafts=[tablets()])))
    assert "C4" not in found
    assert found["C6"] == "warning"


RETAINING = [
    *("lisinopril", "losartan", "sacubitril and valsartan", "spironolactone", "trimethoprim"),
    *("heparin", "enoxaparin", "tacrolimus", "cyclosporine", "ibuprofen"),
]


@pytest.mark.parametrize("drug", RETAINING)
def test_r16_a_drug_that_retains_potassium_is_named_in_a_warning(ask: Any, drug: str) -> None:
    active = [order(drug)]
    cards = ask(chart(NORMAL, lab("k", 3.4), drafts=[tablets()], medications=active))
    assert rows(cards)["C4"] == "warning"
    assert drug.split()[0] in words(card(cards, "C4"))
    assert deleted(cards) == []


@pytest.mark.parametrize("drug", ["amiloride", "triamterene"])
def test_r16_amiloride_and_triamterene_are_critical_and_the_order_may_go(
    ask: Any, drug: str
) -> None:
    active = [order(drug)]
    cards = ask(chart(NORMAL, lab("k", 3.4), drafts=[tablets()], medications=active))
    assert rows(cards)["C4"] == "critical"
    assert deleted(cards) == ["MedicationRequest/draft-0"]


@pytest.mark.parametrize("dose", ["81 mg", "100 mg"])
def test_r16_aspirin_up_to_100_mg_is_no_nsaid(ask: Any, dose: str) -> None:
    aspirin = order("aspirin", dose, route="oral", repeat=per_day(1))
    request = chart(NORMAL, lab("k", 3.4), drafts=[tablets()], medications=[aspirin])
    assert level(ask, request, "C4") is None


def test_r16_a_drug_that_is_only_drafted_is_not_active(ask: Any) -> None:
    request = chart(NORMAL, lab("k", 3.4), drafts=[tablets()], unselected=[draft("lisinopril")])
    assert level(ask, request, "C4") is None


@pytest.mark.parametrize(("place", "recheck"), [("inpatient", "24-72 h"), ("outpatient", "3-7 d")])
def test_r16_the_card_says_low_end_and_when_to_recheck(ask: Any, place: str, recheck: str) -> None:
    active = [order("lisinopril")]
    request = chart(NORMAL, lab("k", 3.4), place=place, drafts=[tablets()], medications=active)
    text = words(card(ask(request), "C4"))
    assert "low end" in text
    assert recheck in text


# R17: C4-iv, the limits of the injection label


@pytest.mark.parametrize(
    ("rate", "potassium", "icu", "expected"),
    [
        ("10 meq/h", 3.0, False, None),
        ("10.1 meq/h", 3.0, False, "warning"),
        ("20 meq/h", 3.0, False, "warning"),
        ("20.1 meq/h", 3.0, False, "critical"),
        ("20.1 meq/h", 1.9, True, "warning"),
        ("40 meq/h", 1.9, True, "warning"),
        ("40 meq/h", 1.9, False, "critical"),
        ("40 meq/h", 2.0, True, "critical"),
        ("40.1 meq/h", 1.9, True, "critical"),
        ("", 3.0, False, "warning"),
    ],
)
def test_r17_the_rate_of_iv_potassium_decides(
    ask: Any, rate: str, potassium: float, icu: bool, expected: str | None
) -> None:
    place = intensive_care() if icu else None
    cards = ask(chart(NORMAL, lab("k", potassium), encounter=place, drafts=[drip("60 meq", rate)]))
    assert rows(cards).get("C4-iv") == expected
    assert deleted(cards) == []


def test_r17_without_a_rate_the_card_asks_to_state_it(ask: Any) -> None:
    cards = ask(chart(NORMAL, lab("k", 3.0), drafts=[drip(rate="")]))
    assert "state rate" in words(card(cards, "C4-iv")).replace("state the rate", "state rate")


def test_r17_a_potassium_that_could_not_be_used_allows_no_higher_rate(ask: Any) -> None:
    low = lab("k", 1.9, status="preliminary")
    request = chart(NORMAL, low, encounter=intensive_care(), drafts=[drip("60 meq", "30 meq/h")])
    assert level(ask, request, "C4-iv") == "critical"


@pytest.mark.parametrize(
    ("dose", "times", "expected"),
    [
        ("50 meq", 4, None),
        ("50.25 meq", 4, "warning"),
        ("100 meq", 4, "warning"),
        ("100.25 meq", 4, "critical"),
    ],
)
def test_r17_the_amount_of_24_hours_decides(
    ask: Any, dose: str, times: int, expected: str | None
) -> None:
    request = chart(NORMAL, lab("k", 3.0), drafts=[drip(dose, "10 meq/h", times)])
    assert level(ask, request, "C4-iv") == expected


def test_r17_a_push_is_critical_and_may_be_removed(ask: Any) -> None:
    pushed = drip()
    pushed["dosageInstruction"][0]["method"] = {"text": "IV push"}
    cards = ask(chart(NORMAL, lab("k", 3.0), drafts=[pushed]))
    assert rows(cards)["C4-iv"] == "critical"
    assert deleted(cards) == ["MedicationRequest/draft-0"]


@pytest.mark.parametrize(
    ("text", "expected"), [("", "critical"), ("in 1000 mL sodium chloride 0.9 %", None)]
)
def test_r17_the_concentrate_needs_a_diluent(ask: Any, text: str, expected: str | None) -> None:
    bulk = draft("potassium chloride concentrate", "20 meq", route="iv", rate="10 meq/h")
    bulk["dosageInstruction"][0] |= {"text": text} if text else {}
    cards = ask(chart(NORMAL, lab("k", 3.0), drafts=[bulk]))
    assert rows(cards).get("C4-iv") == expected
    assert deleted(cards) == (["MedicationRequest/draft-0"] if expected else [])


# R18: C4-po, the limits of the oral labels


@pytest.mark.parametrize(
    ("dose", "times", "expected"),
    [
        ("20 meq", 1, None),
        ("21 meq", 1, "info"),
        ("40 meq", 1, "info"),
        ("41 meq", 1, "critical"),
        ("40 mmol", 1, "info"),
        ("41 mmol", 1, "critical"),
        ("20 meq", 5, None),
        ("25 meq", 4, "info"),
        ("25.25 meq", 4, "warning"),
        ("20 meq", 6, "warning"),
    ],
)
def test_r18_the_oral_dose_and_the_day_decide(
    ask: Any, dose: str, times: int, expected: str | None
) -> None:
    cards = ask(chart(NORMAL, lab("k", 3.4), drafts=[tablets(dose, times)]))
    assert rows(cards).get("C4-po") == expected
    assert deleted(cards) == []
    if expected == "info":
        assert "20 or 40 meq" in words(card(cards, "C4-po"))


@pytest.mark.parametrize(
    ("potassium", "beside", "expected"),
    [
        (lab("k", 2.5), [], None),
        (lab("k", 2.4), [], "warning"),
        (lab("k", 2.4, status="preliminary"), [], None),
        (lab("k", 2.4), [drip(status="active", hours=2)], None),
    ],
)
def test_r18_potassium_below_2_5_with_only_oral_potassium_asks_for_iv(
    ask: Any, potassium: Json, beside: list[Json], expected: str | None
) -> None:
    cards = ask(chart(NORMAL, potassium, drafts=[tablets()], medications=beside))
    assert rows(cards).get("C4-po") == expected
    if expected:
        assert "iv per label" in words(card(cards, "C4-po"))


@pytest.mark.parametrize("code", ["40739000", "K22.2", "K56.60", "235675006", "K31.84"])
def test_r18_solid_potassium_that_can_lodge_asks_for_a_liquid(ask: Any, code: str) -> None:
    listed = [problem(code)]
    cards = ask(chart(NORMAL, lab("k", 3.4), drafts=[tablets()], problems=listed))
    assert rows(cards)["C4-po"] == "warning"
    assert "liquid or powder" in words(card(cards, "C4-po"))


def test_r18_a_liquid_is_no_matter_of_dysphagia(ask: Any) -> None:
    liquid = draft("potassium chloride oral solution", "20 meq", route="oral", repeat=per_day(1))
    listed = [problem("40739000")]
    request = chart(NORMAL, lab("k", 3.4), drafts=[liquid], problems=listed)
    assert level(ask, request, "C4-po") is None
