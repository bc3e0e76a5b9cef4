"""`/console/decisions`: what was answered, and why; for reviewers, since it holds values of
patients."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from cds.bootstrap import Service
from cds.desk import CannotLook, Desk, Kept, NoDecision
from cds.errors import BadRequest
from cds.facts.show import time_words
from cds.links import LASTS, WHY
from cds.web.console import decision_view, tree
from cds.web.console.access import Access, Role
from cds.web.console.decision_filter import OUTCOMES, PSEUDONYM, SPANS, Asked
from cds.web.console.forms import form, is_safe
from cds.web.console.frame import Frame, wants_part
from cds.web.console.place import CONSOLE

HERE = f"{CONSOLE}/decisions"
_ONE = "/decisions/{decision}"
_NO_PSEUDONYM = "an address never names a patient; give the pseudonym, `hmac:` and 32 digits"
_NOTHING = "no decisions are kept by this process, so there is nothing to look at"


def routes(service: Service, frame: Frame, access: Access) -> Iterable[BaseRoute]:
    """All of them, relative to `/console`."""
    pages = _Pages(service, frame)
    handlers = (
        ("/decisions", pages.listed, ["GET", "POST"]),
        (_ONE, pages.one, ["GET"]),
        (f"{_ONE}/trace", pages.trace, ["GET"]),
        (f"{_ONE}/rerun", pages.rerun, ["POST"]),
        (f"{_ONE}/link", pages.link, ["POST"]),
    )
    return [
        Route(path, access.needs(Role.REVIEWER, handler), methods=methods)
        for path, handler, methods in handlers
    ]


class _Pages:
    """The handlers."""

    def __init__(self, service: Service, frame: Frame) -> None:
        self._service, self._frame = service, frame
        self._plain = service.settings.audit_identity == "plain"

    async def listed(self, request: Request) -> Response:
        """Decisions, newest first. What names a patient comes in a form that is posted."""
        desk, by_form = self._desk(), not is_safe(request)
        asked = Asked.of(await form(request) if by_form else request.query_params)
        if asked.names_somebody and not by_form:
            raise BadRequest(_NO_PSEUDONYM)
        if by_form and not asked.names_somebody:
            return RedirectResponse(f"{HERE}{asked.query()}", 303)
        now = self._service.wall()
        sheet, clients = await asyncio.gather(
            desk.page(asked.filter(now), asked.cursor), desk.clients()
        )
        return self._frame.page(
            request,
            "decisions.html",
            asked=asked,
            lines=decision_view.lines(sheet.lines, now),
            older=asked.behind(sheet.older) if sheet.older else None,
            clients=clients,
            rules=self._rules(),
            spans={name: words for name, (words, _) in SPANS.items()},
            outcomes=OUTCOMES,
            plain=self._plain,
            pseudonym=PSEUDONYM.pattern,
        )

    async def one(self, request: Request) -> Response:
        """Everything about one decision."""
        return await self._shown(request)

    async def trace(self, request: Request) -> Response:
        """The tree alone, to be put into another page."""
        kept, _ = await self._kept(request)
        values = await self._reasoning(kept)
        return await self._page(
            request, "decision_trace.html", decision=kept.sealed.entry.id, open_all=False, **values
        )

    async def rerun(self, request: Request) -> Response:
        """The decision made once more."""
        kept, _ = await self._kept(request)
        again = await self._desk().rerun(kept)
        if wants_part(request):
            return self._frame.page(request, "decision_rerun.html", again=again)
        return await self._shown(request, again=again)

    async def link(self, request: Request) -> Response:
        """An address for somebody without a token, for a while."""
        kept, _ = await self._kept(request)
        made = self._made(request, kept.sealed.entry.id)
        if wants_part(request):
            return self._frame.page(request, "decision_link.html", link=made)
        return await self._shown(request, link=made)

    async def _shown(self, request: Request, **more: Any) -> Response:
        kept, records = await self._kept(request)
        standing, values, told = await asyncio.gather(
            self._desk().chain(kept), self._reasoning(kept), self._told(kept)
        )
        return await self._page(
            request,
            "decision.html",
            **{"again": None, "link": None, **more},
            **values,
            entry=kept.sealed.entry,
            decision=kept.sealed.entry.id,
            head=decision_view.head(kept),
            cards=decision_view.cards(kept, told or ()),
            feedback_known=told is not None,
            chain=decision_view.chain(standing),
            records=[time_words(item.sealed.entry.at) for item in records],
            record=records.index(kept) + 1,
            links=self._service.links is not None,
            plain=self._plain,
            open_all=request.query_params.get("open") == "all",
        )

    async def _page(self, request: Request, template: str, **values: Any) -> Response:
        """Long trees take a while to write."""
        return await asyncio.to_thread(self._frame.page, request, template, **values)

    async def _kept(self, request: Request) -> tuple[Kept, tuple[Kept, ...]]:
        """The record that is asked for (`record` counts from 1; the newest where none is named),
        and all of the decision."""
        found = await self._desk().decision(request.path_params["decision"])
        sent = await form(request) if not is_safe(request) else request.query_params
        number = sent.get("record", "") or str(len(found))
        if not number.isdecimal() or not 1 <= int(number[:9]) <= len(found):
            raise NoDecision("this decision has no record of that number")
        return found[int(number) - 1], found

    async def _reasoning(self, kept: Kept) -> Mapping[str, Any]:
        told = await self._desk().whole(kept)
        groups: tuple[tree.Group, ...] = ()
        if told.decisions is not None:
            now = decision_view.decided_for(kept)
            groups = await asyncio.to_thread(tree.groups, told.decisions, now)
        return {"groups": groups, "remark": told.remark, "whole": told.whole}

    async def _told(self, kept: Kept) -> tuple[Any, ...] | None:
        """None where it is not known: what waits in the spool is shown while the database is
        away."""
        try:
            return await self._desk().feedback(kept.sealed.entry.id)
        except CannotLook:
            return None

    def _made(self, request: Request, decision: str) -> Mapping[str, str]:
        links = self._service.links
        if links is None:
            raise BadRequest("there are no links here; set `CDS_LINK_KEY` to make some")
        expires: datetime = self._service.wall() + LASTS
        base = self._service.settings.public_url or str(request.base_url.replace(path=""))
        return {
            "address": f"{base.rstrip('/')}{WHY}/{links.made(decision, expires)}",
            "expires": time_words(expires),
        }

    def _rules(self) -> tuple[str, ...]:
        rules = self._service.rules
        return tuple(sorted(rule.id for rule in rules().rules)) if rules else ()

    def _desk(self) -> Desk:
        if self._service.desk is None:
            raise NoDecision(_NOTHING)
        return self._service.desk
