"""Running the HTTP server: one process, or several that share one port."""

from __future__ import annotations

import gc
import os
import signal
import socket
from pathlib import Path

import uvicorn
from uvicorn.supervisors import Multiprocess

from cds.settings import Settings

# Seconds that calls in work get to end once the server is told to stop.
GRACE = 15

# Objects made before the collector of cyclic garbage looks at the young, and how many such looks
# before it looks at the older ones. Nearly nothing of a call is cyclic: with Python's own (700, 10,
# 10) it took 2.4 ms of each call about a new patient and found nothing.
_COLLECT = (50_000, 20, 20)


class Workers(Multiprocess):
    """The processes of one service. SIGHUP asks each to reload its rules: were they restarted
    instead, rules that do not load would stop the service."""

    def handle_hup(self) -> None:
        """Hand the signal on."""
        for process in self.processes:
            if process.pid is not None:
                os.kill(process.pid, signal.SIGHUP)


def start_quickly() -> None:
    """While a service is being made there is no garbage to look for."""
    gc.set_threshold(*_COLLECT)


def settle() -> None:
    """Once it is made: rules, modules and tables stay, and the collector looks through them no
    more. Else one look takes up to 200 ms, in the middle of some call."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT)


def serve(settings: Settings, listening: socket.socket, tls: tuple[Path, Path] | None) -> None:
    """Serve until a signal ends it; calls in work are answered first. `tls`: certificate and key
    as PEM files; None = plain HTTP, for a proxy that speaks TLS."""
    config = uvicorn.Config(
        "cds.web.app:application",
        factory=True,
        access_log=False,
        log_level=settings.log_level,
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        workers=settings.workers,
        ssl_certfile=tls[0] if tls else None,
        ssl_keyfile=tls[1] if tls else None,
    )
    # uvicorn ends in order and then raises the signal once more, as if it had been killed.
    signal.signal(signal.SIGTERM, lambda *_: None)
    if settings.workers > 1:
        Workers(config, sockets=[listening]).run()
    else:
        uvicorn.Server(config).run(sockets=[listening])
