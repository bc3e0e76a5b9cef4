"""Every reply that is not 2xx is an OperationOutcome, whoever found the error.

Texts name fields and paths of the API, never values of a request.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cds.errors import BadRequest, Overloaded, TooMany, Unauthorized
from cds.hooks.response import encode, outcome, refusal
from cds.trust.refusal import Refused

FHIR_JSON = "application/fhir+json"


class Unsupported(BadRequest):
    """A body in a form this service does not read (415)."""

    status = 415
    code = "not-supported"


class TimedOut(BadRequest):
    """The client took too long to send its request (408)."""

    status = 408
    code = "timeout"


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


def refusing(error: BadRequest) -> Response:
    """The reply to a call that cannot be answered, with what the client needs to do better."""
    return Response(encode(refusal(error)), error.status, _headers(error), FHIR_JSON)


def _headers(error: BadRequest) -> dict[str, str]:
    if isinstance(error, TooMany | Overloaded):
        return {"retry-after": str(error.retry_after)}
    if isinstance(error, Refused):
        return {"www-authenticate": error.challenge}
    if isinstance(error, Unauthorized):  # RFC 6750; why is in the issue, in words
        return {"www-authenticate": 'Bearer realm="cds-services", error="invalid_token"'}
    if isinstance(error, TimedOut):  # the rest of the body may still come: not as the next request
        return {"connection": "close"}
    return {}


async def bad_request(_: Request, error: Exception) -> Response:
    """A call that cannot be answered: whatever 4xx the error says, or 503."""
    if not isinstance(error, BadRequest):
        raise error
    return refusing(error)


async def http_error(_: Request, error: Exception) -> Response:
    """What routing refuses: no such address, wrong method."""
    if not isinstance(error, HTTPException):
        raise error
    status = error.status_code
    text = _TEXTS.get(status, "the request cannot be answered")
    return refused(status, _CODES.get(status, "processing"), text, error.headers)
