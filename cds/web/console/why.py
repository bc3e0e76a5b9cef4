"""`/why/{token}`: what somebody may see who follows a signed link. No identifiers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cds.audit.codec import CodecError
from cds.audit.explain import told_as_kept
from cds.bootstrap import Service
from cds.desk import Desk, NoDecision
from cds.links import LinkExpired, LinkRefused
from cds.web.console import why_view
from cds.web.console.access import Access
from cds.web.console.frame import Frame
from cds.web.console.words import sentence

_UNREAD = "the record of this decision cannot be read by this version of the service"


def routes(service: Service, frame: Frame, _access: Access) -> Iterable[BaseRoute]:
    """The page, relative to `/why`."""
    links = service.links
    assert links is not None  # noqa: S101 - mounted only where there are links

    async def why(request: Request) -> Response:
        """One decision, to whoever holds a link to it."""
        try:
            decision = links.read(request.path_params["token"], service.wall())
        except LinkExpired as error:
            return frame.error(request, 410, sentence(str(error)))
        except LinkRefused as error:
            return frame.error(request, 404, sentence(str(error)))
        if service.desk is None:
            raise NoDecision("no decisions are kept by this process")
        return await _shown(request, frame, service.desk, decision)

    return (Route("/{token}", why),)


async def _shown(request: Request, frame: Frame, desk: Desk, decision: str) -> Response:
    kept = (await desk.decision(decision))[-1]
    told, book = await asyncio.gather(desk.as_kept(kept), desk.book(kept))
    if told.decisions is None:
        raise NoDecision(_UNREAD)

    def page() -> Response:
        assert told.decisions is not None  # noqa: S101 - seen above
        with told_as_kept():
            shown = why_view.why(kept, told.decisions, book)
        return frame.page(request, "why.html", why=shown)

    try:
        return await asyncio.to_thread(page)
    except CodecError:
        raise NoDecision(_UNREAD) from None
