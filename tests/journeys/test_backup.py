"""A backup that is taken while the service writes is whole, and can be used, elsewhere.

As docs/OPERATIONS.md says: the head file first, then one snapshot of the database.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from itertools import islice
from pathlib import Path

import pytest

from audit_kit import KEY, chain_in, entry, keep
from cds.audit.chain import Chain
from cds.audit.findings import CUT
from cds.audit.rerun import rerun
from cds.audit.store import AuditStore
from cds.audit.verify import inspect
from cds.pipeline import answer
from cds.sample import samples
from kept_decisions import CLIENT, ROOT, Answered, book, call_of
from postgres_kit import PostgresServer, programs, shared
from tamper_kit import make

Place = Path | str
postgres = pytest.fixture(scope="session")(shared)


@cache
def repeatable() -> tuple[Answered, ...]:
    """Three true decisions."""
    found = islice(samples(ROOT / "fhir_fixtures"), 3)
    calls = ((item, call_of(item)) for item in found)
    return tuple(
        Answered(item, call, answer(call, book(), item.now, CLIENT)) for item, call in calls
    )


@contextmanager
def service(place: Place, chain: Chain) -> Iterator[Callable[[], None]]:
    """Decisions that can be repeated are kept first; others go on coming until the block ends. What
    is yielded waits until there are more."""
    failures: list[Exception] = []
    begun, enough = threading.Event(), threading.Event()

    def serve() -> None:
        try:
            with closing(AuditStore.open(place)) as store:
                keep(store, chain, [one.entry() for one in repeatable()])
                while not enough.is_set():
                    keep(store, chain, [entry(chain.seq)])
                    if chain.seq > 20:
                        begun.set()
        except Exception as error:
            failures.append(error)
            begun.set()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert begun.wait(30)
        yield lambda: more(chain, thread)
    finally:
        enough.set()
        thread.join()
    assert failures == []


def more(chain: Chain, thread: threading.Thread) -> None:
    enough = chain.seq + 20
    while chain.seq < enough and thread.is_alive():
        time.sleep(0.01)


def is_whole(place: Place, heads: Path, chain: Chain) -> None:
    """It verifies, it is older than the original, and its decisions can be decided again."""
    with closing(AuditStore.read_only(place)) as store:
        done = inspect(store, KEY, [heads])
        assert done.findings == []
        assert 20 < done.records < chain.seq, "the service wrote on after the backup"
        for one in repeatable():
            (sealed,) = store.get(one.entry().id)
            assert not rerun(sealed, book())


def test_a_backup_of_sqlite_is_whole_elsewhere(tmp_path: Path) -> None:
    path, chain = tmp_path / "state" / "audit.sqlite3", chain_in(tmp_path / "state")
    backup = tmp_path / "backup"
    backup.mkdir()
    with service(path, chain) as go_on:
        shutil.copy(chain.heads, backup)
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("VACUUM INTO ?", (str(backup / path.name),))
        go_on()
    restored = shutil.copytree(backup, tmp_path / "restored")
    is_whole(restored / path.name, restored / chain.heads.name, chain)
    with closing(AuditStore.open(restored / path.name)) as store:
        begun = chain_in(restored, 2)
        keep(store, begun, [entry(1)])
        assert inspect(store, KEY, [begun.heads]).findings == []
        # The head file that was left behind knows what the backup lacks.
        (found,) = inspect(store, KEY, [chain.heads, begun.heads]).findings
    assert (found.chain, found.kind) == (chain.name, CUT)


def test_a_dump_of_postgresql_is_whole_elsewhere(postgres: PostgresServer, tmp_path: Path) -> None:
    url, chain = postgres.made_database(make), chain_in(tmp_path)
    heads, dump = tmp_path / "heads-copy.log", tmp_path / "audit.dump"
    tools = programs()
    assert tools is not None
    with service(url, chain) as go_on:
        shutil.copy(chain.heads, heads)
        run(tools / "pg_dump", "--format=custom", f"--file={dump}", url)
        go_on()
    restored = postgres.new_database()
    run(tools / "pg_restore", "--exit-on-error", "--no-owner", f"--dbname={restored}", str(dump))
    is_whole(restored, heads, chain)


def run(program: Path, *words: str) -> None:
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
