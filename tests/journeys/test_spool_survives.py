"""A process that is killed at any moment finds in its spool all that it said it had put there.

Run as a program, this file is the victim: it forks a writer again and again and kills each one.
"""

from __future__ import annotations

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
    sys.path[:0] = [str(Path(__file__).parents[2])]

from cds.audit.leftover import left_behind
from cds.audit.spool import Spool

TIMES = 20
LONGEST = 0.25  # seconds a writer lives
RESERVE = 32 * 1024 * 1024
FILLING = b"x" * 4500  # so that a frame takes two blocks
DRAINED = "drained"  # the file that stands for the database


def test_nothing_that_was_put_is_lost_however_often_the_process_is_killed(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    ran = subprocess.run(
        [sys.executable, __file__, str(tmp_path), str(seed)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    lives: list[list[int]] = json.loads(ran.stdout)
    assert len(lives) == TIMES
    said = [frame for life in lives for frame in life]
    assert sum(bool(life) for life in lives) > TIMES / 2, "most wrote before they were killed"
    assert len(said) > 100
    drained = [int(line) for line in (tmp_path / DRAINED).read_text().split()]
    waiting = [number(frame) for left in left_behind(tmp_path) for frame in left.frames()]
    assert [left.damaged for left in left_behind(tmp_path)] == [False]
    assert waiting == sorted(set(waiting)), f"doubled or out of order, with seed {seed}"
    kept = list(dict.fromkeys(drained + waiting))
    assert len(drained) > 50, "some were drained"
    assert kept == sorted(kept), f"out of order, with seed {seed}"
    assert set(said) - set(kept) == set(), f"lost, with seed {seed}"
    assert len(kept) <= len(said) + TIMES, "what nobody was told of is the last of a life"


def number(frame: bytes) -> int:
    name, _, filling = frame.partition(b" ")
    assert filling == FILLING
    return int(name)


def victim(folder: Path, life: int, said: int, seed: int) -> None:
    """Put for ever; say the number of each frame once `put` has returned; drain now and then."""
    moments = random.Random(seed)
    database = os.open(folder / DRAINED, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    spool = Spool.open(folder / "writer.spool", RESERVE)
    count = life * 1_000_000
    while True:
        count += 1
        spool.put(b"%d " % count + FILLING)
        os.write(said, b"%d\n" % count)
        if moments.random() < 0.05:
            part = moments.choice([3, 1 << 30])
            while frames := spool.first(20_000, part):
                os.write(database, b"".join(b"%d\n" % number(frame) for frame in frames))
                spool.drop(len(frames))
                if part == 3:
                    break


def one_life(folder: Path, life: int, seconds: float) -> list[int]:
    """What a writer said before it was killed."""
    hear, said = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(hear)
        victim(folder, life, said, life)
    os.close(said)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with closing(os.fdopen(hear, "rb")) as heard:
        return [int(line) for line in heard.read().split()]


def main() -> None:
    """Twenty lives, each killed at a random moment, over one file."""
    folder, moments = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
    lives = [one_life(folder, life, moments.uniform(0.0, LONGEST)) for life in range(TIMES)]
    sys.stdout.write(json.dumps(lives))


if __name__ == "__main__":
    main()
