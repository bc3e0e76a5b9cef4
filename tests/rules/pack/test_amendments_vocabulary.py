"""Section 6 of the clinical pack, vocabulary: each added word is read and changes an answer."""

from __future__ import annotations

from typing import Any

import pack_kit as kit
import pytest

K, LOW, SEVERE, NORMAL = (
    kit.lab("k", 4.0),
    kit.lab("mg", 1.5),
    kit.lab("mg", 1.0),
    kit.lab("mg", 2.0),
)
ESRD, COMPLETE_BLOCK = "46177005", "27885002"


@pytest.mark.parametrize(("weight", "dose"), [(None, "4 g"), (45, "2 g")])
def test_section_6_weight_is_read(ask: Any, weight: float | None, dose: str) -> None:
    person = {"age": 88, "sex": "female"}
    cards = ask(kit.chart(SEVERE, K, kit.lab("cr", 0.7), weight=weight, **person))
    assert kit.offered(cards) == [("829757", dose)]
    assert ("no recent weight" in kit.words(*cards)) is (weight is None)


@pytest.mark.parametrize("transplant", ["161665007", "737295003", "Z94.0"])
def test_section_6_a_kidney_transplant_lifts_the_hold_of_end_stage_disease(
    ask: Any, transplant: str
) -> None:
    esrd = kit.problem(ESRD)
    assert kit.drugs(ask(kit.chart(SEVERE, K, problems=[esrd]))) == []
    cards = ask(kit.chart(SEVERE, K, problems=[esrd, kit.problem(transplant)]))
    assert kit.offered(cards) == [("829757", "4 g")]


@pytest.mark.parametrize("pacemaker", ["441509002", "Z95.0"])
def test_section_6_a_pacemaker_lifts_the_stop_of_heart_block(ask: Any, pacemaker: str) -> None:
    block = kit.problem(COMPLETE_BLOCK)
    assert kit.drugs(ask(kit.chart(SEVERE, K, problems=[block]))) == []
    cards = ask(kit.chart(SEVERE, K, problems=[block, kit.problem(pacemaker)]))
    assert kit.offered(cards) == [("829757", "4 g")]


@pytest.mark.parametrize(
    "code", ["710572000", "55525008", "K56.7", "K22.2", "235675006", "K31.84", "40739000"]
)
def test_section_6_ileus_stricture_gastroparesis_and_dysphagia_speak_against_solid_potassium(
    ask: Any, code: str
) -> None:
    problems = [kit.problem(code)]
    cards = ask(kit.chart(kit.lab("k", 3.3), NORMAL, problems=problems, drafts=[kit.tablets()]))
    assert kit.rows(cards) == {"C4-po": "warning"}
    assert "liquid or powder" in kit.words(*cards)


def test_section_6_intensive_care_is_read_from_the_location(ask: Any) -> None:
    cards = ask(kit.chart(K, encounter=kit.intensive_care()))
    assert kit.rows(cards) == {"A4": "info"}
    assert "intensive care" in kit.words(*cards)
    assert kit.rows(ask(kit.chart(K))) == {}


@pytest.mark.parametrize(
    "drug", ["ibuprofen", "naproxen", "ketorolac", "diclofenac", "indomethacin"]
)
def test_section_6_an_nsaid_is_named_beside_potassium(ask: Any, drug: str) -> None:
    active = [kit.order(drug)]
    cards = ask(kit.chart(kit.lab("k", 3.3), NORMAL, medications=active, drafts=[kit.tablets()]))
    assert kit.rows(cards) == {"C4": "warning"}
    assert drug in kit.words(*cards)


@pytest.mark.parametrize(
    "drug", ["morphine", "hydromorphone", "fentanyl", "oxycodone", "midazolam", "phenobarbital"]
)
def test_section_6_an_opioid_or_a_sedative_is_told_beside_iv_magnesium(ask: Any, drug: str) -> None:
    drafts = [kit.draft("magnesium sulfate bag", "2 g")]
    cards = ask(kit.chart(NORMAL, K, medications=[kit.order(drug)], drafts=drafts))
    assert kit.rows(cards) == {"D3": "info"}


@pytest.mark.parametrize("drug", ["parenteral nutrition", "TPN", "clinimix E 5/15"])
def test_section_6_parenteral_nutrition_is_a_source_whose_magnesium_is_not_known(
    ask: Any, drug: str
) -> None:
    cards = ask(kit.chart(LOW, K, medications=[kit.order(drug)]))
    assert kit.rows(cards) == {"A1": "info"}
    assert kit.drugs(cards) == []
    assert "parenteral nutrition" in kit.words(*cards)
