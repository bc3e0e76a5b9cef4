"""An application on a socket of this machine, for tests that need a real connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from starlette.applications import Starlette


@contextmanager
def silent_logs() -> Iterator[None]:
    """No log line is written to a stream. A server in a thread would write one while pytest takes
    the stream away at the end of a test, and that ends the interpreter."""
    before = structlog.get_config()
    structlog.configure(
        logger_factory=structlog.ReturnLoggerFactory(), cache_logger_on_first_use=False
    )
    try:
        yield
    finally:
        structlog.configure(**before)


@contextmanager
def serving(app: Starlette) -> Iterator[str]:
    """An application on a socket of this machine; gives its origin."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    with silent_logs():
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
            listening.close()
            assert not thread.is_alive()
