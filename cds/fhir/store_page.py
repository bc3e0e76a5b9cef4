"""A page of a search as a Bundle, and the token by which the next page is asked for.

The token holds the search and where to go on, so that the server remembers nothing. It is no
secret and no permission: who asks with it is checked as for any other search.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from cds.errors import BadRequest
from cds.fhir.store import Store
from cds.fhir.store_query import MOST_PARAMETERS, Pairs, Query
from cds.fhir.store_records import Stored
from cds.fhir.store_search import Page

PAGE = "_page"

_encoder = msgspec.json.Encoder()
_token = msgspec.json.Decoder(tuple[int, Pairs])


def page_token(query: Query, offset: int) -> str:
    """The token of the page of `query` that begins at `offset`."""
    raw = _encoder.encode((offset, query.pairs))
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def read_page_token(text: str) -> tuple[Pairs, int]:
    """The parameters of the search, to be checked as if sent anew, and the offset.

    Raises BadRequest.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        offset, pairs = _token.decode(raw)
    except (binascii.Error, ValueError, msgspec.MsgspecError, RecursionError):
        offset, pairs = -1, ()
    if offset < 0 or len(pairs) > MOST_PARAMETERS:
        raise BadRequest(f"`{PAGE}` is not from a `next` link of this server; search anew")
    return pairs, offset


def bundle(store: Store, query: Query, page: Page, base: str) -> bytes:
    """The page as a searchset Bundle; addresses in it begin with `base`."""
    document: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": page.total,
        "link": list(_links(query, page, f"{base}/{query.kind}")),
    }
    entries = [_entry(store, item, base, "match") for item in page.matches]
    entries += [_entry(store, item, base, "include") for item in page.included]
    if query.ignored:
        entries.append({"resource": _told(query), "search": {"mode": "outcome"}})
    if entries:
        document["entry"] = entries
    return _encoder.encode(document)


def _links(query: Query, page: Page, address: str) -> Iterator[dict[str, str]]:
    asked = urlencode(query.pairs, quote_via=quote)
    if query.offset:
        asked = f"{PAGE}={page_token(query, query.offset)}"
    yield {"relation": "self", "url": f"{address}?{asked}" if asked else address}
    if page.following is not None:
        token = page_token(query, page.following)
        yield {"relation": "next", "url": f"{address}?{PAGE}={token}"}


def _entry(store: Store, item: Stored, base: str, mode: str) -> dict[str, Any]:
    return {
        "fullUrl": f"{base}/{item.ref}",
        "resource": store.json(item),
        "search": {"mode": mode},
    }


def _told(query: Query) -> dict[str, Any]:
    """What was ignored: the list is longer than asked for, and the client must be able to know."""
    issues = [
        {
            "severity": "warning",
            "code": "not-supported",
            "diagnostics": f"`{name}` is not a search parameter of {query.kind} here; ignored",
        }
        for name in query.ignored
    ]
    return {"resourceType": "OperationOutcome", "issue": issues}
