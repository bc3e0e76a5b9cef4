"""Inputs that are inexact, absent, or of another kind than expected."""

from __future__ import annotations

from decimal import Decimal
from types import ModuleType

import pytest

from cds.facts.derived.creatinine import unstable_creatinine
from cds.facts.derived.estimates import egfr
from cds.facts.derived.inputs import Unavailable, finding, need
from cds.facts.derived.renal import renal_band
from cds.facts.model import Category, Fact, Measured, Missing, Nothing, NotKnown, Reason, category
from cds.facts.record import not_supplied
from cds.kernel.quantity import Interval, Quantity
from cds.kernel.units import Analyte
from cds.kernel.verdict import Verdict


def about_18(low: int | None, high: int | None) -> Fact:
    span = Interval(None if low is None else Decimal(low), None if high is None else Decimal(high))
    return Fact("age", Measured(Quantity(Analyte.AGE, span, "a"), "about 18"), "about 18 years")


def test_an_age_around_18_leaves_the_band_open(kit: ModuleType) -> None:
    state = renal_band(kit.view((kit.cr("1.0"),), given={"age": about_18(17, 19)})).state
    assert isinstance(state, Category)
    assert state.labels == {"full", "unknown"}


def test_an_age_without_upper_end_bounds_the_estimate_only_from_above(kit: ModuleType) -> None:
    state = egfr(kit.view((kit.cr("1.0"),), given={"age": about_18(18, None)})).state
    assert isinstance(state, Measured)
    assert state.quantity.interval.low == 0
    assert state.quantity.interval.high is not None


def test_results_not_known_leave_the_trend_not_known(kit: ModuleType) -> None:
    state = unstable_creatinine(kit.view(not_supplied("observations"))).state
    assert isinstance(state, NotKnown)
    assert state.key == "observations"


@pytest.mark.parametrize(
    ("fact", "verdict"),
    [
        (Fact("dialysis", Nothing("none"), "none"), Verdict.NO),
        (category("dialysis", "chronic", "chronic dialysis"), Verdict.YES),
        (Fact("dialysis", Missing(Reason.UNREADABLE), "unreadable"), Verdict.CANNOT_TELL),
        (Fact("dialysis", NotKnown("problems", "not supplied"), "?"), Verdict.CANNOT_TELL),
    ],
)
def test_a_finding_is_yes_no_or_open(kit: ModuleType, fact: Fact, verdict: Verdict) -> None:
    assert finding(kit.view(given={"dialysis": fact}), "dialysis").verdict is verdict


def test_a_fact_without_a_quantity_is_no_quantity(kit: ModuleType) -> None:
    with pytest.raises(Unavailable) as caught:
        need(kit.view(), "dialysis")
    assert caught.value.state == Missing(Reason.NOT_APPLICABLE)
