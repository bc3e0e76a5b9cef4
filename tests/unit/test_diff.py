"""`cds diff`: what changed between two sets of rules, in clinical words, the worst first."""

from __future__ import annotations

import shutil
from dataclasses import fields, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from cds.diff.compare import book_differences, differences, told
from cds.diff.difference import Difference, Harm
from cds.facts.terminology import Terminology
from cds.kernel.codes import SNOMED, Coding
from cds.rulebook.codesets import load_terminology
from cds.rulebook.load import assemble
from cds.rulebook.model import All, OrderTemplate, Review, Rule, Rulebook
from cds.rulebook.orders import load_orders

RULES = Path(__file__).parents[2] / "rules"
Parts = tuple[Terminology, dict[str, OrderTemplate]]


@pytest.fixture(scope="module")
def parts() -> Parts:
    return load_terminology(RULES / "code_sets"), load_orders(RULES / "orders")


@pytest.fixture(scope="module")
def book(parts: Parts) -> Rulebook:
    return assemble(RULES, *parts, [])


MAGNESIUM, LABS = "shared/magnesium.yaml", "shared/labs.yaml"
EDITS = [
    (
        MAGNESIUM, "full: 4, half: 2, low: 1", "full: 4, half: 4, low: 1", Harm.DOSE,
        "half kidneys (reduced: 30 to below 60 mL/min): 2 g -> 4 g; concerns hypomagnesemia",
    ),
    (
        MAGNESIUM, "value: [8 g]", "value: [10 g]", Harm.DOSE,
        "more than this in 24 h is decided by people (amount of magnesium sulfate, "
        "mg_daily_limit): 8 g -> 10 g",
    ),
    (
        MAGNESIUM, "        - holds: obstetric\n", "", Harm.STOP,
        "“a stop for magnesium is present (one that withholds tablets and infusion alike, "
        "other than magnesium already on order or given)” "
        "(mg_stop), withholds offers, no longer when "
        "the patient is obstetric",
    ),
    (
        "hypomagnesemia.yaml", "magnesium_covered, cardiac_arrest]", "magnesium_covered]",
        Harm.STOP,
        "offer emergency-dose: no longer withheld when a cardiac arrest is on the problem list",
    ),
    (
        LABS, "value: [5.0 mmol/L, 5.0 meq/L]", "value: [5.5 mmol/L, 5.5 meq/L]", Harm.LIMIT,
        "(potassium, k_high): 5.0 mmol/L -> 5.5 mmol/L; 5.0 mEq/L -> 5.5 mEq/L",
    ),
    (
        LABS, "{inpatient: 24 h, outpatient: 7 d, why: a potassium",
        "{inpatient: 36 h, outpatient: 7 d, why: a potassium", Harm.LIMIT,
        "how old a result may be, potassium (potassium_window): inpatient 24 h -> 36 h",
    ),
    (
        "hypomagnesemia.yaml", "        - {torsades: present}\n", "", Harm.FINDING,
        "row A3: comes, no longer when torsades de pointes of the last 24 h is on the problem list",
    ),
    (
        "qt-risk.yaml", "indicator: critical", "indicator: info", Harm.SEVERITY,
        "(qt-risk), row D2: critical -> info",
    ),
    (
        "qt-risk.yaml", "status: active", "status: silent", Harm.SEVERITY,
        "state, before: active; now: silent",
    ),
    (
        "low-potassium.yaml", "hooks: [order-select, ", "hooks: [", Harm.SEVERITY,
        "where it is judged, before: order-select, order-sign",
    ),
    (
        MAGNESIUM, "  ppi: {medication: ppi, which: [active]}",
        "  ppi: {medication: ppi, which: [active, draft]}", Harm.FINDING,
        "before: a proton pump inhibitor is active; now: a proton pump inhibitor is active or "
        "drafted",
    ),
    (
        "low-potassium.yaml", "take an ECG.\"", "take an ECG now.\"", Harm.TEXT,
        "cardiac monitoring; take an ECG.; now: Potassium below {k_severe}",
    ),
    (
        "qt-risk.yaml", "owner: Inpatient", "owner: Outpatient", Harm.SOURCES,
        "owner, before: Inpatient Pharmacy Informatics; now: Outpatient",
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def found(
    book: Rulebook, parts: Parts, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Difference, ...]:
    """What is told after all of these edits together."""
    rules = tmp_path_factory.mktemp("edited") / "rules"
    shutil.copytree(RULES, rules, ignore=shutil.ignore_patterns("code_sets", "*.md"))
    for name, old, new, _, _ in EDITS:
        path = rules / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{name}: the edit must change something"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return book_differences(book, assemble(rules, *parts, []))


@pytest.mark.parametrize(("name", "old", "new", "harm", "text"), EDITS)
def test_an_edit_is_told_in_clinical_words(
    found: tuple[Difference, ...], name: str, old: str, new: str, harm: Harm, text: str
) -> None:
    said = [item for item in found if item.harm is harm and text in item.text]
    assert len(said) == 1, f"{name}: {old} -> {new}\n{told(found)}"


def test_what_can_harm_most_stands_first(found: tuple[Difference, ...]) -> None:
    assert [item.harm for item in found] == sorted(item.harm for item in found)
    assert len(found) == len(EDITS)


def test_both_sides_are_told_with_file_and_line(found: tuple[Difference, ...]) -> None:
    assert found[0].old.startswith("rules/shared/magnesium.yaml:")
    assert str(found[0]).endswith(f"[{found[0].old} -> {found[0].new}]")


def test_a_new_row_is_told_with_its_condition(book: Rulebook) -> None:
    rule = next(rule for rule in book.rules if rule.id == "qt-risk")
    less = changed_rule(book, replace(rule, levels=rule.levels[1:]))
    (item,) = book_differences(less, book)
    assert "new row D2, when QTc is long" in item.text
    (item,) = book_differences(book, less)
    assert "row removed D2, when QTc is long" in item.text


def test_moving_a_row_is_told(book: Rulebook) -> None:
    rule = next(rule for rule in book.rules if rule.id == "hypomagnesemia")
    moved = changed_rule(book, replace(rule, levels=(*rule.levels[1:], rule.levels[0])))
    (item,) = book_differences(book, moved)
    assert item.harm is Harm.FINDING
    assert "the order of its rows, before: A3, A2, A1-iv, A1, A1; now: A2, A1-iv" in item.text


def test_a_code_that_is_gone_is_told_with_what_it_meant(book: Rulebook) -> None:
    left = {
        code: what for code, what in book.terminology.problems.items() if code.code != "91637004"
    }
    assert len(left) < len(book.terminology.problems), "the test needs a code that is there"
    fewer = replace(book, terminology=replace(book.terminology, problems=left))
    (item,) = book_differences(book, fewer)
    assert item.text == f"problem, code removed: {SNOMED} 91637004, myasthenia-gravis"
    (item,) = book_differences(fewer, book)
    assert item.text.startswith("problem, code added")


def test_a_code_that_means_something_else_is_told(book: Rulebook) -> None:
    key = Coding(SNOMED, "91637004")
    meant = {**book.terminology.problems, key: frozenset({"sepsis"})}
    other = replace(book, terminology=replace(book.terminology, problems=meant))
    (item,) = book_differences(book, other)
    assert item.text.endswith("before: myasthenia-gravis; now: sepsis")


def changed_rule(book: Rulebook, rule: Rule) -> Rulebook:
    rules = tuple(rule if item.id == rule.id else item for item in book.rules)
    return replace(book, rules=rules)


def other(value: Any) -> Any:
    """A value of the same kind that differs."""
    if isinstance(value, str):
        return f"{value} changed"
    if isinstance(value, bool):
        return not value
    if isinstance(value, timedelta):
        return value * 2
    if isinstance(value, Review):
        return replace(value, due=date(2100, 1, 1))
    return value[:-1] if value else ("changed",)


RULE_FIELDS = (
    "family", "title", "version", "owner", "reviewed", "hooks", "purpose", "levels", "notes",
    "override_reasons", "known_false_alarms", "cases", "cite", "suggestions",
)  # fmt: skip
LEVEL_FIELDS = ("indicator", "summary", "detail", "suggest", "notes", "cite", "alone", "row")


@pytest.mark.parametrize("word", RULE_FIELDS)
def test_no_word_of_a_rule_changes_in_silence(book: Rulebook, word: str) -> None:
    rule = next(rule for rule in book.rules if rule.id == "hypomagnesemia")
    value = getattr(rule, word)
    more = {**value, "more": value["severe-dose"]} if word == "suggestions" else other(value)
    assert book_differences(book, changed_rule(book, replace(rule, **{word: more})))


@pytest.mark.parametrize("word", LEVEL_FIELDS)
def test_no_word_of_a_row_changes_in_silence(book: Rulebook, word: str) -> None:
    rule = next(rule for rule in book.rules if rule.id == "hypomagnesemia")
    level = replace(rule.levels[0], **{word: other(getattr(rule.levels[0], word))})
    new = replace(rule, levels=(level, *rule.levels[1:]))
    assert book_differences(book, changed_rule(book, new))


SHARED = [
    ("thresholds", "mg_lln"), ("windows", "creatinine_window"), ("tables", "mg_iv_severe_dose"),
    ("definitions", "child"), ("templates", "magnesium-sulfate-bag"), ("citations", "ctcae"),
    ("override_reasons", "goals-of-care"),
]  # fmt: skip


@pytest.mark.parametrize(("section", "name"), SHARED)
def test_no_word_of_a_shared_thing_changes_in_silence(
    book: Rulebook, section: str, name: str
) -> None:
    known = getattr(book, section)
    for field in fields(known[name]):
        value = getattr(known[name], field.name)
        if field.name in ("name", "where") or not isinstance(value, str | tuple | bool | timedelta):
            continue
        if field.name == "by" or field.name == "shorter":
            continue
        new = {**known, name: replace(known[name], **{field.name: other(value)})}
        assert book_differences(book, replace(book, **{section: new})), field.name


@pytest.mark.parametrize(("section", "name"), SHARED)
def test_what_is_new_and_what_is_gone_is_told(book: Rulebook, section: str, name: str) -> None:
    fewer = {key: item for key, item in getattr(book, section).items() if key != name}
    less = replace(book, rules=(), **{section: fewer})
    bare = replace(book, rules=())
    assert len(book_differences(bare, less)) == len(book_differences(less, bare)) == 1


def test_the_same_rules_have_no_difference(book: Rulebook) -> None:
    assert book_differences(book, book) == ()
    assert told(()) == "No difference.\n"


def test_files_are_compared_to_the_last_one_and_under_a_site(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(RULES, rules)
    for name, old, new in (
        ("qt-risk.yaml", "id: qt-risk", "# A remark.\nid: qt-risk"),
        ("sites/example.yaml", "mg_daily_limit: [6 g]", "mg_daily_limit: [7 g]"),
        ("sources/s4.yaml", "title: ", "title: Revised "),
        ("code_sets/problems.yaml", "| Hypomagnesemia | phenolib", "| Low magnesium | phenolib"),
        ("lupus-leukopenia.yaml", "use: [labs, patient]", "use: [labs, patient, risks]"),
    ):
        path = rules / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
    (rules / "BOOK.md").write_text("made anew", encoding="utf-8")
    found = [item.text for item in differences(RULES, rules, "example")]
    assert found == [
        "above 6 g in 24 h the hospital wants a critical care physician to decide (amount of "
        "magnesium sulfate, mg_daily_limit): 6 g -> 7 g; concerns hypomagnesemia, low-potassium, "
        "magnesium-order, refractory-calcium",
        "changed in a way this command has no words for: lupus-leukopenia.yaml",
        "1 lines added and 1 removed in code_sets/problems.yaml, with sources and remarks",
        "changed, and decides nothing by itself: sources/s4.yaml",
        "only comments or layout changed: qt-risk.yaml",
    ]


OFFERS = [
    ("action", "delete", Harm.DOSE, "what it does, before: create; now: delete"),
    ("template", "magnesium-oxide-tablet", Harm.DOSE, "now: magnesium-oxide-tablet"),
    ("dose", None, Harm.DOSE, "dose, before: table mg_iv_severe_dose at 1 g/h; now: nothing"),
    ("total", None, Harm.DOSE, "total of 24 h, before: magnesium_24h at most mg_daily_limit"),
    ("if_", None, Harm.FINDING, "offered, before: magnesium is severely low; now: nothing"),
    ("duplicate_of", "magnesium_test_open", Harm.FINDING, "not offered again, before: nothing"),
    ("label", "Magnesium", Harm.TEXT, "label, before: Magnesium sulfate {dose}"),
]


@pytest.mark.parametrize(("word", "value", "harm", "text"), OFFERS)
def test_what_an_offer_is_about_is_told(
    book: Rulebook, word: str, value: Any, harm: Harm, text: str
) -> None:
    rule = next(rule for rule in book.rules if rule.id == "hypomagnesemia")
    offer = replace(rule.suggestions["severe-dose"], **{word: value})
    new = replace(rule, suggestions={**rule.suggestions, "severe-dose": offer})
    (item,) = book_differences(book, changed_rule(book, new))
    assert item.harm is harm
    assert text in item.text


def test_what_a_term_needs_more_or_less_is_told(book: Rulebook) -> None:
    known = book.definitions["heart_block"]
    assert isinstance(known.clause, All)
    child = book.definitions["child"].clause
    for children, text in (
        (known.clause.children[:1], "no longer needs that no pacemaker is on the problem list"),
        ((*known.clause.children, child), "now also needs that the patient's age is below 18"),
    ):
        clause = replace(known.clause, children=children)
        terms = {**book.definitions, "heart_block": replace(known, clause=clause)}
        (item,) = book_differences(book, replace(book, definitions=terms))
        assert item.harm is Harm.STOP
        assert text in item.text
        assert "concerns hypomagnesemia" in item.text


def test_a_rule_that_is_new_or_gone_is_told_once(book: Rulebook) -> None:
    less = replace(book, rules=book.rules[1:])
    title = f"{book.rules[0].title} ({book.rules[0].id})"
    assert [item.text for item in book_differences(less, book)] == [f"new rule: {title}"]
    assert [item.text for item in book_differences(book, less)] == [f"rule removed: {title}"]


def test_the_answer_is_printed_under_heads_and_counted() -> None:
    found = (
        Difference(Harm.DOSE, "2 g -> 4 g", "a:1", "b:2"),
        Difference(Harm.TEXT, "x", "", "b:3"),
    )
    assert told(found) == (
        "Doses and what is ordered\n  - 2 g -> 4 g [a:1 -> b:2]\n\n"
        "What cards say\n  - x [b:3]\n\n2 differences.\n"
    )
