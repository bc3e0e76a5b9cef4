"""The one place that reads the settings and the clock and wires everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol

from cds.engine.decision import Decisions
from cds.hooks.discovery import discovery
from cds.hooks.request import HookCall
from cds.hooks.services import SERVICES, ServiceEntry
from cds.pipeline import answer
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook
from cds.settings import Settings

# The one client while callers are not authenticated. Web and command line name the same one, so
# that a call from a file gives the very bytes it gives over HTTP (law 7).
SANDBOX_CLIENT = "sandbox"


class Answered(Protocol):
    """What the edges need of an answer."""

    @property
    def cards(self) -> tuple[dict[str, Any], ...]: ...
    @property
    def decisions(self) -> Decisions: ...


@dataclass(frozen=True, slots=True)
class Service:
    """Everything an edge (web, command line) needs, and nothing it does not.

    `answer` takes a checked call and the name of the client; it raises BadRequest when the call
    cannot be answered. `about` is what `/health/ready` tells: no patient data.
    """

    answer: Callable[[HookCall, str], Answered]
    services: Mapping[str, ServiceEntry] = field(default_factory=lambda: SERVICES)
    discovery: Mapping[str, Any] = field(default_factory=lambda: {"services": []})
    about: Mapping[str, str | int] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)


def build(settings: Settings, now: datetime | None = None) -> Service:
    """The service as the settings describe it. `now` overrides the clinical clock.

    Raises RulebookError listing every problem of the rule files.
    """
    book = load_rulebook(settings.rules, settings.site)
    clock = _clock(now or settings.now)
    return Service(
        answer=lambda call, client: answer(call, book, clock(), client),
        discovery=discovery(SERVICES.values(), _codes(book)),
        about={"rulebook": book.digest, "rules": len(book.rules), "site": book.site},
        settings=settings,
    )


@cache
def service() -> Service:
    """The service of this process, built on first use. Raises SettingsError, RulebookError."""
    return build(Settings.from_environment())


def clinical_now(settings: Settings, now: datetime | None = None) -> datetime:
    """The clinical moment (aware): `now` if given, else `CDS_NOW`, else the time it is."""
    return _clock(now or settings.now)()


def _clock(fixed: datetime | None) -> Callable[[], datetime]:
    if fixed is None:
        return lambda: datetime.now(UTC)
    return lambda: fixed


def _codes(book: Rulebook) -> tuple[str, ...]:
    """The codes a usable result can have, as `system|code`: LOINC and the site's own. Codes of
    refused specimens are not asked for."""
    return tuple(
        f"{coding.system}|{coding.code}"
        for coding, lab in book.terminology.labs.items()
        if lab.refused is None
    )
