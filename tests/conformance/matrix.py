"""The conformance matrix: `requirements.yaml` and the tests that carry its ids, as one page.

    python -m tests.conformance.matrix            writes docs/CONFORMANCE.md anew
    python -m tests.conformance.matrix --check    says whether it is as it should be

A row says what the specification asks in our own words. It is green when it is `tested`, and then
at least one test is marked with its id; the suite that holds this page fresh also runs the test.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
ROWS = Path(__file__).with_name("requirements.yaml")
HEAD = Path(__file__).with_name("matrix_head.md")
PAGE = ROOT / "docs" / "CONFORMANCE.md"
TESTS = ROOT / "tests"

TESTED, DEVIATION, SKIPPED = "tested", "deviation", "skipped"
NOT_APPLICABLE = "not-applicable"
STATES = (TESTED, NOT_APPLICABLE, DEVIATION, SKIPPED)
LEVELS = ("SHALL", "SHOULD")
MAY = "MAY"  # a row where the service uses or tolerates it: counted apart
BASES = ("literal", "client-duty", "derived")
BALLOT = "3.0 ballot"
BEST_PRACTICE = "best-practice"  # advice beside the specification: counted apart
_MEMBERS = {"id", "level", "basis", "since", "ref", "title", "state", "reason", "until"}

AREAS = {
    "HTTP": "Requests and replies",
    "DISC": "Discovery",
    "REQ": "Calls",
    "PRE": "Prefetch",
    "FHIR": "The client's FHIR server",
    "RESP": "Answers",
    "CARD": "Cards",
    "SUG": "Suggestions",
    "ACT": "Actions",
    "SYS": "System actions",
    "LINK": "Links",
    "FB": "Feedback",
    "SEC": "Security",
    "CORS": "Browsers",
    "EXT": "Extensions",
    "VER": "Versions",
    "HOOK-ORDER-SELECT": "Hook order-select",
    "HOOK-ORDER-SIGN": "Hook order-sign",
    "HOOK-PATIENT-VIEW": "Hook patient-view",
    "HOOK-ENCOUNTER-DISCHARGE": "Hook encounter-discharge",
    "HOOK-ENCOUNTER-START": "Hook encounter-start",
    "HOOK-ORDER-DISPATCH": "Hook order-dispatch",
    "HOOK-APPOINTMENT-BOOK": "Hook appointment-book",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement. `until` is the last day on which a skip is accepted."""

    id: str
    level: str
    basis: str
    since: str
    ref: str
    title: str
    state: str
    reason: str = ""
    until: date | None = None

    @property
    def area(self) -> str:
        return self.id.rpartition("-")[0]


@dataclass(frozen=True, slots=True)
class Mark:
    """A test that is marked as the evidence for the ids."""

    file: Path
    test: str
    ids: tuple[str, ...]


class MatrixError(Exception):
    """A row or a mark that cannot be used: where, what, and how to mend it."""


def read_rows(path: Path = ROWS) -> tuple[Row, ...]:
    """The rows in the order of the file. Raises MatrixError."""
    rows = tuple(_row(item) for item in yaml.safe_load(path.read_text(encoding="utf-8")))
    known: set[str] = set()
    for row in rows:
        if row.id in known:
            raise MatrixError(f"{path.name}: {row.id} stands there twice; take one away")
        known.add(row.id)
    return rows


def _row(item: Mapping[str, Any]) -> Row:
    name = item.get("id", "a row without id")
    if unknown := set(item) - _MEMBERS:
        raise MatrixError(f"{name}: unknown {sorted(unknown)}; known are {sorted(_MEMBERS)}")
    row = Row(**item)
    for value, allowed in (
        (row.level, (*LEVELS, MAY)),
        (row.basis, (*BASES, BEST_PRACTICE)),
        (row.state, STATES),
    ):
        if value not in allowed:
            raise MatrixError(f"{name}: `{value}` is none of {', '.join(allowed)}")
    if row.area not in AREAS:
        raise MatrixError(f"{name}: no area of this name; add it to AREAS")
    if (row.state == TESTED) == bool(row.reason):
        raise MatrixError(f"{name}: a row has a `reason` exactly when it is not tested")
    if (row.state == SKIPPED) != (row.until is not None):
        raise MatrixError(f"{name}: a row has a date `until` exactly when it is skipped")
    return row


def expired(rows: Iterable[Row], today: date) -> list[str]:
    """Ids of skipped rows whose time is over."""
    return [row.id for row in rows if row.until is not None and row.until < today]


def read_marks(folder: Path = TESTS) -> tuple[Mark, ...]:
    """Every `pytest.mark.requirement` on a test under the folder. Raises MatrixError."""
    found: list[Mark] = []
    for path in sorted(folder.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "mark.requirement(" in text:
            found.extend(_marks(path, ast.parse(text)))
    return tuple(found)


def _marks(path: Path, tree: ast.Module) -> Iterator[Mark]:
    seen: set[ast.Call] = set()
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        calls = [c for decorator in node.decorator_list for c in _calls(decorator)]
        seen.update(calls)
        ids = tuple(name for call in calls for name in _ids(path, call))
        if ids:
            yield Mark(path, node.name, ids)
    if astray := set(_calls(tree)) - seen:
        line = min(call.lineno for call in astray)
        raise MatrixError(f"{path.name}:{line}: a mark stands on a test function at the top level")


def _calls(decorator: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(decorator):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.requirement":
            yield node


def _ids(path: Path, call: ast.Call) -> Iterator[str]:
    for argument in call.args:
        if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
            raise MatrixError(
                f"{path.name}:{call.lineno}: the ids of a mark are written out, "
                'as in @pytest.mark.requirement("HTTP-01")'
            )
        yield argument.value


def tests_of(marks: Iterable[Mark]) -> dict[str, list[Mark]]:
    """Id -> the tests that carry it."""
    found: dict[str, list[Mark]] = defaultdict(list)
    for mark in marks:
        for name in mark.ids:
            found[name].append(mark)
    return dict(found)


def normative(rows: Iterable[Row]) -> list[Row]:
    """The rows that the specification itself asks for."""
    return [row for row in rows if row.level in LEVELS and row.basis != BEST_PRACTICE]


def share(rows: Iterable[Row], tests: Mapping[str, Sequence[Mark]]) -> tuple[int, int]:
    """(green rows, applicable rows). A row that no test carries is not green, whatever it says."""
    applicable = [row for row in rows if row.state != NOT_APPLICABLE]
    green = [row for row in applicable if row.state == TESTED and row.id in tests]
    return len(green), len(applicable)


def page(rows: Sequence[Row], marks: Iterable[Mark]) -> str:
    """The text of docs/CONFORMANCE.md."""
    tests = tests_of(marks)
    parts = [HEAD.read_text(encoding="utf-8"), _counts(rows, tests), _set_apart(rows)]
    for area, title in AREAS.items():
        inside = [row for row in rows if row.area == area]
        if inside:
            parts.append(_table(title, inside, tests))
    return "\n".join(parts)


def _counts(rows: Sequence[Row], tests: Mapping[str, Sequence[Mark]]) -> str:
    lines = [
        "## Counts\n",
        "| | Rows | Applicable | Green | Deviations | Skipped |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    asked = normative(rows)
    for level in LEVELS:
        of_level = [row for row in asked if row.level == level]
        lines.append(_count(f"**{level}**", of_level, tests))
        for basis in BASES:
            of_basis = [row for row in of_level if row.basis == basis]
            if of_basis:
                lines.append(_count(f"{level}, {_basis(basis)}", of_basis, tests))
    lines.append(_count("**All**", asked, tests))
    ballot = [row for row in asked if row.since == BALLOT]
    lines.append(_count("Of these, of the 3.0 ballot", ballot, tests))
    beside = [row for row in rows if row.basis == BEST_PRACTICE]
    lines.append(_count("Best practices", beside, tests))
    lines.append(_count(MAY, [row for row in rows if row.level == MAY], tests))
    return "\n".join(lines) + "\n"


def _count(name: str, rows: Sequence[Row], tests: Mapping[str, Sequence[Mark]]) -> str:
    green, applicable = share(rows, tests)
    percent = f"{100 * green / applicable:.1f} %" if applicable else "none"
    deviations, skipped = (sum(r.state == state for r in rows) for state in (DEVIATION, SKIPPED))
    counted = (len(rows), applicable, f"{green} ({percent})", deviations, skipped)
    return f"| {name} | {' | '.join(str(cell) for cell in counted)} |"


def _set_apart(rows: Sequence[Row]) -> str:
    lines = []
    for state, title in ((DEVIATION, "Deviations"), (SKIPPED, "Not there yet")):
        found = [row for row in rows if row.state == state]
        lines.append(f"## {title}\n")
        lines.extend(f"- {row.id}, {row.level}. {row.title}: {_why(row)}." for row in found)
        lines.append("" if found else "None.\n")
    return "\n".join(lines)


def _why(row: Row) -> str:
    return row.reason if row.until is None else f"{row.reason} (until {row.until})"


def _table(title: str, rows: Sequence[Row], tests: Mapping[str, Sequence[Mark]]) -> str:
    lines = [
        f"## {title}\n",
        "| Id | Level | What | Where | Since | State | Tests |",
        "|---|---|---|---|---|---|---|",
    ]
    lines.extend(_line(row, tests.get(row.id, ())) for row in rows)
    return "\n".join(lines) + "\n"


def _line(row: Row, marks: Sequence[Mark]) -> str:
    level = row.level if row.basis == "literal" else f"{row.level}, {_basis(row.basis)}"
    state = row.state.replace("-", " ") + (f": {_why(row)}" if row.reason else "")
    shown = "<br>".join(_link(mark) for mark in marks)
    cells = (row.id, level, row.title, row.ref, row.since, state, shown)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _basis(basis: str) -> str:
    return {"client-duty": "client's duty", BEST_PRACTICE: "best practice"}.get(basis, basis)


def _link(mark: Mark) -> str:
    place = mark.file.relative_to(ROOT).as_posix()
    return f"[{mark.test.removeprefix('test_').replace('_', ' ')}](../{place})"


def main(arguments: Sequence[str]) -> int:
    """Write the page, or check it; the exit code says whether it is as it should be."""
    text = page(read_rows(), read_marks())
    if "--check" in arguments:
        return 0 if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
