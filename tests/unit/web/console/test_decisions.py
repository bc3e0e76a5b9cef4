"""Pages of decisions: what reviewers see, and what never stands in an address."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from audit_kit import NOW, made
from cds.bootstrap import Service
from cds.desk import Desk
from cds.engine.decision import Outcome
from cds.links import Links
from cds.trace import HEADS
from desk_kit import ALL, FIRST, FOLDED, GAPS, ORDERS, QUIET, UNREAD, Office, otherwise
from kept_decisions import PLAIN, book, named

HERE = "/console/decisions"
PART = {"hx-request": "true", "sec-fetch-site": "same-origin"}
TOKEN = "a token of reviewers, long enough to be one"
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Office:
    office = Office(tmp_path_factory.mktemp("office")).fill()
    office.tell(FIRST, 0, "accepted")
    office.tell(
        FIRST, 1, "overridden", "urn:electrolyte-cds:override-reason", "already-being-corrected"
    )
    return office


@pytest.fixture
def own(tmp_path: Path) -> Office:
    return Office(tmp_path).fill()


@pytest.fixture
def people(make_service: Callable[..., Service], wall: Any) -> Iterator[Callable[..., Service]]:
    """A service that looks back at the decisions of an office; keyword arguments are settings."""
    wall.now = NOW
    desks: list[Desk] = []

    def make(office: Office | None = None, **settings: Any) -> Service:
        plain = replace(make_service(**settings), wall=wall, links=Links(b"secret"), rules=book)
        if office is None:
            return plain
        desks.append(office.desk())
        return replace(plain, desk=desks[-1])

    yield make
    for desk in desks:
        desk.close()


@pytest.fixture
def opened(browser: Open) -> Open:
    """A browser in front of such a service; keyword arguments are settings."""
    return lambda office=None, **settings: browser(office=office, **settings)


@pytest.fixture
def reader(opened: Open, filled: Office) -> Any:
    """A browser in front of decisions that nobody changes."""
    return opened(filled)


def shown(page: str) -> list[str]:
    return re.findall(r'<tr role="row" data-decision="([^"]*)"', page)


def words(page: str) -> str:
    """What a reader reads."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


def test_decisions_are_listed_newest_first_with_what_came_of_them(
    reader: Any, filled: Office
) -> None:
    page = reader.get(HERE).text
    assert shown(page) == [filled.entry(name).id for name in reversed(ALL)]
    text = words(page)
    assert "critical hypomagnesemia A2" in text
    assert "1 accepted, 1 overridden" in text
    assert "none fired" in text


def came_to(rule: str, row: str = "", outcome: str = "") -> tuple[str, ...]:
    """The decisions in which a rule came to this, from what the engine said."""

    def fits(name: str) -> bool:
        return any(
            item.rule.id == rule
            and item.outcome is not Outcome.SILENT
            and outcome in ("", item.outcome.value)
            and (not row or (item.fired is not None and item.fired.row == row))
            for item in named(name).answer.decisions.items
        )

    return tuple(name for name in reversed(ALL) if fits(name))


NARROWED: list[tuple[str, Callable[[], tuple[str, ...]]]] = [
    ("rule=hypomagnesemia", lambda: came_to("hypomagnesemia")),
    ("rule=hypomagnesemia&outcome=fires", lambda: came_to("hypomagnesemia", outcome="fires")),
    ("rule=magnesium-wasting-drugs&row=A5", lambda: came_to("magnesium-wasting-drugs", "A5")),
    ("rule=incomplete-results&client=ward-7", lambda: came_to("incomplete-results")),
    ("span=own&before=2026-11-22T11:55:30", lambda: (FIRST,)),
    ("span=own&since=2026-11-22T11:59:30%2B00:00", lambda: (ORDERS,)),
    ("span=hour", lambda: tuple(reversed(ALL))),
    ("client=nobody", lambda: ()),
]


@pytest.mark.parametrize(("query", "names"), NARROWED, ids=[query for query, _ in NARROWED])
def test_a_filter_stands_in_the_address_and_narrows_the_list(
    reader: Any, filled: Office, query: str, names: Callable[[], tuple[str, ...]]
) -> None:
    page = reader.get(f"{HERE}?{query}").text
    assert shown(page) == [filled.entry(name).id for name in names()]
    assert bool(names()) is (query != "client=nobody")
    assert ("No decision fits this filter." in page) is not bool(names())


def test_the_form_shows_what_was_asked_for(reader: Any) -> None:
    page = reader.get(f"{HERE}?rule=hypomagnesemia&outcome=cannot-tell&span=week&client=ward-7")
    for part in (
        'value="hypomagnesemia"',
        '<option value="cannot-tell" selected>',
        '<option value="week" selected>',
        "<option selected>ward-7</option>",
    ):
        assert part in page.text


def test_decisions_of_one_patient_are_found_by_the_pseudonym(reader: Any, filled: Office) -> None:
    entry = filled.entry(FIRST)
    one = reader.get(f"{HERE}/{entry.id}").text
    (address,) = re.findall(r'href="(/console/decisions\?patient=[^"]*)"', one)
    found = shown(reader.get(unescape(address)).text)
    assert entry.id in found
    assert len(found) < len(ALL)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("span=year", "no such time span"),
        ("span=own&since=yesterday", "the time in `From` cannot be read"),
        ("span=own&before=0001-01-01T00:00%2B14:00", "the time in `To` cannot be read"),
        ("span=own&since=2026-01-02&before=2026-01-01", "must be earlier than"),
        ("outcome=silent", "looked for by its name"),
        ("cursor=anything", "begin again with the first one"),
    ],
)
def test_a_filter_that_nobody_can_look_for_is_refused_in_words(
    reader: Any, query: str, said: str
) -> None:
    reply = reader.get(f"{HERE}?{query}")
    assert reply.status_code == 400
    assert said.lower() in words(reply.text).lower()


def test_older_decisions_are_a_link_away_and_none_comes_twice(opened: Open, own: Office) -> None:
    entry = own.entry(FIRST)
    for number in range(55):
        own.more(replace(entry, id=f"more-{number}"), process=10 + number)
    browser = opened(own)
    first = browser.get(f"{HERE}?rule=hypomagnesemia")
    (address,) = re.findall(r'href="([^"]*)" rel="next"', first.text)
    second = browser.get(unescape(address))
    found = shown(first.text) + shown(second.text)
    assert len(shown(first.text)) == 50
    assert "rule=hypomagnesemia" in address
    assert len(found) == len(set(found)) >= 56
    assert 'rel="next"' not in second.text
    assert 'href="/console/decisions?rule=hypomagnesemia">Newest' in second.text


def test_an_empty_store_says_so(opened: Open, tmp_path: Path) -> None:
    made(tmp_path / "audit.sqlite3")
    page = opened(Office(tmp_path)).get(HERE)
    assert page.status_code == 200
    assert "No decision is kept yet." in page.text


def test_a_process_that_keeps_nothing_says_so(opened: Open) -> None:
    reply = opened().get(HERE)
    assert reply.status_code == 404
    assert "No decisions are kept by this process" in words(reply.text)


# One decision


@pytest.mark.parametrize("name", ALL)
def test_a_decision_tells_every_rule_in_the_words_of_the_trace(
    reader: Any, filled: Office, name: str
) -> None:
    entry = filled.entry(name)
    reply = reader.get(f"{HERE}/{entry.id}")
    assert reply.status_code == 200
    rules = re.findall(r'class="ruling" data-rule="([^"]*)"', reply.text)
    hooked = {rule.id for rule in book().rules if entry.hook in rule.hooks}
    assert set(rules) == hooked
    text = words(reply.text)
    assert HEADS[Outcome.SILENT] in text
    for told in (entry.rulebook, entry.client, entry.service, entry.patient, "Practitioner"):
        assert told in text
    assert "The record is as it was sealed, and in its place." in text
    assert "12.5 ms" in text


def test_a_fired_rule_is_open_with_its_value_age_and_source(reader: Any, filled: Office) -> None:
    page = reader.get(f"{HERE}/{filled.entry(FIRST).id}").text
    (ruling,) = re.findall(r'<details class="ruling" data-rule="hypomagnesemia"[^>]*>', page)
    assert 'data-outcome="fires" open' in ruling
    assert re.search(r'data-rule="qt-risk" data-outcome="silent">', page), "silent ones are closed"
    text = words(page)
    assert "magnesium level is severe : yes" in text
    assert (
        "1.0 mg/dL , 3 h before the decision (2026-11-21 09:00 UTC), from Observation/mg-1" in text
    )
    assert "Offered Magnesium sulfate 2 g" in text


def test_all_branches_open_without_a_script(reader: Any, filled: Office) -> None:
    address = f"{HERE}/{filled.entry(FIRST).id}"
    closed, opened = reader.get(address).text, reader.get(f"{address}?open=all").text
    assert closed.count("<details") == opened.count("<details") > opened.count("<details>")
    assert len(re.findall(r"<details[^>]* open>", opened)) == opened.count("<details")
    assert len(re.findall(r"<details[^>]* open>", closed)) < closed.count("<details")
    assert f'href="{address}?open=all#why"' in closed


def test_cards_are_shown_with_what_became_of_them(reader: Any, filled: Office) -> None:
    entry = filled.entry(FIRST)
    page = reader.get(f"{HERE}/{entry.id}").text
    assert re.findall(r'data-card="([^"]*)"', page) == [one.card for one in entry.shown]
    assert re.findall(r'<li data-outcome="(\w+)">', page) == ["accepted", "overridden"]
    assert "Already being corrected" in words(page)
    other = reader.get(f"{HERE}/{filled.entry(FOLDED).id}").text
    assert "No feedback on this card so far." in other
    assert "No card was shown." in reader.get(f"{HERE}/{filled.entry(QUIET).id}").text


@pytest.mark.parametrize(
    ("system", "code", "said"),
    [
        ("", "", "no coded reason"),
        ("urn:other", "x", "a code that no rule offers"),
        ("com.epic.cdshooks.feedback.overrideReason", "42", "the client's own list: 42"),
        ("com.epic.cdshooks.feedback.overrideReason", "Mr Doe said no", "the client's own list"),
    ],
)
def test_a_reason_is_told_in_words_that_name_nobody(
    opened: Open, own: Office, system: str, code: str, said: str
) -> None:
    own.tell(FIRST, 0, "overridden", system, code)
    page = words(opened(own).get(f"{HERE}/{own.entry(FIRST).id}").text)
    assert f"overridden 2026-11-22 12:00 UTC, {said}" in page
    assert "Doe" not in page


def test_gaps_and_what_was_not_read_are_told(reader: Any, filled: Office) -> None:
    text = words(reader.get(f"{HERE}/{filled.entry(GAPS).id}").text)
    assert "Lists that are not complete problems : the client's query for `problems`" in text
    text = words(reader.get(f"{HERE}/{filled.entry(UNREAD).id}").text)
    assert "Not read Observation/glu-1: could not be read" in text


def test_a_call_that_came_twice_shows_each_of_its_records(opened: Open, own: Office) -> None:
    entry = own.entry(FIRST)
    own.more(replace(entry, at=NOW))
    browser = opened(own)
    address = f"{HERE}/{entry.id}"
    assert "The same call came 2 times" in browser.get(address).text
    assert "Answered 2026-11-22 11:55 UTC" in words(browser.get(f"{address}?record=1").text)
    assert "Answered 2026-11-22 12:00 UTC" in words(browser.get(address).text)
    for number in ("0", "3", "two", "9" * 5000):
        assert browser.get(f"{address}?record={number}").status_code == 404


def test_a_record_that_cannot_be_read_still_has_its_page(opened: Open, own: Office) -> None:
    own.more(otherwise(own.entry(FIRST), format=9))
    reply = opened(own).get(f"{HERE}/otherwise")
    assert reply.status_code == 200
    assert "which this version reads" in words(reply.text)


def test_a_record_whose_seal_does_not_hold_says_so(opened: Open, own: Office) -> None:
    entry = own.entry(FIRST)
    with closing(sqlite3.connect(own.place)) as raw:
        raw.execute("UPDATE records SET client = 'another' WHERE id = ?", (entry.id,))
        raw.commit()
    page = opened(own).get(f"{HERE}/{entry.id}").text
    assert 'data-chain="bad"' in page
    assert "The record was changed after it was sealed" in page


def test_the_tree_alone_is_a_part_of_a_page(reader: Any, filled: Office) -> None:
    entry = filled.entry(FIRST)
    part = reader.get(f"{HERE}/{entry.id}/trace", headers=PART).text
    assert part.lstrip().startswith('<div class="trace" data-trace')
    assert "<html" not in part
    assert f'data-decision="{entry.id}"' in part


def test_a_decision_that_is_not_kept_is_a_page_of_its_own(reader: Any) -> None:
    for address in (f"{HERE}/none", f"{HERE}/none/trace"):
        reply = reader.get(address)
        assert reply.status_code == 404
        assert "No decision of this id is kept here" in words(reply.text)


@pytest.mark.parametrize("headers", [PART, {"sec-fetch-site": "same-origin"}])
def test_a_re_run_says_that_it_is_identical(
    reader: Any, filled: Office, headers: dict[str, str]
) -> None:
    reply = reader.post(f"{HERE}/{filled.entry(FIRST).id}/rerun", headers=headers)
    assert reply.status_code == 200
    assert 'data-rerun="identical"' in reply.text
    assert ("<html" in reply.text) is (headers is not PART)


def test_a_re_run_lists_what_is_different(opened: Open, own: Office) -> None:
    own.more(otherwise(own.entry(FIRST), kidneys=["none"]))
    reply = opened(own).post(f"{HERE}/otherwise/rerun", headers=PART)
    assert 'data-rerun="different"' in reply.text
    assert "every card the lines on kidney function none" in words(reply.text)


def test_a_link_for_others_opens_a_page_without_identifiers(reader: Any, filled: Office) -> None:
    reply = reader.post(f"{HERE}/{filled.entry(FIRST).id}/link", headers=PART)
    (address,) = re.findall(
        r'<input id="why-link"[^>]* value="http://test(/why/[^"]+)"', reply.text
    )
    assert "until 2026-11-29 12:00 UTC" in reply.text
    assert reader.get(address).status_code == 200


def test_a_link_names_the_public_address_where_there_is_one(opened: Open, filled: Office) -> None:
    browser = opened(filled, public_url="https://cds.example/base/")
    reply = browser.post(f"{HERE}/{filled.entry(FIRST).id}/link", headers=PART)
    assert 'value="https://cds.example/base/why/' in reply.text


# Who may look, and what an address may say


def test_a_visitor_who_is_no_reviewer_sees_no_decision(opened: Open, filled: Office) -> None:
    browser = opened(filled, viewer_token="v" * 40, reviewer_token=TOKEN)
    one = f"{HERE}/{filled.entry(FIRST).id}"
    for method, address in (
        ("GET", HERE), ("POST", HERE), ("GET", one), ("GET", f"{one}/trace"),
        ("POST", f"{one}/rerun"), ("POST", f"{one}/link"),
    ):  # fmt: skip
        for token, status in (("v" * 40, (403,)), (TOKEN, (200, 303))):
            headers = {"authorization": f"Bearer {token}", "sec-fetch-site": "same-origin"}
            assert browser.request(method, address, headers=headers).status_code in status
        nobody = browser.request(method, address, headers={"sec-fetch-site": "same-origin"})
        assert nobody.status_code in (303, 401)
        assert filled.entry(FIRST).patient not in nobody.text


def test_where_references_are_plain_a_patient_is_never_in_an_address(
    opened: Open, tmp_path: Path
) -> None:
    office = Office(tmp_path, PLAIN).fill()
    browser = opened(office, audit_identity="plain")
    entry = office.entry(FIRST)
    assert entry.patient.startswith("Patient/")
    one = browser.get(f"{HERE}/{entry.id}").text
    listed = browser.post(HERE, data={"patient": entry.patient})
    assert listed.status_code == 200
    assert entry.id in shown(listed.text)
    for page in (one, listed.text):
        addresses = re.findall(r'(?:href|action|hx-post|hx-get)="([^"]*)"', page)
        assert addresses
        assert not [x for x in addresses if "Patient" in x or "patient=" in x]
        assert '<form method="post" action="/console/decisions"' in page or 'method="post"' in page
    refused = browser.get(f"{HERE}?patient=Patient/x")
    assert refused.status_code == 400
    moved = browser.post(HERE, data={"rule": "qt-risk", "patient": ""})
    assert (moved.status_code, moved.headers["location"]) == (303, f"{HERE}?rule=qt-risk")


def test_a_search_by_form_goes_to_an_address_where_there_are_pseudonyms(reader: Any) -> None:
    some = "hmac:" + "0" * 32
    moved = reader.post(HERE, data={"patient": some, "csrf": "x", "span": "day"})
    assert moved.headers["location"] == f"{HERE}?span=day&patient=hmac%3A{'0' * 32}"


def test_what_is_no_pseudonym_never_comes_into_an_address(reader: Any) -> None:
    assert 'pattern="hmac:[0-9a-f]{32}"' in reader.get(HERE).text
    refused = reader.get(f"{HERE}?patient=Patient/pat-1")
    assert refused.status_code == 400
    assert "pat-1" not in refused.text
    assert reader.post(HERE, data={"patient": "Patient/pat-1"}).status_code == 200


def test_what_a_client_sent_stays_text(opened: Open, own: Office) -> None:
    entry = replace(own.entry(FIRST), id="<b>odd", client="<script>alert(1)</script>")
    own.more(entry)
    browser = opened(own)
    for page in (browser.get(HERE).text, browser.get(f"{HERE}/%3Cb%3Eodd").text):
        assert "<script>alert" not in page
        assert "<b>odd" not in page
        assert "&lt;script&gt;alert(1)" in page
