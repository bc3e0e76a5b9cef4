"""Refractory potassium, clause by clause (R19, R40, R10)."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds.facts.derived.refractory import refractory_hypokalemia
from cds.facts.model import Fact, Missing, NotKnown, Presence, Reason
from cds.facts.record import Listing, OrderKind, Substance, Unclear, not_supplied
from cds.kernel.units import Analyte


def run(kit: ModuleType, potassium: dict[float, str], **more: Any) -> Fact:
    """Potassium by hours before now; the newest is N."""
    labs = tuple(kit.k(value, hours) for hours, value in potassium.items())
    return refractory_hypokalemia(kit.view(labs, **more))


def present(fact: Fact) -> bool:
    assert isinstance(fact.state, Presence), fact
    return fact.state.present


def test_the_earliest_value_that_qualifies_is_quoted(kit: ModuleType) -> None:
    first = kit.order(34, source="MedicationRequest/1", once=True, dose=kit.meq(40))
    second = kit.order(18, source="MedicationRequest/2", once=True, dose=kit.meq(40))
    doses = (
        kit.gave(33, kit.meq(40), first.source),
        kit.gave(17, kit.meq(40), second.source),
    )
    fact = run(kit, {36: "2.9", 20: "3.0", 2: "3.0"}, orders=(first, second), administrations=doses)
    assert present(fact)
    assert fact.explained == (
        "potassium is 3.0 mmol/L 34 h after 2.9 mmol/L, although 80 mEq potassium was given in "
        "between"
    )
    assert {"Observation", "MedicationRequest", "MedicationAdministration"} == {
        item.source.split("/")[0] for item in fact.evidence
    }
    named = {(item.source, item.text, item.when) for item in fact.evidence}
    for sources, hours in (((first, second), (34, 18)), (doses, (33, 17))):
        for item, ago in zip(sources, hours, strict=True):
            assert (item.source, "potassium chloride", kit.ago(ago)) in named


class TestR1:
    def with_dose(self, kit: ModuleType, potassium: dict[float, str], **more: Any) -> bool:
        return present(run(kit, potassium, administrations=(kit.gave(10, kit.meq(40)),), **more))

    @pytest.mark.parametrize(
        ("hours", "found"), [(12, True), (11.9, False), (96, True), (96.1, False)]
    )
    def test_p_lies_12_to_96_h_before_n(self, kit: ModuleType, hours: float, found: bool) -> None:
        assert self.with_dose(kit, {hours + 2: "3.0", 2: "3.0"}) is found

    @pytest.mark.parametrize(
        ("p", "n", "found"),
        [
            ("3.0", "3.29", True),
            ("3.0", "3.3", False),
            ("3.49", "3.49", True),
            ("3.5", "3.4", False),
            ("3.4", "3.5", False),
            ("3.4", "2.5", True),
        ],
    )
    def test_both_are_low_and_the_rise_is_below_0_3(
        self, kit: ModuleType, p: str, n: str, found: bool
    ) -> None:
        assert self.with_dose(kit, {30: p, 2: n}) is found

    @pytest.mark.parametrize(
        ("amounts", "found"), [(["40"], True), (["39.9"], False), (["20", "20"], True), ([], False)]
    )
    def test_at_least_40_meq_were_given(
        self, kit: ModuleType, amounts: list[str], found: bool
    ) -> None:
        doses = tuple(kit.gave(10, kit.meq(amount)) for amount in amounts)
        assert present(run(kit, {30: "3.0", 2: "3.0"}, administrations=doses)) is found

    @pytest.mark.parametrize(
        ("hours", "found"), [(30, True), (30.1, False), (2.1, True), (2, False), (1, False)]
    )
    def test_only_doses_between_p_and_n_count(
        self, kit: ModuleType, hours: float, found: bool
    ) -> None:
        doses = (kit.gave(hours, kit.meq(40)),)
        assert present(run(kit, {30: "3.0", 2: "3.0"}, administrations=doses)) is found

    def test_a_dose_in_progress_is_not_given_yet(self, kit: ModuleType) -> None:
        doses = (kit.gave(10, kit.meq(40), completed=False),)
        assert not present(run(kit, {30: "3.0", 2: "3.0"}, administrations=doses))

    def test_r40_a_value_that_is_not_low_in_between_resets(self, kit: ModuleType) -> None:
        assert not self.with_dose(kit, {30: "3.0", 20: "3.5", 2: "3.0"})
        assert self.with_dose(kit, {30: "3.0", 20: "3.4", 2: "3.0"})

    def test_r40_an_unusable_value_does_not_reset(self, kit: ModuleType) -> None:
        labs = (kit.k("3.0", 30), kit.k("4.4", 20, set_aside=Reason.HAEMOLYSED), kit.k("3.0", 2))
        patient = kit.view(labs, administrations=(kit.gave(10, kit.meq(40)),))
        assert present(refractory_hypokalemia(patient))

    def test_a_value_before_the_reset_is_not_quoted_but_one_after_counts(
        self, kit: ModuleType
    ) -> None:
        fact = run(
            kit,
            {60: "2.8", 40: "3.6", 30: "3.1", 2: "3.0"},
            administrations=(kit.gave(10, kit.meq(40)),),
        )
        assert present(fact)
        assert "28 h after 3.1 mmol/L" in fact.explained


class TestKGivenFromOrders:
    @pytest.mark.parametrize(
        ("build", "found"),
        [
            # dose x occurrences due between P (30 h ago) and N (2 h ago)
            (lambda kit: kit.order(29, once=True, dose=kit.meq(40)), True),
            (lambda kit: kit.order(31, once=True, dose=kit.meq(40)), False),
            (lambda kit: kit.order(7, per_day=2, dose=kit.meq(20)), False),
            (lambda kit: kit.order(15, per_day=2, dose=kit.meq(20)), True),
            (lambda kit: kit.order(60, per_day=1, dose=kit.meq(40)), True),
            (lambda kit: kit.order(29, 16, per_day=2, dose=kit.meq(20)), True),
            (lambda kit: kit.order(29, 18, per_day=2, dose=kit.meq(20)), False),
            (lambda kit: kit.order(29, dose=kit.meq(40)), True),  # frequency not stated: one
            (lambda kit: kit.order(29, rate=kit.rate("2")), True),
            (lambda kit: kit.order(12, rate=kit.rate("2")), False),
            (lambda kit: kit.order(29, prn=True, per_day=4, dose=kit.meq(40)), False),
            (lambda kit: kit.order(29, once=True, dose=kit.meq(40), kind=OrderKind.IGNORED), False),
            (lambda kit: kit.order(29, once=True, dose=kit.meq(40), kind=OrderKind.ENDED), True),
            (lambda kit: kit.order(29, once=True, dose=kit.meq(40), systemic=False), False),
            (lambda kit: kit.order(29, once=True, dose=kit.meq(40), kind=OrderKind.DRAFT), False),
        ],
    )
    def test_without_an_administration_the_order_counts(
        self, kit: ModuleType, build: Any, found: bool
    ) -> None:
        fact = run(kit, {30: "3.0", 2: "3.0"}, orders=(build(kit),))
        by_amount = "mEq potassium was given or due" in fact.explained  # R2 has other words
        assert by_amount is found

    def test_administrations_replace_the_order_they_belong_to(self, kit: ModuleType) -> None:
        order = kit.order(29, per_day=4, dose=kit.meq(20), source="MedicationRequest/1")
        doses = (kit.gave(10, kit.meq(20), "MedicationRequest/1"),)
        assert not present(run(kit, {30: "3.0", 2: "3.0"}, orders=(order,), administrations=doses))

    def test_an_administration_without_its_order_counts_once(self, kit: ModuleType) -> None:
        order = kit.order(29, once=True, dose=kit.meq(20))
        doses = (kit.gave(28, kit.meq(20)),)
        assert not present(run(kit, {30: "3.0", 2: "3.0"}, orders=(order,), administrations=doses))

    def test_a_dose_of_a_cancelled_order_counts_and_hides_no_other_order(
        self, kit: ModuleType
    ) -> None:
        orders = (
            kit.order(29, source="MedicationRequest/1", kind=OrderKind.IGNORED, dose=kit.meq(20)),
            kit.order(20, once=True, dose=kit.meq(20)),
        )
        doses = (kit.gave(28, kit.meq(20), "MedicationRequest/1"),)
        assert present(run(kit, {30: "3.0", 2: "3.0"}, orders=orders, administrations=doses))

    @pytest.mark.parametrize(
        ("name", "role"),
        [
            ("potassium phosphate", "k-replacement"),
            ("potassium acetate", "k-replacement"),
            ("potassium citrate", "k-replacement"),
            ("potassium bicarbonate", "k-replacement"),
        ],
    )
    def test_r40_other_potassium_salts_count(self, kit: ModuleType, name: str, role: str) -> None:
        salt = (Substance(name, frozenset({role})),)
        order = kit.order(29, once=True, dose=kit.meq(40), substances=salt)
        assert present(run(kit, {30: "3.0", 2: "3.0"}, orders=(order,)))

    def test_r40_a_fluid_counts_by_its_dose_dimension(self, kit: ModuleType) -> None:
        fluid = (Substance("dextrose with additives", frozenset()),)
        order = kit.order(29, once=True, dose=kit.meq(40), substances=fluid)
        assert present(run(kit, {30: "3.0", 2: "3.0"}, orders=(order,)))


class TestR2:
    def on_order(self, kit: ModuleType, hours: float = 30, **more: Any) -> Fact:
        order = kit.order(**{"start": 8, "dose": kit.meq(10), "per_day": 1, **more})
        return run(kit, {hours + 2: "3.0", 2: "3.0"}, orders=(order,))

    def test_a_running_order_is_enough(self, kit: ModuleType) -> None:
        fact = self.on_order(kit)
        assert present(fact)
        assert fact.explained == (
            "potassium is 3.0 mmol/L 30 h after 3.0 mmol/L, although potassium chloride had been "
            "on order for 6 h or more (no administration is known)"
        )

    @pytest.mark.parametrize(
        ("hours", "found"), [(24, True), (23.9, False), (96, True), (96.1, False)]
    )
    def test_p_lies_24_to_96_h_before_n(self, kit: ModuleType, hours: float, found: bool) -> None:
        assert present(self.on_order(kit, hours)) is found

    @pytest.mark.parametrize(
        ("more", "found"),
        [
            ({"start": 8}, True),  # 6 h before N, which is 2 h old
            ({"start": 7.9}, False),
            ({"start": 20, "stop": 1}, True),
            ({"start": 20, "stop": 1, "kind": OrderKind.ENDED}, True),
            ({"start": 20, "stop": 2}, False),
            ({"start": 20, "kind": OrderKind.ENDED}, False),
            ({"start": 20, "prn": True}, False),
            ({"start": 20, "kind": OrderKind.IGNORED}, False),
            ({"start": None}, False),
        ],
    )
    def test_the_order_started_6_h_before_and_is_active_at_n(
        self, kit: ModuleType, more: dict[str, Any], found: bool
    ) -> None:
        assert present(self.on_order(kit, **more)) is found

    def test_an_order_with_an_administration_is_judged_by_r1(self, kit: ModuleType) -> None:
        order = kit.order(20, per_day=1, dose=kit.meq(10), source="MedicationRequest/1")
        fact = run(
            kit,
            {32: "3.0", 2: "3.0"},
            orders=(order,),
            administrations=(kit.gave(19, kit.meq(10), "MedicationRequest/1"),),
        )
        assert not present(fact)

    def test_r40_a_reset_counts_here_too(self, kit: ModuleType) -> None:
        order = kit.order(20, per_day=1, dose=kit.meq(10))
        assert not present(run(kit, {32: "3.0", 10: "3.6", 2: "3.0"}, orders=(order,)))


class TestWhatCannotBeTold:
    def test_r40_an_unreadable_amount_leaves_r1_open(self, kit: ModuleType) -> None:
        order = kit.order(20, 16, once=False, per_day=1, dose=Unclear("no unit"))
        fact = run(kit, {30: "3.0", 2: "3.0"}, orders=(order,))
        assert (fact.name, fact.state) == (
            "refractory_hypokalemia", Missing(Reason.DOSE_UNCLEAR)
        )  # fmt: skip
        assert fact.explained == (
            "potassium stayed low; an amount of potassium that was ordered or given cannot be read"
        )
        assert len(fact.evidence) == 2  # the two results

    def test_r40_but_not_if_r2_holds(self, kit: ModuleType) -> None:
        order = kit.order(20, per_day=1, dose=Unclear("no unit"))
        assert present(run(kit, {30: "3.0", 2: "3.0"}, orders=(order,)))

    def test_r40_nor_if_the_readable_part_is_enough(self, kit: ModuleType) -> None:
        orders = (
            kit.order(20, 16, per_day=1, dose=Unclear("no unit")),
            kit.order(20, once=True, dose=kit.meq(40)),
        )
        assert "at least 40 mEq" in run(kit, {30: "3.0", 2: "3.0"}, orders=orders).explained

    def test_an_unreadable_amount_outside_the_span_does_not_matter(self, kit: ModuleType) -> None:
        order = kit.order(80, 60, per_day=1, dose=Unclear("no unit"))
        assert not present(run(kit, {30: "3.0", 2: "3.0"}, orders=(order,)))

    def test_a_dose_without_a_time_may_or_may_not_count(self, kit: ModuleType) -> None:
        fact = run(kit, {30: "3.0", 2: "3.0"}, administrations=(kit.gave(None, kit.meq(40)),))
        assert fact.state == Missing(Reason.DOSE_UNCLEAR)

    def test_medications_not_known_leave_it_open(self, kit: ModuleType) -> None:
        fact = run(kit, {30: "3.0", 2: "3.0"}, orders=None)
        why = "`medications` was not supplied"
        assert fact.state == NotKnown("medications", why)
        assert fact.explained == f"potassium stayed low; what was given is not known: {why}"
        assert len(fact.evidence) == 2

    def test_unless_administrations_alone_prove_it(self, kit: ModuleType) -> None:
        doses = (kit.gave(10, kit.meq(40)),)
        fact = run(kit, {30: "3.0", 2: "3.0"}, orders=None, administrations=doses)
        assert present(fact)

    @pytest.mark.parametrize("values", [{30: "3.6", 2: "3.0"}, {2: "3.0"}, {30: "3.0", 2: "3.9"}])
    def test_or_the_results_alone_exclude_it(
        self, kit: ModuleType, values: dict[float, str]
    ) -> None:
        assert not present(run(kit, values, orders=None, administrations=None))

    def test_r10_administrations_not_known_count_orders_and_say_so(self, kit: ModuleType) -> None:
        order = kit.order(29, once=True, dose=kit.meq(40))
        fact = run(kit, {30: "3.0", 2: "3.0"}, orders=(order,), administrations=None)
        assert present(fact)
        assert fact.explained.startswith("potassium is 3.0 mmol/L 28 h after 3.0 mmol/L, although")
        assert fact.explained.endswith(" (counted from orders: doses given are not visible)")
        absent = run(kit, {30: "3.0", 2: "3.0"}, administrations=None)
        assert "doses given are not visible" in absent.explained

    def test_an_inexact_potassium_may_leave_it_open(self, kit: ModuleType) -> None:
        labs = (kit.lab(Analyte.POTASSIUM, "<3.6 mmol/L", 30), kit.k("3.0", 2))
        patient = kit.view(labs, administrations=(kit.gave(10, kit.meq(40)),))
        fact = refractory_hypokalemia(patient)
        why = "an inexact result leaves it open whether potassium stayed low"
        assert (fact.name, fact.explained) == ("refractory_hypokalemia", why)
        assert fact.state == NotKnown("observations", why)
        assert len(fact.evidence) == 2

    def test_no_potassium_in_its_window_is_absent(self, kit: ModuleType) -> None:
        assert not present(run(kit, {30: "3.0", 25: "3.0"}))

    def test_what_is_not_there_is_said_with_the_newest_result(self, kit: ModuleType) -> None:
        fact = run(kit, {2: "3.0"})
        assert (fact.name, fact.state) == ("refractory_hypokalemia", Presence(False))
        why = "no earlier low potassium stayed low over 40 mEq or a running order"
        assert fact.explained.startswith("potassium 3.0 mmol/L, drawn")
        assert fact.explained.endswith(f": {why}")
        assert len(fact.evidence) == 1
        unseen = run(kit, {2: "3.0"}, administrations=None)
        assert unseen.explained.endswith(f": {why} (doses given are not visible)")

    def test_results_not_known_stay_not_known(self, kit: ModuleType) -> None:
        fact = refractory_hypokalemia(kit.view(not_supplied("observations")))
        assert isinstance(fact.state, NotKnown)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(2, 100), st.decimals("2.4", "3.8", places=1)), max_size=4),
    st.lists(st.tuples(st.integers(0, 100), st.sampled_from(["20", "40"])), max_size=3),
    st.booleans(),
)
def test_more_information_is_monotone(
    kit: ModuleType,
    values: list[tuple[int, Any]],
    doses: list[tuple[int, str]],
    ordered: bool,
) -> None:
    """What is decided without the medication list stays decided with it (law 3)."""
    labs = Listing("observations", tuple(kit.k(str(value), hours) for hours, value in values))
    given = tuple(kit.gave(hours, kit.meq(amount)) for hours, amount in doses)
    orders = (kit.order(40, per_day=2, dose=kit.meq(20)),) if ordered else ()
    less = refractory_hypokalemia(kit.view(labs, orders=None, administrations=given))
    more = refractory_hypokalemia(kit.view(labs, orders=orders, administrations=given))
    if isinstance(less.state, Presence):
        assert present(more) is less.state.present
