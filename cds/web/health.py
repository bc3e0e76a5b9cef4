"""Health and metrics, for whoever watches the service: no patient data, no secrets, never shed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response

from cds.audit.writer import AuditState
from cds.bootstrap import Service
from cds.hooks.response import encode
from cds.trust.keystate import STALE, KeyState
from cds.web.address import Handler
from cds.web.metrics import Metrics

log = structlog.get_logger("cds.web")

JSON = "application/json"
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"

READY, DEGRADED, NOT_READY = "ready", "degraded", "not ready"


@dataclass(frozen=True, slots=True)
class Check:
    """What one probe found."""

    ok: bool
    about: Mapping[str, Any] = field(default_factory=dict)
    degraded: bool = False  # good enough to answer, and somebody should look


class Health:
    """Named probes; the service is ready when none of them says no."""

    def __init__(self, probes: Mapping[str, Callable[[], Check]]) -> None:
        self._probes = probes

    def ready(self) -> tuple[str, Mapping[str, Any]]:
        """READY, DEGRADED or NOT_READY, and what each probe found. A probe that breaks says no."""
        found = {name: _asked(name, probe) for name, probe in self._probes.items()}
        told = {name: {"ok": check.ok, **check.about} for name, check in found.items()}
        if not all(check.ok for check in found.values()):
            return NOT_READY, told
        return (DEGRADED if any(check.degraded for check in found.values()) else READY), told


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


def audit_check(kept: AuditState) -> Check:
    """Whether decisions can be kept: without that no answer leaves. In the spool they are kept too,
    but not for ever."""
    about = {"outcome": kept.words, "waiting": kept.waiting, "spooled": kept.spooled}
    return Check(kept.ok, {**about, "degraded": kept.degraded}, kept.degraded)


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
        """Whether calls can be answered: rules, a place for decisions and, where clients are
        trusted, their keys. `degraded` answers calls, and is 200."""
        status, checks = health.ready()
        body = {"status": status, **service.view().about, "checks": checks}
        return Response(encode(body), 503 if status == NOT_READY else 200, media_type=JSON)

    async def exposition(_: Request) -> Response:
        """Counters and timings, for Prometheus."""
        metrics.keys(service.keys())
        if kept is not None:
            metrics.audit(kept())
        return Response(metrics.text(), media_type=EXPOSITION)

    return ("/health/live", live), ("/health/ready", ready), ("/metrics", exposition)
