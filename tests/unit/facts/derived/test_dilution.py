"""A drip-arm sample is named, never set aside (clinical pack R44)."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from cds.facts.derived.dilution import possible_dilution
from cds.facts.model import Evidence, Fact, NotKnown, Presence, Reason
from cds.facts.record import Listing
from cds.kernel.units import Analyte

# hours before now: the suspicious draw at 2, the one before at 14
CASES = [
    # Ca now  K before/now   Cr before/now  suspected
    ("5.4", ("4.0", "2.9"), ("1.0", "0.7"), True),
    ("5.5", ("4.0", "2.9"), ("1.0", "0.7"), False),  # not below 5.5
    ("5.4", ("4.0", "3.0"), ("1.0", "0.7"), False),  # exactly 25 % is not more than 25 %
    ("5.4", ("4.0", "2.9"), ("1.0", "0.8"), False),  # creatinine held
    ("5.4", ("4.0", "2.9"), None, True),  # creatinine not measured: potassium decides
    ("5.4", None, ("2.5", "0.9"), True),
    ("5.4", None, None, False),  # nothing to compare
    ("9.0", ("4.0", "2.9"), ("1.0", "0.7"), False),
]


@pytest.mark.parametrize(("calcium", "potassium", "creatinine", "suspected"), CASES)
def test_r44_very_low_calcium_with_potassium_and_creatinine_falling_together(
    kit: ModuleType,
    calcium: str,
    potassium: tuple[str, str] | None,
    creatinine: tuple[str, str] | None,
    suspected: bool,
) -> None:
    labs = [kit.lab(Analyte.CALCIUM, f"{calcium} mg/dL", 2)]
    if potassium:
        labs += [kit.k(potassium[0], 14), kit.k(potassium[1], 2)]
    if creatinine:
        labs += [kit.cr(creatinine[0], 14), kit.cr(creatinine[1], 2)]
    fact = possible_dilution(kit.view(tuple(labs)))
    assert isinstance(fact.state, Presence)
    assert fact.state.present is suspected
    assert fact.name == "possible_dilution"
    assert not suspected or "fell from" in fact.explained


def test_what_fell_is_said_with_the_calcium_and_its_source(kit: ModuleType) -> None:
    calcium = kit.lab(Analyte.CALCIUM, "5.0 mg/dL", 2)
    fell = (kit.k("4.0", 14), kit.k("2.9", 2), kit.cr("1.0", 14), kit.cr("0.7", 2))
    fact = possible_dilution(kit.view((calcium, *fell)))
    assert fact.explained == (
        "total calcium 5.0 mg/dL (1.25 mmol/L); potassium fell from 4.0 mmol/L to 2.9 mmol/L "
        "and creatinine fell from 1.0 mg/dL to 0.7 mg/dL"
    )
    assert fact.evidence == (Evidence(calcium.source, "5.0 mg/dL", kit.ago(2)),)


def test_a_calcium_with_nothing_to_compare_stands_alone_and_is_still_named(
    kit: ModuleType,
) -> None:
    calcium = replace(kit.lab(Analyte.CALCIUM, "5.0 mg/dL", 2), face="5.0 mg/dl")
    fact = possible_dilution(kit.view((calcium,)))
    assert fact.state == Presence(False)
    assert fact.explained == "total calcium 5.0 mg/dl (1.25 mmol/L) stands alone"
    assert fact.evidence == (Evidence(calcium.source, "5.0 mg/dl", kit.ago(2)),)


@pytest.mark.parametrize(
    ("hours", "named"), [(0, True), (24, True), (24.01, False), (-0.01, False)]
)
def test_a_calcium_of_the_last_24_h_counts_to_the_minute(
    kit: ModuleType, hours: float, named: bool
) -> None:
    fact = possible_dilution(kit.view((kit.lab(Analyte.CALCIUM, "5.0 mg/dL", hours),)))
    assert bool(fact.evidence) is named
    assert named or fact.explained == "no very low calcium in the last 24 h"


def test_the_newest_very_low_calcium_is_the_suspicious_one(kit: ModuleType) -> None:
    old, new = kit.lab(Analyte.CALCIUM, "5.0 mg/dL", 9), kit.lab(Analyte.CALCIUM, "5.1 mg/dL", 2)
    for labs in ((old, new), (new, old)):
        (source,) = possible_dilution(kit.view(labs)).evidence
        assert source.source == new.source


def test_a_value_of_more_than_24_h_before_the_draw_is_no_comparison(kit: ModuleType) -> None:
    labs = (kit.lab(Analyte.CALCIUM, "5.0 mg/dL", 2), kit.k("4.0", 27), kit.k("2.0", 2))
    assert possible_dilution(kit.view(labs)).state == Presence(False)


def test_a_calcium_too_low_to_be_believed_still_speaks_for_dilution(kit: ModuleType) -> None:
    calcium = kit.lab(Analyte.CALCIUM, "2.7 mg/dL", 2, set_aside=Reason.IMPLAUSIBLE)
    fact = possible_dilution(kit.view((calcium, kit.cr("2.5", 14), kit.cr("0.9", 2))))
    assert fact.state == Presence(True, ("creatinine fell from 2.5 mg/dL to 0.9 mg/dL",))


def test_a_draw_of_yesterday_is_not_todays_suspicion(kit: ModuleType) -> None:
    labs = (kit.lab(Analyte.CALCIUM, "5.0 mg/dL", 25), kit.k("4.0", 30), kit.k("2.5", 25))
    fact = possible_dilution(kit.view(labs))
    assert fact.state == Presence(False)


def test_results_not_known_leave_it_open(kit: ModuleType) -> None:
    pages = Listing("observations", (), "more pages exist")
    fact = possible_dilution(kit.view(pages))
    assert fact == Fact(
        "possible_dilution", NotKnown("observations", "more pages exist"), "more pages exist"
    )
