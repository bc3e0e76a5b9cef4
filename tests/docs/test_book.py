"""rules/BOOK.md is fresh, complete, and written for people who read no code."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from pages import ROOT

from cds.book import files
from cds.book.appendix import ABBREVIATIONS, TESTS
from cds.book.files import book_files, stale
from cds.book.introduction import short_digest
from cds.book.pages import Extras, pages
from cds.book.text import PAGE_BREAK, anchor, book_text
from cds.rulebook.laws import load_laws
from cds.rulebook.load import digest, load_rulebook
from cds.rulebook.model import Rulebook
from cds.rulebook.prose.limits import units_of
from cds.rulebook.prose.reach import reach
from cds.rulebook.prose.texts import filled

RULES = ROOT / "rules"


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return load_rulebook(RULES)


@pytest.fixture(scope="module")
def text() -> str:
    return (RULES / "BOOK.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def chapters(book: Rulebook, text: str) -> dict[str, str]:
    """Rule id -> its chapter."""
    parts = re.split(r"^## (?=\d+\. )", text, flags=re.MULTILINE)[1:]
    return {rule.id: part for rule, part in zip(pages(book, Extras()).rules, parts, strict=False)}


def test_what_is_made_from_the_rules_is_up_to_date() -> None:
    assert [str(item) for item in stale(RULES)] == []


def test_the_same_rules_give_the_same_book(book: Rulebook) -> None:
    assert book_text(book) == book_text(load_rulebook(RULES))


def test_no_reader_meets_a_name_of_the_program(text: str) -> None:
    assert re.findall(r"\b\w+_\w+\b", re.sub(r"https?://\S+", "", text)) == []
    assert re.findall(r"[{}]", text) == []


def test_it_prints_well(text: str) -> None:
    plain = text.replace(PAGE_BREAK, "")
    assert "<" not in re.sub(r"<(?=\s*\d)", "", plain), "no HTML but page breaks"
    assert "\n\n\n" not in text
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


def test_no_sentence_has_to_fall_back_on_a_name(book: Rulebook, text: str) -> None:
    assert [name for name, item in book.definitions.items() if not item.means] == []
    assert "” holds" not in text


def test_every_rule_has_a_chapter_with_its_parts(book: Rulebook, chapters: dict[str, str]) -> None:
    for number, rule in enumerate(pages(book, Extras()).rules, 1):
        chapter = chapters[rule.id]
        assert chapter.startswith(f"{number}. {rule.title}\n")
        for part in (
            "The rule, to be read aloud",
            "The rows at a glance",
            "What the card may offer",
            "How it is tested",
            "When it is wrong",
            "Signatures",
        ):
            assert re.search(rf"^### {number}\.\d {part}", chapter, re.MULTILINE), rule.id
        assert f"| Review due | {rule.reviewed.due} |" in chapter
        assert rule.owner in chapter


def test_every_row_text_offer_and_case_stands_in_its_chapter(
    book: Rulebook, chapters: dict[str, str], text: str
) -> None:
    appendix = text[text.index(f". {TESTS}\n") :]
    for rule in book.rules:
        chapter = chapters[rule.id]
        said = [text for level in rule.levels for text in (level.summary, *level.detail)]
        said += [note.say for level in rule.levels for note in level.notes]
        said += [note.say for note in rule.notes]
        said += [rule.suggestions[name].label for x in rule.levels for name in x.suggest]
        missing = [text for text in said if filled(text, book) not in chapter]
        assert missing == [], rule.id
        assert [case.name for case in rule.cases if case.name not in appendix] == []
        assert [x.row for x in rule.levels if f" ({x.row}).**" not in chapter] == []


def test_every_limit_and_table_a_rule_rests_on_stands_in_its_chapter(
    book: Rulebook, chapters: dict[str, str]
) -> None:
    for rule in book.rules:
        found = reach(rule, book)
        for name in found.thresholds:
            for value in units_of(book.thresholds[name]):
                assert value in chapters[rule.id], (rule.id, name)
        for name in found.tables:
            assert f"**Table of doses: {book.tables[name].why}**" in chapters[rule.id]


def test_every_law_stands_in_the_book(book: Rulebook, text: str) -> None:
    laws = load_laws(RULES, book).laws
    assert laws
    assert [law.title for law in laws if law.title not in text] == []


def test_every_term_is_explained_once_and_used(text: str) -> None:
    used = {int(number) for number in re.findall(r"\(term (\d+)\)", text)}
    terms = text[text.index("## 21. Terms") : text.index("## 22. ")]
    explained = [int(number) for number in re.findall(r"^\*\*(\d+)\. [A-Z]", terms, re.MULTILINE)]
    assert explained == list(range(1, len(explained) + 1))
    assert used == set(explained)


def test_every_abbreviation_of_a_reader_is_explained(text: str) -> None:
    body, listed = re.split(r"^## \d+\. Abbreviations\n", text, flags=re.MULTILINE)
    assert [short for short in ABBREVIATIONS if short not in body] == []
    assert all(f"| {short} |" in listed for short in ABBREVIATIONS)


def test_a_signed_print_can_be_matched_with_what_runs(book: Rulebook, text: str) -> None:
    front = text[: text.index("## How to read this book")]
    assert book.digest in front
    assert re.search(r"release \d+\.\d+\.\d+,", front)
    signed = re.findall(r"Signatures.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    places = [part for part in signed if "| Pharmacist |" in part]
    assert len(places) == len(book.rules) + 1, "each rule, and what rules share"
    assert all(short_digest(book) in " ".join(part.split()) for part in places)


def test_what_is_said_with_and_without_a_result_is_said_always(text: str) -> None:
    twice = r"^- when an? (usable [^:,]+) is at hand: (“.+”)\n- when no \1 is at hand: \2$"
    assert re.findall(twice, text, re.MULTILINE) == []
    assert "- always: “[magnesium: value, time and how old it is, or why there is none].”" in text


def test_every_entry_of_the_contents_leads_to_its_chapter(text: str) -> None:
    heads = re.findall(r"^## (\d+)\. (.+)$", text, re.MULTILINE)
    links = re.findall(r"\]\(#([^)]+)\)", text)
    assert links == [anchor(int(number), title) for number, title in heads]


def test_open_questions_and_declined_points_are_told(text: str) -> None:
    assert "Should it be below 20?" in text
    assert "[DECLINED.md](DECLINED.md)" in text


def test_no_signature_stands_for_a_clinician_who_did_not_sign(book: Rulebook, text: str) -> None:
    assert all(rule.reviewed.by == "pending" for rule in book.rules)
    assert f"**Signed off by a clinician: none of {len(book.rules)} rules.**" in text


def test_the_files_decide_nothing(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(RULES, rules)
    before = digest(rules, None)
    for name in ("BOOK.md", "rule.schema.json", "QUESTIONS.md"):
        (rules / name).write_text("{}", encoding="utf-8")
    assert digest(rules, None) == before


def test_a_file_that_is_old_or_missing_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    made = {rules / "BOOK.md": "# Book\n\nnew\n", rules / "rule.schema.json": "{}\n"}
    monkeypatch.setattr(files, "book_files", lambda *_: made)
    (rules / "BOOK.md").write_text("# Book\n\nold\n", encoding="utf-8")
    assert [str(item) for item in stale(rules)] == [
        "rules/BOOK.md:3: the rules have changed since it was made. Write it anew with `cds book`.",
        "rules/rule.schema.json:1: the file is missing. Write it anew with `cds book`.",
    ]
    assert len(files.write_book(rules)) == 2
    assert stale(rules) == ()
    assert files.write_book(rules) == ()


def test_an_installed_package_has_no_changelog_and_is_not_stale_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "BOOK.md").write_text(
        "a\n### 1.7 Changes\n\nthen\n\n### 1.8 Signatures\n", encoding="utf-8"
    )
    made = {rules / "BOOK.md": "a\n### 1.8 Signatures\n"}
    monkeypatch.setattr(files, "book_files", lambda *_: made)
    assert stale(rules) == ()


def test_the_book_of_a_rulebook_says_what_it_does_not_have(book: Rulebook) -> None:
    bare = book_text(book, Extras())
    assert " Changes\n" not in bare
    assert "Laws over all rules" not in bare
    told = book_text(book, Extras(coverage={book.rules[0].id: "all 12 questions are decided"}))
    assert "All 12 questions are decided." in told
    assert set(book_files(RULES)) == {RULES / "BOOK.md", RULES / "rule.schema.json"}
