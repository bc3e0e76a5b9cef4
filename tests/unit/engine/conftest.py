"""The real rulebook, loaded once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook


@cache
def _loaded() -> Rulebook:
    return load_rulebook(Path(__file__).parents[3] / "rules")


@pytest.fixture(scope="session")
def book() -> Rulebook:
    return _loaded()
