"""The one way through the house, on one screen (design section 2)."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from cds.cards.adapt import adapted
from cds.cards.context import CardContext
from cds.cards.identity import uuid5
from cds.cards.render import render_all
from cds.chart.read import Chart, read_chart
from cds.clients.model import Client
from cds.engine.decide import decide
from cds.engine.decision import Decisions
from cds.engine.repeat import history_of
from cds.facts.record import Overridden, Record
from cds.fhir.access import Fetched
from cds.hooks.request import HookCall
from cds.hooks.services import CLINICIANS, HOOKS
from cds.rulebook.model import Rulebook

NOTHING = Fetched()
_MINUTE = timedelta(minutes=1)
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:electrolyte-cds:decision")


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client, and everything it rests on."""

    cards: tuple[dict[str, Any], ...]
    decisions: Decisions
    record: Record
    decision_id: str
    book: Rulebook
    now: datetime  # the moment that was decided for: the `whole_minute` of the next
    asked: datetime  # the very moment of the call
    defects: tuple[str, ...] = ()  # what folding had to put right: never patient data


def whole_minute(now: datetime) -> datetime:
    """The end of the minute that runs, at most a minute ahead and never of another day: the moment
    that ages and windows count from.

    So what was found for a patient holds for a minute, while an order is edited
    (`engine.standing`). A result is never younger for it than it is. Whether one is of the future
    is asked at the moment itself, when the chart is read (safety point 10).
    """
    begun = now.replace(second=0, microsecond=0)
    if begun == now:
        return now
    end = begun + _MINUTE
    return end if end.date() == now.date() else end - datetime.resolution


def no_drugs_because(call: HookCall) -> str:
    """Why this call may suggest no drug: the hook (clinical pack R1), or who is looking."""
    if not HOOKS[call.hook].drugs:
        return f"no drug is suggested at {call.hook}"
    if call.user_id.partition("/")[0] not in CLINICIANS:
        return "drugs are suggested to clinicians only"
    return ""


def _digest(call: HookCall, fetched: Fetched) -> str:
    """SHA-256 in hex of everything the client gave for the answer."""
    more = fetched.digest()
    if not more:
        return call.body_digest
    return hashlib.sha256(f"{call.body_digest}|{more}".encode()).hexdigest()


def _decision_id(
    call: HookCall, book: Rulebook, client: Client, digest: str, told: tuple[Overridden, ...]
) -> str:
    """One id for one decision: a call sent again after an override may be answered otherwise."""
    parts = [client.name, call.service, call.hook_instance, digest, book.digest]
    parts += [f"{x.rule} {x.row} {x.indicator} {x.reason} {x.at.isoformat()}" for x in told]
    return uuid5(NAMESPACE, "|".join(parts))


def _context(
    call: HookCall,
    client: Client,
    book: Rulebook,
    chart: Chart,
    names: tuple[str, str],
    now: datetime,
) -> CardContext:
    """`names`: the digest of all that was given, and the id of the decision."""
    digest, decision_id = names
    return CardContext(
        client=client.name,
        service=call.service,
        hook_instance=call.hook_instance,
        body_digest=digest,
        decision_id=decision_id,
        patient_id=call.patient_id,
        encounter_id=call.encounter_id,
        book=book,
        drafts={ref: resource.raw for ref, resource in chart.drafts.items()},
        today=now.date(),
    )


def answer(
    call: HookCall,
    book: Rulebook,
    now: datetime,
    client: Client,
    fetched: Fetched = NOTHING,
    history: Iterable[Overridden] = (),
    *,
    whole: bool = True,
) -> Answer:
    """Cards and decisions for one hook call, in the shape its client reads.

    `now` is the clinical moment (aware): the chart is read at it, ages and windows count from its
    `whole_minute`. `fetched` is what the call left out; `history` is what this client told us of
    cards for this patient, in any order. Raises BadRequest (4xx) when the call cannot be answered
    for this patient. Pure: the same call, rulebook, now, client, data fetched and history give the
    same bytes (law 7). With `whole=False` cards and outcomes are the same, and rules that are
    surely silent are told to be so without their clauses (`decide`).
    """
    chart = read_chart(call, book.terminology, now, fetched.supplied)
    told = history_of(history)
    record = replace(chart.record, overridden=told) if told else chart.record
    minute, no_drugs = whole_minute(now), no_drugs_because(call)
    decisions = decide(book, record, minute, call.hook, no_drugs, whole=whole, asked=now)
    digest = _digest(call, fetched)
    decision_id = _decision_id(call, book, client, digest, record.overridden)
    context = _context(call, client, book, chart, (digest, decision_id), minute)
    rendered = render_all(decisions, context)
    cards = adapted(rendered.cards, client.profile, book.templates)
    return Answer(cards, decisions, record, decision_id, book, minute, now, rendered.defects)
