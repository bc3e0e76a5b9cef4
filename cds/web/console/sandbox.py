"""The sandbox as pages: choose a synthetic patient, then work as in an EHR that calls this service.

The browser fires the hooks itself, over HTTP, at the same addresses as any client. These pages only
bring what it starts from and turn cards into HTML.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cds.bootstrap import Service
from cds.errors import BadRequest, CdsError, SettingsError
from cds.hooks.response import encode
from cds.kernel.codes import Coding, system_of
from cds.rulebook.model import Rulebook
from cds.sample import Sample, sample
from cds.web.address import SANDBOX_FHIR
from cds.web.body import read_body
from cds.web.console.access import Access, Role
from cds.web.console.chartparts import dosages, medication, resources
from cds.web.console.chartview import Chart, Limits, chart
from cds.web.console.frame import Frame
from cds.web.console.sandbox_calls import FULL, NONE, base_call, groups, line, orders
from cds.web.contract import check_contract
from cds.web.sandbox import store

JSON = "application/json"
_FRESH = {"cache-control": "no-store"}


def routes(service: Service, frame: Frame, access: Access) -> list[BaseRoute]:
    """The pages of a sandbox; none where patients are real."""
    if not service.settings.sandbox:
        return []
    pages = _Pages(service, frame)
    return [
        Route("/sandbox", access.needs(Role.VIEWER, pages.patients)),
        Route("/sandbox/orders.json", access.needs(Role.VIEWER, pages.orders)),
        Route("/sandbox/cards", access.needs(Role.VIEWER, pages.cards), methods=["POST"]),
        Route("/sandbox/{name}", access.needs(Role.VIEWER, pages.patient)),
        Route("/sandbox/{name}/call.json", access.needs(Role.VIEWER, pages.call)),
    ]


class _Pages:
    """The handlers. Files are read in threads: hook calls go on being answered."""

    def __init__(self, service: Service, frame: Frame) -> None:
        self._service, self._frame = service, frame

    async def patients(self, request: Request) -> Response:
        """All synthetic patients, or those whose lines hold the words of `q`."""
        words = request.query_params.get("q", "")
        found = await asyncio.to_thread(groups, words)
        return self._frame.page(request, "sandbox.html", groups=found, words=words, line=line)

    async def patient(self, request: Request) -> Response:
        """The chart of one of them, and what is needed to order."""
        found = await asyncio.to_thread(_sample, request.path_params["name"])
        call = found.at(self._service.clinical_clock())
        return self._frame.page(
            request,
            "sandbox_patient.html",
            sample=found,
            chart=await asyncio.to_thread(self._chart, call),
            keys=tuple(call.get("prefetch") or ()),
            drafts=_drafts(call),
            services=self._services(),
            fetches=_server(request) is not None,
            encounter=bool(call["context"].get("encounterId")),
        )

    async def call(self, request: Request) -> Response:
        """What every call about this patient begins with, in one of two modes."""
        mode, here = request.query_params.get("mode", FULL), _server(request)
        if mode not in (FULL, NONE) or (mode == NONE and here is None):
            raise BadRequest("`mode` is neither full nor none", where="mode")
        if mode == NONE:  # read before it is asked: the call to come has little time for it
            await asyncio.to_thread(store, self._service.clinical_clock)
        now, fixed = self._service.clinical_clock(), self._service.settings.now is not None
        found = await asyncio.to_thread(_sample, request.path_params["name"])
        base = await asyncio.to_thread(base_call, found, now, here if mode == NONE else None)
        body = json.dumps({**base, "now": now.isoformat(), "fixed": fixed})
        return Response(body, 200, _FRESH, JSON)

    async def orders(self, _: Request) -> Response:
        """The orders to choose from."""
        rules = self._service.rules
        found = await asyncio.to_thread(orders, rules()) if rules else {}
        return Response(encode(found), 200, _FRESH, JSON)

    async def cards(self, request: Request) -> Response:
        """The cards of an answer as HTML: the body is the answer as it came."""
        settings = self._service.settings
        body = await read_body(request, settings.max_body, settings.max_depth)
        try:
            check_contract(body)
            found = msgspec.json.decode(body)["cards"]
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise BadRequest("this is not the answer of a hook call", code="structure") from None
        return self._frame.page(request, "sandbox_cards.html", cards=found)

    def _chart(self, call: Mapping[str, Any]) -> Chart:
        rules = self._service.rules
        limits = _limits(rules()) if rules else _no_limits
        return chart(call.get("prefetch") or {}, self._service.clinical_clock(), limits)

    def _services(self) -> dict[str, str]:
        """Hook -> id of the service that answers it here."""
        return {entry.hook: entry.id for entry in self._service.services.values()}


def _sample(name: str) -> Sample:
    try:
        return sample(name)
    except SettingsError:
        raise HTTPException(404) from None


def _server(request: Request) -> str | None:
    """The sandbox's own FHIR server as this process reaches it: not the address in the browser,
    which may be that of a proxy or of a mapped port."""
    server = request.scope.get("server")
    if server is None or server[1] is None:
        return None
    host = "[::1]" if server[0] == "::1" else "127.0.0.1"
    return f"http://{host}:{server[1]}{SANDBOX_FHIR}"


def _drafts(call: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """Type, name and dosage of the draft orders: their forms stand in the page before the script
    fills them, so that nothing moves."""
    found = resources(call["context"].get("draftOrders"))
    return tuple((str(item.get("resourceType")), medication(item), dosages(item)) for item in found)


def _limits(book: Rulebook) -> Limits:
    """The limits of the rules, by the code of a result."""

    def limits(system: str, code: str, unit: str) -> Sequence[tuple[float, str]]:
        lab = book.terminology.labs.get(Coding(system_of(system), code))
        if lab is None or lab.refused is not None:
            return ()
        found = []
        for threshold in book.thresholds.values():
            if threshold.analyte is lab.analyte:
                try:
                    found.append((float(threshold.for_unit(unit).value), threshold.why))
                except (CdsError, KeyError):
                    return ()  # an odd unit: no line is better than one in the wrong place
        return sorted(found)

    return limits


def _no_limits(_system: str, _code: str, _unit: str) -> Sequence[tuple[float, str]]:
    return ()
