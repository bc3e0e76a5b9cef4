"""What is on the lists: problems, procedures, drugs, allergies, tests; and what a gap means."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from cds.engine.facts import Facts
from cds.engine.listed import Lists, listed_fact, problem_state
from cds.facts.model import Evidence, Missing, NotKnown, Presence, Reason
from cds.facts.record import (
    AllergyEntry,
    LabOrder,
    Listing,
    MedicationOrder,
    OrderKind,
    ProblemEntry,
    ProcedureEntry,
    Record,
    Substance,
    not_supplied,
)
from cds.kernel.codes import Loinc
from cds.kernel.verdict import Verdict
from cds.rulebook.model import MedicationSource, PatientSource, Rulebook
from tests.unit.facts.standin import MGSO4, NOW, gave, grams, order, view

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
MGO = (Substance("magnesium oxide", frozenset({"mg-replacement-oral"})),)
FUROSEMIDE = (Substance("furosemide", frozenset({"loop-diuretic"})),)


def record(**lists: Any) -> Record:
    """A patient about whom every list is complete and empty, but for what is given."""
    empty = {name: Listing(name) for name in ("problems", "procedures", "allergies", "lab_orders")}
    return replace(view().record, **{**empty, **lists})


def asked(book: Rulebook, name: str, **lists: Any) -> str:
    """`present`, `absent`, or the key of the list that is not known."""
    fact = Facts(book, record(**lists), NOW).fact(name)
    assert fact.name == name
    state = fact.state
    if isinstance(state, NotKnown):
        return f"not known: {state.key}"
    assert isinstance(state, Presence)
    return "present" if state.present else "absent"


def problem(
    concept: str,
    onset: datetime | None = None,
    recorded: datetime | None = None,
    name: str = "",
) -> Listing[ProblemEntry]:
    entry = ProblemEntry("Condition/c", name or concept, frozenset({concept}), onset, recorded)
    return Listing("problems", (entry,))


# --- problems ---------------------------------------------------------------------------------

ONSETS = [
    # fact               concept                  onset                 recorded    there?
    ("torsades",          "torsades-de-pointes",   DAY,                  None,      "present"),
    ("torsades",          "torsades-de-pointes",   DAY + SECOND,         None,      "absent"),
    ("torsades",          "torsades-de-pointes",   timedelta(0),         None,      "present"),
    ("torsades",          "torsades-de-pointes",   -SECOND,              None,      "absent"),
    ("torsades",          "torsades-de-pointes",   None,                 None,      "absent"),
    ("torsades",          "torsades-de-pointes",   None,                 DAY,       "present"),
    ("torsades",          "torsades-de-pointes",   None,                 2 * DAY,   "absent"),
    ("torsades",          "torsades-de-pointes",   2 * DAY,              HOUR,      "absent"),
    ("torsades",          "torsades-de-pointes",   HOUR,                 2 * DAY,   "present"),
    ("recent_infarction", "myocardial-infarction", 28 * DAY,             None,      "present"),
    ("recent_infarction", "myocardial-infarction", 28 * DAY + SECOND,    None,      "absent"),
    ("recent_infarction", "myocardial-infarction", -SECOND,              None,      "absent"),
    ("recent_infarction", "myocardial-infarction", None,                 None,      "present"),
    ("aki_recent",        "aki",                   7 * DAY,              None,      "present"),
    ("aki_recent",        "aki",                   None,                 None,      "absent"),
    ("myasthenia_gravis", "myasthenia-gravis",     9000 * DAY,           None,      "present"),
    ("myasthenia_gravis", "myasthenia-gravis",     None,                 None,      "present"),
    ("myasthenia_gravis", "myasthenia-gravis",     -DAY,                 None,      "present"),
    ("myasthenia_gravis", "pregnancy",             DAY,                  None,      "absent"),
]  # fmt: skip


@pytest.mark.parametrize(("fact", "concept", "onset", "recorded", "there"), ONSETS)
def test_a_problem_counts_by_onset_else_by_the_day_it_was_recorded(
    book: Rulebook,
    fact: str,
    concept: str,
    onset: timedelta | None,
    recorded: timedelta | None,
    there: str,
) -> None:
    listing = problem(
        concept,
        None if onset is None else NOW - onset,
        None if recorded is None else NOW - recorded,
    )
    assert asked(book, fact, problems=listing) == there


def test_an_old_entry_does_not_hide_a_new_one(book: Rulebook) -> None:
    (old,) = problem("torsades-de-pointes", NOW - 300 * DAY).items
    (new,) = problem("torsades-de-pointes", NOW - HOUR).items
    assert asked(book, "torsades", problems=Listing("problems", (old, new))) == "present"


def test_what_is_found_is_named_once_with_every_source(book: Rulebook) -> None:
    entries = tuple(
        ProblemEntry(f"Condition/{i}", name, frozenset({"pregnancy"}))
        for i, name in enumerate(("Pregnancy", "Pregnancy", "Twin pregnancy"))
    )
    fact = Facts(book, record(problems=Listing("problems", entries)), NOW).fact("pregnancy")
    assert fact.state == Presence(True, ("Pregnancy", "Twin pregnancy"))
    assert fact.explained == "Pregnancy, Twin pregnancy"
    assert fact.evidence == (
        Evidence("Condition/0", "Pregnancy"),
        Evidence("Condition/1", "Pregnancy"),
        Evidence("Condition/2", "Twin pregnancy"),
    )
    nothing = Facts(book, record(), NOW).fact("pregnancy")
    assert (nothing.explained, nothing.evidence) == ("none on the list", ())


def test_an_allergy_to_something_else_does_not_count(book: Rulebook) -> None:
    entry = AllergyEntry("AllergyIntolerance/1", "Penicillin", frozenset({"penicillin"}))
    assert asked(book, "magnesium_allergy", allergies=Listing("allergies", (entry,))) == "absent"


def test_a_drug_that_is_ordered_and_given_is_named_once(book: Rulebook) -> None:
    lists = {
        "medications": Listing("medications", (drug(),)),
        "administrations": Listing("administrations", (gave(2, grams(2), substances=MGSO4),)),
    }
    fact = Facts(book, record(**lists), NOW).fact("magnesium_iv_on_order")
    assert fact.explained == "magnesium sulfate"


# --- complete and incomplete lists ------------------------------------------------------------

TRUNCATED = "2 of 3 pages were read"
MAGNESIUM_TEST = LabOrder("ServiceRequest/1", frozenset({Loinc("19123-9")}), False, NOW - HOUR)
ENTRIES = [
    # fact                  list           something it finds
    ("myasthenia_gravis",    "problems",    problem("myasthenia-gravis").items[0]),
    ("dialysis_procedure",   "procedures",  ProcedureEntry("Procedure/1", "Hemodialysis",
                                            frozenset({"hemodialysis", "dialysis"}), NOW - DAY)),
    ("magnesium_allergy",    "allergies",   AllergyEntry("AllergyIntolerance/1", "Magnesium",
                                            frozenset({"magnesium"}))),
    ("magnesium_test",       "lab_orders",  MAGNESIUM_TEST),
    ("wasting_drugs",        "medications", order(5, substances=FUROSEMIDE)),
]  # fmt: skip


@pytest.mark.parametrize(("fact", "key", "entry"), ENTRIES)
def test_absence_is_only_concluded_from_a_complete_list(
    book: Rulebook, fact: str, key: str, entry: Any
) -> None:
    table = {
        "complete with it": Listing(key, (entry,)),
        "incomplete with it": Listing(key, (entry,), TRUNCATED),
        "complete without": Listing(key),
        "incomplete without": Listing(key, (), TRUNCATED),
        "not supplied": not_supplied(key),
    }
    assert {words: asked(book, fact, **{key: listing}) for words, listing in table.items()} == {
        "complete with it": "present",
        "incomplete with it": "present",
        "complete without": "absent",
        "incomplete without": f"not known: {key}",
        "not supplied": f"not known: {key}",
    }


def test_what_is_not_known_says_why_in_its_explanation(book: Rulebook) -> None:
    fact = Facts(book, record(problems=Listing("problems", (), TRUNCATED)), NOW).fact("pregnancy")
    assert fact.state == NotKnown("problems", TRUNCATED)
    assert fact.explained == TRUNCATED


@pytest.mark.parametrize(
    ("listing", "state", "words"),
    [
        (Listing("procedures"), True, "`procedures` is complete"),
        (Listing("procedures", (), TRUNCATED), False, TRUNCATED),
        (not_supplied("procedures"), False, "`procedures` was not supplied"),
    ],
)
def test_whether_a_list_was_supplied_is_a_fact_of_its_own(
    book: Rulebook, listing: Listing[Any], state: bool, words: str
) -> None:
    fact = Facts(book, record(procedures=listing), NOW).fact("procedures_supplied")
    assert fact.state == Presence(state)
    assert fact.explained == words


@pytest.mark.parametrize(
    ("listing", "verdict"),
    [
        (problem("ckd"), Verdict.YES),
        (replace(problem("ckd"), gap=TRUNCATED), Verdict.YES),
        (problem("pregnancy"), Verdict.NO),
        (replace(problem("pregnancy"), gap=TRUNCATED), Verdict.CANNOT_TELL),
    ],
)
def test_a_window_asks_the_problem_list_in_the_same_way(
    listing: Listing[ProblemEntry], verdict: Verdict
) -> None:
    assert problem_state(Lists(record(problems=listing)), ("ckd", "esrd")) is verdict


# --- procedures and ordered tests -------------------------------------------------------------


@pytest.mark.parametrize(
    ("performed", "there"),
    [
        (30 * DAY, "present"),
        (30 * DAY + SECOND, "absent"),
        (timedelta(0), "present"),
        (None, "present"),  # dialysis at an unknown time: the safe reading
    ],
)
def test_dialysis_counts_for_thirty_days(
    book: Rulebook, performed: timedelta | None, there: str
) -> None:
    when = None if performed is None else NOW - performed
    entry = ProcedureEntry("Procedure/1", "Hemodialysis", frozenset({"dialysis"}), when)
    listing = Listing("procedures", (entry,))
    assert asked(book, "dialysis_procedure", procedures=listing) == there
    other = replace(entry, concepts=frozenset({"kidney-transplant"}))
    other_listing = Listing("procedures", (other,))
    assert asked(book, "dialysis_procedure", procedures=other_listing) == "absent"


@pytest.mark.parametrize(
    ("code", "authored", "there"),
    [
        ("19123-9", HOUR, "present"),
        ("2601-3", HOUR, "present"),
        ("19123-9", DAY, "present"),
        ("19123-9", DAY + SECOND, "absent"),
        ("19123-9", None, "present"),  # an open order without a date may be of today
        ("2160-0", HOUR, "absent"),
    ],
)
def test_a_test_ordered_in_the_last_day_is_on_order(
    book: Rulebook, code: str, authored: timedelta | None, there: str
) -> None:
    when = None if authored is None else NOW - authored
    ordered = LabOrder("ServiceRequest/1", frozenset({Loinc(code)}), False, when)
    assert asked(book, "magnesium_test", lab_orders=Listing("lab_orders", (ordered,))) == there
    if there == "present":
        patient = record(lab_orders=Listing("lab_orders", (ordered,)))
        assert Facts(book, patient, NOW).fact("magnesium_test").explained == "ordered"


def test_a_drafted_test_is_on_order_even_if_open_orders_are_not_known(book: Rulebook) -> None:
    drafted = replace(MAGNESIUM_TEST, draft=True, authored=None)
    lists = {"lab_orders": not_supplied("lab_orders"), "draft_lab_orders": (drafted,)}
    assert asked(book, "magnesium_test", **lists) == "present"
    assert asked(book, "creatinine_test", **lists) == "not known: lab_orders"
    fact = Facts(book, record(**lists), NOW).fact("magnesium_test")
    assert fact.explained == "drafted"


# --- drugs ------------------------------------------------------------------------------------


def drug(**more: Any) -> MedicationOrder:
    made = order(5, kind=more.pop("kind", OrderKind.ACTIVE), substances=MGSO4, parenteral=True)
    return replace(made, **more)


DRUGS = [
    # fact                     the order                                         there?
    ("magnesium_iv_on_order",   drug(),                                          "present"),
    ("magnesium_iv_on_order",   drug(parenteral=None),                           "present"),
    ("magnesium_iv_on_order",   drug(parenteral=False),                          "absent"),
    ("magnesium_iv_on_order",   drug(systemic=False),                            "absent"),
    ("magnesium_iv_on_order",   drug(substances=FUROSEMIDE),                     "absent"),
    ("magnesium_iv_on_order",   drug(substances=()),                             "absent"),
    ("magnesium_oral_on_order", drug(substances=MGO, parenteral=False),          "present"),
    ("magnesium_oral_on_order", drug(substances=MGO, parenteral=None),           "absent"),
    ("magnesium_oral_on_order", drug(substances=MGO, parenteral=True),           "absent"),
    ("wasting_drugs",           drug(substances=FUROSEMIDE),                     "present"),
    ("wasting_drugs",           drug(substances=FUROSEMIDE, parenteral=False),   "present"),
    ("wasting_drugs",           drug(substances=FUROSEMIDE, systemic=False),     "absent"),
]  # fmt: skip


@pytest.mark.parametrize(("fact", "item", "there"), DRUGS)
def test_an_active_drug_counts_by_role_and_route(
    book: Rulebook, fact: str, item: MedicationOrder, there: str
) -> None:
    assert asked(book, fact, medications=Listing("medications", (item,))) == there


@pytest.mark.parametrize("kind", list(OrderKind))
def test_only_active_orders_are_active(book: Rulebook, kind: OrderKind) -> None:
    listing = Listing("medications", (drug(kind=kind),))
    there = "present" if kind is OrderKind.ACTIVE else "absent"
    assert asked(book, "magnesium_iv_on_order", medications=listing) == there


def test_a_draft_covers_whether_it_is_selected_or_not(book: Rulebook) -> None:
    for selected in (True, False):
        drafts = (drug(kind=OrderKind.DRAFT, selected=selected),)
        assert asked(book, "magnesium_iv_on_order", drafts=drafts) == "present"
    drafts = (drug(kind=OrderKind.DRAFT, substances=FUROSEMIDE),)
    assert asked(book, "wasting_drugs", drafts=drafts) == "absent"  # A5 asks active drugs only


def test_a_draft_nobody_can_identify_might_be_anything(book: Rulebook) -> None:
    riddle = drug(kind=OrderKind.DRAFT, substances=(), identified=False)
    fact = Facts(book, record(drafts=(riddle,)), NOW).fact("magnesium_iv_on_order")
    why = "a draft order names no drug that can be read"
    assert (fact.name, fact.explained) == ("magnesium_iv_on_order", why)
    assert fact.state == NotKnown("draftOrders", why)
    known = Listing("medications", (drug(),))
    found = asked(book, "magnesium_iv_on_order", drafts=(riddle,), medications=known)
    assert found == "present"
    assert asked(book, "wasting_drugs", drafts=(riddle,)) == "absent"  # does not ask drafts


YEAR = 365 * DAY
LONG_TERM = MedicationSource(("furosemide",), frozenset({"active"}), None, YEAR)
BEGAN = [
    # began on            ordered on            taken for a year?
    (NOW - YEAR,           None,                "present"),
    (NOW - YEAR + SECOND,  None,                "absent"),
    (None,                 NOW - YEAR,          "present"),
    (None,                 NOW - DAY,           "absent"),
    (NOW - DAY,            NOW - 2 * YEAR,      "present"),  # the earlier of the two counts
    (NOW - 2 * YEAR,       NOW - DAY,           "present"),
]  # fmt: skip


@pytest.mark.parametrize(("start", "authored", "there"), BEGAN)
def test_a_drug_runs_since_it_began_or_was_ordered(
    start: datetime | None, authored: datetime | None, there: str
) -> None:
    item = drug(substances=FUROSEMIDE, start=start, authored=authored, name="furosemide 40 mg")
    patient = record(medications=Listing("medications", (item,)))
    fact = listed_fact("it", LONG_TERM, Lists(patient), NOW)
    names = ("furosemide 40 mg",) if there == "present" else ()
    assert fact.name == "it"
    assert fact.state == Presence(there == "present", names)


def test_a_drug_whose_begin_is_not_recorded_keeps_open_whether_it_runs_long_enough() -> None:
    undated = drug(substances=FUROSEMIDE, start=None, authored=None, name="furosemide 40 mg")
    patient = record(medications=Listing("medications", (undated,)))
    fact = listed_fact("it", LONG_TERM, Lists(patient), NOW)
    assert (fact.name, fact.state) == ("it", Missing(Reason.NO_TIME))
    assert fact.explained == "furosemide 40 mg: since when is not recorded"
    assert fact.evidence == (Evidence(undated.source, "furosemide 40 mg"),)
    long = drug(substances=FUROSEMIDE, start=NOW - YEAR, name="furosemide 20 mg")
    both = record(medications=Listing("medications", (undated, long)))
    found = listed_fact("it", LONG_TERM, Lists(both), NOW)
    assert found.state == Presence(True, ("furosemide 20 mg",))


def test_whether_a_drug_runs_long_enough_is_not_known_from_an_incomplete_list() -> None:
    recent = drug(substances=FUROSEMIDE, start=NOW - DAY)
    patient = record(medications=Listing("medications", (recent,), TRUNCATED))
    assert listed_fact("it", LONG_TERM, Lists(patient), NOW).state == NotKnown(
        "medications", TRUNCATED
    )


GIVEN = [
    # ended (hours ago)  completed  route    there?
    (0,                   True,     True,    "present"),
    (23.99,               True,     True,    "present"),
    (24.01,               True,     True,    "absent"),
    (-0.01,               True,     True,    "absent"),
    (30,                  False,    True,    "present"),  # still running
    (None,                False,    True,    "present"),
    (2,                   True,     None,    "present"),  # an unknown route may be parenteral
    (2,                   True,     False,   "absent"),
]  # fmt: skip


@pytest.mark.parametrize(("hours", "completed", "route", "there"), GIVEN)
def test_a_dose_given_in_the_last_day_covers(
    book: Rulebook, hours: float | None, completed: bool, route: bool | None, there: str
) -> None:
    dose = replace(gave(hours, grams(2), substances=MGSO4, completed=completed), parenteral=route)
    listing = Listing("administrations", (dose,))
    assert asked(book, "magnesium_iv_on_order", administrations=listing) == there


def test_another_drug_given_does_not_cover(book: Rulebook) -> None:
    other = Listing("administrations", (gave(2, None, substances=FUROSEMIDE),))
    assert asked(book, "magnesium_iv_on_order", administrations=other) == "absent"


def test_a_question_about_the_selected_drafts_leaves_the_others_out() -> None:
    source = MedicationSource(("furosemide",), frozenset({"selected"}))
    draft = drug(substances=FUROSEMIDE, kind=OrderKind.DRAFT, name="furosemide 40 mg")
    chosen, other = replace(draft, selected=True), replace(draft, selected=False)
    found = listed_fact("it", source, Lists(record(drafts=(other, chosen))), NOW)
    assert found.state == Presence(True, ("furosemide 40 mg (draft)",))
    assert listed_fact("it", source, Lists(record(drafts=(other,))), NOW).state == Presence(False)
    active_only = MedicationSource(("furosemide",), frozenset({"active"}))
    assert listed_fact("it", active_only, Lists(record(drafts=(chosen,))), NOW).state == Presence(
        False
    )


def test_an_infusion_counts_from_its_end(book: Rulebook) -> None:
    long = replace(
        gave(30, grams(4), substances=MGSO4), end=NOW - 20 * HOUR, name="magnesium sulfate 4 g"
    )
    given = record(administrations=Listing("administrations", (long,)))
    fact = Facts(book, given, NOW).fact("magnesium_iv_on_order")
    assert fact.explained == "magnesium sulfate 4 g (given)"


def test_doses_given_that_are_not_known_are_no_stop(book: Rulebook) -> None:
    lists = {"administrations": not_supplied("administrations")}
    assert asked(book, "magnesium_iv_on_order", **lists) == "absent"
    assert asked(book, "administrations_supplied", **lists) == "absent"  # the card says so


def test_an_ingredient_may_be_asked_by_its_name() -> None:
    source = MedicationSource(("furosemide",), frozenset({"active", "given"}))
    active = record(medications=Listing("medications", (drug(substances=FUROSEMIDE),)))
    given = record(
        administrations=Listing("administrations", (gave(2, None, substances=FUROSEMIDE),))
    )
    for patient in (active, given):
        fact = listed_fact("water_tablet", source, Lists(patient), NOW)
        assert fact.state.present, fact  # type: ignore[union-attr]


def test_only_the_lists_that_were_asked_count() -> None:
    drafts_only = MedicationSource(("furosemide",), frozenset({"draft"}))
    patient = record(
        medications=Listing("medications", (drug(substances=FUROSEMIDE),), TRUNCATED),
        administrations=Listing("administrations", (gave(2, None, substances=FUROSEMIDE),)),
    )
    assert listed_fact("it", drafts_only, Lists(patient), NOW).state == Presence(False)
    draft = drug(substances=FUROSEMIDE, kind=OrderKind.DRAFT, name="furosemide 40 mg")
    found = listed_fact("it", drafts_only, Lists(replace(patient, drafts=(draft,))), NOW)
    assert found.state == Presence(True, ("furosemide 40 mg (draft)",))


def test_what_asks_no_list_is_refused_by_its_name() -> None:
    with pytest.raises(TypeError, match="age does not ask a list"):
        listed_fact("age", PatientSource("age"), Lists(record()), NOW)
