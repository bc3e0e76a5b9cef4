"""The check of an answer in a sandbox and the documented shapes take and refuse the same."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from cds.hooks.openapi import Cards
from cds.hooks.response import encode_cards
from cds.web.contract import check_contract

Json = dict[str, Any]

CODING = {"code": "c", "system": "urn:s", "display": "d"}
CARD: Json = {
    "uuid": "u",
    "summary": "s" * 139,
    "detail": "d",
    "indicator": "warning",
    "source": {"label": "l", "url": "https://x", "icon": "https://y", "topic": CODING},
    "suggestions": [
        {
            "label": "l",
            "uuid": "u",
            "isRecommended": False,
            "actions": [
                {
                    "type": "create",
                    "description": "d",
                    "resource": {"resourceType": "X", "n": [1, 2.5, None, {"a": []}]},
                    "resourceId": "X/1",
                    "extension": {"a": 1},
                }
            ],
            "extension": {"a": 1},
        }
    ],
    "selectionBehavior": "any",
    "overrideReasons": [CODING],
    "links": [{"label": "l", "url": "https://z", "type": "smart", "appContext": "a"}],
    "extension": {"decision": "d", "rule": "r", "rulebook": "b", "rows": ["A1"], "more": 1},
}
INSTEAD: tuple[Any, ...] = (
    None, "", "x", "critical", "info", "update", "at-most-one", "absolute", "s" * 140,
    "\u00e4" * 139, 0, 1, 1.5, True, [], {}, [None], ["x"], [{}], {"x": 1},
)  # fmt: skip


def is_documented(wire: bytes) -> bool:
    try:
        Cards.model_validate_json(wire, strict=True)
    except ValidationError:
        return False
    return True


def is_let_out(wire: bytes) -> bool:
    try:
        check_contract(wire)
    except msgspec.MsgspecError:
        return False
    return True


def containers(node: Any) -> Iterator[Any]:
    if isinstance(node, dict | list):
        yield node
        for below in node.values() if isinstance(node, dict) else node:
            yield from containers(below)


def with_one_change(document: Json) -> Iterator[bytes]:
    """The document with one place of it left out, replaced, or with a member more."""
    for which in range(len(list(containers(document)))):
        node = list(containers(document))[which]
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        for key in keys:
            for instead in INSTEAD:
                changed = copy.deepcopy(document)
                list(containers(changed))[which][key] = instead
                yield json.dumps(changed).encode()
            left_out = copy.deepcopy(document)
            del list(containers(left_out))[which][key]
            yield json.dumps(left_out).encode()
        if isinstance(node, dict):
            more = copy.deepcopy(document)
            list(containers(more))[which]["unheard"] = "of"
            yield json.dumps(more).encode()


def test_every_member_of_a_card_is_in_the_example() -> None:
    """So that the next test leaves none out."""
    shapes = Cards.model_json_schema()["$defs"]
    said = {key for node in containers(CARD) if isinstance(node, dict) for key in node}
    assert {name for shape in shapes.values() for name in shape["properties"]} <= said


def test_both_take_and_refuse_the_same_answers() -> None:
    seen = {True: 0, False: 0}
    for wire in with_one_change({"cards": [CARD]}):
        documented = is_documented(wire)
        assert is_let_out(wire) is documented, wire
        seen[documented] += 1
    assert min(seen.values()) > 100


@pytest.mark.parametrize("wire", [b"", b"{}", b"[]", b'{"cards":[]', b'{"cards":[]}x', b"\xff"])
def test_what_is_no_answer_is_refused_by_both(wire: bytes) -> None:
    assert not is_documented(wire)
    assert not is_let_out(wire)


def test_a_real_answer_is_let_out(pipeline: Any) -> None:
    wire = encode_cards(pipeline.cards)
    assert is_let_out(wire)
    assert is_let_out(encode_cards(()))
    assert not is_let_out(wire.replace(b'"indicator":', b'"indicators":'))
