"""A process beside the service that does for it what a decision needs to be kept.

To compress, to seal and to write a record, and to bring it into the database, takes half as long as
to decide; and all of it holds the interpreter up that answers calls. While many come together the
event loop only hands them over: their seals are made where another core has time for them.

It is a help and nothing rests on it. A record counts when the scribe says that it is on the disk;
where there is no scribe, or it ends, or does not answer, the service does all of it itself.
"""

from __future__ import annotations

import mmap
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from cds.audit.database import StoreError
from cds.audit.kept import Entry
from cds.audit.scribewords import (
    SHARED,
    Carried,
    Landed,
    Load,
    Lost,
    Ready,
    Work,
    encode,
    read_carried,
    read_landed,
)
from cds.audit.spoolfile import Place
from cds.errors import CdsError

CARRIES = 10.0  # seconds to wait for what was to be carried; a lock is waited for one
_ENDS = 2.0  # seconds an ending scribe has before it is made to end
_PACKET = 64 * 1024
_ROOT = Path(__file__).parents[2]
# Isolated from the environment and the folder it is started in, it loads this very package.
_PROGRAM = (
    f"import sys; sys.path.insert(0, {str(_ROOT)!r}); from cds.audit.scribework import main; main()"
)


class ScribeGone(CdsError):
    """It has ended, or does not answer: what it was to do may be done, or not."""


class Scribe:
    """One of these, for one spool file and one opening of a database.

    `ready`, `watched`, `write`, `landed` and `end` are for the event loop, all else is for the
    writer's thread.
    """

    def __init__(self, work: Work) -> None:
        """Raises OSError where no process can be started here, or memory be shared."""
        self.work = work
        self._gone = self._ready = False
        self._using = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._orders, orders = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._errands, errands = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with orders, errands:
            try:
                self._start(work, orders, errands)
            except BaseException:
                self.kill()
                raise
        self._orders.setblocking(False)
        self._errands.settimeout(CARRIES)

    def _start(self, work: Work, orders: socket.socket, errands: socket.socket) -> None:
        shared = os.memfd_create("cds-audit", os.MFD_CLOEXEC)
        try:
            os.ftruncate(shared, SHARED)
            self._memory = mmap.mmap(shared, SHARED)
            files = (orders.fileno(), errands.fileno(), shared)
            self._process = subprocess.Popen(  # noqa: S603 - our own words
                [sys.executable, "-I", "-c", _PROGRAM, *map(str, files)],
                stdin=subprocess.DEVNULL,
                pass_fds=files,
            )
        finally:
            os.close(shared)
        self._orders.send(encode(work))

    @property
    def pid(self) -> int:
        """The number of its process."""
        assert self._process is not None  # noqa: S101 - it was started
        return self._process.pid

    @property
    def gone(self) -> bool:
        """Whether it will never answer again."""
        return self._gone

    @property
    def ready(self) -> bool:
        """Whether it can be given something now: it takes a moment to begin."""
        if not self._ready and not self._gone:
            with suppress(BlockingIOError):
                self._ready = isinstance(self._answer(), Ready)
        return self._ready and not self._gone

    def watched(self) -> int:
        """The number of an open file that can be read when there is an answer; the caller's to
        close."""
        return os.dup(self._orders.fileno())

    def write(self, load: Load, packed: bytes) -> bool:
        """Whether it has been given this load, of these entries (`packed_entries`); what comes of
        it, `landed` tells."""
        self._memory[: len(packed)] = packed
        try:
            self._orders.send(encode(load))
        except OSError:
            self._gone = True
            return False
        return True

    def landed(self) -> Landed | Lost | None:
        """What came of it; None where that is not known yet."""
        try:
            answer = self._answer()
        except BlockingIOError:
            return None
        if answer is None or isinstance(answer, Ready):
            return Lost("the process that writes decisions has ended", broken=True)
        return answer

    def carry(self, places: Sequence[Place]) -> int:
        """Bring these frames into the database: how many of their records are not there, since
        others stand in their places. Raises StoreError, and ScribeGone."""
        try:
            self._errands.send(encode(places))
            packet = self._errands.recv(_PACKET)
        except OSError:
            packet = b""
        if not packet:
            self.kill()
            raise ScribeGone("the process that writes decisions has ended")
        answer = read_carried(packet)
        if isinstance(answer, Carried):
            return answer.strangers
        raise StoreError(answer.words)

    def end(self) -> None:
        """Make it end, without waiting until it has: whoever waits for its answer hears that."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """Let it end what it does, and end."""
        self._gone = True
        self._shut()
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_ENDS)
        self.kill()

    def kill(self) -> None:
        """At once: it does nothing more from here on, but for what a disk that hangs lets go of."""
        self._gone = True
        self._shut()
        if self._process is not None:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_ENDS)

    def _shut(self) -> None:
        """Who watches hears of it."""
        with self._using:
            for channel in (self._orders, self._errands):
                with suppress(OSError):
                    channel.shutdown(socket.SHUT_RDWR)
                channel.close()

    def _answer(self) -> Ready | Landed | Lost | None:
        """None where it has ended. Raises BlockingIOError where there is none yet."""
        with self._using:
            try:
                packet = self._orders.recv(_PACKET)
            except BlockingIOError:
                raise
            except OSError:
                packet = b""
        self._gone = self._gone or not packet
        return read_landed(packet) if packet else None


def packed_entries(entries: Iterable[Entry]) -> bytes | None:
    """As `write` takes them; None where they are too many for one load."""
    packed = encode(tuple(entries))
    return packed if len(packed) <= SHARED else None
