"""The service on a port of this machine, and a client that holds every reply against its model."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp
from wire_checks import check

from loopback import silent_logs

PATIENCE_SECONDS = 20.0


class RealClient:
    """Requests over real HTTP; every reply is checked."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._http = httpx.Client(base_url=base, trust_env=False, timeout=PATIENCE_SECONDS)

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return check(method, path, self._http.request(method, path, **more))

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)

    def options(self, path: str, **more: Any) -> httpx.Response:
        return self.request("OPTIONS", path, **more)

    def close(self) -> None:
        self._http.close()


@contextmanager
def port_of(app: ASGIApp, **more: Any) -> Iterator[int]:
    """The port at which the application answers as long as the block lasts; `more` is uvicorn's."""
    config = uvicorn.Config(app, log_config=None, ws="none", **more)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening, silent_logs():
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            until = time.monotonic() + PATIENCE_SECONDS
            while not server.started:
                assert thread.is_alive(), "the service did not start"
                assert time.monotonic() < until, "the service did not start in time"
                time.sleep(0.01)
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(PATIENCE_SECONDS)


@contextmanager
def served(app: ASGIApp) -> Iterator[RealClient]:
    """A client of the application over HTTP."""
    with port_of(app) as port:
        client = RealClient(f"http://127.0.0.1:{port}")
        try:
            yield client
        finally:
            client.close()


def trust_file(folder: Path, *clients: Mapping[str, Any]) -> Path:
    """A trust file with these clients. JSON is YAML too."""
    path = folder / "trust.yaml"
    path.write_text(json.dumps({"clients": clients}))
    return path
