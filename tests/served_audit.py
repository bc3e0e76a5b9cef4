"""The real server, asked by many clients at once while something is done to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner

from cds.cli import app
from cds.hooks.services import SERVICES
from cds.sample import samples

ROOT = Path(__file__).parents[1]
SECRET = "a-key-for-the-tests-of-the-audit"
NOW = "2026-11-21T12:00:00+00:00"
CLIENTS = 32
BY_HOOK = {entry.hook: entry.id for entry in SERVICES.values()}
SENT = [
    (BY_HOOK[item.request["hook"]], item.request) for item in samples() if "hook" in item.request
]


def environment(state: Path, **more: str) -> dict[str, str]:
    """Of a server that keeps its decisions in `state`."""
    return {
        **os.environ,
        "CDS_SANDBOX": "1",
        "CDS_LOG_LEVEL": "error",  # nobody reads the pipe, and a full one would stop the server
        "CDS_NOW": NOW,
        "CDS_STATE": str(state),
        "CDS_AUDIT_KEY": SECRET,
        **more,
    }


@contextmanager
def server(state: Path, **more: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`cds serve` in a process of its own: its address, and the process."""
    command = [sys.executable, "-m", "cds", "serve", "--port", "0"]
    with subprocess.Popen(
        command, env=environment(state, **more), cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            yield _address(process.stderr), process
        finally:
            process.kill()
            process.stderr.read()


def _address(lines: Iterable[str]) -> str:
    said = []
    for line in lines:
        if "listening on" in line:
            return line.split()[-1]
        said.append(line)
    raise AssertionError("the server did not start: " + "".join(said))


def command(state: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """`cds` with these words, over what such a server has kept. In this process, which has loaded
    by now what another would take a second to load; a server is always one of its own."""
    if "serve" in words:
        return subprocess.run(
            [sys.executable, "-m", "cds", *words],
            env=environment(state, **more), cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
    with contextlib.chdir(ROOT):
        done = CliRunner().invoke(app, [*words], env=environment(state, **more))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)


def decisions(reply: httpx.Response) -> set[str]:
    """The ids of the decisions an answer shows; silence shows none."""
    return {card["extension"]["decision"] for card in reply.json()["cards"]}


def ready(url: str) -> dict[str, Any]:
    """What `/health/ready` says, once it answers at all."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            found: dict[str, Any] = httpx.get(f"{url}/health/ready", timeout=5).json()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return found
    raise AssertionError("the server does not answer")


def until_ready(url: str, *, seconds: float = 30) -> None:
    """Until all is as it should be, with nothing waiting for the database."""
    end = time.monotonic() + seconds
    while (found := ready(url))["status"] != "ready":
        assert time.monotonic() < end, found
        time.sleep(0.05)


class Load:
    """32 clients that ask again and again, each call a decision of its own."""

    def __init__(self, url: str) -> None:
        self._url, self._ended = url, False
        self.answered: list[str] = []  # the decision of each answer that had a card
        self.refused: list[str] = []  # what a 503 said

    def during(self, work: Callable[[], None]) -> None:
        """Ask for as long as `work`, done in a thread, takes."""
        asyncio.run(self._run(work))

    async def _run(self, work: Callable[[], None]) -> None:
        pool = httpx.Limits(max_connections=CLIENTS)
        async with httpx.AsyncClient(base_url=self._url, timeout=30, limits=pool) as client:
            asking = [asyncio.create_task(self._ask(client, number)) for number in range(CLIENTS)]
            try:
                await asyncio.to_thread(work)
            finally:
                self._ended = True
                await asyncio.gather(*asking)

    async def _ask(self, client: httpx.AsyncClient, number: int) -> None:
        step = 0
        while not self._ended:
            service, body = SENT[(number * 7 + step) % len(SENT)]
            body = {**body, "hookInstance": f"{number}-{step}-{random.random()}"}
            step += 1
            try:
                reply = await client.post(f"/cds-services/{service}", json=body)
            except httpx.TransportError:
                return
            if reply.status_code == 200:
                self.answered += sorted(decisions(reply))
            elif reply.status_code == 503:
                self.refused.append(reply.text)
