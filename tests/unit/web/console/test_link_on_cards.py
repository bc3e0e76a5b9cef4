"""The link "Why this card?": on which cards it stands, what it opens, and what it does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cds import bootstrap
from cds.links import LASTS, Links
from cds.sample import sample_request
from cds.settings import Settings
from cds.web.app import create_app
from cds.web.contract import check_contract

ROOT = Path(__file__).parents[4]
PUBLIC = "https://cds.example.org/advice"
CALL = "/cds-services/electrolytes-order-select"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY = "a-key-for-links-and-sessions"

Browser = Callable[..., Any]


def links(reply: Any) -> list[dict[str, Any]]:
    return [link for card in reply.json()["cards"] for link in card.get("links", ())]


def token_of(link: dict[str, Any]) -> str:
    before, _, token = link["url"].rpartition("/")
    assert before == f"{PUBLIC}/why"
    return str(token)


def test_each_card_leaves_with_a_link_to_its_decision(
    browser: Browser, hook_body: Callable[..., Any], pipeline: Any, wall: Any
) -> None:
    pipeline.cards = (pipeline.cards[0], {**pipeline.cards[0], "links": [{"label": "x"}]})
    reply = browser(sandbox=False, public_url=PUBLIC).post(CALL, json=hook_body())
    first, mine, second = links(reply)
    assert mine == {"label": "x"}
    assert first == second
    assert (first["label"], first["type"]) == ("Why this card?", "absolute")
    made, token = Links(b"secret"), token_of(first)
    assert made.read(token, wall.now + LASTS - timedelta(seconds=1)) == "d-1"
    assert timedelta(days=7) == LASTS
    assert "links" not in pipeline.cards[0] or not pipeline.cards[0]["links"]


@pytest.mark.parametrize(
    ("settings", "there"),
    [
        ({"public_url": PUBLIC, "link_key": KEY}, True),
        ({"public_url": PUBLIC, "link_key": None}, False),
        ({"public_url": None, "link_key": KEY}, False),
        ({"public_url": PUBLIC, "link_key": None, "sandbox": True}, True),
        ({"public_url": None, "sandbox": True}, False),
    ],
)
def test_a_link_needs_an_address_and_outside_the_sandbox_a_key(
    settings: dict[str, Any], there: bool, client_of: Any, make_service: Any
) -> None:
    given = {"sandbox": False, **settings}
    service = make_service(**given)
    object.__setattr__(service, "links", bootstrap._links(service.settings))
    body = sample_request(NOW)
    body["prefetch"] = {"patient": body["prefetch"]["patient"], "observations": None}
    reply = client_of(create_app(service)).post(CALL, json=body)
    assert reply.status_code == 200
    assert bool(links(reply)) == there


@pytest.mark.parametrize("changed", ["first letter", "last letter", "cut", "of another key"])
def test_a_link_that_was_changed_opens_nothing(browser: Browser, changed: str, wall: Any) -> None:
    token = Links(b"secret").made("d-1", wall.now + LASTS)
    spoilt = {
        "first letter": ("A" if token[0] != "A" else "B") + token[1:],
        "last letter": token[:-1] + ("A" if token[-1] != "A" else "B"),
        "cut": token[:-4],
        "of another key": Links(b"other").made("d-1", wall.now + LASTS),
    }
    reply = browser().get(f"/why/{spoilt[changed]}")
    assert reply.status_code == 404
    assert reply.text.startswith("<!doctype html>")
    assert "d-1" not in reply.text


def test_a_link_whose_time_is_over_says_so(browser: Browser, wall: Any) -> None:
    token = Links(b"secret").made("d-1", wall.now + LASTS)
    wall.now += LASTS
    reply = browser().get(f"/why/{token}")
    assert reply.status_code == 410
    assert "expired" in reply.text
    assert "d-1" not in reply.text


def test_a_link_opens_nothing_of_the_console(browser: Browser, wall: Any) -> None:
    token = Links(b"secret").made("d-1", wall.now + LASTS)
    client = browser(sandbox=False, console=True, reviewer_token="r" * 24)
    assert client.get(f"/why/{token}").status_code != 303
    assert not client.cookies
    for path in ("/console/decisions", "/console/rules", f"/console/{token}"):
        reply = client.get(path, headers={"authorization": f"Bearer {token}"})
        assert reply.status_code in (401, 404)
    assert '"/console' not in client.get(f"/why/{token}").text


def test_without_a_key_there_is_no_such_address(client_of: Any, make_service: Any) -> None:
    assert client_of(create_app(make_service(sandbox=False))).get("/why/x").json()["issue"]


@pytest.fixture(scope="module")
def real() -> Any:
    settings = Settings(sandbox=True, rules=ROOT / "rules", public_url=PUBLIC, link_key=KEY)
    return bootstrap.build(settings, NOW)


def test_a_real_answer_with_links_keeps_the_contract_and_opens_by_the_key(
    real: Any, client_of: Any
) -> None:
    reply = client_of(create_app(real)).post(CALL, json=sample_request(NOW))
    check_contract(reply.content)
    cards = reply.json()["cards"]
    assert len(cards) > 1
    assert len(links(reply)) == len(cards)
    decision = cards[0]["extension"]["decision"]
    for link in links(reply):
        assert Links(KEY.encode()).read(token_of(link), real.wall()) == decision


def test_discovery_says_nothing_of_links(real: Any, client_of: Any) -> None:
    assert "/why" not in client_of(create_app(real)).get("/cds-services").text
