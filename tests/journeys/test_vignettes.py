"""Does each clinical vignette, through the real application, give its cards and no others?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import hospital
import pytest
import vignettes

# The vignettes list what must be there. Magnesium that is on order already is still said (R9).
ALSO = {"V07": {("A1", "info")}}
CASES = vignettes.load()


@pytest.fixture(scope="module", params=CASES, ids=[item["id"] for item in CASES])
def answered(request: pytest.FixtureRequest, ask: Any) -> tuple[dict[str, Any], list[Any]]:
    """A vignette and its cards."""
    vignette = request.param
    now = datetime.fromisoformat(vignette["now"])
    return vignette, ask(hospital.body(vignettes.request(vignette)), now)["cards"]


def test_the_rows_are_exactly_the_expected_ones_with_their_indicators(
    answered: tuple[dict[str, Any], list[Any]],
) -> None:
    vignette, cards = answered
    found = {(row, card["indicator"]) for card in cards for row in card["extension"]["rows"]}
    expected = {(item["rule"], item["indicator"]) for item in vignette["expected_cards"]}
    assert found == expected | ALSO.get(vignette["id"], set())


def test_every_expected_card_mentions_what_it_must(
    answered: tuple[dict[str, Any], list[Any]],
) -> None:
    vignette, cards = answered
    for item in vignette["expected_cards"]:
        card = next(c for c in cards if item["rule"] in c["extension"]["rows"])
        text = vignettes.text_of(card).lower()
        absent = [word for word in item["must_mention"] if word.lower() not in text]
        assert absent == [], text


def test_every_expected_suggestion_is_offered_and_no_other_on_that_card(
    answered: tuple[dict[str, Any], list[Any]],
) -> None:
    vignette, cards = answered
    for item in vignette["expected_cards"]:
        card = next(c for c in cards if item["rule"] in c["extension"]["rows"])
        actions = [a for s in card.get("suggestions", ()) for a in s["actions"]]
        wanted = item["suggestion"]
        if wanted is None:
            assert [a for a in actions if _is_drug(a)] == []
            continue
        assert wanted["action"] in {action["type"] for action in actions}
        if wanted["action"] == "delete":
            assert [action["resourceId"] for action in actions] == ["MedicationRequest/draft-0"]
            continue
        code = wanted.get("rxnorm") or wanted.get("loinc")
        assert code in {_code(action["resource"]) for action in actions}
        if "dose_g" in wanted:
            assert vignettes.magnesium_grams([card]) == wanted["dose_g"]


def test_nothing_forbidden_appears(answered: tuple[dict[str, Any], list[Any]]) -> None:
    vignette, cards = answered
    forbid = vignette["forbid"]
    created = vignettes.creates(cards)
    if "any-drug" in forbid.get("create", ()):
        assert created == []
    assert not set(created) & set(forbid.get("create", ()))
    rows = {row for card in cards for row in card["extension"]["rows"]}
    assert not rows & set(forbid.get("rows", ()))
    assert vignettes.magnesium_grams(cards) <= forbid.get("max_mg_g", 99)
    assert len(cards) <= forbid.get("max_cards", 4)


def _is_drug(action: dict[str, Any]) -> bool:
    return action.get("resource", {}).get("resourceType") == "MedicationRequest"


def _code(resource: dict[str, Any]) -> str:
    concept = resource.get("medicationCodeableConcept") or resource["code"]
    return str(concept["coding"][0]["code"])
