"""Why a dose was withheld, in as few sentences as a reader needs."""

from __future__ import annotations

import pytest

from cds.engine.decision import Judgement
from cds.engine.evaluate import judge_definition
from cds.engine.reasons import causes, decisive, facts_of, sentences, stops
from cds.facts.model import Fact, NotKnown, presence
from cds.kernel.verdict import Verdict
from cds.rulebook.model import Rulebook
from cds.trial import case_facts, stated

YES, NO, OPEN = Verdict.YES, Verdict.NO, Verdict.CANNOT_TELL


def judged(book: Rulebook, name: str, **given: str) -> Judgement:
    facts = {key: stated(book.facts[key], text) for key, text in given.items()}
    return judge_definition(name, case_facts(book, facts))


STOPS = [
    # given                                           stops                    sentences
    ({"age": "6 a"}, ("child",),
     ("pediatric patient, adult products do not fit: weight-based dose by a pharmacist",)),
    ({"weight": "39 kg"}, ("low_body_weight",),
     ("weight 39 kg is below 40 kg: weight-based dose by a pharmacist",)),
    ({"age": "6 a", "magnesium_allergy": "present"}, ("child", "allergy_to_magnesium"),
     ("pediatric patient, adult products do not fit: weight-based dose by a pharmacist",
      "allergy to magnesium is recorded")),
    ({"magnesium": "2.7 mg/dL"}, ("magnesium_high",),
     ("magnesium is high: 2.7 mg/dL (1.11 mmol/L)",)),
    ({}, (), ()),
]  # fmt: skip


@pytest.mark.parametrize(("given", "names", "said"), STOPS)
def test_the_innermost_named_stops_speak_and_the_list_they_stand_in_does_not(
    book: Rulebook, given: dict[str, str], names: tuple[str, ...], said: tuple[str, ...]
) -> None:
    stop = judged(book, "mg_stop", **given)
    assert stops(stop) == names
    assert sentences((stop,)) == said


def test_one_list_that_is_not_known_is_named_once_for_all_that_hangs_on_it(
    book: Rulebook,
) -> None:
    given = {
        name: Fact(name, NotKnown("problems", "cut"), "`problems` was not supplied")
        for name in ("myasthenia_gravis", "ketoacidosis_or_coma", "recent_infarction")
    }
    facts = case_facts(book, given)
    stop = judge_definition("iv_stop", facts)
    assert stop.verdict is OPEN
    assert sentences((stop, stop)) == (
        "could not be checked: recent myocardial infarction, myasthenia, diabetic coma "
        "(`problems` was not supplied)",
    )
    assert causes(stop) == ("`problems` was not supplied",)
    assert stops(stop) == ()


def test_two_causes_are_two_sentences(book: Rulebook) -> None:
    stop = judged(book, "mg_stop", age="missing age-or-sex", magnesium_allergy="not known")
    assert sentences((stop,)) == (
        "could not be checked: child (age missing age-or-sex)",
        "could not be checked: allergy to magnesium (magnesium allergy not known)",
    )


def test_a_stop_that_holds_is_said_before_what_could_not_be_checked(book: Rulebook) -> None:
    open_ = judged(book, "iv_stop", myasthenia_gravis="not known")
    sure = judged(book, "mg_stop", pregnancy="present")
    assert sentences((open_, sure)) == (
        "pregnancy or (pre-)eclampsia on the problem list: obstetric team and protocol decide",
        "could not be checked: myasthenia gravis not known",
    )


def test_a_named_part_that_holds_is_no_reason_while_the_whole_does_not(book: Rulebook) -> None:
    covered = judged(
        book, "low_potassium_with_low_magnesium", potassium="3.0 mmol/L", magnesium="2.0 mg/dL"
    )
    assert covered.verdict is NO
    assert sentences((covered,)) == ()


def test_a_stop_without_a_sentence_of_its_own_says_its_name(book: Rulebook) -> None:
    low = judged(book, "magnesium_low", magnesium="1.5 mg/dL")
    assert sentences((low, low)) == ("magnesium low",)


def test_what_settled_a_clause_is_told_and_what_did_not_is_left_out() -> None:
    yes, no, open_ = (
        Judgement(verdict, name) for verdict, name in ((YES, "y"), (NO, "n"), (OPEN, "o"))
    )
    for word, verdict, children, told in (
        ("all of", YES, (yes, yes), "yy"),
        ("all of", NO, (yes, no, no), "n"),  # one no is enough
        ("all of", OPEN, (yes, open_), "o"),
        ("any of", YES, (no, yes, open_), "y"),
        ("any of", NO, (no, no), "nn"),  # all of them were needed
        ("any of", OPEN, (no, open_, open_), "oo"),
        ("not x", NO, (yes,), "y"),  # whatever the only child says
    ):
        found = decisive(Judgement(verdict, word, children=children))
        assert "".join(leaf.clause for leaf in found) == told, (word, verdict)


def test_what_settled_it_is_found_through_named_clauses() -> None:
    leaf = Judgement(NO, "leaf")
    named = Judgement(NO, "named", children=(leaf,), definition="named")
    tree = Judgement(NO, "all of", children=(Judgement(YES, "other"), named))
    assert decisive(tree) == (leaf,)


def test_what_does_not_keep_it_open_is_no_cause() -> None:
    ruled_out = Judgement(NO, "all of", children=(Judgement(NO, "a"), Judgement(OPEN, "b", "x")))
    tree = Judgement(OPEN, "any of", children=(ruled_out, Judgement(OPEN, "c", "y")))
    assert causes(tree) == ("y",)


def test_facts_are_named_once_in_reading_order() -> None:
    first, second = presence("a", True, "a"), presence("b", False, "b")
    tree = Judgement(
        YES,
        "all of",
        children=(
            Judgement(YES, "a", fact=first),
            Judgement(NO, "b", fact=second),
            Judgement(YES, "a again", fact=first),
            Judgement(YES, "about nothing"),
        ),
    )
    assert facts_of((tree, tree)) == (first, second)


def test_a_cause_is_named_once_and_an_empty_one_never() -> None:
    tree = Judgement(
        OPEN,
        "any of",
        children=(
            Judgement(OPEN, "a", "no result"),
            Judgement(OPEN, "b", "no result"),
            Judgement(OPEN, "c", ""),
            Judgement(NO, "d", "decided"),
        ),
    )
    assert causes(tree) == ("no result",)
