"""Facts worked out from a record: age, windows, the laboratory's own limit, set-aside results."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from cds.engine.facts import Facts
from cds.engine.patient import whole_years
from cds.facts.model import (
    Category,
    Evidence,
    Measured,
    Missing,
    Nothing,
    NotKnown,
    Presence,
    Reason,
)
from cds.facts.record import (
    LabResult,
    Listing,
    Person,
    Place,
    ProblemEntry,
    Record,
    Setting,
    Substance,
    not_supplied,
)
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.rulebook.model import Rulebook
from tests.unit.facts.standin import MGSO4, NOW, cr, grams, lab, mg, order, quantity, view

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
PPI = (Substance("omeprazole", frozenset({"ppi"})),)


def patient(
    *labs: LabResult, place: Place | None = None, problems: Listing[ProblemEntry] | None = None
) -> Record:
    return replace(
        view(labs=labs).record,
        place=place or Place(Setting.INPATIENT),
        problems=Listing("problems") if problems is None else problems,
    )


def facts(book: Rulebook, *labs: LabResult, **more: Any) -> Facts:
    return Facts(book, patient(*labs, **more), NOW)


# --- age, setting, encounter ------------------------------------------------------------------

AGES = [
    # birth               state of `age`
    (date(2008, 11, 22),   17),  # eighteen tomorrow
    (date(2008, 11, 21),   18),  # eighteen today
    (date(2008, 11, 20),   18),
    (date(2026, 11, 21),   0),
    (date(1906, 11, 21),   120),
    (date(1905, 11, 22),   120),
    (date(1905, 11, 21),   "not believable"),  # 121
    (date(2026, 11, 22),   "not believable"),  # born tomorrow
    (None,                "not known"),
]  # fmt: skip


@pytest.mark.parametrize(("birth", "age"), AGES)
def test_age_is_counted_in_completed_years_and_never_guessed(
    book: Rulebook, birth: Any, age: int | str
) -> None:
    person = Person("Patient/p", birth)
    fact = Facts(book, replace(patient(), person=person), NOW).fact("age")
    if isinstance(age, str):
        assert fact.state == Missing(Reason.AGE_OR_SEX)
        assert fact.explained == f"age {age}"
    else:
        assert fact.state == Measured(Quantity.of(Analyte.AGE, age, "a"), f"{age} years")
        assert fact.explained == f"age {age} years"
        assert fact.evidence == (Evidence("Patient/p", f"{age} years"),)
    assert fact.name == "age"


def test_a_birthday_on_the_29th_of_february_is_over_on_the_1st_of_march() -> None:
    assert whole_years(date(2008, 2, 29), date(2026, 2, 28)) == 17
    assert whole_years(date(2008, 2, 29), date(2026, 3, 1)) == 18


@pytest.mark.parametrize(
    ("place", "setting", "encounter"),
    [
        (Place(Setting.INPATIENT), "inpatient", True),
        (Place(Setting.OUTPATIENT), "outpatient", True),
        (Place(Setting.INPATIENT, known=False), "inpatient", False),
    ],
)
def test_the_place_says_which_windows_count_and_whether_it_was_read(
    book: Rulebook, place: Place, setting: str, encounter: bool
) -> None:
    asked = facts(book, place=place)
    assert asked.fact("setting").state == Category(frozenset({setting}))
    assert asked.fact("setting").explained == f"{setting} windows count"
    assert asked.fact("encounter").state == Presence(encounter)
    words = "could be read" if encounter else "could not be read"
    assert asked.fact("encounter").explained == f"the encounter {words}"


def test_intensive_care_is_there_only_where_it_is_recorded(book: Rulebook) -> None:
    there = facts(book, place=Place(Setting.INPATIENT, icu=True)).fact("icu")
    assert there.state == Presence(True, ("intensive care",))
    assert there.explained == "in intensive care"
    absent = facts(book).fact("icu")
    assert absent.state == Presence(False)
    assert absent.explained == "no intensive care unit is recorded"


# --- windows ----------------------------------------------------------------------------------

CKD = ProblemEntry("Condition/1", "Chronic kidney disease", frozenset({"ckd"}))
NONE_KNOWN: Listing[ProblemEntry] = not_supplied("problems")
WINDOWS = [
    # window              setting             problem list                   how old at most
    ("magnesium_window",  Setting.INPATIENT,  Listing("problems"),           DAY),
    ("magnesium_window",  Setting.OUTPATIENT, Listing("problems"),           7 * DAY),
    ("magnesium_window",  Setting.OUTPATIENT, Listing("problems", (CKD,)),   7 * DAY),
    ("creatinine_window", Setting.INPATIENT,  Listing("problems"),           2 * DAY),
    ("creatinine_window", Setting.INPATIENT,  Listing("problems", (CKD,)),   2 * DAY),
    ("creatinine_window", Setting.OUTPATIENT, Listing("problems"),           90 * DAY),
    ("creatinine_window", Setting.OUTPATIENT, Listing("problems", (CKD,)),   30 * DAY),
    ("creatinine_window", Setting.OUTPATIENT, NONE_KNOWN,                    30 * DAY),
    ("creatinine_window", Setting.OUTPATIENT, Listing("problems", (), "cut"), 30 * DAY),
    ("weight_window",     Setting.OUTPATIENT, Listing("problems"),           180 * DAY),
]  # fmt: skip


@pytest.mark.parametrize(("window", "setting", "problems", "span"), WINDOWS)
def test_how_old_a_result_may_be_goes_by_setting_and_kidney_disease(
    book: Rulebook,
    window: str,
    setting: Setting,
    problems: Listing[ProblemEntry],
    span: timedelta,
) -> None:
    assert facts(book, place=Place(setting), problems=problems).window(window) == span


@pytest.mark.parametrize("problems", [Listing("problems"), Listing("problems", (CKD,))])
def test_a_result_exactly_as_old_as_its_window_is_fresh(
    book: Rulebook, problems: Listing[ProblemEntry]
) -> None:
    place = Place(Setting.OUTPATIENT)
    span = facts(book, place=place, problems=problems).window("creatinine_window")
    hours = span / timedelta(hours=1)
    fresh = facts(book, cr("1.0", hours), place=place, problems=problems).fact("creatinine")
    stale = facts(book, cr("1.0", hours + 1 / 3600), place=place, problems=problems)
    assert isinstance(fresh.state, Measured)
    assert isinstance(stale.fact("creatinine").state, Missing)
    assert stale.fact("creatinine").state.reason is Reason.STALE  # type: ignore[union-attr]


def test_a_threshold_is_given_in_the_unit_of_the_value(book: Rulebook) -> None:
    assert facts(book).limit("mg_lln", "mmol/L") == quantity(Analyte.MAGNESIUM, "0.70 mmol/L")


# --- the laboratory's own lower limit (R6) ----------------------------------------------------

LIMITS = [
    # value          referenceRange.low  accepted?
    ("1.8 mg/dL",    "1.9 mg/dL",        True),
    ("1.8 mg/dL",    "1.2 mg/dL",        True),
    ("1.8 mg/dL",    "2.2 mg/dL",        True),
    ("1.8 mg/dL",    "1.19 mg/dL",       False),
    ("1.8 mg/dL",    "2.21 mg/dL",       False),
    ("1.8 mg/dL",    "0.75 mmol/L",      False),  # another unit than the result
    ("0.72 mmol/L",  "0.75 mmol/L",      True),
    ("0.72 mmol/L",  "0.40 mmol/L",      False),  # below 1.2 mg/dL
    ("1.8 mg/dL",    None,               False),
]  # fmt: skip


@pytest.mark.parametrize(("value", "low", "accepted"), LIMITS)
def test_the_laboratory_limit_counts_in_the_unit_of_the_result_and_between_sane_bounds(
    book: Rulebook, value: str, low: str | None, accepted: bool
) -> None:
    limit = None if low is None else quantity(Analyte.MAGNESIUM, low)
    fact = facts(book, mg(value, 2, reference_low=limit)).fact("magnesium_lab_low")
    if accepted:
        assert limit is not None
        assert fact.state == Measured(limit, low)
        assert fact.explained == f"the laboratory's own lower limit is {low}"
    else:
        assert fact.state == Nothing("the laboratory states no lower limit")
        assert fact.explained == "the laboratory states no lower limit"


def test_only_the_limit_of_the_result_in_use_counts(book: Rulebook) -> None:
    low = quantity(Analyte.MAGNESIUM, "1.9 mg/dL")
    older = mg("1.8 mg/dL", 10, reference_low=low)
    newer = mg("1.8 mg/dL", 2)
    assert isinstance(facts(book, older, newer).fact("magnesium_lab_low").state, Nothing)
    stale = mg("1.8 mg/dL", 30, reference_low=low)
    unused = facts(book, stale).fact("magnesium_lab_low")
    assert isinstance(unused.state, Nothing)
    assert unused.explained == "the laboratory states no lower limit"


def test_without_results_the_laboratory_limit_is_not_known_either(book: Rulebook) -> None:
    unread = replace(patient(), labs=not_supplied("observations"))
    why = "`observations` was not supplied"
    for name in ("magnesium_lab_low", "magnesium_set_aside", "magnesium_conflict"):
        fact = Facts(book, unread, NOW).fact(name)
        assert fact.state == NotKnown("observations", why), name
        assert fact.explained.endswith(why), name
    for name in ("magnesium", "mg_class"):
        assert Facts(book, unread, NOW).fact(name).state == NotKnown("observations", why), name
    reason = Facts(book, unread, NOW).fact("magnesium_set_aside_reason")
    assert isinstance(reason.state, NotKnown)
    assert reason.explained == "`observations` was not supplied"


# --- results that could not be used -----------------------------------------------------------


def test_a_result_that_could_not_be_used_is_shown_with_its_reason(book: Rulebook) -> None:
    haemolysed = mg("1.0 mg/dL", 2, set_aside=Reason.HAEMOLYSED, id="mg1")
    asked = facts(book, haemolysed)
    fact = asked.fact("magnesium_set_aside")
    level = quantity(Analyte.MAGNESIUM, "1.0 mg/dL")
    drawn = NOW - timedelta(hours=2)
    assert fact.state == Measured(level, "1.0 mg/dL", drawn, ("haemolysed",))
    assert fact.explained == (
        "magnesium 1.0 mg/dL (0.41 mmol/L), drawn 2026-11-21 10:00 UTC, 2 h ago, "
        "cannot be used: haemolysed"
    )
    reason = asked.fact("magnesium_set_aside_reason")
    assert reason.state == Category(frozenset({"haemolysed"}))
    assert reason.explained == fact.explained
    for item in (fact, reason):
        assert [found.source for found in item.evidence] == ["Observation/mg1"]


def test_a_result_without_a_number_shows_what_the_chart_shows(book: Rulebook) -> None:
    unread = replace(mg("-", 2, set_aside=Reason.UNIT, id="mg1"), face="1.0 mmHg")
    fact = facts(book, unread).fact("magnesium_set_aside")
    assert [found.source for found in fact.evidence] == ["Observation/mg1"]
    assert fact.state == Missing(Reason.UNIT, "1.0 mmHg", NOW - timedelta(hours=2))
    assert fact.explained == (
        "magnesium 1.0 mmHg, drawn 2026-11-21 10:00 UTC, 2 h ago, "
        "cannot be used: unit not understood"
    )


def test_a_usable_value_drawn_later_leaves_nothing_set_aside(book: Rulebook) -> None:
    haemolysed = mg("1.0 mg/dL", 5, set_aside=Reason.HAEMOLYSED)
    asked = facts(book, haemolysed, mg("2.0 mg/dL", 2))
    for name in ("magnesium_set_aside", "magnesium_set_aside_reason"):
        assert asked.fact(name).state == Nothing("no result was set aside")


# --- one patient, several orders --------------------------------------------------------------


def test_facts_about_the_patient_are_shared_between_orders_and_facts_of_the_order_are_not(
    book: Rulebook,
) -> None:
    asked = facts(book, mg("1.0 mg/dL", 2))
    small = order(substances=MGSO4, dose=grams(1))
    large = order(substances=MGSO4, dose=grams(4))
    first = asked.for_order(small)
    assert first.fact("order_dose").explained == "ordered dose 1 g"
    magnesium = first.fact("magnesium")
    second = first.for_order(large)
    assert second.fact("order_dose").explained == "ordered dose 4 g"
    assert second.fact("magnesium") is magnesium
    assert asked.fact("order_dose").state == Nothing("no such order")


def test_a_call_that_may_suggest_no_drug_may_not_for_any_of_its_orders(book: Rulebook) -> None:
    asked = Facts(book, patient(), NOW, no_drugs="at discharge no drug is suggested")
    assert asked.for_order(order(substances=MGSO4)).no_drugs == asked.no_drugs


PATIENTS = [
    patient(),
    patient(mg("1.0 mg/dL", 2), cr("0.9"), lab(Analyte.WEIGHT, "70 kg", 5)),
    patient(mg("1.0 mg/dL", 2, set_aside=Reason.HAEMOLYSED)),
    patient(replace(mg("-", 2, set_aside=Reason.UNIT), face="1.0 mmHg")),
    patient(mg("1.8 mg/dL", 2, reference_low=quantity(Analyte.MAGNESIUM, "1.9 mg/dL"))),
    patient(mg("1.8 mg/dL", 2, reference_low=quantity(Analyte.MAGNESIUM, "9.9 mg/dL"))),
    patient(mg("1.8 mg/dL", 99)),
    replace(patient(), labs=not_supplied("observations"), problems=not_supplied("problems")),
    replace(patient(), person=Person("Patient/p", date(1951, 8, 9), "male")),
    replace(patient(), person=Person("Patient/p", date(2027, 1, 1))),
    replace(patient(), medications=Listing("medications", (order(10_000),))),
    replace(patient(), medications=Listing("medications", (order(10_000, substances=PPI),))),
    replace(patient(), medications=Listing("medications", (order(substances=PPI),))),
]


@pytest.mark.parametrize("who", PATIENTS)
def test_every_fact_of_every_patient_has_its_own_name_and_says_itself_in_words(
    book: Rulebook, who: Record
) -> None:
    asked = Facts(book, who, NOW)
    for name in book.facts:
        fact = asked.fact(name)
        assert fact.name == name
        assert fact.explained, name
        assert isinstance(fact.explained, str), name
        assert isinstance(fact.evidence, tuple), name


def test_what_was_looked_at_can_be_listed(book: Rulebook) -> None:
    asked = facts(book, mg("1.0 mg/dL", 2))
    assert asked.looked_at() == ()
    asked.fact("mg_class")
    assert {fact.name for fact in asked.looked_at()} == {
        "mg_class",
        "magnesium",
        "magnesium_lab_low",
    }
    asked.fact("mg_class")
    assert len(asked.looked_at()) == 3


def test_a_fact_that_is_worked_out_in_code_carries_the_name_of_its_declaration(
    book: Rulebook,
) -> None:
    asked = facts(book, cr("1.0"), lab(Analyte.WEIGHT, "70 kg", 5))
    assert asked.fact("renal_band").name == "renal_band"
    assert asked.fact("creatinine").evidence[0] in asked.fact("renal_band").evidence
    assert asked.fact("renal_band").state == Category(frozenset({"full"}))
