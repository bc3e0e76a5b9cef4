"""What every page of the console has in common: its templates, its frame, its headers."""

from __future__ import annotations

from functools import cache, partial
from http import HTTPStatus
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cds.bootstrap import Service
from cds.errors import BadRequest, Overloaded, TooMany, Unauthorized
from cds.web.console.access import Access, Role, Visitor
from cds.web.console.forms import is_safe
from cds.web.console.place import CONSOLE
from cds.web.console.static import address_of
from cds.web.console.words import markdown, sentence

SIGN_IN, SIGN_OUT = f"{CONSOLE}/signin", f"{CONSOLE}/signout"
NAVIGATION = (
    (f"{CONSOLE}/sandbox", "Sandbox", Role.VIEWER),
    (f"{CONSOLE}/rules", "Rules", Role.VIEWER),
    (f"{CONSOLE}/whatif", "What if", Role.VIEWER),
    (f"{CONSOLE}/decisions", "Decisions", Role.REVIEWER),
    (f"{CONSOLE}/admin", "Admin", Role.ADMIN),
)
_CHALLENGE = 'Bearer realm="console"'
_WORDS = {404: "There is no such page.", 405: "This address does not answer that method."}
_OF_LINKS = {404: "This link opens nothing", 410: "This link has expired"}

Navigation = tuple[tuple[str, str], ...]


class Frame:
    """Renders pages. `base`: the address they stand below; those for everybody have no way into
    the console."""

    def __init__(self, service: Service, access: Access, base: str = CONSOLE) -> None:
        self._service, self._access, self._base = service, access, base
        self.templates = _templates()

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """A page, or a part of one for who asks for a part."""
        visitor = self._access.seen(request)
        shown = self.templates.get_template(template).render(
            visitor=visitor,
            navigation=self._navigation(visitor),
            here=f"{CONSOLE}{request.scope['path'].removeprefix(CONSOLE)}",
            about=self._service.view().about,
            sandbox=self._service.settings.sandbox,
            public=self._base != CONSOLE,
            static=partial(address_of, base=self._base),
            **values,
        )
        return HTMLResponse(shown, status)

    async def refused(self, request: Request, error: Exception) -> Response:
        """What a page refuses, in the words of the error. Who only has to sign in is sent there
        and comes back."""
        assert isinstance(error, BadRequest)  # noqa: S101 - registered for nothing else
        if isinstance(error, Unauthorized) and _can_sign_in(request):
            return RedirectResponse(f"{SIGN_IN}?next={quote(_address(request))}", 303)
        reply = self.error(request, error.status, sentence(str(error)))
        if isinstance(error, TooMany | Overloaded):
            reply.headers["retry-after"] = str(error.retry_after)
        if isinstance(error, Unauthorized):
            reply.headers["www-authenticate"] = _CHALLENGE
        return reply

    async def not_answered(self, request: Request, error: Exception) -> Response:
        """What routing refuses: no such page, wrong method."""
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
        words = _WORDS.get(error.status_code, "This cannot be answered.")
        reply = self.error(request, error.status_code, words)
        reply.headers.update(error.headers or {})
        return reply

    def error(self, request: Request, status: int, words: str) -> Response:
        """A page that says why there is no other, in whole sentences; a part of a page is told so
        in a part."""
        title = HTTPStatus(status).phrase
        if self._base != CONSOLE:  # read by people who know no statuses
            title = _OF_LINKS.get(status, title)
        template = "error_part.html" if wants_part(request) else "error.html"
        return self.page(request, template, status, title=title, words=words)

    def _navigation(self, visitor: Visitor) -> Navigation:
        if self._base != CONSOLE:
            return ()
        synthetic = self._service.settings.sandbox
        return tuple(
            (address, name)
            for address, name, role in NAVIGATION
            if visitor.role >= role and (synthetic or address != f"{CONSOLE}/sandbox")
        )


@cache
def _templates() -> Environment:
    """All of them, compiled: that takes a third of a second, which no page shall wait for."""
    found = Environment(
        loader=PackageLoader("cds.web.console"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["markdown"] = markdown
    found.globals["release"] = version("electrolyte-cds")
    for name in found.list_templates():
        found.get_template(name)
    return found


def wants_part(request: Request) -> bool:
    """Whether a script asks, which puts what it gets into a page."""
    by_htmx = request.headers.get("hx-request") == "true"
    return by_htmx or request.headers.get("sec-fetch-dest") == "empty"


def _can_sign_in(request: Request) -> bool:
    """Whether a browser shows what is answered, and can ask the same once more."""
    with_token = "authorization" in request.headers
    return is_safe(request) and not with_token and not wants_part(request)


def _address(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path
