"""What became of each statement of the source documents, and what is found when nothing did."""

from __future__ import annotations

from pathlib import Path

import pytest
import rulefiles
from rulefiles import RULE, SHARED

from cds.rulebook.traceability import LINES, untraced

CITED = SHARED.replace(
    "citations:\n", "citations:\n  seed-900: {title: A document, standing: weak}\n"
)
GOOD = """
source: seed-900
title: A document
standing: weak
statements:
  - id: a
    says: magnesium is low below 1.7 mg/dL
    rows: [T1]
    names: [mg_low]
  - id: b
    says: eat nuts
    declined: a diet is no order
  - id: c
    says: the rule as a whole
    rules: [test-rule]
contradictions:
  - id: limit
    says: 1.7 here and 1.8 there
    verdict: 1.7 is taken
    rows: [T1]
"""
FILE = "rules/sources/s9.yaml"


def found(directory: Path, text: str = GOOD, rule: str = RULE, shared: str = CITED) -> list[str]:
    """What is wrong between one source document and the small rules of these tests."""
    book = rulefiles.load(directory, rule, shared)
    rules = directory / "rules"
    (rules / "sources").mkdir()
    (rules / "sources" / "s9.yaml").write_text(text, encoding="utf-8")
    return [str(item) for item in untraced(rules, book)]


def test_a_document_whose_statements_all_have_their_place_is_clean(tmp_path: Path) -> None:
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("    declined: a diet is no order\n", "", 10,
         "nothing is said about what became of `b`. Name `rows`, `lines`, `rules` or `names`"),
        ("rows: [T1]\n    names", "rows: [T2]\n    names", 8,
         "`T2` is not among the rows of these rules."),
        ("names: [mg_low]", "names: [mg_lov]", 9, "`mg_lov` is not among the names of"),
        ("rules: [test-rule]", "rules: [test-rul]", 15, "Did you mean `test-rule`?"),
        ("rows: [T1]\n    names", "lines: [A7]\n    names", 8,
         "`A7` is not among the lines of these rules."),
        ("  - id: b", "  - id: a", 10, "there is already an entry `a`."),
        ("    verdict: 1.7 is taken\n", "", 17, "`verdict` is missing here."),
        ("says: eat nuts", "say: eat nuts", 11, "`say` is not a word of the rule language here."),
        ("source: seed-900", "source: seed-90", 2,
         "`seed-90` is not a declared citation. Did you mean `seed-900`?"),
        ("standing: weak", "standing: review", 4, "`seed-900` is declared as `weak`."),
    ],
)  # fmt: skip
def test_an_entry_without_a_place_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    assert old in GOOD
    lines = found(tmp_path, GOOD.replace(old, new, 1))
    assert any(item.startswith(f"{FILE}:{line}: ") and words in item for item in lines), lines


ELSEWHERE = GOOD.replace("    rows: [T1]\n", "").replace(
    "    rules: [test-rule]\n", "    names: [day]\n"
)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("cite: [paper]", "cite: [paper, seed-900]", "rule `test-rule`"),
        ("    indicator: warning\n", "    indicator: warning\n    cite: [seed-900]\n", "row T1"),
    ],
)
def test_a_rule_that_cites_the_document_must_be_found_from_it(
    tmp_path: Path, old: str, new: str, what: str
) -> None:
    rule = RULE.replace(old, new, 1)
    assert rule != RULE
    text = ELSEWHERE.replace("    verdict: 1.7 is taken\n", "    verdict: x\n    declined: y\n")
    (line,) = found(tmp_path / "a", text, rule)
    assert line.startswith(f"{FILE}:5: {what} (rules/test-rule.yaml) cites `seed-900`;")
    assert found(tmp_path / "b", GOOD, rule) == []


def test_a_row_of_a_draft_acts_on_nothing(tmp_path: Path) -> None:
    lines = found(tmp_path, rule=RULE.replace("status: active", "status: draft"))
    assert any("`T1` is not among the rows" in item for item in lines)


def test_a_document_that_is_cited_needs_its_file(tmp_path: Path) -> None:
    shared = CITED.replace("  seed-900:", "  seed-901: {title: Other, standing: weak}\n  seed-900:")
    assert found(tmp_path, shared=shared) == [
        "rules/sources:1: no file here says what became of the statements of `seed-901`. Add one."
    ]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert found(tmp_path, "[")[0].startswith(f"{FILE}:1: not readable as YAML")


def test_lines_of_other_rows_are_known_by_the_row_that_carries_them() -> None:
    assert LINES == {"A7": "A2", "D1": "A2"}
