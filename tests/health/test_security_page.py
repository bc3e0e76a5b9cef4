"""SECURITY.md and docs/OPERATIONS.md say what is there: tests, metrics and settings."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from cds.settings import PREFIX, Settings
from cds.web.metrics import Metrics

ROOT = Path(__file__).parents[2]
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs" / "OPERATIONS.md").read_text(encoding="utf-8")

ROWS = re.findall(r"^\| ([STRIDE]) \| (.+?) \| (.+?) \| `(tests/[^`]+)` \|$", SECURITY, re.M)


def test_every_kind_of_threat_of_stride_has_a_row() -> None:
    assert {row[0] for row in ROWS} == set("STRIDE")
    assert len(ROWS) == len(re.findall(r"^\| [STRIDE] \|", SECURITY, re.M)), "each names a test"


@pytest.mark.parametrize("named", [row[3] for row in ROWS])
def test_the_test_a_control_names_exists(named: str) -> None:
    path, _, function = named.partition("::")
    file = ROOT / path
    assert file.is_file(), path
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }
    assert found
    assert not function or function in found, function


@pytest.mark.parametrize("page", [SECURITY, OPERATIONS], ids=["SECURITY.md", "OPERATIONS.md"])
def test_every_setting_that_is_named_exists(page: str) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    assert set(re.findall(r"\bCDS_[A-Z_]+\b", page)) <= known


def test_the_page_lists_every_metric_and_no_other() -> None:
    there = {family.name for family in Metrics({"rules": 1}).registry.collect()}
    listed = {
        re.sub(r"_(total|info)$", "", name)
        for row in re.findall(r"^\| (`cds_.+?) \|", OPERATIONS, re.M)
        for name in re.findall(r"`(cds_\w+)`", row)
    }
    assert listed == there
