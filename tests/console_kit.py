"""Consoles that run, for tests that open them in a browser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from cds import bootstrap
from cds.bootstrap import Service
from cds.keeping import Keeper
from cds.settings import Settings
from cds.web.app import create_app
from console_pages import LINK_KEY, Seeded, seed
from loopback import serving
from served_audit import NOW, server

ROOT = Path(__file__).parents[1]
TOKENS = {
    "viewer": "a-token-of-those-who-read-rules",
    "reviewer": "a-token-of-those-who-read-decisions",
    "admin": "a-token-of-those-who-may-do-all",
}


@dataclass(frozen=True)
class Console:
    """A console that runs: its origin, and what it was told to begin with."""

    url: str
    seeded: Seeded


def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """Of a sandbox that is open to everybody on this machine."""
    yield from running(tmp_path_factory.mktemp("state"))


def running(state: Path, **more: str) -> Iterator[Console]:
    """Of a sandbox in a process of its own; `more` settings of it."""
    # A machine that does much else is slow to fetch, which is not what these tests ask about.
    usual = {"CDS_LINK_KEY": LINK_KEY, "CDS_DEADLINE_MS": "10000"}
    with server(state, **usual, **more) as (url, _):
        yield Console(url, seed(url, datetime.fromisoformat(NOW), datetime.now(UTC)))


@dataclass
class Clock:
    """The clock on the wall of a server in this process."""

    now: datetime = field(default_factory=lambda: datetime.fromisoformat(NOW))

    def pass_by(self, span: timedelta) -> None:
        """Later."""
        self.now += span


@dataclass(frozen=True)
class Guarded(Console):
    """A console with a token for each role, and a clock that can be moved."""

    clock: Clock


def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """In this process, since no setting moves the clock by which sessions and links end."""
    clock = Clock()
    settings = Settings(
        rules=ROOT / "rules",
        sandbox=True,
        now=clock.now,
        state=tmp_path_factory.mktemp("guarded"),
        audit_key="a-key-for-the-tests-of-the-console",
        link_key=LINK_KEY,
        deadline_ms=10_000,
        **{f"{role}_token": token for role, token in TOKENS.items()},  # type: ignore[arg-type]
    )
    with serving(create_app(told_the_time(settings, clock))) as url:
        yield Guarded(url, seed(url, clock.now, clock.now), clock)


def told_the_time(settings: Settings, clock: Clock) -> Service:
    """The service, which takes this clock for the one on the wall, and its records too."""

    def keeper(settings: Settings) -> Keeper:
        made = Keeper(settings, lambda: clock.now, time.monotonic, "host", 1)
        made.open()
        return made

    with patch.object(bootstrap, "_keeper", keeper):
        service = bootstrap.build(settings, audited=True)
    return replace(service, wall=lambda: clock.now)
