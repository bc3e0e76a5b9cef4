"""The bench of the console asks every page there is, and stops at one that does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench import console
from bench.console import measured, pages
from bench.console_store import END, make_store
from cds.bootstrap import build
from cds.settings import Settings
from cds.web.app import create_app
from loopback import serving


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    state = tmp_path_factory.mktemp("state")
    make_store(state / "audit.sqlite3", 120)
    settings = Settings(sandbox=True, now=END, state=state, rules=Path("rules"), spool_mb=1)
    app = create_app(build(settings, audited=True))
    with serving(app) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


def test_every_page_is_asked_and_timed(client: httpx.Client) -> None:
    found = {name: (middle, high) for name, middle, high in measured(client, rounds=2)}
    assert found.keys() == pages(client).keys()
    assert {"rules", "decisions, the next page", "a decision", "its trace"} <= found.keys()
    assert all(0 < middle <= high for middle, high in found.values())


def test_a_page_that_does_not_answer_stops_it(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(console._PAGES, "none", "/console/nowhere")
    with pytest.raises(SystemExit, match="/console/nowhere answered 404"):
        list(measured(client, rounds=1))
