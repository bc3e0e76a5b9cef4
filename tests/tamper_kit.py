"""Kept records to tamper with behind the back of the store, in SQLite and in PostgreSQL."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from audit_kit import KEY, NOW, chain_in, entry, keep
from cds.audit import purge as purging
from cds.audit.findings import Finding, Inspection
from cds.audit.purge import plan, purge
from cds.audit.store import AuditStore
from cds.audit.verify import inspect

GROUPS = ((1, 2), (3, 4), (5, 6))


@dataclass(frozen=True)
class Kept:
    """Two chains of six records in three groups each; `name` is the one that is tampered with."""

    place: Path | str
    heads: Path
    name: str
    other: str

    @property
    def path(self) -> Path:
        """The SQLite file."""
        assert isinstance(self.place, Path)
        return self.place

    @property
    def spool(self) -> Path:
        """The folder where records wait."""
        return self.heads.parent / "spool"

    def sql(self, statement: str, *values: object) -> None:
        """Change something, with `?` for the values."""
        if isinstance(self.place, str):
            changed = asyncio.run(_change(self.place, statement, values))
        else:
            with closing(sqlite3.connect(self.place, isolation_level=None)) as raw:
                changed = raw.execute(statement, values).rowcount
        assert changed, "nothing was changed"

    def inspect(self, key: bytes = KEY) -> Inspection:
        with closing(AuditStore.read_only(self.place)) as store:
            return inspect(store, key, [self.heads], self.spool)

    def only(self) -> Finding:
        (found,) = self.inspect().findings
        return found

    def renumber(self, old: int, new: int) -> None:
        self.sql("UPDATE records SET seq = ? WHERE chain = ? AND seq = ?", new, self.name, old)

    def copy(self, folder: Path) -> Kept:
        """The same SQLite file elsewhere."""
        folder.mkdir(exist_ok=True)
        for path in (self.path, self.heads):
            shutil.copy(path, folder)
        return replace(self, place=folder / self.path.name, heads=folder / self.heads.name)


def kept_in(place: Path | str, folder: Path) -> Kept:
    """Fill a database; the head file is put into the folder."""
    one, two = chain_in(folder, 1), chain_in(folder, 2)
    with closing(AuditStore.open(place)) as store:
        for group in GROUPS:
            for chain, offset in ((one, 0), (two, 100)):
                keep(store, chain, [entry(number + offset) for number in group])
    return Kept(place, one.heads, one.name, two.name)


def model(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Made once, for `copy`. A test module that wants it says

    model_kept = pytest.fixture(scope="session")(model)
    """
    folder = tmp_path_factory.mktemp("kept")
    return kept_in(folder / "audit.sqlite", folder)


def bury_four(kept: Kept) -> None:
    """Purge records 1 to 4 of the first chain, two at a time."""
    with pytest.MonkeyPatch.context() as patch, closing(AuditStore.open(kept.place)) as store:
        patch.setattr(purging, "MOST_RECORDS", 2)
        planned = plan(store, KEY, [kept.heads], None, NOW + timedelta(seconds=5))
        assert len(list(purge(store, KEY, planned, NOW))) == 2


def flipped(value: object) -> object:
    """The same with one bit changed."""
    if isinstance(value, int):
        return value ^ 1
    if isinstance(value, str):
        return value[:-1] + chr(ord(value[-1]) ^ 1)
    assert isinstance(value, bytes)
    return value[:-1] + bytes([value[-1] ^ 1])


def make(place: Path | str) -> None:
    """Empty tables."""
    AuditStore.open(place).close()


async def _change(url: str, statement: str, values: tuple[Any, ...]) -> int:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        numbers = count(1)
        done = await connection.execute(
            re.sub(r"\?", lambda _: f"${next(numbers)}", statement), *values
        )
        return int(done.split()[-1])
    finally:
        await connection.close()
