"""`cds audit verify` and `cds audit purge`, as a person or a nightly job calls them."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from audit_kit import NOW, chain_in, entry, keep
from cds.audit.batch import Batch, packed
from cds.audit.chain import key_of
from cds.audit.spool import Spool
from cds.audit.store import AuditStore
from cds.cli import app

SECRET = "a secret for tests, long enough to be one"
OTHER = "another secret for tests, long enough too"
OLD = NOW - timedelta(days=4000)  # of before any day these tests run on
MOMENT = "2016-01-01T00:00:00Z"


@dataclass(frozen=True)
class Kept:
    """A state folder with four records of 2015 and two of 2026."""

    state: Path
    name: str

    def cds(self, *words: str, key: str = SECRET) -> Result:
        env = {"CDS_STATE": str(self.state), "CDS_AUDIT_KEY": key}
        return CliRunner().invoke(app, ["audit", *words], env=env)

    def count(self) -> int:
        with closing(AuditStore.read_only(self.state / "audit.sqlite3")) as store:
            return store.count()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    state = tmp_path_factory.mktemp("made")
    chain = chain_in(state)
    with closing(AuditStore.open(state / "audit.sqlite3")) as store:
        for first, at in ((1, OLD), (3, OLD), (5, NOW)):
            entries = [replace(entry(number), at=at) for number in (first, first + 1)]
            keep(store, chain, entries)
    return Kept(state, chain.name)


@pytest.fixture
def kept(made: Kept, tmp_path: Path) -> Kept:
    return Kept(shutil.copytree(made.state, tmp_path / "state"), made.name)


def test_a_whole_audit_is_said_to_be_whole(kept: Kept) -> None:
    said = kept.cds("verify")
    assert (said.exit_code, said.stdout) == (0, "whole: 6 records in 1 chains\n")


def test_a_purge_first_only_says_what_it_would_delete(kept: Kept) -> None:
    said = kept.cds("purge", "--before", MOMENT, "--dry-run")
    assert said.exit_code == 0
    assert said.stdout.splitlines() == [
        f"chain {kept.name}: records 1 to 4",
        "would delete 4 records in 1 chains and 0 lines of feedback from before "
        "2016-01-01T00:00:00.000000+00:00",
    ]
    assert kept.count() == 6


def test_a_purge_deletes_and_the_rest_verifies(kept: Kept) -> None:
    said = kept.cds("purge", "--before", MOMENT)
    assert (said.exit_code, said.stdout.splitlines()[-1]) == (0, "purged 4 records")
    assert kept.count() == 2
    assert kept.cds("verify").stdout == "whole: 2 records in 1 chains, 4 more purged\n"
    again = kept.cds("purge", "--before", MOMENT)
    assert (again.exit_code, again.stdout.splitlines()[-1]) == (0, "purged 0 records")


def test_a_purge_deletes_nothing_where_something_was_found(kept: Kept) -> None:
    (kept.state / "audit-heads.log").unlink()
    said = kept.cds("purge", "--before", MOMENT)
    assert (said.exit_code, kept.count()) == (1, 6)
    assert said.stdout.splitlines() == [
        "the head file is missing",
        "nothing was purged: it would cover up what was found here",
    ]


def test_a_purge_with_another_key_says_what_stays(kept: Kept) -> None:
    said = kept.cds("purge", "--before", MOMENT, key=OTHER)
    assert (said.exit_code, kept.count()) == (1, 6), "a wrong key does not pass for a clean house"
    assert f"chain {kept.name}: stays, it was sealed with another key" in said.stdout


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ("yesterday", "--before: must be a date and time with offset"),
        ("2016-01-01", "--before: must be a date and time with offset"),
        ("9999-01-01T00:00:00Z", "--before: must not lie in the future"),
    ],
)
def test_a_moment_that_cannot_be_meant_is_refused(kept: Kept, before: str, words: str) -> None:
    said = kept.cds("purge", "--before", before)
    assert (said.exit_code, kept.count()) == (2, 6)
    assert words in said.stderr


def test_there_is_no_purge_without_a_moment(kept: Kept) -> None:
    assert kept.cds("purge").exit_code == 2
    assert kept.count() == 6


def test_records_in_the_spool_are_looked_at_too(kept: Kept) -> None:
    chain = chain_in(kept.state, 2)
    with closing(Spool.open(kept.state / "spool" / f"{chain.name}.spool", 65536)) as waits:
        waits.put(packed(Batch(chain.sealed([entry(1)]))))
        said = kept.cds("verify")
    assert said.exit_code == 0
    assert f"chain {chain.name}: waiting in the spool: record 1\n" in said.stdout
    assert said.stdout.endswith("whole: 6 records in 2 chains, 1 more wait in the spool\n")


def test_a_purge_leaves_what_waits_and_takes_it_once_the_database_has_it(kept: Kept) -> None:
    chain, path = chain_in(kept.state, 2, key_of(SECRET)), kept.state / "audit.sqlite3"
    entries = [replace(entry(number), at=OLD) for number in (7, 8, 9)] + [entry(10)]
    with (
        closing(Spool.open(kept.state / "spool" / f"{chain.name}.spool", 65536)) as waits,
        closing(AuditStore.open(path)) as store,
    ):
        keep(store, chain, entries[:1])
        batch = Batch(chain.sealed(entries[1:]))
        waits.put(packed(batch))
        said = kept.cds("purge", "--before", MOMENT)
        assert (said.exit_code, said.stdout.splitlines()[-1]) == (0, "purged 5 records")
        assert kept.cds("verify").stdout.endswith(
            "whole: 2 records in 2 chains, 5 more purged, 3 more wait in the spool\n"
        )
        assert store.drain(batch) == ()
        waits.drop(1)
    assert kept.cds("verify").stdout.endswith("whole: 5 records in 2 chains, 5 more purged\n")
    again = kept.cds("purge", "--before", MOMENT)
    assert (again.exit_code, again.stdout.splitlines()[-1]) == (0, "purged 2 records")
    assert kept.cds("verify").stdout.endswith("whole: 3 records in 2 chains, 7 more purged\n")


def test_head_files_of_other_machines_are_given_by_name(kept: Kept, tmp_path: Path) -> None:
    chain = chain_in(tmp_path / "another", 2, key_of(SECRET))
    with closing(AuditStore.open(kept.state / "audit.sqlite3")) as store:
        keep(store, chain, [entry(number) for number in range(300)])
    assert "give that of its machine with --heads" in kept.cds("verify").stdout
    assert kept.cds("verify").exit_code == 1
    said = kept.cds("verify", "--heads", str(chain.heads))
    assert (said.exit_code, said.stdout) == (0, "whole: 306 records in 2 chains\n")
    (kept.state / "audit-heads.log").rename(tmp_path / "moved.log")
    said = kept.cds("verify", "--heads", str(tmp_path / "moved.log"), "--heads", str(chain.heads))
    assert said.exit_code == 0
    assert "this machine has no head file of its own" in said.stdout
