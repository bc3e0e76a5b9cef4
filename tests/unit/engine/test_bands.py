"""Which step of the magnesium scale a value stands on (clinical pack R5, R6)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from cds.engine.bands import band
from cds.facts.model import (
    Category,
    Evidence,
    Fact,
    Measured,
    Missing,
    Nothing,
    NotKnown,
    Reason,
    State,
    presence,
)
from cds.kernel.quantity import Interval, Quantity
from cds.kernel.units import Analyte
from cds.rulebook.model import BandSource, Rulebook
from cds.trial import case_facts, stated
from tests.unit.facts.standin import quantity


def mg_class(book: Rulebook, value: Quantity, low: str | None) -> Fact:
    spec = book.facts["mg_class"]
    assert isinstance(spec.source, BandSource)
    of = Fact("magnesium", Measured(value, "x"), "magnesium x")
    own = Fact("magnesium_lab_low", Nothing("none stated"), "none stated")
    if low is not None:
        own = stated(book.facts["magnesium_lab_low"], low)
    return band("mg_class", spec.source, of, own, book.thresholds)


def labels(fact: Fact) -> set[str]:
    assert isinstance(fact.state, Category)
    return set(fact.state.labels)


CLASSES = [
    # value         laboratory's own limit  class
    ("1.19 mg/dL",   None,        "severe"),
    ("1.2 mg/dL",    None,        "low"),
    ("1.69 mg/dL",   None,        "low"),
    ("1.7 mg/dL",    None,        "normal"),
    ("0.70 mmol/L",  None,        "normal"),
    ("0.493 mmol/L", None,        "severe"),
    ("2.59 mg/dL",   None,        "normal"),
    ("4.0 mg/dL",    None,        "very-high"),
    ("3.99 mg/dL",   None,        "high"),
    ("1.6 mg/dL",    "1.9 mg/dL", "low"),
    ("1.7 mg/dL",    "1.9 mg/dL", "borderline"),
    ("1.89 mg/dL",   "1.9 mg/dL", "borderline"),
    ("1.9 mg/dL",    "1.9 mg/dL", "normal"),
    ("1.1 mg/dL",    "1.9 mg/dL", "severe"),
    ("2.7 mg/dL",    "1.9 mg/dL", "high"),
    ("1.49 mg/dL",   "1.5 mg/dL", "low"),
    ("1.5 mg/dL",    "1.5 mg/dL", "borderline"),
    ("1.69 mg/dL",   "1.5 mg/dL", "borderline"),
    ("1.7 mg/dL",    "1.5 mg/dL", "normal"),
    ("1.1 mg/dL",    "1.5 mg/dL", "severe"),
    ("1.69 mg/dL",   "1.7 mg/dL", "low"),
    ("1.7 mg/dL",    "1.7 mg/dL", "normal"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "low", "label"), CLASSES)
def test_a_value_stands_on_one_step_and_is_borderline_where_two_limits_disagree(
    book: Rulebook, value: str, low: str | None, label: str
) -> None:
    fact = mg_class(book, quantity(Analyte.MAGNESIUM, value), low)
    assert labels(fact) == {label}
    assert fact.explained == f"magnesium x: {label}"


CONTESTED = [
    # the limit that is contested  the laboratory's own  value        class
    ("mg_lln",       "0.9 mg/dL",  "1.0 mg/dL",  "severe"),      # severe stays severe
    ("mg_lln",       "0.9 mg/dL",  "1.2 mg/dL",  "borderline"),
    ("mg_lln",       "0.9 mg/dL",  "1.5 mg/dL",  "borderline"),
    ("mg_lln",       "0.9 mg/dL",  "1.7 mg/dL",  "normal"),
    ("mg_lln",       "2.6 mg/dL",  "2.5 mg/dL",  "borderline"),
    ("mg_lln",       "2.6 mg/dL",  "2.6 mg/dL",  "normal"),      # below neither of the two
    ("mg_lln",       "3.5 mg/dL",  "2.6 mg/dL",  "borderline"),
    ("mg_lln",       "3.5 mg/dL",  "3.0 mg/dL",  "high"),        # high stays high
    ("mg_severe",    "1.0 mg/dL",  "0.9 mg/dL",  "severe"),      # the lowest limit of all
    ("mg_severe",    "1.0 mg/dL",  "1.1 mg/dL",  "borderline"),
    ("mg_severe",    "1.0 mg/dL",  "1.3 mg/dL",  "low"),
    ("mg_high",      "4.5 mg/dL",  "3.9 mg/dL",  "borderline"),
    ("mg_high",      "4.5 mg/dL",  "4.2 mg/dL",  "very-high"),
    ("mg_very_high", "4.5 mg/dL",  "3.9 mg/dL",  "high"),        # the highest limit of all
    ("mg_very_high", "4.5 mg/dL",  "4.2 mg/dL",  "borderline"),
    ("mg_very_high", "4.5 mg/dL",  "4.5 mg/dL",  "very-high"),
]  # fmt: skip


@pytest.mark.parametrize(("limit", "low", "value", "label"), CONTESTED)
def test_the_contested_step_lies_between_the_two_limits_and_takes_nothing_from_the_others(
    book: Rulebook, limit: str, low: str, value: str, label: str
) -> None:
    source = book.facts["mg_class"].source
    assert isinstance(source, BandSource)
    changed = replace(source, contested=("borderline", limit, "magnesium_lab_low"))
    of = Fact("magnesium", Measured(quantity(Analyte.MAGNESIUM, value), "x"), "magnesium x")
    own = stated(book.facts["magnesium_lab_low"], low)
    assert labels(band("mg_class", changed, of, own, book.thresholds)) == {label}


def test_a_value_that_still_belongs_to_the_step_below_is_not_contested(book: Rulebook) -> None:
    """The laboratory's limit is our own lower one, and that one belongs to the step below it."""
    source = book.facts["mg_class"].source
    assert isinstance(source, BandSource)
    changed = replace(source, inclusive=frozenset({"mg_severe"}))
    of = Fact("magnesium", Measured(quantity(Analyte.MAGNESIUM, "1.2 mg/dL"), "x"), "magnesium x")
    own = stated(book.facts["magnesium_lab_low"], "1.2 mg/dL")
    assert labels(band("mg_class", changed, of, own, book.thresholds)) == {"severe"}


def test_a_step_that_does_not_touch_the_contested_limit_is_never_borderline(
    book: Rulebook,
) -> None:
    """Also where the laboratory's own limit would be far from ours."""
    for value, low, label in (("1.0", "0.9 mg/dL", "severe"), ("3.0", "3.5 mg/dL", "high")):
        assert labels(mg_class(book, quantity(Analyte.MAGNESIUM, f"{value} mg/dL"), low)) == {label}


INTERVALS = [
    # value        laboratory's own limit  classes it may be
    ("<1.2",        None,        "severe"),
    ("<1.5",        None,        "severe low"),
    ("<1.7",        None,        "severe low"),
    ("<1.8",        None,        "severe low normal"),
    (">1.6",        None,        "low normal high very-high"),
    (">4.0",        None,        "very-high"),
    ("<1.2",        "1.9 mg/dL", "severe"),
    ("<1.5",        "1.9 mg/dL", "severe low"),
    ("<1.5",        "1.4 mg/dL", "severe low borderline"),
    (">1.9",        "1.9 mg/dL", "normal high very-high"),
    (">2.0",        None,        "normal high very-high"),
    ("<1.8",        "1.7 mg/dL", "severe low normal"),  # both limits are one: nothing between
    (">1.6",        "1.7 mg/dL", "low normal high very-high"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "low", "classes"), INTERVALS)
def test_a_result_below_detection_names_every_step_it_may_stand_on(
    book: Rulebook, value: str, low: str | None, classes: str
) -> None:
    fact = mg_class(book, quantity(Analyte.MAGNESIUM, f"{value} mg/dL"), low)
    assert labels(fact) == set(classes.split())
    assert all(label in fact.explained for label in classes.split())


SPANS = [("1.1", "1.3"), ("1.3", "1.5"), ("1.4", "1.6"), ("1.6", "1.8"), ("1.6", "2.0"),
         ("1.8", "2.0"), ("1.75", "1.85"), ("1.0", "3.0"), ("2.5", "4.5")]  # fmt: skip


@pytest.mark.parametrize("low", [None, "1.5 mg/dL", "1.7 mg/dL", "1.9 mg/dL"])
@pytest.mark.parametrize(("start", "end"), SPANS)
def test_no_step_a_value_inside_the_interval_stands_on_is_left_out(
    book: Rulebook, start: str, end: str, low: str | None
) -> None:
    a, b = Decimal(start), Decimal(end)
    whole = labels(mg_class(book, Quantity(Analyte.MAGNESIUM, Interval(a, b), "mg/dL"), low))
    for i in range(21):
        inside = Quantity.of(Analyte.MAGNESIUM, a + (b - a) * i / 20, "mg/dL")
        assert labels(mg_class(book, inside, low)) <= whole


@pytest.mark.parametrize(
    "state",
    [Missing(Reason.STALE, "1.0 mg/dL"), NotKnown("observations", "cut"), Nothing("no order")],
)
def test_what_has_no_value_has_no_class_and_keeps_its_reason(book: Rulebook, state: State) -> None:
    source = book.facts["mg_class"].source
    assert isinstance(source, BandSource)
    sources = (Evidence("Observation/1", "1.0 mg/dL"),)
    of = Fact("magnesium", state, "why it is not there", sources)
    assert band("mg_class", source, of, None, book.thresholds) == Fact(
        "mg_class", state, "why it is not there", sources
    )


def test_the_class_is_worked_out_from_the_facts_of_a_case(book: Rulebook) -> None:
    given = {"magnesium": stated(book.facts["magnesium"], "1.8 mg/dL")}
    given["magnesium_lab_low"] = stated(book.facts["magnesium_lab_low"], "1.9 mg/dL")
    assert labels(case_facts(book, given).fact("mg_class")) == {"borderline"}


def test_a_band_that_no_laboratory_contests_has_its_own_steps_only(book: Rulebook) -> None:
    spec = book.facts["mg_class"]
    assert isinstance(spec.source, BandSource)
    plain = replace(spec, source=replace(spec.source, contested=None))
    other = replace(book, facts={**book.facts, "mg_class": plain})
    given = {"magnesium": stated(book.facts["magnesium"], "1.8 mg/dL")}
    given["magnesium_lab_low"] = stated(book.facts["magnesium_lab_low"], "1.9 mg/dL")
    assert labels(case_facts(other, given).fact("mg_class")) == {"normal"}


def test_only_a_measured_value_can_be_classed(book: Rulebook) -> None:
    source = book.facts["mg_class"].source
    assert isinstance(source, BandSource)
    with pytest.raises(TypeError, match="a band needs a measured fact, not torsades"):
        band("mg_class", source, presence("torsades", True, "x"), None, book.thresholds)
