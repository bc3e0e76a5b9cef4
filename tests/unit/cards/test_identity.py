"""Names of cards are name-based uuids, as the standard makes them."""

from __future__ import annotations

import json
import uuid
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cds.cards.identity import NAMESPACE, card_uuid, uuid5

WORDS = st.text(st.characters(exclude_categories=["Cs"]))  # no half of a character comes in


@given(st.uuids(), WORDS)
def test_a_name_is_what_the_standard_library_makes_of_it(namespace: uuid.UUID, name: str) -> None:
    assert uuid5(namespace, name) == str(uuid.uuid5(namespace, name))


@given(st.lists(WORDS, min_size=7, max_size=7))
def test_the_name_of_a_card_is_made_of_a_json_list(make: Any, words: list[str]) -> None:
    client, service, instance, digest, *of_the_card = words
    call = make.context(client=client, service=service, hook_instance=instance, body_digest=digest)
    assert card_uuid(call, *of_the_card) == str(uuid.uuid5(NAMESPACE, json.dumps(words)))
