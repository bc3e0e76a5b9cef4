"""What can become of one question to a FHIR server, each as a word and as a sentence.

The words are labels of metrics, the sentences end up in gaps, error messages and cards. Neither
holds an address, an id or anything else that the other side sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Outcome(StrEnum):
    """The outcome of one question."""

    OK = "ok"
    NO_TOKEN = "no-token"  # noqa: S105
    EXPIRED = "expired"
    NOT_ALLOWED = "not-allowed"
    BAD_ID = "bad-id"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    GONE = "gone"
    THROTTLED = "throttled"
    CLIENT_ERROR = "client-error"
    SERVER_ERROR = "server-error"
    REDIRECT = "redirect"
    SLOW = "slow"
    UNREACHABLE = "unreachable"
    REFUSED_ADDRESS = "refused-address"
    CUT = "cut"
    NOT_JSON = "not-json"
    WRONG_TYPE = "wrong-type"
    WRONG_RESOURCE = "wrong-resource"
    OPERATION_OUTCOME = "operation-outcome"
    SEARCH_ERROR = "search-error"
    TOO_LARGE = "too-large"
    OTHER_PATIENT = "other-patient"
    OFF_SERVER = "off-server"
    LOOP = "loop"
    TOO_MANY_PAGES = "too-many-pages"
    TOO_MANY = "too-many"


WHY: Mapping[Outcome, str] = MappingProxyType(
    {
        Outcome.NO_TOKEN: "the call has no access token (`fhirAuthorization`)",
        Outcome.EXPIRED: "the access token has expired",
        Outcome.NOT_ALLOWED: "`fhirServer` is not an address that this client may name",
        Outcome.BAD_ID: "an id of the context cannot be part of an address",
        Outcome.UNAUTHORIZED: "the FHIR server did not accept the access token (401)",
        Outcome.FORBIDDEN: "the access token does not permit it (403)",
        Outcome.NOT_FOUND: "the FHIR server does not have it (404)",
        Outcome.GONE: "it was deleted on the FHIR server (410)",
        Outcome.THROTTLED: "the FHIR server wants fewer requests (429)",
        Outcome.CLIENT_ERROR: "the FHIR server did not understand the query (4xx)",
        Outcome.SERVER_ERROR: "the FHIR server failed (5xx)",
        Outcome.REDIRECT: "the FHIR server redirects elsewhere, which is not followed",
        Outcome.SLOW: "the FHIR server did not answer in time",
        Outcome.UNREACHABLE: "the FHIR server cannot be reached",
        Outcome.REFUSED_ADDRESS: "the FHIR server stands at a network address that is forbidden",
        Outcome.CUT: "the answer of the FHIR server broke off",
        Outcome.NOT_JSON: "the answer of the FHIR server is not JSON that can be read",
        Outcome.WRONG_TYPE: "the answer of the FHIR server is not FHIR JSON by its content type",
        Outcome.WRONG_RESOURCE: "the FHIR server answered with another resource",
        Outcome.OPERATION_OUTCOME: "the FHIR server answered with an error (OperationOutcome)",
        Outcome.SEARCH_ERROR: "the search reported an error",
        Outcome.TOO_LARGE: "the answer of the FHIR server is too large",
        Outcome.OTHER_PATIENT: "the FHIR server answered with data of another patient",
        Outcome.OFF_SERVER: "the next page is not below the address of the FHIR server",
        Outcome.LOOP: "the pages lead back to one that was read",
        Outcome.TOO_MANY_PAGES: "there are more pages than are read for one call",
        Outcome.TOO_MANY: "there are more resources than are read for one call",
    }
)

_STATUS = {
    401: Outcome.UNAUTHORIZED,
    403: Outcome.FORBIDDEN,
    404: Outcome.NOT_FOUND,
    410: Outcome.GONE,
    429: Outcome.THROTTLED,
}


def of_status(status: int) -> Outcome:
    """What a status code means; 2xx is OK as far as the status goes."""
    if status in _STATUS:
        return _STATUS[status]
    if status < 200 or status >= 500:
        return Outcome.SERVER_ERROR
    if status < 300:
        return Outcome.OK
    return Outcome.REDIRECT if status < 400 else Outcome.CLIENT_ERROR
