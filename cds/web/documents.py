"""The OpenAPI document: wire shapes for routes that take and give bytes, and a page to read it.

The page is plain HTML: it must open inside a hospital network, where no third party serves scripts.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from cds.hooks import openapi
from cds.hooks.services import SERVICES
from cds.web.shapes import MODELS, content

_REF = "#/components/schemas/{model}"

_ERRORS = {
    "400": "The request cannot be read; the issue names the field.",
    "401": "Who is calling is not proved; the issue says why.",
    "403": "This client may not do that.",
    "404": "There is nothing at this address, and no service has this id.",
    "405": "This address does not answer that method.",
    "408": "The request did not arrive within CDS_REQUEST_TIMEOUT_MS.",
    "409": "The rule files as they stand are refused; nothing changed. An issue for every finding.",
    "412": "Required data was neither supplied nor to be fetched; the issue names the key.",
    "413": "The body is larger than CDS_MAX_BODY, or a Bundle than CDS_MAX_ENTRIES.",
    "415": "The body is compressed.",
    "429": "More calls than this client may send; Retry-After says when.",
    "500": "An unexpected error; the issue names the incident.",
    "503": "Too many calls in work, or what is needed is out of reach; Retry-After says when.",
}
_TOKEN: list[dict[str, list[str]]] = [{"client": []}, {}]


def _errors(*statuses: str) -> dict[str, Any]:
    body = content("OperationOutcome", "application/fhir+json")
    return {status: {"description": _ERRORS[status], **body} for status in statuses}


def _answers(text: str, shape: dict[str, Any], *errors: str) -> dict[str, Any]:
    return {"responses": {"200": {"description": text, **shape}, **_errors(*errors)}}


_SERVICE: dict[str, Any] = {
    "parameters": [
        {
            "name": "service_id",
            "in": "path",
            "required": True,
            "description": "The `id` of a service of discovery; each answers one hook.",
            "schema": {"type": "string", "enum": list(SERVICES)},
        }
    ],
    "security": _TOKEN,
}
_WHEN_ASKED = ("400", "401", "403", "404", "405", "408", "413", "415", "429", "500", "503")

DISCOVERY: dict[str, Any] = {
    "security": _TOKEN,
    **_answers("The services.", content("Discovery"), "401", "403", "405", "500", "503"),
}
CALL: dict[str, Any] = {
    **_SERVICE,
    "requestBody": {"required": True, **content("HookRequest")},
    **_answers("The cards, perhaps none.", content("Cards"), *_WHEN_ASKED, "412"),
}
FEEDBACK: dict[str, Any] = {
    **_SERVICE,
    "requestBody": {"required": True, **content("Feedback")},
    **_answers("It was taken.", content("Done"), *_WHEN_ASKED),
}
_AROUND: dict[tuple[str, str], dict[str, Any]] = {
    ("/health/live", "get"): _answers("It is up.", content("Live"), "405", "500"),
    ("/health/ready", "get"): {
        "responses": {
            "200": {"description": "Calls can be answered.", **content("Ready")},
            "503": {"description": "They cannot; the checks say why.", **content("Ready")},
            **_errors("405", "500"),
        }
    },
    ("/metrics", "get"): _answers(
        "Counters and timings, for Prometheus.",
        {"content": {"text/plain": {"schema": {"type": "string"}}}},
        "405",
        "500",
    ),
    ("/admin/reload", "post"): {
        "security": [{"operator": []}],
        **_answers(
            "The rules in force.", content("Reloaded"), "401", "405", "408", "409", "500", "503"
        ),
    },
}
# What FastAPI cannot tell from a handler that takes a request and gives a response.
MORE: dict[tuple[str, str], dict[str, Any]] = {
    ("/cds-services", "GET"): DISCOVERY,
    ("/cds-services/{service_id}", "POST"): CALL,
    ("/cds-services/{service_id}/feedback", "POST"): FEEDBACK,
}
_SCHEMES = {
    "client": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "Signed by the client (CDS Hooks 2.0.1); a sandbox may go without.",
    },
    "operator": {"type": "http", "scheme": "bearer", "description": "CDS_ADMIN_TOKEN."},
}


_SHAPES: tuple[type[BaseModel], ...] = (
    openapi.HookRequest,
    openapi.Cards,
    openapi.Discovery,
    openapi.OperationOutcome,
    *MODELS,
)


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """The document with every wire shape among its components, and every answer declared."""
    _, shapes = models_json_schema([(model, "validation") for model in _SHAPES], ref_template=_REF)
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(shapes["$defs"])
    components["securitySchemes"] = _SCHEMES
    for (path, method), said in _AROUND.items():
        document["paths"].get(path, {}).get(method, {}).update(said)
    return document


def page(document: dict[str, Any]) -> str:
    """The document as one page of HTML."""
    info = document["info"]
    operations = "".join(
        _operation(path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    shapes = "".join(
        f'<details id="{escape(name)}"><summary>{escape(name)}</summary>'
        f"<pre>{escape(json.dumps(shape, indent=2))}</pre></details>"
        for name, shape in sorted(document["components"]["schemas"].items())
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])}'
        f"</title><h1>{escape(info['title'])} {escape(info['version'])}</h1>"
        f'<p>{escape(info["description"])}</p><p><a href="/openapi.json">openapi.json</a></p>'
        f"<h2>Addresses</h2>{operations}<h2>Shapes</h2>{shapes}</html>"
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    replies = "".join(
        f"<li><b>{escape(status)}</b> {escape(reply['description'])}{_shape(reply)}</li>"
        for status, reply in sorted(operation["responses"].items())
    )
    names = "".join(_parameter(item) for item in operation.get("parameters", ()))
    takes = operation.get("requestBody")
    asks = f"<p>Body:{_shape(takes)}</p>" if takes else ""
    return (
        f"<h3><code>{escape(method.upper())} {escape(path)}</code></h3>"
        f"<p>{escape(operation.get('description', ''))}</p>{names}{asks}<ul>{replies}</ul>"
    )


def _parameter(parameter: dict[str, Any]) -> str:
    values = ", ".join(f"<code>{escape(value)}</code>" for value in parameter["schema"]["enum"])
    description = escape(parameter["description"])
    return f"<p><code>{escape(parameter['name'])}</code>: {description} One of {values}.</p>"


def _shape(part: dict[str, Any]) -> str:
    refs = [
        media.get("schema", {}).get("$ref", "").rpartition("/")[2]
        for media in part.get("content", {}).values()
    ]
    return "".join(f' <a href="#{escape(ref)}">{escape(ref)}</a>' for ref in refs if ref)
