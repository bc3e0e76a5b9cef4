"""What a site file may say, and what it is told when it says something else."""

from __future__ import annotations

from pathlib import Path

import pytest
from sitefiles import FILE, HEAD, SIGNED, load, problems, site

from cds.errors import RulebookError
from cds.kernel.codes import Coding
from cds.rulebook.load import digest, load_rulebook
from cds.rulebook.site.file import NEVER, read_site, sites_of

GOOD = site("    thresholds: {mg_high: [2.4 mg/dL]}\n")


def test_a_site_file_that_changes_a_number_loads(tmp_path: Path) -> None:
    book = load(tmp_path, GOOD)
    assert book.site == "north"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("site: south\ntitle: x\nchanges: []\n", 3, "`changes`: list should have at least 1 item"),
        (GOOD.replace("site: north", "site: south"), 1, "`site` must be `north`, as the file"),
        (GOOD.replace("    why: decided here\n", ""), 4, "`why` is missing here."),
        (GOOD.replace("by: A. Person", "by: pending"), 4, "`by` names the person who decided."),
        (GOOD.replace("    date: 2026-11-01\n", ""), 4, "`date` is missing here."),
        (GOOD.replace("2026-11-01", "yesterday"), 5, "`date`: input should be a valid date"),
        (HEAD + SIGNED, 4, "this decision changes nothing. Words: thresholds, windows"),
        (site("    threshold: {}\n"), 7, "`threshold` is not a word of the rule language here. "
         "Did you mean `thresholds`?"),
        (site("    status: {test-rule: active}\n"), 7, "input should be 'silent'"),
        (site("    windows: {day: {inpatient: 12 h, outpatient: 2 d, unless: x}}\n"), 7,
         "`unless` is not a word of the rule language here."),
        (GOOD + SIGNED.replace("A.", "B.") + "    thresholds: {mg_high: [2.5 mg/dL]}\n", 11,
         "`mg_high` is changed on line 7 already. Keep one of the two decisions."),
        ("[", 1, "not readable as YAML"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    found = [item for item in problems(tmp_path, text) if words in item]
    assert found, problems(tmp_path, text)
    assert found[0].startswith(f"{FILE}:{line}: ")


@pytest.mark.parametrize("word", sorted(NEVER))
@pytest.mark.parametrize("place", ["at the top", "in a decision"])
def test_what_every_site_shares_is_refused_with_the_reason(
    tmp_path: Path, word: str, place: str
) -> None:
    text = GOOD + (f"    {word}: {{}}\n" if place == "in a decision" else f"{word}: {{}}\n")
    (found,) = problems(tmp_path, text)
    assert found.startswith(f"{FILE}:8: a site file may not change `{word}`: {NEVER[word]}.")


@pytest.mark.parametrize("word", ["required_stops", "high_alert", "ingredient"])
def test_an_order_keeps_what_makes_it_dangerous(tmp_path: Path, word: str) -> None:
    order = "{file: x.json, display: x, code: x, " + word + ": []}"
    found = problems(tmp_path, site(f"    orders:\n      magnesium-sulfate-bag: {order}\n"))
    assert any(f"a site file may not change `{word}`" in item for item in found)


def test_every_problem_of_a_site_file_is_listed_at_once(tmp_path: Path) -> None:
    text = site("    thresholds: {mg_hi: [2.4 mg/dL]}\n    status: {test-rul: silent}\n")
    found = problems(tmp_path, text)
    assert [item.split(": ", 1)[1].split(".")[0] for item in found] == [
        "`mg_hi` is not a declared threshold",
        "`test-rul` is not a declared rule",
    ]
    assert all("Did you mean" in item for item in found)


@pytest.mark.parametrize("name", ["nowhere", "../north", "North", "north.yaml", ""])
def test_a_site_without_a_file_is_refused_with_those_that_have_one(
    tmp_path: Path, name: str
) -> None:
    load(tmp_path, GOOD)
    found: list[object] = []
    assert read_site(tmp_path / "rules", name, found) is None  # type: ignore[arg-type]
    assert "there is no such site file." in str(found[0])
    assert "Set CDS_SITE to one that is there (north), or leave it unset." in str(found[0])


def test_a_misspelt_site_gets_the_nearest_name(tmp_path: Path) -> None:
    load(tmp_path, GOOD)
    with pytest.raises(RulebookError, match=r"Did you mean `north`\?"):
        load_rulebook(tmp_path / "rules", "nort")


def test_the_sites_are_the_files_of_their_folder(tmp_path: Path) -> None:
    load(tmp_path, GOOD)
    rules = tmp_path / "rules"
    (rules / "sites" / "south.yaml").write_text(GOOD, encoding="utf-8")
    assert sites_of(rules) == ("north", "south")
    assert sites_of(tmp_path) == ()


def test_the_digest_holds_the_files_of_this_site_and_of_no_other(tmp_path: Path) -> None:
    load(tmp_path, GOOD)
    rules = tmp_path / "rules"
    plain, north = digest(rules, None), digest(rules, "north")
    assert plain != north
    (rules / "sites" / "south").mkdir()
    (rules / "sites" / "south" / "order.json").write_text("{}", encoding="utf-8")
    assert (digest(rules, None), digest(rules, "north")) == (plain, north)
    (rules / "sites" / "north" / "order.json").write_text("{}", encoding="utf-8")
    assert digest(rules, None) == plain
    assert digest(rules, "north") != north


def test_what_became_of_the_sources_decides_nothing(tmp_path: Path) -> None:
    load(tmp_path, GOOD)
    rules = tmp_path / "rules"
    before = digest(rules, None)
    (rules / "sources").mkdir()
    (rules / "sources" / "s0.yaml").write_text("source: x\n", encoding="utf-8")
    assert digest(rules, None) == before


def test_a_rule_that_loads_no_more_points_to_the_site_too(tmp_path: Path) -> None:
    # above mg_high: the fault shows in the band of the shared file
    found = problems(tmp_path, site("    thresholds: {mg_low: [2.7 mg/dL, 1.11 mmol/L]}\n"))
    assert any("rules/shared/base.yaml" in item and "not above" in item for item in found)
    assert any(item.startswith(f"{FILE}:1: under this site file") for item in found)


def test_a_site_that_is_named_brings_its_codes_orders_and_numbers() -> None:
    rules = Path(__file__).parents[3] / "rules"
    plain, own = load_rulebook(rules), load_rulebook(rules, "example")
    assert (plain.site, own.site) == ("", "example")
    local = Coding("https://lab.hospital.example/tests", "MG-S")
    assert local in own.terminology.labs
    assert local not in plain.terminology.labs
    assert own.templates["magnesium-sulfate-bag"] != plain.templates["magnesium-sulfate-bag"]
    assert own.thresholds["mg_daily_limit"] != plain.thresholds["mg_daily_limit"]
