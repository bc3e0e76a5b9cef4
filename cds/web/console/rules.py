"""`/console/rules`: the rules in force as pages: all of them, each of them, and what they share."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cds.audit.marks import CANNOT_TELL, ERROR, FIRES, HELD_BACK, WOULD_FIRE
from cds.book.introduction import PENDING
from cds.book.pages import FAMILIES
from cds.bootstrap import Service
from cds.errors import CdsError
from cds.rulebook.model import Rule
from cds.rulebook.review import is_overdue
from cds.web.console.access import Access, Role
from cds.web.console.frame import Frame
from cds.web.console.printed import page_style
from cds.web.console.shelf import Shelf, Shown, shelves

OUTCOMES = {
    FIRES: "Fired",
    WOULD_FIRE: "Would fire",
    HELD_BACK: "Held back",
    CANNOT_TELL: "Cannot tell",
    ERROR: "Error",
}
PATIENCE = 1.0  # seconds that a page waits for numbers: they are no reason to show nothing


@dataclass(frozen=True, slots=True)
class Live:
    """Rule -> outcome -> in how many decisions of the last 30 days. `state`: `kept`, `none kept`,
    `counting` (not counted yet) or `away` (the records cannot be read)."""

    state: str
    of: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def count(self, rule: str, outcome: str) -> int:
        """0 = in none."""
        return self.of.get(rule, {}).get(outcome, 0)


def routes(service: Service, frame: Frame, access: Access) -> list[BaseRoute]:
    """The pages, relative to `/console`."""
    if service.rules is None:
        return []
    pages = _Pages(service, frame)
    found = {
        "/rules": pages.listing,
        "/rules/cases": pages.cases,
        "/rules/reading": pages.reading,
        "/rules/terms": pages.terms,
        "/rules/{rule}": pages.rule,
        "/rules/{rule}/page.css": pages.style,
    }
    return [Route(path, access.needs(Role.VIEWER, page)) for path, page in found.items()]


class _Pages:
    """The handlers. What computes does so in threads: hook calls go on being answered."""

    def __init__(self, service: Service, frame: Frame) -> None:
        self._service, self._frame = service, frame
        self._shelf = shelves(service, frame.templates)

    async def listing(self, request: Request) -> Response:
        """All rules by topic."""
        shelf = await asyncio.to_thread(self._shelf)
        rules, today = shelf.catalogue.rules, self._today()
        return await self._page(
            request,
            "rules.html",
            shelf=shelf,
            catalogue=shelf.catalogue,
            proof=await asyncio.to_thread(shelf.catalogue.proof),
            topics=[
                (FAMILIES.get(family, family), list(found))
                for family, found in groupby(rules, lambda rule: rule.family)
            ],
            pending=[rule for rule in rules if rule.reviewed.by == PENDING],
            overdue=[rule for rule in rules if is_overdue(rule, today)],
            live=await self._live(),
            outcomes=OUTCOMES,
        )

    async def rule(self, request: Request) -> Response:
        """One rule, to be read, printed and signed."""
        shelf, rule = await self._found(request)
        shown, verdicts = await asyncio.to_thread(lambda: (shelf.shown(rule), shelf.verdicts(rule)))
        return await self._page(
            request,
            "rules_rule.html",
            shelf=shelf,
            rule=rule,
            shown=shown,
            contents=_contents(shown),
            verdicts=verdicts,
            proof=await asyncio.to_thread(shelf.catalogue.proof),
            overdue=is_overdue(rule, self._today()),
            pending=rule.reviewed.by == PENDING,
            accepted=shelf.catalogue.book.accepted.get(rule.id, ""),
            live=await self._live(),
            outcomes=OUTCOMES,
            printed=self._service.wall().date(),
        )

    async def cases(self, request: Request) -> Response:
        """The cases of all rules, run: how many hold, and which do not."""
        shelf = await asyncio.to_thread(self._shelf)
        rules = shelf.catalogue.rules
        found = await asyncio.to_thread(lambda: [(x, shelf.verdicts(x)) for x in rules])
        part = request.headers.get("hx-request") == "true"
        template = "rules_verdicts.html" if part else "rules_all_cases.html"
        return await self._page(request, template, found=found)

    async def reading(self, request: Request) -> Response:
        """How to read the words of these pages."""
        shelf = await asyncio.to_thread(self._shelf)
        shared = await asyncio.to_thread(shelf.shared)
        return await self._page(request, "rules_reading.html", shared=shared)

    async def terms(self, request: Request) -> Response:
        """What the rules share: terms, ranges, windows, orders, laws, sources."""
        shelf = await asyncio.to_thread(self._shelf)
        shared = await asyncio.to_thread(shelf.shared)
        return await self._page(request, "rules_terms.html", shared=shared)

    async def style(self, request: Request) -> Response:
        """What stands at the edge of each printed page of a rule."""
        shelf, rule = await self._found(request)
        book, today = shelf.catalogue.book, self._service.wall().date()
        return Response(page_style(rule, book, today), media_type="text/css")

    async def _page(self, request: Request, template: str, **values: Any) -> Response:
        """Rendered in a thread: the page of a rule is long."""
        return await asyncio.to_thread(self._frame.page, request, template, **values)

    async def _found(self, request: Request) -> tuple[Shelf, Rule]:
        shelf = await asyncio.to_thread(self._shelf)
        rule = shelf.catalogue.rule(request.path_params["rule"])
        if rule is None:
            raise HTTPException(404)
        return shelf, rule

    def _today(self) -> dt.date:
        """The day by which reviews are due, as cards tell it."""
        return self._service.clinical_clock().date()

    async def _live(self) -> Live:
        desk = self._service.desk
        if desk is None:
            return Live("none kept")
        try:
            return Live("kept", await asyncio.wait_for(desk.numbers(), PATIENCE))
        except TimeoutError:
            return Live("counting")
        except CdsError:
            return Live("away")


def _contents(shown: Shown) -> list[tuple[str, str]]:
    """Key and title of each section of a page, in its order."""
    told = {key: title for key, title, _ in shown.pieces}
    more = {"tests": "How it is tested", "laws": "Laws", "live": "The last 30 days"}
    more |= {"terms": "Terms"} if shown.terms else {}
    if shown.sheet.site:
        more["site"] = "What this hospital decided"
    told.setdefault("changes", "Changes")
    order = ("site", "aloud", "rows", "offers", "limits", "tests", "laws", "judgement", "changes")
    every = {**told, **more}
    return [(x, every[x]) for x in (*order, "live", "terms", "signatures") if x in every]
