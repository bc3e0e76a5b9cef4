"""A FHIR server that answers as it is told, and a clock that never waits.

Nothing leaves the process: respx stands where connections would be made.
"""

from __future__ import annotations

import asyncio
import json
import selectors
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import httpx
import msgspec
import respx

from cds.fhir.access import Fetched, FetchLimits, FhirAccess
from cds.fhir.network import guarded_http
from cds.hooks.discovery import templates
from cds.hooks.request import FhirAuthorization, HookCall

T = TypeVar("T")

BASE = "https://ehr.example.org/fhir"
AT = "https://8.8.8.8/fhir"  # where the connection goes: the checked address of that name
VERIFY = httpx.create_ssl_context(trust_env=False)
LIMITS = FetchLimits()
TOKEN = "token-of-the-call"
TEMPLATES = templates(["http://loinc.org|2601-3"])
KEYS = tuple(TEMPLATES)
PATIENT = {"resourceType": "Patient", "id": "p1", "birthDate": "1951-08-09"}
SUBJECT = {"subject": {"reference": "Patient/p1"}}
FHIR_JSON = "application/fhir+json; charset=utf-8"


class _Jumping(selectors.DefaultSelector):
    """Instead of waiting, moves the clock to the next timer."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout is not None and timeout > 0:
            self.now += timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when nothing else is left to do."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> tuple[T, float]:
    """What some work gives, and the seconds it took on its clock."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        found = runner.run(work())
        return found, runner.get_loop().time()


async def public(_host: str, _port: int) -> Sequence[str]:
    return ("8.8.8.8",)


def authorization(**members: Any) -> FhirAuthorization:
    plain = FhirAuthorization(TOKEN, 300, "patient/*.read", "cds-service", patient="p1")
    return replace(plain, **members)


def call(prefetch: Mapping[str, Any] | None = None, **members: Any) -> HookCall:
    """A call that brings a patient, an encounter id and the token; `prefetch` as given."""
    plain = HookCall(
        service="electrolytes-order-select",
        hook="order-select",
        hook_instance="i",
        user_id="Practitioner/u",
        patient_id="p1",
        encounter_id="e1",
        fhir_server=BASE,
        authorization=authorization(),
        prefetch={key: raw(value) for key, value in (prefetch or {}).items()},
    )
    return replace(plain, **members)


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def bundle(*resources: dict[str, Any], next_page: str = "", **members: Any) -> dict[str, Any]:
    entry = [{"resource": resource} for resource in resources]
    link = [{"relation": "next", "url": next_page}] if next_page else []
    return {"resourceType": "Bundle", "type": "searchset", "entry": entry, "link": link, **members}


def result(name: str, **members: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": name, "status": "final", **SUBJECT, **members}


def reply(value: Any, status: int = 200, kind: str = FHIR_JSON) -> httpx.Response:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return httpx.Response(status, content=content, headers={"content-type": kind})


def fetch(
    stage: Callable[[respx.MockRouter], Any],
    asked: HookCall,
    keys: Sequence[str] = KEYS,
    *,
    allowed: Sequence[str] = (BASE,),
    limits: FetchLimits = LIMITS,
    deadline: float = 0.4,
) -> tuple[Fetched, float]:
    """What `FhirAccess` fetches from a staged server, and the seconds that took."""

    async def work() -> Fetched:
        clock = asyncio.get_running_loop().time
        with respx.mock(assert_all_called=False) as router:
            stage(router)
            async with guarded_http((), False, public, verify=VERIFY, clock=clock) as http:
                access = FhirAccess(http, TEMPLATES, clock, limits)
                return await access.fetch(asked, keys, allowed, clock() + deadline)

    return run(work)


def words(found: Fetched) -> list[str]:
    """The outcomes of all questions, in order."""
    return [note.outcome for note in found.calls]
