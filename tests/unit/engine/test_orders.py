"""What can be asked of the one order a rule looks at."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cds.engine.orders import daily, order_fact
from cds.facts.model import (
    Category,
    Fact,
    Measured,
    Missing,
    Nothing,
    Presence,
    Reason,
    State,
)
from cds.facts.record import MedicationOrder, OrderKind, Substance, Unclear
from cds.kernel.codes import RxNorm
from cds.kernel.quantity import Interval, Quantity
from cds.kernel.units import Analyte
from cds.rulebook.model import OrderSource
from tests.unit.facts.standin import KCL, MGSO4, grams, meq, mg_rate, order, rate

DOSE = OrderSource("dose", (), Analyte.MAGNESIUM_SULFATE_DOSE)
DAILY = OrderSource("daily", (), Analyte.POTASSIUM_DOSE)
RATE = OrderSource("rate", (), Analyte.POTASSIUM_RATE)
MGO = (Substance("magnesium oxide", frozenset({"mg-replacement-oral"})),)
TABLET = Quantity.of(Analyte.MAGNESIUM_OXIDE_DOSE, 400, "mg")
ABOUT_FOUR = Quantity(Analyte.MAGNESIUM_SULFATE_DOSE, Interval(Decimal(3), Decimal(4)), "g")


def draft(**more: Any) -> MedicationOrder:
    return order(kind=OrderKind.DRAFT, substances=more.pop("substances", MGSO4), **more)


def asked(source: OrderSource, item: MedicationOrder | None) -> Fact:
    fact = order_fact("it", source, item)
    assert fact.name == "it"
    return fact


WHAT = ("dose", "daily", "rate", "route", "readable", "editable", "push", "undiluted", "product",
        "roles")  # fmt: skip


@pytest.mark.parametrize("what", WHAT)
def test_without_an_order_there_is_nothing_to_ask(what: Any) -> None:
    assert asked(OrderSource(what), None).state == Nothing("no such order")


def test_an_answer_names_the_order_it_is_about() -> None:
    item = draft(dose=grams(2), per_day=Decimal(1), source="MedicationRequest/7")
    for what in WHAT:
        source = OrderSource(what, (), Analyte.MAGNESIUM_SULFATE_DOSE)  # type: ignore[arg-type]
        (evidence,) = asked(source, item).evidence
        assert (evidence.source, evidence.text) == ("MedicationRequest/7", "magnesium sulfate")


NO_DOSE = Missing(Reason.DOSE_UNCLEAR)
AMOUNTS = [
    # property, order                              state                          in words
    (DOSE, draft(dose=grams("2.0")),               Measured(grams("2.0"), "2 g"),
                                                                 "ordered dose 2 g"),
    (DOSE, draft(dose=Unclear("two units")),       NO_DOSE,              "two units"),
    (DOSE, draft(),                                NO_DOSE,              "no dose is stated"),
    (DOSE, draft(dose=TABLET, substances=MGO),     Nothing("no such dose"), "no such dose"),
    (DAILY, draft(dose=meq(20), per_day=Decimal(3), substances=KCL),
                                                   Measured(meq(60), "60 mEq"),
                                                                 "ordered daily dose 60 mEq"),
    (DAILY, draft(dose=meq(20), substances=KCL),   NO_DOSE,
                                                "how often is not stated"),
    (RATE, draft(rate=rate("10")),                 Measured(rate("10"), "10 mEq/h"),
                                                                 "ordered rate 10 mEq/h"),
    (RATE, draft(rate=mg_rate("1")),               Nothing("no such rate"), "no such rate"),
    (RATE, draft(),                                Nothing("no such rate"), "no such rate"),
    (RATE, draft(rate=Unclear("mL/h of what")),    NO_DOSE,
                                                "mL/h of what"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "item", "state", "words"), AMOUNTS)
def test_an_amount_is_read_or_unclear_or_of_another_drug(
    source: OrderSource, item: MedicationOrder, state: State, words: str
) -> None:
    fact = asked(source, item)
    assert fact.state == state
    assert fact.explained == words
    assert [(found.source, found.text) for found in fact.evidence] == [(item.source, item.name)]


DAYS = [
    # dose                  once   doses a day      given in 24 h
    (meq(20),               False, Decimal(3),      meq(60)),
    (meq(20),               False, Decimal("0.5"),  meq(10)),
    (meq(20),               True,  None,            meq(20)),
    (meq(20),               True,  Decimal(3),      meq(20)),
    (meq(20),               False, None,            Unclear("how often is not stated")),
    (ABOUT_FOUR,            True,  None,            Unclear("the dose is not exact")),
    (Unclear("two units"),  True,  None,            Unclear("two units")),
    (None,                  True,  None,            None),
]  # fmt: skip


@pytest.mark.parametrize(("dose", "once", "per_day", "wanted"), DAYS)
def test_a_day_is_dose_times_doses_a_day_and_a_single_dose_counts_once(
    dose: Any, once: bool, per_day: Decimal | None, wanted: Any
) -> None:
    found = daily(draft(dose=dose, once=once, per_day=per_day))
    if isinstance(wanted, Quantity):
        assert isinstance(found, Quantity)
        assert (found.value, found.unit) == (wanted.value, wanted.unit)
    else:
        assert found == wanted


@pytest.mark.parametrize(
    ("parenteral", "stated", "label", "words"),
    [
        (True, "IV", "parenteral", "magnesium sulfate: route IV"),
        (False, "by mouth", "oral", "magnesium sulfate: route by mouth"),
        (None, "", "unknown", "magnesium sulfate: route unknown"),
        (True, "", "parenteral", "magnesium sulfate: route parenteral"),
    ],
)
def test_a_route_that_is_not_stated_is_unknown_and_not_oral(
    parenteral: bool | None, stated: str, label: str, words: str
) -> None:
    fact = asked(OrderSource("route"), draft(parenteral=parenteral, route=stated))
    assert fact.state == Category(frozenset({label}))
    assert fact.explained == words


@pytest.mark.parametrize(
    ("what", "item", "present", "words"),
    [
        ("readable", draft(dose=grams(2)), True, "magnesium sulfate: dose read"),
        ("readable", draft(dose=Unclear("x")), False, "magnesium sulfate: dose not readable"),
        ("readable", draft(), False, "magnesium sulfate: dose not readable"),
        ("editable", draft(editable=True), True, "magnesium sulfate can be changed as a whole"),
        ("editable", draft(), False, "magnesium sulfate cannot be changed safely"),
        ("push", draft(push=True), True, "magnesium sulfate is ordered as an IV push"),
        ("push", draft(), False, "magnesium sulfate is no IV push"),
        ("undiluted", draft(undiluted=True), True, "magnesium sulfate names no diluent"),
        ("undiluted", draft(), False, "magnesium sulfate is no undiluted concentrate"),
    ],
)
def test_how_an_order_is_written_is_answered_yes_or_no_in_words(
    what: Any, item: MedicationOrder, present: bool, words: str
) -> None:
    fact = asked(OrderSource(what), item)
    assert fact.state == Presence(present)
    assert fact.explained == words


@pytest.mark.parametrize(
    ("source", "item", "present"),
    [
        (OrderSource("product", ("829757",)), draft(product=RxNorm("829757")), True),
        (OrderSource("product", ("829757",)), draft(product=RxNorm("1658221")), False),
        (OrderSource("product", ("829757",)), draft(), False),
        (OrderSource("roles", ("mg-replacement-iv", "x")), draft(), True),
        (OrderSource("roles", ("mg-replacement-iv",)), draft(systemic=False), False),
        (OrderSource("roles", ("mg-replacement-iv",)), draft(substances=KCL), False),
    ],
)
def test_an_order_is_known_by_its_product_and_by_what_it_does_in_the_body(
    source: OrderSource, item: MedicationOrder, present: bool
) -> None:
    names = (item.name,) if present else ()
    fact = asked(source, item)
    assert (fact.state, fact.explained) == (Presence(present, names), item.name)


def test_a_property_nobody_taught_the_engine_breaks_and_never_reads_as_nothing() -> None:
    with pytest.raises(AssertionError, match="unreachable, but got: 'colour'"):
        asked(OrderSource("colour"), draft())  # type: ignore[arg-type]
