"""The FHIR server of an EHR on this machine, in a process of its own: what the call would have
brought as prefetch is fetched from here. It answers from memory, so the price of fetching is ours.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.bodies import OBSERVATIONS, call

_KINDS = {
    "Patient": "patient",
    "Observation": "observations",
    "MedicationRequest": "medications",
    "MedicationAdministration": "administrations",
    "Condition": "problems",
    "AllergyIntolerance": "allergies",
    "Encounter": "encounter",
    "ServiceRequest": "lab_orders",
    "Procedure": "procedures",
}


def without_prefetch(document: dict[str, Any], address: str) -> dict[str, Any]:
    """The same call with nothing but the address of the server that has the data."""
    bare = {name: value for name, value in document.items() if name != "prefetch"}
    authorization = {
        "access_token": "token-of-this-run",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.rs",
        "subject": "electrolyte-cds",
    }
    return {**bare, "fhirServer": address, "fhirAuthorization": authorization}


def address(port: int, body: str) -> str:
    """Where the data of the body with that name is."""
    return f"http://127.0.0.1:{port}/{body}"


def application() -> Starlette:
    """The server, with the data of every body."""
    answers = {
        (body, kind): json.dumps(prefetch[key]).encode()
        for body, prefetch in ((name, call(n)["prefetch"]) for name, n in OBSERVATIONS.items())
        for kind, key in _KINDS.items()
    }

    async def answer(request: Request) -> Response:
        found = answers.get((request.path_params["body"], request.path_params["kind"]))
        if found is None:
            return Response(status_code=404)
        return Response(found, media_type="application/fhir+json")

    async def ready(_: Request) -> Response:
        return Response(b"ready to be asked for the data")

    routes = [Route(f"/{{body}}/{{kind}}{rest}", answer) for rest in ("", "/{id}")]
    return Starlette(routes=[*routes, Route("/ready", ready, methods=["POST"])])
