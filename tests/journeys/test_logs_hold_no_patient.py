"""Every synthetic patient, as it is and spoilt, through the real application at debug level:
nothing of them is in a log line, in the metrics or in the body of a refusal.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

sys.path.insert(0, str(Path(__file__).parent))

from fixtures import ALL, service

from cds import bootstrap
from cds.sample import Sample
from cds.settings import Settings
from cds.web.app import create_app
from cds.web.log import configure

ROOT = Path(__file__).parents[2]

# Members whose texts are a patient's, wherever they stand.
TELLING = {
    "id", "reference", "family", "birthDate", "hookInstance", "patientId", "encounterId", "userId",
    "text", "effectiveDateTime", "issued", "authoredOn", "onsetDateTime", "recordedDate", "fullUrl",
}  # fmt: skip
NAMED = {"given", "line"}
SHORTEST = 5  # an id such as "e1" is in every text somewhere


@pytest.fixture
def every_emitted_resource_is_valid() -> None:
    """Not what this is about: other tests hold the same answers against R4."""


def telling(value: Any) -> Iterator[str]:
    """Names, ids, identifiers, dates, and results with their units, at any depth."""
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in parts:
        if isinstance(item, str) and name in TELLING:
            yield item.removeprefix("urn:uuid:").rpartition("/")[2]
        elif name in NAMED and isinstance(item, list):
            yield from (text for text in item if isinstance(text, str))
        elif name == "identifier":
            yield from re.findall(r'"value": "([^"]+)"', json.dumps(item))
        elif name == "valueQuantity" and isinstance(item, dict) and "value" in item:
            yield f"{item['value']} {item.get('unit') or item.get('code')}"
        elif isinstance(item, dict | list):
            yield from telling(item)


def words(item: Sample) -> set[str]:
    return {text for text in telling(item.request) if len(text) >= SHORTEST}


def spoilt(item: Sample, turn: int) -> dict[str, Any]:
    """The call so that one of the refusals is met, a patient's words where they are read."""
    base = item.request
    context, prefetch = base["context"], base.get("prefetch", {})
    name = min(words(item))
    kinds: tuple[dict[str, Any], ...] = (
        {**base, "hook": name},
        {**base, "context": {**context, "patientId": f"Patient/{context['patientId']}"}},
        {**base, "context": {**context, "userId": name}},
        {**base, "context": {**context, "selections": [name], "draftOrders": name}},
        {**base, "prefetch": {**prefetch, "observations": name}},
        {**base, "prefetch": {}},
        {**base, "fhirServer": f"ftp://{name}"},
        {name: base},
    )
    return kinds[turn % len(kinds)]


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the service writes to its log at debug level."""
    before = logging.getLogger().handlers[:]
    caught = io.StringIO()
    monkeypatch.setattr(sys, "stderr", caught)
    configure("debug", lambda: datetime.now(UTC))
    structlog.configure(cache_logger_on_first_use=False)  # other tests log in their own way
    yield caught
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = before


async def send_all(items: list[Sample]) -> tuple[list[httpx.Response], str]:
    """Every call as it stands and spoilt; the replies, and what the metrics say at the end."""
    built = bootstrap.build(Settings(rules=ROOT / "rules", sandbox=True), items[0].now)
    transport = httpx.ASGITransport(app=create_app(built))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        replies = []
        for turn, item in enumerate(items):
            good, bad = (json.dumps(call) for call in (item.request, spoilt(item, turn)))
            for sent in (good, bad, good[:-2]):
                replies.append(await client.post(f"/cds-services/{service(item)}", content=sent))
        return replies, (await client.get("/metrics")).text


def test_no_fixture_leaves_a_trace_in_logs_metrics_or_refusals(logged: io.StringIO) -> None:
    replies, metrics = asyncio.run(send_all(list(ALL)))
    lines = logged.getvalue()
    refusals = [reply.text for reply in replies if reply.status_code != 200]
    said = "\n".join((lines, metrics, *dict.fromkeys(refusals)))
    assert lines.count('"event"') >= len(replies)
    assert len(refusals) > len(replies) / 2
    assert {reply.status_code for reply in replies} == {200, 400, 412}
    found = {word for item in ALL for word in words(item) if word in said}
    assert found == set()


def test_the_words_looked_for_are_really_a_patients() -> None:
    everything = set().union(*(words(item) for item in ALL))
    assert len(everything) > 1000
    some = next(item for item in ALL if item.name == "first-card")
    patient = some.request["prefetch"]["patient"]
    assert {patient["id"], patient["birthDate"], patient["name"][0]["family"]} <= words(some)
    assert any(re.fullmatch(r"[\d.]+ m\S+", word) for word in everything), "results too"


def test_a_line_of_another_library_keeps_its_place_and_loses_its_words(logged: io.StringIO) -> None:
    logging.getLogger("httpx").warning("GET %s", "https://fhir.example/Patient/fict-brandmere")
    logging.getLogger("httpcore").debug("authorization: Bearer very-secret")
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)
    try:
        raise ValueError("potassium 2.1 of Mrs Okonjo")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert [line["event"] for line in lines] == [
        "a line of another library",
        "Started server process [7]",
        "a line of another library",
    ]
    assert (lines[2]["kind"], lines[2]["logger"]) == ("ValueError", "uvicorn.error")
    assert "test_logs_hold_no_patient.py" in lines[2]["places"][0]
    said = json.dumps(lines)
    assert not any(word in said for word in ("brandmere", "secret", "Okonjo", "2.1 of"))
