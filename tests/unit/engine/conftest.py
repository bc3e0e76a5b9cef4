"""The real rulebook, loaded once."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook


@pytest.fixture(scope="session")
def book() -> Rulebook:
    return load_rulebook(Path(__file__).parents[3] / "rules")
