"""Real clients: what they send is answered, and what they get is what they read.

The requests in `shapes/` are made up after the public descriptions of two clients
(docs/CLIENTS.md); no line of them is from a real patient.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import r4_checks
from cds import bootstrap, pipeline
from cds.cards.adapt import adapted, order_name
from cds.clients.model import Client
from cds.clients.profile import PLAIN, OrderCode, Profile, renamed
from cds.clients.profiles import EPIC, PROFILES, profile_of
from cds.hooks import openapi
from cds.hooks.discovery import discovery
from cds.hooks.request import read_call
from cds.hooks.services import SERVICES
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import OrderTemplate
from cds.sample import Sample, samples
from cds.settings import Settings
from cds.web.app import create_app

ROOT = Path(__file__).parents[2]
SHAPES = sorted((Path(__file__).parent / "shapes").glob("*.json"))
ANSWERED = [path for path in SHAPES if json.loads(path.read_text())["expect"]["status"] == 200]
FIRING = [item for item in samples(ROOT / "fhir_fixtures") if item.folder == "firing"]
LIST = "urn:com.epic.cdshooks.action.code.system.preference-list-item"
CONCEPT = {"MedicationRequest": "medicationCodeableConcept", "ServiceRequest": "code"}

Json = dict[str, Any]
Post = Callable[[Json, datetime], Any]


@cache
def templates() -> dict[str, OrderTemplate]:
    return dict(load_rulebook(ROOT / "rules").templates)


@cache
def app(now: datetime) -> Any:
    return create_app(bootstrap.build(Settings(rules=ROOT / "rules", sandbox=True), now))


@pytest.fixture
def post(client_of: Callable[[Any], Any]) -> Post:
    """Ask the real application, at a clinical moment."""

    def ask(body: Json, now: datetime) -> Any:
        address = f"/cds-services/electrolytes-{body['hook']}"
        return client_of(app(now)).post(address, content=json.dumps(body).encode())

    return ask


def cards_of(reply: Any) -> tuple[Json, ...]:
    return tuple(json.loads(reply.content, parse_float=Decimal)["cards"])


def told(cards: tuple[Json, ...]) -> str:
    text = " ".join(f"{card['summary']} {card['detail']}" for card in cards)
    return re.sub(r"\\(.)", r"\1", text)


def rows(cards: tuple[Json, ...]) -> list[list[str]]:
    return [card["extension"]["rows"] for card in cards]


def shape_of(path: Path) -> Json:
    found: Json = json.loads(path.read_text())
    return found


def as_sent_by(shape: Json) -> tuple[Json, Profile, datetime]:
    """The request with its prefetch under our keys, as the service reads it."""
    profile = profile_of(shape["profile"], prefetch_aliases=shape["aliases"])
    request = dict(shape["request"])
    if "prefetch" in request:
        request["prefetch"] = dict(renamed(request["prefetch"], profile))
    return request, profile, datetime.fromisoformat(shape["now"])


@pytest.mark.parametrize("path", SHAPES, ids=lambda path: path.stem)
def test_a_request_of_a_real_client_gets_its_rows(path: Path, post: Post) -> None:
    shape = shape_of(path)
    request, profile, now = as_sent_by(shape)
    reply = post(request, now)
    assert reply.status_code == shape["expect"]["status"], reply.text
    if reply.status_code != 200:
        assert all(words in reply.text for words in shape["expect"]["says"])
        return
    cards = cards_of(reply)
    assert rows(cards) == shape["expect"]["rows"]
    assert all(words in told(cards) for words in shape["expect"]["says"])
    check(cards, adapted(cards, profile, templates()), profile)


@pytest.mark.parametrize("path", ANSWERED, ids=lambda path: path.stem)
def test_an_answer_leaves_in_the_shape_of_the_profile_under_the_same_ids(path: Path) -> None:
    shape = shape_of(path)
    request, profile, now = as_sent_by(shape)
    call = read_call(SERVICES[f"electrolytes-{request['hook']}"], json.dumps(request).encode())
    book = load_rulebook(ROOT / "rules")
    before, after = (
        pipeline.answer(call, book, now, Client("clinic", profile=one)).cards
        for one in (PLAIN, profile)
    )
    assert after == adapted(before, profile, templates())
    check(before, after, profile)


def test_there_is_a_request_of_every_client_with_a_profile_of_its_own() -> None:
    assert {shape_of(path)["profile"] for path in SHAPES} == set(PROFILES) - {"plain"}


MEDICATION = "epic-medication-as-bundle-entry.json"


def _absolute(drafts: Json, base: str) -> None:
    order, medication = (entry["resource"] for entry in drafts["entry"])
    order["medicationReference"]["reference"] = f"{base}/Medication/{medication['id']}"


def _contained(drafts: Json, _: str) -> None:
    order, medication = (entry.pop("resource") for entry in drafts["entry"])
    order["medicationReference"]["reference"] = "#here"
    drafts["entry"] = [{"resource": {**order, "contained": [{**medication, "id": "here"}]}}]


def _display_only(drafts: Json, _: str) -> None:
    del drafts["entry"][1]


def _by_full_url(drafts: Json, base: str) -> None:
    order, medication = (entry["resource"] for entry in drafts["entry"])
    drafts["entry"][1]["fullUrl"] = f"{base}/Medication/{medication.pop('id')}"
    order["medicationReference"]["reference"] = drafts["entry"][1]["fullUrl"]


@pytest.mark.parametrize("change", [_absolute, _contained, _display_only, _by_full_url])
def test_the_medication_of_a_draft_is_found_wherever_it_stands(
    post: Post, change: Callable[[Json, str], None]
) -> None:
    shape = shape_of(Path(__file__).parent / "shapes" / MEDICATION)
    request, _, now = as_sent_by(shape)
    change(request["context"]["draftOrders"], request["fhirServer"])
    cards = cards_of(post(request, now))
    assert rows(cards) == shape["expect"]["rows"]
    assert "Ordered: 4 g" in told(cards)


def test_keys_nobody_asked_for_change_nothing(post: Post) -> None:
    shape = shape_of(Path(__file__).parent / "shapes" / MEDICATION)
    request, _, now = as_sent_by(shape)
    assert "-user" in request["prefetch"]
    with_it = post(request, now)
    del request["prefetch"]["-user"]
    del request["extension"]
    assert rows(cards_of(post(request, now))) == rows(cards_of(with_it))


def test_problems_under_a_key_that_no_alias_names_are_not_known(post: Post) -> None:
    shape = shape_of(Path(__file__).parent / "shapes" / "epic-patient-view.json")
    named, _, now = as_sent_by(shape)
    unnamed, _, _ = as_sent_by({**shape, "aliases": {}})
    offered = [cards_of(post(request, now))[0] for request in (named, unnamed)]
    assert ["suggestions" in card for card in offered] == [True, False]
    assert rows(tuple(offered)) == [["A2"], ["A2"]]


# What each kind of client demands of every answer


def actions(cards: tuple[Json, ...]) -> Iterator[tuple[Json, Json]]:
    for card in cards:
        for suggestion in card.get("suggestions", ()):
            (action,) = suggestion["actions"]
            yield card, action


def check(before: tuple[Json, ...], after: tuple[Json, ...], profile: Profile) -> None:
    """What holds of every answer for this profile."""
    openapi.Cards.model_validate({"cards": json.loads(json.dumps(after, default=float))})
    _check_all(before, after)
    DEMANDS[profile.name](before, after, profile)


def _check_all(before: tuple[Json, ...], after: tuple[Json, ...]) -> None:
    assert [card["uuid"] for card in after] == [card["uuid"] for card in before]
    for old, new in zip(before, after, strict=True):
        names = [item["uuid"] for item in new.get("suggestions", ())]
        kept = [item["uuid"] for item in old.get("suggestions", ()) if item["uuid"] in names]
        assert names == kept
        assert ("selectionBehavior" in new) is ("suggestions" in new)
        assert new["summary"] == old["summary"]
        assert new["detail"].endswith(old["detail"])
        assert "isRecommended" not in str(new)
    for _, action in actions(after):
        resource = json.loads(json.dumps(action.get("resource"), default=float))
        assert resource is None or r4_checks.faults(resource) == ()


def _plain(before: tuple[Json, ...], after: tuple[Json, ...], _: Profile) -> None:
    assert after == before


def _epic(before: tuple[Json, ...], after: tuple[Json, ...], profile: Profile) -> None:
    for card in after:
        assert card.get("selectionBehavior", "any") == "any"
        assert re.fullmatch("[A-Za-z0-9]{1,100}", card["source"]["topic"]["code"])
        assert all(item["label"] for item in card.get("suggestions", ()))
    for _, action in actions(after):
        assert action["type"] in ("create", "delete")
        if action["type"] == "create":
            resource = action["resource"]
            (coding,) = resource[CONCEPT[resource["resourceType"]]]["coding"]
            assert (coding["system"], resource["status"]) == (LIST, "draft")
    _check_both_may_be_taken(after)
    _check_nothing_is_lost(before, after)
    wanted = [a for _, a in actions(before) if a["type"] == "create"]
    named = [a for a in wanted if order_name(a["resource"], templates()) in profile.order_codes]
    assert len([a for _, a in actions(after) if a["type"] == "create"]) == len(named)


def _check_both_may_be_taken(cards: tuple[Json, ...]) -> None:
    """`any` lets a clinician take all suggestions of a card: none may exclude another."""
    for card in cards:
        found = [action for one, action in actions(cards) if one is card]
        drugs = [a for a in found if a.get("resource", {}).get("resourceType") != "ServiceRequest"]
        assert len(drugs) <= 1


def _check_nothing_is_lost(before: tuple[Json, ...], after: tuple[Json, ...]) -> None:
    """An order that is no button is told word for word on the same card."""
    for old, new in zip(before, after, strict=True):
        kept = [item["uuid"] for item in new.get("suggestions", ())]
        for item in old.get("suggestions", ()):
            words = item["actions"][0]["description"]
            assert item["uuid"] in kept or words in new["detail"]


def _sandbox_app(before: tuple[Json, ...], after: tuple[Json, ...], _: Profile) -> None:
    for _card, action in actions(after):
        resource = action.get("resource", {})
        if resource.get("resourceType") == "MedicationRequest":
            concept = resource["medicationCodeableConcept"]
            assert concept["text"]
            assert concept["coding"][0]["code"]
    _check_nothing_is_lost(before, after)


DEMANDS = {"plain": _plain, "epic": _epic, "sandbox-app": _sandbox_app}


def creates(cards: tuple[Json, ...]) -> list[Json]:
    return [action["resource"] for _, action in actions(cards) if action["type"] == "create"]


@pytest.fixture(scope="module")
def given() -> dict[str, tuple[Json, ...]]:
    """The plain answers, asked once."""
    return {}


@pytest.fixture
def answer(post: Post, given: dict[str, tuple[Json, ...]]) -> Callable[[Sample], tuple[Json, ...]]:
    def ask(item: Sample) -> tuple[Json, ...]:
        if item.name not in given:
            given[item.name] = cards_of(post(item.request, item.now))
        return given[item.name]

    return ask


@pytest.mark.parametrize("name", PROFILES)
def test_every_answer_for_a_client_holds_what_it_demands(
    name: str, answer: Callable[[Sample], tuple[Json, ...]]
) -> None:
    for item in FIRING:
        cards = answer(item)
        assert cards, item.name
        check(cards, adapted(cards, PROFILES[name], templates()), PROFILES[name])


def test_with_a_list_of_its_own_the_client_gets_every_order_as_an_entry_of_it(
    answer: Callable[[Sample], tuple[Json, ...]],
) -> None:
    names = {order_name(made, templates()) for item in FIRING for made in creates(answer(item))}
    assert {"magnesium-level", "magnesium-sulfate-bag 2 g over 15 min"} < names
    codes = {name: OrderCode(LIST, f"ITEM{at}") for at, name in enumerate(sorted(names))}
    profile = replace(EPIC, order_codes=codes)
    for item in FIRING:
        cards = answer(item)
        shaped = adapted(cards, profile, templates())
        check(cards, shaped, profile)
        for old, new in zip(creates(cards), creates(shaped), strict=True):
            member = CONCEPT[new["resourceType"]]
            own = codes[order_name(old, templates())]
            assert new[member] == {**old[member], "coding": [{"system": LIST, "code": own.code}]}
            assert {**new, member: 0} == {**old, member: 0}


def test_shaping_an_answer_leaves_the_plain_one_as_it_was(
    answer: Callable[[Sample], tuple[Json, ...]],
) -> None:
    for item in FIRING:
        cards = answer(item)
        before = copy.deepcopy(cards)
        adapted(cards, EPIC, templates())
        assert cards == before


def test_a_client_is_shown_the_services_it_may_call() -> None:
    client = Client("clinic", services=frozenset({"electrolytes-order-sign"}))
    seen = discovery((one for one in SERVICES.values() if client.may_call(one.id)), ())
    assert [entry["id"] for entry in seen["services"]] == ["electrolytes-order-sign"]
