"""A target in a process of its own."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import IO, Self

from bench.calls import Calls, Other
from bench.targets import Place, Target
from bench.tokens import tokens

READY_SECONDS = 120
_STEP = 0.01  # seconds between two looks whether it listens
# Not the folder for temporary files, which may be memory: what is kept goes to a disk.
KEPT_IN = Path(__file__).parent / "results"
_FEW = 16  # bytes; `{"cards":[]}` is shorter than any answer worth measuring


class Server:
    """`with Server(target, body):` starts it and waits for the first good answer.

    `body` is a name of `bodies`, for the first call; `more` are further environment variables.
    """

    def __init__(
        self, target: Target, body: str, ehr: int = 0, more: Mapping[str, str] | None = None
    ) -> None:
        self.target = target
        self._kept = tempfile.TemporaryDirectory(dir=KEPT_IN)
        self.place = Place(_free_port(), Path(self._kept.name), ehr)
        self.ready_s = 0.0
        self._first = self.calls((target.body(body, self.place),))
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        self._began = perf_counter()
        self._process = subprocess.Popen(
            self._words(),
            env={**os.environ, **target.environment(self.place), **(more or {})},
            stdout=self._log,
            stderr=self._log,
        )

    def __enter__(self) -> Self:
        try:
            self._wait()
            status, answer = self._ask()
            self.ready_s = round(perf_counter() - self._began, 2)
        except BaseException:
            self._stop()
            raise
        if status != 200 or len(answer) < _FEW:
            self._stop()
            raise SystemExit(f"bench: {self.target.name} answered {status}: {answer[:300]!r}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stop()

    def calls(self, bodies: tuple[bytes, ...], other: Other | None = None) -> Calls:
        """Calls to this server; `other` makes each a call of its own."""
        address = f"http://127.0.0.1:{self.place.port}{self.target.path}"
        token = tokens(address) if self.target.signed else None
        return Calls(self.place.port, self.target.path, bodies, other, token)

    def memory_mib(self) -> float | None:
        """Resident memory of the process, or of the largest of its workers, with the process that
        writes decisions for it, where the system tells it. What both share is counted twice."""
        family = [self._process.pid, *_children(self._process.pid)]
        sizes = [size for size in map(_with_scribe_mib, family) if size is not None]
        return max(sizes) if sizes else None

    def _words(self) -> list[str]:
        port = ["--port", str(self.place.port)]
        if not self.target.app:
            return [sys.executable, "-m", "cds", "serve", *port]
        words = ["--factory", "--no-access-log", "--ws", "none"]
        return [self.target.python, "-m", "uvicorn", self.target.app, *port, *words]

    def _ask(self) -> tuple[int, bytes]:
        with socket.create_connection(("127.0.0.1", self.place.port), READY_SECONDS) as to:
            to.sendall(self._first.next())
            reply = http.client.HTTPResponse(to)
            reply.begin()
            return reply.status, reply.read()

    def _wait(self) -> None:
        for _ in range(int(READY_SECONDS / _STEP)):
            if self._process.poll() is not None:
                self._log.seek(0)
                text = self._log.read().decode(errors="replace")[-2000:]
                raise SystemExit(f"bench: {self.target.name} did not start\n{text}")
            with socket.socket() as probe:
                probe.settimeout(_STEP)
                if probe.connect_ex(("127.0.0.1", self.place.port)) == 0:
                    return
            try:
                self._process.wait(_STEP)
            except subprocess.TimeoutExpired:
                continue
        raise SystemExit(f"bench: {self.target.name} did not listen in {READY_SECONDS} s")

    def _stop(self) -> None:
        """Also of one that never became ready."""
        self._process.terminate()
        self._process.wait(20)
        self._log.close()
        self._kept.cleanup()


def started(
    stack: ExitStack, makers: Sequence[Callable[[], Server]], *, together: bool
) -> list[Server]:
    """All of them, one after the other so that each has the machine for its start, or `together`
    where the time a start takes is of no interest."""
    if not together:
        return [stack.enter_context(make()) for make in makers]
    made = [make() for make in makers]
    return [stack.enter_context(server) for server in made]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _children(process: int) -> list[int]:
    """Whichever of its threads has started them."""
    listed = Path(f"/proc/{process}/task").glob("*/children")
    return [int(text) for one in listed for text in one.read_text().split()]


def _with_scribe_mib(process: int) -> float | None:
    alone = _resident_mib(process)
    if alone is None:
        return None
    scribes = [child for child in _children(process) if _is_scribe(child)]
    return round(alone + sum(_resident_mib(child) or 0 for child in scribes), 1)


def _is_scribe(process: int) -> bool:
    words = Path(f"/proc/{process}/cmdline")
    return words.exists() and b"scribework" in words.read_bytes()


def _resident_mib(process: int) -> float | None:
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return None
    line = next(text for text in status.read_text().splitlines() if text.startswith("VmRSS:"))
    return round(int(line.split()[1]) / 1024, 1)
