"""Albumin-corrected calcium and refractory hypocalcemia (R20)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from cds.facts.derived.calcium import calcium_corrected, corrected
from cds.facts.derived.electrolytes import is_calcium
from cds.facts.derived.hypocalcemia import refractory_hypocalcemia
from cds.facts.model import Fact, Measured, Missing, NotKnown, Presence, Reason
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
            ca(kit, "6.5 mg/dL", 2),
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

    def test_a_reported_value_is_named_as_the_laboratory_s_own(self, kit: ModuleType) -> None:
        fact = calcium_corrected(kit.view((kit.lab(Analyte.CALCIUM_CORRECTED, "7.6 mg/dL", 2),)))
        assert fact.name == "calcium_corrected"
        assert fact.explained.startswith("albumin-corrected calcium 7.6 mg/dL")
        assert fact.explained.endswith("(corrected by the laboratory)")

    def test_a_computed_value_names_both_results_and_their_sources(self, kit: ModuleType) -> None:
        total = replace(kit.lab(Analyte.CALCIUM, "7.6 mg/dL", 2, id="ca"), face="7.6 mg/dl")
        albumin = kit.lab(Analyte.ALBUMIN, "2.0 g/dL", 3, id="alb")
        fact = calcium_corrected(kit.view((total, albumin)))
        assert isinstance(fact.state, Measured)
        assert (fact.state.as_received, fact.state.flags) == ("9.20 mg/dL", ())
        assert "from total calcium 7.6 mg/dl (1.90 mmol/L) and albumin 2.0 g/dL" in fact.explained
        assert [item.source for item in fact.evidence] == ["Observation/ca", "Observation/alb"]

    @pytest.mark.parametrize(
        ("calcium", "albumin", "low", "high", "open_ends"),
        [
            ("<7.0 mg/dL", "2.0 g/dL", None, "8.6", (False, True)),
            (">7.0 mg/dL", "2.0 g/dL", "8.6", None, (True, False)),
            ("7.0 mg/dL", "<2.0 g/dL", "8.6", None, (True, False)),
            ("7.0 mg/dL", ">2.0 g/dL", None, "8.6", (False, True)),
            ("<7.0 mg/dL", ">2.0 g/dL", None, "8.6", (False, True)),
            ("<7.0 mg/dL", "<2.0 g/dL", None, None, (True, True)),
        ],
    )
    def test_an_end_that_is_open_stays_open(
        self,
        kit: ModuleType,
        calcium: str,
        albumin: str,
        low: str | None,
        high: str | None,
        open_ends: tuple[bool, bool],
    ) -> None:
        value = corrected(
            kit.quantity(Analyte.CALCIUM, calcium), kit.quantity(Analyte.ALBUMIN, albumin)
        )
        found = value.interval
        assert (found.low, found.high) == tuple(
            None if end is None else Decimal(end) for end in (low, high)
        )
        assert (found.low_open, found.high_open) == open_ends

    def test_a_reported_value_counts_over_a_total_of_unknown_time(self, kit: ModuleType) -> None:
        reported = kit.lab(Analyte.CALCIUM_CORRECTED, "7.6 mg/dL", 9)
        total = Fact("calcium", Measured(kit.quantity(Analyte.CALCIUM, "6.0 mg/dL"), "6"), "6.0")
        fact = calcium_corrected(kit.view((reported,), given={"calcium": total}))
        assert isinstance(fact.state, Measured)
        assert fact.state.as_received == "7.6 mg/dL"

    def test_without_albumin_it_is_missing_with_the_total_as_face(self, kit: ModuleType) -> None:
        fact = calcium_corrected(kit.view((ca(kit, "7.6 mg/dL", 2),)))
        assert fact.state == Missing(Reason.NONE_FOUND, "7.6 mg/dL", kit.ago(2))
        assert fact.explained == (
            "albumin-corrected calcium not computed: no albumin within 24 h of the total calcium "
            "7.6 mg/dL (1.90 mmol/L)"
        )

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
        last = ica(kit, newest, 2)
        fact = self.run(kit, ica(kit, first, hours + 2), last, orders=(order,))
        assert isinstance(fact.state, Presence)
        assert fact.state.present is present
        assert fact.name == "refractory_hypocalcemia"
        assert fact.evidence[0].source == last.source
        if not present:
            assert fact.explained.startswith(f"ionized calcium {newest} mmol/L")
            why = "not low" if newest == "1.12" else "no earlier low calcium with calcium given or"
            assert f": {why}" in fact.explained

    @pytest.mark.parametrize(
        ("build", "present"),
        [
            (lambda kit: kit.order(5, substances=kit.CALCIUM), True),
            (lambda kit: kit.order(30, substances=kit.CALCIUM), True),
            (lambda kit: kit.order(30, 11, substances=kit.CALCIUM), True),
            (lambda kit: kit.order(30, 13, substances=kit.CALCIUM), False),
            (lambda kit: kit.order(30, 12, substances=kit.CALCIUM), False),  # till the first draw
            (lambda kit: kit.order(12, substances=kit.CALCIUM, once=True), True),  # at the first
            (lambda kit: kit.order(30, substances=kit.CALCIUM, once=True), False),
            (lambda kit: kit.order(30, substances=kit.CALCIUM, kind=OrderKind.ENDED), False),
            (lambda kit: kit.order(2, substances=kit.CALCIUM), False),  # at the second draw
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
        first, newest = ica(kit, "1.0", 12), ica(kit, "1.0", 2)
        fact = self.run(kit, first, newest, administrations=(dose,))
        assert fact.name == "refractory_hypocalcemia"
        assert fact.state == Presence(True, ("ionized calcium 1.0 mmol/L",))
        assert [item.source for item in fact.evidence] == [
            newest.source, first.source, dose.source,
        ]  # fmt: skip
        assert fact.explained == (
            "ionized calcium is 1.0 mmol/L (4.0 mg/dL) 10 h after 1.0 mmol/L, although calcium was "
            "given or ordered in between"
        )

    def test_the_newest_value_is_shown_as_the_chart_wrote_it(self, kit: ModuleType) -> None:
        newest = replace(ica(kit, "1.0", 2), face="1.00 mmol/l")
        order = kit.order(5, substances=kit.CALCIUM)
        fact = self.run(kit, ica(kit, "1.0", 12), newest, orders=(order,))
        assert fact.explained.startswith("ionized calcium is 1.00 mmol/l (4.0 mg/dL) 10 h after")

    @pytest.mark.parametrize(
        ("hours", "treated"),
        [(12, True), (12.1, False), (2.1, True), (2, False), (None, False)],
    )
    def test_calcium_given_counts_from_the_first_draw_up_to_the_second(
        self, kit: ModuleType, hours: float | None, treated: bool
    ) -> None:
        dose = kit.gave(hours, None, substances=kit.CALCIUM)
        fact = self.run(kit, ica(kit, "1.0", 12), ica(kit, "1.0", 2), administrations=(dose,))
        assert isinstance(fact.state, Presence)
        assert fact.state.present is treated

    @pytest.mark.parametrize(
        ("name", "role", "counts"),
        [
            ("calcium gluconate", "", True),
            ("gluconate", "calcium", True),
            ("calcium gluconate", "calcium", True),
            ("potassium chloride", "k-replacement", False),
            ("calcium carbonate", "calcium", False),
            ("calcium acetate", "calcium", False),
        ],
    )
    def test_calcium_that_binds_phosphate_treats_nothing(
        self, kit: ModuleType, name: str, role: str, counts: bool
    ) -> None:
        item = kit.order(substances=(Substance(name, frozenset({role} - {""})),))
        assert is_calcium(item) is counts

    def test_the_earliest_value_that_qualifies_is_quoted_corrected_and_with_its_sources(
        self, kit: ModuleType
    ) -> None:
        labs = (
            kit.lab(Analyte.CALCIUM_CORRECTED, "7.5 mg/dL", 20, id="reported"),
            kit.lab(Analyte.CALCIUM, "6.0 mg/dL", 30, id="first"),
            kit.lab(Analyte.ALBUMIN, "3.0 g/dL", 29, id="albumin"),
            kit.lab(Analyte.CALCIUM_CORRECTED, "7.0 mg/dL", 2, id="newest"),
        )
        fact = self.run(kit, *labs, orders=(kit.order(32, substances=kit.CALCIUM, source="MR/1"),))
        assert fact.explained.startswith(
            "albumin-corrected calcium is 7.0 mg/dL (1.75 mmol/L) 28 h after 6.80 mg/dL,"
        )
        assert [item.source for item in fact.evidence] == [
            "Observation/newest", "Observation/first", "Observation/albumin", "MR/1",
        ]  # fmt: skip

    @pytest.mark.parametrize(("hours", "present"), [(96, True), (96.1, False)])
    def test_a_total_calcium_is_compared_over_96_h_too(
        self, kit: ModuleType, hours: float, present: bool
    ) -> None:
        labs = (
            ca(kit, "7.0 mg/dL", hours + 2),
            alb(kit, "4.0 g/dL", hours + 2),
            kit.lab(Analyte.CALCIUM_CORRECTED, "7.0 mg/dL", 2),
        )
        fact = self.run(kit, *labs, orders=(kit.order(5, substances=kit.CALCIUM),))
        assert isinstance(fact.state, Presence)
        assert fact.state.present is present

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
        assert (fact.name, fact.state) == (
            "refractory_hypocalcemia", Missing(Reason.NONE_FOUND)
        )  # fmt: skip
        assert fact.explained == (
            "total calcium 8.0 mg/dL after 7.9 mg/dL: without an albumin within 24 h it cannot be "
            "told whether calcium stayed low"
        )
        assert self.run(kit, *labs).state == Presence(False)  # no calcium: decided anyway

    def test_medications_not_known_leave_it_open(self, kit: ModuleType) -> None:
        labs = (ica(kit, "1.0", 12), ica(kit, "1.0", 2))
        fact = self.run(kit, *labs, orders=None)
        why = "`medications` was not supplied"
        assert fact.state == NotKnown("medications", why)
        assert fact.explained.endswith(f"whether calcium was given is not known ({why})")

    def test_no_calcium_at_all_is_absent(self, kit: ModuleType) -> None:
        assert self.run(kit).state == Presence(False)

    def test_results_not_known_stay_not_known(self, kit: ModuleType) -> None:
        fact = refractory_hypocalcemia(kit.view(not_supplied("observations")))
        assert fact.name == "refractory_hypocalcemia"
        assert isinstance(fact.state, NotKnown)
        assert fact.explained == "total calcium not known: `observations` was not supplied"
