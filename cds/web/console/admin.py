"""`/console/admin`: what runs here, and new rules without a restart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cds.bootstrap import Service
from cds.errors import CdsError
from cds.reload import NotReplaced
from cds.web.console.access import Access, Role
from cds.web.console.frame import Frame
from cds.web.console.place import Reload


def routes(
    service: Service, frame: Frame, access: Access, reload: Reload | None
) -> Iterable[BaseRoute]:
    """`/admin` and `/admin/reload`. `reload` = None: there is no button."""

    def shown(request: Request, status: int = 200, **result: Any) -> Response:
        return frame.page(
            request,
            "admin.html",
            status,
            kept=service.kept() if service.kept is not None else None,
            workers=service.settings.workers,
            can_reload=reload is not None,
            **{"result": "", "findings": (), **result},
        )

    async def about(request: Request) -> Response:
        """The page."""
        return shown(request)

    async def reloaded(request: Request) -> Response:
        """Put the rule files as they stand now in force; what is wrong with them is listed."""
        if reload is None:
            return shown(request, 409, result="refused", findings=("Not offered here.",))
        try:
            changed = await reload()
        except NotReplaced as error:
            return shown(request, 409, result="refused", findings=error.findings)
        except CdsError as error:
            return shown(request, 409, result="refused", findings=(str(error),))
        return shown(request, result="replaced" if changed else "unchanged")

    return (
        Route("/admin", access.needs(Role.ADMIN, about), methods=["GET"]),
        Route("/admin/reload", access.needs(Role.ADMIN, reloaded), methods=["POST"]),
    )
