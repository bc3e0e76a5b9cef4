"""Levels drawn close to a magnesium infusion, and what draft orders ask for."""

from __future__ import annotations

from decimal import Decimal
from types import ModuleType

import pytest

from cds.facts.derived.magnesium import magnesium_draft_dose, magnesium_post_dose
from cds.facts.model import Measured, Missing, Nothing, Presence
from cds.facts.record import OrderKind, Unclear


@pytest.mark.parametrize(
    ("drawn", "given", "post_dose"),
    [
        (2, 3, True),  # an hour after the end
        (2, 8, True),  # six hours after, exactly
        (2, 8.1, False),
        (4, 2, False),  # the dose came after the sample
        (2, None, False),  # nobody knows when
    ],
)
def test_a_level_within_six_hours_of_an_infusion_is_post_dose(
    kit: ModuleType, drawn: float, given: float | None, post_dose: bool
) -> None:
    dose = kit.gave(given, kit.grams(2), substances=kit.MGSO4)
    patient = kit.view((kit.mg("2.9 mg/dL", drawn),), administrations=(dose,))
    state = magnesium_post_dose(patient).state
    assert isinstance(state, Presence)
    assert state.present is post_dose


def test_a_level_drawn_while_the_infusion_runs_is_post_dose(kit: ModuleType) -> None:
    dose = kit.gave(9, kit.grams(4), substances=kit.MGSO4, completed=False)
    running = type(dose)(**{f: getattr(dose, f) for f in dose.__slots__} | {"end": None})
    patient = kit.view((kit.mg("2.9 mg/dL", 1),), administrations=(running,))
    assert magnesium_post_dose(patient).state == Presence(True, ("magnesium sulfate",))


@pytest.mark.parametrize("given", [(), None])
def test_without_infusions_or_without_their_list_nothing_is_post_dose(
    kit: ModuleType, given: tuple[object, ...] | None
) -> None:
    patient = kit.view((kit.mg("1.0 mg/dL", 1),), administrations=given)
    assert magnesium_post_dose(patient).state == Presence(False)


def test_potassium_given_does_not_make_a_magnesium_level_post_dose(kit: ModuleType) -> None:
    patient = kit.view((kit.mg("1.0 mg/dL", 1),), administrations=(kit.gave(2, kit.meq(20)),))
    assert magnesium_post_dose(patient).state == Presence(False)


def drafts(kit: ModuleType, *doses: object, **more: object) -> tuple[object, ...]:
    return tuple(
        kit.order(kind=OrderKind.DRAFT, substances=kit.MGSO4, dose=dose, **more) for dose in doses
    )


def test_the_largest_draft_dose_counts(kit: ModuleType) -> None:
    state = magnesium_draft_dose(kit.view(drafts=drafts(kit, kit.grams(2), kit.grams(7)))).state
    assert isinstance(state, Measured)
    assert state.quantity.value == Decimal(7)


def test_one_dose_nobody_can_read_leaves_it_missing(kit: ModuleType) -> None:
    patient = kit.view(drafts=drafts(kit, kit.grams(2), Unclear("dose without unit")))
    assert isinstance(magnesium_draft_dose(patient).state, Missing)


@pytest.mark.parametrize("more", [{"parenteral": False}, {"systemic": False}])
def test_only_parenteral_systemic_drafts_count(kit: ModuleType, more: dict[str, object]) -> None:
    patient = kit.view(drafts=drafts(kit, kit.grams(7), **more))
    assert isinstance(magnesium_draft_dose(patient).state, Nothing)
