"""Is an injection pushed, and is a concentrate diluted? Words count, denials do not."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from cds.chart.injection import is_push, names_diluent
from cds.fhir.medication_resources import Dosage


def dosage(**members: Any) -> Dosage:
    return msgspec.json.decode(json.dumps(members), type=Dosage)


@pytest.mark.parametrize(
    "members",
    [
        {"route": {"text": "IV push"}},
        {"route": {"coding": [{"code": "IVP"}]}},
        {"method": {"text": "Push"}},
        {"method": {"coding": [{"display": "IV Push"}]}},
        {"text": "20 mEq IV push now"},
        {"text": "10 mEq IVP"},
    ],
)
def test_a_push_is_seen_in_route_method_and_text(members: dict[str, Any]) -> None:
    assert is_push([dosage(**members)])


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"route": {"text": "IV"}},
        {"text": "10 mEq IV over 1 h"},
        {"text": "Not for IV push. 10 mEq over 1 h"},
        {"text": "do not give as an IV push"},
        {"text": "never push"},
        {"text": "pushing fluids by mouth"},
    ],
)
def test_an_infusion_and_a_forbidden_push_are_no_push(members: dict[str, Any]) -> None:
    assert not is_push([dosage(**members)])


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("20 mEq in 1000 mL sodium chloride 0.9 %", True),
        ("dilute before use", True),
        ("add to D5W", True),
        ("in 250 ml", True),
        ("20 mEq IV", False),
        ("undiluted in 10 mL syringe", False),
        (None, False),
    ],
)
def test_a_diluent_is_named_or_not(text: str | None, named: bool) -> None:
    assert names_diluent([text]) is named
