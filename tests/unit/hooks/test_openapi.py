"""The documented shapes agree with what is really taken and given."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from cds.errors import BadRequest
from cds.hooks import openapi
from cds.hooks.discovery import discovery
from cds.hooks.response import encode, encode_cards, encode_discovery, refusal
from cds.hooks.services import SERVICES


def test_a_request_we_read_fits_its_document(hook_body: Callable[..., dict[str, Any]]) -> None:
    body = hook_body()
    assert openapi.HookRequest.model_validate(body).context.patientId == "pat-1"


def test_an_answer_fits_its_document(pipeline: Any) -> None:
    answer = encode_cards(pipeline.cards)
    assert openapi.Cards.model_validate_json(answer).cards[0].extension.rows == ["A2"]


def test_discovery_and_refusals_fit_their_documents() -> None:
    found = openapi.Discovery.model_validate_json(
        encode_discovery(discovery(SERVICES.values(), ["2823-3"]))
    )
    assert len(found.services) == len(SERVICES)
    refused = encode(refusal(BadRequest("`hook` is missing", where="hook")))
    assert openapi.OperationOutcome.model_validate(json.loads(refused)).issue[0].expression
