"""Findings over the whole rulebook: doses on weak sources, citations that are still open."""

from __future__ import annotations

from pathlib import Path

import pytest
import rulefiles
from rulefiles import RULE, SHARED

WEAK = SHARED.replace(
    "citations:\n", "citations:\n  blog: {title: A text, standing: weak}\n"
).replace(
    "thresholds:\n",
    "thresholds:\n  most: {of: magnesium_sulfate_dose, value: [8 g], why: a day, cite: [paper]}\n",
)
OFFER = RULE.replace('    summary: "', '    suggest: [tablet]\n    summary: "').replace(
    "cases:",
    """suggestions:
  tablet:
    label: "Magnesium oxide {dose} {frequency}"
    create: magnesium-oxide-tablet
    dose: {table: tablets}
    unless: [mg_stop]
cases:""",
)
STOPPED = WEAK.replace("define:\n", "define:\n  mg_stop: {when: {age: {below: 18 a}}}\n")
BARE = RULE[: RULE.index("cases:")]


def found(directory: Path, rule: str = RULE, shared: str = STOPPED) -> list[str]:
    return [str(item) for item in rulefiles.problems(directory, rule, shared)]


def test_the_rules_of_these_tests_are_sound(tmp_path: Path) -> None:
    assert found(tmp_path / "a") == []
    assert found(tmp_path / "b", OFFER) == []


def test_what_brings_a_card_back_stands_in_a_file_that_the_rule_uses(tmp_path: Path) -> None:
    rule = f"{RULE}repeat: {{after: 24 h, unless: {{myasthenia: present}}}}\n"
    rules = rulefiles.write(tmp_path, rule)
    other = rules / "shared" / "other.yaml"
    other.write_text("facts: {myasthenia: {problem: myasthenia-gravis}}\n", encoding="utf-8")
    (problem,) = rulefiles.problems(tmp_path, rule)
    assert "`myasthenia` is declared in `other`, which `use` does not name." in problem.message
    used = rule.replace("use: [base]", "use: [base, other]")
    assert rulefiles.problems(tmp_path, used) == ()


@pytest.mark.parametrize(
    ("own", "whole", "weak"),
    [
        ("blog", "blog", True),
        ("paper", "blog", False),
        ("blog", "paper", False),
        ("blog, paper", "blog", False),
    ],
)
def test_a_row_offers_no_dose_on_weak_sources_alone(
    tmp_path: Path, own: str, whole: str, weak: bool
) -> None:
    rule = OFFER.replace("cite: [paper]", f"cite: [{whole}]", 1).replace(
        "    indicator: warning\n", f"    indicator: warning\n    cite: [{own}]\n"
    )
    lines = found(tmp_path / "a", rule)
    assert [
        item for item in lines if "row T1 offers a dose on weak sources alone." in item
    ] == lines
    assert bool(lines) is weak
    assert found(tmp_path / "b", rule.replace("    suggest: [tablet]\n", "")) == []


def test_a_table_of_doses_does_not_rest_on_weak_sources_alone(tmp_path: Path) -> None:
    old = "why: tablets\n    cite: [paper]"
    assert old in STOPPED
    (line,) = found(tmp_path, shared=STOPPED.replace(old, "why: tablets\n    cite: [blog]"))
    assert "the doses of `tablets` rest on weak sources alone." in line


def test_a_limit_of_a_dose_does_not_rest_on_weak_sources_alone(tmp_path: Path) -> None:
    old = "why: a day, cite: [paper]}\n  mg_low"
    assert old in STOPPED
    shared = STOPPED.replace(old, "why: a day, cite: [blog]}\n  mg_low")
    (line,) = found(tmp_path, shared=shared)
    assert "the limit `most` of a dose rests on weak sources alone." in line


def test_a_limit_of_a_result_may_rest_on_a_weak_source(tmp_path: Path) -> None:
    old = "why: low, cite: [paper]}\n  mg_high"
    assert old in STOPPED
    assert found(tmp_path, shared=STOPPED.replace(old, old.replace("paper", "blog"))) == []


# --- open citations ------------------------------------------------------------------------------

OPEN_RULE = ("cite: [paper]", "cite: [open]")
OPEN_ROW = ("    indicator: warning\n", "    indicator: warning\n    cite: [open]\n")


@pytest.mark.parametrize("change", [OPEN_RULE, OPEN_ROW])
def test_a_draft_may_leave_its_citation_open(tmp_path: Path, change: tuple[str, str]) -> None:
    draft = BARE.replace(*change).replace("status: active", "status: draft")
    assert found(tmp_path, draft) == []


@pytest.mark.parametrize("status", ["active", "silent", "retired"])
@pytest.mark.parametrize("change", [OPEN_RULE, OPEN_ROW])
def test_no_rule_leaves_draft_with_an_open_citation(
    tmp_path: Path, change: tuple[str, str], status: str
) -> None:
    rule = RULE.replace(*change, 1).replace("status: active", f"status: {status}")
    (line,) = found(tmp_path, rule)
    assert f"the citation is still open, and the rule is {status}." in line
    assert (
        "Name the source in `rules/shared/citations.yaml` and cite it, or set `status: draft`"
        in line
    )


@pytest.mark.parametrize(
    ("old", "name"),
    [
        ("why: low, cite: [paper]}\n  mg_high", "mg_low"),
        ("why: a day, cite: [paper]}\nfacts", "day"),
        ("why: tablets\n    cite: [paper]", "tablets"),
    ],
)
def test_a_shared_number_has_its_source(tmp_path: Path, old: str, name: str) -> None:
    assert old in STOPPED
    lines = found(tmp_path, shared=STOPPED.replace(old, old.replace("paper", "open")))
    assert any(f"the citation of `{name}` is still open." in item for item in lines)


def test_open_is_no_name_for_a_document(tmp_path: Path) -> None:
    shared = STOPPED.replace("  blog:", "  open: {title: x, standing: label}\n  blog:")
    (line,) = found(tmp_path, shared=shared)
    assert "`open` is already declared in the rule language itself." in line


def test_the_open_citation_is_in_a_rulebook_only_while_a_draft_needs_it(tmp_path: Path) -> None:
    draft = BARE.replace(*OPEN_RULE).replace("status: active", "status: draft")
    assert "open" in rulefiles.load(tmp_path / "a", draft, STOPPED).citations
    assert "open" not in rulefiles.load(tmp_path / "b", RULE, STOPPED).citations
