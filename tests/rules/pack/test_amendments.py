"""Section 6 of the clinical pack: the amendments, which win over everything before them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pack_kit as kit
import pytest

README = Path(__file__).parents[3] / "README.md"
K, LOW, SEVERE, NORMAL = (
    kit.lab("k", 4.0),
    kit.lab("mg", 1.5),
    kit.lab("mg", 1.0),
    kit.lab("mg", 2.0),
)
BAG = "magnesium sulfate bag"
DAY = 24
DKA, HHS, MYASTHENIA = "420422005", "422126006", "91637004"
INFARCTION, HEART_FAILURE, TORSADES = "22298006", "84114007", "31722008"
DIARRHEA, ALCOHOL = "236071009", "66590003"
STILL_LOW = (
    kit.lab("ca", 7.5),
    kit.lab("ca", 7.4, hours=34),
    kit.lab("albumin", 4.0),
    kit.lab("albumin", 4.0, hours=34),
)
CALCIUM = kit.order("calcium gluconate", "1 g", route="iv", hours=40, repeat=kit.per_day(2))


@pytest.mark.parametrize(
    ("code", "onset", "stopped"),
    [
        (DKA, 7 * DAY, True),
        (DKA, 7 * DAY + 1, False),
        (HHS, 7 * DAY, True),
        (HHS, 7 * DAY + 1, False),
        (DKA, None, False),
        (MYASTHENIA, None, True),
        (MYASTHENIA, 3650 * DAY, True),
        (INFARCTION, 28 * DAY, True),
        (INFARCTION, 28 * DAY + 1, False),
        (HEART_FAILURE, 1, False),
        (HEART_FAILURE, None, False),
    ],
)
def test_section_6_stops_for_iv_magnesium_and_what_is_none(
    ask: Any, code: str, onset: float | None, stopped: bool
) -> None:
    cards = ask(kit.chart(SEVERE, K, problems=[kit.problem(code, onset=onset)]))
    assert kit.rows(cards) == {"A2": "critical"}
    assert (kit.drugs(cards) == []) is stopped


@pytest.mark.parametrize(
    ("code", "onset", "expected"),
    [
        (DKA, 7 * DAY, {"C7": "critical"}),
        (DKA, 7 * DAY + 1, {}),
        (MYASTHENIA, None, {"C7": "critical"}),
        (INFARCTION, 3 * DAY, {}),
        (HEART_FAILURE, 1, {}),
    ],
)
def test_section_6_a_draft_is_contraindicated_by_the_label_and_not_edited(
    ask: Any, code: str, onset: float | None, expected: dict[str, str]
) -> None:
    problems = [kit.problem(code, onset=onset)]
    cards = ask(kit.chart(NORMAL, K, problems=problems, drafts=[kit.draft(BAG, "2 g")]))
    assert kit.rows(cards) == expected
    assert kit.actions(cards) == []


@pytest.mark.parametrize(
    "words",
    [
        "off-label",
        "eclampsia",
        "400 ml",
        "20 g dextrose",
        "ketoacidosis",
        "fluid restriction",
        "thiamine first in alcohol dependence",
    ],
)
def test_section_6_the_bag_is_off_label_and_says_what_4_g_carry(ask: Any, words: str) -> None:
    cards = ask(kit.chart(SEVERE, K, problems=[kit.problem(ALCOHOL)]))
    assert kit.offered(cards) == [("829757", "4 g")]
    assert words in kit.words(kit.card(cards, "A2"))


@pytest.mark.parametrize(
    ("request_", "dose", "rate"),
    [
        (kit.chart(SEVERE, K), "4 g", "1 g/h"),
        (kit.chart(LOW, K, problems=[kit.problem(DIARRHEA)]), "2 g", "1 g/h"),
        (kit.chart(SEVERE, K, problems=[kit.problem(TORSADES, onset=1)]), "2 g", "over 15 min"),
        (kit.chart(LOW, K), "400 mg", "twice daily"),
        (kit.chart(NORMAL, K, kidneys="low", drafts=[kit.draft(BAG, "4 g")]), "1 g", "1 g/h"),
    ],
)
def test_section_6_every_label_of_a_dose_states_dose_and_rate(
    ask: Any, request_: kit.Json, dose: str, rate: str
) -> None:
    (label,) = [item["label"] for card in ask(request_) for item in card.get("suggestions", ())]
    assert dose in label
    assert rate in label


@pytest.mark.parametrize("drafts", [(), (kit.draft(BAG, "2 g"),)])
def test_section_6_calcium_is_named_per_local_protocol_without_a_number(
    ask: Any, drafts: tuple[kit.Json, ...]
) -> None:
    text = kit.words(*ask(kit.chart(kit.lab("mg", 4.5), K, drafts=drafts)))
    assert "calcium gluconate 10 % per local protocol" in text
    assert not re.search(r"\d\s*(?:ml|g|mg) (?:of )?calcium|gluconate 10 % \d", text)


@pytest.mark.parametrize(
    ("results", "row", "correct"),
    [
        ((LOW, K), "D2", True),
        ((NORMAL, kit.lab("k", 3.4)), "D2", True),
        ((kit.lab("mg", 4.0), K), "C5", False),
    ],
)
def test_section_6_digoxin_with_iv_calcium_is_a_risk_of_heart_block(
    ask: Any, results: tuple[kit.Json, ...], row: str, correct: bool
) -> None:
    text = kit.words(kit.card(ask(kit.chart(*results, medications=[kit.order("digoxin")])), row))
    assert "if iv calcium becomes necessary" in text
    assert "heart-block risk" in text
    assert ("correct magnesium" in text) is correct


def test_section_6_digoxin_stops_no_magnesium(ask: Any) -> None:
    cards = ask(kit.chart(SEVERE, K, medications=[kit.order("digoxin")]))
    assert kit.offered(cards) == [("829757", "4 g")]


def test_section_6_the_emergency_order_runs_over_15_minutes_and_names_the_volume(ask: Any) -> None:
    cards = ask(kit.chart(SEVERE, K, problems=[kit.problem(TORSADES, onset=1)]))
    text = kit.words(kit.card(cards, "A3"))
    (order,) = kit.drugs(cards)
    repeat = order["dosageInstruction"][0]["timing"]["repeat"]
    assert "2 g from 1 % bags is 200 ml in 15 min" in text
    assert "2 g/50 ml if stocked" in text
    assert (repeat["duration"], repeat["durationUnit"]) == (15, "min")


@pytest.mark.parametrize("dose", ["1 g", "4 g"])
def test_section_6_a_reduced_dose_says_if_this_is_replacement(ask: Any, dose: str) -> None:
    cards = ask(kit.chart(NORMAL, K, kidneys="low", drafts=[kit.draft(BAG, dose)]))
    assert "if this is replacement" in kit.words(kit.card(cards, "C1"))


@pytest.mark.parametrize(
    ("value", "product", "expected"),
    [
        (2.6, True, {}),
        (2.61, True, {"C5": "warning"}),
        (3.99, False, {}),
        (3.99, True, {"C5": "warning"}),
        (4.0, True, {"C5": "critical"}),
        (4.0, False, {"C5": "critical"}),
    ],
)
def test_section_6_high_magnesium_warns_with_a_product_and_is_critical_from_4_without_one(
    ask: Any, value: float, product: bool, expected: dict[str, str]
) -> None:
    active = [kit.order("magnesium oxide")] if product else []
    cards = ask(kit.chart(kit.lab("mg", value), K, medications=active))
    assert kit.rows(cards) == expected
    assert ("magnesium oxide" in kit.words(*cards)) is (product and expected != {})
    assert kit.deleted(cards) == []


@pytest.mark.parametrize("selected", [True, False])
def test_section_6_at_high_magnesium_only_a_selected_draft_is_deleted(
    ask: Any, selected: bool
) -> None:
    drafts = [kit.draft(BAG, "2 g")]
    where = {"drafts": drafts} if selected else {"unselected": drafts}
    active = [kit.order("magnesium hydroxide")]
    cards = ask(kit.chart(kit.lab("mg", 3.0), K, medications=active, **where))
    assert kit.rows(cards) == {"C5": "warning"}
    assert kit.deleted(cards) == (["MedicationRequest/draft-0"] if selected else [])
    assert "magnesium hydroxide" in kit.words(*cards)


@pytest.mark.parametrize(("after", "flagged"), [(1, True), (6, True), (6.1, False)])
@pytest.mark.parametrize(("value", "row"), [(1.0, "A2"), (1.5, "A1"), (4.0, "C5")])
def test_section_6_a_level_within_6_h_of_an_infusion_is_post_dose_and_still_can_be_too_high(
    ask: Any, value: float, row: str, after: float, flagged: bool
) -> None:
    level = kit.lab("mg", value, hours=23.5)
    cards = ask(kit.chart(level, K, administrations=[kit.infused(23.5 + after, hours=1)]))
    assert list(kit.rows(cards)) == [row]
    assert ("post-dose" in kit.words(*cards)) is flagged
    assert (kit.drugs(cards) != []) is (row != "C5" and not flagged)


@pytest.mark.parametrize(
    ("results", "lists", "row"),
    [
        ((SEVERE, K), {}, "A2"),
        ((LOW, K), {}, "A1"),
        ((LOW, kit.lab("k", 3.0)), {}, "B0"),
        ((SEVERE, K), {"problems": [kit.problem(TORSADES, onset=1)]}, "A3"),
    ],
)
@pytest.mark.parametrize(("calcium", "low"), [(8.4, True), (8.5, False)])
def test_section_6_wherever_calcium_is_low_it_is_replaced_too(
    ask: Any,
    results: tuple[kit.Json, ...],
    lists: dict[str, Any],
    row: str,
    calcium: float,
    low: bool,
) -> None:
    measured = (kit.lab("ca", calcium), kit.lab("albumin", 4.0))
    text = kit.words(kit.card(ask(kit.chart(*results, *measured, **lists)), row))
    assert ("replace calcium too" in text) is low


@pytest.mark.parametrize(("value", "low"), [(1.99, True), (2.0, False)])
@pytest.mark.parametrize(
    ("results", "lists", "row"),
    [((SEVERE, K), {}, "A2"), ((LOW, K, *STILL_LOW), {"medications": [CALCIUM]}, "B3")],
)
def test_section_6_phosphate_below_2_is_a_line_on_severe_magnesium_and_refractory_calcium(
    ask: Any,
    results: tuple[kit.Json, ...],
    lists: dict[str, Any],
    row: str,
    value: float,
    low: bool,
) -> None:
    cards = ask(kit.chart(*results, kit.lab("phosphate", value), **lists))
    assert ("phosphate is low" in kit.words(kit.card(cards, row))) is low


def test_section_6_an_active_laxative_is_text_and_the_bowel_gets_peg(ask: Any) -> None:
    active = [kit.order("magnesium citrate")]
    cards = ask(kit.chart(NORMAL, K, kidneys="low", medications=active))
    assert kit.rows(cards) == {"C3": "critical"}
    assert kit.actions(cards) == []
    assert "peg-based, no magnesium" in kit.words(*cards)


def test_section_6_tablets_say_check_interactions_with_examples(ask: Any) -> None:
    text = kit.words(kit.card(ask(kit.chart(LOW, K)), "A1"))
    assert "check interactions" in text
    assert "examples" in text


def test_section_6_the_card_says_that_fasting_is_not_read(ask: Any) -> None:
    text = kit.words(kit.card(ask(kit.chart(LOW, K)), "A1"))
    assert "eat" in text
    assert "not read" in text


def test_section_6_the_card_says_that_anuria_and_kidney_injury_that_recovers_are_not_read(
    ask: Any,
) -> None:
    falling = (kit.lab("cr", 2.0), kit.lab("cr", 4.0, hours=40))
    text = kit.words(kit.card(ask(kit.chart(SEVERE, K, *falling)), "A2"))
    assert "anuria" in text or "urine output" in text
    assert "not read" in text


def test_section_6_high_potassium_without_a_draft_is_outside_and_the_readme_says_so(
    ask: Any,
) -> None:
    assert kit.rows(ask(kit.chart(NORMAL, kit.lab("k", 6.5)))) == {}
    assert "Hyperkalemia without a potassium" in README.read_text(encoding="utf-8")
