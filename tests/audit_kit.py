"""Records, chains and databases for the tests of the audit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cds.audit.batch import Archive, Batch, Sealed
from cds.audit.chain import Chain, chain_name, key_of, told_seal
from cds.audit.codec import canonical
from cds.audit.heads import HeadWriter
from cds.audit.kept import Entry, Shown
from cds.audit.rulebooks import archive, unpacked
from cds.audit.store import AuditStore
from cds.rulebook.load import digest

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY = key_of("a secret for tests, long enough to be one")


def rules(text: str) -> Archive:
    """Rules of a site: a file with this text, which is all that is ever asked of them here."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "rule.yaml").write_text(text, "utf-8")
        packed = archive(Path(folder), "example")
    with unpacked(packed) as directory:
        return Archive(digest(directory, "example"), packed)


RULES = rules("a rule")


def entry(number: int, *, body: bytes = b'{"rules":[]}') -> Entry:
    """A decision of its own, at its own moment."""
    return Entry(
        id=f"decision-{number}",
        at=NOW + timedelta(seconds=number),
        client="ehr-one",
        service="electrolytes-order-select",
        hook="order-select",
        patient="hmac:" + "ab" * 16,
        rulebook=RULES.digest,
        site="example",
        engine="0.4.0",
        body=body,
    )


def showing(number: int, *shown: Shown) -> Entry:
    """A decision with these cards, in its body too."""
    cards = [
        {
            "extension": {"rows": [one.row], "rule": f"{one.rule}@{one.version}"},
            "indicator": one.indicator,
            "uuid": one.card,
        }
        for one in shown
    ]
    return replace(entry(number, body=canonical({"cards": cards, "rules": []})), shown=shown)


@cache
def _empty() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "audit.sqlite"
        store = AuditStore.open(path)
        store.add(Batch(archives=(RULES,)))
        store.close()
        return path.read_bytes()


def made(path: Path) -> Path:
    """An SQLite database with its tables, the rules of `entry` and no records: a copy, quicker than
    making them anew."""
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
    store.add(Batch(records=items, archives=(RULES,)))
    chain.advance(items[-1])
    heads = HeadWriter(chain.heads, chain.key, lambda: 0.0)
    heads.note(chain.name, first, chain.seq, chain.mac)
    heads.close()
    return items


def told(*columns: str, key: bytes = KEY) -> tuple[str, ...]:
    """A row of feedback with its seal."""
    return (*columns, told_seal(key, columns))
