"""The newest usable value, the one before, the one set aside (R2, R4, R25, R39)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import ModuleType

import pytest

from cds.facts import labs
from cds.facts.draws import Results
from cds.facts.model import Category, Evidence, Fact, Measured, Missing, NotKnown, Reason
from cds.facts.record import LabResult, Listing, not_supplied
from cds.kernel.codes import Loinc
from cds.kernel.quantity import Interval
from cds.kernel.units import Analyte

DAY = timedelta(hours=24)


def results(*items: LabResult) -> Results:
    return Results(Listing("observations", items))


def newest(kit: ModuleType, *items: LabResult) -> Fact:
    return labs.newest("magnesium", results(*items), Analyte.MAGNESIUM, DAY, kit.NOW)


def test_the_newest_usable_value_explains_itself(kit: ModuleType) -> None:
    fact = newest(kit, kit.mg("1.4 mg/dL", 9), kit.mg("1.0 mg/dL", 4, id="mg-1"))
    assert isinstance(fact.state, Measured)
    assert fact.state.as_received == "1.0 mg/dL"
    assert fact.explained == (
        "magnesium 1.0 mg/dL (0.41 mmol/L), drawn 2026-11-21 08:00 UTC, 4 h ago"
    )
    assert [item.source for item in fact.evidence] == ["Observation/mg-1"]


@pytest.mark.parametrize(("hours", "fresh"), [(24, True), (24.01, False), (0, True)])
def test_r4_age_equal_to_the_window_is_fresh(kit: ModuleType, hours: float, fresh: bool) -> None:
    fact = newest(kit, kit.mg("1.0 mg/dL", hours))
    assert isinstance(fact.state, Measured if fresh else Missing)


def test_another_analyte_is_not_looked_at(kit: ModuleType) -> None:
    assert newest(kit, kit.k("3.0", 1)).state == Missing(Reason.NONE_FOUND)


def test_only_a_stale_value_is_missing_with_its_face(kit: ModuleType) -> None:
    fact = newest(kit, kit.mg("1.0 mg/dL", 480))
    assert fact.state == Missing(Reason.STALE, "1.0 mg/dL", kit.ago(480))
    assert fact.explained == (
        "magnesium 1.0 mg/dL, drawn 2026-11-01 12:00 UTC, 20 days ago, cannot be used: stale"
    )


@pytest.mark.parametrize(
    ("reasons", "wanted"),
    [
        ([(Reason.PRELIMINARY, 2), (Reason.HAEMOLYSED, 5)], Reason.PRELIMINARY),
        ([(Reason.HAEMOLYSED, 5), (Reason.PRELIMINARY, 30)], Reason.HAEMOLYSED),
        ([(Reason.PRELIMINARY, 30)], Reason.NONE_FOUND),
        ([(Reason.NO_VALUE, 2)], Reason.NO_VALUE),
        ([(Reason.NO_VALUE, 2), (Reason.UNIT, 3)], Reason.UNIT),
        ([(Reason.NO_TIME, None)], Reason.NO_TIME),
        ([(Reason.FUTURE, -3)], Reason.FUTURE),
        ([], Reason.NONE_FOUND),
    ],
)
def test_without_a_usable_value_the_reason_is_that_of_the_newest_in_the_window(
    kit: ModuleType, reasons: list[tuple[Reason, float | None]], wanted: Reason
) -> None:
    items = [kit.mg("1.0 mg/dL", hours, set_aside=reason) for reason, hours in reasons]
    state = newest(kit, *items).state
    assert isinstance(state, Missing)
    assert state.reason is wanted


def test_a_set_aside_value_in_the_window_wins_over_a_stale_one(kit: ModuleType) -> None:
    items = (kit.mg("1.0 mg/dL", 3, set_aside=Reason.UNIT), kit.mg("1.4 mg/dL", 60))
    state = newest(kit, *items).state
    assert isinstance(state, Missing)
    assert state.reason is Reason.UNIT


def test_a_usable_value_in_the_window_wins_over_a_newer_set_aside_one(kit: ModuleType) -> None:
    items = (kit.mg("1.0 mg/dL", 1, set_aside=Reason.PRELIMINARY), kit.mg("1.4 mg/dL", 5))
    assert isinstance(newest(kit, *items).state, Measured)


def test_a_value_dated_in_the_future_is_not_the_newest(kit: ModuleType) -> None:
    state = newest(kit, kit.mg("1.0 mg/dL", -2), kit.mg("1.4 mg/dL", 5)).state
    assert isinstance(state, Measured)
    assert state.as_received == "1.4 mg/dL"


@pytest.mark.parametrize("seen", [True, False])
def test_r32_a_list_that_is_not_complete_is_not_known(kit: ModuleType, seen: bool) -> None:
    gap: Listing[LabResult] = (
        Listing("observations", (kit.mg("1.0 mg/dL", 1),), gap="more pages were not read")
        if seen
        else not_supplied("observations")
    )
    state = labs.newest("magnesium", Results(gap), Analyte.MAGNESIUM, DAY, kit.NOW).state
    assert state == NotKnown("observations", gap.gap)


class TestR39SameAnalyteSameDraw:
    def test_a_correction_supersedes_a_later_issued_one(self, kit: ModuleType) -> None:
        items = (
            kit.mg("1.6 mg/dL", 4, issued="2026-11-21T10"),
            kit.mg("1.9 mg/dL", 4, issued="2026-11-21T09", amended=True),
        )
        state = newest(kit, *items).state
        assert isinstance(state, Measured)
        assert state.as_received == "1.9 mg/dL"

    def test_else_the_later_issued_one_counts(self, kit: ModuleType) -> None:
        items = (
            kit.mg("1.6 mg/dL", 4, issued="2026-11-21T10"),
            kit.mg("1.9 mg/dL", 4, issued="2026-11-21T09"),
        )
        state = newest(kit, *items).state
        assert isinstance(state, Measured)
        assert state.as_received == "1.6 mg/dL"

    def test_a_tie_that_differs_is_the_interval_and_both_are_shown(self, kit: ModuleType) -> None:
        fact = newest(kit, kit.mg("1.9 mg/dL", 4), kit.mg("1.6 mg/dL", 4))
        assert isinstance(fact.state, Measured)
        assert fact.state.quantity.interval == Interval(Decimal("1.6"), Decimal("1.9"))
        assert fact.state.as_received == "1.6 mg/dL and 1.9 mg/dL"
        assert fact.state.flags == ("two results of one draw",)
        assert len(fact.evidence) == 2
        assert "two results of one draw" in fact.explained

    def test_a_tie_that_agrees_is_one_value(self, kit: ModuleType) -> None:
        state = newest(kit, kit.mg("1.6 mg/dL", 4), kit.mg("1.60 mg/dL", 4)).state
        assert isinstance(state, Measured)
        assert state.quantity.interval.exact
        assert state.flags == ()

    def test_a_tie_across_units_is_settled_in_one_unit(self, kit: ModuleType) -> None:
        state = newest(kit, kit.mg("0.50 mmol/L", 4, id="a"), kit.mg("2.0 meq/L", 4, id="b")).state
        assert isinstance(state, Measured)
        assert state.quantity.to("mmol/L").interval == Interval(Decimal("0.5"), Decimal("1.0"))

    def test_a_tie_with_a_comparator_keeps_the_open_end(self, kit: ModuleType) -> None:
        state = newest(kit, kit.mg("<0.5 mg/dL", 4), kit.mg("0.7 mg/dL", 4)).state
        assert isinstance(state, Measured)
        assert state.quantity.interval == Interval(None, Decimal("0.7"))
        assert state.as_received == "<0.5 mg/dL and 0.7 mg/dL"

    def test_an_unusable_correction_withdraws_the_value_of_its_own_code(
        self, kit: ModuleType
    ) -> None:
        code = {"loinc": Loinc("19123-9")}
        wrong = kit.mg("1.0 mg/dL", 4, **code)
        correction = kit.mg("-", 4, amended=True, set_aside=Reason.UNIT, **code)
        state = newest(kit, wrong, correction).state
        assert isinstance(state, Missing)
        assert state.reason is Reason.UNIT


def test_the_previous_value_is_the_usable_one_drawn_before(kit: ModuleType) -> None:
    items = results(
        kit.mg("1.0 mg/dL", 2),
        kit.mg("1.1 mg/dL", 5, set_aside=Reason.HAEMOLYSED),
        kit.mg("1.2 mg/dL", 90),
        kit.mg("1.3 mg/dL", 100),
    )
    before = labs.previous(items, Analyte.MAGNESIUM, kit.ago(2))
    assert before is not None
    assert before.face == "1.2 mg/dL"
    assert before.measured.when == kit.ago(90)
    assert labs.previous(items, Analyte.MAGNESIUM, kit.ago(100)) is None


def test_a_series_is_newest_first_and_includes_both_ends(kit: ModuleType) -> None:
    items = results(*(kit.k(f"3.{n}", n) for n in (1, 2, 3, 4)))
    series = items.series(Analyte.POTASSIUM).between(kit.ago(3), kit.ago(2))
    assert [draw.face for draw in series] == ["3.2 mmol/L", "3.3 mmol/L"]


class TestR25SetAside:
    @pytest.mark.parametrize(
        ("usable_hours", "newer_than_used", "found"),
        [(5, True, True), (2, True, False), (1, True, False), (1, False, True), (30, True, True)],
    )
    def test_a_usable_value_as_new_or_newer_silences_it(
        self, kit: ModuleType, usable_hours: float, newer_than_used: bool, found: bool
    ) -> None:
        items = results(
            kit.k("2.4", 2, set_aside=Reason.PRELIMINARY, id="pre"), kit.k("3.9", usable_hours)
        )
        answer = labs.set_aside(
            items, Analyte.POTASSIUM, DAY, timedelta(days=30), newer_than_used, kit.NOW
        )
        assert (answer is not None) is found
        if answer is not None:
            assert (answer[0].source, answer[1]) == ("Observation/pre", Reason.PRELIMINARY)

    @pytest.mark.parametrize(
        ("hours", "reason"), [(24, None), (25, Reason.STALE), (720, Reason.STALE), (721, None)]
    )
    def test_a_stale_value_counts_up_to_its_limit(
        self, kit: ModuleType, hours: float, reason: Reason | None
    ) -> None:
        answer = labs.set_aside(
            results(kit.k("2.4", hours)), Analyte.POTASSIUM, DAY, timedelta(days=30), True, kit.NOW
        )
        assert (answer[1] if answer else None) is reason

    @pytest.mark.parametrize(
        "reason",
        [
            Reason.NO_VALUE,
            Reason.WRONG_SPECIMEN,
            Reason.NOT_APPLICABLE,
            Reason.FUTURE,
            Reason.NO_TIME,
        ],
    )
    def test_what_is_not_a_past_value_of_this_specimen_does_not_count(
        self, kit: ModuleType, reason: Reason
    ) -> None:
        items = results(
            kit.k("2.4", 1, set_aside=reason), kit.k("2.6", 3, set_aside=Reason.HAEMOLYSED)
        )
        answer = labs.set_aside(items, Analyte.POTASSIUM, DAY, timedelta(days=30), True, kit.NOW)
        assert answer is not None
        assert answer[1] is Reason.HAEMOLYSED

    def test_nothing_set_aside_is_none(self, kit: ModuleType) -> None:
        items = results(kit.k("3.9", 1))
        answer = labs.set_aside(items, Analyte.POTASSIUM, DAY, timedelta(days=30), False, kit.NOW)
        assert answer is None

    def test_the_words_give_value_time_and_reason(self, kit: ModuleType) -> None:
        result = kit.mg("1.0 mg/dL", 4, set_aside=Reason.PRELIMINARY)
        assert labs.set_aside_words(result, Reason.PRELIMINARY, kit.NOW) == (
            "magnesium 1.0 mg/dL (0.41 mmol/L), drawn 2026-11-21 08:00 UTC, 4 h ago, "
            "cannot be used: preliminary"
        )

    def test_the_reason_as_a_label_is_its_kebab_case_name(self) -> None:
        fact = labs.reason_fact("why", Reason.DOSE_UNCLEAR, "because")
        assert fact.name == "why"
        assert fact.state == Category(frozenset({"dose-unclear"}))
        assert (fact.explained, fact.evidence) == ("because", ())

    def test_the_reason_keeps_the_result_it_is_about(self, kit: ModuleType) -> None:
        result = kit.mg("1.0 mg/dL", 4, id="mg")
        evidence = labs.evidence_of(result)
        assert evidence == (Evidence("Observation/mg", "1.0 mg/dL", kit.ago(4)),)
        assert labs.reason_fact("why", Reason.STALE, "because", evidence).evidence == evidence

    def test_the_words_keep_the_value_as_the_chart_wrote_it(self, kit: ModuleType) -> None:
        result = replace(kit.mg("1.0 mg/dL", 4, set_aside=Reason.PRELIMINARY), face="1.0 mg/dl")
        assert "magnesium 1.0 mg/dl (0.41 mmol/L), drawn" in labs.set_aside_words(
            result, Reason.PRELIMINARY, kit.NOW
        )
        unread = replace(result, quantity=None, face="about one")
        assert "magnesium about one, drawn" in labs.set_aside_words(
            unread, Reason.NO_VALUE, kit.NOW
        )

    @pytest.mark.parametrize(("hours", "found"), [(0, True), (-0.01, False), (720, True)])
    def test_a_result_counts_up_to_now_and_back_to_its_limit(
        self, kit: ModuleType, hours: float, found: bool
    ) -> None:
        items = results(kit.k("2.4", hours, set_aside=Reason.HAEMOLYSED))
        answer = labs.set_aside(items, Analyte.POTASSIUM, DAY, timedelta(days=30), False, kit.NOW)
        assert (answer is not None) is found

    def test_a_value_as_old_as_its_window_is_no_stale_one(self, kit: ModuleType) -> None:
        items = results(kit.k("2.4", 24))
        month = timedelta(days=30)
        assert labs.set_aside(items, Analyte.POTASSIUM, DAY, month, False, kit.NOW) is None
