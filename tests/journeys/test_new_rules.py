"""New rules reach a running service by `POST /admin/reload` and by SIGHUP, and bad ones do not."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from one_law import with_one_law

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-for-the-tests-of-reloading"
OFF = """
site: ward
title: Ward
changes:
  - by: Q. Test, pharmacy
    date: 2026-11-22
    why: too many cards
    status: {%s: silent}
"""


class Server:
    """`cds serve` as a process of its own, over rules that a test may change."""

    def __init__(self, rules: Path, state: Path) -> None:
        self.rules = rules
        environment = {
            **os.environ,
            "CDS_SANDBOX": "1",
            "CDS_LOG_LEVEL": "error",  # nobody reads the pipe, and a full one would stop the server
            "CDS_RULES": str(rules),
            "CDS_SITE": "ward",
            "CDS_ADMIN_TOKEN": TOKEN,
            "CDS_STATE": str(state),
        }
        command = [sys.executable, "-m", "cds", "serve", "--port", "0"]
        self.process = subprocess.Popen(
            command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        line = next(line for line in self.process.stderr if "listening on" in line)
        self.url = line.split()[-1]
        self.until(lambda: self.ready() is not None)

    def until(self, holds: Any, seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert self.process.poll() is None, "the server ended"
            assert time.monotonic() < end, "this did not happen in time"
            time.sleep(0.1)

    def ready(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = httpx.get(f"{self.url}/health/ready", timeout=10).json()
        except httpx.TransportError:
            return None
        return found

    def digest(self) -> str:
        found = self.ready()
        assert found is not None
        return str(found["rulebook"])

    def metrics(self) -> str:
        return httpx.get(f"{self.url}/metrics", timeout=10).text

    def reload(self, token: str = TOKEN) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"}
        return httpx.post(f"{self.url}/admin/reload", headers=headers, timeout=120)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("reload")
    rules = folder / "rules"
    shutil.copytree(ROOT / "rules", rules)
    with_one_law(rules)  # until the last test, which takes all
    switch_off(rules, "lupus-leukopenia")
    found = Server(rules, folder / "state")
    yield found
    found.process.send_signal(signal.SIGTERM)
    assert found.process.wait(30) == 0
    assert found.process.stderr is not None
    found.process.stderr.close()


def switch_off(rules: Path, rule: str) -> None:
    (rules / "sites/ward.yaml").write_text(OFF % rule, encoding="utf-8")


def test_nobody_reloads_without_the_token(server: Server) -> None:
    reply = server.reload("guessed")
    assert reply.status_code == 401
    assert TOKEN not in reply.text


def test_rules_that_do_not_load_change_nothing_and_every_reason_is_told(server: Server) -> None:
    before = server.digest()
    rule = server.rules / "qt-risk.yaml"
    good = rule.read_text(encoding="utf-8")
    rule.write_text(good.replace("indicator: ", "indicator: very-", 1), encoding="utf-8")
    reply = server.reload()
    rule.write_text(good, encoding="utf-8")
    assert reply.status_code == 409
    assert any("rules/qt-risk.yaml:" in issue["diagnostics"] for issue in reply.json()["issue"])
    assert server.digest() == before
    again = server.reload()
    assert (again.status_code, again.json().get("status")) == (200, "unchanged"), again.text


def test_a_rule_is_switched_off_while_the_service_answers_on(server: Server) -> None:
    """With the whole rulebook, every law of it proved on the way."""
    before = server.digest()
    shutil.copy(ROOT / "rules/laws.yaml", server.rules / "laws.yaml")
    switch_off(server.rules, "qt-risk")
    server.process.send_signal(signal.SIGHUP)
    # It is counted a moment after the rules are in force.
    server.until(lambda: 'cds_reloads_total{outcome="replaced"} 1.0' in server.metrics())
    assert server.digest() != before
    shown = server.metrics()
    assert 'cds_reloads_total{outcome="refused"} 1.0' in shown
    assert 'cds_reloads_total{outcome="unchanged"} 1.0' in shown
    assert server.digest() in shown
