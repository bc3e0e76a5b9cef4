"""24 h totals (R30, R29, R10)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from cds.facts.derived.totals import magnesium_24h, potassium_24h
from cds.facts.model import Evidence, Fact, Measured, Missing, NotKnown, Reason
from cds.facts.record import OrderKind, Substance, Unclear
from cds.kernel.quantity import Interval


def mag(kit: ModuleType, start: float | None = None, stop: float | None = None, **more: Any) -> Any:
    return kit.order(
        start, stop, **{"substances": kit.MGSO4, "parenteral": True, "dose": kit.grams(2), **more}
    )


def gave(kit: ModuleType, hours: float, dose: Any = None, request: str = "", **more: Any) -> Any:
    return kit.gave(hours, dose or kit.grams(2), request, substances=kit.MGSO4, **more)


def span(fact: Fact) -> tuple[Decimal | None, Decimal | None]:
    assert isinstance(fact.state, Measured), fact
    interval: Interval = fact.state.quantity.interval
    return interval.low, interval.high


def test_a_total_names_every_order_and_dose_with_its_time(kit: ModuleType) -> None:
    order, dose = mag(kit, 3, once=True), gave(kit, 5)
    for amount in (kit.grams(2), Unclear("no unit")):
        asked = replace(order, dose=amount)
        fact = magnesium_24h(kit.view(orders=(asked,), administrations=(dose,)))
        assert fact.name == "magnesium_24h"
        assert fact.evidence == (
            Evidence(dose.source, "magnesium sulfate", kit.ago(5)),
            Evidence(order.source, "magnesium sulfate", kit.ago(3)),
        )


def test_nothing_given_or_ordered_is_zero(kit: ModuleType) -> None:
    assert span(magnesium_24h(kit.view())) == (0, 0)


def test_an_active_order_that_is_being_revised_counts_once_as_it_will_be(kit: ModuleType) -> None:
    stored = mag(kit, 3, once=True, source="MedicationRequest/same")
    draft = mag(
        kit, kind=OrderKind.DRAFT, once=True, dose=kit.grams(4), source="MedicationRequest/same"
    )
    assert span(magnesium_24h(kit.view(orders=(stored,), drafts=(draft,)))) == (4, 4)


def test_orders_without_an_id_are_not_one_order(kit: ModuleType) -> None:
    stored = mag(kit, 3, once=True, source="MedicationRequest/")
    draft = mag(
        kit, kind=OrderKind.DRAFT, once=True, dose=kit.grams(4), source="MedicationRequest/"
    )
    assert span(magnesium_24h(kit.view(orders=(stored,), drafts=(draft,)))) == (6, 6)


def test_given_and_on_order_are_added(kit: ModuleType) -> None:
    fact = magnesium_24h(
        kit.view(
            orders=(mag(kit, -1, once=True),),
            administrations=(gave(kit, 5),),
            drafts=(mag(kit, kind=OrderKind.DRAFT, once=True, dose=kit.grams(4)),),
        )
    )
    assert span(fact) == (8, 8)
    assert fact.explained == (
        "parenteral magnesium sulfate 8 g (32.48 mmol, 64.96 meq) in all: "
        "2 g given in the last 24 h, 6 g due in the next 24 h"
    )
    assert len(fact.evidence) == 3


@pytest.mark.parametrize(
    ("hours", "completed", "grams"),
    [
        (23.9, True, 2),
        (24, True, 0),
        (0, True, 2),
        (-1, True, 0),
        (30, False, 2),
        (0, False, 2),
        (-1, False, 0),  # begins later
    ],
)
def test_given_counts_after_now_minus_24_h_up_to_now_or_while_running(
    kit: ModuleType, hours: float, completed: bool, grams: int
) -> None:
    doses = (gave(kit, hours, completed=completed),)
    assert span(magnesium_24h(kit.view(administrations=doses))) == (grams, grams)


@pytest.mark.parametrize(
    ("build", "low", "high"),
    [
        (lambda kit: mag(kit, 3, once=True), 2, 2),  # not charted as given: still due
        (lambda kit: mag(kit, 3, 1, once=True), 0, 0),
        (lambda kit: mag(kit, -23, once=True), 2, 2),
        (lambda kit: mag(kit, -24, once=True), 0, 0),
        (lambda kit: mag(kit, 3, 0, once=True), 0, 0),  # stopped just now
        (lambda kit: mag(kit, 24, once=True), 2, 2),  # of yesterday, not charted: due
        (lambda kit: mag(kit, 24.1, once=True), 0, 2),  # older: due, or given and not charted
        (lambda kit: mag(kit, 0, once=True), 2, 2),
        (lambda kit: mag(kit, 6, per_day=Decimal(1)), 2, 2),  # keeps its hours
        (lambda kit: mag(kit, 30, per_day=Decimal("0.5")), 2, 2),  # next in 18 h
        (lambda kit: mag(kit, 12, per_day=Decimal("0.5")), 0, 0),  # next in 36 h
        (lambda kit: mag(kit, 0, 6, dose=None, rate=kit.mg_rate("1")), 0, 0),
        (lambda kit: mag(kit, 3, -6, dose=None, rate=kit.mg_rate("1")), 6, 6),
        (lambda kit: mag(kit, 3, -30, dose=None, rate=kit.mg_rate("1")), 24, 24),
        (lambda kit: mag(kit, None, dose=None, rate=kit.mg_rate("1")), 24, 24),
        (lambda kit: mag(kit, 3, per_day=Decimal(4)), 8, 8),
        (lambda kit: mag(kit, 3, -12, per_day=Decimal(4)), 4, 4),
        (lambda kit: mag(kit, None, per_day=Decimal(2)), 4, 4),
        (lambda kit: mag(kit, 3, per_day=Decimal(2), prn=True), 0, 4),
        (lambda kit: mag(kit, -1), 2, None),  # frequency not stated
        (lambda kit: mag(kit, 0, dose=None, rate=kit.mg_rate("1")), 24, 24),
        (lambda kit: mag(kit, 3, per_day=Decimal(1), kind=OrderKind.ENDED), 0, 0),
        (lambda kit: mag(kit, 3, per_day=Decimal(1), kind=OrderKind.IGNORED), 0, 0),
        (lambda kit: mag(kit, 3, per_day=Decimal(1), parenteral=None), 2, 2),
        (lambda kit: mag(kit, 3, per_day=Decimal(1), parenteral=False), 0, 0),
    ],
)
def test_doses_due_in_the_next_24_h(
    kit: ModuleType, build: Any, low: int, high: int | None
) -> None:
    assert span(magnesium_24h(kit.view(orders=(build(kit),)))) == (low, high)


@pytest.mark.parametrize(
    ("start", "grams"),
    [(0.5, 2), (0, 2), (-1, 2), (-25, 0)],
)
def test_a_draft_written_a_moment_ago_starts_now(kit: ModuleType, start: float, grams: int) -> None:
    draft = mag(kit, start, kind=OrderKind.DRAFT, per_day=Decimal(1))
    assert span(magnesium_24h(kit.view(drafts=(draft,)))) == (grams, grams)


@pytest.mark.parametrize(("start", "low"), [(3, 2), (0, 2), (-1, 4)])
def test_only_an_order_that_has_begun_may_be_the_dose_that_was_given(
    kit: ModuleType, start: float, low: int
) -> None:
    patient = kit.view(orders=(mag(kit, start, once=True),), administrations=(gave(kit, 2),))
    assert span(magnesium_24h(patient)) == (low, 4)


def test_a_total_is_of_now_in_the_unit_of_its_kind(kit: ModuleType) -> None:
    state = magnesium_24h(kit.view(administrations=(gave(kit, 5),))).state
    assert state == Measured(kit.grams(2), "2 g (8.12 mmol, 16.24 meq)", kit.NOW)


def test_a_single_dose_that_was_given_is_not_due_again(kit: ModuleType) -> None:
    order = mag(kit, 3, once=True, source="MedicationRequest/1")
    doses = (gave(kit, 2, request="MedicationRequest/1"),)
    patient = kit.view(orders=(order,), administrations=doses)
    assert span(magnesium_24h(patient)) == (2, 2)


def test_a_dose_that_names_no_order_may_be_the_one_ordered(kit: ModuleType) -> None:
    patient = kit.view(orders=(mag(kit, 3, once=True),), administrations=(gave(kit, 2),))
    assert span(magnesium_24h(patient)) == (2, 4)


def test_oral_magnesium_is_not_added(kit: ModuleType) -> None:
    oxide = (Substance("magnesium oxide", frozenset({"mg-replacement-oral"})),)
    order = kit.order(3, per_day=Decimal(2), substances=oxide, parenteral=False)
    assert span(magnesium_24h(kit.view(orders=(order,)))) == (0, 0)


@pytest.mark.parametrize("where", ["active", "draft", "given"])
def test_anything_without_a_readable_dose_leaves_the_total_unknown(
    kit: ModuleType, where: str
) -> None:
    unclear = Unclear("no unit")
    patient = {
        "active": kit.view(orders=(mag(kit, 3, per_day=Decimal(1), dose=unclear),)),
        "draft": kit.view(drafts=(mag(kit, kind=OrderKind.DRAFT, dose=unclear),)),
        "given": kit.view(administrations=(gave(kit, 3, unclear),)),
    }[where]
    fact = magnesium_24h(patient)
    assert fact.state == Missing(Reason.DOSE_UNCLEAR)
    assert "magnesium sulfate" in fact.explained


def test_an_order_that_is_over_needs_no_readable_dose(kit: ModuleType) -> None:
    patient = kit.view(orders=(mag(kit, 30, 20, per_day=Decimal(1), dose=Unclear("no unit")),))
    assert span(magnesium_24h(patient)) == (0, 0)


def test_r10_administrations_not_known_count_orders_only_and_say_so(kit: ModuleType) -> None:
    fact = magnesium_24h(kit.view(orders=(mag(kit, -1, once=True),), administrations=None))
    assert span(fact) == (2, 2)
    assert isinstance(fact.state, Measured)
    assert fact.state.flags == ("doses given are not visible: orders only",)
    assert fact.explained.endswith("in the next 24 h; doses given are not visible: orders only")


def test_medications_not_known_is_not_known(kit: ModuleType) -> None:
    state = magnesium_24h(kit.view(orders=None)).state
    assert state == NotKnown("medications", "`medications` was not supplied")


@pytest.mark.parametrize(("start", "end", "grams"), [(30, 5, 2), (5, None, 2), (40, 30, 0)])
def test_a_dose_counts_when_it_ended_else_when_it_began(
    kit: ModuleType, start: float, end: float | None, grams: int
) -> None:
    ended = None if end is None else kit.ago(end)
    dose = replace(gave(kit, start), start=kit.ago(start), end=ended)
    assert span(magnesium_24h(kit.view(administrations=(dose,)))) == (grams, grams)


def test_potassium_is_added_by_every_route_in_meq(kit: ModuleType) -> None:
    fact = potassium_24h(
        kit.view(
            orders=(kit.order(3, per_day=Decimal(2), dose=kit.meq(20), parenteral=False),),
            administrations=(kit.gave(5, kit.meq(40), "MedicationRequest/elsewhere"),),
            drafts=(kit.order(0, once=True, kind=OrderKind.DRAFT, dose=kit.meq(10)),),
        )
    )
    assert span(fact) == (90, 90)
    assert fact.explained == (
        "potassium 90 mEq in all: 40 mEq given in the last 24 h, 50 mEq due in the next 24 h"
    )
