"""The sandbox page: what it shows of a patient is what the call holds, and the calls it starts from
are the calls of the patients."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from html import unescape
from typing import Any

import pytest
from markupsafe import Markup

import r4_checks
from cds.bootstrap import Service, build
from cds.sample import FOLDERS, Sample, sample, sample_request, samples
from cds.settings import Settings
from cds.web.address import SANDBOX_FHIR
from cds.web.console.sandbox_calls import base_call

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
LIST = "/console/sandbox"
SERVED = "http://test:8123"  # as the service says where it listens


@cache
def real() -> Service:
    return build(Settings(sandbox=True, now=NOW))


@cache
def everybody() -> tuple[Sample, ...]:
    return tuple(samples())


@pytest.fixture
def client(browser: Callable[..., Any]) -> Any:
    """A browser in front of the real rules, with nothing kept."""
    return type(browser())(real())


def words(html: str) -> str:
    return " ".join(unescape(str(Markup(html).striptags())).split())


def names(html: str) -> list[str]:
    return re.findall(rf'href="{LIST}/([a-z0-9-]+)"', html)


def test_every_synthetic_patient_is_on_the_list_once_by_what_it_is_for(client: Any) -> None:
    page = client.get(LIST)
    assert page.status_code == 200
    assert names(page.text) == [one.name for one in everybody()]
    found = re.findall(r'data-group="(\w+)"', page.text)
    assert found == list(FOLDERS)


@pytest.mark.parametrize(
    ("asked", "some", "not_this"),
    [
        ("first-card", "first-card", "going-home"),
        ("STAGE 4 critical", "four-grams-with-stage-4-kidneys", "first-card"),
        ("encounter-discharge", "going-home", "first-card"),
        ("refused", "everything-empty", "first-card"),
    ],
)
def test_the_list_is_shortened_to_who_has_every_word_without_a_script_too(
    client: Any, asked: str, some: str, not_this: str
) -> None:
    if asked == "refused":
        some = next(one.name for one in everybody() if one.expect.get("status", 200) != 200)
    found = names(client.get(LIST, params={"q": asked}).text)
    assert some in found
    assert not_this not in found


def test_where_nobody_fits_the_list_says_so(client: Any) -> None:
    page = client.get(LIST, params={"q": "<nobody>"})
    assert names(page.text) == []
    assert "0 patients." in page.text
    assert "<nobody>" not in page.text


def test_the_page_of_every_patient_shows_each_result_and_each_draft(client: Any) -> None:
    for one in everybody():
        page = client.get(f"{LIST}/{one.name}")
        assert page.status_code == 200, one.name
        prefetch = one.request.get("prefetch") or {}
        sent = (prefetch.get("observations") or {}).get("entry") or ()
        table = page.text.partition('<table id="results">')[2].partition("</table>")[0]
        assert table.count("<tr>") == (len(sent) + 1 if sent else 0), one.name
        for entry in sent:
            value = (entry["resource"].get("valueQuantity") or {}).get("value")
            assert value is None or f"{value}</span>" in table, one.name
        drafts = (one.request["context"].get("draftOrders") or {}).get("entry") or ()
        shown = page.text.partition('id="drafts"')[2].partition('id="no-drafts"')[0]
        assert shown.count("<fieldset") == len(drafts), one.name


def test_a_patient_nobody_knows_is_404(client: Any) -> None:
    for path in ("/nobody", "/nobody/call.json", "/..%2f..%2fpyproject"):
        assert client.get(f"{LIST}{path}").status_code == 404


def test_where_patients_are_real_there_is_no_sandbox_page(browser: Callable[..., Any]) -> None:
    house = browser(sandbox=False, console=True, viewer_token="a-viewer-of-this-house")
    seen = {"authorization": "Bearer a-viewer-of-this-house"}
    for path in ("", "/first-card", "/first-card/call.json", "/orders.json"):
        assert house.get(f"{LIST}{path}", headers=seen).status_code == 404


def test_a_call_is_put_together_again_as_the_call_of_the_patient() -> None:
    for one in everybody():
        base, wanted = base_call(one, NOW, None), one.at(NOW)
        prefetch = {key: json.loads(text) for key, text in base["prefetch"].items()}
        assert prefetch == (wanted.get("prefetch") or {}), one.name
        assert base["context"] == wanted["context"], one.name
        assert (base["hook"], base["more"], base["names"]) == (wanted["hook"], {}, {}), one.name


def test_a_call_comes_with_the_clinical_moment_and_whether_it_stands_still(client: Any) -> None:
    base = client.get(f"{LIST}/first-card/call.json").json()
    assert (base["now"], base["fixed"]) == (NOW.isoformat(), True)
    assert base["context"] == sample_request(NOW)["context"]


def test_a_value_of_the_prefetch_keeps_its_digits(client: Any) -> None:
    base = client.get(f"{LIST}/first-card/call.json").json()
    assert '"value": 1.0,' in base["prefetch"]["observations"]


def test_without_prefetch_a_call_names_the_fhir_server_of_this_process(client: Any) -> None:
    reply = client.get(f"{SERVED}{LIST}/first-card/call.json?mode=none")
    base = reply.json()
    assert base["more"]["fhirServer"] == f"http://127.0.0.1:8123{SANDBOX_FHIR}"
    assert base["more"]["fhirAuthorization"]["patient"] == base["context"]["patientId"]
    assert base["prefetch"] == {}
    assert base["names"]["Observation/mg-1"] == "Observation/fict-synthetic.mg-1"
    assert reply.headers["cache-control"] == "no-store"


def test_a_way_of_bringing_data_that_there_is_not_is_refused(client: Any) -> None:
    assert client.get(f"{LIST}/first-card/call.json?mode=half").status_code == 400
    # Through a socket without a port nobody reaches the FHIR server: it is not offered.
    assert client.get(f"{LIST}/first-card/call.json?mode=none").status_code == 400
    assert 'value="none"' not in client.get(f"{LIST}/first-card").text
    assert 'value="none"' in client.get(f"{SERVED}{LIST}/first-card").text


def test_every_order_of_the_list_is_a_valid_order_once_it_is_somebodys(client: Any) -> None:
    found = client.get(f"{LIST}/orders.json").json()
    assert {item["name"] for item in found["rulebook"]} == {
        template.display
        for template in real().rules().templates.values()  # type: ignore[misc]
    }
    assert len(found["patients"]) > 40
    for item in (*found["rulebook"], *found["patients"]):
        resource = item["resource"]
        assert not {"id", "subject", "encounter", "authoredOn"} & resource.keys(), item["name"]
        assert "${" not in json.dumps(resource)
        own = {**resource, "id": "draft-1", "subject": {"reference": "Patient/pat-1"}}
        assert r4_checks.faults(own) == (), item["name"]


def answer(name: str, client: Any) -> dict[str, Any]:
    call = sample_request(NOW, name)
    service = next(one.id for one in real().services.values() if one.hook == call["hook"])
    found: dict[str, Any] = client.post(f"/cds-services/{service}", json=call).json()
    return found


def test_cards_are_shown_with_everything_they_say(client: Any) -> None:
    sent = answer("four-grams-with-stage-4-kidneys", client)
    page = client.post(f"{LIST}/cards", content=json.dumps(sent))
    assert page.status_code == 200
    assert page.text.count('<article class="card') == len(sent["cards"]) == 2
    shown = words(page.text)
    for card in sent["cards"]:
        assert card["summary"] in shown
        assert card["source"]["label"] in shown
        assert card["extension"]["rule"] in shown
        assert f'data-card="{card["uuid"]}"' in page.text
        for suggestion in card.get("suggestions", ()):
            assert f'data-suggestion="{suggestion["uuid"]}"' in page.text
            assert suggestion["actions"][0]["description"] in shown
    assert shown.index("Critical") < shown.index("Information")
    assert "At most one" in shown


def test_an_answer_without_a_card_is_shown_in_words(client: Any) -> None:
    assert "No card" in client.post(f"{LIST}/cards", content='{"cards": []}').text


def test_what_a_card_quotes_is_text_and_leads_nowhere_by_script(client: Any) -> None:
    sent = answer("first-card", client)
    sent["cards"][0]["summary"] = "<b>bold</b>"
    sent["cards"][0]["detail"] = "<script>alert(1)</script> [go](javascript:alert(2))"
    sent["cards"][0]["links"] = [
        {"label": "bad", "url": "javascript:alert(3)", "type": "absolute"},
        {"label": "good", "url": "https://ehr.example.org/why", "type": "absolute"},
        {"label": "app", "url": "https://ehr.example.org/launch", "type": "smart"},
    ]
    shown = client.post(f"{LIST}/cards", content=json.dumps(sent)).text
    assert "<b>" not in shown
    assert "<script" not in shown
    assert not re.search(r'(href|src)="\s*javascript', shown)
    assert re.findall(r'href="(https://ehr[^"]*)"', shown) == ["https://ehr.example.org/why"]


@pytest.mark.parametrize(
    "body", ["", "{", '{"cards": [{}]}', '{"cards": {}}', '{"issue": []}', "\udcff"]
)
def test_what_is_no_answer_of_a_hook_is_refused(client: Any, body: str) -> None:
    sent = body.encode("utf-8", "surrogateescape")
    assert client.post(f"{LIST}/cards", content=sent).status_code == 400


def test_cards_of_another_site_are_refused(client: Any) -> None:
    there = {"sec-fetch-site": "cross-site"}
    reply = client.post(f"{LIST}/cards", content='{"cards": []}', headers=there)
    assert reply.status_code == 403


def test_a_house_without_rules_still_shows_a_chart(browser: Callable[..., Any]) -> None:
    bare = type(browser())(replace(real(), rules=None))
    assert bare.get(f"{LIST}/{sample('first-card').name}").status_code == 200
    assert bare.get(f"{LIST}/orders.json").json() == {}
