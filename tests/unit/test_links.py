"""Links to one decision: made, read, refused, expired."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from cds.links import LASTS, LinkExpired, LinkRefused, Links

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DECISION = "0b0f8f5e-6a0f-5a3e-9a55-0d4d5f1c2b3a"
LINKS = Links(b"a secret of the service")
TOKEN = LINKS.made(DECISION, NOW + LASTS)


def test_a_link_opens_the_decision_it_was_made_for() -> None:
    assert LINKS.read(TOKEN, NOW) == DECISION


def test_a_link_stands_in_an_address_as_it_is() -> None:
    assert set(TOKEN) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_the_same_secret_opens_it_in_another_process() -> None:
    assert Links(b"a secret of the service").read(TOKEN, NOW) == DECISION


@pytest.mark.parametrize(
    ("after", "good"),
    [
        (timedelta(0), True),
        (LASTS - timedelta(seconds=1), True),
        (LASTS, False),
        (LASTS + timedelta(days=365), False),
    ],
)
def test_a_link_is_good_until_its_last_second(after: timedelta, good: bool) -> None:
    if good:
        assert LINKS.read(TOKEN, NOW + after) == DECISION
        return
    with pytest.raises(LinkExpired, match="expired"):
        LINKS.read(TOKEN, NOW + after)


def test_another_secret_opens_nothing() -> None:
    with pytest.raises(LinkRefused):
        Links(b"another secret").read(TOKEN, NOW)


@pytest.mark.parametrize("place", range(len(TOKEN)))
def test_a_token_with_one_letter_changed_opens_nothing(place: int) -> None:
    other = "A" if TOKEN[place] != "A" else "B"
    with pytest.raises(LinkRefused):
        LINKS.read(f"{TOKEN[:place]}{other}{TOKEN[place + 1 :]}", NOW)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "A",
        "abc",
        TOKEN[:-1],
        TOKEN[:43],
        f"{TOKEN}A",
        f"{TOKEN}=",
        f"{TOKEN}\n",
        f" {TOKEN}",
        TOKEN + "A" * 1000,
        TOKEN.lower(),
        "\u00e9" * 40,
        base64.urlsafe_b64encode(b"\0" * 32).decode().rstrip("="),
        base64.urlsafe_b64encode(b"\0" * 32 + b"9999999999.x").decode().rstrip("="),
    ],
)
def test_what_is_no_token_of_ours_opens_nothing_and_is_not_repeated(token: str) -> None:
    with pytest.raises(LinkRefused) as refused:
        LINKS.read(token, NOW)
    assert len(token) < 4 or token not in str(refused.value)


def test_an_expiry_cannot_be_taken_from_one_link_for_another() -> None:
    longer = LINKS.made("another", NOW + timedelta(days=1000))
    spliced = base64.urlsafe_b64decode(f"{longer}==")[:32] + b"1.d"
    with pytest.raises(LinkRefused):
        LINKS.read(base64.urlsafe_b64encode(spliced).decode().rstrip("="), NOW)


def test_a_clock_of_another_zone_tells_the_same_moment() -> None:
    zone = datetime.fromisoformat("2026-11-28T13:59:59+02:00")
    assert LINKS.read(TOKEN, zone) == DECISION
    with pytest.raises(LinkExpired):
        LINKS.read(TOKEN, zone + timedelta(seconds=1))
