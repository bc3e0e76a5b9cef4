"""Attacks by way of the call-back to a FHIR server: each is refused with its reason, and nobody
connects to a place that was not meant. Traffic stays on this machine: 127.0.0.2 plays the public
server, and connections at 127.0.0.1, which is forbidden, are counted."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import msgspec
import pytest

from cds.chart.read import read_chart
from cds.errors import BadRequest, Precondition
from cds.facts.terminology import Terminology
from cds.fhir.access import Fetched, FetchLimits, FhirAccess
from cds.fhir.network import guarded_http, resolve_name
from cds.fhir.prefetch import resolve
from cds.hooks.discovery import templates
from cds.hooks.request import FhirAuthorization, HookCall, read_call
from cds.hooks.services import PATIENT_VIEW

PUBLIC, FORBIDDEN = "127.0.0.2", "127.0.0.1"
NAME = "fhir.hospital.example"
TOKEN = "token-of-the-call"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PATIENT = {"resourceType": "Patient", "id": "p1", "birthDate": "1951-08-09"}
STRANGER = {"resourceType": "Condition", "id": "c2", "subject": {"reference": "Patient/p2"}}


def bundle(*resources: dict[str, Any], next_page: str = "") -> dict[str, Any]:
    link = [{"relation": "next", "url": next_page}] if next_page else []
    entry = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entry, "link": link}


@dataclass
class Listener:
    """A server that counts who comes, and keeps what they say."""

    answer: bytes = b""
    heard: list[bytes] = field(default_factory=list)
    count: int = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.count += 1
        try:
            self.heard.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(self.answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever came has left
        finally:
            writer.close()


def http(value: Any, status: str = "200 OK", headers: str = "") -> bytes:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    plain = f"Content-Type: application/fhir+json\r\nContent-Length: {len(body)}\r\n{headers}"
    return f"HTTP/1.1 {status}\r\n{plain}Connection: close\r\n\r\n".encode() + body


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def call(server: str, prefetch: dict[str, Any] | None = None, drafts: Any = None) -> HookCall:
    sent = {"patient": PATIENT, "observations": None, **(prefetch or {})}
    return HookCall(
        service="electrolytes-patient-view",
        hook="patient-view",
        hook_instance="i",
        user_id="Practitioner/u",
        patient_id="p1",
        fhir_server=server,
        authorization=FhirAuthorization(TOKEN, 300, "patient/*.read", "cds"),
        prefetch={key: raw(value) for key, value in sent.items()},
        draft_orders=None if drafts is None else raw(drafts),
    )


@dataclass
class Field:
    """One attack: the server that may be asked, the one that may not, and their ports."""

    public: Listener
    forbidden: Listener
    ports: tuple[int, int] = (0, 0)

    async def fetch(
        self,
        server: str,
        *,
        allowed: Sequence[str] | None = None,
        names: Sequence[Sequence[str]] | None = None,
        asked: HookCall | None = None,
        times: int = 1,
        keys: Sequence[str] = ("problems",),
    ) -> list[Fetched]:
        """`names`: what the name resolves to, one answer after the other; None = the system."""
        left = list(names or ())
        now = [0.0]

        async def resolver(host: str, port: int) -> Sequence[str]:
            if names is None:
                return await resolve_name(host, port)
            return left.pop(0) if len(left) > 1 else left[0]

        found: list[Fetched] = []
        networks = [ip_network(f"{PUBLIC}/32")]
        clock = asyncio.get_running_loop().time
        async with guarded_http(
            networks, True, resolver, verify=False, clock=lambda: now[0]
        ) as client:
            limits = FetchLimits(max_bytes=100_000)
            access = FhirAccess(client, templates([]), clock, limits)
            for _ in range(times):
                ask = asked or call(server)
                deadline = clock() + 2
                found.append(await access.fetch(ask, keys, allowed or [server], deadline))
                now[0] += 3600  # long enough for a name to be looked up again
        return found


async def listening(field_: Field) -> tuple[asyncio.Server, asyncio.Server, int]:
    """Both servers on the same port, so that nothing but the address decides where a connection
    arrives. A port that is free on one address may be taken on the other: then another one."""
    while True:
        one = await asyncio.start_server(field_.public.handle, PUBLIC, 0)
        port = one.sockets[0].getsockname()[1]
        try:
            return one, await asyncio.start_server(field_.forbidden.handle, FORBIDDEN, port), port
        except OSError:
            one.close()
            await one.wait_closed()


async def attack(play: Any, answer: Any = b"") -> tuple[Any, Field]:
    """What a play on a field gave, and the field after it. `answer` may need the ports."""
    field_ = Field(Listener(), Listener(http(bundle())))
    one, two, port = await listening(field_)
    async with one, two:
        field_.ports = (port, port)
        field_.public.answer = answer(field_) if callable(answer) else answer
        return await play(field_), field_


def run(play: Any, answer: Any = b"") -> tuple[Any, Field]:
    return asyncio.run(attack(play, answer))


def words(found: Fetched) -> list[str]:
    return [note.outcome for note in found.calls]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "127.1",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "10.0.0.1",
        "100.64.0.1",
        "[fe80::1]",
    ],
)
@pytest.mark.requirement("SEC-21")
def test_a_forbidden_address_in_any_spelling_even_if_an_allow_list_names_it(host: str) -> None:
    (found,), after = run(lambda at: at.fetch(f"http://{host}:{at.ports[1]}/fhir"))
    assert words(found) == ["refused-address"]
    assert "network address that is forbidden" in found.supplied["problems"].gap
    assert (after.public.count, after.forbidden.count) == (0, 0)


@pytest.mark.requirement("SEC-21")
def test_a_server_the_client_may_not_name_is_not_asked_although_it_could_be_reached() -> None:
    (found,), after = run(
        lambda at: at.fetch(f"http://{PUBLIC}:{at.ports[0]}/fhir", allowed=[f"http://{NAME}/fhir"])
    )
    assert words(found) == ["not-allowed"]
    assert (after.public.count, after.forbidden.count) == (0, 0)


def test_dns_rebinding_between_two_calls() -> None:
    names = [[PUBLIC], [FORBIDDEN]]

    def play(at: Field) -> Any:
        return at.fetch(f"http://{NAME}:{at.ports[0]}/fhir", names=names, times=2)

    (first, second), after = run(play, http(bundle()))
    assert (words(first), words(second)) == (["ok"], ["refused-address"])
    assert (after.public.count, after.forbidden.count) == (1, 0)


def test_dns_rebinding_between_check_and_connection() -> None:
    """Each further question would be answered with the forbidden address; there is none."""
    names = [[PUBLIC], [FORBIDDEN]]
    (found,), after = run(
        lambda at: at.fetch(f"http://{NAME}:{at.ports[0]}/fhir", names=names), http(bundle())
    )
    assert words(found) == ["ok"]
    assert (after.public.count, after.forbidden.count) == (1, 0)
    assert f"Host: {NAME}".encode().lower() in after.public.heard[0].lower()


def test_a_name_with_a_good_and_a_forbidden_address() -> None:
    for names in ([[PUBLIC, FORBIDDEN]], [[FORBIDDEN, PUBLIC]]):
        (found,), after = run(
            lambda at, names=names: at.fetch(f"http://{NAME}:{at.ports[1]}/fhir", names=names)
        )
        assert words(found) == ["refused-address"]
        assert (after.public.count, after.forbidden.count) == (0, 0)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 T", "308 P"])
def test_a_redirect_to_a_forbidden_listener(status: str) -> None:
    def answer(at: Field) -> bytes:
        return http(b"", status, f"Location: http://{FORBIDDEN}:{at.ports[1]}/fhir\r\n")

    (found,), after = run(lambda at: at.fetch(f"http://{PUBLIC}:{at.ports[0]}/fhir"), answer)
    assert words(found) == ["redirect"]
    assert "redirects" in found.supplied["problems"].gap
    assert (after.public.count, after.forbidden.count) == (1, 0)


LINKS = [
    f"http://{FORBIDDEN}:{{1}}/fhir?page=2",
    f"//{FORBIDDEN}:{{1}}/fhir",
    f"http://{PUBLIC}:{{0}}@{FORBIDDEN}:{{1}}/fhir",
    f"http://{PUBLIC}:{{0}}/other",
    f"http://{PUBLIC}:{{0}}/fhir/../other",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{1}/_GET",
]


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("prefetched", [False, True], ids=["fetched", "prefetched"])
def test_a_next_link_that_leads_elsewhere(link: str, prefetched: bool) -> None:
    def play(at: Field) -> Any:
        server = f"http://{PUBLIC}:{at.ports[0]}/fhir"
        first = bundle(next_page=link.format(*at.ports))
        asked = call(server, {"problems": first}) if prefetched else None
        return at.fetch(server, asked=asked)

    (found,), after = run(play, lambda at: http(bundle(next_page=link.format(*at.ports))))
    assert "not below the address of the FHIR server" in found.supplied["problems"].gap
    assert (after.public.count, after.forbidden.count) == (0 if prefetched else 1, 0)


@pytest.mark.parametrize(
    "server",
    ["file:///etc/passwd", "gopher://127.0.0.1:{1}/_x", "ftp://127.0.0.1:{1}/", "//127.0.0.1:{1}/"],
)
def test_another_scheme_is_refused_where_the_call_is_read_and_where_it_would_be_used(
    server: str,
) -> None:
    (found,), after = run(
        lambda at: at.fetch(server.format(*at.ports), allowed=[server.format(*at.ports)])
    )
    assert words(found) == ["not-allowed"]
    assert (after.public.count, after.forbidden.count) == (0, 0)
    body = {
        "hook": "patient-view",
        "hookInstance": "i",
        "context": {"userId": "Practitioner/u", "patientId": "p1"},
        "fhirServer": server,
    }
    with pytest.raises(BadRequest) as raised:
        read_call(PATIENT_VIEW, json.dumps(body).encode())
    assert raised.value.where == "fhirServer"


@pytest.mark.parametrize(
    "server",
    [
        f"http://{PUBLIC}:{{0}}@{FORBIDDEN}:{{1}}/fhir",
        f"http://{PUBLIC}:{{0}}\\@{FORBIDDEN}:{{1}}/fhir",
        f"http://{FORBIDDEN}:{{1}}/fhir#http://{PUBLIC}:{{0}}/fhir",
        f"http://{FORBIDDEN}:{{1}}\t/fhir",
    ],
)
def test_an_address_that_looks_like_the_good_one(server: str) -> None:
    def play(at: Field) -> Any:
        good = f"http://{PUBLIC}:{at.ports[0]}/fhir"
        return at.fetch("", allowed=[good], asked=call(server.format(*at.ports)))

    (found,), after = run(play)
    assert words(found) == ["not-allowed"]
    assert (after.public.count, after.forbidden.count) == (0, 0)


def test_a_decompression_bomb() -> None:
    packed = gzip.compress(b" " * 50_000_000)
    (found,), after = run(
        lambda at: at.fetch(f"http://{PUBLIC}:{at.ports[0]}/fhir"),
        http(packed, headers="Content-Encoding: gzip\r\n"),
    )
    assert words(found) == ["too-large"]
    assert "too large" in found.supplied["problems"].gap
    assert after.public.count == 1


def test_a_medication_that_is_said_to_be_elsewhere() -> None:
    order = {
        "resourceType": "MedicationRequest",
        "id": "r",
        "status": "draft",
        "subject": {"reference": "Patient/p1"},
    }

    def play(at: Field) -> Any:
        reference = f"http://{FORBIDDEN}:{at.ports[1]}/fhir/Medication/m"
        drafts = bundle({**order, "medicationReference": {"reference": reference}})
        server = f"http://{PUBLIC}:{at.ports[0]}/fhir"
        asked = call(server, {"medications": None}, drafts)
        return at.fetch(server, asked=asked, keys=("medications",))

    (found,), after = run(play)
    assert words(found) == ["off-server"]
    assert (after.public.count, after.forbidden.count) == (0, 0)


def test_the_token_goes_to_the_server_it_is_for() -> None:
    (found,), after = run(
        lambda at: at.fetch(f"http://{PUBLIC}:{at.ports[0]}/fhir"), http(bundle())
    )
    assert words(found) == ["ok"]
    assert f"Bearer {TOKEN}".encode() in after.public.heard[0]
    assert TOKEN not in repr(found)


# Somebody else's data


def test_another_patients_resource_in_prefetch() -> None:
    asked = call("", {"problems": bundle(STRANGER)})
    record = read_chart(asked, Terminology(), NOW).record
    assert record.problems.items == ()
    assert "belongs to another patient" in record.problems.gap
    assert "Condition/c2: belongs to another patient" in record.unreadable


def test_another_patients_resource_in_a_fetched_page() -> None:
    asked: list[HookCall] = []

    def play(at: Field) -> Any:
        server = f"http://{PUBLIC}:{at.ports[0]}/fhir"
        asked.append(call(server))
        return at.fetch(server, asked=asked[0])

    (found,), _ = run(play, http(bundle(STRANGER)))
    record = read_chart(asked[0], Terminology(), NOW, found.supplied).record
    assert record.problems.items == ()
    assert "belongs to another patient" in record.problems.gap
    assert words(found) == ["ok", "other-patient"]


def test_another_patients_result_is_named_and_hides_nothing() -> None:
    stranger = {**STRANGER, "resourceType": "Observation"}
    asked: list[HookCall] = []

    def play(at: Field) -> Any:
        server = f"http://{PUBLIC}:{at.ports[0]}/fhir"
        asked.append(replace(call(server), prefetch={"patient": raw(PATIENT)}))
        return at.fetch(server, asked=asked[0], keys=("observations",))

    (found,), _ = run(play, http(bundle(stranger)))
    record = read_chart(asked[0], Terminology(), NOW, found.supplied).record
    assert (record.labs.items, record.labs.gap) == ((), "")
    assert record.unreadable == (
        "observations: 1 resource of `observations` belongs to another patient and was left out",
    )


def test_another_patient_for_the_patient() -> None:
    def play(at: Field) -> Any:
        server = f"http://{PUBLIC}:{at.ports[0]}/fhir"
        return at.fetch(server, asked=replace(call(server), prefetch={}), keys=("patient",))

    (found,), _ = run(play, http({**PATIENT, "id": "p2"}))
    with pytest.raises(Precondition) as raised:
        resolve({}, "p1", found.supplied)
    assert "data of another patient" in str(raised.value)
    assert "p2" not in str(raised.value)


def test_another_patients_draft_order() -> None:
    draft = {**STRANGER, "resourceType": "MedicationRequest", "status": "draft"}
    with pytest.raises(BadRequest) as raised:
        read_chart(call("", drafts=bundle(draft)), Terminology(), NOW)
    assert (raised.value.status, raised.value.where) == (400, "context.draftOrders")
