"""One answered call as it is kept: everything it rests on, and nobody's name (design section 7).

The body is canonical JSON. It holds the patient's record as the rules saw it, so that the decision
can be made again, and the reasoning as it was made, so that it can be read without the rules. Of
the record's dates, the birth date stays (`record.person.birth`): ages are worked out from it.
Display texts of drugs, problems and results stay too: they are clinical. Names, identifiers and
addresses of persons are never read from a chart, so they cannot come here.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache, partial
from importlib.metadata import version
from typing import Any

import msgspec

from cds.audit.codec import FORMAT, canonical
from cds.audit.decided import DECIDED, Decided
from cds.audit.kept import Entry, Shown
from cds.audit.pieces import WRITTEN
from cds.audit.redact import Ids, cards_kept, without_ids
from cds.clients.model import Client
from cds.facts.record import Listing, Record
from cds.fhir.access import Fetched
from cds.fhir.bundle import entries
from cds.hooks.request import HookCall
from cds.kernel.text import plain
from cds.pipeline import NOTHING, Answer, no_drugs_because
from cds.rulebook.model import Rulebook

ENGINE = version("electrolyte-cds")
_MICROSECONDS = 1_000_000
_draft = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


@dataclass(frozen=True, slots=True)
class Identity:
    """What is kept of references to persons, encounters and orders: a keyed hash, the same for the
    same reference of the same client, or with `plain` the reference itself."""

    key: bytes = field(repr=False)
    plain: bool = False

    def patient(self, client: str, patient_id: str) -> str:
        """`hmac:` and 32 hex digits, or `Patient/id`."""
        return self._kept(client, "Patient", patient_id)

    def encounter(self, client: str, encounter_id: str) -> str:
        """`hmac:` and 32 hex digits, or `Encounter/id`."""
        return self._kept(client, "Encounter", encounter_id)

    def reference(self, client: str, reference: str) -> str:
        """`Type/id` with its id hashed, or as it is."""
        kind, _, name = reference.partition("/")
        return reference if self.plain else f"{kind}/{self._kept(client, kind, name)}"

    def _kept(self, client: str, kind: str, name: str) -> str:
        return f"{kind}/{name}" if self.plain else _hashed(self.key, client, kind, name)


@lru_cache(512)  # one patient stands in a call several times, and in the calls that follow
def _hashed(key: bytes, client: str, kind: str, name: str) -> str:
    # The first word keeps these hashes apart from everything else the key may sign.
    message = canonical(["reference", client, kind, name])
    return f"hmac:{hmac.digest(key, message, 'sha256').hex()[:32]}"


def entry_of(
    call: HookCall,
    client: Client,
    answer: Answer,
    book: Rulebook,
    now: datetime,
    at: datetime,
    identity: Identity,
    seconds: float,
    fetched: Fetched = NOTHING,
) -> Entry:
    """The record of one answer. `now` is the clinical moment it was given for, `at` the wall clock
    (both aware), `seconds` how long it took, `fetched` what the call did not bring.

    Raises CodecError when the answer holds what cannot be kept.
    """
    who = _Who.of(call, client, identity)
    decided = DECIDED.of(answer.decisions, book)
    tree = {
        "format": FORMAT,
        **_moments(answer, now),
        "timings": _timings(seconds, fetched),
        **_asked(call, client, who, fetched),
        **_answered(answer),
        **_decided(call, answer, who),
    }
    return Entry(
        id=answer.decision_id,
        at=at,
        client=client.name,
        service=call.service,
        hook=call.hook,
        patient=who.patient,
        rulebook=book.digest,
        site=book.site,
        engine=ENGINE,
        body=without_ids(canonical({**tree, **decided.tables}), who.ids(call)),
        shown=_shown(answer.cards, decided),
        marks=decided.marks,
    )


def _moments(answer: Answer, now: datetime) -> dict[str, str]:
    """The moment that was decided for, and the very moment of the call where that is another."""
    return {"now": now.isoformat(timespec="microseconds"), **_asked_at(answer)}


def _asked_at(answer: Answer) -> dict[str, str]:
    if answer.asked == answer.now:
        return {}
    return {"asked": answer.asked.isoformat(timespec="microseconds")}


@dataclass(frozen=True, slots=True)
class _Who:
    """What is kept of the patient and the encounter ("" = none) of a call, and of all others."""

    client: str
    identity: Identity
    patient: str
    encounter: str

    @classmethod
    def of(cls, call: HookCall, client: Client, identity: Identity) -> _Who:
        patient = identity.patient(client.name, call.patient_id)
        encounter = ""
        if call.encounter_id:
            encounter = identity.encounter(client.name, call.encounter_id)
        return cls(client.name, identity, patient, encounter)

    def kept(self, reference: str) -> str:
        """`Type/id` with its id hashed, or as it is."""
        return self.identity.reference(self.client, reference)

    def ids(self, call: HookCall) -> Ids:
        """What is replaced wherever it stands; nothing, where references are kept as they are."""
        if self.identity.plain:
            return ()
        return _ids(call.patient_id, self.patient, call.encounter_id or "", self.encounter)


@lru_cache(512)
def _ids(patient_id: str, patient: str, encounter_id: str, encounter: str) -> Ids:
    ids = [("Patient", patient_id, patient)]
    if encounter_id:
        ids.append(("Encounter", encounter_id, encounter))
    # on a card an odd id stands as `plain` leaves it
    as_shown = [(kind, plain(name), kept) for kind, name, kept in ids]
    return tuple(dict.fromkeys(ids + as_shown))


def _shown(cards: Iterable[Mapping[str, Any]], decided: Decided) -> tuple[Shown, ...]:
    found = []
    for card in cards:
        about = card["extension"]
        rule, _, rule_version = about["rule"].partition("@")
        row = next(iter(about["rows"]), "")
        band = decided.band(rule, row, card["summary"])
        found.append(Shown(card["uuid"], rule, rule_version, row, card["indicator"], band))
    return tuple(found)


def _asked(call: HookCall, client: Client, who: _Who, fetched: Fetched) -> dict[str, Any]:
    return {
        "digests": {"body": call.body_digest, "fetched": fetched.digest()},
        "hook_instance": call.hook_instance,
        "user": call.user_id.partition("/")[0],
        "encounter": who.encounter,
        "profile": client.profile.name,
        "no_drugs": no_drugs_because(call),
    }


def _answered(answer: Answer) -> dict[str, Any]:
    return {
        "gaps": _gaps(answer.record),
        "defects": answer.defects,
        "unread": answer.decisions.unread,
        "kidneys": answer.decisions.fine_print,
    }


def _decided(call: HookCall, answer: Answer, who: _Who) -> dict[str, Any]:
    """What the rules saw, and what was shown."""
    drafts = partial(_draft_of, call)
    record = _record(answer.record, who)
    return {"record": record, "cards": cards_kept(answer.cards, who.kept, drafts)}


def _record(record: Record, who: _Who) -> dict[str, Any]:
    """The record with its person and place named by what is kept of them, whatever the resources
    that told about them were called."""
    tree = WRITTEN.record(record)
    tree["person"]["source"] = who.kept(record.person.source)
    if record.place.source:
        tree["place"]["source"] = who.kept(record.place.source)
    return tree


def _timings(seconds: float, fetched: Fetched) -> dict[str, Any]:
    return {
        "microseconds": int(seconds * _MICROSECONDS),
        "fetches": [
            {
                "key": note.key,
                "outcome": note.outcome,
                "microseconds": int(note.seconds * _MICROSECONDS),
            }
            for note in fetched.calls
        ],
    }


def _gaps(record: Record) -> dict[str, str]:
    """Prefetch key -> why absence cannot be concluded from its list; a complete one has none."""
    listings: tuple[Listing[object], ...] = (
        record.labs,
        record.medications,
        record.administrations,
        record.problems,
        record.procedures,
        record.allergies,
        record.lab_orders,
    )
    return {listing.key: listing.gap for listing in listings if listing.gap}


def _draft_of(call: HookCall, reference: str) -> Mapping[str, Any]:
    """The draft order a card changes, as it was sent; its card exists, so it could be read."""
    if call.draft_orders is None:  # pragma: no cover - a card changes only what was drafted
        return {}
    found, _, _ = entries(call.draft_orders)
    return next((_draft.decode(item.raw) for item in found if item.ref == reference), {})
