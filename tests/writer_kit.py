"""Writers over a database and a spool on one disk, and what became of what they were given."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from audit_kit import KEY, entry
from cds.audit.chain import Chain
from cds.audit.scribes import Hire
from cds.audit.spooled import read_spool
from cds.audit.spoolplace import SpoolPlace
from cds.audit.store import AuditStore
from cds.audit.verify import inspect
from cds.audit.writer import AuditState, AuditWriter

ROOM = 4 * 1024 * 1024
WHOLE = AuditState(True, False, "every decision is recorded", 0, 0)


@contextmanager
def writing(
    path: Path, chain: Chain, room: int = ROOM, hire: Hire | None = None
) -> Iterator[AuditWriter]:
    """One whose decisions go to the spool first; `hire` starts a process that helps it."""
    place = SpoolPlace(path.parent / "spool", chain.name, room, ahead=True)
    made = AuditWriter(lambda: AuditStore.open(path), chain, place, hire=hire)
    made.start()
    try:
        yield made
    finally:
        made.close()


def until(true: Callable[[], bool]) -> None:
    """Wait for what the writer does by itself."""
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def write(writer: AuditWriter, *numbers: int) -> list[BaseException | None]:
    """Write these at once; what came of each."""

    async def all_of_them() -> list[BaseException | None]:
        tasks = [writer.write(entry(number)) for number in numbers]
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(all_of_them())


def kept(path: Path) -> list[str]:
    with closing(AuditStore.read_only(path)) as store:
        return [one.entry.id for name in store.chains() for one in store.read(name)]


def waiting(path: Path) -> int:
    spooled = read_spool(path.parent / "spool")
    assert spooled.findings == []
    return sum(map(len, spooled.chains.values()))


def unbroken(path: Path) -> int:
    """How many records there are in the database and the spool together, with nothing to find."""
    with closing(AuditStore.read_only(path)) as store:
        done = inspect(store, KEY, [path.with_name("audit-heads.log")], path.parent / "spool")
    assert done.findings == []
    return done.records + done.waiting
