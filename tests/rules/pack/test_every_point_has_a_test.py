"""Each settled point of the clinical pack has a test named after it, or an argued line in
rules/DECLINED.md."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DECLINED = HERE.parents[2] / "rules" / "DECLINED.md"
SETTLED = {f"R{number}" for number in range(1, 45)}
SAFETY = {f"safety {number}" for number in range(1, 36)}
AMENDED = {"section 6"}
POINTS = SETTLED | SAFETY | AMENDED
NAMED = re.compile(r"test_(r|safety_|section_)(\d+)_")
KINDS = {"r": "R", "safety_": "safety ", "section_": "section "}
LINE = re.compile(r"- (?P<point>[^,]+), (?P<what>[^:]+): (?P<why>.+)")
SHORTEST_ARGUMENT = 80  # characters: why not, what happens instead, who would decide


@cache
def points_with_a_test() -> dict[str, str]:
    """Point -> one test that is named after it."""
    found: dict[str, str] = {}
    for file in HERE.glob("test_*.py"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and (match := NAMED.match(node.name)):
                kind, number = match.groups()
                found[f"{KINDS[kind]}{int(number)}"] = node.name
    return found


def declined(text: str) -> list[tuple[str, str]]:
    """(point, argument) of every line of the list; the lines of one entry are joined."""
    entries = re.split(r"\n(?=- |\n|#)", text)
    lines = [" ".join(entry.split()) for entry in entries if entry.startswith("- ")]
    matches = [(line, LINE.fullmatch(line)) for line in lines]
    unread = [line for line, match in matches if match is None]
    assert unread == [], "write `- safety 32, what: why not, what instead, who decides`"
    return [(match["point"], match["why"]) for _, match in matches if match]


@pytest.mark.parametrize("point", sorted(POINTS))
def test_the_point_has_a_test_or_a_reason(point: str) -> None:
    reasons = {name for name, _ in declined(DECLINED.read_text(encoding="utf-8"))}
    assert point in points_with_a_test() or point in reasons, (
        f"{point} of the clinical pack has no test named after it in {HERE.name}/ and no line in "
        f"{DECLINED.name}: write the test, or `- {point}, what: why not`"
    )


def test_no_test_and_no_line_is_about_a_point_that_does_not_exist() -> None:
    reasons = {name for name, _ in declined(DECLINED.read_text(encoding="utf-8"))}
    assert (set(points_with_a_test()) | reasons) - POINTS == set()


def test_every_line_argues() -> None:
    short = [
        point
        for point, why in declined(DECLINED.read_text(encoding="utf-8"))
        if len(why) < SHORTEST_ARGUMENT
    ]
    assert short == []


@pytest.mark.parametrize(
    "line", ["- safety 32 suppression", "- R7: no comma", "- R7, no argument:"]
)
def test_a_line_that_cannot_be_read_is_refused(line: str) -> None:
    with pytest.raises(AssertionError, match="write `- safety 32"):
        declined(line)


def test_an_entry_may_run_over_several_lines() -> None:
    text = "# Title\n\n- R7, one: because\n  of this\n- safety 3, two: because\n\nmore text\n"
    assert declined(text) == [("R7", "because of this"), ("safety 3", "because")]
