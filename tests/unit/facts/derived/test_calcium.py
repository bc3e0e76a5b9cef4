"""Albumin-corrected calcium and refractory hypocalcemia (R20)."""

from __future__ import annotations

from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from cds.facts.derived.calcium import calcium_corrected
from cds.facts.derived.hypocalcemia import refractory_hypocalcemia
from cds.facts.model import Measured, Missing, NotKnown, Presence, Reason
from cds.facts.record import LabResult, OrderKind, Substance, not_supplied
from cds.kernel.units import Analyte

CARBONATE = (Substance("calcium carbonate", frozenset({"calcium"})),)


def ca(kit: ModuleType, text: str, hours: float) -> LabResult:
    return kit.lab(Analyte.CALCIUM, text, hours)


def alb(kit: ModuleType, text: str, hours: float) -> LabResult:
    return kit.lab(Analyte.ALBUMIN, text, hours)


def ica(kit: ModuleType, value: str, hours: float) -> LabResult:
    return kit.lab(Analyte.CALCIUM_IONIZED, f"{value} mmol/L", hours)


class TestCorrected:
    @pytest.mark.parametrize(
        ("calcium", "albumin", "expected"),
        [
            ("7.6 mg/dL", "2.0 g/dL", "9.2 mg/dL"),
            ("8.0 mg/dL", "4.0 g/dL", "8.0 mg/dL"),
            ("7.0 mg/dL", "2.8 g/dL", "7.96 mg/dL"),
            ("7.0 mg/dL", "28 g/L", "7.96 mg/dL"),
            ("1.90 mmol/L", "20 g/L", "2.3 mmol/L"),
            ("3.80 meq/L", "20 g/L", "4.6 meq/L"),
        ],
    )
    def test_payne_in_the_unit_reported(
        self, kit: ModuleType, calcium: str, albumin: str, expected: str
    ) -> None:
        fact = calcium_corrected(kit.view((ca(kit, calcium, 2), alb(kit, albumin, 3))))
        assert isinstance(fact.state, Measured)
        assert fact.state.quantity.analyte is Analyte.CALCIUM_CORRECTED
        value, unit = expected.split()
        assert (fact.state.quantity.value, fact.state.quantity.unit) == (Decimal(value), unit)
        assert "Payne" in fact.explained

    @pytest.mark.parametrize(("hours", "there"), [(26, True), (26.1, False)])
    def test_albumin_counts_within_24_h_of_the_calcium(
        self, kit: ModuleType, hours: float, there: bool
    ) -> None:
        state = calcium_corrected(
            kit.view((ca(kit, "7.6 mg/dL", 2), alb(kit, "2.0 g/dL", hours)))
        ).state
        assert isinstance(state, Measured) is there

    def test_the_nearest_albumin_is_taken(self, kit: ModuleType) -> None:
        labs = (ca(kit, "8.0 mg/dL", 5), alb(kit, "2.0 g/dL", 9), alb(kit, "4.0 g/dL", 3))
        state = calcium_corrected(kit.view(labs)).state
        assert isinstance(state, Measured)
        assert state.quantity.value == Decimal("8.0")

    def test_an_inexact_albumin_gives_an_interval(self, kit: ModuleType) -> None:
        labs = (ca(kit, "8.0 mg/dL", 5), alb(kit, "<1.0 g/dL", 5))
        state = calcium_corrected(kit.view(labs)).state
        assert isinstance(state, Measured)
        assert state.quantity.interval.low == Decimal("10.4")
        assert state.quantity.interval.high is None

    def test_a_reported_corrected_value_is_never_corrected_again(self, kit: ModuleType) -> None:
        labs = (
            kit.lab(Analyte.CALCIUM_CORRECTED, "7.6 mg/dL", 2),
            ca(kit, "6.0 mg/dL", 2),
            alb(kit, "2.0 g/dL", 2),
        )
        state = calcium_corrected(kit.view(labs)).state
        assert isinstance(state, Measured)
        assert state.quantity.value == Decimal("7.6")

    def test_a_newer_total_calcium_counts_over_an_older_reported_one(self, kit: ModuleType) -> None:
        labs = (
            kit.lab(Analyte.CALCIUM_CORRECTED, "7.6 mg/dL", 9),
            ca(kit, "8.0 mg/dL", 2),
            alb(kit, "4.0 g/dL", 2),
        )
        state = calcium_corrected(kit.view(labs)).state
        assert isinstance(state, Measured)
        assert state.quantity.value == Decimal("8.0")

    def test_without_albumin_it_is_missing_with_the_total_as_face(self, kit: ModuleType) -> None:
        fact = calcium_corrected(kit.view((ca(kit, "7.6 mg/dL", 2),)))
        assert fact.state == Missing(Reason.NONE_FOUND, "7.6 mg/dL", kit.ago(2))
        assert "no albumin within 24 h" in fact.explained

    def test_results_not_known_stay_not_known(self, kit: ModuleType) -> None:
        fact = calcium_corrected(kit.view(not_supplied("observations")))
        assert isinstance(fact.state, NotKnown)


class TestR20Refractory:
    def run(self, kit: ModuleType, *labs: LabResult, **more: Any) -> Any:
        return refractory_hypocalcemia(kit.view(labs, **more))

    @pytest.mark.parametrize(
        ("first", "hours", "newest", "present"),
        [
            ("1.00", 10, "1.00", True),
            ("1.11", 6, "1.11", True),
            ("1.00", 96, "1.00", True),
            ("1.00", 5.9, "1.00", False),
            ("1.00", 96.1, "1.00", False),
            ("1.12", 10, "1.00", False),
            ("1.00", 10, "1.12", False),
        ],
    )
    def test_two_low_ionized_values_6_to_96_h_apart(
        self, kit: ModuleType, first: str, hours: float, newest: str, present: bool
    ) -> None:
        order = kit.order(hours + 1, substances=kit.CALCIUM)
        fact = self.run(kit, ica(kit, first, hours + 2), ica(kit, newest, 2), orders=(order,))
        assert isinstance(fact.state, Presence)
        assert fact.state.present is present

    @pytest.mark.parametrize(
        ("build", "present"),
        [
            (lambda kit: kit.order(5, substances=kit.CALCIUM), True),
            (lambda kit: kit.order(30, substances=kit.CALCIUM), True),
            (lambda kit: kit.order(30, 11, substances=kit.CALCIUM), True),
            (lambda kit: kit.order(30, 13, substances=kit.CALCIUM), False),
            (lambda kit: kit.order(1, substances=kit.CALCIUM), False),
            (lambda kit: kit.order(5, substances=kit.CALCIUM, prn=True), False),
            (lambda kit: kit.order(5, substances=CARBONATE), False),
            (lambda kit: kit.order(5, substances=kit.CALCIUM, kind=OrderKind.IGNORED), False),
        ],
    )
    def test_calcium_must_be_ordered_in_between(
        self, kit: ModuleType, build: Any, present: bool
    ) -> None:
        fact = self.run(kit, ica(kit, "1.0", 12), ica(kit, "1.0", 2), orders=(build(kit),))
        assert isinstance(fact.state, Presence)
        assert fact.state.present is present

    def test_calcium_given_counts_even_as_needed(self, kit: ModuleType) -> None:
        dose = kit.gave(6, None, substances=kit.CALCIUM)
        fact = self.run(kit, ica(kit, "1.0", 12), ica(kit, "1.0", 2), administrations=(dose,))
        assert fact.state.present
        assert fact.explained == (
            "ionized calcium is 1.0 mmol/L (4.0 mg/dL) 10 h after 1.0 mmol/L, although calcium was "
            "given or ordered in between"
        )

    def test_ionized_wins_over_corrected(self, kit: ModuleType) -> None:
        labs = (
            ica(kit, "1.20", 2),
            ca(kit, "6.0 mg/dL", 2),
            ca(kit, "6.0 mg/dL", 12),
            alb(kit, "4.0 g/dL", 2),
        )
        fact = self.run(kit, *labs, orders=(kit.order(5, substances=kit.CALCIUM),))
        assert fact.state == Presence(False)

    @pytest.mark.parametrize(("albumin", "present"), [("4.0", True), ("1.0", False)])
    def test_corrected_values_count_without_ionized(
        self, kit: ModuleType, albumin: str, present: bool
    ) -> None:
        labs = (ca(kit, "8.0 mg/dL", 2), ca(kit, "7.9 mg/dL", 12), alb(kit, f"{albumin} g/dL", 3))
        fact = self.run(kit, *labs, orders=(kit.order(5, substances=kit.CALCIUM),))
        assert fact.state.present is present

    def test_corrected_values_reported_by_the_laboratory_count(self, kit: ModuleType) -> None:
        labs = tuple(kit.lab(Analyte.CALCIUM_CORRECTED, "8.0 mg/dL", h) for h in (2, 12))
        fact = self.run(kit, *labs, orders=(kit.order(5, substances=kit.CALCIUM),))
        assert fact.state.present

    def test_without_albumin_it_cannot_be_told(self, kit: ModuleType) -> None:
        labs = (ca(kit, "8.0 mg/dL", 2), ca(kit, "7.9 mg/dL", 12))
        fact = self.run(kit, *labs, orders=(kit.order(5, substances=kit.CALCIUM),))
        assert fact.state == Missing(Reason.NONE_FOUND)
        assert self.run(kit, *labs).state == Presence(False)  # no calcium: decided anyway

    def test_medications_not_known_leave_it_open(self, kit: ModuleType) -> None:
        labs = (ica(kit, "1.0", 12), ica(kit, "1.0", 2))
        fact = self.run(kit, *labs, orders=None)
        assert isinstance(fact.state, NotKnown)
        assert fact.state.key == "medications"

    def test_no_calcium_at_all_is_absent(self, kit: ModuleType) -> None:
        assert self.run(kit).state == Presence(False)

    def test_results_not_known_stay_not_known(self, kit: ModuleType) -> None:
        fact = refractory_hypocalcemia(kit.view(not_supplied("observations")))
        assert isinstance(fact.state, NotKnown)
