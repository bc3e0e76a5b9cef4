"""The evaluators of this folder import one another; what was compared is told at the end."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from differences import COMPARED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name, pairs in COMPARED.items():
        terminalreporter.write_line(f"{name}: {pairs} rule x patient pairs")
