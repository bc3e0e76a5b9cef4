"""The conformance matrix is whole, honest and fresh."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path

import matrix
import pytest
import yaml
from matrix import MatrixError, Row

ROOT = Path(__file__).parents[2]
SPECIFICATION = ROOT.parent / "shared" / "spec" / "requirements.json"
ROWS = matrix.read_rows()
MARKS = matrix.read_marks()
TESTS = matrix.tests_of(MARKS)
LONGEST_QUOTE = 7  # words in a row that a title and the text of a requirement may share
ROW = Row("HTTP-01", "SHALL", "literal", "1.0", "Use of JSON", "JSON", "tested")


def test_the_page_is_fresh() -> None:
    fresh = matrix.page(ROWS, MARKS)
    assert matrix.PAGE.read_text(encoding="utf-8") == fresh, "`make conformance` writes it anew"


def test_every_tested_row_has_a_test() -> None:
    assert [row.id for row in ROWS if row.state == "tested" and row.id not in TESTS] == []


def test_no_mark_names_a_row_that_is_not_there() -> None:
    assert sorted(set(TESTS) - {row.id for row in ROWS}) == []


def test_every_applicable_shall_and_nearly_every_should_is_green() -> None:
    rows = matrix.normative(ROWS)
    shall = matrix.share([row for row in rows if row.level == "SHALL"], TESTS)
    green, applicable = matrix.share([row for row in rows if row.level == "SHOULD"], TESTS)
    assert shall[0] == shall[1]
    assert green >= 0.95 * applicable


def test_no_skip_is_past_its_date() -> None:
    assert matrix.expired(ROWS, datetime.now(UTC).date()) == []


def test_a_skip_holds_to_its_last_day_and_no_longer() -> None:
    row = replace(ROW, state="skipped", reason="not there yet", until=date(2026, 12, 31))
    assert matrix.expired([ROW, row], date(2026, 12, 31)) == []
    assert matrix.expired([ROW, row], date(2027, 1, 1)) == ["HTTP-01"]


def test_no_evidence_is_skipped_or_expected_to_fail() -> None:
    doubtful = []
    for path in {mark.file for mark in MARKS}:
        names = {mark.test for mark in MARKS if mark.file == path}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name in names:
                doubtful += re.findall(r"pytest\.(?:mark\.)?(?:skip|xfail)\w*", ast.unparse(node))
    assert doubtful == []


def test_every_requirement_of_the_specification_has_its_row() -> None:
    if not SPECIFICATION.is_file():
        pytest.skip("the list of requirements is not at ../shared/spec/requirements.json")
    asked = {
        item["id"]: (item["level"], item["basis"])
        for item in json.loads(SPECIFICATION.read_text(encoding="utf-8"))
        if item["source"] in ("spec", "hook-library") and item["level"] in matrix.LEVELS
    }
    assert len(asked) > 150
    assert {row.id: (row.level, row.basis) for row in matrix.normative(ROWS)} == asked


def test_the_words_of_a_row_are_our_own() -> None:
    if not SPECIFICATION.is_file():
        pytest.skip("the list of requirements is not at ../shared/spec/requirements.json")
    stated = {
        item["id"]: words(item["statement"])
        for item in json.loads(SPECIFICATION.read_text(encoding="utf-8"))
    }
    copied = [row.id for row in ROWS if runs(words(row.title)) & runs(stated[row.id])]
    assert copied == []


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def runs(text: list[str]) -> set[tuple[str, ...]]:
    return {tuple(text[i : i + LONGEST_QUOTE]) for i in range(len(text) - LONGEST_QUOTE + 1)}


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"id": "NONE-01"}, "no area"),
        ({"level": "MUST"}, "`MUST` is none of"),
        ({"basis": "guess"}, "`guess` is none of"),
        ({"state": "teste"}, "`teste` is none of"),
        ({"state": "deviation"}, "`reason` exactly"),
        ({"reason": "tested and yet argued"}, "`reason` exactly"),
        ({"state": "skipped", "reason": "later"}, "`until` exactly"),
        ({"until": date(2026, 12, 31)}, "`until` exactly"),
        ({"colour": "red"}, "unknown"),
    ],
)
def test_a_row_that_says_nonsense_is_refused(
    tmp_path: Path, more: dict[str, object], found: str
) -> None:
    good = {name: value for name, value in asdict(ROW).items() if value}
    (tmp_path / "rows.yaml").write_text(yaml.safe_dump([good]))
    assert matrix.read_rows(tmp_path / "rows.yaml") == (ROW,)
    (tmp_path / "rows.yaml").write_text(yaml.safe_dump([{**good, **more}]))
    with pytest.raises(MatrixError, match=found):
        matrix.read_rows(tmp_path / "rows.yaml")


def test_a_row_stands_there_once(tmp_path: Path) -> None:
    good = {name: value for name, value in asdict(ROW).items() if value}
    (tmp_path / "rows.yaml").write_text(yaml.safe_dump([good, good]))
    with pytest.raises(MatrixError, match="twice"):
        matrix.read_rows(tmp_path / "rows.yaml")


def test_a_row_without_a_test_is_not_green_whatever_it_says() -> None:
    assert matrix.share([ROW], {}) == (0, 1)
    assert matrix.share([ROW], {"HTTP-01": []}) == (1, 1)
    assert matrix.share([replace(ROW, state="not-applicable", reason="none")], {}) == (0, 0)


def test_a_mark_names_its_ids_in_letters(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text(
        "X = 'HTTP-01'\n@pytest.mark.requirement(X)\ndef test_x(): pass\n"
    )
    with pytest.raises(MatrixError, match="written out"):
        matrix.read_marks(tmp_path)


def test_a_mark_that_nobody_would_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text("pytestmark = pytest.mark.requirement('HTTP-01')\n")
    with pytest.raises(MatrixError, match="top level"):
        matrix.read_marks(tmp_path)
