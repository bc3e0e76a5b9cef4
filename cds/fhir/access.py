"""What a call did not bring, fetched from the FHIR server it names.

Only from a server that the client may name, only with the token of this very call, all keys at
once, and only until the deadline. What the other side does wrong becomes a gap with its reason:
nothing here raises for it (CDS Hooks 2.0.1, FHIR Resource Access; design section 8).
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cds.errors import BadRequest
from cds.fhir.address import Address, read_base
from cds.fhir.bundle import UNDECODABLE, RawResource, Supplied, entries, read_page
from cds.fhir.exchange import Exchange, FetchLimits, FhirCallNote
from cds.fhir.medication_references import is_plain_id, wanted_medications
from cds.fhir.outcomes import Outcome
from cds.fhir.pages import failed, go_on, not_continued, read_medication, read_one, search
from cds.fhir.prefetch import EXPECTED, REFERRED, read_supplied
from cds.hooks.request import HookCall

if TYPE_CHECKING:
    import httpx  # a tenth of a second to load: who fetches brings it

__all__ = ["FetchLimits", "Fetched", "FhirAccess", "FhirCallNote"]

_TOKEN = re.compile(r"\{\{\s*context\.(\w+)\s*\}\}")
_INCLUDES = {
    "medications": "MedicationRequest:medication",
    "administrations": "MedicationAdministration:medication",
}
_LISTS = ("medications", "administrations")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched: by prefetch key, each with its gap; `calls` are for the metrics."""

    supplied: Mapping[str, Supplied] = field(default_factory=dict)
    calls: tuple[FhirCallNote, ...] = ()

    def digest(self) -> str:
        """SHA-256 in hex of everything a decision can tell from it, "" where it is nothing."""
        if not self.supplied:
            return ""
        found = hashlib.sha256()
        for key, item in sorted(self.supplied.items()):
            found.update(f"{key}|{item.gap}|{item.supplied}|{item.broken}".encode())
            for resource in item.resources:
                found.update(hashlib.sha256(bytes(resource.raw)).digest())
        return found.hexdigest()


@dataclass(frozen=True, slots=True)
class _Todo:
    """What the call supplied, and the keys of which something is missing."""

    given: Mapping[str, Supplied]
    missing: tuple[str, ...]


class FhirAccess:
    """Fetches what a call did not bring.

    `templates` are those of discovery, by prefetch key. `clock` gives monotonic seconds.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        templates: Mapping[str, str],
        clock: Callable[[], float],
        limits: FetchLimits = FetchLimits(),  # noqa: B008  frozen, so one for all is as good
    ) -> None:
        self._http = http
        self._templates = templates
        self._clock = clock
        self._limits = limits

    async def fetch(
        self, call: HookCall, keys: Sequence[str], allowed: Sequence[str], deadline: float
    ) -> Fetched:
        """What is missing of `keys`, and the Medications that orders refer to.

        `allowed` are the base addresses this client may name, `deadline` is absolute on the clock.
        Never raises for what the other side does.
        """
        if call.fhir_server is None:
            return Fetched()
        todo = _todo(call, keys)
        base, refusal = self._server(call, allowed)
        if refusal is not None or base is None:
            return _refused(todo, refusal or Outcome.NOT_ALLOWED)
        exchange = self._exchange(call, base, deadline)
        read = await asyncio.gather(
            *(self._key(exchange, call, key, todo.given.get(key)) for key in todo.missing)
        )
        supplied = {item.key: item for item in read if item is not None}
        medications = await _medications(exchange, call, {**todo.given, **supplied})
        if medications:
            supplied[REFERRED] = Supplied(REFERRED, medications)
        return Fetched(supplied, tuple(exchange.notes))

    def _exchange(self, call: HookCall, base: Address, deadline: float) -> Exchange:
        token = call.authorization.access_token if call.authorization else ""
        slots = asyncio.Semaphore(self._limits.concurrency)
        return Exchange(self._http, base, token, self._clock, deadline, self._limits, slots)

    def _server(
        self, call: HookCall, allowed: Sequence[str]
    ) -> tuple[Address | None, Outcome | None]:
        """The base address, or why it is not asked."""
        base = read_base(call.fhir_server or "")
        bases = (read_base(text) for text in allowed)
        if base is None or not any(known is not None and known.has(base) for known in bases):
            return None, Outcome.NOT_ALLOWED
        if call.authorization is None:
            return base, None if self._limits.anonymous else Outcome.NO_TOKEN
        return base, None if call.authorization.expires_in > 0 else Outcome.EXPIRED

    async def _key(
        self, exchange: Exchange, call: HookCall, key: str, given: Supplied | None
    ) -> Supplied | None:
        if given is not None and given.next_page:
            page = read_page(call.prefetch[key])
            return await go_on(exchange, given, page, call.patient_id)
        context = {"patientId": call.patient_id, "encounterId": call.encounter_id}
        template = self._templates.get(key, "")
        names = [context.get(name) for name in _TOKEN.findall(template)]
        if not template or None in names:
            return None
        if not all(is_plain_id(name) for name in names if name is not None):
            exchange.note(key, Outcome.BAD_ID)
            return failed(key, Outcome.BAD_ID, asked=False)
        path = _TOKEN.sub(lambda found: context[found[1]] or "", template)
        url = exchange.base.below(path)
        if "?" not in path:
            return await read_one(exchange, key, url, path.rpartition("/")[2], call.patient_id)
        return await search(exchange, key, url, call.patient_id, _INCLUDES.get(key, ""))


def _todo(call: HookCall, keys: Sequence[str]) -> _Todo:
    given: dict[str, Supplied] = {}
    missing: list[str] = []
    for key in keys:
        if key not in EXPECTED:
            continue
        try:
            item = read_supplied(key, call.prefetch.get(key))
        except BadRequest:
            continue  # what is wrong with the call is said where the call is read
        given[key] = item
        if not item.supplied or item.next_page:
            missing.append(key)
    return _Todo(given, tuple(missing))


def _refused(todo: _Todo, outcome: Outcome) -> Fetched:
    supplied = {
        key: not_continued(todo.given[key], outcome)
        if todo.given[key].supplied
        else failed(key, outcome, asked=False)
        for key in todo.missing
    }
    return Fetched(supplied, tuple(FhirCallNote(key, outcome.value, 0.0) for key in todo.missing))


async def _medications(
    exchange: Exchange, call: HookCall, supplied: Mapping[str, Supplied]
) -> tuple[RawResource, ...]:
    """The Medications that drafts, orders and doses refer to and nobody sent along."""
    lists = (supplied[key].resources for key in _LISTS if key in supplied)
    wanted = wanted_medications((_drafts(call), *lists), exchange.base)
    if wanted.elsewhere:
        exchange.note(REFERRED, Outcome.OFF_SERVER)
    if len(wanted.names) > exchange.limits.medications:
        exchange.note(REFERRED, Outcome.TOO_MANY)
    names = wanted.names[: exchange.limits.medications]
    read = await asyncio.gather(*(read_medication(exchange, REFERRED, name) for name in names))
    return tuple(item for item in read if item is not None)


def _drafts(call: HookCall) -> tuple[RawResource, ...]:
    if call.draft_orders is None:
        return ()
    try:
        return entries(call.draft_orders)[0]
    except UNDECODABLE:
        return ()  # refused where the chart reads it
