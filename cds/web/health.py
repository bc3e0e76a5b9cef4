"""Health and metrics, for whoever watches the service: no patient data, no secrets, never shed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response

from cds.bootstrap import Service
from cds.hooks.response import encode
from cds.trust.jwks import STALE, KeyState
from cds.web.metrics import Metrics

log = structlog.get_logger("cds.web")

JSON = "application/json"
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Check:
    """What one probe found."""

    ok: bool
    about: Mapping[str, Any] = field(default_factory=dict)


class Health:
    """Named probes; the service is ready when none of them says no."""

    def __init__(self, probes: Mapping[str, Callable[[], Check]]) -> None:
        self._probes = probes

    def ready(self) -> tuple[bool, Mapping[str, Any]]:
        """Whether it is, and what each probe found. A probe that breaks says no."""
        found = {name: _asked(name, probe) for name, probe in self._probes.items()}
        told = {name: {"ok": check.ok, **check.about} for name, check in found.items()}
        return all(check.ok for check in found.values()), told


def _asked(name: str, probe: Callable[[], Check]) -> Check:
    try:
        return probe()
    except Exception as error:
        log.error("health check broke", check=name, kind=type(error).__name__)
        return Check(False, {"outcome": f"the check broke: {type(error).__name__}"})


def rules_check(about: Mapping[str, str | int]) -> Check:
    """Whether there are rules to decide by."""
    return Check(int(about.get("rules", 0)) > 0)


def keys_check(states: Mapping[str, KeyState]) -> Check:
    """How the keys of the clients stand.

    It says no only when every client was tried and none has a key that counts: what is down at one
    hospital must not take the advice away from the others.
    """
    told = {name: _told(state) for name, state in states.items()}
    untried = any(state.outcome == "never fetched" for state in states.values())
    some = any(_counts(state) for state in states.values())
    return Check(not states or untried or some, {"clients": told})


def _counts(state: KeyState) -> bool:
    return state.keys > 0 and (state.age is None or state.age < STALE)


def _told(state: KeyState) -> dict[str, Any]:
    age = {} if state.age is None else {"age_s": round(state.age)}
    return {"ok": _counts(state), "keys": state.keys, "outcome": state.outcome, **age}


def audit_check(kept: tuple[bool, str, int]) -> Check:
    """Whether decisions can be kept: without that no answer leaves."""
    good, words, waiting = kept
    return Check(good, {"outcome": words, "waiting": waiting})


def health_routes(service: Service, metrics: Metrics) -> Iterable[tuple[str, Handler]]:
    """Path and handler of `/health/live`, `/health/ready` and `/metrics`."""
    probes = {
        "rules": lambda: rules_check(service.view().about),
        "keys": lambda: keys_check(service.keys()),
    }
    if (kept := service.kept) is not None:
        probes["audit"] = lambda: audit_check(kept())
    health = Health(probes)

    async def live(_: Request) -> Response:
        """Whether the process is up."""
        return Response(encode({"status": "live"}), media_type=JSON)

    async def ready(_: Request) -> Response:
        """Whether calls can be answered: rules and, where clients are trusted, their keys."""
        good, checks = health.ready()
        body = {"status": "ready" if good else "not ready", **service.view().about}
        return Response(encode({**body, "checks": checks}), 200 if good else 503, media_type=JSON)

    async def exposition(_: Request) -> Response:
        """Counters and timings, for Prometheus."""
        metrics.keys(service.keys())
        return Response(metrics.text(), media_type=EXPOSITION)

    return ("/health/live", live), ("/health/ready", ready), ("/metrics", exposition)
