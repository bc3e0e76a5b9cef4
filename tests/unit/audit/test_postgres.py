"""PostgreSQL as the audit database: what it says when it fails, and that nobody waits long."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from audit_kit import chain_in, entry, keep
from cds.audit.batch import Batch
from cds.audit.chain import Chain
from cds.audit.postgres import PostgresDatabase, failed, place
from cds.audit.store import AuditStore, DamagedRecord, StoreError
from cds.errors import SettingsError
from postgres_kit import PASSWORD, USER, PostgresServer, served, shared

GONE = r"has lost the connection|shutting down"

postgres = pytest.fixture(scope="session")(shared)


@pytest.fixture(scope="module")
def own() -> Generator[PostgresServer]:
    """A server that a test may stop, and that waits for its disk."""
    yield from served(durable=True)


def make(url: str) -> None:
    AuditStore.open(url, wait=5.0).close()


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.made_database(make)


@pytest.fixture
def store(url: str) -> Iterator[AuditStore]:
    with closing(AuditStore.open(url)) as opened:
        yield opened


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return chain_in(tmp_path)


def refused(url: str) -> str:
    with pytest.raises(SettingsError) as caught:
        AuditStore.open(url)
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


def test_a_commit_waits_for_the_disk_of_the_server(store: AuditStore) -> None:
    assert store._ask("SHOW synchronous_commit") == [("on",)]


def test_a_commit_waits_even_where_the_server_would_not(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    name = url.rpartition("/")[2]
    postgres.sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
    with closing(AuditStore.open(url)) as store:
        assert store._ask("SHOW synchronous_commit") == [("on",)]
        assert store._ask("SHOW application_name") == [("cds audit",)]


def test_the_server_gives_up_what_nobody_waits_for_any_more(url: str) -> None:
    with closing(AuditStore.open(url, wait=1.5)) as store:
        assert store._ask("SHOW statement_timeout") == [("1500ms",)]


def test_what_a_person_must_mend_is_said_without_the_password(postgres: PostgresServer) -> None:
    assert refused(postgres.url("nowhere")) == (
        "PostgreSQL database nowhere at 127.0.0.1: the audit database does not exist"
    )
    assert refused(postgres.url(password="a-wrong-one")) == (
        "PostgreSQL database postgres at 127.0.0.1: "
        "the audit database refuses the user or the password"
    )
    assert "refuses the user" in refused(postgres.url(user="nobody-known"))
    assert "URL that cannot be used" in refused(postgres.url() + "?sslmode=perhaps")
    latin = postgres.new_database("ENCODING 'LATIN1' TEMPLATE template0")
    assert "ENCODING 'UTF8'" in refused(latin)


def test_a_user_who_may_not_is_told_so(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    postgres.sql("DROP ROLE IF EXISTS guest", f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
    as_guest = url.replace(f"//{USER}:", "//guest:")
    assert "does not permit this user" in refused(as_guest), "nor to make tables"
    make(url)
    assert "does not permit this user" in refused(as_guest), "nor to read them"
    postgres.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest", url=url)
    with closing(AuditStore.read_only(as_guest)) as reader:
        assert reader.count() == 0


def test_several_services_may_share_a_database_by_schema(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    postgres.sql("CREATE TABLE theirs (x integer)", "CREATE SCHEMA cds", url=url)
    with closing(AuditStore.open(f"{url}?search_path=cds")) as store:
        assert store.count() == 0
    assert "no schema this user can work in" in refused(f"{url}?search_path=nowhere")


def test_a_server_that_is_away_is_tried_again(own: PostgresServer, chain: Chain) -> None:
    url = own.new_database()
    store = AuditStore.open(url)
    keep(store, chain, [entry(1)])
    own.stop()
    with pytest.raises(StoreError, match=GONE) as lost:
        store.add(Batch(chain.sealed([entry(2)])))
    store.close()
    with pytest.raises(StoreError, match="cannot be reached") as away:
        AuditStore.open(url)
    for caught in (lost, away):
        assert "127.0.0.1" not in str(caught.value)
    own.start()
    with closing(AuditStore.open(url)) as anew:
        assert anew.head(chain.name) == (1, chain.mac)
        keep(anew, chain, [entry(2)])
        assert anew.count() == 2


def test_what_was_kept_is_there_after_a_crash_of_the_server(
    own: PostgresServer, chain: Chain
) -> None:
    url = own.new_database()
    with closing(AuditStore.open(url)) as store:
        items = keep(store, chain, [entry(number) for number in range(20)])
        own.stop(signal.SIGQUIT)
        own.start()
    with closing(AuditStore.open(url)) as anew:
        assert tuple(anew.read(chain.name)) == items


def test_a_server_that_hangs_is_not_waited_for_long(
    store: AuditStore, url: str, postgres: PostgresServer, chain: Chain
) -> None:
    with postgres.frozen():
        started = time.monotonic()
        with pytest.raises(StoreError, match="does not answer in time"):
            store.add(Batch(chain.sealed([entry(1)])))
        store.close()
        with pytest.raises(StoreError, match="does not answer in time"):
            AuditStore.open(url, wait=0.3)
        assert 1.2 < time.monotonic() - started < 3.0
    with closing(AuditStore.open(url)) as anew:
        assert anew.count() == 0


def test_a_host_that_never_answers_is_not_waited_for_long() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        started = time.monotonic()
        with pytest.raises(StoreError, match="does not answer in time"):
            AuditStore.open(f"postgresql://cds@127.0.0.1:{silent.getsockname()[1]}/cds", wait=0.2)
        assert time.monotonic() - started < 2.0


def test_a_lock_is_not_waited_for_long(store: AuditStore, url: str, chain: Chain) -> None:
    items = chain.sealed([entry(1)])
    other = PostgresDatabase.open(url, 5.0, writing=True)
    other.ask("BEGIN")
    other.ask("LOCK TABLE records IN SHARE MODE")
    with pytest.raises(StoreError, match="does not answer in time"):
        store.add(Batch(items))
    store.close()
    other.close()
    with closing(AuditStore.open(url)) as anew:
        assert anew.drain(Batch(items)) == ()
        assert anew.count() == 1


def test_a_connection_the_server_ended_is_lost(
    store: AuditStore, chain: Chain, postgres: PostgresServer
) -> None:
    keep(store, chain, [entry(number) for number in range(130)])
    reading = store.read(chain.name)
    next(reading)
    postgres.sql(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = 'made' AND pid <> pg_backend_pid()"
    )
    with pytest.raises(StoreError, match=GONE):
        list(reading)
    with pytest.raises(StoreError, match=GONE):
        store.count()


def test_a_row_that_was_changed_is_named_and_the_next_is_read(
    store: AuditStore, chain: Chain, url: str, postgres: PostgresServer
) -> None:
    keep(store, chain, [entry(0), entry(1), entry(2)])
    postgres.sql("UPDATE records SET at = 'yesterday' WHERE seq = 2", url=url)
    reading = store.read(chain.name)
    assert next(reading).seq == 1
    with pytest.raises(DamagedRecord, match="record 2 of chain"):
        next(reading)
    assert next(reading).seq == 3


def test_a_reading_that_is_given_up_leaves_no_connection(
    store: AuditStore, chain: Chain, postgres: PostgresServer
) -> None:
    keep(store, chain, [entry(number) for number in range(130)])
    for _ in range(3):
        next(store.read(chain.name))
    asked = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = 'made' "
        "AND application_name = 'cds audit' AND state <> 'idle'"
    )
    assert postgres.sql(asked) == [(0,)]


def test_a_large_record_comes_back(store: AuditStore, chain: Chain) -> None:
    large = replace(entry(1), body=bytes(range(256)) * 20_000)  # 5 MB
    items = keep(store, chain, [large])
    assert store.get("decision-1") == items


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("53100", "has no room left: the disk is full"),
        ("53300", "has no connection left for this service"),
        ("53200", "has not enough memory or room"),
        ("25006", "cannot be written: it is read-only"),
        ("57P01", "is starting up or shutting down"),
        ("57P03", "is starting up or shutting down"),
        ("57014", "does not answer in time"),
        ("58030", "cannot be written: the disk is full or faulty"),
        ("42P01", "has lost a table; restore it from a backup"),
        ("XX001", "is damaged; restore it from a backup"),
        ("ZZ999", "cannot be used (ZZ999)"),
    ],
)
def test_each_state_of_the_server_is_said_in_words(state: str, words: str) -> None:
    class Said(Exception):
        sqlstate = state

    error = failed(Said("host, user, password, value"))
    assert str(error) == f"the audit database {words}"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (
            "postgresql://me:secret@db.example.org:5433/cds",
            "PostgreSQL database cds at db.example.org",
        ),
        ("postgresql:///cds?host=/run/postgresql", "PostgreSQL database cds at this machine"),
        ("postgresql://me:secret@db", "PostgreSQL database of that user at db"),
        ("postgresql://me:secret@[db/cds", "PostgreSQL"),
    ],
)
def test_a_database_is_named_without_its_user(url: str, words: str) -> None:
    assert place(url) == words
