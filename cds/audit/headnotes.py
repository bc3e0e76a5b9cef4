"""What a writer tells the head file, and what becomes of it where that file cannot be written.

Records are kept without a line there; the state of the audit says so, and the next line speaks for
those that lack.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from cds.audit.chain import Chain
from cds.audit.heads import HeadWriter


class HeadNotes:
    """The head file of one chain. Used by the writer's thread alone."""

    def __init__(self, chain: Chain, clock: Callable[[], float]) -> None:
        """`clock` counts seconds, from anywhere."""
        self._chain, self._clock = chain, clock
        self._heads: HeadWriter | None = None
        self._noted = 0  # the last record the head file knows
        self._name = chain.name
        self.trouble = ""

    def open(self) -> None:
        """Make the file where there is none: that it lacks must be a loss, not a beginning."""
        try:
            self._heads = self._opened()
        except OSError as error:
            self._drop(error)

    def _opened(self) -> HeadWriter:
        return HeadWriter(self._chain.heads, self._chain.key, self._clock)

    def note(self, head: tuple[str, int, bytes] | None, *, final: bool = False) -> None:
        """One line: how far the chain has got (its name, the number and the seal of its last
        record), where the file does not say so yet."""
        if head is None:
            return
        name, seq, mac = head
        if name != self._name:  # a new chain began
            self._name, self._noted = name, 0
        if seq <= self._noted and not final:
            return
        try:
            if self._heads is None:
                self._heads = self._opened()
            self._heads.note(name, self._noted + 1, seq, mac, final=final)
            self._noted, self.trouble = seq, ""
        except OSError as error:
            self._drop(error)

    def due(self) -> float | None:
        """Seconds until `sync` has something to do; None where it has not."""
        return self._heads.due() if self._heads else None

    def sync(self) -> None:
        """Put the lines on the disk, once a second at most."""
        if self._heads is None or self._heads.due() != 0.0:
            return
        try:
            self._heads.sync()
        except OSError as error:
            self._drop(error)

    def close(self) -> None:
        """The last line says that this writer ended in order."""
        if self._chain.seq:
            self.note((self._chain.name, self._chain.seq, self._chain.mac), final=True)
        with suppress(OSError):  # the next start writes on; `cds audit verify` tells what lacks
            if self._heads is not None:
                self._heads.close()
        self._heads = None

    def _drop(self, error: OSError) -> None:
        """The next line opens it anew, and says this one's part too."""
        self.trouble = f"the head file cannot be written ({error.strerror or error})"
        heads, self._heads = self._heads, None
        if heads is not None:
            with suppress(OSError):
                heads.close()
