"""From a record to decisions: which rules are judged, for which orders, and what a card says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cds.engine.decide import concerns, decide, judge_rule
from cds.engine.decision import Decision, Outcome
from cds.facts.record import (
    LabResult,
    Listing,
    MedicationOrder,
    OrderKind,
    Record,
    Substance,
)
from cds.rulebook.model import All, AnyOf, IsPresent, Level, Note, Rule, Rulebook, Where
from cds.trial import case_facts, stated
from tests.unit.facts.standin import MGSO4, NOW, cr, grams, k, mg, order, view

HERE = Where("test", 1)
TORSADES, NO_TORSADES = IsPresent("torsades", True, HERE), IsPresent("torsades", False, HERE)
FUROSEMIDE = (Substance("furosemide", frozenset({"loop-diuretic"})),)


def record(*labs: LabResult, **lists: Any) -> Record:
    names = ("problems", "procedures", "allergies", "lab_orders")
    return replace(view(labs=labs).record, **{n: Listing(n) for n in names}, **lists)


def rule(book: Rulebook, name: str) -> Rule:
    return next(item for item in book.rules if item.id == name)


def with_rule(book: Rulebook, changed: Rule) -> Rulebook:
    return replace(book, rules=tuple(changed if r.id == changed.id else r for r in book.rules))


def decided(book: Rulebook, name: str, patient: Record, hook: str = "order-select") -> Any:
    return [item for item in decide(book, patient, NOW, hook).items if item.rule.id == name]


def judged(book: Rulebook, changed: Rule, **given: str) -> Decision:
    facts = {name: stated(book.facts[name], text) for name, text in given.items()}
    return judge_rule(changed, case_facts(book, facts))


SEVERE = {"magnesium": "1.0 mg/dL", "creatinine": "0.9 mg/dL"}


# --- which rules are judged -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "judged_at_all", "silent"),
    [
        ("active", True, False),
        ("silent", True, True),
        ("draft", False, None),
        ("retired", False, None),
    ],
)
def test_a_silent_rule_is_judged_without_a_card_and_a_draft_is_not_judged(
    book: Rulebook, status: Any, judged_at_all: bool, silent: bool | None
) -> None:
    changed = replace(rule(book, "hypomagnesemia"), status=status)
    for patient in (record(mg("1.0 mg/dL", 2), cr("0.9")), record(mg("2.0 mg/dL", 2)), record()):
        found = decided(with_rule(book, changed), "hypomagnesemia", patient)
        assert [item.silent_mode for item in found] == ([silent] if judged_at_all else [])


def test_an_unwanted_card_of_a_silent_rule_is_silent_too(book: Rulebook) -> None:
    changed = replace(rule(book, "hypomagnesemia"), status="silent", unless=NO_TORSADES)
    decision = judged(book, changed, **SEVERE)
    assert (decision.outcome, decision.silent_mode) == (Outcome.SILENT, True)
    assert decision.reason == "not wanted here: torsades absent (torsades: nothing recorded)"


@pytest.mark.parametrize(
    ("hook", "is_judged"),
    [("order-select", True), ("order-sign", True), ("patient-view", False)],
)
def test_a_rule_is_judged_at_its_own_hooks_only(book: Rulebook, hook: str, is_judged: bool) -> None:
    assert bool(decided(book, "magnesium-order", record(), hook)) is is_judged


def test_a_rule_that_breaks_is_an_error_of_its_own_and_the_others_go_on(book: Rulebook) -> None:
    """Law 6: `one_broken_rule_never_takes_the_others_down`."""
    odd: Any = "no clause"
    broken = replace(rule(book, "hypomagnesemia"), unless=odd)
    patient = record(mg("1.0 mg/dL", 2), cr("0.9"))
    whole, found = (
        decide(one, patient, NOW, "order-select").items for one in (book, with_rule(book, broken))
    )
    (error,) = [item for item in found if item.outcome is Outcome.ERROR]
    assert error.rule is broken
    assert error.reason == "AssertionError while judging hypomagnesemia"
    others = [item for item in found if item is not error]
    assert others == [item for item in whole if item.rule.id != "hypomagnesemia"]


def test_a_call_that_may_suggest_no_drug_withholds_them_in_every_rule(book: Rulebook) -> None:
    patient = record(mg("1.0 mg/dL", 2), cr("0.9"))
    why = "no drug is suggested at discharge"
    items = decide(book, patient, NOW, "order-select", why).items
    (decision,) = [item for item in items if item.rule.id == "hypomagnesemia"]
    assert decision.offers == ()
    assert [lost.reasons for lost in decision.withheld if lost.codes == ("no-drugs",)] == [(why,)]


def test_the_answer_holds_every_fact_it_looked_at_and_names_what_could_not_be_read(
    book: Rulebook,
) -> None:
    unread = ("Observation/9: no code",)
    decisions = decide(book, record(mg("1.0 mg/dL", 2), unreadable=unread), NOW, "order-select")
    assert decisions.unread == unread
    facts = {fact.name: fact for fact in decisions.facts}
    assert facts["magnesium"].explained.startswith("magnesium 1.0 mg/dL")
    assert len(facts) == len(decisions.facts) > 20


# --- one decision per selected order ----------------------------------------------------------


def draft(name: str = "bag", **more: Any) -> MedicationOrder:
    made = order(kind=OrderKind.DRAFT, substances=MGSO4, source=f"MedicationRequest/{name}")
    return replace(
        made,
        **{"dose": grams(4), "parenteral": True, "selected": True, "name": name, **more},
    )


LOW_KIDNEYS = (cr("3.0"), mg("1.5 mg/dL", 2))


def renal(book: Rulebook, *drafts: MedicationOrder) -> list[Decision]:
    patient = record(*LOW_KIDNEYS, drafts=drafts)
    return decided(book, "magnesium-order", patient)


def test_each_selected_order_has_a_decision_of_its_own(book: Rulebook) -> None:
    first, second = renal(book, draft("first"), draft("second", dose=grams(1)))
    assert [item.order.name for item in (first, second) if item.order] == ["first", "second"]
    assert (first.indicator, second.indicator) == ("critical", "warning")
    assert first.summary == "Renal impairment: at most 1 g (4.06 mmol, 8.12 meq) of first"
    assert second.summary.endswith(" of second")


def test_a_decision_without_a_card_still_names_its_order(book: Rulebook) -> None:
    patient = record(cr("0.9"), mg("1.5 mg/dL", 2), drafts=(draft("small", dose=grams(1)),))
    (silent,) = decided(book, "magnesium-order", patient)
    unwanted = replace(rule(book, "magnesium-order"), unless=NO_TORSADES)
    (unasked,) = decided(with_rule(book, unwanted), "magnesium-order", patient)
    assert unasked.reason.startswith("not wanted here: ")
    for item in (silent, unasked):
        assert (item.outcome, item.order.name) == (Outcome.SILENT, "small")


def test_one_selected_order_has_one_decision(book: Rulebook) -> None:
    (decision,) = renal(book, draft())
    assert (decision.outcome, decision.fired and decision.fired.row) == (Outcome.FIRES, "C1")


@pytest.mark.parametrize(
    "drafts",
    [
        (),
        (draft(selected=False),),
        (draft(systemic=False),),
        (draft(substances=FUROSEMIDE),),
    ],
)
def test_what_is_not_selected_or_not_magnesium_is_not_judged(
    book: Rulebook, drafts: tuple[MedicationOrder, ...]
) -> None:
    (decision,) = renal(book, *drafts)
    assert (decision.outcome, decision.order) == (Outcome.SILENT, None)
    assert decision.reason == "no selected order is of the kind it is about"


def test_a_rule_about_the_patient_concerns_no_order(book: Rulebook) -> None:
    assert concerns(rule(book, "magnesium-order"), draft())
    assert not concerns(rule(book, "hypomagnesemia"), draft())


def test_an_unselected_draft_is_not_judged_but_covers(book: Rulebook) -> None:
    patient = record(mg("1.0 mg/dL", 2), cr("0.9"), drafts=(draft(selected=False),))
    (decision,) = decided(book, "hypomagnesemia", patient)
    assert (decision.fired and decision.fired.row, decision.indicator) == ("A2", "info")
    assert decision.offers == ()
    assert "Already ordered or given: bag (draft); check the dose." in decision.detail


# --- levels, from the top down ----------------------------------------------------------------


def test_the_first_row_that_holds_wins_and_lower_rows_are_not_judged(book: Rulebook) -> None:
    decision = judged(book, rule(book, "hypomagnesemia"), **SEVERE)
    assert [item.level.row for item in decision.levels] == ["A3", "A2"]
    assert (decision.reason, decision.undecided) == ("row A2 applies", ())


def test_a_row_that_cannot_be_told_above_the_one_that_fires_is_named(book: Rulebook) -> None:
    given = {**SEVERE, "magnesium": "<1.5 mg/dL"}
    decision = judged(book, rule(book, "hypomagnesemia"), **given)
    assert decision.fired is not None
    assert decision.fired.row == "A1"
    assert decision.undecided == ("severe low magnesium (magnesium <1.5 mg/dL: severe or low)",)


OPEN = IsPresent("alcohol_use", True, HERE)
ABOVE = [
    # open row above: row, indicator    the row that fires    named?
    ("X1",            "info",           "warning",            True),   # another row
    ("A2",            "info",           "warning",            False),  # the same row, no worse
    ("A2",            "warning",        "warning",            False),
    ("A2",            "critical",       "warning",            True),   # it would have been worse
    ("A2",            "critical",       "critical",           False),
]  # fmt: skip


@pytest.mark.parametrize(("row", "worse", "own", "named"), ABOVE)
def test_an_open_part_of_the_row_that_fires_is_named_only_where_it_would_be_worse(
    book: Rulebook, row: str, worse: Any, own: Any, named: bool
) -> None:
    base = rule(book, "hypomagnesemia")
    fires = next(item for item in base.levels if item.row == "A2")
    above = replace(fires, row=row, indicator=worse, when=OPEN, summary="something above")
    levels = (above, replace(fires, indicator=own, info_when=None, critical_when=None))
    decision = judged(book, replace(base, levels=levels), alcohol_use="not known", **SEVERE)
    assert decision.fired is not None
    assert (decision.fired.row, decision.indicator) == ("A2", own)
    said = ("something above (alcohol use not known)",)
    assert decision.undecided == (said if named else ())


def test_every_open_row_above_is_named_also_the_one_right_above(book: Rulebook) -> None:
    base = rule(book, "hypomagnesemia")
    fires = next(item for item in base.levels if item.row == "A2")
    above = [
        replace(fires, row=row, when=OPEN, summary=f"row {row}") for row in ("X1", "X2")
    ]  # fmt: skip
    both = replace(base, levels=(*above, fires))
    decision = judged(book, both, alcohol_use="not known", **SEVERE)
    assert decision.undecided == ("row X1; row X2 (alcohol use not known)",)


def test_why_a_card_is_not_wanted_is_said_with_every_reason(book: Rulebook) -> None:
    unless = AnyOf((NO_TORSADES, IsPresent("pregnancy", False, HERE)), HERE)
    decision = judged(book, replace(rule(book, "hypomagnesemia"), unless=unless), **SEVERE)
    assert decision.outcome is Outcome.SILENT
    assert decision.reason == (
        "not wanted here: torsades absent (torsades: nothing recorded); "
        "pregnancy absent (pregnancy: nothing recorded)"
    )


def test_a_card_of_which_nobody_can_tell_whether_it_is_wanted_stays_and_says_every_cause(
    book: Rulebook,
) -> None:
    unless = AnyOf((OPEN, TORSADES), HERE)
    changed = replace(rule(book, "hypomagnesemia"), unless=unless)
    decision = judged(book, changed, alcohol_use="not known", torsades="not known", **SEVERE)
    assert decision.outcome is Outcome.FIRES
    said = "whether this card is wanted (alcohol use not known; torsades not known)"
    assert said in decision.undecided


def test_a_card_that_is_wanted_says_nothing_about_it(book: Rulebook) -> None:
    changed = replace(rule(book, "hypomagnesemia"), unless=TORSADES)
    assert judged(book, changed, **SEVERE).undecided == ()


def test_rows_that_are_open_for_different_reasons_are_told_apart(book: Rulebook) -> None:
    base = rule(book, "hypomagnesemia")
    first = base.levels[0]
    both = AnyOf((OPEN, IsPresent("torsades", True, HERE)), HERE)
    levels = (
        replace(first, when=OPEN, summary="row one"),
        replace(first, when=both, summary="row two"),
    )
    unknown = {"alcohol_use": "not known", "torsades": "not known"}
    decision = judged(book, replace(base, levels=levels), **unknown)
    assert decision.undecided == (
        "row one (alcohol use not known)",
        "row two (alcohol use not known; torsades not known)",
    )
    assert decision.reason == (
        "row one (alcohol use not known); row two (alcohol use not known; torsades not known)"
    )


def test_a_rule_nobody_can_judge_names_what_is_open_and_each_cause_once(book: Rulebook) -> None:
    decision = judged(book, rule(book, "hypomagnesemia"))
    assert decision.outcome is Outcome.CANNOT_TELL
    assert decision.undecided == (
        "severe low magnesium; low magnesium; magnesium is borderline or lower "
        "(magnesium: nothing recorded)",
    )
    assert decision.reason == "; ".join(decision.undecided)


def test_no_row_that_applies_is_said_with_every_row_judged(book: Rulebook) -> None:
    decision = judged(book, rule(book, "hypomagnesemia"), magnesium="2.0 mg/dL")
    assert decision.outcome is Outcome.SILENT
    # what was asked for and not found is said, also where it would have changed nothing
    assert decision.reason == (
        "no row of this rule applies; qtc: nothing recorded; potassium: nothing recorded"
    )
    assert len(decision.levels) == len(rule(book, "hypomagnesemia").levels)


# --- how urgent -------------------------------------------------------------------------------


INDICATORS = [
    # own level   info when   critical when   torsades     urgency
    ("warning",   None,       None,           "absent",    "warning"),
    ("warning",   None,       NO_TORSADES,    "absent",    "critical"),
    ("warning",   None,       TORSADES,       "absent",    "warning"),
    ("warning",   NO_TORSADES, None,          "absent",    "info"),
    ("critical",  NO_TORSADES, NO_TORSADES,   "absent",    "info"),      # dealt with already
    ("warning",   NO_TORSADES, NO_TORSADES,   "not known", "warning"),   # nothing was told
    ("warning",   TORSADES,   NO_TORSADES,    "absent",    "critical"),
]  # fmt: skip


@pytest.mark.parametrize(("own", "info", "critical", "torsades", "urgency"), INDICATORS)
def test_what_is_dealt_with_is_info_even_where_it_would_be_critical(
    book: Rulebook, own: Any, info: Any, critical: Any, torsades: str, urgency: str
) -> None:
    base = rule(book, "hypomagnesemia")
    level = next(item for item in base.levels if item.row == "A2")
    changed = replace(level, indicator=own, info_when=info, critical_when=critical)
    one_row = replace(base, levels=(changed,))
    assert judged(book, one_row, torsades=torsades, **SEVERE).indicator == urgency


@pytest.mark.parametrize(
    ("torsades", "own", "summary"),
    [
        ("absent", "already dealt with", "Already dealt with"),
        ("absent", "", "Low 1.0 mg/dL (0.41 mmol/L)"),
        ("not known", "already dealt with", "Low 1.0 mg/dL (0.41 mmol/L)"),
    ],
)
def test_a_card_that_is_only_info_may_have_a_headline_of_its_own(
    book: Rulebook, torsades: str, own: str, summary: str
) -> None:
    base = rule(book, "hypomagnesemia")
    level = next(item for item in base.levels if item.row == "A2")
    changed = replace(level, info_when=NO_TORSADES, info_summary=own, summary="low {magnesium}")
    one_row = replace(base, levels=(changed,))
    assert judged(book, one_row, torsades=torsades, **SEVERE).summary == summary


# --- what the card says -----------------------------------------------------------------------


def only(book: Rulebook, *notes: Note, **more: Any) -> Rule:
    base = rule(book, "hypomagnesemia")
    level: Level = next(item for item in base.levels if item.row == "A2")
    changed = replace(level, **{"detail": (), "suggest": (), "notes": notes, **more})
    return replace(base, levels=(changed,), notes=())


NOTES = [
    # the patient        what is said
    ("present",          ("Torsades with 1.0 mg/dL (0.41 mmol/L).",)),
    ("absent",           ()),
    ("not known",        ("Torsades could not be asked.",)),
]  # fmt: skip


@pytest.mark.parametrize(("torsades", "said"), NOTES)
def test_a_note_is_said_left_out_or_replaced_where_nobody_can_tell(
    book: Rulebook, torsades: str, said: tuple[str, ...]
) -> None:
    note = Note(TORSADES, "torsades with {magnesium}.", "torsades could not be asked.", HERE)
    assert judged(book, only(book, note), torsades=torsades, **SEVERE).detail == said


def test_a_note_without_a_condition_is_always_said_and_a_sentence_only_once(
    book: Rulebook,
) -> None:
    note = Note(None, "recheck tomorrow.", "", HERE)
    changed = replace(only(book, note, detail=("Recheck tomorrow.",)), notes=(note,))
    assert judged(book, changed, **SEVERE).detail == ("Recheck tomorrow.",)


def test_a_card_lists_what_it_shows_before_what_it_looked_at(book: Rulebook) -> None:
    when = All((IsPresent("torsades", False, HERE), IsPresent("magnesium", True, HERE)), HERE)
    changed = only(
        book, when=when, summary="{magnesium}", detail=("{renal_band.why} and {mg_severe}",)
    )
    names = [fact.name for fact in judged(book, changed, **SEVERE).facts]
    assert names == ["magnesium", "renal_band", "torsades"]
    two = All((IsPresent("torsades", False, HERE), IsPresent("pregnancy", False, HERE)), HERE)
    names = [fact.name for fact in judged(book, only(book, when=two), **SEVERE).facts]
    assert names == ["magnesium", "torsades", "pregnancy"]


def test_an_offer_rests_on_the_results_that_made_the_row_fire(book: Rulebook) -> None:
    patient = record(mg("1.0 mg/dL", 2, id="mg1"), cr("0.9", id="cr1"), k("4.0", 2, id="k1"))
    (decision,) = decided(book, "hypomagnesemia", patient)
    (offer,) = decision.offers
    assert offer.because == ("Observation/mg1",)
    assert decision.cites[:3] == ("mgso4-label", "mgso4-spc", "ctcae")


def test_every_card_can_print_the_kidneys_and_a_rulebook_without_them_prints_none(
    book: Rulebook,
) -> None:
    patient = record(mg("1.0 mg/dL", 2), cr("0.9"))
    lines = decide(book, patient, NOW, "patient-view").fine_print
    assert any("CKD-EPI" in line for line in lines)
    bare = {name: spec for name, spec in book.facts.items() if name != "kidney_estimates"}
    assert decide(replace(book, facts=bare), patient, NOW, "patient-view").fine_print == ()
