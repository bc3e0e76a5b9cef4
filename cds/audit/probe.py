"""Is the database back? Asked in a thread of its own, so that nobody waits for the answer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from cds.audit.store import AuditStore


class Probe:
    """One question at a time. Used by one thread."""

    def __init__(self, open_store: Callable[[], AuditStore], answered: Callable[[], None]) -> None:
        """`answered` is called, in any thread, when there is an answer to look at."""
        self._open_store, self._answered = open_store, answered
        self._asking: Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, "audit-probe")

    @property
    def asking(self) -> bool:
        """Whether a question was asked whose answer nobody has looked at."""
        return self._asking is not None

    @property
    def answer(self) -> bool:
        """Whether there is an answer to look at."""
        return self._asking is not None and self._asking.done()

    def ask(self) -> None:
        """Begin to find out."""
        self._asking = self._thread.submit(self._ask)
        self._asking.add_done_callback(lambda _: self._answered())

    def look(self) -> Exception | None:
        """The answer: why the database cannot be used, or None where it can."""
        asked, self._asking = self._asking, None
        error = asked.exception() if asked is not None else None
        return error if error is None or isinstance(error, Exception) else RuntimeError()

    def close(self) -> None:
        """Do not wait for an answer."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _ask(self) -> None:
        store = self._open_store()
        try:
            store.try_writing()  # a locked file opens well
        finally:
            store.close()
