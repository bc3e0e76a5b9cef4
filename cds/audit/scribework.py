"""The process of a scribe: it seals and puts what it is given into the spool, and carries it from
there to the database (`scribe.py` tells why). It loads no more of this package than that takes, and
ends when the process it works for does.
"""

from __future__ import annotations

import gc
import mmap
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from cds.audit import taking
from cds.audit.batch import Batch, BatchError, joined, packed, unpacked
from cds.audit.chain import sealed
from cds.audit.database import StoreError
from cds.audit.frameput import NotPut, put_frame
from cds.audit.kept import Entry
from cds.audit.scribewords import (
    SHARED,
    Carried,
    Failed,
    Landed,
    Load,
    Lost,
    Ready,
    Work,
    encode,
    read_entries,
    read_load,
    read_places,
    read_work,
)
from cds.audit.spoolfile import Place, read
from cds.audit.sqlite import SqliteDatabase
from cds.audit.stored import closed

_PACKET = 64 * 1024  # bytes; no order is longer
_SWITCH = 0.0005  # seconds after which the thread that puts may go on while the other carries

_CHANGED = "what waits for the database was changed, or the disk does not give it back"


def main() -> None:
    """The numbers of the open files in the arguments: two sockets and the shared memory."""
    loads, carries, shared = (int(word) for word in sys.argv[1:4])
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)  # they are for the service, and we end with it
    sys.setswitchinterval(_SWITCH)
    with socket.socket(fileno=loads) as orders, socket.socket(fileno=carries) as errands:
        first = orders.recv(_PACKET)
        if not first:
            return
        work = read_work(first)
        spool = _opened(work)
        if spool is None:
            return
        carrier = threading.Thread(target=_carry_all, args=(errands, spool, work))
        carrier.start()
        gc.freeze()
        _say(orders, Ready())
        with mmap.mmap(shared, SHARED) as memory:
            while packet := _next(orders):
                _say(orders, _done(work, spool, read_load(packet), memory))
        carrier.join()


def _next(channel: socket.socket) -> bytes:
    """Empty where nobody is there any more."""
    try:
        return channel.recv(_PACKET)
    except OSError:
        return b""


def _say(channel: socket.socket, message: Ready | Landed | Lost | Carried | Failed) -> None:
    with suppress(OSError):  # who does not hear it has ended, or has given us up
        channel.send(encode(message))


def _opened(work: Work) -> int | None:
    """The spool, by a handle of our own: with it we have no part in the lock of the service. None
    where it has gone meanwhile, which the service will see too."""
    with suppress(OSError):
        handle = os.open(work.spool, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        return handle if os.fstat(handle).st_ino == work.spool_file else None
    return None


def _done(work: Work, spool: int, load: Load, memory: mmap.mmap) -> Landed | Lost:
    try:
        return _put(work, spool, load, read_entries(memory[: load.size]))
    except Exception as error:  # whatever it is: its text might tell of a patient
        return Lost(
            f"the process that writes decisions failed ({type(error).__name__})", broken=True
        )


def _put(work: Work, spool: int, load: Load, entries: tuple[Entry, ...]) -> Landed | Lost:
    records = sealed(work.key, load.head, map(_small, entries))
    frame = packed(Batch(records))
    if len(frame) > load.place.length:
        return Lost("the decisions take more room than was thought", broken=False)
    try:
        put_frame(spool, work.spool, replace(load.place, length=len(frame)), frame)
    except NotPut as error:
        return Lost(str(error), error.broken)
    return Landed(records[-1].seq, records[-1].mac, len(frame))


def _small(entry: Entry) -> Entry:
    return replace(entry, body=closed(entry.body))


def _carry_all(errands: socket.socket, spool: int, work: Work) -> None:
    database: SqliteDatabase | None = None
    while packet := _next(errands):
        try:
            if database is None:
                path = Path(work.database)
                database = SqliteDatabase.beside(path, work.database_file, work.wait)
            answer: Carried | Failed = _carried(database, spool, read_places(packet))
        except (StoreError, BatchError) as error:
            answer = Failed(str(error))
        except Exception as error:  # whatever it is: its text might tell of a patient
            answer = Failed(f"the audit database cannot be used ({type(error).__name__})")
        if isinstance(answer, Failed) and database is not None:
            database.close()  # nothing is known of it any more
            database = None
        _say(errands, answer)
    if database is not None:
        database.close()


def _carried(database: SqliteDatabase, spool: int, places: tuple[Place, ...]) -> Carried | Failed:
    frames = []
    for place in places:
        with suppress(OSError):
            frames.append(read(spool, place))
    if len(frames) < len(places) or None in frames:
        return Failed(_CHANGED)
    batch = joined(unpacked(frame) for frame in frames if frame is not None)
    new, strangers = taking.missing(database, batch)
    taking.put(database, new)
    return Carried(len(strangers))
