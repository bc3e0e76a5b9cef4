"""Who is looking at the console, and what they may do.

A visitor brings the token of a role, in a header or once at the sign-in page. In a sandbox without
any token everybody is a reviewer: its patients are synthetic.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from enum import IntEnum

from starlette.requests import Request
from starlette.responses import Response

from cds.bootstrap import Service
from cds.errors import BadRequest, Forbidden, TooMany, Unauthorized
from cds.web.address import Handler
from cds.web.console.forms import check_csrf, check_origin, is_safe
from cds.web.console.place import CONSOLE
from cds.web.console.session import Session, Sessions
from cds.web.console.tries import Tries

_FOUND = "cds.console.visitor"  # where a request keeps who sent it


class Role(IntEnum):
    """A role may do what those below it may."""

    NOBODY = 0  # the sign-in page
    VIEWER = 1  # rules, what-if, sandbox
    REVIEWER = 2  # decisions: they hold values of patients
    ADMIN = 3  # new rules in force

    @property
    def word(self) -> str:
        """As it stands on pages and in settings."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Visitor:
    """`csrf`: what a form of this visitor must carry back ("" = there is no session). `session`:
    None = a token in a header, or nobody had to sign in."""

    role: Role
    csrf: str = ""
    session: Session | None = None


NOBODY = Visitor(Role.NOBODY)


class Access:
    """Knows visitors by their token or session."""

    def __init__(self, service: Service) -> None:
        settings = service.settings
        self._public = settings.public_url
        self._tokens = settings.console_tokens
        secret = settings.link_key.encode() if settings.link_key else secrets.token_bytes(32)
        self._sessions = Sessions(secret, self._tokens, service.wall)
        self._tries = Tries(service.clock)
        self._https = (self._public or "").startswith("https://")
        self.cookie = "__Secure-cds-console" if self._https else "cds-console"
        self.open = settings.sandbox and not self._tokens

    def visitor(self, request: Request) -> Visitor:
        """Who asks. Raises Unauthorized, TooMany."""
        found = request.scope.get(_FOUND)
        if found is None:  # once a request: a wrong token is one wrong try
            found = request.scope[_FOUND] = self._look_once(request)
        if isinstance(found, Visitor):
            return found
        raise found

    def _look_once(self, request: Request) -> Visitor | BadRequest:
        try:
            return self._look(request)
        except (Unauthorized, TooMany) as error:
            return error

    def seen(self, request: Request) -> Visitor:
        """Who asks, for a page that everybody may see."""
        try:
            return self.visitor(request)
        except (Unauthorized, TooMany):
            return NOBODY

    def needs(self, role: Role, handler: Handler) -> Handler:
        """The handler, for visitors who have at least this role and were not sent by another
        site."""

        async def admitted(request: Request) -> Response:
            visitor = self.visitor(request)
            if visitor.role < role:
                raise Forbidden(
                    f"this page is for the role {role.word}; you have the role {visitor.role.word}"
                )
            if not is_safe(request):
                await self.check_sent(request, visitor)
            response = await handler(request)
            self._go_on(visitor, response)
            return response

        return admitted

    async def check_sent(self, request: Request, visitor: Visitor) -> None:
        """Raises Forbidden where a page of another site may have sent this. What carries a token
        in a header was sent by who has the token."""
        if "authorization" in request.headers:
            return
        check_origin(request, self._public)
        if visitor.session is not None:
            await check_csrf(request, visitor.csrf)

    def sign_in(self, token: str, response: Response) -> None:
        """Begin a session. Raises Unauthorized where the token is none of a role's, TooMany."""
        self._set(response, self._sessions.begin(self._role_of(token).word))

    def sign_out(self, response: Response) -> None:
        """End the session of who gets this response."""
        self._set(response, None)

    def has_cookie(self, request: Request) -> bool:
        """Whether there was a session, be it over or not."""
        return self.cookie in request.cookies

    def _look(self, request: Request) -> Visitor:
        if self.open:
            return Visitor(Role.REVIEWER)
        header = request.headers.get("authorization")
        if header is not None:
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer":
                raise Unauthorized("the console reads `Authorization: Bearer` and a token")
            return Visitor(self._role_of(token.strip()))
        session = self._sessions.read(request.cookies.get(self.cookie, ""))
        if session is not None:
            role = Role[session.role.upper()]
            return Visitor(role, self._sessions.csrf(session), session)
        raise Unauthorized("sign in to see this")

    def _role_of(self, token: str) -> Role:
        """Every token is compared, so that the time taken tells nothing."""
        self._tries.check()
        matching = [
            Role[role.upper()]
            for role, known in self._tokens.items()
            if hmac.compare_digest(known.encode(), token.encode())
        ]
        if not matching:
            self._tries.wrong()
            raise Unauthorized("this is no token of the console; ask whoever runs this service")
        return max(matching)

    def _go_on(self, visitor: Visitor, response: Response) -> None:
        """This request was the last one of the session so far."""
        session = visitor.session and self._sessions.renewed(visitor.session)
        signed_out = any(name == b"set-cookie" for name, _ in response.raw_headers)
        if session is not None and not signed_out:
            self._set(response, session)

    def _set(self, response: Response, session: Session | None) -> None:
        """A cookie of the browser's session: its seal says how long it counts."""
        response.set_cookie(
            self.cookie,
            "" if session is None else self._sessions.sealed(session),
            max_age=0 if session is None else None,
            path=CONSOLE,
            secure=self._https,
            httponly=True,
            samesite="strict",
        )
