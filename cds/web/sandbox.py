"""The addresses of the sandbox's FHIR server: read and search of synthetic patients (FHIR R4).

A toy on synthetic data, mounted only with the sandbox on: its tokens are public.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cds.errors import BadRequest
from cds.fhir.store import Store
from cds.fhir.store_kinds import KINDS
from cds.fhir.store_page import PAGE, bundle, read_page_token
from cds.fhir.store_query import MOST_PARAMETERS, Pairs, read_query
from cds.fhir.store_search import search
from cds.hooks.response import encode, refusal
from cds.web.address import SANDBOX_FHIR, Address, Handler
from cds.web.body import read_body
from cds.web.errors import FHIR_JSON, refused
from cds.web.sandbox_statement import capability_statement

_FORM = "application/x-www-form-urlencoded"
_MAX_FORM = 64 * 1024
_JSON_FORMATS = ("json", "application/json", "application/fhir+json", "text/json")
_CHALLENGE = {"www-authenticate": 'Bearer realm="sandbox"'}

Asking = Callable[[Request, Store], Awaitable[Response]]


class Opened:
    """The store, made once, when somebody first asks for it: that takes a while, and a service
    must be ready before. Made in a thread, because hook calls go on being answered."""

    def __init__(self, make: Callable[[], Store]) -> None:
        self._make = make
        self._made: Store | None = None
        self._lock = threading.Lock()

    async def here(self) -> Store:
        """The store."""
        if self._made is None:
            return await asyncio.to_thread(self.make)
        return self._made

    def make(self) -> Store:
        """The store, for who may wait."""
        with self._lock:
            made = self._made or self._make()
            self._made = made
        return made


def store(clock: Callable[[], datetime]) -> Store:
    """The synthetic patients; `clock` tells the clinical moment (aware). What reads them from here
    is loaded with them: the first call that does must not wait for it."""
    import cds.fhir.network  # noqa: F401
    from cds.sample import records

    return Store(records(), clock)


def addresses(store: Opened, public_url: str | None = None) -> list[Address]:
    """Read, search and `metadata` under `/sandbox/fhir`; only `metadata` needs no token.

    Links begin with `public_url` (`CDS_PUBLIC_URL`) or else with the address that was called.
    """

    def base(request: Request) -> str:
        return f"{(public_url or str(request.base_url)).rstrip('/')}{SANDBOX_FHIR}"

    found = (
        ("GET", "/metadata", _metadata(base)),
        ("POST", "/{kind}/_search", _search(base)),
        ("GET", "/{kind}/{id}", _read),
        ("GET", "/{kind}", _search(base)),
    )
    return [
        Address(method, f"{SANDBOX_FHIR}{path}", _answering(store, handler), shown=False)
        for method, path, handler in found
    ]


def _answering(store: Opened, handler: Asking) -> Handler:
    """The handler, its refusals turned into OperationOutcomes here, where a 401 has to say which
    kind of token is wanted."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request, await store.here())
        except BadRequest as error:
            headers = _CHALLENGE if error.status == 401 else None
            return Response(encode(refusal(error)), error.status, headers, FHIR_JSON)

    return answered


def _metadata(base: Callable[[Request], str]) -> Asking:
    async def metadata(request: Request, store: Store) -> Response:
        """What this server can do."""
        statement = capability_statement(base(request), store.now())
        return Response(encode(statement), media_type=FHIR_JSON)

    return metadata


async def _read(request: Request, store: Store) -> Response:
    """One resource."""
    reader = store.reader(request.headers.get("authorization", ""))
    kind, key = request.path_params["kind"], request.path_params["id"]
    if key == "_search":
        raise HTTPException(405, headers={"allow": "POST"})
    if kind not in KINDS:
        return _unknown_type()
    if _other_format(_pairs(request.url.query)):
        return _not_json()
    found = store.read(f"{kind}/{key}", reader)
    if found is None:
        return refused(404, "not-found", f"there is no {kind} with this id")
    return Response(bytes(store.json(found)), media_type=FHIR_JSON)


def _search(base: Callable[[Request], str]) -> Asking:
    async def found(request: Request, store: Store) -> Response:
        """A page of the resources of one type that fit."""
        reader = store.reader(request.headers.get("authorization", ""))
        kind, here = request.path_params["kind"], base(request)
        if kind not in KINDS:
            return _unknown_type()
        pairs = _pairs(request.url.query)
        if request.method == "POST":
            if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
                return refused(415, "not-supported", f"a search by POST has a body of type {_FORM}")
            pairs += _form(await read_body(request, _MAX_FORM))
        if _other_format(pairs):
            return _not_json()
        pairs, offset = _page(tuple(pair for pair in pairs if pair[0] != "_format"))
        query = read_query(kind, pairs, here, _strict(request), offset)
        return Response(
            bundle(store, query, search(store, query, reader, here), here), media_type=FHIR_JSON
        )

    return found


def _pairs(text: str) -> Pairs:
    try:
        return tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_PARAMETERS))
    except ValueError:
        raise BadRequest(
            f"more than {MOST_PARAMETERS} search parameters", code="too-costly"
        ) from None


def _form(body: bytes) -> Pairs:
    try:
        return _pairs(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise BadRequest("the body is not UTF-8", code="structure") from None


def _page(pairs: Pairs) -> tuple[Pairs, int]:
    """The search itself, or the one that a page token carries on."""
    tokens = [value for name, value in pairs if name == PAGE]
    if not tokens:
        return pairs, 0
    if len(pairs) > 1:
        raise BadRequest(f"`{PAGE}` stands alone: follow the `next` link as it is")
    return read_page_token(tokens[0])


def _strict(request: Request) -> bool:
    wishes = ",".join(request.headers.getlist("prefer")).replace(";", ",").split(",")
    return any(wish.strip().replace(" ", "").lower() == "handling=strict" for wish in wishes)


def _other_format(pairs: Pairs) -> bool:
    # A plus sign in an address is a space to whoever decodes it as a form.
    return any(
        name == "_format" and value.replace(" ", "+") not in _JSON_FORMATS for name, value in pairs
    )


def _not_json() -> Response:
    return refused(406, "not-supported", "this server answers in JSON only: `_format=json`")


def _unknown_type() -> Response:
    return refused(404, "not-found", "this resource type is not served; GET metadata lists them")
