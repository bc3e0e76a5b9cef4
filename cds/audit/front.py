"""The spool as the place that takes decisions before the database does: from the event loop itself,
or from a scribe to which the event loop hands them over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from cds.audit.ahead import Ahead
from cds.audit.batch import Batch, Head, joined, packed, unpacked
from cds.audit.chain import Chain
from cds.audit.drain import BYTES, FRAMES
from cds.audit.kept import Entry
from cds.audit.reserve import Reserve
from cds.audit.scribe import Scribe, ScribeGone, packed_entries
from cds.audit.scribes import Hire, Scribes
from cds.audit.scribewords import Landed, Load, Lost, Work
from cds.audit.spoolfile import Place
from cds.audit.spoolplace import SpoolPlace
from cds.audit.store import WAIT_FOR_LOCK, AuditStore
from cds.audit.stored import closed
from cds.audit.turn import Turn

SEALS = 512  # bytes that a record takes more in the spool than what is packed of its entry


class Front:
    """`keep`, `launch`, `landed`, `scribe` and `want_scribe` are for the event loop and wait for
    nobody; all else is for the writer's thread, or for whoever has the turn."""

    def __init__(
        self,
        chain: Chain,
        place: SpoolPlace,
        clock: Callable[[], float],
        wake: Callable[[], None],
        hire: Hire | None,
    ) -> None:
        """`wake` is called when the thread has something to do; `hire` starts a scribe."""
        self.turn = Turn(self._give_up)  # whoever seals records and puts them somewhere has it
        self.reserve, self.ahead = Reserve(place, clock), Ahead(clock)
        self.scribes = Scribes(hire, clock)
        self.busy_at = 0.0  # when something came last
        self._chain, self._place, self._clock, self._wake = chain, place, clock, wake
        self._load: Load | None = None  # what the scribe was given and has not told of
        self._records = 0  # of it

    def watch(self, away: Callable[[], bool], abandon: Callable[[], None]) -> None:
        """`away`: whether the database is; `abandon` leaves a chain of which nobody can tell how it
        ends."""
        self._away, self._abandon = away, abandon

    @property
    def usable(self) -> bool:
        """Whether decisions go to the spool first, and can now."""
        return self._place.ahead and self.reserve.usable and not self._away()

    def keep(self, entries: Sequence[Entry]) -> bool:
        """Whether they lie in the spool now, and the database has them in a moment; else they are
        nowhere."""
        if not self.turn.take():
            return False
        try:
            if not self.usable:
                return False
            batch = Batch(self._chain.sealed(map(small, entries)))
            if self.put(batch):
                self._chain.advance(batch.records[-1])
                return True
            if self.reserve.broken:
                self._abandon()
            return False
        finally:
            self.turn.give()

    def put(self, batch: Batch) -> bool:
        """Whether it lies in the spool. Rules and feedback do not: whoever brought them may ask for
        them at once. For whoever has the turn, and advances the chain."""
        if not self.usable or batch.archives or batch.told or batch.head is None:
            return False
        frame, records = packed(batch), len(batch.records)
        room = self.ahead.has_room(records) and self.reserve.room_for(len(frame))
        if not room or not self.reserve.put(frame):
            return False
        self._lies(records, batch.head)
        return True

    @property
    def scribe(self) -> Scribe | None:
        """The one that `launch` would give something to."""
        scribe = self.scribes.ready
        return scribe if scribe is not None and self.usable else None

    def want_scribe(self) -> None:
        """Many come together."""
        if self.scribes.want():
            self._wake()

    def launch(self, entries: Sequence[Entry]) -> bool | None:
        """As `keep`, but by the scribe: whether it has them now; what comes of it, `landed` tells
        in the same event loop. Until then nothing else is sealed. None: the thread has the turn, as
        a rule for no longer than a moment."""
        if not self.turn.take():
            return None
        launched = False
        try:
            launched = self._launched(entries)
        finally:
            if launched:
                self.turn.lend()
            else:
                self.turn.give()
        return launched

    def landed(self, scribe: Scribe) -> bool | None:
        """Whether what this one was given lies in the spool now; else it is nowhere, for all that
        is known. None: that is not known yet."""
        answer = scribe.landed()
        if answer is None:
            return None
        if not self.turn.back():  # whoever has it has given up what was launched
            return False
        try:
            return self._came(answer)
        finally:
            self.turn.give()

    def lying(self) -> list[Place]:
        """Where the frames stand that are due, if they may stay in the spool for a moment more."""
        ahead = self.ahead
        odd = len(ahead) != self.reserve.waiting or self.reserve.filling
        return [] if odd or not ahead or ahead.due() else self.reserve.places(BYTES, FRAMES)

    def carried(self, store: AuditStore, places: Sequence[Place]) -> int:
        """Bring these frames into the database: how many of their records are not there, since
        others stand in their places. Without the turn; raises what hinders."""
        scribe = self.scribes.ready
        if scribe is not None:
            with suppress(ScribeGone):
                return scribe.carry(places)
        return len(store.drain(joined(unpacked(self.reserve.read(place)) for place in places)))

    def drop(self, frames: int) -> Head | None:
        """The database has these, which lay ahead of all others, and their chain up to there."""
        head = self.ahead.drop(frames)
        self.reserve.drop(frames)
        return head

    def tend(self, store: AuditStore | None) -> None:
        """See that there is a scribe where one is wanted. Without the turn; `store`: the database,
        None where it is away."""
        self.scribes.tend(self._work(store))

    def _work(self, store: AuditStore | None) -> Work | None:
        spool = self.reserve.file if self.usable else None
        database = store.file if store is not None else None
        if spool is None or database is None:
            return None
        files = (str(spool[0]), spool[1], str(database[0]), database[1])
        return Work(self._chain.key, *files, WAIT_FOR_LOCK)

    def _launched(self, entries: Sequence[Entry]) -> bool:
        scribe, raw = self.scribe, packed_entries(entries)
        if scribe is None or raw is None or not self.ahead.has_room(len(entries)):
            return False
        place = self.reserve.room_for(len(raw) + SEALS * len(entries))
        if place is None:
            return False
        load = Load(self._chain.head, place, len(raw))
        if not scribe.write(load, raw):
            return False
        self._load, self._records = load, len(entries)
        return True

    def _came(self, answer: Landed | Lost) -> bool:
        load, self._load = self._load, None
        assert load is not None  # noqa: S101 - else there would be no answer
        if isinstance(answer, Lost):
            if answer.broken:
                self.reserve.broke(answer.words)
                self._abandon()
            return False
        self.reserve.took(replace(load.place, length=answer.length))
        self._chain.advance(answer)
        self._lies(self._records, self._chain.head)
        return True

    def _give_up(self) -> None:
        """What was launched does not come back in time: nobody can tell whether it is there."""
        self.scribes.dismiss()
        self._came(Lost("the process that writes decisions does not answer", broken=True))

    def _lies(self, records: int, head: Head) -> None:
        first = not self.ahead
        self.ahead.put(records, head)
        self.busy_at = self._clock()
        if first:
            self._wake()


def small(entry: Entry) -> Entry:
    """As it is stored."""
    body = closed(entry.body)
    return entry if body is entry.body else replace(entry, body=body)
