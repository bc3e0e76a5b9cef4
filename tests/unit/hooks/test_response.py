"""Nothing null and nothing empty leaves the house."""

from __future__ import annotations

import json
from decimal import Decimal
from types import MappingProxyType

import pytest

from cds.errors import BadRequest, Precondition
from cds.hooks.response import encode, encode_cards, encode_discovery, outcome, refusal


def test_no_card_is_an_empty_list_of_cards() -> None:
    assert encode_cards(()) == b'{"cards":[]}'


def test_no_service_is_an_empty_list_of_services() -> None:
    assert encode_discovery({"services": []}) == b'{"services":[]}'


def test_nulls_and_empties_are_left_out_at_every_depth() -> None:
    card = {
        "summary": "s",
        "detail": None,
        "links": [],
        "source": {"label": "x", "url": "", "topic": {"code": None}},
        "suggestions": [{"label": "l", "actions": [{"type": "delete", "resource": {}}]}],
    }
    assert json.loads(encode_cards([card]))["cards"] == [
        {
            "summary": "s",
            "source": {"label": "x"},
            "suggestions": [{"label": "l", "actions": [{"type": "delete"}]}],
        }
    ]


def test_zero_and_false_are_values() -> None:
    assert encode({"n": 0, "b": False}) == b'{"n":0,"b":false}'


def test_a_padded_list_of_primitives_keeps_its_places() -> None:
    resource = {"given": ["a", None], "_given": [None, {"id": "x"}], "none": [None, None]}
    assert json.loads(encode(resource)) == {"given": ["a", None], "_given": [None, {"id": "x"}]}


def test_a_decimal_keeps_its_digits() -> None:
    assert encode({"value": Decimal("3.10")}) == b'{"value":3.10}'


@pytest.mark.parametrize("more", [{}, {"left out": None}])
def test_any_mapping_is_an_object(more: dict[str, None]) -> None:
    card = MappingProxyType({"source": MappingProxyType({"label": "x"})} | more)
    assert encode_cards([card]) == b'{"cards":[{"source":{"label":"x"}}]}'
    assert encode(card) == b'{"source":{"label":"x"}}'


def test_words_that_look_like_nothing_are_words() -> None:
    card = {"summary": 'null, [] and {} and ""', "null": 'said ""'}
    assert json.loads(encode_cards([card])) == {"cards": [card]}


def test_what_is_no_json_does_not_leave() -> None:
    with pytest.raises(TypeError, match="object is no JSON"):
        encode_cards([{"summary": object()}])


def test_a_refusal_is_an_operation_outcome_that_names_the_field() -> None:
    assert refusal(BadRequest("`hook` is missing", where="hook", code="required")) == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "required",
                "diagnostics": "`hook` is missing",
                "expression": ["hook"],
            }
        ],
    }


def test_a_refusal_without_a_place_has_no_expression() -> None:
    assert "expression" not in refusal(Precondition("no `patient`"))["issue"][0]
    assert outcome("m", code="c")["issue"][0]["severity"] == "error"
