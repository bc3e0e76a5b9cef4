"""Texts with holes: what the chart says, in words a reader may trust and a client may render."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from cds.engine.facts import Facts
from cds.engine.phrases import (
    LONGEST_EXPLANATION,
    amount_words,
    fill,
    finding,
    sentence,
    short_amount,
    spoken,
)
from cds.facts.model import (
    Category,
    Fact,
    Measured,
    Missing,
    Nothing,
    NotKnown,
    Presence,
    Reason,
    State,
)
from cds.facts.record import MedicationOrder, OrderKind
from cds.kernel.quantity import Interval, Quantity
from cds.kernel.units import Analyte
from cds.rulebook.model import Rulebook
from cds.trial import CASE_NOW, case_facts, stated
from tests.unit.facts.standin import grams, meq, quantity

DRAWN = CASE_NOW - timedelta(hours=4)
LOW = quantity(Analyte.MAGNESIUM, "1.0 mg/dL")
TWO = Quantity(Analyte.MAGNESIUM, Interval(Decimal("1.6"), Decimal("1.9")), "mg/dL")


def said(book: Rulebook, text: str, name: str, state: State, explained: str = "because") -> str:
    return fill(text, case_facts(book, {name: Fact(name, state, explained)}))


HOLES = [
    # hole               state                                            words
    ("magnesium",        Measured(LOW, "1.0 mg/dL", DRAWN),              "1.0 mg/dL (0.41 mmol/L)"),
    ("magnesium",        Measured(TWO, "1.6 mg/dL and 1.9 mg/dL", DRAWN),
                                         "1.6 mg/dL and 1.9 mg/dL (0.66 to 0.78 mmol/L)"),
    ("magnesium.age",    Measured(LOW, "1.0 mg/dL", DRAWN),               "4 h"),
    ("magnesium.age",    Measured(LOW, "1.0 mg/dL"),                      "unknown time"),
    ("magnesium.when",   Measured(LOW, "1.0 mg/dL", DRAWN),               "2026-01-01 08:00 UTC"),
    ("magnesium.when",   Measured(LOW, "1.0 mg/dL"),                      "unknown time"),
    ("magnesium.number", Measured(LOW, "1.0 mg/dL", DRAWN),               "1.0"),
    ("magnesium.why",    Measured(LOW, "1.0 mg/dL", DRAWN),               "because"),
    ("magnesium.explained", Measured(LOW, "1.0 mg/dL", DRAWN),            "because"),
    ("magnesium",        Missing(Reason.STALE, "1.1 mg/dL", DRAWN),       "1.1 mg/dL"),
    ("magnesium.age",    Missing(Reason.STALE, "1.1 mg/dL", DRAWN),       "4 h"),
    ("magnesium.age",    Missing(Reason.NO_TIME, "1.1 mg/dL"),            "unknown time"),
    ("magnesium.when",   Missing(Reason.STALE, "1.1 mg/dL", DRAWN),       "2026-01-01 08:00 UTC"),
    ("magnesium.when",   Missing(Reason.NO_TIME, "1.1 mg/dL"),            "unknown time"),
    ("magnesium",        Missing(Reason.NONE_FOUND),                      "not available"),
    ("magnesium.age",    Missing(Reason.NONE_FOUND),                      "not available"),
    ("magnesium.why",    Missing(Reason.NONE_FOUND),                      "because"),
    ("magnesium",        NotKnown("observations", "cut"),                 "not available"),
    ("magnesium_lab_low", Nothing("none stated"),                         "not available"),
    ("mg_class",         Category(frozenset({"low"})),                    "low"),
    ("mg_class",         Category(frozenset({"severe", "low"})),          "low or severe"),
    ("mg_class.why",     Category(frozenset({"low"})),                    "because"),
    ("torsades",         Presence(True, ("Torsades", "VT")),              "Torsades, VT"),
    ("torsades.names",   Presence(True, ("Torsades",)),                   "Torsades"),
    ("torsades",         Presence(False),                                 "none"),
    ("torsades",         NotKnown("problems", "cut"),                     "not available"),
    ("torsades.why",     NotKnown("problems", "cut"),                     "because"),
]  # fmt: skip


@pytest.mark.parametrize(("hole", "state", "words"), HOLES)
def test_a_hole_shows_the_fact_or_says_that_it_is_not_available(
    book: Rulebook, hole: str, state: State, words: str
) -> None:
    name = hole.split(".")[0]
    assert said(book, f"a {{{hole}}} b", name, state) == f"a {words} b"


def test_a_state_nobody_taught_the_engine_breaks_and_never_reads_as_not_available(
    book: Rulebook,
) -> None:
    odd: Any = "colour"
    with pytest.raises(AssertionError, match="unreachable, but got: 'colour'"):
        said(book, "{torsades}", "torsades", odd)


HOSTILE = [
    ("<b>furosemide</b>", ("<b", "</b")),
    ("[furosemide](http://evil.example)", ("[", "](", "http://")),
    ("**furosemide**", ("**",)),
    ("furosemide\n\n# Stop everything", ("\n",)),
    ("furosemide `x` | y", ("`", "|")),
    ("![furosemide](https://evil.example/x.png)", ("![", "://")),
    ("furosemide {magnesium}", ("1.0 mg/dL",)),  # a name is never filled a second time
]


@pytest.mark.parametrize(("name", "harmful"), HOSTILE)
def test_what_the_chart_says_stays_plain_text(
    book: Rulebook, name: str, harmful: tuple[str, ...]
) -> None:
    order = MedicationOrder("MedicationRequest/1", name, OrderKind.DRAFT)
    magnesium = Fact("magnesium", Measured(LOW, "1.0 mg/dL"), "x")
    found = {
        "present": said(book, "{torsades}", "torsades", Presence(True, (name,))),
        "explained": said(book, "{torsades.why}", "torsades", Presence(True, (name,)), name),
        "received": said(book, "{magnesium}", "magnesium", Measured(LOW, name)),
        "set aside": said(book, "{magnesium}", "magnesium", Missing(Reason.UNIT, name)),
        "order": fill("{order}", case_facts(book, {"magnesium": magnesium}).for_order(order)),
    }
    for where, text in found.items():
        assert "furosemide" in text, where
        written = text.replace("(0.41 mmol/L)", "")
        assert not [mark for mark in harmful if mark in written], where


def test_a_long_explanation_is_cut_at_a_word(book: Rulebook) -> None:
    text = said(book, "{torsades.why}", "torsades", Presence(False), "kidney " * 200)
    assert LONGEST_EXPLANATION - len("kidney ") <= len(text) <= LONGEST_EXPLANATION
    assert text.endswith("kidney\u2026")


def test_an_order_is_named_or_is_the_order(book: Rulebook) -> None:
    facts = Facts(book, case_facts(book, {}).record, CASE_NOW)
    assert fill("Hold {order}", facts) == "Hold the order"
    item = MedicationOrder("MedicationRequest/1", "magnesium sulfate 4 g", OrderKind.DRAFT)
    assert fill("Hold {order}", facts.for_order(item)) == "Hold magnesium sulfate 4 g"


@pytest.mark.parametrize(
    ("magnesium", "text"),
    [
        ("1.1 mg/dL", "{magnesium.number} below 1.2 mg/dL"),
        ("0.45 mmol/L", "{magnesium.number} below 0.494 mmol/L"),
    ],
)
def test_a_threshold_stands_in_the_unit_of_the_result(
    book: Rulebook, magnesium: str, text: str
) -> None:
    facts = case_facts(book, {"magnesium": stated(book.facts["magnesium"], magnesium)})
    assert fill("{magnesium.number} below {mg_severe}", facts) == fill(text, facts)
    # the text need not name the result: a constant and its result share their name
    assert fill("below {mg_severe}", facts) == text.partition(" ")[2]


def test_a_threshold_without_a_result_stands_in_its_first_unit(book: Rulebook) -> None:
    text = fill("below {mg_severe} or {k_low} or {light_weight}", case_facts(book, {}))
    assert text == "below 1.2 mg/dL or 3.5 mmol/L or 40 kg"


@pytest.mark.parametrize(
    ("kidneys", "text"),
    [
        ("half", "at most 1 g (4.06 mmol, 8.12 meq), that is 1 g; 400 mg a day"),
        ("hold", "at most none, that is none; none a day"),
    ],
)
def test_a_table_shows_the_cell_of_this_patient(book: Rulebook, kidneys: str, text: str) -> None:
    state = Category(frozenset({kidneys}))
    pattern = "at most {mg_iv_allowed}, that is {mg_iv_allowed.amount}; {mgo_daily_allowed} a day"
    assert said(book, pattern, "renal_band", state) == text


def test_what_is_offered_fills_the_holes_of_its_label_first(book: Rulebook) -> None:
    words = {"dose": "2 g", "order": "this bag"}
    assert fill("{dose} of {order}", case_facts(book, {}), words) == "2 g of this bag"


def test_a_text_without_holes_is_left_alone(book: Rulebook) -> None:
    text = "Concentration at most 20 %, never faster than 150 mg/min {Not a hole}"
    assert fill(text, case_facts(book, {})) == text


@pytest.mark.parametrize(
    ("text", "raised"),
    [
        ("", ""),
        ("already ordered", "Already ordered"),
        ("QTc", "QTc"),
        ("eGFR 22", "eGFR 22"),
        ("mEq/h is a rate", "mEq/h is a rate"),
    ],
)
def test_a_sentence_begins_with_a_capital(text: str, raised: str) -> None:
    assert sentence(text) == raised


def test_a_hole_that_begins_a_sentence_begins_with_a_capital(book: Rulebook) -> None:
    for mark in ".?!":
        text = f"Measure it{mark} {{torsades.why}}, {{torsades.why}}"
        words = said(book, text, "torsades", Presence(False), "none on the list")
        assert words == f"Measure it{mark} None on the list, none on the list"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("iv_magnesium_on_order", "IV magnesium on order"),
        ("mg_class", "magnesium level"),
        ("obstetric", "pregnancy or (pre-)eclampsia"),
        ("magnesium_90d", "magnesium of 90 days"),
    ],
)
def test_a_name_is_said_in_words(name: str, words: str) -> None:
    assert spoken(name) == words


@pytest.mark.parametrize(
    ("summary", "found"),
    [
        ("Severe low magnesium {magnesium}: IV replacement", "severe low magnesium"),
        ("Potassium {potassium} does not rise, magnesium {magnesium} is low: replace both",
         "potassium does not rise, magnesium is low"),
        ("IV potassium without a rate: state the rate of {order}", "IV potassium without a rate"),
        ("Low magnesium {magnesium}", "low magnesium"),
        ("{order}: state the rate", "state the rate"),
        ("Potassium {potassium}, magnesium {magnesium}: replace both", "potassium, magnesium"),
        ("Low magnesium: order a level: none is there", "low magnesium"),
        ("QTc {qtc} long: look for a cause", "QTc long"),
        ("IV potassium too fast (above {limit}): slow down {order}", "IV potassium too fast"),
    ],
)  # fmt: skip
def test_what_a_headline_has_found_is_said_without_values_and_advice(
    summary: str, found: str
) -> None:
    assert finding(summary) == found


def test_magnesium_sulfate_is_said_in_three_units_and_others_in_their_own() -> None:
    assert amount_words(grams(2)) == "2 g (8.12 mmol, 16.24 meq)"
    milligrams = replace(grams(2)).to("mg")
    assert amount_words(milligrams) == "2 g (8.12 mmol, 16.24 meq)"
    assert amount_words(meq(20)) == "20 mEq"
    assert short_amount(grams("2.50")) == "2.5 g"
