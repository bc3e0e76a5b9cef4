"""What became of the five source documents, against the rules as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds.errors import Problem
from cds.rulebook.load import load_rulebook
from cds.rulebook.traceability import LINES, Document, read_documents, untraced

RULES = Path(__file__).parents[2] / "rules"
PROBLEMS: list[Problem] = []
DOCUMENTS = {item.data.source: item for item in read_documents(RULES, PROBLEMS)}
TABLE = {
    "A1", "A1-iv", "A2", "A3", "A4", "A5", "A6", "B0", "B1", "B2", "B3", "B4",
    "C1", "C2", "C3", "C4", "C4-iv", "C4-po", "C5", "C6", "C7", "D2", "D3", "D4",
}  # fmt: skip


def statements(document: Document) -> list[str]:
    return [item.id for item in document.data.statements]


def test_every_statement_has_its_place_in_the_rules() -> None:
    assert PROBLEMS == []
    assert untraced(RULES, load_rulebook(RULES)) == ()


@pytest.mark.parametrize(
    ("source", "letters", "contradictions"),
    [
        ("seed-000", "abcd", 1),
        ("seed-001", "abcde", 0),
        ("seed-002", "abcdefghijklm", 6),
        ("seed-003", "abcdef", 1),
        ("seed-004", "abcdefghijklm", 5),
    ],
)
def test_no_statement_of_the_clinical_pack_is_left_out(
    source: str, letters: str, contradictions: int
) -> None:
    document = DOCUMENTS[source]
    assert statements(document) == list(letters)
    assert len(document.data.contradictions) == contradictions


def test_every_row_is_a_row_of_the_decision_table() -> None:
    named = {
        row for item in DOCUMENTS.values() for _, entry in item.entries() for row in entry.rows
    }
    assert named <= TABLE


def test_the_oncology_line_is_named_where_its_source_is() -> None:
    lines = [line for _, entry in DOCUMENTS["seed-004"].entries() for line in entry.lines]
    assert lines == ["A7"]
    assert set(lines) <= set(LINES)


@pytest.mark.parametrize(
    ("source", "statement"),
    [("seed-000", "d"), ("seed-001", "d"), ("seed-002", "a"), ("seed-004", "a"), ("seed-004", "g")],
)
def test_what_the_clinical_pack_refuses_acts_on_nothing(source: str, statement: str) -> None:
    (entry,) = [item for item in DOCUMENTS[source].data.statements if item.id == statement]
    assert not entry.acted_on
    assert entry.declined


@pytest.mark.parametrize("source", ["seed-000", "seed-001"])
def test_sepsis_and_covid_are_reasons_to_measure_and_nothing_else(source: str) -> None:
    rows = {row for item in DOCUMENTS[source].data.statements for row in item.rows}
    assert rows == {"A4"}
