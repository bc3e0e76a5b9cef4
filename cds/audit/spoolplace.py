"""Where the spool files of a machine lie: one folder, one file a writer, named after its chain."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cds.audit.spool import SUFFIX


@dataclass(frozen=True, slots=True)
class SpoolPlace:
    """The folder of all spool files, the chain whose file is ours, and the bytes to reserve.

    `ahead`: the folder is on the disk that holds the database, so what lies in one is as safe as in
    the other, and decisions go to the spool first (`cds/audit/durable.py`).
    """

    folder: Path
    chain: str
    reserve: int
    ahead: bool = False

    @property
    def file(self) -> Path:
        """The file of this writer."""
        return self.folder / f"{self.chain}{SUFFIX}"
