"""Whatever a chart holds, the facts the engine finds in it are among those a proof looks at.

A record that breaks an axiom, or gives a fact a state its declaration calls impossible, would be a
patient about whom every law is proved and none is known to hold. `CDS_NIGHTLY=100000` in the
environment asks for that many records.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
import z3
from hypothesis import HealthCheck, Phase, given, settings
from records import NOW, Records, words_of
from terms import NIGHTLY, Known, book, first_broken, free_facts

from cds.chart.drugs import narrowed
from cds.chart.read import read_chart
from cds.engine.facts import Facts
from cds.facts.model import Measured, Reason, State
from cds.facts.record import (
    LabResult,
    Listing,
    MedicationOrder,
    OrderKind,
    Person,
    Place,
    Record,
    Setting,
)
from cds.hooks.request import read_call
from cds.hooks.services import SERVICES
from cds.kernel.codes import RxNorm
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.prove.axioms import GROUPS, axioms, gap
from cds.prove.patient import Patient
from cds.sample import Sample, samples

ALL = tuple(samples(Path(__file__).parents[3] / "fhir_fixtures"))
FIXTURES = tuple(item for item in ALL if item.expect.get("status", 200) == 200)
KEYS = {
    "observations": "labs",
    **{k: k for k in ("medications", "problems", "procedures", "allergies", "lab_orders")},
    "administrations": "administrations",
}
# Nobody's order: what the facts about an order are where no order is looked at. Nothing follows
# from it for the rest of the patient, so the assumptions have room for such a patient too.
NO_ORDER = MedicationOrder("", "", OrderKind.DRAFT)


@cache
def assumed() -> tuple[Patient, tuple[z3.BoolRef, ...], z3.BoolRef]:
    """One patient with everything open, all that a proof assumes of it, and that as one term."""
    patient = Patient(book())
    for name in free_facts(book()):
        patient.fact(name)
    assert all(isinstance(term, z3.BoolRef) for term in axioms(patient))
    found = (*patient.holds, *axioms(patient))
    return patient, found, z3.And(*found)


NOBODY = Record(
    Person("Patient/1", date(1970, 1, 1), "female"),
    Place(Setting.INPATIENT),
    **{member: Listing(key) for key, member in KEYS.items()},
)


def known(record: Record, states: dict[str, State], order: MedicationOrder) -> Known:
    """The record as values of every variable: its facts, its gaps, and the order looked at."""
    patient, _, _ = assumed()
    found = Known()
    for name, state in states.items():
        found.state(patient.fact(name), state)
    for key, member in KEYS.items():
        found.set(gap(patient, key), bool(getattr(record, member).gap))
    unread = any(not draft.identified for draft in record.drafts)
    found.set(z3.Bool("draft-unread"), unread)
    age = states["age"]
    found.set(z3.Int("years"), age.quantity.value if isinstance(age, Measured) else Decimal(0))
    held = {item.name for item in order.substances} | order.roles
    for name, term in patient.tags.items():
        found.set(term, name in held)
    found.set(patient.editable, order.editable)
    return found


def seen(record: Record, now: datetime) -> Iterator[Known]:
    """The record as the rules see it: once for no order, and once for each order they look at."""
    facts = Facts(book(), record, now)
    orders = [order for order in record.drafts if order.selected and order.systemic]
    for order in (NO_ORDER, *orders):
        view = facts.for_order(order)
        states = {name: view.fact(name).state for name in free_facts(book())}
        yield known(record, states, order)


def check(record: Record, now: datetime) -> None:
    """Every assumption holds. Raises AssertionError naming the first that does not."""
    _, terms, every = assumed()
    for found in seen(record, now):
        if not found.holds(every):
            pytest.fail(f"assumed, but not so: {first_broken(found, terms)}\nof {record}")


def record_of(item: Sample) -> Record:
    """A synthetic patient through the real reading."""
    service = SERVICES[f"electrolytes-{item.request['hook']}"]
    call = read_call(service, json.dumps(item.request).encode())
    return read_chart(call, book().terminology, item.now).record


@pytest.mark.parametrize("item", FIXTURES, ids=lambda item: item.name)
def test_every_synthetic_patient_is_one_that_proofs_look_at(item: Sample) -> None:
    check(record_of(item), item.now)


def result(analyte: Analyte, value: str, unit: str, number: int = 1) -> LabResult:
    """A magnesium of an hour ago, as it is read."""
    at = NOW - timedelta(hours=1)
    quantity, name = Quantity.of(analyte, value, unit), f"Observation/{number}"
    return LabResult(analyte, name, value, quantity, at, (str(at), "", "", name))


def with_labs(*results: LabResult) -> Record:
    """A patient of whom these results are known, and that every list is complete."""
    return replace(NOBODY, labs=Listing("observations", results))


def the_bag(parenteral: bool | None) -> MedicationOrder:
    """The standard bag of magnesium sulfate, selected."""
    (substances,) = (held for code, held in words_of(book()).drugs if code == "829757")
    return MedicationOrder(
        "MedicationRequest/1", "bag", OrderKind.DRAFT, substances=narrowed(substances, parenteral),
        product=RxNorm("829757"), parenteral=parenteral, selected=True,
    )  # fmt: skip


NEGATIVE = replace(result(Analyte.MAGNESIUM, "-1", "mg/dL"), set_aside=Reason.IMPLAUSIBLE)
LOW = replace(
    result(Analyte.MAGNESIUM, "1.75", "mg/dL"),
    reference_low=Quantity.of(Analyte.MAGNESIUM, "1.8", "mg/dL"),
)
UNREAD = MedicationOrder("MedicationRequest/2", "", OrderKind.DRAFT, identified=False)
UNKNOWN = {member: Listing(key, gap="1 entry could not be read") for key, member in KEYS.items()}
RARE = {
    "no list is complete": replace(NOBODY, **UNKNOWN),
    "a draft names no drug": replace(NOBODY, drafts=(UNREAD,)),
    "a laboratory has a lower limit of its own": with_labs(LOW),
    "a number below zero is set aside, and is still the number that is shown": with_labs(NEGATIVE),
    "the bag by mouth is no infusion": replace(NOBODY, drafts=(the_bag(parenteral=False),)),
    "the bag by no stated route": replace(NOBODY, drafts=(the_bag(parenteral=None),)),
    "two results of one draw, one on the last limit of belief in another unit": with_labs(
        result(Analyte.MAGNESIUM, "8", "mmol/L", 1), result(Analyte.MAGNESIUM, "2", "mg/dL", 2)
    ),
    "two results of one draw, one on the first limit of belief in another unit": with_labs(
        result(Analyte.MAGNESIUM, "0.1", "mmol/L", 1), result(Analyte.MAGNESIUM, "2", "mg/dL", 2)
    ),
}


@pytest.mark.parametrize("record", RARE.values(), ids=RARE)
def test_a_rare_record_is_one_that_proofs_look_at(record: Record) -> None:
    check(record, NOW)


@settings(
    max_examples=NIGHTLY or 150,
    deadline=None,
    derandomize=not NIGHTLY,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # a record of many lists takes minutes to make small
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(Records(book()).record)
def test_every_record_is_one_that_proofs_look_at(record: Record) -> None:
    check(record, NOW)


def premises(term: z3.BoolRef) -> Iterator[z3.BoolRef]:
    """When an assumption says something: what it is about is so."""
    if z3.is_and(term):
        for part in term.children():
            yield from premises(part)
    else:
        yield z3.Not(term.arg(0)) if z3.is_or(term) else term


@cache
def some_patients() -> tuple[Known, ...]:
    """Synthetic patients and rare ones, as values of all variables."""
    charts = ((record_of(item), item.now) for item in FIXTURES[::4])  # of every folder
    rare = ((record, NOW) for record in RARE.values())
    return tuple(found for record, now in (*charts, *rare) for found in seen(record, now))


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_of_assumptions_is_about_somebody(group: str) -> None:
    patient, _, _ = assumed()
    told = [
        premise for term in GROUPS[group](patient) if z3.is_expr(term) for premise in premises(term)
    ]
    about = [premise for premise in told if any(one.holds(premise) for one in some_patients())]
    assert len(about) > len(told) / 4
