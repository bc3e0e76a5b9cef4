"""Clinical pack R14 and R15: a magnesium draft in renal impairment, and one edit for one draft."""

from __future__ import annotations

from typing import Any

import pack_kit as kit
import pytest

NORMAL, SEVERE, LOW, UNKNOWN = 2.0, 1.0, 1.5, None
DRAFT = "MedicationRequest/draft-0"


def bag(dose: str) -> dict[str, Any]:
    return kit.draft("magnesium sulfate bag", dose)


def tablets(a_day: int) -> dict[str, Any]:
    repeat = {"frequency": a_day, "period": 1, "periodUnit": "d"}
    return kit.draft("magnesium oxide", "400 mg", route="oral", repeat=repeat)


def ordered(draft: dict[str, Any], mg: float | None, band: str, **more: Any) -> dict[str, Any]:
    """That draft, selected, with that magnesium and those kidneys."""
    labs = [] if mg is None else [kit.lab("mg", mg)]
    return kit.chart(*labs, kidneys=band, drafts=[draft], **more)


# kidneys, magnesium, the dose ordered, the level, and what it is reduced to (R11: base 4 or 2 g)
IV: list[tuple[str, float | None, str, str, str]] = [
    ("half", SEVERE, "2 g", "warning", ""),
    ("half", SEVERE, "2.01 g", "critical", "2 g"),
    ("half", SEVERE, "4 g", "critical", "2 g"),
    ("half", LOW, "1 g", "warning", ""),
    ("half", LOW, "1.01 g", "critical", "1 g"),
    ("half", NORMAL, "1 g", "warning", ""),
    ("half", NORMAL, "2 g", "critical", "1 g"),
    ("half", UNKNOWN, "1 g", "warning", ""),
    ("half", UNKNOWN, "2 g", "critical", "1 g"),
    ("low", SEVERE, "1 g", "warning", ""),
    ("low", SEVERE, "2 g", "critical", "1 g"),
    ("low", NORMAL, "1 g", "warning", ""),
    ("low", NORMAL, "1.01 g", "critical", "1 g"),
    ("low", UNKNOWN, "2 g", "critical", "1 g"),
]


@pytest.mark.parametrize(("band", "mg", "dose", "level", "reduced"), IV, ids=str)
def test_r14_an_infusion_is_held_against_25_to_50_percent_of_the_usual_dose(
    band: str, mg: float | None, dose: str, level: str, reduced: str, ask: Any
) -> None:
    cards = ask(ordered(bag(dose), mg, band))
    assert kit.rows(cards)["C1"] == level
    assert kit.offered(cards, "update") == ([("829757", reduced)] if reduced else [])
    assert kit.deleted(cards) == []


def test_r14_the_update_is_the_same_order_with_another_dose(ask: Any) -> None:
    draft = kit.draft("magnesium sulfate bag", "4 g", rate="2 g/h")
    cards = ask(ordered(draft, NORMAL, "half"))
    (order,) = kit.drugs(cards, "update")
    assert (order["resourceType"], order["id"]) == ("MedicationRequest", "draft-0")
    dosage = order["dosageInstruction"][0]
    assert dosage["doseAndRate"][0]["rateQuantity"]["value"] == 1
    assert "1 g" in dosage["text"]
    assert "1 g/h" in dosage["text"]
    assert kit.drugs(cards) == []


@pytest.mark.parametrize("dose", ["4", "4 apples", ""])
@pytest.mark.parametrize("band", ["half", "low"])
def test_r14_a_dose_that_cannot_be_read_is_critical_text(band: str, dose: str, ask: Any) -> None:
    cards = ask(ordered(bag(dose), NORMAL, band))
    assert kit.rows(cards)["C1"] == "critical"
    assert kit.actions([kit.card(cards, "C1")]) == []
    assert "could not be read" in kit.words(kit.card(cards, "C1"))


@pytest.mark.parametrize("drug", ["magnesium sulfate vial", "magnesium sulfate"])
def test_r14_another_iv_product_is_text(drug: str, ask: Any) -> None:
    cards = ask(ordered(kit.draft(drug, "4 g"), NORMAL, "half"))
    assert kit.rows(cards)["C1"] == "critical"
    assert kit.actions(cards) == []


ORAL = [
    ("half", 1, "warning", []),
    ("half", 2, "critical", []),
    ("low", 1, "critical", [DRAFT]),
    ("low", 2, "critical", [DRAFT]),
]


@pytest.mark.parametrize(("band", "a_day", "level", "gone"), ORAL)
def test_r14_tablets_one_a_day_with_half_kidneys_and_none_with_low(
    band: str, a_day: int, level: str, gone: list[str], ask: Any
) -> None:
    cards = ask(ordered(tablets(a_day), NORMAL, band))
    assert kit.rows(cards)["C1"] == level
    assert kit.deleted(cards) == gone
    assert kit.drugs(cards, "update") == []


@pytest.mark.parametrize(("band", "dose"), [("half", "800 mg"), ("low", "400 mg")])
def test_r14_one_dose_above_the_day_is_above_it_whatever_the_frequency(
    band: str, dose: str, ask: Any
) -> None:
    cards = ask(ordered(kit.draft("magnesium oxide", dose, route="oral"), NORMAL, band))
    assert kit.rows(cards)["C1"] == "critical"


@pytest.mark.parametrize("dose", ["400", "400 apples", ""])
def test_r14_an_oral_dose_that_cannot_be_read_is_critical_text(dose: str, ask: Any) -> None:
    cards = ask(ordered(kit.draft("magnesium oxide", dose, route="oral"), NORMAL, "half"))
    assert kit.rows(cards)["C1"] == "critical"
    assert kit.actions(cards) == []


@pytest.mark.parametrize("draft", [bag("1 g"), bag("4 g"), tablets(2)], ids=["1 g", "4 g", "oral"])
def test_r14_the_card_says_what_section_3_asks_of_it(draft: dict[str, Any], ask: Any) -> None:
    text = kit.words(kit.card(ask(ordered(draft, NORMAL, "half")), "C1"))
    assert "if this is replacement" in text
    assert "ckd-epi 2021 egfr 49 ml/min" in text
    assert "cockcroft-gault 56 ml/min" in text
    assert "25-50" in text
    assert "recheck" in text
    assert "before any further dose" in text


@pytest.mark.parametrize("draft", [bag("4 g"), tablets(2)], ids=["bag", "tablets"])
def test_r14_with_full_kidneys_there_is_no_c1(draft: dict[str, Any], ask: Any) -> None:
    assert "C1" not in kit.rows(ask(ordered(draft, NORMAL, "full")))


def test_r14_a_laxative_is_no_replacement(ask: Any) -> None:
    cards = ask(ordered(kit.draft("magnesium hydroxide"), NORMAL, "half"))
    assert "C1" not in kit.rows(cards)


PROTOCOL: dict[str, dict[str, Any]] = {
    "pregnant": {"problems": [kit.problem("77386006")], "sex": "female"},
    "pre-eclampsia": {"problems": [kit.problem("398254007")], "sex": "female"},
    "eclampsia": {"problems": [kit.problem("15938005")], "sex": "female"},
    "emergency": {"problems": [kit.problem("31722008", onset=1)]},
}


@pytest.mark.parametrize("why", PROTOCOL)
@pytest.mark.parametrize("dose", ["1 g", "4 g", "4"])
def test_r14_obstetric_and_emergency_magnesium_is_warned_of_and_not_edited(
    why: str, dose: str, ask: Any
) -> None:
    cards = ask(ordered(bag(dose), NORMAL, "half", **PROTOCOL[why]))
    assert kit.rows(cards)["C1"] == "warning"
    assert kit.deleted(cards) == kit.drugs(cards, "update") == []
    text = kit.words(kit.card(cards, "C1"))
    wanted = ["renal impairment: protocol dose", "levels", "reflexes", "urine output"]
    assert [words for words in wanted if words not in text] == []


@pytest.mark.parametrize("why", PROTOCOL)
def test_r14_the_same_holds_for_c2(why: str, ask: Any) -> None:
    cards = ask(ordered(bag("4 g"), NORMAL, "hold", **PROTOCOL[why]))
    assert kit.rows(cards)["C2"] == "critical"
    assert kit.deleted(cards) == kit.drugs(cards, "update") == []


def test_r14_elsewhere_c2_takes_the_draft_off(ask: Any) -> None:
    for draft in (bag("1 g"), tablets(1), kit.draft("magnesium citrate")):
        cards = ask(ordered(draft, NORMAL, "hold"))
        assert kit.rows(cards)["C2"] == "critical"
        assert kit.deleted(cards) == [DRAFT]


ORDER = ("C5", "C2", "C7", "C3", "C1")
MYASTHENIA = {"problems": [kit.problem("91637004")]}
HYDROXIDE = kit.draft("magnesium hydroxide")
# draft, magnesium, kidneys, more of the patient, the row that remains, whether the draft goes
ONE_ROW: list[tuple[dict[str, Any], float, str, dict[str, Any], str, bool]] = [
    (bag("4 g"), 3.0, "hold", MYASTHENIA, "C5", True),
    (bag("4 g"), 3.0, "half", MYASTHENIA, "C5", True),
    (bag("4 g"), 3.0, "half", {}, "C5", True),
    (bag("4 g"), 2.0, "hold", MYASTHENIA, "C2", True),
    (bag("4 g"), 2.0, "half", MYASTHENIA, "C7", False),
    (HYDROXIDE, 3.0, "half", {}, "C5", True),
    (HYDROXIDE, 3.0, "hold", {}, "C5", True),
    (HYDROXIDE, 2.0, "hold", {}, "C2", True),
    (HYDROXIDE, 2.0, "low", {}, "C3", True),
    (HYDROXIDE, 2.0, "half", {}, "C3", True),
    (tablets(2), 3.0, "low", {}, "C5", True),
    (tablets(2), 2.0, "hold", MYASTHENIA, "C2", True),
    (tablets(2), 2.0, "low", MYASTHENIA, "C1", True),
]


@pytest.mark.parametrize(("draft", "mg", "band", "more", "row", "gone"), ONE_ROW)
def test_r15_one_magnesium_draft_has_one_row_and_at_most_one_edit(
    draft: dict[str, Any],
    mg: float,
    band: str,
    more: dict[str, Any],
    row: str,
    gone: bool,
    ask: Any,
) -> None:
    cards = ask(ordered(draft, mg, band, **more))
    assert [name for name in ORDER if name in kit.rows(cards)] == [row]
    assert kit.deleted(cards) == ([DRAFT] if gone else [])
    assert kit.drugs(cards, "update") == []


def test_r15_two_magnesium_drafts_have_a_row_each_and_an_edit_each(ask: Any) -> None:
    request = kit.chart(kit.lab("mg", 2.0), kidneys="half", drafts=[bag("4 g"), HYDROXIDE])
    cards = ask(request)
    assert kit.rows(cards) == {"C1": "critical", "C3": "warning"}
    assert kit.offered(cards, "update") == [("829757", "1 g")]
    assert kit.deleted(cards) == ["MedicationRequest/draft-1"]


def test_r15_c3_is_not_shown_for_any_product_while_c5_fires(ask: Any) -> None:
    active = [kit.order("magnesium citrate")]
    state = ask(kit.chart(kit.lab("mg", 3.0), kidneys="low", medications=active))
    assert kit.rows(state) == {"C5": "warning"}
    for draft in (HYDROXIDE, bag("1 g")):
        cards = ask(ordered(draft, 3.0, "low", medications=active))
        assert [name for name in ORDER if name in kit.rows(cards)] == ["C5"]
        assert "magnesium citrate" in kit.words(*cards)


def potassium(dose: str, *, route: str, rate: str = "") -> dict[str, Any]:
    drug = "potassium chloride tablet" if route == "oral" else "potassium chloride"
    return kit.draft(drug, dose, route=route, rate=rate)


LISINOPRIL = {"medications": [kit.order("lisinopril")]}
AMILORIDE = {"medications": [kit.order("amiloride")]}
# draft, potassium, more of the patient, the rows that fold with the head first, level, words of all
FOLDED: list[tuple[dict[str, Any], float, dict[str, Any], list[str], str, list[str]]] = [
    (
        potassium("20 meq", route="iv", rate="25 meq/h"),
        *(3.4, LISINOPRIL, ["C4-iv", "C4"], "critical", ["20 meq/h", "lisinopril"]),
    ),
    (
        potassium("20 meq", route="iv", rate="15 meq/h"),
        *(3.4, AMILORIDE, ["C4", "C4-iv"], "critical", ["10 meq/h", "amiloride"]),
    ),
    (
        potassium("20 meq", route="iv", rate="25 meq/h"),
        *(3.4, AMILORIDE, ["C4", "C4-iv"], "critical", ["20 meq/h", "amiloride"]),
    ),
    (
        potassium("20 meq", route="iv"),
        *(3.4, LISINOPRIL, ["C4", "C4-iv"], "warning", ["state the rate", "lisinopril"]),
    ),
    (
        potassium("60 meq", route="oral"),
        *(3.4, LISINOPRIL, ["C4-po", "C4"], "critical", ["40 meq", "lisinopril"]),
    ),
    (
        potassium("40 meq", route="oral"),
        *(3.4, LISINOPRIL, ["C4", "C4-po"], "warning", ["20", "lisinopril"]),
    ),
    (
        potassium("60 meq", route="oral"),
        *(5.2, LISINOPRIL, ["C4", "C4-po"], "critical", ["40 meq", "5.2", "lisinopril"]),
    ),
]


@pytest.mark.parametrize(("draft", "k", "more", "expected", "level", "said"), FOLDED)
def test_r15_one_card_for_one_potassium_draft(
    draft: dict[str, Any],
    k: float,
    more: dict[str, Any],
    expected: list[str],
    level: str,
    said: list[str],
    ask: Any,
) -> None:
    cards = ask(kit.chart(kit.lab("mg", 2.0), kit.lab("k", k), drafts=[draft], **more))
    (card,) = [one for one in cards if "C4" in one["extension"]["rows"]]
    assert card["extension"]["rows"] == expected
    assert card["indicator"] == level
    text = kit.words(card)
    assert [words for words in said if words not in text] == []
    assert kit.rows(cards) == dict.fromkeys(expected, level)


def test_r15_two_potassium_drafts_have_a_card_each_and_an_edit_each(ask: Any) -> None:
    drafts = [potassium("20 meq", route="oral"), potassium("20 meq", route="iv", rate="10 meq/h")]
    cards = ask(kit.chart(kit.lab("mg", 2.0), kit.lab("k", 5.2), drafts=drafts))
    assert [card["extension"]["rows"] for card in cards] == [["C4"], ["C4"]]
    assert sorted(kit.deleted(cards)) == [f"MedicationRequest/draft-{i}" for i in (0, 1)]
