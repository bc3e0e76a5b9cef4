"""What one fsync costs on the disk where decisions are kept: the price below which no audit is."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

_TIMES = 200
_PAGE = b"x" * 4096


def fsync_ms(folder: Path) -> float:
    """Median milliseconds of appending 4 KiB to a file in this folder and syncing it."""
    took = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(_TIMES):
            began = perf_counter()
            file.write(_PAGE)
            os.fsync(file.fileno())
            took.append(perf_counter() - began)
    return round(median(took) * 1000, 3)
