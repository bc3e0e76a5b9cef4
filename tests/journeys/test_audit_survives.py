"""A process that is killed at any moment has lost no record that it said was kept.

Run as a program, this file is the victim: it forks a writer again and again and kills each one.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from audit_kit import KEY, chain_in, entry
from cds.audit.spoolplace import SpoolPlace
from cds.audit.store import AuditStore
from cds.audit.verify import inspect
from cds.audit.writer import AuditWriter

TIMES = 20
TASKS = 32
LONGEST = 0.35  # seconds a writer lives
BODY = b"{" + b"x" * 4000 + b"}"


def test_nothing_that_was_kept_is_lost_however_often_the_process_is_killed(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    ran = subprocess.run(
        [sys.executable, __file__, str(tmp_path), str(seed)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    lives: list[list[str]] = json.loads(ran.stdout)
    assert len(lives) == TIMES
    acknowledged = {decision for life in lives for decision in life}
    assert sum(bool(life) for life in lives) > TIMES / 2, "most wrote before they were killed"
    assert len(acknowledged) > 500
    with closing(AuditStore.open(tmp_path / "audit.sqlite")) as store:
        kept = [one.entry.id for name in store.chains() for one in store.read(name)]
        done = inspect(store, KEY, [tmp_path / "audit-heads.log"], tmp_path / "spool")
    assert acknowledged - set(kept) == set(), f"lost, with seed {seed}"
    assert len(kept) == len(set(kept)), "doubled"
    assert done.findings == []
    assert done.records == len(kept)


def victim(folder: Path, life: int, said: int) -> None:
    """Write for ever; say the name of each record once `write` has returned."""
    chain = chain_in(folder, life)
    place = SpoolPlace(folder / "spool", chain.name, 1024 * 1024)
    writer = AuditWriter(lambda: AuditStore.open(folder / "audit.sqlite"), chain, place)
    writer.start()

    async def one_caller(caller: int) -> None:
        number = 0
        while True:
            number += 1
            record = entry(life * 10_000_000 + caller * 100_000 + number, body=BODY)
            await writer.write(record)
            os.write(said, record.id.encode() + b"\n")

    async def all_callers() -> None:
        await asyncio.gather(*(one_caller(caller) for caller in range(TASKS)))

    asyncio.run(all_callers())


def one_life(folder: Path, life: int, seconds: float) -> list[str]:
    """What a writer said before it was killed."""
    hear, said = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(hear)
        victim(folder, life, said)
    os.close(said)
    heard = b""
    end = time.monotonic() + seconds
    os.set_blocking(hear, False)
    while time.monotonic() < end:
        try:
            heard += os.read(hear, 1 << 16)
        except BlockingIOError:
            time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.set_blocking(hear, True)
    while rest := os.read(hear, 1 << 16):
        heard += rest
    os.close(hear)
    return heard.decode().split()


def main() -> None:
    """Twenty lives, each killed at a random moment, over one database."""
    folder, moments = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
    AuditStore.open(folder / "audit.sqlite").close()  # making the tables takes longer than a life
    lives = [one_life(folder, life, moments.uniform(0.0, LONGEST)) for life in range(TIMES)]
    sys.stdout.write(json.dumps(lives))


if __name__ == "__main__":
    main()
