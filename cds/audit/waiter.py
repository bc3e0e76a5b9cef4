"""A caller who waits until what it brought is on a disk, and what may be brought at all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from cds.audit.batch import Archive, Told
from cds.audit.kept import Entry, stamp
from cds.audit.stored import LARGEST
from cds.errors import Overloaded

LONGEST = 600  # characters of a text that an index holds

Item = Entry | Archive | Told
_NAMES = {Entry: "the decision", Archive: "the rulebook", Told: "the feedback"}


@dataclass(frozen=True, slots=True)
class Waiter:
    """`size`: about how many bytes the item has. `done` belongs to `loop`."""

    item: Item
    size: int
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]

    @classmethod
    def of(cls, item: Item) -> Waiter:
        """Of who calls this, in its event loop. Raises Overloaded where the item cannot be kept."""
        loop = asyncio.get_running_loop()
        return cls(item, _checked(item), loop, loop.create_future())

    def settle(self, failure: str) -> None:
        """In its own event loop."""
        if failure:
            self.refuse(f"{_NAMES[type(self.item)]} was not recorded: {failure}")
        elif not self.done.done():
            self.done.set_result(None)

    def give_up(self) -> None:
        """In its own event loop: it has waited for long enough."""
        self.refuse(f"{_NAMES[type(self.item)]} was not recorded in time; try again")

    def refuse(self, why: str) -> None:
        """In its own event loop: it is told so."""
        if not self.done.done():  # else its caller was cancelled, or has its answer
            self.done.set_exception(Overloaded(why))


def tell(group: Iterable[Waiter], failure: str) -> None:
    """Wake the callers, each in its own event loop, one call a loop. `failure` "" = it is kept."""
    loops: dict[asyncio.AbstractEventLoop, list[Waiter]] = {}
    for waiter in group:
        loops.setdefault(waiter.loop, []).append(waiter)
    for loop, waiters in loops.items():
        try:
            loop.call_soon_threadsafe(_settle, waiters, failure)
        except RuntimeError:  # that loop is closed, nobody waits there any more
            continue


def _settle(waiters: list[Waiter], failure: str) -> None:
    for waiter in waiters:
        waiter.settle(failure)


def _checked(item: Item) -> int:
    """About how many bytes it has. What cannot be kept must not take down those it would share a
    group with, nor wait for a database that will never take it."""
    if isinstance(item, Archive):
        return len(item.packed)
    rows = item.rows if isinstance(item, Told) else (_texts(item),)
    try:
        text = "".join(["".join(row) for row in rows])
        size = len(text.encode())
        if "\0" in text:
            raise ValueError
        if isinstance(item, Entry):
            if max(len(item.id), len(item.client), len(item.patient)) > LONGEST:
                raise ValueError
            stamp(item.at)  # raises where its offset is missing
            size += len(item.body)
    except ValueError:
        what = _NAMES[type(item)]
        raise Overloaded(f"{what} cannot be recorded: it holds text that is none") from None
    if size > LARGEST:
        raise Overloaded(f"{_NAMES[type(item)]} cannot be recorded: it is too large")
    return size


def _texts(entry: Entry) -> tuple[str, ...]:
    own = (entry.id, entry.client, entry.service, entry.hook, entry.patient, entry.rulebook)
    shown = [text for card in entry.shown for text in (card.card, card.rule, card.row, card.band)]
    return (*own, entry.site, entry.engine, *shown)
