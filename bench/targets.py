"""What is measured: this service, between the least a Python service can do and the usual way, and
beside another package. `apps` has what each of them runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import ehr, tokens
from bench.apps import EHR
from bench.bodies import NOW, OBSERVATIONS, call, encoded

HEALTHCHAIN = "BENCH_HEALTHCHAIN"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a target runs: its port, a folder of its own, and the port of the FHIR server."""

    port: int
    folder: Path
    ehr: int = 0


Environment = Callable[[Place], Mapping[str, str]]
Body = Callable[[str, Place], bytes]


def usual(name: str, _: Place) -> bytes:
    """The body with all its data, at the clinical time of `bodies`."""
    return encoded(call(OBSERVATIONS[name]))


def of_today(name: str, _: Place) -> bytes:
    """The same at the time it is: outside the sandbox no clock can be set."""
    return encoded(call(OBSERVATIONS[name], now=datetime.now(UTC).replace(microsecond=0)))


def unsupplied(name: str, place: Place) -> bytes:
    """The same without its data, which has to be fetched."""
    return encoded(ehr.without_prefetch(call(OBSERVATIONS[name]), ehr.address(place.ehr, name)))


@dataclass(frozen=True, slots=True)
class Target:
    """An application to start, and the calls it gets.

    `app` is what uvicorn is told (a factory); "" = `cds serve`. `python` starts it. With `signed`
    every call carries a token; with `three_ways` it is also measured with edits of the order and
    with calls that are each about another patient.
    """

    name: str
    app: str
    path: str
    environment: Environment = lambda _: {}
    body: Body = usual
    signed: bool = False
    three_ways: bool = False
    python: str = sys.executable


def sandbox(_: Place) -> Mapping[str, str]:
    """No token is asked for, and the clinical clock stands at the time of the bodies."""
    return {"CDS_SANDBOX": "1", "CDS_NOW": NOW.isoformat()}


def audited(place: Place) -> Mapping[str, str]:
    """The same, and every decision is kept."""
    return {**sandbox(place), **_keeping(place)}


def _keeping(place: Place) -> Mapping[str, str]:
    key = "a key for measuring, of no other use"
    return {"CDS_STATE": str(place.folder), "CDS_AUDIT_KEY": key}


def _trusting(place: Place) -> Mapping[str, str]:
    trust = place.folder / "trust.yaml"
    tokens.write_trust(trust)
    address = f"http://127.0.0.1:{place.port}"
    return {**_keeping(place), "CDS_TRUST": str(trust), "CDS_PUBLIC_URL": address}


def _unhurried(place: Place) -> Mapping[str, str]:
    """However slow the machine is, nothing that is to be fetched is left out."""
    return {**sandbox(place), EHR: f"http://127.0.0.1:{place.ehr}", "CDS_DEADLINE_MS": "60000"}


_ASKED = "/cds-services/electrolytes-order-select"

FLOOR = Target("floor", "bench.apps:floor", "/echo")
OURS = Target("ours", "bench.apps:ours", _ASKED, sandbox, three_ways=True)
AUDITED = Target("ours+audit", "", _ASKED, audited, three_ways=True)
STUB = Target("the FHIR server", "bench.ehr:application", "/ready")
_OF_THIS_HOUSE = (
    FLOOR,
    Target("fastapi-echo", "bench.apps:fastapi_echo", "/echo"),
    OURS,
    AUDITED,
    Target("ours+audit+jwt", "", _ASKED, _trusting, body=of_today, signed=True),
    Target("ours+fetch", "bench.apps:fetching", _ASKED, _unhurried, body=unsupplied),
)


def of_healthchain(python: str) -> tuple[Target, ...]:
    """The services of the `healthchain` package, by the interpreter that has it."""
    path = "/cds/cds-services/bench"
    apps = {"healthchain": "trivial", "healthchain-typed": "typed"}
    return tuple(
        Target(name, f"bench.healthchain_apps:{app}", path, python=python)
        for name, app in apps.items()
    )


def targets() -> tuple[Target, ...]:
    """All that can be measured here."""
    python = os.environ.get(HEALTHCHAIN, "")
    return (*_OF_THIS_HOUSE, *(of_healthchain(python) if python else ()))


def without_healthchain() -> str:
    """Why the `healthchain` package is not measured, "" where it is."""
    if os.environ.get(HEALTHCHAIN):
        return ""
    return (
        f"healthchain is NOT measured: set {HEALTHCHAIN} to the python of an environment with it "
        "(pip install healthchain uvloop httptools)"
    )
