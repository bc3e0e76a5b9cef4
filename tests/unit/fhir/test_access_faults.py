"""Everything a FHIR server can do wrong, one at a time: a stated outcome, inside the deadline."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import respx
from other_side import (
    AT,
    BASE,
    FHIR_JSON,
    PATIENT,
    SUBJECT,
    bundle,
    call,
    fetch,
    raw,
    reply,
    result,
    words,
)

from cds.errors import Precondition
from cds.fhir.access import FetchLimits
from cds.fhir.outcomes import WHY, Outcome
from cds.fhir.prefetch import resolve

DEADLINE = 0.4
ERROR = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
SMALL = FetchLimits(max_bytes=50_000)
Behaviour = Any


async def slow(_request: httpx.Request) -> httpx.Response:
    await asyncio.sleep(60)
    return reply(bundle())


async def dripping() -> AsyncIterator[bytes]:
    for _ in range(1000):
        await asyncio.sleep(0.01)
        yield b" "


async def breaking_off() -> AsyncIterator[bytes]:
    yield b'{"resourceType": "Bundle", "entry": ['
    raise httpx.RemoteProtocolError("peer closed connection")


def streamed(content: Any, **headers: str) -> httpx.Response:
    return httpx.Response(200, content=content, headers={"content-type": FHIR_JSON, **headers})


def zipped(value: Any) -> bytes:
    return gzip.compress(json.dumps(value).encode())


def encoded(content: bytes, coding: str) -> httpx.Response:
    async def stream() -> AsyncIterator[bytes]:
        yield content

    return streamed(stream(), **{"content-encoding": coding})


FAULTS: dict[str, tuple[Callable[[], Behaviour], str]] = {
    "401": (lambda: reply(ERROR, 401), "unauthorized"),
    "403": (lambda: reply(ERROR, 403), "forbidden"),
    "404": (lambda: reply(ERROR, 404), "not-found"),
    "410": (lambda: reply(ERROR, 410), "gone"),
    "429": (lambda: reply(ERROR, 429), "throttled"),
    "400": (lambda: reply(ERROR, 400), "client-error"),
    "422": (lambda: reply(ERROR, 422), "client-error"),
    "500": (lambda: reply(ERROR, 500), "server-error"),
    "503": (lambda: reply(b"busy", 503, "text/plain"), "server-error"),
    "999": (lambda: httpx.Response(999), "server-error"),
    "302": (lambda: httpx.Response(302, headers={"location": f"{BASE}/other"}), "redirect"),
    "304": (lambda: httpx.Response(304), "redirect"),
    "never answers": (lambda: slow, "slow"),
    "drips": (lambda: streamed(dripping()), "slow"),
    "connect timeout": (lambda: httpx.ConnectTimeout("t"), "slow"),
    "refused": (lambda: httpx.ConnectError("refused"), "unreachable"),
    "cannot be written to": (lambda: httpx.WriteError("reset"), "unreachable"),
    "reset": (lambda: httpx.ReadError("reset"), "cut"),
    "no answer at all": (lambda: httpx.RemoteProtocolError("disconnected"), "cut"),
    "cut body": (lambda: streamed(breaking_off()), "cut"),
    "cut gzip": (lambda: encoded(zipped(bundle())[:-12], "gzip"), "cut"),
    "html": (lambda: reply(b"<html>", 200, "text/html"), "wrong-type"),
    "xml": (lambda: reply(b"<Bundle/>", 200, "application/fhir+xml"), "wrong-type"),
    "no content type": (lambda: httpx.Response(200, content=b"{}"), "wrong-type"),
    "empty": (lambda: reply(b""), "not-json"),
    "not json": (lambda: reply(b"{'resourceType'}"), "not-json"),
    "cut json": (lambda: reply(json.dumps(bundle(result("a"))).encode()[:-9]), "not-json"),
    "not utf-8": (lambda: reply(b'{"resourceType": "Bundle", "id": "\xff"}'), "not-json"),
    "a list": (lambda: reply([]), "not-json"),
    "no type": (lambda: reply({"entry": []}), "not-json"),
    "odd bundle": (lambda: reply({"resourceType": "Bundle", "entry": 7}), "not-json"),
    "deep": (lambda: reply(b'{"a":' * 8000 + b"1" + b"}" * 8000), "not-json"),
    "brotli": (lambda: encoded(b"x", "br"), "not-json"),
    "gzip twice": (lambda: encoded(gzip.compress(zipped(bundle())), "gzip, gzip"), "not-json"),
    "no gzip": (lambda: encoded(b"{}", "gzip"), "not-json"),
    "after gzip": (lambda: encoded(zipped(bundle()) + b"more", "gzip"), "not-json"),
    "other resource": (lambda: reply({"resourceType": "Basic", "id": "p1"}), "wrong-resource"),
    "outcome": (lambda: reply(ERROR), "operation-outcome"),
    "too large": (lambda: reply(b" " * 50_001), "too-large"),
    "bomb": (lambda: encoded(gzip.compress(b" " * 10_000_000), "gzip"), "too-large"),
    "bomb by zlib": (lambda: encoded(zlib.compress(b" " * 10_000_000), "deflate"), "too-large"),
}
faults = pytest.mark.parametrize("name", FAULTS)
faults_of_a_read = pytest.mark.parametrize("name", sorted(set(FAULTS) - {"odd bundle"}))


def staged(name: str, key_path: str) -> Callable[[respx.MockRouter], None]:
    """Everything is fine, apart from one path."""
    make, _ = FAULTS[name]
    behaviour = make()

    def stage(router: respx.MockRouter) -> None:
        route = router.get(url__startswith=f"{AT}/{key_path}")
        if isinstance(behaviour, httpx.Response):
            route.mock(return_value=behaviour)
        else:
            route.mock(side_effect=behaviour)
        router.get(f"{AT}/Patient/p1").respond(json=PATIENT)
        router.get(f"{AT}/Encounter/e1").respond(404)
        router.get(url__startswith=f"{AT}/").mock(side_effect=lambda _: reply(bundle()))

    return stage


@faults
def test_an_optional_list_is_not_known_and_says_why(name: str) -> None:
    word = FAULTS[name][1]
    found, seconds = fetch(staged(name, "Condition?"), call(), limits=SMALL)
    problems = resolve({}, "p1", found.supplied)["problems"]
    assert (problems.supplied, problems.asked, problems.resources) == (False, True, ())
    assert WHY[Outcome(word)] in problems.gap
    assert "problems" in problems.gap
    assert word in [note.outcome for note in found.calls if note.key == "problems"]
    assert seconds <= DEADLINE
    assert resolve({}, "p1", found.supplied)["allergies"].gap == ""


@faults_of_a_read
@pytest.mark.parametrize(("key", "path"), [("patient", "Patient/"), ("observations", "Observatio")])
def test_a_required_key_is_412_with_the_reason(name: str, key: str, path: str) -> None:
    found, seconds = fetch(staged(name, path), call(), limits=SMALL)
    with pytest.raises(Precondition) as raised:
        resolve({}, "p1", found.supplied)
    assert (raised.value.status, raised.value.where) == (412, f"prefetch.{key}")
    assert WHY[Outcome(FAULTS[name][1])] in str(raised.value)
    assert "ehr.example.org" not in str(raised.value)
    assert seconds <= DEADLINE


@faults
def test_a_fault_on_a_later_page_keeps_the_first_and_leaves_a_gap(name: str) -> None:
    word = FAULTS[name][1]
    first = bundle(result("new"), next_page=f"{BASE}/Condition?page=2")
    asked = call({"observations": first, "patient": PATIENT})
    found, seconds = fetch(staged(name, "Condition?"), asked, limits=SMALL)
    labs = resolve(asked.prefetch, "p1", found.supplied)["observations"]
    assert [item.id for item in labs.resources] == ["new"]
    assert labs.gap == (
        f"more pages of `observations` exist and were not read: {WHY[Outcome(word)]}"
    )
    assert seconds <= DEADLINE


@faults_of_a_read
def test_a_medication_that_cannot_be_read_stays_away(name: str) -> None:
    order = {"resourceType": "MedicationRequest", "id": "r", **SUBJECT}
    order["medicationReference"] = {"reference": "Medication/m1"}
    asked = call(dict.fromkeys(["observations", "medications"]), draft_orders=raw(bundle(order)))
    found, seconds = fetch(staged(name, "Medication/"), asked, ["medications"], limits=SMALL)
    assert found.supplied == {}
    assert FAULTS[name][1] in words(found)
    assert seconds <= DEADLINE


def test_every_outcome_has_a_sentence_without_an_address() -> None:
    assert set(WHY) == set(Outcome) - {Outcome.OK}
    assert all("http" not in why and why[-1] != "." for why in WHY.values())


@pytest.mark.parametrize("kind", ["application/json", "application/fhir+json;fhirVersion=4.0"])
def test_json_by_either_name_is_read(kind: str) -> None:
    def stage(router: respx.MockRouter) -> None:
        router.get(url__startswith=AT).mock(side_effect=lambda _: reply(bundle(), 200, kind))

    assert fetch(stage, call(), ["problems"])[0].supplied["problems"].gap == ""


@pytest.mark.parametrize("pack", [zipped, lambda value: zlib.compress(json.dumps(value).encode())])
def test_a_compressed_answer_is_read(pack: Callable[[Any], bytes]) -> None:
    def stage(router: respx.MockRouter) -> None:
        router.get(url__startswith=AT).mock(
            side_effect=lambda _: encoded(
                pack(bundle(result("a"))), "GZIP" if pack is zipped else "deflate"
            )
        )

    found, _ = fetch(stage, call(), ["observations"])
    assert [item.id for item in found.supplied["observations"].resources] == ["a"]


def test_after_the_deadline_nothing_is_asked() -> None:
    asked: list[httpx.Request] = []

    def stage(router: respx.MockRouter) -> None:
        router.get(url__startswith=AT).mock(side_effect=asked.append)

    found, seconds = fetch(stage, call(), deadline=0.0)
    assert (asked, seconds, set(words(found))) == ([], 0.0, {"slow"})


def test_when_all_is_slow_the_whole_fetch_ends_at_the_deadline() -> None:
    found, seconds = fetch(
        lambda router: router.get(url__startswith=AT).mock(side_effect=slow), call()
    )
    assert seconds == pytest.approx(DEADLINE)
    assert set(words(found)) == {"slow"}
    assert len(found.supplied) == 9
