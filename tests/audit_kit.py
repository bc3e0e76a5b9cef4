"""Records, chains and databases for the tests of the audit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cds.audit.batch import Batch, Sealed
from cds.audit.chain import Chain, chain_name, key_of
from cds.audit.entry import Entry
from cds.audit.heads import HeadWriter
from cds.audit.store import AuditStore

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY = key_of("a secret for tests, long enough to be one")


def entry(number: int, *, body: bytes = b'{"rules":[]}') -> Entry:
    """A decision of its own, at its own moment."""
    return Entry(
        id=f"decision-{number}",
        at=NOW + timedelta(seconds=number),
        client="ehr-one",
        service="electrolytes-order-select",
        hook="order-select",
        patient="hmac:" + "ab" * 16,
        rulebook="0f" * 32,
        site="example",
        engine="0.4.0",
        body=body,
    )


@cache
def _empty() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "audit.sqlite"
        AuditStore.open(path).close()
        return path.read_bytes()


def made(path: Path) -> Path:
    """An SQLite database with its tables and no records: a copy, quicker than making them anew."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(_empty())
    path.chmod(0o600)
    return path


def chain_in(folder: Path, process: int = 1, key: bytes = KEY) -> Chain:
    """A new chain whose head file lies in this folder."""
    return Chain(chain_name("host", process, NOW, key), key, folder / "audit-heads.log")


def keep(store: AuditStore, chain: Chain, entries: Iterable[Entry]) -> tuple[Sealed, ...]:
    """These entries as one group, with its line in the head file."""
    first = chain.seq + 1
    items = chain.sealed(entries)
    store.add(Batch(records=items))
    chain.advance(items[-1])
    heads = HeadWriter(chain.heads, chain.key, lambda: 0.0)
    heads.note(chain.name, first, chain.seq, chain.mac)
    heads.close()
    return items
