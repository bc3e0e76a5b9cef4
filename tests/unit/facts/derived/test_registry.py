"""Every derived fact reads what it declares, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from types import ModuleType
from typing import Any

import pytest

from cds.facts.derived.registry import DERIVED
from cds.facts.model import Category, Measured, Presence
from cds.facts.record import OrderKind
from cds.kernel.units import Analyte


def patients(kit: ModuleType) -> Iterator[Any]:
    """Patients that send every function down its branches."""
    labs = (
        kit.k("3.0", 40),
        kit.k("3.0", 2),
        kit.cr("0.9", 40),
        kit.cr("1.3", 2),
        kit.lab(Analyte.CALCIUM, "7.0 mg/dL", 2),
        kit.lab(Analyte.CALCIUM, "7.0 mg/dL", 20),
        kit.lab(Analyte.ALBUMIN, "4.0 g/dL", 2),
        kit.lab(Analyte.HEIGHT, "100 cm", 2),
    )
    ionized = tuple(kit.lab(Analyte.CALCIUM_IONIZED, "1.0 mmol/L", hours) for hours in (2, 20))
    egfr = (kit.lab(Analyte.EGFR, "45 mL/min/{1.73_m2}", 2),)
    order = kit.order(30, per_day=2, dose=kit.meq(20))
    salt = kit.order(kind=OrderKind.DRAFT, dose=kit.meq(20), once=True)
    draft = kit.order(kind=OrderKind.DRAFT, substances=kit.MGSO4, dose=kit.grams(2), once=True)
    given: tuple[dict[str, Any], ...] = (
        {},
        {"dialysis": kit.present("dialysis")},
        {"esrd": kit.present("esrd")},
        {"aki_recent": kit.unknown("aki_recent"), "dialysis": kit.unknown("dialysis")},
    )
    for results, age, facts in product((labs, labs + ionized, egfr, ()), (50, 9, None), given):
        yield kit.view(results, orders=(order,), drafts=(draft, salt), age=age, given=facts)
        yield kit.view(results, orders=None, administrations=None, age=age, given=facts)


@pytest.mark.parametrize("name", sorted(DERIVED))
def test_a_derived_fact_reads_exactly_what_it_declares(kit: ModuleType, name: str) -> None:
    derived = DERIVED[name]
    asked: set[str] = set()
    limits: set[str] = set()
    windows: set[str] = set()
    for patient in patients(kit):
        derived.function(patient)
        asked |= patient.asked
        limits |= patient.limits
        windows |= patient.windows
    assert asked == set(derived.reads)
    assert limits == set(derived.thresholds)
    assert windows == set(derived.windows)


class Watched:
    """A record that notes which of its fields are read."""

    def __init__(self, record: Any) -> None:
        self._record = record
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(self._record, name)


@pytest.mark.parametrize("name", sorted(DERIVED))
def test_a_derived_fact_looks_at_drafts_exactly_where_it_is_declared(
    kit: ModuleType, name: str
) -> None:
    """What is not declared is taken for the same while an order is edited."""
    derived, read, changed = DERIVED[name], set[str](), 0
    for patient in patients(kit):
        before = derived.function(patient)
        record = patient.record
        patient.record = Watched(record)
        derived.function(patient)
        read |= patient.record.read
        patient.record = replace(record, drafts=())
        changed += derived.function(patient) != before
    assert ("drafts" in read) is derived.drafts
    assert (changed > 0) is derived.drafts
    assert read.isdisjoint({"draft_lab_orders", "unreadable", "overridden"})


@pytest.mark.parametrize("name", sorted(DERIVED))
def test_a_derived_fact_answers_in_its_declared_type_and_explains_itself(
    kit: ModuleType, name: str
) -> None:
    derived = DERIVED[name]
    answers = [derived.function(patient) for patient in patients(kit)]
    kinds = {"quantity": Measured, "category": Category, "presence": Presence}
    decided = [fact for fact in answers if isinstance(fact.state, Measured | Category | Presence)]
    assert decided
    for fact in answers:
        assert fact.name == name
        assert fact.explained
    for fact in decided:
        assert isinstance(fact.state, kinds[derived.kind])
        if isinstance(fact.state, Measured):
            assert fact.state.quantity.analyte is derived.analyte
        if isinstance(fact.state, Category):
            assert fact.state.labels <= set(derived.labels)
    assert derived.cite
    assert derived.function.__doc__
