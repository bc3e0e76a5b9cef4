"""What stands beside the rules: the changelog, open questions and what was declined."""

from __future__ import annotations

from pathlib import Path

from cds.book.beside import declined, history, questions

CHANGELOG = """\
# Changelog

## 0.2.0

| Rule | Version | Rows | Patients it touches |
|---|---|---|---|
| `new-name` | 2.0.0 | C1, C2 | was `old-name`; also laxatives |

## 0.1.0

| Rule | Version | Rows | Patients it touches |
|---|---|---|---|
| `old-name` | 1.0.0 | C1 | a magnesium order |
| `other` | 1.0.0 | A1 | low magnesium |
"""


def test_a_rule_that_was_renamed_keeps_its_history(tmp_path: Path) -> None:
    path = tmp_path / "CHANGELOG.md"
    path.write_text(CHANGELOG, encoding="utf-8")
    assert history(path) == {
        "new-name": (
            ("0.2.0", "2.0.0", "was “old name”; also laxatives"),
            ("0.1.0", "1.0.0", "a magnesium order"),
        ),
        "other": (("0.1.0", "1.0.0", "low magnesium"),),
    }


def test_without_the_files_nothing_is_told(tmp_path: Path) -> None:
    assert history(tmp_path / "CHANGELOG.md") is None
    assert questions(tmp_path / "QUESTIONS.md") == ""
    assert declined(tmp_path / "DECLINED.md") == ()


def test_questions_lose_their_title_and_declined_points_their_reasons(tmp_path: Path) -> None:
    path = tmp_path / "some.md"
    path.write_text(
        "# Title\n\n- safety 3, tablets\n  of it: because\n- R1, x: y\n", encoding="utf-8"
    )
    assert questions(path).startswith("- safety 3")
    assert declined(path) == ("safety 3, tablets of it", "R1, x")
