"""The OpenAPI document: wire shapes for routes that take and give bytes, and a page to read it.

The page is plain HTML: it must open inside a hospital network, where no third party serves scripts.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any

from pydantic.json_schema import models_json_schema

from cds.hooks import openapi
from cds.hooks.services import SERVICES

_REF = "#/components/schemas/{model}"


def _body(model: str, media_type: str = "application/json") -> dict[str, Any]:
    return {"content": {media_type: {"schema": {"$ref": _REF.format(model=model)}}}}


def _error(text: str) -> dict[str, Any]:
    return {"description": text, **_body("OperationOutcome", "application/fhir+json")}


DISCOVERY: dict[str, Any] = {
    "responses": {"200": {"description": "The services.", **_body("Discovery")}}
}
CALL: dict[str, Any] = {
    "parameters": [
        {
            "name": "service_id",
            "in": "path",
            "required": True,
            "description": "The `id` of a service of discovery; each answers one hook.",
            "schema": {"type": "string", "enum": list(SERVICES)},
        }
    ],
    "requestBody": {"required": True, **_body("HookRequest")},
    "responses": {
        "200": {"description": "The cards, perhaps none.", **_body("Cards")},
        "400": _error("The call cannot be read; the issue names the field."),
        "404": _error("No service has this id."),
        "412": _error("Required data was not supplied; the issue names the prefetch key."),
        "413": _error("The body is larger than CDS_MAX_BODY."),
        "500": _error("An unexpected error; the issue names the incident."),
    },
}


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """The document with every wire shape among its components."""
    models = (openapi.HookRequest, openapi.Cards, openapi.Discovery, openapi.OperationOutcome)
    _, shapes = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(shapes["$defs"])
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
