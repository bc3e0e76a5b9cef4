"""The rulebook whose cases are run: one test item per case."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds.rulebook.load import load_rulebook

RULES = Path(__file__).parents[2] / "rules"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "embedded_case" in metafunc.fixturenames:
        book = load_rulebook(RULES)
        found = [(book, rule, case) for rule in book.rules for case in rule.cases]
        names = [f"{rule.id}::{case.name}" for _, rule, case in found]
        metafunc.parametrize("embedded_case", found, ids=names)
