"""Limits where "above" and "at least" differ, and where a careless reading would miss a stop."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from cds.engine.decide import decide
from cds.engine.decision import Outcome
from cds.engine.dosing import Dosed, work_out_dose
from cds.engine.facts import Facts
from cds.facts.model import Category, Presence
from cds.facts.record import (
    Administration,
    Listing,
    MedicationOrder,
    OrderKind,
    Person,
    Place,
    Record,
    Setting,
    Substance,
)
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.rulebook.model import DoseSpec, Rulebook
from cds.trial import CASE_NOW, case_facts, stated

MAGNESIUM = (Substance("magnesium sulfate", frozenset({"mg-replacement-iv"})),)


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("2.6 mg/dL", "normal"),  # R5: high is above 2.6
        ("2.7 mg/dL", "high"),
        ("1.07 mmol/L", "normal"),
        ("1.08 mmol/L", "high"),
        ("3.9 mg/dL", "high"),
        ("4.0 mg/dL", "very-high"),  # R5: very high is at least 4.0
    ],
)
def test_the_upper_limits_of_magnesium_are_as_r5_says(
    book: Rulebook, value: str, label: str
) -> None:
    facts = case_facts(book, {"magnesium": stated(book.facts["magnesium"], value)})
    assert facts.fact("mg_class").state == Category(frozenset({label}))


def record(**more: object) -> Record:
    lists = (
        "observations",
        "medications",
        "administrations",
        "problems",
        "procedures",
        "allergies",
        "lab_orders",
    )
    labs, medications, *others = (Listing(key) for key in lists)
    named = dict(zip(lists[2:], others, strict=True)) | more
    return Record(Person("Patient/p"), Place(Setting.INPATIENT), labs, medications, **named)


@pytest.mark.parametrize(
    ("hours", "counts"), [("0", True), ("24", True), ("24.01", False), (None, True)]
)
def test_magnesium_given_in_the_last_24_h_or_at_no_stated_time_covers(
    book: Rulebook, hours: str | None, counts: bool
) -> None:
    when = None if hours is None else CASE_NOW - timedelta(seconds=int(Decimal(hours) * 3600))
    dose = Administration("MedicationAdministration/a", "bag", "", MAGNESIUM, True, when, when)
    given = record(administrations=Listing("administrations", (dose,)))
    state = Facts(book, given, CASE_NOW).fact("magnesium_iv_on_order").state
    assert isinstance(state, Presence)
    assert state.present is counts


def test_a_selected_draft_nobody_can_read_is_not_taken_for_no_magnesium_order(
    book: Rulebook,
) -> None:
    draft = MedicationOrder(
        "MedicationRequest/d", "", OrderKind.DRAFT, identified=False, selected=True
    )
    decisions = decide(book, record(drafts=(draft,)), CASE_NOW, "order-select").items
    found = next(item for item in decisions if item.rule.id == "magnesium-order")
    assert found.outcome is Outcome.CANNOT_TELL
    assert found.reason == "a selected draft order names no drug that can be read"
    assert found.undecided == (found.reason,)


def test_the_hours_of_an_infusion_do_not_depend_on_the_unit_of_the_table(
    book: Rulebook,
) -> None:
    table = book.tables["mg_iv_low_dose"]
    milligrams = {
        key: None if cell is None else Quantity.of(cell.analyte, cell.value * 1000, "mg")
        for key, cell in table.rows.items()
    }
    other = replace(book, tables={**book.tables, table.name: replace(table, rows=milligrams)})
    rate = Quantity.of(Analyte.MAGNESIUM_SULFATE_RATE, 1, "g/h")
    template = book.templates["magnesium-sulfate-bag"]
    dosed = work_out_dose(DoseSpec(table.name, rate), template, case_facts(other, {}))
    assert isinstance(dosed, Dosed)
    assert (dosed.units, dosed.hours) == (2, Quantity.of(Analyte.DURATION, 2, "h"))
