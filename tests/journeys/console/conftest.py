"""A browser, and consoles to open in it: each for the tests of one module."""

from __future__ import annotations

import pytest

import browser_kit
import console_kit

browser = pytest.fixture(scope="module")(browser_kit.started)
console = pytest.fixture(scope="module")(console_kit.opened)
guarded = pytest.fixture(scope="module")(console_kit.guarded)
