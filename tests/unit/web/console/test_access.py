"""Who may see which page of the console, and how they come in and go out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from cds.web.console.access import Role
from cds.web.console.forms import MOST, form
from cds.web.console.session import IDLE, RENEWED
from cds.web.console.signin import within

VIEWER, REVIEWER, ADMIN = "viewer-" * 4, "reviewer-" * 4, "admin-" * 5
TOKENS = {"viewer_token": VIEWER, "reviewer_token": REVIEWER, "admin_token": ADMIN}
WALLED = {"sandbox": False, "console": True, **TOKENS}
SAME = {"sec-fetch-site": "same-origin"}
PAGES = {Role.VIEWER: "/console/v", Role.REVIEWER: "/console/r", Role.ADMIN: "/console/a"}
SENT = "/console/sent"

Browser = Callable[..., Any]


async def seen(_: Request) -> Response:
    return PlainTextResponse("seen")


async def echoed(request: Request) -> Response:
    return PlainTextResponse((await form(request)).get("said", ""))


@pytest.fixture(autouse=True)
def pages(with_pages: Callable[..., None]) -> None:
    shown = [(path.removeprefix("/console"), "GET", role, seen) for role, path in PAGES.items()]
    with_pages(*shown, ("/sent", "POST", Role.VIEWER, echoed))


@pytest.mark.parametrize(
    ("token", "role"), [(VIEWER, Role.VIEWER), (REVIEWER, Role.REVIEWER), (ADMIN, Role.ADMIN)]
)
@pytest.mark.parametrize("way", ["header", "session"])
def test_a_role_may_do_what_those_below_it_may_and_no_more(
    browser: Browser, token: str, role: Role, way: str
) -> None:
    client = browser(**WALLED)
    headers = {"authorization": f"Bearer {token}"} if way == "header" else {}
    if way == "session":
        assert client.sign_in(token).status_code == 303
    for needed, path in PAGES.items():
        reply = client.get(path, headers=headers)
        assert reply.status_code == (200 if role >= needed else 403)
        assert (reply.text == "seen") == (role >= needed)


def test_who_has_no_session_is_sent_to_sign_in_and_comes_back(browser: Browser) -> None:
    client = browser(**WALLED)
    reply = client.get("/console/r?rule=x&row=A2")
    assert reply.status_code == 303
    page = client.get(reply.headers["location"])
    assert page.status_code == 200
    assert 'value="/console/r?rule=x&amp;row=A2"' in page.text
    back = client.sign_in(REVIEWER, next="/console/r?rule=x&row=A2")
    assert (back.status_code, back.headers["location"]) == (303, "/console/r?rule=x&row=A2")
    assert client.get(back.headers["location"]).text == "seen"


@pytest.mark.parametrize("headers", [{"hx-request": "true"}, {"sec-fetch-dest": "empty"}])
def test_a_part_of_a_page_is_refused_in_a_sentence(
    browser: Browser, headers: dict[str, str]
) -> None:
    reply = browser(**WALLED).get(PAGES[Role.VIEWER], headers=headers)
    assert reply.status_code == 401
    assert reply.text.startswith('<p class="problem" role="alert">Sign in to see this.')
    assert "<html" not in reply.text


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer wrong", f"Basic {VIEWER}", VIEWER, f"Bearer {VIEWER}x", "x"],
)
def test_a_header_that_proves_nothing_is_401_even_with_a_session(
    browser: Browser, header: str
) -> None:
    client = browser(**WALLED)
    client.sign_in(ADMIN)
    reply = client.get(PAGES[Role.VIEWER], headers={"authorization": header})
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == 'Bearer realm="console"'
    assert VIEWER not in reply.text


def test_a_cookie_is_for_the_console_of_this_site_and_no_script(browser: Browser) -> None:
    cookie = browser(**WALLED).sign_in(VIEWER).headers["set-cookie"]
    name, *attributes = cookie.split("; ")
    assert name.startswith("cds-console=viewer.")
    assert set(attributes) == {"HttpOnly", "Path=/console", "SameSite=strict"}


def test_where_clients_come_by_https_the_cookie_goes_by_nothing_else(browser: Browser) -> None:
    client = browser(**WALLED, public_url="https://cds.example.org")
    cookie = client.sign_in(VIEWER).headers["set-cookie"]
    assert cookie.startswith("__Secure-cds-console=")
    assert "Secure" in cookie.split("; ")


def test_a_session_that_is_used_goes_on_and_one_that_is_not_ends(
    browser: Browser, wall: Any
) -> None:
    client = browser(**WALLED)
    client.sign_in(VIEWER)
    assert "set-cookie" not in client.get(PAGES[Role.VIEWER]).headers
    for _ in range(4):
        wall.now += IDLE - RENEWED
        assert "set-cookie" in client.get(PAGES[Role.VIEWER]).headers
    wall.now += IDLE
    reply = client.get(PAGES[Role.VIEWER])
    assert reply.status_code == 303
    assert "Your session has ended." in client.get(reply.headers["location"]).text


def test_who_signs_out_is_out(browser: Browser) -> None:
    client = browser(**WALLED)
    client.sign_in(VIEWER)
    reply = client.post("/console/signout", data={"csrf": client.csrf()})
    assert (reply.status_code, reply.headers["location"]) == (303, "/console/signin")
    assert client.get(PAGES[Role.VIEWER]).status_code == 303
    assert client.csrf() == ""


def test_nobody_is_signed_out_by_another_site(browser: Browser) -> None:
    client = browser(**WALLED)
    client.sign_in(VIEWER)
    assert client.post("/console/signout", data={}).status_code == 403
    assert client.get(PAGES[Role.VIEWER]).text == "seen"


def test_a_wrong_token_is_told_and_not_repeated(browser: Browser) -> None:
    client = browser(**WALLED)
    reply = client.sign_in("a-wrong-token", next="/console/r")
    assert reply.status_code == 401
    assert "This is no token of the console" in reply.text
    assert "a-wrong-token" not in reply.text
    assert 'value="/console/r"' in reply.text
    assert "set-cookie" not in reply.headers


def test_after_ten_wrong_tokens_even_the_right_one_has_to_wait(browser: Browser) -> None:
    client = browser(**WALLED)
    for number in range(10):
        way = number % 2
        wrong = {"authorization": "Bearer wrong"}
        reply = client.get(PAGES[Role.VIEWER], headers=wrong) if way else client.sign_in("wrong")
        assert reply.status_code == 401
    reply = client.sign_in(ADMIN)
    assert reply.status_code == 429
    assert 0 < int(reply.headers["retry-after"]) <= 60
    bearer = client.get(PAGES[Role.VIEWER], headers={"authorization": f"Bearer {ADMIN}"})
    assert bearer.status_code == 429
    assert 0 < int(bearer.headers["retry-after"]) <= 60


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"data": {"said": "x", "csrf": "RIGHT"}}, 200),
        ({"data": {"said": "x"}, "headers": {**SAME, "x-csrf": "RIGHT"}}, 200),
        ({"data": {"said": "x", "csrf": "RIGHT"}, "headers": {}}, 200),
        ({"data": {"said": "x", "csrf": "RIGHT"}, "headers": {"origin": "http://test"}}, 200),
        ({"data": {"said": "x"}}, 403),
        ({"data": {"said": "x", "csrf": ""}}, 403),
        ({"data": {"said": "x", "csrf": "wrong"}}, 403),
        ({"data": {"said": "x", "csrf": "RIGHT"}, "headers": {**SAME, "x-csrf": "wrong"}}, 403),
        ({"data": {"csrf": "RIGHT"}, "headers": {"sec-fetch-site": "cross-site"}}, 403),
        ({"data": {"csrf": "RIGHT"}, "headers": {"sec-fetch-site": "same-site"}}, 403),
        ({"data": {"csrf": "RIGHT"}, "headers": {"sec-fetch-site": "none"}}, 403),
        ({"data": {"csrf": "RIGHT"}, "headers": {"origin": "https://evil.example"}}, 403),
        ({"data": {"csrf": "RIGHT"}, "headers": {"origin": "null"}}, 403),
        ({"data": {"csrf": "RIGHT"}, "headers": {"origin": "http://test:8000"}}, 403),
        ({"json": {"csrf": "RIGHT"}}, 403),
    ],
)
def test_only_a_page_of_the_session_may_have_something_done(
    browser: Browser, given: dict[str, Any], status: int
) -> None:
    client = browser(**WALLED)
    client.sign_in(VIEWER)
    csrf = client.csrf()
    assert csrf

    def right(values: dict[str, str]) -> dict[str, str]:
        return {name: csrf if value == "RIGHT" else value for name, value in values.items()}

    reply = client.post(SENT, **{name: right(values) for name, values in given.items()})
    assert reply.status_code == status
    assert status != 200 or reply.text == "x"


def test_the_word_of_another_session_does_not_count(browser: Browser) -> None:
    client = browser(**WALLED)
    client.sign_in(VIEWER)
    csrf = client.csrf()
    client.sign_in(VIEWER)
    assert client.post(SENT, data={"csrf": csrf}).status_code == 403


def test_a_token_in_a_header_needs_no_word_of_a_page(browser: Browser) -> None:
    headers = {"authorization": f"Bearer {VIEWER}"}
    reply = browser(**WALLED).post(SENT, data={"said": "x"}, headers=headers)
    assert (reply.status_code, reply.text) == (200, "x")


def test_a_proxy_that_speaks_https_for_us_does_not_make_us_another_site(browser: Browser) -> None:
    client = browser(sandbox=True, public_url="https://cds.example.org")
    for origin, status in (("https://cds.example.org", 200), ("https://x.example.org", 403)):
        reply = client.post(SENT, data={}, headers={"origin": origin})
        assert reply.status_code == status


def test_a_sandbox_without_tokens_is_open_to_reviewers_but_not_to_other_sites(
    browser: Browser,
) -> None:
    client = browser(sandbox=True)
    assert client.get(PAGES[Role.REVIEWER]).text == "seen"
    assert client.get(PAGES[Role.ADMIN]).status_code == 403
    assert client.post(SENT, data={"said": "x"}).text == "x"
    evil = {"sec-fetch-site": "cross-site"}
    assert client.post(SENT, data={"said": "x"}, headers=evil).status_code == 403
    assert client.get("/console/signin").headers["location"] == "/console/"


@pytest.mark.parametrize("token", list(TOKENS))
def test_a_sandbox_with_a_token_is_closed(browser: Browser, token: str) -> None:
    client = browser(sandbox=True, **{token: TOKENS[token]})
    assert client.get(PAGES[Role.VIEWER]).status_code == 303


def test_without_tokens_and_sandbox_nobody_comes_in(browser: Browser) -> None:
    client = browser(sandbox=False, console=True)
    assert client.get(PAGES[Role.VIEWER]).status_code == 303
    assert client.sign_in("").status_code == 401


@pytest.mark.parametrize("settings", [{"sandbox": False}, {"sandbox": True, "console": False}])
def test_a_console_that_is_off_is_not_there(browser: Browser, settings: dict[str, Any]) -> None:
    client = browser(**settings)
    for path in ("/console", "/console/", "/console/signin", PAGES[Role.VIEWER]):
        assert client.get(path).status_code == 404
    assert client.sign_in(VIEWER).status_code == 404


def test_no_other_site_signs_somebody_in(browser: Browser) -> None:
    client = browser(**WALLED)
    evil = {"sec-fetch-site": "cross-site"}
    reply = client.post("/console/signin", data={"token": VIEWER}, headers=evil)
    assert reply.status_code == 403
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize(
    "address",
    ["/console/", "/console/rules/x", "/console/decisions?rule=a&since=2026-11-21T09%3A00%2B00"],
)
def test_a_page_of_the_console_is_where_one_goes_on(address: str) -> None:
    assert within(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/",
        "/cds-services",
        "/consolefoo",
        "https://evil.example/console/",
        "//evil.example/console/",
        "/console//evil.example",
        "/console/../docs",
        "/console/\\evil.example",
        "/console/\r\nset-cookie: x",
        "/console/\u2215\u2215evil",
        "/console/" + "a" * 3000,
        " /console/",
        "javascript:alert(1)",
    ],
)
def test_no_other_address_is(address: str) -> None:
    assert within(address) == "/console/"


def test_a_form_too_large_or_unreadable_is_refused(browser: Browser) -> None:
    client = browser(sandbox=True)
    kind = {**SAME, "content-type": "application/x-www-form-urlencoded"}
    assert client.post(SENT, content=b"said=" + b"x" * MOST, headers=kind).status_code == 413
    assert client.post(SENT, content=b"said=%ff", headers=kind).status_code == 400
    assert client.post(SENT, content=b"a=b&" * 500, headers=kind).status_code == 400
