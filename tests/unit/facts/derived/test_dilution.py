"""A drip-arm sample is named, never set aside (clinical pack R44)."""

from __future__ import annotations

from types import ModuleType

import pytest

from cds.facts.derived.dilution import possible_dilution
from cds.facts.model import NotKnown, Presence, Reason
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
    assert not suspected or "fell from" in fact.explained


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
    assert isinstance(fact.state, NotKnown)
