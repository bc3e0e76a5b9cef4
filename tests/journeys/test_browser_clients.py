"""A CDS Hooks client that is a page of another origin works in a real browser.

The page does what the public CDS Hooks sandbox was seen to do: a signed token on every request,
a call on every edit of the order, Bundles without a type, a category that is no list, no
encounter. The browser decides what its script may read, so a header that is missing shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, Page

import browser_kit
from cds.sample import sample_request
from served_audit import NOW, server
from token_kit import coded, ec_key, jwk

PAGE = (Path(__file__).parent / "browser_client.html").read_bytes()
PATIENT = "mild-low-magnesium-on-ppi-and-thiazide"  # of a clinic: no encounter is needed
USER = "Practitioner/COREPRACTITIONER1"
KEYS = "/.well-known/jwks.json"
DRAFT = "request-123"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
MEDICATION = {
    "text": "2 ML furosemide 10 MG/ML Injection",
    "coding": [{"system": RXNORM, "code": "1719290", "display": "furosemide"}],
}
CATEGORY = "http://terminology.hl7.org/CodeSystem/medicationrequest-category"
# An edit each, as the person at the order form makes them; none is a whole order at first.
NOTHING_CHOSEN: dict[str, Any] = {}
CHOSEN = {
    "intent": "order",
    "category": {"coding": [{"system": CATEGORY, "code": "inpatient"}]},
    "medicationCodeableConcept": MEDICATION,
}
DOSED = {**CHOSEN, "dosageInstruction": [{"doseAndRate": [{"doseQuantity": {"value": 40}}]}]}
EDITS = [NOTHING_CHOSEN, CHOSEN, DOSED]

browser = pytest.fixture(scope="module")(browser_kit.started)


def page_of_its_own() -> AbstractContextManager[str]:
    """The client's page and its keys, of another origin."""
    keys = json.dumps({"keys": [jwk(ec_key(), "browser")]}).encode()
    return browser_kit.pages_at(
        {
            "/": (PAGE, {"content-type": "text/html; charset=utf-8"}),
            KEYS: (keys, {"content-type": "application/json"}),
        }
    )


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with page_of_its_own() as found:
        yield found


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with server(tmp_path_factory.mktemp("state")) as (url, _):
        yield url


@dataclass
class Ehr:
    """The client in its tab: what it does, and what its browser asked before it."""

    page: Page
    url: str
    preflights: list[tuple[str, str]]

    def __call__(self, code: str, *values: Any) -> Any:
        """Run `ehr.…` in the tab; its arguments are `a`, `b`, `c`, `d`."""
        names = ", ".join("abcd"[: len(values)])
        return self.page.evaluate(f"([{names}]) => ehr.{code}", list(values))

    def service(self, hook: str = "order-select") -> dict[str, Any]:
        listed = self("discover(a)", f"{self.url}/cds-services")
        found: dict[str, Any] = next(one for one in listed if one["hook"] == hook)
        return found


@contextmanager
def at_work(browser: Browser, origin: str, service: str, *expected: str) -> Iterator[Ehr]:
    """The page opened, signing with its key. `expected`: errors the browser will note."""
    with browser_kit.visiting(browser, origin, service) as (page, watch):
        watch.expects(*expected)
        devtools = page.context.new_cdp_session(page)
        devtools.send("Network.enable")
        found = Ehr(page, service, [])
        devtools.on("Network.requestWillBeSent", partial(_note, found.preflights))
        page.goto("/")
        page.wait_for_function("window.ehr")
        found("signWith(a)", _private(ec_key()))
        yield found


def _note(preflights: list[tuple[str, str]], event: dict[str, Any]) -> None:
    if event["initiator"]["type"] == "preflight":
        request = event["request"]
        preflights.append((request["method"], request["url"]))


def _private(key: Any) -> dict[str, Any]:
    """A key pair as a browser takes it in."""
    number = key.private_numbers().private_value
    return {**jwk(key, "browser"), "d": coded(number.to_bytes(48, "big"))}


def context(patient: str, draft: dict[str, Any], **more: Any) -> dict[str, Any]:
    order = {"resourceType": "MedicationRequest", "id": DRAFT, "status": "draft", **draft}
    return {
        "userId": USER,
        "patientId": patient,
        "selections": [f"MedicationRequest/{DRAFT}"],
        "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": order}]},
        **more,
    }


@pytest.fixture
def ehr(browser: Browser, origin: str, service: str) -> Iterator[Ehr]:
    # The second tries of its prefetch, and the errors it is here to read.
    with at_work(browser, origin, service, "Failed to load resource") as found:
        yield found


@pytest.fixture
def chart(service: str) -> dict[str, Any]:
    """The patient's id, and how the client reads the chart."""
    call = sample_request(datetime.fromisoformat(NOW), PATIENT, f"{service}/sandbox/fhir")
    token = call["fhirAuthorization"]["access_token"]
    return {
        "patient": call["context"]["patientId"],
        "fhir": {"url": call["fhirServer"], "token": token},
    }


def fetched(ehr: Ehr, chart: dict[str, Any], hook: str = "order-select") -> dict[str, Any]:
    filled = {"patientId": chart["patient"]}
    found: dict[str, Any] = ehr("prefetch(a, b, c)", ehr.service(hook), filled, chart["fhir"])
    return found


def test_discovery_with_a_token_is_read_after_a_preflight(ehr: Ehr) -> None:
    found = ehr("discover(a)", f"{ehr.url}/cds-services")
    assert {one["hook"] for one in found} >= {"order-select", "order-sign", "patient-view"}
    assert ("OPTIONS", f"{ehr.url}/cds-services") in ehr.preflights


def test_every_edit_of_an_order_is_answered_with_cards_it_can_show(
    ehr: Ehr, chart: dict[str, Any]
) -> None:
    service, data = ehr.service(), fetched(ehr, chart)
    assert "encounter" not in data, "there is no encounter whose template could be filled in"
    for edit in EDITS:
        answer = ehr("ask(a, b, c)", service, context(chart["patient"], edit), data)
        assert answer["status"] == 200, answer
        assert answer["decision"], "the script may read which decision this was"
        shown = ehr.page.locator("#cards li").all_inner_texts()
        assert shown[0].startswith("warning: Low magnesium"), shown
        for card in answer["body"]["cards"]:
            assert card["source"]["label"]
            assert all(one["label"] for one in card.get("suggestions", ()))
    assert ("OPTIONS", service["url"]) in ehr.preflights


def test_the_first_action_of_a_suggestion_is_one_that_its_order_form_can_take(
    ehr: Ehr, chart: dict[str, Any]
) -> None:
    answer = ehr(
        "ask(a, b, c)", ehr.service(), context(chart["patient"], CHOSEN), fetched(ehr, chart)
    )
    actions = [
        suggestion["actions"][0]
        for card in answer["body"]["cards"]
        for suggestion in card.get("suggestions", ())
    ]
    drugs = [
        one["resource"]["medicationCodeableConcept"]
        for one in actions
        if one["type"] != "delete" and one["resource"]["resourceType"] == "MedicationRequest"
    ]
    assert drugs
    assert all(drug["text"] and drug["coding"][0]["code"] for drug in drugs)


def test_signing_that_sends_selections_too_is_answered(ehr: Ehr, chart: dict[str, Any]) -> None:
    service, data = ehr.service("order-sign"), fetched(ehr, chart, "order-sign")
    answer = ehr("ask(a, b, c)", service, context(chart["patient"], DOSED), data)
    assert answer["status"] == 200
    assert answer["body"]["cards"]


def test_a_partial_prefetch_is_answered_and_the_card_names_what_was_not_there(
    ehr: Ehr, chart: dict[str, Any]
) -> None:
    whole = fetched(ehr, chart)
    some = {name: whole[name] for name in ("patient", "observations")}
    asked = context(chart["patient"], CHOSEN)
    answer = ehr("ask(a, b, c)", ehr.service(), asked, some)
    assert answer["status"] == 200
    (low,) = [one for one in answer["body"]["cards"] if one["indicator"] == "warning"]
    assert "'problems' was not supplied" in low["detail"], low["detail"]
    assert not low.get("suggestions")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"outcome": "accepted", "acceptedSuggestions": "suggestion"}, "accepted"),
        ({"outcome": "overridden", "overrideReason": "reason"}, "overridden"),
    ],
    ids=["accepted", "overridden with a code and no words"],
)
def test_feedback_is_taken(
    ehr: Ehr, chart: dict[str, Any], told: dict[str, Any], words: str
) -> None:
    service = ehr.service()
    asked = context(chart["patient"], CHOSEN)
    answer = ehr("ask(a, b, c)", service, asked, fetched(ehr, chart))
    card = next(one for one in answer["body"]["cards"] if one.get("suggestions"))
    reason = card["overrideReasons"][0]
    filled = {
        "suggestion": [{"id": card["suggestions"][0]["uuid"]}],
        "reason": {"reason": {"code": reason["code"], "system": reason["system"]}},
    }
    sent = {name: filled.get(value, value) for name, value in told.items()}
    reply = ehr("feedback(a, b, c)", service, card["uuid"], sent)
    assert reply["status"] == 200, reply
    assert ("OPTIONS", f"{service['url']}/feedback") in ehr.preflights
    kept = ehr.page.context.request.get(f"{ehr.url}/console/decisions/{answer['decision']}")
    assert words in kept.text().lower()


BROKEN = [
    ("no such service", "/cds-services/no-such-service", {}, 404),
    ("not JSON", "/cds-services/electrolytes-order-select", "{", 400),
    ("no prefetch and no FHIR server", "/cds-services/electrolytes-order-select", None, 412),
    ("feedback without cards", "/cds-services/electrolytes-order-select/feedback", {}, 400),
]


@pytest.mark.parametrize(("path", "body", "status"), [row[1:] for row in BROKEN],
                         ids=[row[0] for row in BROKEN])  # fmt: skip
def test_an_error_can_be_read_too(
    ehr: Ehr, chart: dict[str, Any], path: str, body: Any, status: int
) -> None:
    if body is None:
        bare = {"hook": "order-select", "hookInstance": "0d6f3d5a-33f7-4c43-a9d6-2d4b0c5a3f10"}
        body = {**bare, "context": context(chart["patient"], CHOSEN)}
    text = body if isinstance(body, str) else json.dumps(body)
    reply = ehr("read(a, ehr.posted(b))", f"{ehr.url}{path}", text)
    assert reply["status"] == status, reply
    assert reply["body"]["issue"][0]["diagnostics"]


def test_pages_of_the_console_are_not_for_scripts_of_other_origins(
    browser: Browser, origin: str, service: str
) -> None:
    with at_work(browser, origin, service, "CORS policy", "Failed to load resource") as ehr:
        for path in ("/console/rules", "/console/decisions"):
            refused = ehr.page.evaluate(
                "(url) => fetch(url).then(() => 'read', () => 'refused')", f"{service}{path}"
            )
            assert refused == "refused", path


@pytest.fixture(scope="module")
def trusting(origin: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server where callers must prove who they are, by the keys the page's own origin publishes,
    and where no other origin may ask."""
    folder = tmp_path_factory.mktemp("trust")
    client = {
        "name": "browser-ehr",
        "issuer": origin,
        "jku": f"{origin}{KEYS}",
        "networks": ["127.0.0.0/8"],
        "profile": "sandbox-app",
    }
    trust = folder / "trust.yaml"
    trust.write_text(yaml.safe_dump({"clients": [client]}))
    more = {"CDS_TRUST": str(trust), "CDS_CORS_ORIGINS": origin}
    with server(folder / "state", **more) as (url, _):
        yield url


def test_a_token_signed_in_the_browser_is_admitted(
    browser: Browser, origin: str, trusting: str
) -> None:
    call = sample_request(datetime.fromisoformat(NOW), PATIENT)
    data = {name: call["prefetch"][name] for name in ("patient", "observations")}
    with at_work(browser, origin, trusting) as ehr:
        asked = context(call["context"]["patientId"], CHOSEN)
        answer = ehr("ask(a, b, c)", ehr.service(), asked, data)
        assert answer["status"] == 200, answer
        assert answer["body"]["cards"]


def test_a_call_without_a_token_is_refused_in_words_the_page_can_read(
    browser: Browser, origin: str, trusting: str
) -> None:
    with at_work(browser, origin, trusting, "status of 401") as ehr:
        url = f"{trusting}/cds-services/electrolytes-order-select"
        reply = ehr("read(a, ehr.posted({}), false)", url)
        assert reply["status"] == 401
        assert "token" in reply["body"]["issue"][0]["diagnostics"]


def test_a_page_of_an_origin_that_is_not_named_is_kept_out(browser: Browser, trusting: str) -> None:
    with (
        page_of_its_own() as stranger,
        at_work(browser, stranger, trusting, "CORS policy", "net::ERR_FAILED") as ehr,
    ):
        refused = ehr.page.evaluate(
            "(url) => ehr.read(url).then(() => 'read', () => 'refused')", f"{trusting}/cds-services"
        )
        assert refused == "refused"
