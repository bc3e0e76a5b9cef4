"""Doses out of tables: how much, how many bags or tablets, how fast (clinical pack R11, R31)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds.engine.dosing import Dosed, NoDose, work_out_dose
from cds.engine.facts import Facts
from cds.engine.tables import Cell, cell
from cds.facts.model import Category, Fact
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.rulebook.model import DoseSpec, OrderTemplate, Rulebook
from cds.trial import case_facts, stated
from tests.unit.facts.standin import grams, mg_rate, quantity

RATE, QUARTER = mg_rate("1"), quantity(Analyte.DURATION, "15 min")


def one_of(book: Rulebook, **labels: str) -> Facts:
    """A patient whose classes may be undecided: `half low` = one of the two."""
    given = {}
    for name, text in labels.items():
        words = text.split()
        decided = len(words) == 1 or text.startswith(("missing", "not known"))
        state = stated(book.facts[name], text).state if decided else Category(frozenset(words))
        given[name] = Fact(name, state, f"{name.replace('_', ' ')} is {' or '.join(words)}")
    return case_facts(book, given)


# --- the table --------------------------------------------------------------------------------

CELLS = [
    # table               class of magnesium  kidneys          dose     where in the table
    ("mg_iv_low_dose",    "low",              "full",          "2 g",   "full"),
    ("mg_iv_low_dose",    "low",              "half low",      "1 g",   "half or low"),  # both 1 g
    ("mg_iv_severe_dose", "severe",           "half low",      None,    "unknown"),      # 2 g, 1 g
    ("mg_iv_severe_dose", "severe",           "full half",     None,    "unknown"),
    ("mg_iv_severe_dose", "severe",           "hold unknown",  None,    "hold or unknown"),
    ("mg_iv_severe_dose", "severe",           "not known",     None,    "unknown"),
    ("mg_iv_severe_dose", "severe",           "missing stale", None,    "unknown"),
    ("mg_iv_allowed",     "severe",           "half",          "2 g",   "severe / half"),
    ("mg_iv_allowed",     "severe low",       "half",          "1 g",   "unknown / half"),
    ("mg_iv_allowed",     "severe low",       "low",           "1 g",   "low or severe / low"),
    ("mg_iv_allowed",     "missing",          "full",          "2 g",   "unknown / full"),
    ("mg_iv_allowed",     "severe low",       "full half",     None,    "unknown / unknown"),
    ("mg_iv_allowed",     "high",             "full",          None,    "high / full"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "magnesium", "kidneys", "dose", "key"), CELLS)
def test_doubt_never_picks_the_larger_dose(
    book: Rulebook, table: str, magnesium: str, kidneys: str, dose: str | None, key: str
) -> None:
    found = cell(book.tables[table], one_of(book, mg_class=magnesium, renal_band=kidneys))
    wanted = None if dose is None else quantity(Analyte.MAGNESIUM_SULFATE_DOSE, dose)
    assert found == Cell(wanted, key)


# --- infusions --------------------------------------------------------------------------------


def dosed(
    book: Rulebook, spec: DoseSpec, kidneys: str, template: OrderTemplate | None
) -> Dosed | NoDose:
    return work_out_dose(spec, template, one_of(book, renal_band=kidneys))


BAGS = [
    # table               kidneys  bags  hours   dose in words                       duration
    ("mg_iv_severe_dose", "full",  4,    "4",    "4 g (16.24 mmol, 32.48 meq)",      "4 h"),
    ("mg_iv_severe_dose", "half",  2,    "2",    "2 g (8.12 mmol, 16.24 meq)",       "2 h"),
    ("mg_iv_severe_dose", "low",   1,    "1",    "1 g (4.06 mmol, 8.12 meq)",        "1 h"),
    ("mg_iv_low_dose",    "full",  2,    "2",    "2 g (8.12 mmol, 16.24 meq)",       "2 h"),
    ("mg_iv_low_dose",    "half",  1,    "1",    "1 g (4.06 mmol, 8.12 meq)",        "1 h"),
    ("mg_iv_low_dose",    "low",   1,    "1",    "1 g (4.06 mmol, 8.12 meq)",        "1 h"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "kidneys", "bags", "hours", "words", "duration"), BAGS)
def test_an_infusion_runs_at_one_gram_an_hour_whatever_the_dose(
    book: Rulebook, table: str, kidneys: str, bags: int, hours: str, words: str, duration: str
) -> None:
    template = book.templates["magnesium-sulfate-bag"]
    found = dosed(book, DoseSpec(table, RATE), kidneys, template)
    assert isinstance(found, Dosed)
    assert (found.dose, found.units, found.per_day) == (grams(bags), bags, None)
    assert found.rate == RATE
    assert found.hours == Quantity.of(Analyte.DURATION, hours, "h")
    assert found.words == {
        "dose": words, "rate": "1 g/h", "duration": duration, "frequency": "once", "elemental": "",
    }  # fmt: skip


@pytest.mark.parametrize(("kidneys", "bags"), [("full", 2), ("half", 2), ("low", 1)])
def test_the_emergency_dose_runs_over_a_quarter_of_an_hour(
    book: Rulebook, kidneys: str, bags: int
) -> None:
    spec = DoseSpec("mg_emergency_dose", None, QUARTER)
    found = dosed(book, spec, kidneys, book.templates["magnesium-sulfate-bag"])
    assert isinstance(found, Dosed)
    assert (found.units, found.rate) == (bags, None)
    assert found.hours is not None
    assert round(found.hours.value, 6) == round(Quantity.of(Analyte.DURATION, "0.25", "h").value, 6)
    assert (found.words["duration"], found.words["rate"]) == ("15 min", "")


@pytest.mark.parametrize("kidneys", ["hold", "unknown", "not known", "missing"])
@pytest.mark.parametrize("table", ["mg_iv_severe_dose", "mg_emergency_dose", "mg_oral_per_day"])
def test_without_kidneys_to_clear_it_there_is_no_dose_and_the_reason_is_said(
    book: Rulebook, table: str, kidneys: str
) -> None:
    found = dosed(book, DoseSpec(table), kidneys, None)
    assert isinstance(found, NoDose)
    assert found.why.startswith("there is no dose for this patient: renal band is ")


def test_where_two_facts_choose_the_dose_both_say_why_there_is_none(book: Rulebook) -> None:
    facts = one_of(book, mg_class="high", renal_band="hold")
    found = work_out_dose(DoseSpec("mg_iv_allowed"), None, facts)
    words = [f"{facts.fact(name).explained}" for name in book.tables["mg_iv_allowed"].by]
    assert found == NoDose(f"there is no dose for this patient: {words[0]}; {words[1]}")


def test_a_dose_that_is_no_whole_number_of_bags_is_not_ordered(book: Rulebook) -> None:
    table = book.tables["mg_iv_low_dose"]
    odd = replace(table, rows={**table.rows, ("full",): grams("1.5")})
    other = replace(book, tables={**book.tables, "mg_iv_low_dose": odd})
    spec, bag = DoseSpec("mg_iv_low_dose", RATE), book.templates["magnesium-sulfate-bag"]
    found = dosed(other, spec, "full", bag)
    assert found == NoDose("the dose is not a whole number of units of the product")
    reduced = dosed(other, spec, "full", None)  # an order that is there already is changed in g
    assert isinstance(reduced, Dosed)
    assert (reduced.units, reduced.dose) == (None, grams("1.5"))
    assert reduced.words["duration"] == "1.5 h"


def test_a_product_of_two_grams_and_a_faster_rate_need_half_the_units_and_half_the_time(
    book: Rulebook,
) -> None:
    double = replace(book.templates["magnesium-sulfate-bag"], per_unit=grams(2))
    found = dosed(book, DoseSpec("mg_iv_severe_dose", mg_rate("2")), "full", double)
    assert isinstance(found, Dosed)
    assert (found.dose, found.units) == (grams(4), 2)
    assert found.hours == Quantity.of(Analyte.DURATION, 2, "h")
    assert (found.words["rate"], found.words["duration"]) == ("2 g/h", "2 h")


def test_a_dose_without_rate_or_time_says_neither(book: Rulebook) -> None:
    bag = replace(book.templates["magnesium-sulfate-bag"], per_unit=None)
    found = dosed(book, DoseSpec("mg_iv_low_dose"), "full", bag)
    assert isinstance(found, Dosed)
    assert (found.rate, found.hours, found.units) == (None, None, None)
    assert (found.words["rate"], found.words["duration"]) == ("", "")


# --- tablets ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kidneys", "per_day", "total", "frequency", "elemental"),
    [
        ("full", 2, 800, "twice daily", "482 mg elemental/day"),
        ("half", 1, 400, "once daily", "241 mg elemental/day"),
    ],
)
def test_tablets_are_counted_by_the_day(
    book: Rulebook, kidneys: str, per_day: int, total: int, frequency: str, elemental: str
) -> None:
    template = book.templates["magnesium-oxide-tablet"]
    found = dosed(book, DoseSpec("mg_oral_per_day"), kidneys, template)
    assert isinstance(found, Dosed)
    assert (found.units, found.per_day) == (1, per_day)
    assert found.dose == Quantity.of(Analyte.MAGNESIUM_OXIDE_DOSE, total, "mg")
    assert found.words == {
        "dose": "400 mg", "frequency": frequency, "elemental": elemental,
        "rate": "", "duration": "",
    }  # fmt: skip


def test_a_tablet_whose_elemental_amount_is_not_recorded_states_none(book: Rulebook) -> None:
    tablet = replace(book.templates["magnesium-oxide-tablet"], elemental_mg=None)
    found = dosed(book, DoseSpec("mg_oral_per_day"), "full", tablet)
    assert isinstance(found, Dosed)
    assert (found.words["elemental"], found.words["frequency"]) == ("", "twice daily")


def test_low_kidneys_get_no_tablets(book: Rulebook) -> None:
    found = dosed(
        book, DoseSpec("mg_oral_per_day"), "low", book.templates["magnesium-oxide-tablet"]
    )
    assert isinstance(found, NoDose)


@pytest.mark.parametrize("per_day", ["3", "1.5", "0"])
def test_only_once_and_twice_a_day_can_be_written(book: Rulebook, per_day: str) -> None:
    table = book.tables["mg_oral_per_day"]
    often = Quantity.of(Analyte.FREQUENCY, per_day, "/d")
    other = replace(
        book,
        tables={"mg_oral_per_day": replace(table, rows={**table.rows, ("full",): often})},
    )
    found = dosed(
        other, DoseSpec("mg_oral_per_day"), "full", book.templates["magnesium-oxide-tablet"]
    )
    assert found == NoDose(f"{per_day} a day is not an order this service can write")


def test_a_tablet_of_unknown_strength_is_not_ordered(book: Rulebook) -> None:
    tablet = replace(book.templates["magnesium-oxide-tablet"], per_unit=None)
    assert isinstance(dosed(book, DoseSpec("mg_oral_per_day"), "full", tablet), NoDose)
