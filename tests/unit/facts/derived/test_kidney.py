"""Estimates, unstable creatinine and the renal band (R12, R13, R41)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds.facts.derived.creatinine import unstable_creatinine
from cds.facts.derived.estimates import creatinine_clearance, egfr, schwartz
from cds.facts.derived.renal import kidney_estimates, renal_band
from cds.facts.model import Category, Fact, Measured, Missing, NotKnown, Presence, Reason
from cds.facts.record import Listing, not_supplied
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte

WORST_LAST = ("full", "half", "low", "hold")
SAID = {
    "full": "kidney function good enough for usual doses",
    "half": "kidney function reduced",
    "low": "kidney function severely reduced",
    "hold": "kidney failure",
}


def labels(fact: Fact) -> set[str]:
    assert isinstance(fact.state, Category)
    return set(fact.state.labels)


class TestEstimates:
    def test_egfr_is_rounded_for_display_only(self, kit: ModuleType) -> None:
        fact = egfr(kit.view((kit.cr("2.4"),), age=67, sex="female"))
        assert isinstance(fact.state, Measured)
        assert fact.state.as_received == "22 mL/min/1.73 m2"
        assert round(fact.state.quantity.value, 2) == Decimal("21.60")
        assert fact.explained == "CKD-EPI 2021 eGFR 22 mL/min/1.73 m2"

    def test_umol_is_converted_exactly(self, kit: ModuleType) -> None:
        mg = egfr(kit.view((kit.cr("1.0"),))).state
        si = egfr(kit.view((kit.cr("88.4", unit="umol/L"),))).state
        assert isinstance(mg, Measured)
        assert isinstance(si, Measured)
        assert mg.quantity == si.quantity

    def test_clearance_names_the_weight_it_used(self, kit: ModuleType) -> None:
        fact = creatinine_clearance(kit.view((kit.cr("1.8"),), age=80, sex="female", kg="55"))
        assert fact.explained == "Cockcroft-Gault 22 mL/min (actual weight 55 kg)"

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"age": None}, Reason.AGE_OR_SEX),
            ({"sex": ""}, Reason.AGE_OR_SEX),
            ({"age": 17}, Reason.NOT_APPLICABLE),
        ],
    )
    def test_without_an_adult_of_known_age_and_sex_there_is_none(
        self, kit: ModuleType, change: dict[str, Any], reason: Reason
    ) -> None:
        for function in (egfr, creatinine_clearance):
            assert function(kit.view((kit.cr("1.0"),), **change)).state == Missing(reason)

    def test_without_creatinine_its_own_reason_is_handed_on(self, kit: ModuleType) -> None:
        state = egfr(kit.view((kit.cr("1.0", 60),))).state
        assert isinstance(state, Missing)
        assert state.reason is Reason.STALE

    def test_without_weight_there_is_no_clearance(self, kit: ModuleType) -> None:
        state = creatinine_clearance(kit.view((kit.cr("1.0"),), kg=None)).state
        assert state == Missing(Reason.NONE_FOUND)

    def test_none_is_computed_in_dialysis(self, kit: ModuleType) -> None:
        patient = kit.view((kit.cr("1.0"),), given={"dialysis": kit.present("dialysis")})
        for function in (egfr, creatinine_clearance, schwartz):
            fact = function(patient)
            assert fact.state == Missing(Reason.NOT_APPLICABLE)
            assert fact.explained.endswith(" not computed: not computed in dialysis")

    def test_the_adult_formulas_are_not_used_for_a_child(self, kit: ModuleType) -> None:
        for function in (egfr, creatinine_clearance):
            fact = function(kit.view((kit.cr("0.5"),), age=17))
            assert fact.state == Missing(Reason.NOT_APPLICABLE)
            assert fact.explained.endswith(" not computed: made for adults")

    def test_an_estimate_is_as_old_as_its_creatinine(self, kit: ModuleType) -> None:
        state = egfr(kit.view((kit.cr("1.0", 5),))).state
        assert isinstance(state, Measured)
        assert state.when == kit.ago(5)

    def test_a_comparator_gives_an_interval(self, kit: ModuleType) -> None:
        result = kit.lab(Analyte.CREATININE, "<0.2 mg/dL", 2)
        state = egfr(kit.view((result,))).state
        assert isinstance(state, Measured)
        assert state.quantity.interval.high is None
        assert state.quantity.interval.low is not None
        assert state.quantity.interval.low > 100

    @pytest.mark.parametrize(("age", "there"), [(0, False), (1, True), (17, True), (18, False)])
    def test_schwartz_is_for_1_to_18_years(self, kit: ModuleType, age: int, there: bool) -> None:
        labs = (kit.cr("0.5"), kit.lab(Analyte.HEIGHT, "100 cm", 24))
        state = schwartz(kit.view(labs, age=age)).state
        assert isinstance(state, Measured) is there
        if isinstance(state, Measured):
            assert state.quantity == Quantity.of(Analyte.EGFR, "82.6", "mL/min/{1.73_m2}")

    def test_schwartz_says_why_there_is_none_for_an_adult(self, kit: ModuleType) -> None:
        labs = (kit.cr("0.5"), kit.lab(Analyte.HEIGHT, "100 cm", 24))
        fact = schwartz(kit.view(labs, age=18))
        assert fact.state == Missing(Reason.NOT_APPLICABLE)
        assert fact.explained == "bedside Schwartz eGFR not computed: made for 1 to 18 years"

    @pytest.mark.parametrize(
        ("function", "age", "used", "label"),
        [
            (egfr, 50, ("cr",), "CKD-EPI 2021 eGFR"),
            (creatinine_clearance, 50, ("cr", "kg"), "Cockcroft-Gault"),
            (schwartz, 9, ("cr", "cm"), "bedside Schwartz eGFR"),
        ],
    )
    def test_an_estimate_names_every_result_it_used_and_itself_where_there_is_none(
        self, kit: ModuleType, function: Any, age: int, used: tuple[str, ...], label: str
    ) -> None:
        labs = (
            kit.cr("0.5", id="cr"),
            kit.lab(Analyte.HEIGHT, "100 cm", 24, id="cm"),
            kit.lab(Analyte.WEIGHT, "70 kg", 24, id="kg"),
        )
        fact = function(kit.view(labs, age=age, kg=None))
        assert [item.source for item in fact.evidence] == [f"Observation/{one}" for one in used]
        assert function(kit.view(age=age)).explained.startswith(f"{label} not computed: ")


class TestUnstableCreatinine:
    @pytest.mark.parametrize(
        ("earlier", "hours", "newest", "unstable"),
        [
            ("0.9", 40, "1.2", True),  # stage 1: 1.2 - 0.9 is 0.3
            ("1.0", 144, "2.1", True),  # stage 2
            ("1.0", 40, "1.2", False),
            ("1.0", 100, "4.1", True),  # stage 3
            ("0.9", 30, "1.6", True),  # stage 1
            ("0.9", 48, "1.2", True),
            ("0.9", 48.1, "1.2", False),  # 0.3, but slower; ratio 1.33
            ("1.0", 168, "1.5", True),
            ("1.0", 168.1, "1.5", False),
            ("1.0", 100, "1.49", False),
            ("1.5", 20, "1.0", False),  # falling is not read
        ],
    )
    def test_r13_worked_values(
        self, kit: ModuleType, earlier: str, hours: float, newest: str, unstable: bool
    ) -> None:
        labs = (kit.cr(earlier, hours + 2), kit.cr(newest, 2))
        state = unstable_creatinine(kit.view(labs)).state
        assert isinstance(state, Presence)
        assert state.present is unstable

    def test_r41_a_ratio_without_an_absolute_rise_is_noise(self, kit: ModuleType) -> None:
        labs = (kit.cr("0.4", 102), kit.cr("0.6", 2))
        assert unstable_creatinine(kit.view(labs)).state == Presence(False)

    @pytest.mark.parametrize(
        ("earlier", "newest", "unstable"),
        [("80", "106.5", True), ("80", "106.4", False)],
    )
    def test_umol_has_its_own_constant(
        self, kit: ModuleType, earlier: str, newest: str, unstable: bool
    ) -> None:
        labs = (kit.cr(earlier, 40, "umol/L"), kit.cr(newest, 2, "umol/L"))
        state = unstable_creatinine(kit.view(labs)).state
        assert isinstance(state, Presence)
        assert state.present is unstable

    def test_units_may_differ_between_the_two(self, kit: ModuleType) -> None:
        labs = (kit.cr("79.56", 40, "umol/L"), kit.cr("1.2", 2))
        fact = unstable_creatinine(kit.view(labs))
        assert isinstance(fact.state, Presence)
        assert fact.state.present
        assert fact.explained == (
            "creatinine 1.2 mg/dL (106 umol/L), 38 h after 79.56 umol/L (0.90 mg/dL)"
        )

    def test_a_set_aside_value_is_no_comparison(self, kit: ModuleType) -> None:
        labs = (kit.cr("0.5", 40, set_aside=Reason.PRELIMINARY), kit.cr("1.2", 2))
        assert unstable_creatinine(kit.view(labs)).state == Presence(False)

    def test_a_recent_aki_code_is_enough(self, kit: ModuleType) -> None:
        patient = kit.view(given={"aki_recent": kit.present("aki_recent", "AKI")})
        fact = unstable_creatinine(patient)
        assert fact.state == Presence(True, ("acute kidney injury (AKI)",))

    def test_what_rose_is_named_with_both_results(self, kit: ModuleType) -> None:
        labs = (kit.cr("0.9", 40, id="old"), kit.cr("1.3", 2, id="new"))
        fact = unstable_creatinine(kit.view(labs))
        words = "creatinine 1.3 mg/dL (115 umol/L), 38 h after 0.9 mg/dL (80 umol/L)"
        assert (fact.state, fact.explained) == (Presence(True, (words,)), words)
        assert [item.source for item in fact.evidence] == ["Observation/new", "Observation/old"]

    def test_what_did_not_rise_is_named_too(self, kit: ModuleType) -> None:
        fact = unstable_creatinine(kit.view((kit.cr("1.0", 2, id="new"),)))
        assert fact.name == "unstable_creatinine"
        assert (fact.state, fact.explained) == (Presence(False), "creatinine is not rising")
        assert [item.source for item in fact.evidence] == ["Observation/new"]

    def test_without_creatinine_the_trend_is_missing(self, kit: ModuleType) -> None:
        fact = unstable_creatinine(kit.view())
        assert fact.state == Missing(Reason.NONE_FOUND)
        assert fact.explained.startswith("creatinine trend not computed: ")

    def test_problems_that_are_not_known_leave_it_open(self, kit: ModuleType) -> None:
        patient = kit.view((kit.cr("1.0"),), given={"aki_recent": kit.unknown("aki_recent")})
        assert isinstance(unstable_creatinine(patient).state, NotKnown)

    def test_a_comparator_may_leave_it_open(self, kit: ModuleType) -> None:
        labs = (kit.lab(Analyte.CREATININE, "<1.0 mg/dL", 30), kit.cr("1.2", 2))
        fact = unstable_creatinine(kit.view(labs))
        assert fact.explained.endswith(": the rise cannot be told")
        assert fact.state == NotKnown("observations", fact.explained)
        assert len(fact.evidence) == 2


class TestRenalBand:
    @pytest.mark.parametrize(
        ("creatinine", "kg", "band", "decider"),
        [
            ("1.0", "70", "full", "Cockcroft-Gault 88 mL/min (actual weight 70 kg)"),
            ("1.0", "110", "full", "CKD-EPI 2021 eGFR 92 mL/min/1.73 m2"),
            ("1.0", "47", "half", "Cockcroft-Gault 59 mL/min (actual weight 47 kg)"),
            ("3.0", "80", "low", "CKD-EPI 2021 eGFR 25 mL/min/1.73 m2"),
            ("5.0", "80", "hold", "CKD-EPI 2021 eGFR 13 mL/min/1.73 m2"),
            ("1.0", None, "full", "CKD-EPI 2021 eGFR 92 mL/min/1.73 m2"),
        ],
    )
    def test_r13_the_lower_estimate_decides_and_is_named(
        self, kit: ModuleType, creatinine: str, kg: str | None, band: str, decider: str
    ) -> None:
        fact = renal_band(kit.view((kit.cr(creatinine),), kg=kg))
        assert labels(fact) == {band}
        assert fact.explained.startswith(f"{SAID[band]}: CKD-EPI 2021 eGFR")
        assert decider in fact.explained
        assert "Cockcroft-Gault" in fact.explained
        if kg is not None:
            formula = decider.split()[0]
            assert fact.explained.endswith(f"; {formula}, the lower one, decided")

    @pytest.mark.parametrize(
        ("kg", "band"),
        [
            ("48", "full"),
            ("47.9", "half"),
            ("24", "half"),
            ("23.9", "low"),
            ("12", "low"),
            ("11.9", "hold"),
        ],
    )
    def test_r13_limits_are_included_below_and_unrounded(
        self, kit: ModuleType, kg: str, band: str
    ) -> None:
        # 50 years, 1.0 mg/dL: clearance = 1.25 x kg, so 48 kg is exactly 60 mL/min.
        assert labels(renal_band(kit.view((kit.cr("1.0"),), kg=kg))) == {band}

    @pytest.mark.parametrize(
        ("reported", "band"),
        [
            (">60 mL/min/{1.73_m2}", {"full"}),
            (">90 mL/min/{1.73_m2}", {"full"}),
            ("45 mL/min/{1.73_m2}", {"half"}),
            ("29.9 mL/min/{1.73_m2}", {"low"}),
            ("<15 mL/min/{1.73_m2}", {"hold"}),
            ("<30 mL/min/{1.73_m2}", {"low", "hold"}),
        ],
    )
    def test_r13_laboratory_egfr_counts_only_without_creatinine(
        self, kit: ModuleType, reported: str, band: set[str]
    ) -> None:
        result = kit.lab(Analyte.EGFR, reported, 3)
        fact = renal_band(kit.view((result,)))
        assert labels(fact) == band
        assert "laboratory-reported eGFR" in fact.explained
        assert labels(renal_band(kit.view((result, kit.cr("1.0"))))) == {"full"}

    @pytest.mark.parametrize(
        "change",
        [{"age": None}, {"sex": ""}, {"age": 17}, {"labs": ()}],
    )
    def test_r12_unknown(self, kit: ModuleType, change: dict[str, Any]) -> None:
        fact = renal_band(kit.view(**{"labs": (kit.cr("1.0"),), **change}))
        assert labels(fact) == {"unknown"}

    def test_r12_stale_creatinine_is_unknown(self, kit: ModuleType) -> None:
        assert labels(renal_band(kit.view((kit.cr("1.0", 49),)))) == {"unknown"}

    @pytest.mark.parametrize(
        "found", [("dialysis",), ("dialysis_procedure",), ("esrd",), ("esrd", "dialysis")]
    )
    def test_r13_dialysis_and_end_stage_disease_hold(
        self, kit: ModuleType, found: tuple[str, ...]
    ) -> None:
        given = {name: kit.present(name) for name in found}
        fact = renal_band(kit.view((kit.cr("1.0"),), given=given))
        assert labels(fact) == {"hold"}
        assert "eGFR" not in fact.explained
        assert labels(renal_band(kit.view((), age=None, given=given))) == {"hold"}

    def test_r13_a_transplant_lifts_the_end_stage_code(self, kit: ModuleType) -> None:
        given = {name: kit.present(name) for name in ("esrd", "kidney_transplant")}
        assert labels(renal_band(kit.view((kit.cr("1.0"),), given=given))) == {"full"}

    @pytest.mark.parametrize(
        ("days", "band"), [(1, "hold"), (30, "hold"), (30.1, "full"), (-1, "full")]
    )
    def test_r13_a_pre_dialysis_code_holds_for_30_days(
        self, kit: ModuleType, days: float, band: str
    ) -> None:
        potassium = replace(kit.k("5.0", days * 24), pre_dialysis=True)
        assert labels(renal_band(kit.view((potassium, kit.cr("1.0"))))) == {band}

    def test_r13_unstable_creatinine_is_low(self, kit: ModuleType) -> None:
        fact = renal_band(kit.view((kit.cr("0.9", 40), kit.cr("1.3", 2))))
        assert labels(fact) == {"low"}
        assert fact.explained.startswith(
            "kidney function unstable, counts as severely reduced: creatinine 1.3 mg/dL"
        )

    def test_r13_hold_by_number_stays_hold_when_unstable(self, kit: ModuleType) -> None:
        assert labels(renal_band(kit.view((kit.cr("4.0", 40), kit.cr("6.0", 2))))) == {"hold"}

    def test_a_recent_aki_code_lowers_a_laboratory_egfr(self, kit: ModuleType) -> None:
        patient = kit.view(
            (kit.lab(Analyte.EGFR, ">60 mL/min/{1.73_m2}", 3),),
            given={"aki_recent": kit.present("aki_recent")},
        )
        assert labels(renal_band(patient)) == {"low"}

    @pytest.mark.parametrize(
        ("open_facts", "band"),
        [
            (("dialysis",), {"full", "hold"}),
            (("esrd",), {"full", "hold"}),
            (("aki_recent",), {"full", "low"}),
            (("dialysis", "esrd", "aki_recent"), {"full", "low", "hold"}),
            (("dialysis_procedure",), {"full"}),  # R10: procedures not known are no stop
        ],
    )
    def test_r32_lists_that_are_not_known_leave_the_band_open(
        self, kit: ModuleType, open_facts: tuple[str, ...], band: set[str]
    ) -> None:
        given = {name: kit.unknown(name) for name in open_facts}
        assert labels(renal_band(kit.view((kit.cr("1.0"),), given=given))) == band

    def test_r10_procedures_not_visible_are_said(self, kit: ModuleType) -> None:
        given = {"dialysis_procedure": kit.unknown("dialysis_procedure", "procedures")}
        fact = renal_band(kit.view((kit.cr("1.0"),), given=given))
        assert "dialysis procedures are not visible" in fact.explained

    def test_r32_results_that_are_not_known_are_not_unknown(self, kit: ModuleType) -> None:
        fact = renal_band(kit.view(not_supplied("observations")))
        assert isinstance(fact.state, NotKnown)
        assert fact.state.key == "observations"

    def test_a_truncated_list_is_not_known_either(self, kit: ModuleType) -> None:
        partial = Listing("observations", (kit.cr("1.0"),), gap="more pages were not read")
        assert isinstance(renal_band(kit.view(partial)).state, NotKnown)


@settings(deadline=None)
@given(
    st.decimals("0.2", "15", places=2),
    st.decimals("0.2", "15", places=2),
    st.integers(18, 100),
    st.integers(35, 180),
    st.sampled_from(["female", "male"]),
)
def test_a_higher_creatinine_never_gives_a_better_band(
    kit: ModuleType, one: Decimal, other: Decimal, age: int, kg: int, sex: str
) -> None:
    low, high = sorted((one, other))
    bands = [
        renal_band(kit.view((kit.cr(str(value)),), age=age, kg=str(kg), sex=sex))
        for value in (low, high)
    ]
    first, second = (WORST_LAST.index(*labels(band)) for band in bands)
    assert first <= second


@settings(deadline=None)
@given(st.decimals("0.2", "15", places=1), st.decimals("0", "1", places=1))
def test_a_narrower_creatinine_stays_inside_the_open_band(
    kit: ModuleType, below: Decimal, share: Decimal
) -> None:
    wide = renal_band(kit.view((kit.lab(Analyte.CREATININE, f"<{below} mg/dL", 2),)))
    inside = max(below * share, Decimal("0.1"))
    narrow = renal_band(kit.view((kit.cr(str(min(inside, below - Decimal("0.05")))),)))
    assert labels(narrow) <= labels(wide)


class TestKidneyEstimates:
    def test_both_estimates_and_the_one_that_decided(self, kit: ModuleType) -> None:
        patient = kit.view((kit.cr("2.4", id="cr"),), age=67, sex="female")
        fact = kidney_estimates(patient)
        assert fact.state == Presence(True)
        assert "Observation/cr" in [item.source for item in fact.evidence]
        assert fact.explained == (
            "CKD-EPI 2021 eGFR 22 mL/min/1.73 m2; Cockcroft-Gault 25 mL/min "
            "(actual weight 70 kg); CKD-EPI, the lower one, decided"
        )

    def test_without_weight_it_says_so(self, kit: ModuleType) -> None:
        fact = kidney_estimates(kit.view((kit.cr("1.0"),), kg=None))
        assert fact.explained == (
            "CKD-EPI 2021 eGFR 92 mL/min/1.73 m2; "
            "no recent weight, so Cockcroft-Gault was not computed"
        )

    def test_in_dialysis_nothing_is_printed(self, kit: ModuleType) -> None:
        fact = kidney_estimates(
            kit.view((kit.cr("1.0"),), given={"dialysis": kit.present("dialysis")})
        )
        assert fact.state == Presence(False)
        assert fact.explained == ("CKD-EPI 2021 eGFR and Cockcroft-Gault: not computed in dialysis")
        assert "mL/min" not in fact.explained

    def test_end_stage_disease_is_named_as_what_decided(self, kit: ModuleType) -> None:
        fact = kidney_estimates(kit.view((kit.cr("1.0"),), given={"esrd": kit.present("esrd")}))
        assert fact.explained.endswith(
            "end-stage renal disease (esrd) without a transplant on record decided"
        )

    def test_unstable_creatinine_is_named_as_what_decided(self, kit: ModuleType) -> None:
        fact = kidney_estimates(kit.view((kit.cr("0.9", 40), kit.cr("1.3", 2))))
        assert "unstable creatinine decided" in fact.explained

    @pytest.mark.parametrize(
        ("earlier", "newest", "decided"),
        [
            ("1.5", "2.0", True),  # reduced kidneys: the rise makes them worse
            ("2.7", "3.2", False),  # severely reduced already: the number decides
            ("7.0", "7.5", False),
        ],
    )
    def test_a_rise_decides_only_where_the_number_alone_would_allow_more(
        self, kit: ModuleType, earlier: str, newest: str, decided: bool
    ) -> None:
        fact = kidney_estimates(kit.view((kit.cr(earlier, 40), kit.cr(newest, 2))))
        assert ("unstable creatinine decided" in fact.explained) is decided

    @pytest.mark.parametrize("change", [{"age": None}, {"age": 9}, {"labs": ()}, {"sex": ""}])
    def test_without_an_estimate_it_says_why(self, kit: ModuleType, change: dict[str, Any]) -> None:
        fact = kidney_estimates(kit.view(**{"labs": (kit.cr("1.0"),), **change}))
        assert fact.state == Presence(False)
        assert fact.explained.startswith("kidney function not ")

    def test_a_laboratory_egfr_is_named_as_such(self, kit: ModuleType) -> None:
        result = kit.lab(Analyte.EGFR, ">60 mL/min/{1.73_m2}", 3)
        fact = kidney_estimates(kit.view((result,)))
        assert fact.explained == (
            "no usable creatinine in the window; "
            "laboratory-reported eGFR >60 mL/min/{1.73_m2} decided"
        )
