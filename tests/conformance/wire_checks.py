"""What every reply of the service has to be, whatever a test is about (CDS Hooks 2.0.1)."""

from __future__ import annotations

import json
from typing import Any

import httpx

from cds.hooks.openapi import Cards, Discovery, OperationOutcome

MAY_BE_EMPTY = ("$.cards", "$.services")
# Not part of the protocol: pages for people and for monitoring.
OTHER = ("/docs", "/metrics", "/openapi.json", "/health/", "/sandbox/")


def check(method: str, path: str, reply: httpx.Response) -> httpx.Response:
    """The reply, known to fit its model on the wire. Fails as a test fails."""
    path = path.partition("?")[0].rstrip("/")
    if reply.status_code >= 400:
        assert reply.headers["content-type"] == "application/fhir+json", reply.text
        OperationOutcome.model_validate_json(reply.content, strict=True)
    elif reply.status_code == 204:
        assert reply.content == b""
        return reply
    elif path.startswith(OTHER):
        return reply
    elif method == "GET" and path == "/cds-services":
        Discovery.model_validate_json(reply.content, strict=True)
    elif method == "POST" and path.endswith("/feedback"):
        assert reply.content == b"" or isinstance(reply.json(), dict), reply.text
    else:
        assert (method, reply.status_code) == ("POST", 200), path
        Cards.model_validate_json(reply.content, strict=True)
    if reply.content:
        empty = empties(strictly(reply.text))
        assert not empty, empty
    return reply


def strictly(text: str) -> Any:
    """JSON by RFC 8259: no NaN, no member twice. Raises ValueError."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a member stands there twice")
        return found

    return json.loads(text, parse_constant=refuse, object_pairs_hook=once)


def empties(value: Any, path: str = "$") -> list[str]:
    """The paths of what is null or empty and may not be.

    FHIR fills up an array with nulls where another one, of the same places, says more.
    """
    if value in (None, "", [], {}):
        padding = value is None and ".resource." in path and path.endswith("]")
        return [] if padding or path in MAY_BE_EMPTY else [path]
    if isinstance(value, dict):
        return [p for name, item in value.items() for p in empties(item, f"{path}.{name}")]
    if isinstance(value, list):
        return [p for i, item in enumerate(value) for p in empties(item, f"{path}[{i}]")]
    return []
