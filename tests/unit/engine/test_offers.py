"""What is offered, and every reason why it is not (laws 2 and 9; clinical pack R9 to R11, R28)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cds.engine.decision import Offer, Withheld
from cds.engine.evaluate import judge
from cds.engine.facts import Facts
from cds.engine.offers import NOT_VISIBLE, Ask, weigh
from cds.facts.record import OrderKind
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.kernel.verdict import Verdict
from cds.rulebook.model import DoseSpec, IsPresent, Rulebook, Suggestion, Where
from cds.trial import case_facts, stated
from tests.unit.facts.standin import MGSO4, grams, mg_rate, order

HERE = Where("test", 1)
SEVERE = {"magnesium": "1.0 mg/dL", "creatinine": "0.9 mg/dL"}


def patient(book: Rulebook, **given: str) -> Facts:
    return case_facts(book, {name: stated(book.facts[name], text) for name, text in given.items()})


def suggestion(book: Rulebook, name: str) -> Suggestion:
    return next(rule.suggestions[name] for rule in book.rules if name in rule.suggestions)


def weighed(book: Rulebook, name: str, **given: str) -> Offer | Withheld | None:
    return weigh(Ask(suggestion(book, name), patient(book, **given), ("Observation/mg",)))


def test_the_dose_for_severe_low_magnesium_is_offered_ready_to_order(book: Rulebook) -> None:
    offer = weighed(book, "severe-dose", **SEVERE)
    assert isinstance(offer, Offer)
    assert offer.label == (
        "Magnesium sulfate 4 g (16.24 mmol, 32.48 meq) IV infusion over 4 h at 1 g/h"
    )
    assert offer.suggestion.name == "severe-dose"
    assert (offer.dose, offer.units, offer.rate) == (grams(4), 4, mg_rate("1"))
    assert offer.dose_text == "4 g (16.24 mmol, 32.48 meq)"
    assert offer.hours == Quantity.of(Analyte.DURATION, 4, "h")
    assert offer.per_day is None
    assert (offer.ingredient, offer.because) == ("magnesium", ("Observation/mg",))
    assert offer.order is None  # a create is about no order


def test_tablets_are_offered_with_how_many_times_a_day(book: Rulebook) -> None:
    bare = replace(suggestion(book, "magnesium-oral"), if_=None, unless=(), total=None)
    offer = weigh(Ask(bare, patient(book, magnesium="1.5 mg/dL", renal_band="full"), ()))
    assert isinstance(offer, Offer)
    assert (offer.units, offer.per_day, offer.dose_text) == (1, 2, "400 mg")


REASONS = [
    # more about the patient                 why the dose for severe low magnesium is withheld
    ({"myasthenia_gravis": "present"},       ["myasthenia"],
     ["myasthenia gravis: IV magnesium can worsen weakness, contraindicated in the label of the "
      "1 % bag; ask a specialist"]),
    ({"myasthenia_gravis": "not known"},     ["cannot-tell"],
     ["could not be checked: myasthenia gravis not known"]),
    ({"age": "missing age-or-sex"},          ["cannot-tell"],
     ["could not be checked: child (age missing age-or-sex)"]),
    ({"magnesium_iv_on_order": "present"},   ["iv_magnesium_on_order"],
     ["already ordered or given: magnesium iv on order; check the dose"]),
    ({"magnesium_24h": "5 g"},               ["total"],
     ["with this dose the 24 h total would be 9 g, above 8 g"]),
    ({"magnesium_24h": "4.5 g"},             ["total"],
     ["with this dose the 24 h total would be 8.5 g, above 8 g"]),
    ({"magnesium_24h": "missing dose-unclear"}, ["total-unknown"],
     ["the amount of the last and next 24 h is not known (magnesium 24h missing dose-unclear)"]),
    ({"magnesium_24h": "not known"},         ["total-unknown"],
     ["the amount of the last and next 24 h is not known (magnesium 24h not known)"]),
    ({"magnesium_24h": "<2 g"},              ["total-unknown"],
     ["the amount of 24 h is not exact"]),
    ({"setting": "outpatient", "pregnancy": "present"}, ["obstetric", "outpatient"],
     ["pregnancy or (pre-)eclampsia on the problem list: obstetric team and protocol decide",
      "no IV magnesium is ordered for an outpatient from here"]),
    ({"myasthenia_gravis": "not known", "pregnancy": "present"}, ["obstetric", "cannot-tell"],
     ["pregnancy or (pre-)eclampsia on the problem list: obstetric team and protocol decide",
      "could not be checked: myasthenia gravis not known"]),
    # a stop is named, not what would have been found out behind it
    ({"pregnancy": "present", "magnesium_24h": "5 g"}, ["obstetric"],
     ["pregnancy or (pre-)eclampsia on the problem list: obstetric team and protocol decide"]),
]  # fmt: skip


@pytest.mark.parametrize(("given", "codes", "reasons"), REASONS)
def test_a_dose_is_withheld_with_every_reason_in_words(
    book: Rulebook, given: dict[str, str], codes: list[str], reasons: list[str]
) -> None:
    withheld = weighed(book, "severe-dose", **SEVERE, **given)
    assert isinstance(withheld, Withheld)
    assert withheld.suggestion.name == "severe-dose"
    assert list(withheld.codes) == codes
    assert list(withheld.reasons) == reasons


@pytest.mark.parametrize("sofar", ["0 g", "4 g"])
def test_the_daily_limit_itself_may_be_reached(book: Rulebook, sofar: str) -> None:
    assert isinstance(weighed(book, "severe-dose", **SEVERE, magnesium_24h=sofar), Offer)


def test_one_list_not_known_gives_one_sentence_for_all_its_stops(book: Rulebook) -> None:
    listed = ("pregnancy", "av_block", "myasthenia_gravis", "recent_infarction", "torsades")
    withheld = weighed(book, "severe-dose", **SEVERE, **dict.fromkeys(listed, "not known"))
    assert isinstance(withheld, Withheld)
    assert len(withheld.reasons) == len(set(withheld.reasons)) == len(listed)
    assert withheld.codes == ("cannot-tell",)
    assert len(withheld.judgements) == 3  # mg_stop, iv_stop, mg_emergency


def test_kidneys_that_cannot_clear_magnesium_are_a_stop_and_no_dose(book: Rulebook) -> None:
    given = {**SEVERE, "renal_band": "hold"}
    withheld = weighed(book, "severe-dose", **given)
    assert isinstance(withheld, Withheld)
    assert withheld.reasons == ("renal band hold",)
    bare = replace(suggestion(book, "severe-dose"), unless=())
    only_table = weigh(Ask(bare, patient(book, **given), ()))
    assert isinstance(only_table, Withheld)
    assert (only_table.suggestion.name, only_table.codes) == ("severe-dose", ("no-dose",))
    assert only_table.reasons == ("there is no dose for this patient: renal band hold",)


# --- conditions ------------------------------------------------------------------------------


def test_what_is_not_meant_for_this_patient_is_left_out_in_silence(book: Rulebook) -> None:
    assert weighed(book, "severe-dose", magnesium="1.5 mg/dL", creatinine="0.9 mg/dL") is None
    assert weighed(book, "order-creatinine", creatinine="0.9 mg/dL") is None


def test_a_condition_that_cannot_be_told_withholds_and_says_so(book: Rulebook) -> None:
    given = {**SEVERE, "magnesium": "<1.5 mg/dL"}
    withheld = weighed(book, "severe-dose", **given)
    assert isinstance(withheld, Withheld)
    assert withheld.codes == ("cannot-tell",)
    assert withheld.reasons == (
        "could not be checked: magnesium severe (magnesium <1.5 mg/dL: severe or low)",
    )


def test_an_unless_of_the_rule_that_cannot_be_told_withholds_drugs_and_edits_but_no_test(
    book: Rulebook,
) -> None:
    facts = patient(book, **SEVERE, alcohol_use="not known").for_order(
        order(kind=OrderKind.DRAFT, substances=MGSO4, editable=True)
    )
    blocked = judge(IsPresent("alcohol_use", True, HERE), facts)
    assert blocked.verdict is Verdict.CANNOT_TELL
    for name in ("severe-dose", "delete-held"):
        answer = weigh(Ask(suggestion(book, name), facts, (), blocked))
        assert isinstance(answer, Withheld), name
        assert answer.reasons == ("could not be checked (alcohol use not known)",)
    test = weigh(Ask(suggestion(book, "order-magnesium"), facts, (), blocked))
    assert isinstance(test, Offer)


def test_a_call_that_may_suggest_no_drug_withholds_every_new_drug_with_that_one_reason(
    book: Rulebook,
) -> None:
    why = "no drug is suggested at discharge"
    facts = patient(book, **SEVERE, pregnancy="present").for_order(BAG)
    facts.no_drugs = why
    withheld = weigh(Ask(suggestion(book, "severe-dose"), facts, ()))
    assert isinstance(withheld, Withheld)
    assert withheld.suggestion.name == "severe-dose"
    assert (withheld.reasons, withheld.codes) == ((why,), ("no-drugs",))
    assert isinstance(weigh(Ask(suggestion(book, "order-magnesium"), facts, ())), Offer)
    bare = replace(suggestion(book, "delete-held"), if_=None, unless=())
    assert isinstance(weigh(Ask(bare, facts, ())), Offer)  # to take a drug off stays possible


# --- tests that may be ordered already -------------------------------------------------------

OPEN_TESTS = [
    # open order    offered?   line                  reason
    ("absent",       True,     (),                   None),
    ("not known",    True,     (NOT_VISIBLE,),       None),
    ("present",      False,    None,                 "a magnesium test is already ordered"),
]  # fmt: skip


@pytest.mark.parametrize(("open_order", "offered", "lines", "reason"), OPEN_TESTS)
def test_a_test_is_not_ordered_twice(
    book: Rulebook, open_order: str, offered: bool, lines: Any, reason: str | None
) -> None:
    answer = weighed(book, "order-magnesium", magnesium_test=open_order)
    if offered:
        assert isinstance(answer, Offer)
        assert (answer.label, answer.lines) == ("Order a magnesium level", lines)
        assert (answer.dose, answer.ingredient) == (None, "")
    else:
        assert isinstance(answer, Withheld)
        assert answer.suggestion.name == "order-magnesium"
        assert (answer.reasons, answer.codes) == ((reason,), ("magnesium_test_open",))


def test_a_test_already_ordered_is_named_by_its_clause_where_it_has_no_sentence(
    book: Rulebook,
) -> None:
    silent = replace(book.definitions["magnesium_test_open"], say="")
    other = replace(book, definitions={**book.definitions, "magnesium_test_open": silent})
    answer = weighed(other, "order-magnesium", magnesium_test="present")
    assert isinstance(answer, Withheld)
    assert answer.reasons == ("magnesium test open",)


# --- changing and removing an order ----------------------------------------------------------

BAG = order(kind=OrderKind.DRAFT, substances=MGSO4, dose=grams(4), selected=True, editable=True)
LOW_KIDNEYS = {"renal_band": "low", "magnesium": "1.4 mg/dL"}


def edited(book: Rulebook, name: str, item: Any, **given: str) -> Offer | Withheld | None:
    """The dose comes from the order itself, everything else from the case."""
    case = patient(book, **{**LOW_KIDNEYS, **given}, order_is_standard_bag="present")
    known = {fact.name: fact for fact in case.looked_at() if fact.name != "order_dose"}
    seen = Facts(book, case.record, case.now, known)
    seen.order = item
    return weigh(Ask(suggestion(book, name), seen, ()))


def test_a_bag_above_the_limit_is_reduced_as_a_whole(book: Rulebook) -> None:
    offer = edited(book, "reduce-bag", BAG)
    assert isinstance(offer, Offer)
    assert offer.label == (
        "Reduce magnesium sulfate to 1 g (4.06 mmol, 8.12 meq) over 1 h at 1 g/h"
    )
    assert (offer.order, offer.dose, offer.units) == (BAG, grams(1), None)


def test_an_order_that_cannot_be_changed_safely_is_changed_by_hand(book: Rulebook) -> None:
    withheld = edited(book, "reduce-bag", replace(BAG, editable=False))
    assert isinstance(withheld, Withheld)
    assert withheld.suggestion.name == "reduce-bag"
    assert withheld.codes == ("not-editable",)
    assert withheld.reasons == ("this order cannot be changed safely from here: change it by hand",)


def test_without_an_order_there_is_nothing_to_change(book: Rulebook) -> None:
    case = patient(book, **LOW_KIDNEYS)
    case.order = None
    withheld = weigh(Ask(replace(suggestion(book, "reduce-bag"), if_=None), case, ()))
    assert isinstance(withheld, Withheld)
    assert withheld.codes == ("not-editable",)


def test_an_order_can_be_removed_even_if_it_cannot_be_changed(book: Rulebook) -> None:
    offer = edited(book, "delete-held", replace(BAG, editable=False))
    assert isinstance(offer, Offer)
    assert offer.label == "Remove magnesium sulfate"
    assert offer.order is not None
    assert (offer.ingredient, offer.dose) == ("", None)


@pytest.mark.parametrize("name", ["reduce-bag", "delete-held"])
@pytest.mark.parametrize("given", [{"torsades": "present"}, {"pregnancy": "present"}])
def test_emergency_and_obstetric_magnesium_is_never_edited(
    book: Rulebook, name: str, given: dict[str, str]
) -> None:
    assert isinstance(edited(book, name, BAG, **given), Withheld)


def test_a_dose_without_a_daily_limit_is_not_added_up(book: Rulebook) -> None:
    unlimited = replace(
        suggestion(book, "severe-dose"),
        total=None,
        dose=DoseSpec("mg_iv_severe_dose", mg_rate("1")),
    )
    facts = patient(book, **SEVERE, magnesium_24h="not known")
    assert isinstance(weigh(Ask(unlimited, facts, ())), Offer)
