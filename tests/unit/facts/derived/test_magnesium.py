"""Levels drawn close to a magnesium infusion, and what draft orders ask for."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from cds.facts.derived.electrolytes import is_parenteral_magnesium
from cds.facts.derived.magnesium import magnesium_draft_dose, magnesium_post_dose
from cds.facts.model import Evidence, Fact, Measured, Missing, Nothing, Presence, Reason
from cds.facts.record import OrderKind, Substance, Unclear
from cds.kernel.units import Analyte


@pytest.mark.parametrize(
    ("drawn", "given", "post_dose"),
    [
        (2, 3, True),  # an hour after the end
        (2, 8, True),  # six hours after, exactly
        (2, 8.1, False),
        (2, 2, True),  # drawn as it was given
        (4, 2, False),  # the dose came after the sample
        (2, None, False),  # nobody knows when
    ],
)
def test_a_level_within_six_hours_of_an_infusion_is_post_dose(
    kit: ModuleType, drawn: float, given: float | None, post_dose: bool
) -> None:
    dose = kit.gave(given, kit.grams(2), substances=kit.MGSO4)
    patient = kit.view((kit.mg("2.9 mg/dL", drawn),), administrations=(dose,))
    fact = magnesium_post_dose(patient)
    assert fact.name == "magnesium_post_dose"
    assert isinstance(fact.state, Presence)
    assert fact.state.present is post_dose
    none = "no magnesium infusion in the 6 h before the level"
    assert post_dose or fact.explained == none


def test_the_infusion_nearest_to_the_level_is_named_with_its_time(kit: ModuleType) -> None:
    early, late = (kit.gave(hours, kit.grams(2), substances=kit.MGSO4) for hours in (7, 3))
    for doses in ((early, late), (late, early)):
        fact = magnesium_post_dose(kit.view((kit.mg("2.9 mg/dL", 2),), administrations=doses))
        assert fact.explained == (
            "drawn during or within 6 h of a magnesium infusion "
            "(magnesium sulfate, 2026-11-21 09:00 UTC)"
        )
        assert fact.evidence == (Evidence(late.source, "magnesium sulfate", kit.ago(3)),)


def test_of_two_infusions_that_ended_together_one_is_named(kit: ModuleType) -> None:
    both = tuple(kit.gave(3, kit.grams(2), substances=kit.MGSO4) for _ in range(2))
    fact = magnesium_post_dose(kit.view((kit.mg("2.9 mg/dL", 2),), administrations=both))
    assert fact.state == Presence(True, ("magnesium sulfate",))
    assert [item.source for item in fact.evidence] == [both[0].source]


@pytest.mark.parametrize(
    ("start", "end", "completed", "post_dose"),
    [
        (9, 3, True, True),  # its end counts, not its start
        (9, None, True, False),  # over, and only its start is known
        (7, None, True, True),
        (9, None, False, True),  # still running
        (None, None, False, False),  # nobody knows since when
        (None, 3, True, True),
    ],
)
def test_an_infusion_counts_from_its_end_or_while_it_runs(
    kit: ModuleType, start: float | None, end: float | None, completed: bool, post_dose: bool
) -> None:
    dose = kit.gave(9, kit.grams(4), substances=kit.MGSO4, completed=completed)
    times = {"start": start, "end": end}
    item = replace(dose, **{k: None if v is None else kit.ago(v) for k, v in times.items()})
    fact = magnesium_post_dose(kit.view((kit.mg("2.9 mg/dL", 2),), administrations=(item,)))
    assert isinstance(fact.state, Presence)
    assert fact.state.present is post_dose


@pytest.mark.parametrize("level", ["none", "without a time"])
def test_without_a_level_that_has_a_time_nothing_is_post_dose(kit: ModuleType, level: str) -> None:
    quantity = kit.quantity(Analyte.MAGNESIUM, "2.9 mg/dL")
    state = Missing(Reason.NONE_FOUND, when=kit.ago(2))
    measured = Fact("magnesium", Measured(quantity, "2.9 mg/dL"), "magnesium 2.9 mg/dL")
    given = Fact("magnesium", state, "none found") if level == "none" else measured
    dose = kit.gave(3, kit.grams(2), substances=kit.MGSO4)
    fact = magnesium_post_dose(kit.view(administrations=(dose,), given={"magnesium": given}))
    assert fact.state == Presence(False)
    assert fact.explained == "no magnesium level with a time"


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
    for amounts in ((2, 7), (7, 2)):
        asked = drafts(kit, *(kit.grams(amount) for amount in amounts))
        fact = magnesium_draft_dose(kit.view(drafts=asked))
        words = "7 g (28.42 mmol, 56.84 meq)"
        assert (fact.name, fact.state) == ("magnesium_draft_dose", Measured(kit.grams(7), words))
        assert fact.explained == f"largest draft dose {words}"
        assert fact.evidence == tuple(Evidence(item.source, item.name) for item in asked)


def test_one_dose_nobody_can_read_leaves_it_missing(kit: ModuleType) -> None:
    asked = drafts(kit, kit.grams(2), Unclear("dose without unit"))
    fact = magnesium_draft_dose(kit.view(drafts=asked))
    assert fact == Fact(
        "magnesium_draft_dose",
        Missing(Reason.DOSE_UNCLEAR),
        "the dose of magnesium sulfate cannot be read",
        (Evidence(asked[1].source, "magnesium sulfate"),),
    )


@pytest.mark.parametrize("more", [{"parenteral": False}, {"systemic": False}])
def test_only_parenteral_systemic_drafts_count(kit: ModuleType, more: dict[str, object]) -> None:
    patient = kit.view(drafts=drafts(kit, kit.grams(7), **more))
    fact = magnesium_draft_dose(patient)
    assert fact.state == Nothing("no magnesium draft")
    assert fact.explained == "no parenteral magnesium draft"


@pytest.mark.parametrize(
    ("name", "role", "dose", "route", "counts"),
    [
        ("magnesium sulfate", "", None, True, True),  # by its name
        ("mystery bag", "mg-replacement-iv", None, True, True),  # by what it does
        ("mystery bag", "", "grams", True, True),  # by the dimension of its dose
        ("mystery bag", "", "meq", True, False),
        ("mystery bag", "mg-replacement-oral", None, True, False),
        ("magnesium sulfate", "mg-replacement-iv", "grams", None, True),  # the route may be IV
        ("magnesium sulfate", "mg-replacement-iv", "grams", False, False),
    ],
)
def test_parenteral_magnesium_is_known_by_name_role_or_dose(
    kit: ModuleType, name: str, role: str, dose: str | None, route: bool | None, counts: bool
) -> None:
    amounts = {"grams": kit.grams(2), "meq": kit.meq(20), None: None}
    substances = (Substance(name, frozenset({role} - {""})),)
    item = kit.order(substances=substances, dose=amounts[dose], parenteral=route)
    assert is_parenteral_magnesium(item) is counts
