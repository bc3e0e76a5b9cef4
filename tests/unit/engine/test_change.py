"""`rising_by` and `falling_by`: against the usable value before it, in the unit of the newest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds.engine.decision import Judgement
from cds.engine.evaluate import judge
from cds.engine.facts import Facts
from cds.facts.model import Reason
from cds.facts.record import LabResult, not_supplied
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.kernel.verdict import Verdict
from cds.rulebook.model import Change, Rulebook, Where
from tests.unit.facts.standin import NOW, k, lab, quantity, view

HERE = Where("test", 1)
YES, NO, OPEN = Verdict.YES, Verdict.NO, Verdict.CANNOT_TELL
BY = quantity(Analyte.POTASSIUM, "0.3 mmol/L")


def changed(
    book: Rulebook, *labs: LabResult, direction: str = "rising", by: Quantity = BY
) -> Judgement:
    clause = Change("potassium", direction, by, HERE)  # type: ignore[arg-type]
    return judge(clause, Facts(book, view(labs=labs).record, NOW))


MOVES = [
    # before  now    rising by 0.3  falling by 0.3
    ("3.0",   "3.4", YES,           NO),
    ("3.0",   "3.3", YES,           NO),   # by exactly 0.3
    ("3.0",   "3.2", NO,            NO),
    ("3.0",   "3.0", NO,            NO),
    ("3.3",   "3.0", NO,            YES),
    ("3.2",   "3.0", NO,            NO),
    ("3.9",   "3.0", NO,            YES),
]  # fmt: skip


@pytest.mark.parametrize(("before", "now", "rising", "falling"), MOVES)
def test_a_change_counts_from_the_named_step_on(
    book: Rulebook, before: str, now: str, rising: Verdict, falling: Verdict
) -> None:
    labs = (k(before, 12), k(now, 2))
    assert changed(book, *labs).verdict is rising
    assert changed(book, *labs, direction="falling").verdict is falling


def test_the_explanation_names_both_values(book: Rulebook) -> None:
    judged = changed(book, k("3.0", 12), k("3.4", 2))
    assert judged.clause == "potassium rising by 0.3 mmol/L"
    assert judged.why == "3.0 mmol/L before, now 3.4 mmol/L"
    assert judged.fact is not None
    assert judged.fact.name == "potassium"


def test_the_value_before_may_stand_in_another_unit(book: Rulebook) -> None:
    before = lab(Analyte.POTASSIUM, "3.0 meq/L", 12)
    assert changed(book, before, k("3.3", 2)).verdict is YES
    assert changed(book, before, k("3.2", 2)).verdict is NO


def test_only_the_value_just_before_counts(book: Rulebook) -> None:
    labs = (k("2.5", 40), k("3.2", 12), k("3.4", 2))
    assert changed(book, *labs).verdict is NO
    unusable = replace(k("2.5", 6), set_aside=Reason.HAEMOLYSED)
    assert changed(book, *labs, unusable).verdict is NO


@pytest.mark.parametrize(
    ("labs", "why"),
    [
        ((k("3.4", 2),), "no earlier usable value"),
        ((k("3.4", 60),), "potassium 3.4 mmol/L, drawn 2026-11-19 00:00 UTC"),
        ((), "no usable potassium result was found"),
        (
            (lab(Analyte.POTASSIUM, "<3.0 mmol/L", 12), k("3.4", 2)),
            "one of the two values is not exact",
        ),
        (
            (k("3.4", 12), lab(Analyte.POTASSIUM, "<3.0 mmol/L", 2)),
            "one of the two values is not exact",
        ),
    ],
)
def test_without_two_exact_values_nobody_can_tell(
    book: Rulebook, labs: tuple[LabResult, ...], why: str
) -> None:
    for direction in ("rising", "falling"):
        judged = changed(book, *labs, direction=direction)
        assert judged.verdict is OPEN
        assert judged.why.startswith(why)
        assert judged.clause == f"potassium {direction} by 0.3 mmol/L"
        assert judged.fact is not None
        assert judged.fact.name == "potassium"


def test_results_that_are_not_known_are_no_change_either_way(book: Rulebook) -> None:
    record = replace(view().record, labs=not_supplied("observations"))
    judged = judge(Change("potassium", "rising", BY, HERE), Facts(book, record, NOW))
    assert judged.verdict is OPEN
    assert judged.why == "potassium not known: `observations` was not supplied"


def test_what_does_not_exist_has_not_changed(book: Rulebook) -> None:
    by = quantity(Analyte.MAGNESIUM_SULFATE_DOSE, "1 g")
    judged = judge(Change("order_dose", "rising", by, HERE), Facts(book, view().record, NOW))
    assert (judged.verdict, judged.why) == (NO, "no such order")
