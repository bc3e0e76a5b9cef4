"""What is known of each kind of client, and what a site may add."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from cds.cards.adapt import unknown_orders
from cds.clients.profile import PLAIN, OrderCode, Profile, renamed
from cds.clients.profiles import EPIC, PREFETCH_KEYS, PROFILES, profile_of
from cds.errors import SettingsError
from cds.hooks.services import PREFETCH_KEYS as ASKED_FOR
from cds.rulebook.orders import load_orders

CODE = OrderCode("urn:list", "MG2")
ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "CLIENTS.md").read_text(encoding="utf-8")


def test_the_profiles_are_known_by_their_names() -> None:
    assert list(PROFILES) == ["plain", "epic", "sandbox-app"]
    assert all(profile.name == name for name, profile in PROFILES.items())


def test_the_plain_profile_is_the_specification_and_nothing_else() -> None:
    assert Profile("plain") == PLAIN == PROFILES["plain"]


def test_the_prefetch_keys_are_those_of_discovery() -> None:
    assert PREFETCH_KEYS == ASKED_FOR


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_every_alias_leads_to_a_key_of_discovery_and_hides_none(profile: Profile) -> None:
    assert set(profile.prefetch_aliases.values()) <= set(ASKED_FOR)
    assert set(profile.prefetch_aliases).isdisjoint(ASKED_FOR)


@pytest.mark.parametrize(
    ("aliases", "sent", "read"),
    [
        ({}, {"patient": 1, "-user": 2}, {"patient": 1, "-user": 2}),
        ({"labs": "observations"}, {"labs": 1, "-user": 2}, {"observations": 1, "-user": 2}),
        ({"labs": "observations"}, {"labs": 1, "observations": 2}, {"observations": 2}),
        ({"labs": "observations"}, {"patient": 1}, {"patient": 1}),
        ({"a": "problems", "b": "problems"}, {"b": 1, "a": 2}, {"problems": 2}),
        ({"labs": "observations"}, {"labs": None}, {"observations": None}),
    ],
)
def test_prefetch_is_read_under_our_keys(
    aliases: dict[str, str], sent: dict[str, int], read: dict[str, int]
) -> None:
    assert renamed(sent, Profile("made", prefetch_aliases=aliases)) == read


def test_renaming_leaves_what_was_sent_alone() -> None:
    sent = {"labs": 1}
    renamed(sent, Profile("made", prefetch_aliases={"labs": "observations"}))
    assert sent == {"labs": 1}


def test_epic_may_send_our_keys_with_a_hyphen_before_them() -> None:
    assert renamed({"-patient": 1, "-user": 2}, EPIC) == {"patient": 1, "-user": 2}


def test_a_site_adds_its_orders_and_its_prefetch_keys() -> None:
    orders = {"magnesium-level": CODE}
    found = profile_of("epic", order_codes=orders, prefetch_aliases={"conditions": "problems"})
    assert found.order_codes == orders
    assert found.prefetch_aliases == {"conditions": "problems", **EPIC.prefetch_aliases}
    assert (found.actions, found.selection_behavior) == (EPIC.actions, "any")
    assert EPIC.order_codes == {}


def test_what_a_site_says_of_a_key_comes_before_what_the_profile_supposes() -> None:
    found = profile_of("epic", prefetch_aliases={"-problems": "allergies", "x": "problems"})
    assert renamed({"-problems": 1, "x": 2}, found) == {"allergies": 1, "problems": 2}
    first = profile_of("epic", prefetch_aliases={"x": "problems"})
    assert renamed({"-problems": 1, "x": 2}, first) == {"problems": 2}


@pytest.mark.parametrize("name", PROFILES)
def test_without_additions_a_profile_is_the_known_one(name: str) -> None:
    assert profile_of(name) == PROFILES[name]


def test_an_alias_that_is_the_key_itself_is_allowed() -> None:
    found = profile_of("plain", prefetch_aliases={"problems": "problems"})
    assert renamed({"problems": 1}, found) == {"problems": 1}


@pytest.mark.parametrize(
    ("name", "orders", "aliases", "words"),
    [
        ("cerner", {}, {}, "`profile` is not one of plain, epic, sandbox-app"),
        ("epic", {}, {"labs": "labs"}, "`labs` leads to `labs`, which is no prefetch key"),
        ("epic", {}, {"problems": "allergies"}, "`problems` is a prefetch key itself"),
        ("plain", {"magnesium-level": CODE}, {}, "of no use with the profile plain"),
    ],
)
def test_what_a_profile_cannot_use_is_refused(
    name: str, orders: dict[str, OrderCode], aliases: dict[str, str], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        profile_of(name, order_codes=orders, prefetch_aliases=aliases)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_the_page_about_clients_tells_what_a_profile_holds(profile: Profile) -> None:
    told = [profile.name, profile.selection_behavior, *profile.coding_systems.values()]
    assert [word for word in told if word and f"`{word}`" not in PAGE] == []


def test_the_example_on_the_page_is_a_profile_and_names_real_orders() -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    written = yaml.safe_load(example)["profile"]
    codes = {name: OrderCode(**code) for name, code in written["order_codes"].items()}
    found = profile_of(
        written["base"], order_codes=codes, prefetch_aliases=written["prefetch_aliases"]
    )
    named = set(re.findall(r"`((?:magnesium|potassium|creatinine|calcium)-[^`]+)`", PAGE))
    every = Profile("made", order_codes=dict.fromkeys((*named, *found.order_codes), CODE))
    assert unknown_orders(every, load_orders(ROOT / "rules" / "orders")) == ()
    assert set(codes) <= named
