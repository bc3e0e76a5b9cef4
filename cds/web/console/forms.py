"""What a form of the console sends, and whether it was ours that sent it."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from cds.errors import BadRequest, Forbidden, TooLarge

MOST = 64 * 1024  # bytes of a form
MOST_FIELDS = 200
FIELD, HEADER = "csrf", "x-csrf"

_READ = "cds.console.form"  # where a request keeps its fields
_FORM = "application/x-www-form-urlencoded"
_SAFE = ("GET", "HEAD")
_AGAIN = "load the page anew and try again"


async def form(request: Request) -> Mapping[str, str]:
    """The fields of a form that was posted, of each the last. Raises BadRequest, TooLarge."""
    found: Mapping[str, str] | None = request.scope.get(_READ)
    if found is None:  # the check of who sent it has read it before its page does
        found = request.scope[_READ] = await _read(request)
    return found


async def _read(request: Request) -> Mapping[str, str]:
    if not request.headers.get("content-type", "").lower().startswith(_FORM):
        return {}
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST:
            raise TooLarge(f"the form is larger than {MOST} bytes")
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise BadRequest(f"the form cannot be read; {_AGAIN}") from None
    return dict(pairs)


def is_safe(request: Request) -> bool:
    """Whether it asks for nothing to be done."""
    return request.method in _SAFE


def check_origin(request: Request, public_url: str | None) -> None:
    """A browser says where a request comes from; others have no cookies of somebody else.

    Raises Forbidden for one from elsewhere.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:  # a browser's own word, which no page can change
        ours = site == "same-origin"
    else:
        ours = origin is None or _place(origin) in _ours(request, public_url)
    if not ours:
        raise Forbidden(f"this request was sent from another site; {_AGAIN}")


def _ours(request: Request, public_url: str | None) -> set[str]:
    """Names and ports by which this service is reached. A proxy may speak https for us, so the
    scheme tells nothing."""
    public = {_place(public_url)} if public_url else set()
    return {request.headers.get("host", "").lower(), *public} - {""}


def _place(address: str) -> str:
    return urlsplit(address).netloc.lower()


async def check_csrf(request: Request, wanted: str) -> None:
    """Raises Forbidden where the request does not carry what its session's pages do."""
    given = request.headers.get(HEADER)
    if given is None:
        given = (await form(request)).get(FIELD, "")
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        raise Forbidden(f"this was not sent from a page of your session; {_AGAIN}")
