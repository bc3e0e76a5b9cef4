"""Who is calling: from the headers of a request to a client that may send one more."""

from __future__ import annotations

from starlette.datastructures import URL
from starlette.requests import Request

from cds.bootstrap import Service
from cds.clients.model import Client
from cds.errors import TooMany
from cds.trust.refusal import Refused
from cds.web.limits import RateLimits
from cds.web.metrics import Metrics


class Callers:
    """Identity and pace of clients, for one worker."""

    def __init__(self, service: Service, metrics: Metrics) -> None:
        self._service = service
        self._metrics = metrics
        self._limits = RateLimits(service.clock)

    async def admit(self, request: Request) -> Client:
        """The client, if it may send one more request now.

        Raises Unauthorized, Forbidden, TooMany, Overloaded.
        """
        client = await self.identify(request)
        request.scope.setdefault("state", {})["client"] = client.name
        most = client.requests_a_minute or self._service.settings.requests_a_minute
        try:
            self._limits.admit(client.name, most)
        except TooMany:
            self._metrics.throttled(client.name)
            raise
        return client

    async def identify(self, request: Request) -> Client:
        """The client by its token. Raises Unauthorized, Forbidden, Overloaded."""
        tokens = request.headers.getlist("authorization")
        header = ", ".join(tokens) if tokens else None  # two headers are one that reads wrong
        try:
            # Without a token there is nothing that has to be meant for this address.
            called = "" if header is None else self._called(request)
            return await self._service.admit(header, called)
        except Refused as refused:
            self._metrics.refused(refused.reason)
            raise

    def _called(self, request: Request) -> str:
        """The address as the client sees it: behind a proxy only the setting knows (`aud`)."""
        public = self._service.settings.public_url
        if public:
            return f"{public}{request.url.path}"
        return str(URL(scope={**request.scope, "query_string": b""}))
