"""Every order of every patient as one call, through real bytes and the real pipeline."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from real.as_of import body
from real.checks import Json, actions, faults, validate
from real.hospital_data import Hospital, Order, Patient
from real.tally import Tally

from cds.clients.model import Client
from cds.engine.decision import Outcome
from cds.facts.model import Missing
from cds.facts.record import Unclear
from cds.hooks.request import read_call
from cds.hooks.response import encode_cards
from cds.hooks.services import SERVICES
from cds.pipeline import Answer, answer
from cds.rulebook.model import Rulebook

SERVICE = SERVICES["electrolytes-order-select"]
CLIENT = "replay"


@dataclass(frozen=True, slots=True)
class Seen:
    """One call with its answer, for whoever wants to look."""

    patient: Patient
    order: Order
    body: bytes
    answer: Answer
    cards: list[Json]


def run(
    hospital: Hospital,
    patients: Iterable[Patient],
    book: Rulebook,
    look: Callable[[Seen], None] = lambda _seen: None,
) -> Tally:
    """Every order of `patients`, in the order it was written. Never raises for a call."""
    tally = Tally()
    validated: set[tuple[str, ...]] = set()
    began = time.perf_counter()
    for patient in patients:
        birth = json.loads(patient.raw)["birthDate"]
        for order in patient.orders:
            sent = body(hospital, patient, order)
            tally.requests += 1
            tally.bytes_sent.append(len(sent))
            start = time.perf_counter()
            try:
                call = read_call(SERVICE, sent)
                found = answer(call, book, order.authored, Client(CLIENT))
                wire = encode_cards(found.cards)
            except Exception as error:
                name = f"MedicationRequest/{order.id}: {type(error).__name__}: {error}"
                tally.exceptions.append(name)
                continue
            tally.seconds.append(time.perf_counter() - start)
            cards: list[Json] = json.loads(wire)["cards"]
            _count(tally, found)
            _check(tally, cards, order, birth)
            tally.fold_defects.update(found.defects)
            _validate(tally, cards, validated)
            look(Seen(patient, order, sent, found, cards))
    tally.wall = time.perf_counter() - began
    return tally


def _count(tally: Tally, found: Answer) -> None:
    tally.answers_with_cards += bool(found.cards)
    for card in found.cards:
        tally.cards[card["extension"]["rows"][0], card["indicator"]] += 1
    for decision in found.decisions.items:
        tally.outcomes[decision.outcome.value] += 1
        if decision.outcome is Outcome.ERROR:
            tally.broken_rules.append(f"{decision.rule.id}: {decision.reason}")
        for offer in decision.offers:
            tally.offered[offer.suggestion.name] += 1
        for lost in decision.withheld:
            tally.withheld.update((lost.suggestion.name, code) for code in lost.codes)
    for fact in found.decisions.facts:
        if isinstance(fact.state, Missing):
            tally.missing[fact.name, fact.state.reason.value] += 1
    _count_record(tally, found)


def _count_record(tally: Tally, found: Answer) -> None:
    record = found.record
    for lab in record.labs.items:
        if lab.set_aside is not None:
            tally.unique_set_aside[lab.source] = f"{lab.analyte.value} {lab.set_aside.value}"
    for order in record.drafts:
        ways = sorted({item.by for item in order.substances})
        way = "+".join(ways) or ("no code set names it" if order.identified else "unidentified")
        tally.unique_drugs[order.source] = way
        if order.dose is not None:
            tally.unique_doses[order.source] = (_main(order.substances), _read(order.dose))
    for given in record.administrations.items:
        if given.dose is not None:
            tally.unique_given_doses[given.source] = (_main(given.substances), _read(given.dose))
    tally.unique_unreadable.update(record.unreadable)


def _main(substances: Iterable[Any]) -> str:
    names = [item.name for item in substances if item.name.startswith(("magnesium", "potassium"))]
    return "+".join(names) or "other"


def _read(dose: object) -> str:
    return dose.why if isinstance(dose, Unclear) else "read"


def _check(tally: Tally, cards: list[Json], order: Order, birth: str) -> None:
    draft = json.loads(order.draft)
    tally.faults += [
        f"MedicationRequest/{order.id}: {fault}"
        for fault in faults(cards, draft, birth, order.authored)
    ]


def _validate(tally: Tally, cards: list[Json], done: set[tuple[str, ...]]) -> None:
    """Every create and update once per row, suggestion label and product."""
    for card in cards:
        for suggestion in card.get("suggestions", ()):
            key = (card["extension"]["rows"][0], suggestion["label"])
            if key in done:
                continue
            done.add(key)
            for action in actions([{"suggestions": [suggestion]}]):
                if "resource" in action:
                    validate(action["resource"])
                    tally.validated += 1
