"""The catalogue of the rules in force: the words of the book, with links, cases, proof and site."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cds.book.chapter import chapter
from cds.catalogue.cases import Told, run
from cds.catalogue.catalogue import Catalogue
from cds.catalogue.patients import fact_words, patient_of
from cds.catalogue.proof import proof_of
from cds.proofrecord import write_record
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rule, Rulebook

RULES = Path(__file__).parents[2] / "rules"
IDS = sorted(path.stem for path in RULES.glob("*.yaml") if path.stem != "laws")
BASE = "/console/rules"
LINK = re.compile(r"\[([^\]]*)\]\((#term-\d+|/console[^)]*)\)")


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return load_rulebook(RULES)


@pytest.fixture(scope="module")
def at_site() -> Rulebook:
    return load_rulebook(RULES, "example")


@pytest.fixture(scope="module")
def catalogue(book: Rulebook) -> Catalogue:
    return Catalogue(book, RULES, "0.0.0", BASE)


@pytest.fixture(scope="module")
def of_site(at_site: Rulebook) -> Catalogue:
    return Catalogue(at_site, RULES, "0.0.0", BASE)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RULES, tmp_path / "rules"))


def rule_of(catalogue: Catalogue, file: str) -> Rule:
    return next(x for x in catalogue.rules if Path(x.where.file).stem == file)


def plain(text: str) -> str:
    """Without links, and with lines of any width."""
    return " ".join(LINK.sub(r"\1", text).split())


def unbreathing() -> None:
    return None


def told(book: Rulebook, rule: Rule, **more: object) -> tuple[Told, ...]:
    return run(replace(book, rules=(rule,)), rule, unbreathing, **more)  # type: ignore[arg-type]


# The words.


@pytest.mark.parametrize("file", IDS)
def test_a_sheet_says_what_the_book_says_and_nothing_else(catalogue: Catalogue, file: str) -> None:
    rule = rule_of(catalogue, file)
    titles = {i: x.title for i, x in enumerate(catalogue.rules, 1)}
    in_book = "\n".join(chapter(1, rule, catalogue.pages))
    in_book = re.sub(r"\bchapter (\d+)\b", lambda m: f"“{titles[int(m[1])]}”", plain(in_book))
    sheet = catalogue.sheet(rule)
    assert {"aloud", "rows", "offers", "judgement", "signatures"} <= {x.key for x in sheet.sections}
    for section in sheet.sections:
        assert f"### {section.title} {plain(section.text)}" in in_book
    assert plain(sheet.purpose) in in_book
    for name, words in sheet.head:
        assert f"| {name} | {words} |" in in_book
    for law in sheet.laws:
        assert f"- {law}" in in_book


def test_together_the_sheets_leave_out_nothing_of_the_book_but_its_list_of_cases(
    catalogue: Catalogue,
) -> None:
    headings = set(
        re.findall(
            r"^### (.*)$",
            "\n".join("\n".join(chapter(1, rule, catalogue.pages)) for rule in catalogue.rules),
            re.MULTILINE,
        )
    )
    shown = {x.title for rule in catalogue.rules for x in catalogue.sheet(rule).sections}
    assert headings - shown == {"How it is tested"}


@pytest.mark.parametrize("file", IDS)
def test_every_link_to_a_term_leads_to_an_entry_on_the_same_sheet(
    catalogue: Catalogue, file: str
) -> None:
    sheet = catalogue.sheet(rule_of(catalogue, file))
    terms = dict(sheet.terms)
    text = "\n".join([sheet.purpose, *(x.text for x in sheet.sections), *terms.values()])
    assert {int(x) for x in re.findall(r"\(#term-(\d+)\)", text)} == set(terms)
    assert not re.search(r"(?<!\[)term\s+\d", text), "a term without a link"
    for number, entry in terms.items():
        assert entry.startswith(f"**{number}. ")


def test_there_are_terms_to_look_up(catalogue: Catalogue) -> None:
    assert len(catalogue.sheet(rule_of(catalogue, "hypomagnesemia")).terms) > 20


def test_every_other_link_leads_to_a_page_and_place_that_exist(catalogue: Catalogue) -> None:
    shared = catalogue.shared()
    before, terms = catalogue.terms()
    texts = [before.text, catalogue.reading().text, *(text for _, text in terms)]
    texts += [x.text for x in shared]
    texts += [x.text for rule in catalogue.rules for x in catalogue.sheet(rule).sections]
    there = {f"{BASE}/reading", *(f"{BASE}/{rule.id}" for rule in catalogue.rules)}
    there |= {f"{BASE}/terms#{x.key}" for x in (before, *shared)}
    there |= {f"#term-{number}" for number, _ in terms}
    found = {address for text in texts for _, address in LINK.findall(text)}
    assert found <= there
    assert {f"{BASE}/reading", f"{BASE}/terms#what-is-worked-out-from-the-data"} <= found
    others = {x for text in texts for x in re.findall(r"\]\(([^)#/][^)]*)\)", text)}
    assert others
    assert all(address.startswith("https://") for address in others)


def test_a_purpose_is_told_in_one_sentence(catalogue: Catalogue) -> None:
    for rule in catalogue.rules:
        said = catalogue.purpose(rule)
        assert said.endswith(".")
        assert ". " not in said


# Cases.


@pytest.mark.parametrize("file", IDS)
def test_every_case_is_told_without_words_of_the_program(catalogue: Catalogue, file: str) -> None:
    rule = rule_of(catalogue, file)
    for item in (found := catalogue.cases(rule, unbreathing)):
        assert item.verdict == "holds", item
        assert all((item.patient, item.expected, item.came))
        for words in (*item.patient, *item.expected):
            assert "_" not in words, words
            assert "{" not in words, words
    assert len(found) == len(rule.cases) > 0


def test_cases_are_run_once_and_others_may_go_on_after_each(book: Rulebook) -> None:
    catalogue = Catalogue(book, RULES, "0.0.0", BASE)
    rule, breaths = rule_of(catalogue, "lupus-leukopenia"), 0

    def breathe() -> None:
        nonlocal breaths
        breaths += 1

    assert catalogue.cases(rule, breathe) is catalogue.cases(rule, breathe)
    assert breaths == len(rule.cases)


def test_a_case_is_told_as_it_is_written_and_as_it_came(catalogue: Catalogue) -> None:
    rule = rule_of(catalogue, "low-potassium")
    found = catalogue.cases(rule, unbreathing)
    item = next(
        x for x in found if x.name == "low potassium with low magnesium carries the tablets"
    )
    assert item.patient == (
        "potassium is 3.2 mmol/L",
        "magnesium is 1.5 mg/dL",
        "creatinine is 0.9 mg/dL",
    )
    assert item.expected == (
        "a card, row B0, warning",
        "it says “Oral magnesium: at most 2”",
        "offer four",
    )
    assert item.came[:2] == (
        "a card, row B0, warning",
        "headline “Low potassium 3.2 mmol/L with low magnesium 1.5 mg/dL (0.62 mmol/L): "
        "replace both”",
    )
    assert any(x.startswith("it says “Oral magnesium: at most 2 tablets") for x in item.came)
    assert any(x.startswith("offer four, 800 mg a day: “Magnesium oxide") for x in item.came)


def test_a_case_that_does_not_hold_says_what_is_wrong(book: Rulebook) -> None:
    rule = next(x for x in book.rules if x.id == "lupus-leukopenia")
    fires = next(case for case in rule.cases if case.expect == "fires")
    wrong = replace(fires, expect="silent")
    (item,) = told(book, replace(rule, cases=(wrong,)))
    assert item.verdict == "broken"
    assert item.expected[0].startswith("no card")
    assert item.came[0].startswith("a card, row A6")
    assert item.faults[0].startswith("expected silent, got fires")


def test_a_case_that_cannot_be_read_says_so_and_shows_what_was_written(book: Rulebook) -> None:
    rule = next(x for x in book.rules if x.id == "lupus-leukopenia")
    wrong = replace(rule.cases[0], given={"magnesium": "lots"})
    (item,) = told(book, replace(rule, cases=(wrong,)))
    assert item.patient == ("magnesium: lots",)
    assert item.came == ()
    assert item.verdict == "broken"
    assert "`magnesium`" in item.faults[0]


def test_a_case_that_the_site_changed_on_purpose_is_not_broken(book: Rulebook) -> None:
    rule = next(x for x in book.rules if x.id == "lupus-leukopenia")
    wrong = replace(rule.cases[0], expect="cannot-tell")
    changed = replace(rule, cases=(wrong,))
    assert told(book, changed)[0].verdict == "broken"
    assert told(book, changed, meant={wrong.name})[0].verdict == "changed"
    assert told(book, replace(rule, cases=rule.cases[:1]), meant={wrong.name})[0].verdict == "holds"


STATED = [
    ("potassium", "3.2 mmol/L", "potassium is 3.2 mmol/L"),
    ("order_potassium_rate", "10.1 meq/h", "the rate of this order is 10.1 mEq/h"),
    ("age", "6 a", "the patient's age is 6 years"),
    ("magnesium", "1.4 to 1.8 mg/dL", "magnesium is 1.4 to 1.8 mg/dL"),
    ("magnesium", "missing", "no usable magnesium level is at hand"),
    ("magnesium", "missing haemolysed",
     "no usable magnesium level is at hand, and the newest result is haemolysed"),
    ("magnesium", "not known", "magnesium is not known"),
    ("renal_band", "half", "kidney function is reduced"),
    ("renal_band", "full or half",
     "kidney function is good or reduced (it cannot be told which)"),
    ("potassium_24h", "missing dose-unclear",
     "all potassium (every route) given in the last 24 h plus due in the next 24 h cannot be told "
     "(dose unclear)"),
    ("lupus", "present", "systemic lupus erythematosus is on the problem list"),
    ("lupus", "absent", "no systemic lupus erythematosus is on the problem list"),
    ("lupus", "not known",
     "it is not known whether systemic lupus erythematosus is on the problem list"),
    ("magnesium_set_aside", "nothing there",
     "no newer magnesium result that could not be used is there"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "said"), STATED)
def test_a_fact_of_a_case_is_said_as_people_say_it(
    book: Rulebook, name: str, text: str, said: str
) -> None:
    assert fact_words(book.facts[name], text, book) == said


def test_a_patient_with_nothing_special_and_one_of_whom_nothing_else_is_known(
    book: Rulebook,
) -> None:
    case = replace(book.rules[0].cases[0], given={}, otherwise="", role=None)
    assert patient_of(case, book) == ("nothing is special about this patient",)
    open_ = replace(case, otherwise="not known", role="k-replacement")
    assert patient_of(open_, book) == (
        "the order is a potassium replacement",
        "nothing else is known: it was not sent",
    )


# Proof.


def test_the_record_beside_the_rules_proves_them_here_and_at_the_site(
    book: Rulebook, at_site: Rulebook, catalogue: Catalogue
) -> None:
    laws = len(catalogue.pages.extras.laws)
    for proof in (proof_of(RULES, book), proof_of(RULES, at_site), catalogue.proof()):
        assert (proof.standing, proof.laws) == ("proved", laws)
        assert proof.release


Spoil = Callable[[Path, Rulebook], object]


def another_release(rules: Path, _book: Rulebook) -> object:
    path = rules / "proof.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    return path.write_text(json.dumps({**record, "engine": "0.0.1"}), encoding="utf-8")


def other_laws(rules: Path, _book: Rulebook) -> object:
    path = rules / "laws.yaml"
    return path.write_text(path.read_text(encoding="utf-8") + "\n# more\n", encoding="utf-8")


def other_rules(rules: Path, _book: Rulebook) -> object:
    return write_record(rules, [("", "sha256:0", 84)])


def no_laws(rules: Path, _book: Rulebook) -> object:
    return (rules / "laws.yaml").unlink()


def no_record(rules: Path, _book: Rulebook) -> object:
    return (rules / "proof.json").unlink()


def only_a_site(rules: Path, book: Rulebook) -> object:
    return write_record(rules, [("elsewhere", book.digest, 84)])


def no_json(rules: Path, _book: Rulebook) -> object:
    return (rules / "proof.json").write_text("proved", encoding="utf-8")


def a_list(rules: Path, _book: Rulebook) -> object:
    return (rules / "proof.json").write_text('[{"proved": 1}]', encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "standing"),
    [
        (another_release, "stale"),
        (other_laws, "stale"),
        (other_rules, "stale"),
        (no_laws, "stale"),
        (no_record, "not proved"),
        (only_a_site, "not proved"),
        (no_json, "not proved"),
        (a_list, "not proved"),
    ],
)
def test_a_proof_of_something_else_proves_nothing(
    book: Rulebook, copied: Path, spoil: Spoil, standing: str
) -> None:
    assert proof_of(copied, book).standing == "proved"
    spoil(copied, book)
    assert proof_of(copied, book).standing == standing


# The site, and files that change under a running service.


def site_words(catalogue: Catalogue, file: str) -> list[str]:
    sheet = catalogue.sheet(rule_of(catalogue, file))
    return [words for _, found in sheet.site for words in found]


TOUCHED = [
    ("wasting-drugs", "“Drugs that waste magnesium” is silent here"),
    ("hypomagnesemia", "“Low magnesium” is accepted here"),
    ("hypomagnesemia", "the product that is ordered is magnesium sulfate 50 % 1 g/2 mL vial"),
    ("hypomagnesemia", "the limit on amount of magnesium sulfate is 6 g"),
    ("hypomagnesemia", "the laboratory's normal range of magnesium is 1.9 mg/dL to 2.9 mg/dL"),
    ("potassium-order", "a result of potassium counts for 24 h (outpatients: 2 days)"),
]


@pytest.mark.parametrize(("file", "words"), TOUCHED)
def test_a_sheet_tells_what_the_site_decided_about_its_rule(
    of_site: Catalogue, file: str, words: str
) -> None:
    assert any(said.startswith(words) for said in site_words(of_site, file))


def test_a_rule_that_the_site_does_not_touch_says_nothing_of_it(of_site: Catalogue) -> None:
    assert site_words(of_site, "magnesium-and-muscle-relaxants") == []
    assert not any("silent" in words for words in site_words(of_site, "hypomagnesemia"))
    assert of_site.silenced == {"magnesium-wasting-drugs"}


def test_each_decision_of_the_site_is_there_with_who_when_and_why(of_site: Catalogue) -> None:
    assert len(of_site.site) == 7
    for decision in of_site.site:
        assert all((decision.by, decision.date, decision.why, decision.changed))
        assert not decision.why.endswith(".")


def test_without_a_site_nothing_was_decided(catalogue: Catalogue) -> None:
    assert catalogue.site == ()
    assert catalogue.silenced == frozenset()


def test_a_site_file_that_changed_since_is_not_told_of_the_rules_in_force(
    at_site: Rulebook, copied: Path
) -> None:
    assert Catalogue(at_site, copied, "0.0.0", BASE).as_in_folder
    path = copied / "sites/example.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "\n# more\n", encoding="utf-8")
    found = Catalogue(at_site, copied, "0.0.0", BASE)
    assert not found.as_in_folder
    assert found.site == ()


def test_laws_that_do_not_fit_the_rules_in_force_are_left_out_and_known_to_be(
    book: Rulebook, copied: Path
) -> None:
    path = copied / "laws.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("{exact: magnesium}", "{exact: magnesia}"), encoding="utf-8")
    found = Catalogue(book, copied, "0.0.0", BASE)
    assert not found.laws_known
    sheet = found.sheet(found.rules[0])
    assert (sheet.laws, sheet.common) == ((), ())


def test_where_there_is_no_changelog_the_sheet_knows_that_there_is_none(
    book: Rulebook, copied: Path, catalogue: Catalogue
) -> None:
    found = Catalogue(book, copied, "0.0.0", BASE)
    sheet = found.sheet(found.rules[0])
    assert not sheet.history
    assert sheet.section("changes") is None
    with_changes = catalogue.sheet(catalogue.rules[0])
    assert with_changes.history
    changes = with_changes.section("changes")
    assert changes
    assert "| Release | Version of the rule | What changed, and for whom |" in changes.text
