"""A patient in the words of a case: read, written, and what is left out."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from cds.facts.model import Category, Measured, Missing, Nothing, NotKnown, Presence, Reason, State
from cds.given import ORDER, WORKED_OUT, given_facts, in_words, stated, unstated
from cds.kernel.quantity import Interval, Quantity
from cds.rulebook.clauses import REASON_WORDS
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return load_rulebook(Path(__file__).parents[2] / "rules")


def D(text: str) -> Decimal:
    return Decimal(text)


AMOUNTS = {
    "1.0 mg/dL": Interval(D("1.0"), D("1.0")),
    "<0.5 mg/dL": Interval(None, D("0.5"), high_open=True),
    "<=0.5 mg/dL": Interval(None, D("0.5")),
    ">4 mg/dL": Interval(D("4"), None, low_open=True),
    ">=4 mg/dL": Interval(D("4"), None),
    "1.4 to 1.8 mg/dL": Interval(D("1.4"), D("1.8")),
    "above 1.4 to 1.8 mg/dL": Interval(D("1.4"), D("1.8"), low_open=True),
    "1.4 to below 1.8 mg/dL": Interval(D("1.4"), D("1.8"), high_open=True),
    "above 1.4 to below 1.8 mg/dL": Interval(D("1.4"), D("1.8"), True, True),
}


@pytest.mark.parametrize(("text", "interval"), AMOUNTS.items(), ids=AMOUNTS)
def test_an_amount_is_read_and_written_the_same(
    book: Rulebook, text: str, interval: Interval
) -> None:
    state = stated(book.facts["magnesium"], text).state
    assert isinstance(state, Measured)
    assert (state.quantity.interval, state.quantity.unit) == (interval, "mg/dL")
    assert in_words(state) == text


STATES = {
    ("renal_band", "half"): Category(frozenset({"half"})),
    ("renal_band", "half or low"): Category(frozenset({"half", "low"})),
    ("torsades", "present"): Presence(True, ("torsades",)),
    ("torsades", "absent"): Presence(False),
    ("torsades", "not known"): NotKnown("torsades", "not supplied"),
    ("magnesium_set_aside", "nothing there"): Nothing("nothing there"),
    **{("magnesium", f"missing {word}"): Missing(reason) for word, reason in REASON_WORDS.items()},
}


@pytest.mark.parametrize(("told", "state"), STATES.items(), ids=[" ".join(t) for t in STATES])
def test_a_state_is_read_and_written_the_same(
    book: Rulebook, told: tuple[str, str], state: State
) -> None:
    name, text = told
    assert stated(book.facts[name], text).state == state
    assert in_words(state) == text


def test_missing_without_a_reason_is_a_result_that_was_never_there(book: Rulebook) -> None:
    assert stated(book.facts["magnesium"], "missing").state == Missing(Reason.NONE_FOUND)


def test_every_reason_can_be_stated() -> None:
    assert set(REASON_WORDS.values()) == set(Reason)


def test_a_value_without_any_bound_is_written_as_what_nothing_is_below(book: Rulebook) -> None:
    spec = book.facts["magnesium"]
    state = stated(spec, "1 mg/dL").state
    assert isinstance(state, Measured)
    anything = Measured(
        Quantity(state.quantity.analyte, Interval(None, None), "mg/dL"), "an interval"
    )
    assert in_words(anything) == ">=0 mg/dL"
    assert isinstance(stated(spec, ">=0 mg/dL").state, Measured)


WRONG = {
    ("renal_band", "quarter"): "`quarter` is not one of full, half, low, hold, unknown",
    ("renal_band", "half or quarter"): "`half or quarter` is not one of full, half",
    ("torsades", "yes"): "`yes` is neither present, absent, missing nor not known",
    ("magnesium", "missing lost"): "`lost` is not a reason",
    ("magnesium", "1.8 to 1.4 mg/dL"): "the first value is the lower one",
    ("magnesium", "1.4 to 1.4 mg/dL"): "the first value is the lower one",
    ("magnesium", "2 kg"): "`kg` is not a unit of magnesium",
    ("magnesium", "low"): "low",
}


@pytest.mark.parametrize(("told", "message"), WRONG.items(), ids=[" ".join(t) for t in WRONG])
def test_what_cannot_be_meant_is_refused_by_name(
    book: Rulebook, told: tuple[str, str], message: str
) -> None:
    name, text = told
    with pytest.raises(ValueError) as raised:  # noqa: PT011  the message is compared in full below
        stated(book.facts[name], text)
    assert str(raised.value).startswith(f"`{name}`: ")
    assert message in str(raised.value)


def test_what_nobody_mentions_is_as_in_a_patient_about_whom_nothing_is_recorded(
    book: Rulebook,
) -> None:
    facts = given_facts(book, {})
    told = {
        "magnesium": Missing(Reason.NONE_FOUND),
        "torsades": Presence(False),
        "magnesium_set_aside": Nothing("nothing there"),
        "order_dose": Nothing("nothing there"),
        "renal_band": Category(frozenset({"full"})),  # `in_cases` of its declaration
    }
    assert {name: facts.fact(name).state for name in told} == told
    assert facts.order == ORDER


def test_bands_are_worked_out_and_may_be_stated_too(book: Rulebook) -> None:
    given = {"magnesium": stated(book.facts["magnesium"], "1.0 mg/dL")}
    assert given_facts(book, given).fact("mg_class").state == Category(frozenset({"severe"}))
    given["mg_class"] = stated(book.facts["mg_class"], "normal")
    assert given_facts(book, given).fact("mg_class").state == Category(frozenset({"normal"}))


def test_every_declared_fact_has_a_state_when_nobody_mentions_it(book: Rulebook) -> None:
    for spec in book.facts.values():
        if not isinstance(spec.source, WORKED_OUT):
            assert unstated(book, spec).name == spec.name
