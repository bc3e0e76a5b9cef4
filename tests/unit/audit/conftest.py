"""What the tests of writers begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit_kit import chain_in
from cds.audit.chain import Chain


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is made."""
    return tmp_path / "audit.sqlite"


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return chain_in(tmp_path)
