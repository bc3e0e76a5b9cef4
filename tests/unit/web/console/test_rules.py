"""The pages of the rules: all of them, each of them, what they share, and the printed edge."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from cds.bootstrap import Service
from cds.desk import CannotLook
from cds.proofrecord import write_record
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rule, Rulebook
from cds.web.console import rules as pages_of_rules
from cds.web.console.printed import page_style
from cds.web.console.rules import OUTCOMES, PATIENCE

RULES = Path(__file__).parents[4] / "rules"
VIEWER, REVIEWER = "viewer-" * 5, "reviewer-" * 4
SHORT = "lupus-leukopenia"  # few cases
Serve = Callable[..., Any]


class StandInDesk:
    """Counts as told, or does not."""

    def __init__(self, counted: Mapping[str, Mapping[str, int]] | Exception | None) -> None:
        self.counted = counted

    async def numbers(self) -> Mapping[str, Mapping[str, int]]:
        if self.counted is None:
            await asyncio.sleep(3600)
        if isinstance(self.counted, Exception):
            raise self.counted
        assert self.counted is not None
        return self.counted


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return load_rulebook(RULES)


@pytest.fixture(scope="module")
def at_site() -> Rulebook:
    return load_rulebook(RULES, "example")


@pytest.fixture
def serve(people: Callable[..., Service], book: Rulebook, browser: Any) -> Serve:
    """A browser before a service with these rules; more keyword arguments are settings."""
    made = type(browser())

    def make(
        rules: Callable[[], Rulebook] = lambda: book,
        desk: Any = None,
        now: datetime = datetime(2026, 11, 22, tzinfo=UTC),
        files: Path = RULES,
        **settings: Any,
    ) -> Any:
        plain = people(rules=files, **settings)
        return made(replace(plain, rules=rules, desk=desk, clinical_clock=lambda: now))

    return make


def rule_of(book: Rulebook, file: str) -> Rule:
    return next(x for x in book.rules if Path(x.where.file).stem == file)


def text_of(html: str) -> str:
    """What a reader sees, in one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def row_of(html: str, rule: str) -> str:
    """The row of a rule in the list of all."""
    found = re.search(rf'<tr role="row" data-rule="{rule}">.*?</tr>', html, re.DOTALL)
    assert found
    return found[0]


# All rules.


def test_every_rule_is_listed_with_its_state_its_review_and_a_link(
    serve: Serve, book: Rulebook
) -> None:
    reply = serve().get("/console/rules")
    assert reply.status_code == 200
    for rule in book.rules:
        row = row_of(reply.text, rule.id)
        assert f'href="/console/rules/{rule.id}"' in row
        assert rule.title in text_of(row).replace("&#39;", "'")
        assert f"active version {rule.version}" in text_of(row)
        assert "not signed off" in row
        assert f">{len(rule.cases)}</a>" in row
    assert text_of(reply.text).count("Signed off none of 20 by a clinician") == 1
    assert book.digest in reply.text
    assert 'data-proof="proved"' in reply.text


def test_numbers_of_the_last_30_days_stand_beside_each_rule(serve: Serve) -> None:
    counted = {"low-potassium": {"fires": 1203, "cannot-tell": 7}}
    html = serve(desk=StandInDesk(counted)).get("/console/rules").text
    for name in OUTCOMES.values():
        assert f">{name}</th>" in html
    known = re.findall(r'data-outcome="([a-z-]+)">(\d+)<', row_of(html, "low-potassium"))
    expected = {"fires": "1203", "would-fire": "0", "held-back": "0", "cannot-tell": "7"}
    assert dict(known) == {**expected, "error": "0"}
    others = re.findall(r'data-outcome="[a-z-]+">(\d+)<', row_of(html, "qt-risk"))
    assert others == ["0"] * len(OUTCOMES)


NO_NUMBERS = [
    (None, "none kept", "None kept: this service keeps no decisions"),
    (StandInDesk(CannotLook("away")), "away", "the records of decisions cannot be read now"),
    (StandInDesk(None), "counting", "Being counted: open this page again in a moment"),
]


@pytest.mark.parametrize(("desk", "state", "words"), NO_NUMBERS)
@pytest.mark.parametrize("path", ["/console/rules", f"/console/rules/{SHORT}"])
def test_where_there_are_no_numbers_the_page_says_why_and_shows_all_else(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, desk: Any, state: str, words: str, path: str
) -> None:
    monkeypatch.setattr(pages_of_rules, "PATIENCE", 0.01)
    reply = serve(desk=desk).get(path)
    assert reply.status_code == 200
    assert f'data-live="{state}"' in reply.text
    assert words in text_of(reply.text)
    assert "data-outcome" not in reply.text
    assert "Lupus with leukopenia" in reply.text


def test_a_page_waits_for_numbers_less_than_a_reader_would() -> None:
    assert PATIENCE <= 1


def test_a_review_that_is_overdue_stands_out(serve: Serve, book: Rulebook) -> None:
    due = rule_of(book, SHORT).reviewed.due
    on_the_day, after = (datetime(due.year, due.month, due.day + i, tzinfo=UTC) for i in (0, 1))
    assert "overdue" not in serve(now=on_the_day).get("/console/rules").text
    browser = serve(now=after)
    html = browser.get("/console/rules").text
    late = sum(rule.reviewed.due <= due for rule in book.rules)
    assert f"Review overdue: {late} of 20 rules." in text_of(html)
    assert 'data-review="overdue"' in row_of(html, SHORT)
    page = browser.get(f"/console/rules/{SHORT}").text
    assert f"The review of this rule was due on {due}." in page


def test_a_rule_that_is_signed_says_by_whom(serve: Serve, book: Rulebook) -> None:
    rule = rule_of(book, SHORT)
    signed = replace(rule, reviewed=replace(rule.reviewed, by="Dr Test", date=date(2026, 11, 1)))
    changed = replace(book, rules=tuple(signed if x is rule else x for x in book.rules))
    html = serve(rules=lambda: changed).get("/console/rules").text
    assert "reviewed Dr Test, 2026-11-01" in text_of(row_of(html, SHORT))
    assert "Signed off 1 of 20 by a clinician" in text_of(html)


def test_what_the_site_decided_is_said_of_all_rules_and_of_each(
    serve: Serve, at_site: Rulebook
) -> None:
    browser = serve(rules=lambda: at_site, site="example")
    html = browser.get("/console/rules").text
    assert "What the site example decided: 7 decisions" in html
    assert "silent at this site" in row_of(html, "magnesium-wasting-drugs")
    assert "silent" not in row_of(html, "qt-risk")
    assert "accepted at this site" in row_of(html, "hypomagnesemia")
    page = text_of(browser.get("/console/rules/magnesium-wasting-drugs").text)
    assert "silent at this site" in page
    assert "“Drugs that waste magnesium” is silent here" in page
    assert "a pharmacist reviews drugs that waste magnesium on the daily round" in page


def test_files_that_changed_since_are_told_of(serve: Serve, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(RULES, tmp_path / "rules"))
    browser = serve(files=copy)
    assert 'data-note="folder"' not in browser.get("/console/rules").text
    path = copy / "qt-risk.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "\n# more\n", encoding="utf-8")
    changed = serve(files=copy)
    for page in ("/console/rules", f"/console/rules/{SHORT}"):
        assert 'data-note="folder"' in changed.get(page).text


def test_a_proof_of_other_rules_is_stale_and_without_a_changelog_there_are_no_changes(
    serve: Serve, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(RULES, tmp_path / "rules"))
    browser = serve(files=copy)
    assert 'data-proof="proved"' in browser.get(f"/console/rules/{SHORT}").text
    write_record(copy, [("", "sha256:0", 84)])
    html = browser.get(f"/console/rules/{SHORT}").text
    assert 'data-proof="stale"' in html
    assert "This installation carries no record of changes" in html
    (copy / "proof.json").unlink()
    assert 'data-proof="not proved"' in browser.get("/console/rules").text


# Cases.


def test_all_cases_are_run_and_counted_as_a_page_and_as_a_part_of_one(
    serve: Serve, book: Rulebook
) -> None:
    two = replace(book, rules=tuple(rule_of(book, x) for x in (SHORT, "wasting-drugs")))
    browser = serve(rules=lambda: two)
    count = sum(len(rule.cases) for rule in two.rules)
    page = browser.get("/console/rules/cases")
    assert f"{count} of {count} hold" in text_of(page.text)
    assert "<h1>" in page.text
    part = browser.get("/console/rules/cases", headers={"hx-request": "true"})
    assert f"{count} of {count} hold" in text_of(part.text)
    assert "<h1>" not in part.text


def test_a_case_that_does_not_hold_is_shown_first_and_leads_to_its_rule(
    serve: Serve, book: Rulebook
) -> None:
    rule = rule_of(book, SHORT)
    at = next(i for i, case in enumerate(rule.cases) if case.expect == "fires")
    wrong = replace(rule.cases[at], expect="silent")
    cases = (*rule.cases[:at], wrong, *rule.cases[at + 1 :])
    broken = replace(book, rules=(replace(rule, cases=cases),))
    browser = serve(rules=lambda: broken)
    told = browser.get("/console/rules/cases").text
    assert 'data-verdict="broken"' in told
    assert f'href="/console/rules/{rule.id}#tests"' in told
    page = browser.get(f"/console/rules/{rule.id}").text
    assert f"1 of {len(cases)} cases do not hold" in text_of(page)
    assert "Expected silent, got fires" in page
    before, _, _ = page.partition("<details")
    assert f'data-case="{at + 1}" data-verdict="broken"' in before


def test_while_cases_run_other_requests_are_answered(
    serve: Serve, book: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cds.web.console import shelf

    waits: list[float] = []
    real = time.sleep

    def noted(seconds: float) -> None:
        waits.append(seconds)
        real(0)

    monkeypatch.setattr(shelf.time, "sleep", noted)
    one = replace(book, rules=(rule_of(book, SHORT),))
    assert serve(rules=lambda: one).get(f"/console/rules/{SHORT}").status_code == 200
    assert waits == [shelf.BREATH] * len(one.rules[0].cases)


# One rule.


def test_the_page_of_every_rule_is_whole(serve: Serve, book: Rulebook) -> None:
    rules = tuple(replace(rule, cases=rule.cases[:2]) for rule in book.rules)
    browser = serve(rules=lambda: replace(book, rules=rules), desk=StandInDesk({}))
    for rule in rules:
        reply = browser.get(f"/console/rules/{rule.id}")
        assert reply.status_code == 200
        check_whole(reply.text, rule, book)


def check_whole(html: str, rule: Rule, book: Rulebook) -> None:
    text = text_of(html)
    ids = re.findall(r'<section id="([a-z]+)"', html)
    assert [x for x in ids if x not in ("limits", "terms")] == [
        "aloud", "rows", "offers", "tests", "laws", "judgement", "changes", "live", "signatures",
    ]  # fmt: skip
    links = re.search(r'<nav aria-label="On this page".*?</nav>', html, re.DOTALL)
    assert links
    assert re.findall(r'href="#([a-z]+)"', links[0]) == ids
    assert f"version {rule.version}" in text
    assert book.digest in text
    assert "2 of 2 cases hold" in text
    assert html.count("data-case=") == 2
    assert "Clinician" in text[text.rindex("Signatures") :]
    places = re.findall(r'\bid="([^"]+)"', html)
    assert len(set(places)) == len(places)
    assert set(re.findall(r'href="#(term-\d+)"', html)) <= set(places)


def test_a_page_has_nothing_that_the_policy_for_scripts_and_styles_forbids(serve: Serve) -> None:
    browser = serve()
    for path in ("", f"/{SHORT}", "/reading", "/terms"):
        html = browser.get(f"/console/rules{path}").text
        assert "style=" not in html
        assert not re.search(r"\son[a-z]+=", html)
        assert not re.search(r"<script(?![^>]* src=)", html)
        assert "data:" not in html


def test_what_a_rule_file_says_stays_text(serve: Serve, book: Rulebook) -> None:
    spoiled = "<script>alert(1)</script> & “x”"
    rule = replace(
        rule_of(book, SHORT), title=spoiled, purpose=f"{spoiled}.", known_false_alarms=(spoiled,)
    )
    one = replace(book, rules=(rule,))
    browser = serve(rules=lambda: one)
    for path in ("/console/rules", f"/console/rules/{rule.id}", "/console/rules/cases"):
        html = browser.get(path).text
        assert "<script>" not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; “x”" in html
    style = browser.get(f"/console/rules/{rule.id}/page.css").text
    assert "</script>" not in style


def test_each_case_may_be_tried_in_what_if(serve: Serve, book: Rulebook) -> None:
    rule = rule_of(book, SHORT)
    html = serve().get(f"/console/rules/{rule.id}").text
    starts = re.findall(r"/console/whatif\?start=case:([a-z-]+):(\d+)&amp;rule=([a-z-]+)", html)
    assert sorted(int(number) for _, number, _ in starts) == [*range(1, len(rule.cases) + 1)]
    assert {(name, other) for name, _, other in starts} == {(rule.id, rule.id)}
    names = re.findall(r'data-case="(\d+)".*?scope="row">([^<]*) <a', html, re.DOTALL)
    for number, name in names:
        written = rule.cases[int(number) - 1].name
        assert name == f"{written[:1].upper()}{written[1:]}"


def test_only_who_may_read_decisions_is_led_to_them(serve: Serve) -> None:
    tokens = {"viewer_token": VIEWER, "reviewer_token": REVIEWER}
    browser = serve(desk=StandInDesk({SHORT: {"fires": 3}}), **tokens)
    link = f"/console/decisions?rule={SHORT}"
    for token, there in ((VIEWER, False), (REVIEWER, True)):
        headers = {"authorization": f"Bearer {token}"}
        reply = browser.get(f"/console/rules/{SHORT}", headers=headers)
        assert reply.status_code == 200
        assert (link in reply.text) is there
        assert (f"{link}&amp;outcome=fires" in reply.text) is there
        assert re.search(r'data-outcome="fires".*?>3<', reply.text, re.DOTALL)


PATHS = ["", "/cases", "/reading", "/terms", f"/{SHORT}", f"/{SHORT}/page.css"]


@pytest.mark.parametrize("path", PATHS)
def test_who_has_not_signed_in_sees_no_rule(serve: Serve, path: str) -> None:
    reply = serve(viewer_token=VIEWER).get(f"/console/rules{path}")
    assert reply.status_code == 303
    assert reply.headers["location"].startswith("/console/signin")


@pytest.mark.parametrize("path", ["/nothing", "/nothing/page.css", f"/{SHORT}/nothing", "/"])
def test_a_rule_that_does_not_exist_has_no_page(serve: Serve, path: str) -> None:
    reply = serve().get(f"/console/rules{path}")
    assert reply.status_code == 404
    assert "There is no such page." in reply.text


def test_new_rules_in_force_are_shown_from_the_next_page_on(serve: Serve, book: Rulebook) -> None:
    in_force = [replace(book, rules=(rule_of(book, SHORT),))]
    browser = serve(rules=lambda: in_force[-1])
    assert "Lupus with leukopenia" in browser.get(f"/console/rules/{SHORT}").text
    renamed = replace(rule_of(book, SHORT), title="Lupus, said otherwise")
    in_force.append(replace(book, rules=(renamed,), digest="sha256:other"))
    html = browser.get(f"/console/rules/{SHORT}").text
    assert "Lupus, said otherwise" in html
    assert "sha256:other" in html


# What rules share, and paper.


def test_terms_and_reading_are_pages_of_their_own_with_every_term(serve: Serve) -> None:
    browser = serve()
    terms = browser.get("/console/rules/terms").text
    reading = browser.get("/console/rules/reading").text
    entries = [int(x) for x in re.findall(r'id="term-(\d+)"', terms)]
    assert entries == [*range(1, len(entries) + 1)]
    assert len(entries) > 50
    places = set(re.findall(r'\bid="([^"]+)"', terms))
    for page in (terms, reading):
        for place in re.findall(r'href="/console/rules/terms#([^"]+)"', page):
            assert place in places
    assert "How a rule works." in reading
    assert "A usable result" in reading


def test_each_printed_page_names_the_rule_its_version_its_rules_and_the_day(
    serve: Serve, book: Rulebook
) -> None:
    rule = rule_of(book, SHORT)
    browser = serve()
    reply = browser.get(f"/console/rules/{rule.id}/page.css")
    assert reply.headers["content-type"] == "text/css; charset=utf-8"
    digest = book.digest.removeprefix("sha256:")[:12]
    assert f'"{rule.title}, version {rule.version} · rule set {digest} · 2026-11-21"' in reply.text
    page = browser.get(f"/console/rules/{rule.id}").text
    assert f'href="/console/rules/{rule.id}/page.css" media="print"' in page
    assert "2026-11-21" in page


@pytest.mark.parametrize("spoiled", ['"', "\\", "\n", "</style>", "; } * {", "'"])
def test_no_title_ends_the_text_at_the_edge_of_a_page(book: Rulebook, spoiled: str) -> None:
    rule = replace(rule_of(book, SHORT), title=f"a{spoiled}b")
    style = page_style(rule, book, date(2026, 11, 22))
    (said,) = re.findall(r'@bottom-left \{ content: "([^"]*)";', style)
    assert "version" in said
    assert not set(re.sub(r"\\[0-9a-f]+ ", "", said)) & set("\"\\\n<>{};*/'")


def test_a_site_stands_at_the_edge_of_a_page_too(at_site: Rulebook) -> None:
    style = page_style(at_site.rules[0], at_site, date(2026, 11, 22))
    assert ", site example · 2026-11-22" in style
