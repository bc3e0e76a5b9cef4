"""Every reply that is not 2xx is an OperationOutcome, whoever found the error.

Texts name fields and paths of the API, never values of a request.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cds.errors import BadRequest
from cds.hooks.response import encode, outcome, refusal

FHIR_JSON = "application/fhir+json"

_CODES = {404: "not-found", 405: "not-supported", 413: "too-long"}
_TEXTS = {
    404: "there is nothing at this address; GET /cds-services lists the services",
    405: "this address does not answer that method",
}


def refused(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    """A reply with one issue."""
    return Response(encode(outcome(message, code=code)), status, headers, FHIR_JSON)


async def bad_request(_: Request, error: Exception) -> Response:
    """A call that cannot be answered: 400, 404, 412 or 413."""
    if not isinstance(error, BadRequest):
        raise error
    return Response(encode(refusal(error)), error.status, None, FHIR_JSON)


async def http_error(_: Request, error: Exception) -> Response:
    """What routing refuses: no such address, wrong method."""
    if not isinstance(error, HTTPException):
        raise error
    status = error.status_code
    text = _TEXTS.get(status, "the request cannot be answered")
    return refused(status, _CODES.get(status, "processing"), text, error.headers)
