"""A target in a process of its own."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from bench.targets import Target

READY_SECONDS = 30
# Not the folder for temporary files, which may be memory: what is kept goes to a disk.
KEPT_IN = Path(__file__).parent / "results"


class Server:
    """`with Server(target) as server:` starts it and waits for the first good answer."""

    def __init__(self, target: Target, body: bytes) -> None:
        self.target = target
        self.body = body
        self.port = _free_port()
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        self._kept = tempfile.TemporaryDirectory(dir=KEPT_IN)
        kept = {"CDS_STATE": self._kept.name} if target.keeps else {}
        words = ["--port", str(self.port), "--no-access-log", "--ws", "none", *target.options]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", target.app, *words],
            env={**os.environ, **target.environment, **kept},
            stdout=self._log,
            stderr=self._log,
        )

    def __enter__(self) -> Self:
        try:
            self._wait()
            status, answer = self.ask()
        except BaseException:
            self._stop()
            raise
        if status != 200 or answer == b'{"cards":[]}':
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

    def ask(self) -> tuple[int, bytes]:
        """One call, status and body of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=READY_SECONDS)
        headers = {"Content-Type": "application/json"}
        connection.request("POST", self.target.path, self.body, headers)
        reply = connection.getresponse()
        answer = reply.read()
        connection.close()
        return reply.status, answer

    def memory_mib(self) -> float | None:
        """Resident memory of the process, where the system tells it."""
        status = Path(f"/proc/{self._process.pid}/status")
        if not status.exists():
            return None
        line = next(text for text in status.read_text().splitlines() if text.startswith("VmRSS:"))
        return round(int(line.split()[1]) / 1024, 1)

    def _wait(self) -> None:
        for _ in range(READY_SECONDS * 20):
            if self._process.poll() is not None:
                self._log.seek(0)
                text = self._log.read().decode(errors="replace")[-2000:]
                raise SystemExit(f"bench: {self.target.name} did not start\n{text}")
            with socket.socket() as probe:
                probe.settimeout(0.05)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            try:
                self._process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
        raise SystemExit(f"bench: {self.target.name} did not listen in {READY_SECONDS} s")

    def _stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._log.close()
        self._kept.cleanup()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
