"""Safety points 31 to 35 of the clinical pack: weak evidence, fatigue, failing safe, boundaries."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import hospital
import pack_kit as kit
import pytest

from cds.clients.model import Client
from cds.facts.record import Overridden
from cds.hooks.request import read_call
from cds.hooks.services import SERVICES
from cds.pipeline import answer
from cds.rulebook.load import load_rulebook

ROOT = Path(__file__).parents[3]

K, LOW, SEVERE, NORMAL = (
    kit.lab("k", 4.0),
    kit.lab("mg", 1.5),
    kit.lab("mg", 1.0),
    kit.lab("mg", 2.0),
)
BAG = "magnesium sulfate bag"
SEPSIS, COVID, LUPUS = "91302008", "840539006", "55464009"
FEW_WHITE_CELLS = kit.lab("wbc", 3.9)
FAILED = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "timeout", "diagnostics": "no answer in time"}],
}
WEAK = ("preprint", "human review", "web article")


def coded(code: str) -> kit.Json:
    """An active order of an RxNorm product."""
    found = kit.order("product")
    found["medicationCodeableConcept"]["coding"] = [{"system": hospital.RXNORM, "code": code}]
    return found


def failed(request: kit.Json, key: str) -> kit.Json:
    """The same call, in which the client's own query for one list did not succeed."""
    return request | {"prefetch": request["prefetch"] | {key: FAILED}}


@pytest.mark.parametrize(
    ("results", "problem", "row"),
    [((), SEPSIS, "A4"), ((), COVID, "A4"), ((FEW_WHITE_CELLS,), LUPUS, "A6")],
)
def test_safety_31_an_association_is_a_reason_to_measure_and_never_to_dose(
    ask: Any, results: tuple[kit.Json, ...], problem: str, row: str
) -> None:
    cards = ask(kit.chart(K, *results, problems=[kit.problem(problem, onset=20)]))
    assert kit.rows(cards) == {row: "info"}
    assert kit.ordered_tests(cards) == ["19123-9"]
    assert kit.drugs(cards) == []
    assert "association" in kit.words(*cards)


@pytest.mark.parametrize("problem", [SEPSIS, COVID, LUPUS])
@pytest.mark.parametrize("magnesium", [LOW, SEVERE])
def test_safety_31_it_changes_no_dose(ask: Any, magnesium: kit.Json, problem: str) -> None:
    problems = [kit.problem(problem, onset=20)]
    ill = ask(kit.chart(magnesium, K, FEW_WHITE_CELLS, problems=problems))
    well = ask(kit.chart(magnesium, K, FEW_WHITE_CELLS))
    assert kit.offered(ill) == kit.offered(well) != []


@pytest.mark.parametrize(
    ("results", "lists"),
    [
        ((SEVERE, K), {}),
        ((LOW, K), {}),
        ((LOW, K), {"problems": [kit.problem("236071009")]}),
        ((LOW, kit.lab("k", 3.0)), {}),
        ((SEVERE, K), {"problems": [kit.problem("31722008", onset=1)]}),
    ],
)
def test_safety_31_no_dose_stands_on_the_preprint_or_the_unreviewed_article_alone(
    ask: Any, results: tuple[kit.Json, ...], lists: dict[str, Any]
) -> None:
    cards = ask(kit.chart(*results, **lists))
    (card,) = [item for item in cards if kit.drugs([item])]
    (line,) = [text for text in kit.words(card).split("\n") if "**sources:**" in text]
    sources = line.removeprefix("**sources:** ").split("; ")
    assert [source for source in sources if not any(word in source for word in WEAK)] != []


def test_safety_32_at_most_four_cards_and_info_is_dropped_first_and_listed(ask: Any) -> None:
    cards = ask(
        kit.chart(
            LOW,
            kit.lab("k", 3.2),
            kidneys="half",
            medications=[kit.order(x) for x in ("omeprazole", "digoxin", "magnesium hydroxide")],
            drafts=[kit.draft(BAG, "2 g"), kit.tablets("25 meq"), kit.draft("morphine")],
        )
    )
    assert len(cards) == 4
    assert "info" not in [card["indicator"] for card in cards]
    assert "drugs that waste magnesium" in kit.words(*cards)
    assert len(kit.drugs(cards)) <= 1


def test_safety_32_a_critical_card_is_never_dropped(ask: Any) -> None:
    drafts = [kit.draft(BAG, f"{grams} g") for grams in range(1, 6)]
    cards = ask(kit.chart(NORMAL, K, kidneys="hold", drafts=drafts))
    assert [card["indicator"] for card in cards] == ["critical"] * 5
    assert kit.deleted(cards) == [f"MedicationRequest/draft-{i}" for i in range(5)]


@pytest.mark.parametrize("potassium", [2.3, 3.2, 4.0])
@pytest.mark.parametrize("magnesium", [LOW, SEVERE])
def test_safety_32_one_drug_suggestion_in_an_answer(
    ask: Any, magnesium: kit.Json, potassium: float
) -> None:
    cards = ask(kit.chart(magnesium, kit.lab("k", potassium)))
    assert len(kit.drugs(cards)) == 1


def test_safety_32_every_card_names_its_rule_with_its_version(ask: Any) -> None:
    cards = ask(kit.chart(SEVERE, kit.lab("k", 2.3), medications=[kit.order("omeprazole")]))
    assert len(cards) == 3
    assert [card["extension"]["rule"].count("@") for card in cards] == [1, 1, 1]
    assert all(card["extension"]["rulebook"] for card in cards)


def shown_after(cards: list[kit.Json], request: kit.Json, hours: float) -> dict[str, str]:
    """Row and level of what the same call shows when all of these were overridden with a reason."""
    told = tuple(
        Overridden(
            card["extension"]["rule"].partition("@")[0],
            card["extension"]["rows"][0],
            card["indicator"],
            "already-being-corrected",
            kit.NOW - timedelta(hours=hours),
        )
        for card in cards
    )
    call = read_call(SERVICES["electrolytes-order-select"], hospital.body(request))
    found = answer(call, load_rulebook(ROOT / "rules"), kit.NOW, Client("ward"), history=told)
    return kit.rows(list(found.cards))


@pytest.mark.parametrize(("hours", "silent"), [(0, True), (1, True), (24, False), (30, False)])
def test_safety_32_a_card_that_was_overridden_with_a_reason_is_silent_for_24_hours(
    ask: Any, hours: float, silent: bool
) -> None:
    request = kit.chart(LOW, K)
    cards = ask(request)
    assert kit.rows(cards) == {"A1": "warning"}
    assert shown_after(cards, request, hours) == ({} if silent else {"A1": "warning"})


def test_safety_32_a_critical_card_is_never_silenced(ask: Any) -> None:
    request = kit.chart(SEVERE, K)
    cards = ask(request)
    assert kit.rows(cards) == {"A2": "critical"}
    assert shown_after(cards, request, 1) == {"A2": "critical"}


@pytest.mark.parametrize("key", ["medications", "problems", "allergies"])
def test_safety_33_a_query_that_failed_keeps_the_finding_and_withholds_the_dose(
    ask: Any, key: str
) -> None:
    cards = ask(failed(kit.chart(SEVERE, K), key))
    assert kit.rows(cards) == {"A2": "critical"}
    assert kit.drugs(cards) == []
    assert key in kit.words(*cards)


@pytest.mark.parametrize("key", ["medications", "problems"])
def test_safety_33_a_query_that_failed_is_never_an_empty_answer(ask: Any, key: str) -> None:
    cards = ask(failed(kit.chart(NORMAL, K), key))
    assert cards != []
    assert key in kit.words(*cards)


@pytest.mark.parametrize(
    "member",
    [
        {"valueQuantity": {"value": "one", "unit": "mg/dL"}},
        {"valueQuantity": [1.0]},
        {"effectiveDateTime": "yesterday"},
        {"effectiveDateTime": {"at": "noon"}},
    ],
)
def test_safety_33_a_magnesium_nobody_can_read_is_never_an_empty_answer(
    ask: Any, member: kit.Json
) -> None:
    cards = ask(kit.chart(SEVERE | member, K))
    assert kit.rows(cards) == {"D4": "info"}
    assert "magnesium" in kit.words(*cards)


def test_safety_33_results_that_go_on_elsewhere_could_not_be_evaluated(ask: Any) -> None:
    request = kit.chart(NORMAL, K)
    request["prefetch"]["observations"]["link"] = [{"relation": "next", "url": "page-2"}]
    cards = ask(request)
    assert kit.rows(cards) == {"D4": "info"}
    assert "could not be evaluated" in kit.words(*cards)


@pytest.mark.parametrize(
    ("product", "counts"), [("1945074", False), ("801442", False), ("198741", True)]
)
def test_safety_34_an_ointment_and_an_irrigation_are_no_source_of_magnesium(
    ask: Any, product: str, counts: bool
) -> None:
    cards = ask(kit.chart(kit.lab("mg", 3.0), K, medications=[coded(product)]))
    assert kit.rows(cards) == ({"C5": "warning"} if counts else {})


def test_safety_34_an_ointment_covers_nothing(ask: Any) -> None:
    cards = ask(kit.chart(SEVERE, K, medications=[coded("1945074")]))
    assert kit.offered(cards) == [("829757", "4 g")]


@pytest.mark.parametrize("code", ["1658259", "1658262", "1658264", "829734", "1658244"])
def test_safety_34_an_ambiguous_code_is_detected_and_goes_no_further(ask: Any, code: str) -> None:
    cards = ask(kit.chart(SEVERE, K, medications=[coded(code)]))
    assert kit.rows(cards) == {"A2": "info"}
    assert kit.drugs(cards) == []


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (1.2, "mg/dL", {"A1": "warning"}),
        (1.1999, "mg/dL", {"A2": "critical"}),
        (1.7, "mg/dL", {}),
        (1.6999, "mg/dL", {"A1": "warning"}),
        (0.70, "mmol/L", {}),
        (0.6999, "mmol/L", {"A1": "warning"}),
        (0.494, "mmol/L", {"A1": "warning"}),
        (0.4939, "mmol/L", {"A2": "critical"}),
    ],
)
def test_safety_35_a_value_at_the_limit_is_compared_unrounded_in_its_own_unit(
    ask: Any, value: float, unit: str, expected: dict[str, str]
) -> None:
    loinc = "19123-9" if unit == "mg/dL" else "2601-3"
    assert kit.rows(ask(kit.chart(kit.lab(loinc, value, unit), K))) == expected
