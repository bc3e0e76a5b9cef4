"""What a signed link shows: why a card came, and nothing that says for whom or when."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from audit_kit import NOW
from cds.audit.explain import restored
from cds.audit.kept import Entry
from cds.bootstrap import Service
from cds.cards import citations
from cds.desk import Kept
from cds.links import Links
from cds.web.console.nameless import Nameless
from cds.web.console.why_view import why
from desk_kit import ALL, FIRST, FOLDED, GAPS, QUIET, Office, otherwise
from kept_decisions import KEYED, PLAIN, Answered, answered, book

LINKS = Links(b"secret")
FOR = datetime(2026, 11, 21, 12, tzinfo=UTC)  # the moment that was decided for
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office(tmp_path_factory.mktemp("office")).fill()


@pytest.fixture
def people(make_service: Callable[..., Service], wall: Any) -> Iterator[Callable[..., Service]]:
    """A service with links over an office; keyword arguments are settings."""
    wall.now = NOW
    desks = []

    def make(office: Office, **settings: Any) -> Service:
        desks.append(office.desk())
        return replace(make_service(**settings), wall=wall, links=LINKS, desk=desks[-1], rules=book)

    yield make
    for desk in desks:
        desk.close()


def link(entry: Entry, lasts: timedelta = timedelta(days=7)) -> str:
    return f"/why/{LINKS.made(entry.id, NOW + lasts)}"


def words(page: str) -> str:
    """What a reader reads."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


NAMES = {
    "id", "reference", "family", "given", "hookInstance", "fullUrl", "userId", "patientId",
    "encounterId", "birthDate", "selections",
}  # fmt: skip


def gathered(tree: Any, key: str = "") -> Iterator[str]:
    """Ids, references, names and moments of a request."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from gathered(value, name)
    elif isinstance(tree, list):
        for value in tree:
            yield from gathered(value, key)
    elif isinstance(tree, str) and key in NAMES:
        yield tree
    elif isinstance(tree, str) and re.match(r"\d{4}-\d\d", tree):
        yield from (tree, tree[:10], tree[:16].replace("T", " "))


def secrets(item: Answered, entry: Entry) -> set[str]:
    """Every name and number that tells whom a call is about, every moment in it, and what is kept
    in place of them."""
    body = json.loads(entry.body)
    found = set(gathered(item.sample.request))
    found |= {f"{x.rpartition('/')[2]}" for x in found if "/" in x}
    found |= {entry.id, entry.patient, entry.client, body["hook_instance"], body["encounter"]}
    found |= {card["uuid"] for card in body["cards"]} | {"hmac:", entry.patient.rpartition(":")[2]}
    found |= {x["uuid"] for card in body["cards"] for x in card.get("suggestions", ())}
    found |= {entry.at.isoformat()[:10], body["now"][:10], *body["digests"].values()}
    return {text for text in found if len(text) > 2}


def shown(hidden: set[str], page: str) -> list[str]:
    """Which of them stand there by themselves: `k-1` does not within `k-10`."""
    longest = sorted(hidden, key=len, reverse=True)
    one = "|".join(map(re.escape, longest))
    return re.findall(rf"(?<![\w-])(?:{one})(?![\w-])", page)


def rendered(item: Answered, entry: Entry) -> str:
    """All that the page is made of."""
    sealed = replace(item.sealed(), entry=entry)
    kept = Kept(sealed, json.loads(entry.body))
    return str(why(kept, restored(json.loads(entry.body)), book()))


@pytest.mark.parametrize("identity", [KEYED, PLAIN], ids=["keyed", "plain"])
def test_no_identifier_of_any_synthetic_patient_is_shown(identity: Any) -> None:
    cited = citations.lines(tuple(book().citations), book())
    looked = 0
    for item in answered():
        if not item.answer.cards:
            continue
        entry = replace(item.entry(identity), rulebook="sha256:rules")
        page = rendered(item, entry)
        for line in cited:
            page = page.replace(line, "")
        hidden = secrets(item, entry)
        assert len(hidden) > 10
        assert shown(hidden, page) == [], item.sample.name
        assert not re.search(r"\d{4}-\d\d-\d\d", page), item.sample.name
        assert "summary=" in page
        looked += 1
    assert looked > 100


@pytest.mark.parametrize("name", [FIRST, GAPS, FOLDED])
def test_the_page_and_its_headers_hold_no_identifier(
    browser: Open, filled: Office, name: str
) -> None:
    item = next(x for x in answered() if x.sample.name == name)
    entry = filled.entry(name)
    reply = browser(office=filled).get(link(entry))
    assert reply.status_code == 200
    page = reply.text
    for line in citations.lines(tuple(book().citations), book()):
        page = page.replace(line, "")
    headers = "\n".join(f"{key}: {value}" for key, value in reply.headers.items())
    hidden = secrets(item, entry)
    assert shown(hidden - {"Synthetic"}, f"{headers}\n{page}") == []  # a word of the frame too
    assert item.sample.name not in page


def test_the_page_says_why(browser: Open, filled: Office) -> None:
    page = browser(office=filled).get(link(filled.entry(FIRST))).text
    text = words(page)
    rule = next(x for x in book().rules if x.id == "hypomagnesemia")
    for part in (
        "Severe low magnesium 1.0 mg/dL (0.41 mmol/L): IV replacement unless contraindicated",
        "First verify renal function",
        "Offered Magnesium sulfate 2 g (8.12 mmol, 16.24 meq) IV infusion",
        "The rule: Low magnesium, row A2",
        " ".join(rule.purpose.split())[:60],
        "magnesium level is severe: yes , magnesium 1.0 mg/dL (0.41 mmol/L), "
        "drawn 3 h before the decision: severe",
        "magnesium 1.0 mg/dL (0.41 mmol/L) 3 h before the decision",
        "Sources: Magnesium sulfate injection 50 %, US prescribing information",
        "low magnesium, 2011-03-02",
        f"Rule hypomagnesemia, version {rule.version}",
        f"Rulebook {book().digest}",
        "Not signed off by a clinician.",
    ):
        assert part in text, part
    assert re.findall(r'data-rule="([^"]*)"', page) == ["hypomagnesemia", "magnesium-wasting-drugs"]


def test_the_page_says_what_could_not_be_checked(browser: Open, filled: Office) -> None:
    text = words(browser(office=filled).get(link(filled.entry(GAPS))).text)
    assert "What could not be checked emergency on the problem list" in text
    assert "What was not offered, and why severe dose: could not be checked: pregnancy" in text
    assert "Data that was not complete problems : the client's query" in text


def test_a_rule_without_a_card_of_its_own_is_told_on_the_card_that_speaks_for_it(
    browser: Open, filled: Office
) -> None:
    page = browser(office=filled).get(link(filled.entry(FOLDED))).text
    own, folded = "potassium-order", "potassium-order-oral"
    titles = {rule.id: rule.title for rule in book().rules}
    assert f"Told on this card too: {titles[folded]}, row C4-po" in words(page)
    rules = re.findall(r'data-rule="([^"]*)"', page)
    assert rules.count(folded) == 1
    assert rules[rules.index(folded) - 1] == own


def test_a_decision_without_a_card_says_so(browser: Open, filled: Office) -> None:
    assert "No card was shown." in browser(office=filled).get(link(filled.entry(QUIET))).text


def test_there_is_no_way_from_it_into_the_console(browser: Open, filled: Office) -> None:
    reply = browser(office=filled).get(link(filled.entry(FIRST)))
    assert "/console" not in reply.text.replace("/console.css", "")
    assert "<script" not in reply.text
    assert "<form" not in reply.text
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in reply.headers["x-robots-tag"]
    assert "access-control-allow-origin" not in reply.headers


def test_it_opens_until_it_expires(browser: Open, filled: Office, wall: Any) -> None:
    at = browser(office=filled)
    address = link(filled.entry(FIRST))
    wall.now = NOW + timedelta(days=7) - timedelta(seconds=1)
    assert at.get(address).status_code == 200
    wall.now = NOW + timedelta(days=7)
    reply = at.get(address)
    assert reply.status_code == 410
    assert "This link has expired" in words(reply.text)
    assert "magnesium" not in reply.text


@pytest.mark.parametrize("change", [lambda x: x[:-1], lambda x: f"{x}A", lambda _: "/why/none"])
def test_an_address_that_was_altered_opens_nothing(
    browser: Open, filled: Office, change: Callable[[str], str]
) -> None:
    reply = browser(office=filled).get(change(link(filled.entry(FIRST))))
    assert reply.status_code == 404
    assert "magnesium" not in reply.text


def test_a_decision_that_is_gone_or_cannot_be_read_is_a_page_of_its_own(
    browser: Open, tmp_path: Path
) -> None:
    office = Office(tmp_path).fill()
    odd = otherwise(office.entry(FIRST), format=9)
    office.more(odd)
    office.more(replace(odd, id="other", body=b'{"format":3}'), process=3)
    at = browser(office=office)
    for name, said in (
        ("gone", "No decision of this id"),
        ("otherwise", "cannot be read by this version"),
        ("other", "cannot be read by this version"),
    ):
        reply = at.get(link(replace(odd, id=name)))
        assert reply.status_code == 404
        assert said in words(reply.text)


def test_it_is_shown_also_where_the_rules_of_that_time_are_not_kept(
    browser: Open, tmp_path: Path
) -> None:
    office = Office(tmp_path).fill()
    entry = replace(office.entry(FIRST), id="lost", rulebook="sha256:gone")
    office.more(entry)
    text = words(browser(office=office).get(link(entry)).text)
    assert "Severe low magnesium 1.0 mg/dL" in text
    assert "more than 2 years before the decision" in text, "a date nobody can vouch for goes"


# Sentences


def nameless(*ours: str, **body: Any) -> Nameless:
    entry = replace(answered()[0].entry(), client="ward-7", patient="Patient/pat-4711")
    return Nameless(entry, body, FOR, ours)


SENTENCES = [
    ("drawn 2026-11-21 09:00 UTC, 3 h ago: severe", "drawn 3 h before the decision: severe"),
    ("drawn 2026-11-21 03:00 -05:00, 4 h ago", "drawn 4 h before the decision"),
    ("bag, 2026-11-21 08:00 UTC): it", "bag, 4 h before the decision): it"),
    ("at 2026-11-21T08:00:00+00:00.", "at 4 h before the decision."),
    ("at 2026-11-21T07:00-05:00.", "at 0 min before the decision."),
    ("at 2026-11-22 12:00 UTC", "at 24 h after the decision"),
    ("at 2026-11-20 23:00", "at 24 h before the decision"),
    ("overridden 20 min ago (seen)", "overridden 20 min before the decision (seen)"),
    ("since 2026-11-01", "since 20 days before the decision"),
    ("on 2026-11-21", "on the day of the decision"),
    ("born 1951-03-04", "born more than 2 years before the decision"),
    ("on 2026-13-45", "on (date)"),
    ("in 2026-10", "in (date)"),
    ("on 21/11/2026, 3.4.1951 or 1951/3/4", "on (date), (date) or (date)"),
    ("on 3 March 1951 or Nov 21st, 2026", "on (date) or (date)"),
    ("Observation/mg-1: could not be read", "a result: could not be read"),
    ("see Patient/pat-4711.", "see the patient."),
    ("see https://fhir.example/r4/Encounter/12 now", "see the encounter now"),
    ("for pat-4711 and ward-7", "for (id) and (id)"),
    ("hmac:00ff00ff and 6f0a0f1e-6a55-4a0e-9f0b-1f6c8b7f2a01", "(id) and (id)"),
    ("urn:uuid:6f0a0f1e-6a55-4a0e-9f0b-1f6c8b7f2a01 ends", "(id) ends"),
    ("order-17 was kept", "(id) was kept"),
    # what looks like one and is none
    ("10 meq in 100 mL, 1.73 m2, 2-4 h, 6-12 h", "10 meq in 100 mL, 1.73 m2, 2-4 h, 6-12 h"),
    ("Magnesium (Mass/volume), 20 MEQ/ML", "Magnesium (Mass/volume), 20 MEQ/ML"),
    ("Penicillin G 1.2-2.4 MU", "Penicillin G 1.2-2.4 MU"),
]


@pytest.mark.parametrize(("before", "after"), SENTENCES, ids=[x[0] for x in SENTENCES])
def test_a_sentence_keeps_its_sense_and_loses_who_and_when(before: str, after: str) -> None:
    body = {"record": {"drafts": [{"source": "MedicationRequest/order-17"}]}}
    assert nameless(**body).text(before) == after


def test_what_the_rule_files_say_stays_as_it_is() -> None:
    line = "A communication of 2011-03-02, see Patient/leaflet"
    assert nameless(line).text(f"Sources: {line}; 2011-03-02") == (
        f"Sources: {line}; more than 2 years before the decision"
    )


def test_a_list_of_decisions_is_not_opened_by_a_link(browser: Open, filled: Office) -> None:
    token = link(filled.entry(ALL[0])).rpartition("/")[2]
    at = browser(office=filled, reviewer_token="r" * 40)
    for path in ("/console/decisions", f"/console/decisions/{filled.entry(ALL[0]).id}"):
        reply = at.get(path, headers={"authorization": f"Bearer {token}"})
        assert reply.status_code == 401
