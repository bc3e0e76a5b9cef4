"""The documented shapes agree with what is really taken and given."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from cds.errors import BadRequest
from cds.hooks import openapi
from cds.hooks.discovery import discovery
from cds.hooks.request import read_call
from cds.hooks.response import encode, encode_cards, encode_discovery, refusal
from cds.hooks.services import HOOKS, SERVICES

REQUESTS: dict[str, type[BaseModel]] = {
    get_args(model.model_fields["hook"].annotation)[0]: model
    for model in (
        openapi.OrderSelectRequest,
        openapi.OrderSignRequest,
        openapi.PatientViewRequest,
        openapi.EncounterDischargeRequest,
    )
}
MEMBERS = ("userId", "patientId", "encounterId", "selections", "draftOrders")

Body = Callable[..., dict[str, Any]]


def context_of(hook: str) -> dict[str, Any]:
    """The documented members of the context of a hook."""
    (context,) = REQUESTS[hook].model_json_schema()["$defs"].values()
    members: dict[str, Any] = context["properties"]
    return members


def body_for(hook: str, hook_body: Body, *, without: str = "") -> dict[str, Any]:
    body = {**hook_body(), "hook": hook}
    members = set(context_of(hook)) - {without}
    body["context"] = {name: v for name, v in body["context"].items() if name in members}
    return body


def is_documented(body: dict[str, Any]) -> bool:
    try:
        openapi.HookRequest.model_validate(body)
    except ValidationError:
        return False
    return True


def is_taken(body: dict[str, Any]) -> bool:
    (service,) = (entry for entry in SERVICES.values() if entry.hook == body["hook"])
    try:
        read_call(service, json.dumps(body).encode())
    except BadRequest:
        return False
    return True


def test_the_call_of_every_hook_is_documented() -> None:
    assert set(REQUESTS) == set(HOOKS)
    assert not is_documented({"hook": "medication-prescribe"})


@pytest.mark.parametrize("hook", REQUESTS)
def test_a_call_we_read_fits_its_document(hook: str, hook_body: Body) -> None:
    body = body_for(hook, hook_body)
    assert is_taken(body)
    found = openapi.HookRequest.model_validate(body).root
    assert (found.hook, found.context.patientId) == (hook, "pat-1")


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("hook", REQUESTS)
def test_what_the_document_demands_is_what_we_demand(
    hook: str, member: str, hook_body: Body
) -> None:
    body = body_for(hook, hook_body, without=member)
    assert is_documented(body) == is_taken(body)


@pytest.mark.parametrize("hook", REQUESTS)
def test_the_document_names_the_service_and_the_users_of_a_hook(hook: str) -> None:
    assert f"`electrolytes-{hook}`" in (REQUESTS[hook].__doc__ or "")
    named = context_of(hook)["userId"]["description"]
    assert all(kind in named for kind in HOOKS[hook].users)
    assert ("RelatedPerson" in named) == (hook == "patient-view")


def test_an_answer_fits_its_document(pipeline: Any) -> None:
    answer = encode_cards(pipeline.cards)
    assert openapi.Cards.model_validate_json(answer).cards[0].extension.rows == ["A2"]


def test_discovery_and_refusals_fit_their_documents() -> None:
    found = openapi.Discovery.model_validate_json(
        encode_discovery(discovery(SERVICES.values(), ["http://loinc.org|2823-3"]))
    )
    assert len(found.services) == len(SERVICES)
    refused = encode(refusal(BadRequest("`hook` is missing", where="hook")))
    assert openapi.OperationOutcome.model_validate(json.loads(refused)).issue[0].expression
