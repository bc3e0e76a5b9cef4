"""Each token once, for all workers, and nobody is let in while that cannot be told."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cds.errors import Overloaded, SettingsError
from cds.trust.replay import PURGE_EVERY, MemoryReplay, ReplayTable, SqliteReplay

NOW = 1_800_000_000.0
ROOT = Path(__file__).parents[3]


@pytest.fixture(params=["memory", "file"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ReplayTable]:
    made = MemoryReplay() if request.param == "memory" else SqliteReplay(tmp_path / "t.sqlite")
    yield made
    made.close()


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[SqliteReplay]:
    with closing(SqliteReplay(tmp_path / "t.sqlite")) as made:
        yield made


def test_a_name_counts_once_for_each_issuer(table: ReplayTable) -> None:
    assert table.spend("a", "1", NOW + 60, NOW)
    assert not table.spend("a", "1", NOW + 60, NOW)
    assert not table.spend("a", "1", NOW + 600, NOW + 59)
    assert table.spend("b", "1", NOW + 60, NOW)
    assert table.spend("a", "2", NOW + 60, NOW)


def test_issuer_and_name_do_not_run_into_each_other(table: ReplayTable) -> None:
    assert table.spend("ab", "c", NOW + 60, NOW)
    assert table.spend("a", "bc", NOW + 60, NOW)
    assert table.spend("a", "b\ud800c", NOW + 60, NOW), "half a character is a name too"


def test_a_name_is_kept_until_its_token_expires_and_not_much_longer(table: ReplayTable) -> None:
    assert table.spend("a", "1", NOW + 300, NOW)
    assert table.spend("a", "2", NOW + 400, NOW + 299)
    assert not table.spend("a", "1", NOW + 300, NOW + 299.9)
    assert table.spend("a", "1", NOW + 900, NOW + 300 + PURGE_EVERY), "forgotten"
    assert not table.spend("a", "2", NOW + 900, NOW + 399)


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with closing(SqliteReplay(folder / "t.sqlite")) as made:
        made.spend("a", "1", NOW, NOW)
        assert len(list(folder.iterdir())) >= 2, "the log of the database is there too"
        for file in folder.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_file_that_all_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "t.sqlite"
    path.touch(0o666)
    path.chmod(0o666)
    with closing(SqliteReplay(path)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_holds_a_digest_and_a_time_only(shared: SqliteReplay, tmp_path: Path) -> None:
    shared.spend("https://ehr.example.org", "SECRETMARK", NOW + 60, NOW)
    shared.close()
    for file in tmp_path.iterdir():
        assert b"SECRETMARK" not in file.read_bytes()
        assert b"ehr.example.org" not in file.read_bytes()
    with closing(sqlite3.connect(tmp_path / "t.sqlite")) as raw:
        ((name, until),) = raw.execute("SELECT * FROM used")
    assert name == hashlib.sha256(b"23:https://ehr.example.orgSECRETMARK").digest()
    assert until == NOW + 60


WORKER = """
import sys
from pathlib import Path
from cds.errors import Overloaded
from cds.trust.replay import SqliteReplay

def spend(name):
    while True:
        try:
            return table.spend("a", name, 2e9, 1.8e9)
        except Overloaded:  # what a client does with a 503
            pass

table = SqliteReplay(Path(sys.argv[1]))
print(sum(spend(str(i)) for i in range(300)))
table.close()
"""


def test_of_several_workers_exactly_one_is_the_first(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WORKER, str(tmp_path / "t.sqlite")]
    workers = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    said = [worker.communicate(timeout=60)[0] for worker in workers]
    assert sum(int(firsts) for firsts in said) == 300


def locked(path: Path) -> sqlite3.Connection:
    """Another program that has the file for itself."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_while_the_table_is_locked_nobody_is_admitted_and_nobody_waits_long(
    shared: SqliteReplay, tmp_path: Path
) -> None:
    with closing(locked(tmp_path / "t.sqlite")) as other:
        started = time.perf_counter()
        with pytest.raises(Overloaded) as caught:
            shared.spend("a", "1", NOW + 60, NOW)
        assert time.perf_counter() - started < 2
        assert caught.value.status == 503
        other.execute("ROLLBACK")
    assert shared.spend("a", "1", NOW + 60, NOW), "the refused call did not use it up"


def drop(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE used")


def replace(path: Path) -> None:
    path.rename(path.with_suffix(".old"))
    SqliteReplay(path).close()


def move(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))
    SqliteReplay(path).close()


BROKEN: dict[str, Callable[[Path], None]] = {
    "the table is gone": drop,
    "the file is gone": Path.unlink,
    "the file is another one": replace,
    "the folder is another one": move,
}


@pytest.mark.parametrize("how", BROKEN)
def test_where_the_table_is_broken_nobody_is_admitted(tmp_path: Path, how: str) -> None:
    path = tmp_path / "state" / "t.sqlite"
    with closing(SqliteReplay(path)) as table:
        table.spend("a", "1", NOW + 60, NOW)
        BROKEN[how](path)
        for name in ("1", "2"):
            with pytest.raises(Overloaded):
                table.spend("a", name, NOW + 60, NOW)


def test_a_closed_table_admits_nobody(shared: SqliteReplay) -> None:
    shared.close()
    with pytest.raises(Overloaded):
        shared.spend("a", "1", NOW + 60, NOW)


def a_link(path: Path) -> None:
    path.with_name("elsewhere").touch()
    path.symlink_to(path.with_name("elsewhere"))


def a_text(path: Path) -> None:
    path.write_text("this is a letter and no database, whatever its name says " * 20)


UNUSABLE: dict[str, Callable[[Path], None]] = {
    "a folder": Path.mkdir,
    "a link to somewhere": a_link,
    "a letter": a_text,
    "a pipe": os.mkfifo,
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_what_cannot_be_the_table_is_refused_at_the_start(tmp_path: Path, what: str) -> None:
    path = tmp_path / "t.sqlite"
    UNUSABLE[what](path)
    with pytest.raises(SettingsError, match=r"^CDS_STATE: .* cannot hold the table"):
        SqliteReplay(path)


def test_a_use_takes_well_under_a_millisecond(shared: SqliteReplay) -> None:
    times = []
    for number in range(500):
        started = time.perf_counter()
        shared.spend("https://ehr.example.org", f"jti-{number}", NOW + 300, NOW)
        times.append(time.perf_counter() - started)
    assert sorted(times)[250] < 0.001
