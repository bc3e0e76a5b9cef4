"""A read or a search with all its pages, as what a prefetch key would have brought.

A search that was not read to its end keeps what was read and says what was not: a list with a gap
is never taken for complete, and its first result never for the newest (clinical pack R32).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cds.fhir.address import next_address
from cds.fhir.bundle import UNDECODABLE, Page, RawResource, Supplied, of_raw, read_page
from cds.fhir.exchange import Exchange, Reply
from cds.fhir.outcomes import WHY, Outcome
from cds.fhir.owners import foreign_gap, is_foreign
from cds.fhir.prefetch import EXPECTED, listed, matched, other_types_gap, reports_failure


def failed(key: str, outcome: Outcome, *, asked: bool = True) -> Supplied:
    """A key that nobody could bring; `asked` is False where no server was asked."""
    gap = f"`{key}` was not supplied and could not be fetched: {WHY[outcome]}"
    return Supplied(key, gap=gap, supplied=False, asked=asked)


def not_continued(first: Supplied, outcome: Outcome) -> Supplied:
    """The client's first page, and why the others were not read."""
    return Supplied(
        first.key, first.resources, _unread(first.key, outcome), broken=first.broken, next_page=""
    )


async def read_one(exchange: Exchange, key: str, url: str, name: str, patient_id: str) -> Supplied:
    """The one resource at an address: of the type of the key, with the id `name`, and about the
    patient."""
    reply = await exchange.get(key, url, EXPECTED[key], name)
    resource = of_raw(reply.raw) if reply.outcome is Outcome.OK else None
    if resource is None:
        return failed(key, reply.outcome)
    if is_foreign(resource, patient_id, exchange.base):
        exchange.note(key, Outcome.OTHER_PATIENT)
        return failed(key, Outcome.OTHER_PATIENT)
    return Supplied(key, (resource,))


async def read_medication(exchange: Exchange, key: str, name: str) -> RawResource | None:
    """The Medication of that id, or None; the outcome is in the notes."""
    url = exchange.base.below(f"Medication/{name}")
    reply = await exchange.get(key, url, "Medication", name)
    return of_raw(reply.raw) if reply.outcome is Outcome.OK else None


@dataclass(slots=True)
class _Found:
    """What the pages of one search brought so far."""

    key: str
    resources: list[RawResource] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    pages: int = 0
    broken: int = 0
    foreign: int = 0
    counted: int = 0
    total: int = 0
    error: bool = False

    def add(self, page: Page, mine: Iterable[RawResource], foreign: int) -> None:
        """One more page. Lists that change while they are paged repeat entries: one counts."""
        self.pages += 1
        self.broken += page.broken
        self.foreign += foreign
        self.total = max(self.total, page.total)
        self.error = self.error or reports_failure(page)
        self.counted += matched(self.key, page.resources)
        for resource in mine:
            if resource.id and resource.ref in self.seen:
                self.counted -= resource.type == EXPECTED[self.key]
                continue
            self.seen.add(resource.ref)
            self.resources.append(resource)

    def supplied(self, unread: Outcome | None = None) -> Supplied:
        """The list, with everything that keeps it from being complete."""
        resources = tuple(self.resources)
        stated = unread is None and self.total > self.counted + self.broken
        gaps = (
            f"the search behind `{self.key}` reported an error" if self.error else "",
            _unread(self.key, unread) if unread else "",
            f"more entries of `{self.key}` are stated than were sent" if stated else "",
            foreign_gap(self.key, self.foreign),
            other_types_gap(self.key, resources),
        )
        gap = "; ".join(filter(None, gaps))
        return Supplied(self.key, resources, gap, broken=self.broken, foreign=self.foreign)


async def search(
    exchange: Exchange, key: str, url: str, patient_id: str, include: str = ""
) -> Supplied:
    """All pages of a search. `include` is a parameter that the server may not know: it is tried
    once, and left out where the answer is 400."""
    reply = await exchange.get(key, f"{url}&_include={include}" if include else url, "Bundle")
    if include and reply.status == 400:
        reply = await exchange.get(key, url, "Bundle")
    return await _follow(exchange, _Found(key), url, reply, patient_id)


async def go_on(exchange: Exchange, first: Supplied, page: Page, patient_id: str) -> Supplied:
    """The client's first page and the pages after it. Its own entries are judged by the chart."""
    found = _Found(first.key)
    found.add(page, listed(page), foreign=0)
    link = next_address(exchange.base, f"{exchange.base}/", page.next_page)
    if link is None:
        return found.supplied(Outcome.OFF_SERVER)
    reply = await exchange.get(first.key, str(link), "Bundle")
    return await _follow(exchange, found, str(link), reply, patient_id)


async def _follow(
    exchange: Exchange, found: _Found, url: str, reply: Reply, patient_id: str
) -> Supplied:
    read = {url}
    while True:
        page, outcome = _page(reply)
        if page is None:
            if outcome is not reply.outcome:
                exchange.note(found.key, outcome)
            return found.supplied(outcome) if found.pages else failed(found.key, outcome)
        _add(exchange, found, page, patient_id)
        if not page.more:
            return found.supplied()
        link = next_address(exchange.base, url, page.next_page)
        stop = _stop(exchange, found, str(link) if link else "", read)
        if stop is not None:
            exchange.note(found.key, stop)
            return found.supplied(stop)
        url = str(link)
        read.add(url)
        reply = await exchange.get(found.key, url, "Bundle")


def _add(exchange: Exchange, found: _Found, page: Page, patient_id: str) -> None:
    own = listed(page)
    mine = [item for item in own if not is_foreign(item, patient_id, exchange.base)]
    found.add(page, mine, len(own) - len(mine))
    if len(own) > len(mine):
        exchange.note(found.key, Outcome.OTHER_PATIENT)
    if reports_failure(page):
        exchange.note(found.key, Outcome.SEARCH_ERROR)


def _stop(exchange: Exchange, found: _Found, link: str, read: set[str]) -> Outcome | None:
    """Why the next page is not read."""
    if not link:
        return Outcome.OFF_SERVER
    if link in read:
        return Outcome.LOOP
    if found.pages >= exchange.limits.pages:
        return Outcome.TOO_MANY_PAGES
    return Outcome.TOO_MANY if len(found.resources) >= exchange.limits.resources else None


def _page(reply: Reply) -> tuple[Page | None, Outcome]:
    if reply.outcome is not Outcome.OK:
        return None, reply.outcome
    try:
        return read_page(reply.raw), Outcome.OK
    except UNDECODABLE:
        return None, Outcome.NOT_JSON


def _unread(key: str, outcome: Outcome) -> str:
    return f"more pages of `{key}` exist and were not read: {WHY[outcome]}"
