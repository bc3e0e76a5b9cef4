"""Where the console stands, and what it is handed from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

CONSOLE = "/console"

Reload = Callable[[], Awaitable[bool]]  # `Service.reload`, counted and logged
