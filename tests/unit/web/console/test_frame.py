"""What all pages for people have in common: headers, errors as pages, styles, the admin page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from structlog.testing import capture_logs

from cds.audit.writer import AuditState
from cds.errors import Overloaded
from cds.reload import Busy, NotReplaced
from cds.web.console.access import Role
from cds.web.console.headers import POLICY
from cds.web.console.static import contents, digest

ADMIN = "admin-" * 5
ORIGIN = {"origin": "https://sandbox.cds-hooks.org"}

Browser = Callable[..., Any]


async def broken(_: Request) -> Response:
    raise ValueError("a value of a patient")


async def too_much(_: Request) -> Response:
    raise Overloaded("no room", retry_after=3)


@pytest.fixture(autouse=True)
def pages(with_pages: Callable[..., None]) -> None:
    with_pages(("/broken", "GET", Role.VIEWER, broken), ("/much", "GET", Role.VIEWER, too_much))


STYLE = f"/console/static/{digest()}/console.css"
EVERYWHERE = [
    "/console/",
    "/console/signin",
    "/console/nowhere",
    "/console/admin",
    "/console/broken",
    "/console/much",
    "/why/nonsense",
    "/why/a/b",
    STYLE,
]


@pytest.mark.parametrize("path", EVERYWHERE)
@pytest.mark.parametrize("open_to_all", [True, False])
def test_every_answer_says_that_scripts_and_styles_come_from_here_only(
    browser: Browser, path: str, open_to_all: bool
) -> None:
    client = browser(**({} if open_to_all else {"admin_token": ADMIN}))
    headers = client.get(path).headers
    assert headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    wanted = "no-referrer" if path.startswith("/why") else "same-origin"
    assert headers["referrer-policy"] == wanted
    assert headers["cache-control"].startswith("public" if path == STYLE else "no-store")


@pytest.mark.parametrize("path", ["/console", *EVERYWHERE])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_no_other_origin_reads_a_page(browser: Browser, path: str, method: str) -> None:
    headers = {**ORIGIN, "access-control-request-method": "POST"}
    reply = browser(sandbox=True).request(method, path, headers=headers)
    assert not [name for name in reply.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/consolefoo", "/why", "/whyever", "/cds-services"])
def test_what_is_no_page_keeps_the_headers_for_browser_clients(browser: Browser, path: str) -> None:
    reply = browser(sandbox=True).get(path, headers=ORIGIN)
    assert reply.headers["access-control-allow-origin"] == "*"


def test_a_browser_client_may_read_which_decision_an_answer_is(
    browser: Browser, hook_body: Callable[..., Any]
) -> None:
    address = "/cds-services/electrolytes-order-select"
    reply = browser(sandbox=True).post(address, json=hook_body(), headers=ORIGIN)
    assert reply.headers["cds-decision"] == "d-1"
    exposed = reply.headers["access-control-expose-headers"].lower().split(", ")
    assert "cds-decision" in exposed
    closed = browser(sandbox=False, cors_origins=("https://a.example",))
    assert "access-control-expose-headers" not in closed.get("/cds-services").headers


@pytest.mark.parametrize("path", EVERYWHERE)
def test_a_page_answers_head_as_it_answers_get(browser: Browser, path: str) -> None:
    client = browser()
    assert client.request("HEAD", path).status_code == client.get(path).status_code


@pytest.mark.parametrize("path", ["/console", "/console/"])
def test_the_console_begins_with_a_page_that_everybody_may_see(browser: Browser, path: str) -> None:
    reply = browser().get(path)
    assert reply.status_code == 303
    assert reply.headers["location"].startswith("/console/")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/console/nowhere", 404, "There is no such page."),
        ("/console/static/0000/console.css", 404, "There is no such page."),
        (f"/console/static/{digest()}/VENDORED.toml", 404, "There is no such page."),
        (f"/console/static/{digest()}/..%2fframe.py", 404, "There is no such page."),
        ("/console/signout", 405, "This address does not answer that method."),
        ("/console/admin", 403, "This page is for the role admin; you have the role reviewer."),
        ("/console/much", 503, "No room."),
    ],
)
def test_what_is_refused_is_told_as_a_page(
    browser: Browser, path: str, status: int, words: str
) -> None:
    reply = browser().get(path)
    assert reply.status_code == status
    assert f"<p>{words}</p>" in reply.text
    assert reply.text.startswith("<!doctype html>")
    assert reply.text.count("<h1>") == 1


def test_a_refusal_keeps_the_headers_that_help(browser: Browser) -> None:
    assert browser().get("/console/signout").headers["allow"] == "POST"
    assert browser().get("/console/much").headers["retry-after"] == "3"


def test_what_nobody_foresaw_is_a_page_with_an_incident_and_no_message(browser: Browser) -> None:
    with capture_logs() as logs:
        reply = browser().get("/console/broken")
    assert reply.status_code == 500
    (line,) = [line for line in logs if line["event"] == "unexpected error"]
    assert f"incident {line['incident']}." in reply.text
    assert line["kind"] == "ValueError"
    assert "patient" not in json.dumps(logs).replace("patient-view", "")
    assert "a value of a patient" not in reply.text


def test_the_log_of_a_page_names_no_address(browser: Browser) -> None:
    with capture_logs() as logs:
        browser().get("/console/nowhere?patient=secret")
        browser().get("/why/token-of-a-link")
    assert [line["event"] for line in logs] == ["request", "request"]
    assert not [word for word in ("secret", "token", "console", "why") if word in json.dumps(logs)]


def test_a_style_may_be_kept_for_good_under_its_own_address(browser: Browser) -> None:
    client = browser()
    page = client.get("/console/nowhere").text
    addresses = re.findall(r'(?:href|src)="(/console/static/[^"]+)"', page)
    assert {address.rpartition("/")[2] for address in addresses} >= {"console.css", "icon.svg"}
    for address in addresses:
        reply = client.get(address)
        assert reply.status_code == 200
        assert "immutable" in reply.headers["cache-control"]
        assert reply.content == contents()[address.rpartition("/")[2]]


def test_the_pages_of_signed_links_bring_their_own_style(browser: Browser) -> None:
    client = browser(sandbox=True, console=False)
    page = client.get("/why/nonsense").text
    addresses = re.findall(r'(?:href|src)="(/[^"]+)"', page)
    assert addresses
    assert all(address.startswith("/why/static/") for address in addresses)
    assert {client.get(address).status_code for address in addresses} == {200}


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        ("viewer", ["Sandbox", "Rules", "What if"]),
        ("reviewer", ["Sandbox", "Rules", "What if", "Decisions"]),
        ("admin", ["Sandbox", "Rules", "What if", "Decisions", "Admin"]),
    ],
)
@pytest.mark.parametrize("sandbox", [True, False])
def test_the_way_to_a_page_is_shown_to_who_may_see_it(
    browser: Browser, role: str, shown: list[str], sandbox: bool
) -> None:
    token = role * 5
    client = browser(sandbox=sandbox, console=True, **{f"{role}_token": token})
    assert "<nav" not in client.get("/console/signin").text
    client.sign_in(token)
    found = re.findall(r'<a href="/console/\w+">([^<]+)</a>', client.get("/console/nowhere").text)
    assert found == [name for name in shown if sandbox or name != "Sandbox"]


def test_where_one_is_stands_out_in_the_navigation(browser: Browser) -> None:
    client = browser(admin_token=ADMIN)
    client.sign_in(ADMIN)
    page = client.get("/console/admin").text
    assert re.findall(r'<a href="([^"]+)" aria-current="page"', page) == ["/console/admin"]


@pytest.fixture
def admin(people: Callable[..., Any], browser: Browser) -> Callable[..., Any]:
    """A browser of an admin, and the word its forms carry; the service may be changed before."""

    def make(**changed: Any) -> tuple[Any, str]:
        client = browser(admin_token=ADMIN)
        client.__init__(replace(people(admin_token=ADMIN), **changed))
        client.sign_in(ADMIN)
        return client, client.csrf()

    return make


@pytest.mark.parametrize(
    ("outcome", "status", "said", "counted"),
    [
        (True, 200, ["New rules are in force."], "replaced"),
        (False, 200, ["The rule files are those that are in force already."], "unchanged"),
        (NotReplaced(("a.yaml:3: wrong <b>", "b.yaml:1: worse")), 409,
         ["<li>a.yaml:3: wrong &lt;b&gt;</li>", "<li>b.yaml:1: worse</li>"], "refused"),
        (Busy("a reload is under way already"), 409, ["under way already"], "refused"),
    ],
)  # fmt: skip
def test_an_admin_loads_the_rules_anew_and_sees_what_came_of_it(
    admin: Callable[..., Any], outcome: Any, status: int, said: list[str], counted: str
) -> None:
    async def reload() -> bool:
        if isinstance(outcome, Exception):
            raise outcome
        return bool(outcome)

    client, csrf = admin(reload=reload)
    assert "Load the rule files anew" in client.get("/console/admin").text
    assert client.post("/console/admin/reload").status_code == 403
    reply = client.post("/console/admin/reload", data={"csrf": csrf})
    assert reply.status_code == status
    assert all(words in reply.text for words in said)
    assert f'data-result="{counted}"' in reply.text
    metrics = client.get("/metrics").text
    assert f'cds_reloads_total{{outcome="{counted}"}} 1.0' in metrics


def test_where_rules_cannot_be_loaded_anew_there_is_no_button(admin: Callable[..., Any]) -> None:
    client, csrf = admin(reload=None)
    assert "Load the rule files anew" not in client.get("/console/admin").text
    assert client.post("/console/admin/reload", data={"csrf": csrf}).status_code == 409


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        (AuditState(True, False, "every decision is recorded", 0, 0), "ok"),
        (AuditState(True, True, "the database is away", 2, 7), "degraded"),
        (AuditState(False, True, "the disk is full", 3, 9), "not kept"),
    ],
)
def test_an_admin_sees_how_the_record_stands(
    admin: Callable[..., Any], kept: AuditState, shown: str
) -> None:
    client, _ = admin(kept=lambda: kept)
    page = client.get("/console/admin").text
    assert f'data-kept="{shown}"' in page
    assert f"<dd>{kept.words}</dd>" in page
    assert f"<dd>{kept.spooled}</dd>" in page


def test_where_nothing_is_kept_the_page_says_so(admin: Callable[..., Any]) -> None:
    client, _ = admin(kept=None)
    assert "This process keeps no decisions." in client.get("/console/admin").text
