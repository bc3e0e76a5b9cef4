"""What a writer and its scribe say to each other (`scribe.py`).

Each message is one packet. What is long, the entries of a load, lies in memory that both share.
"""

from __future__ import annotations

from typing import Final

import msgspec

from cds.audit.batch import Head
from cds.audit.kept import Entry
from cds.audit.spoolfile import Place

SHARED: Final = 1024 * 1024  # bytes of memory that both share


class Work(msgspec.Struct, frozen=True):
    """What a scribe works with: the key of the seals, the spool and the database, both by path and
    by the number of the file (inode): a file that was put in the place of another is not ours."""

    key: bytes
    spool: str
    spool_file: int
    database: str
    database_file: int
    wait: float  # seconds another process may keep it from writing to the database

    def __repr__(self) -> str:
        return "Work()"  # the key is nobody's to read


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The scribe can begin."""


class Load(msgspec.Struct, frozen=True):
    """Seal the entries in the first `size` bytes of the shared memory as the next records of the
    chain that has got to `head`, and put them into the spool at `place`, whose length is the most
    they may take."""

    head: Head
    place: Place
    size: int


class Landed(msgspec.Struct, frozen=True, tag=True):
    """They are on the disk: in a frame of `length` bytes, the last as record `seq` with its
    seal."""

    seq: int
    mac: bytes
    length: int


class Lost(msgspec.Struct, frozen=True, tag=True):
    """They are not; `broken`: nobody can tell what stands in the spool now."""

    words: str
    broken: bool


class Carried(msgspec.Struct, frozen=True, tag=True):
    """The frames are in the database. `strangers`: how many of their records are not, since others
    stand in their places."""

    strangers: int


class Failed(msgspec.Struct, frozen=True, tag=True):
    """They are not: why, without any path."""

    words: str


encode = msgspec.msgpack.Encoder().encode
read_work = msgspec.msgpack.Decoder(Work).decode
read_load = msgspec.msgpack.Decoder(Load).decode
read_entries = msgspec.msgpack.Decoder(tuple[Entry, ...]).decode
read_landed = msgspec.msgpack.Decoder(Ready | Landed | Lost).decode
read_places = msgspec.msgpack.Decoder(tuple[Place, ...]).decode
read_carried = msgspec.msgpack.Decoder(Carried | Failed).decode
