"""MedicationAdministrations: what was given, when, how much, and what only looks given."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cds.chart.administrations import read_administrations
from cds.chart.medications import MedicationIndex
from cds.facts.record import Administration, Listing, MedicationOrder, OrderKind, Substance, Unclear
from cds.facts.terminology import Terminology
from cds.fhir.bundle import RawResource, Supplied
from cds.kernel.codes import RXNORM, RxNorm
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.rulebook.codesets import load_terminology

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MG = Substance("magnesium sulfate", frozenset({"mg-replacement-iv"}))
BAG_ORDER = MedicationOrder(
    "MedicationRequest/r1",
    "magnesium sulfate",
    OrderKind.ACTIVE,
    substances=(MG,),
    product=RxNorm("829757"),
    parenteral=True,
    also=("MedicationRequest/r2",),
)


@cache
def terms() -> Terminology:
    return load_terminology(Path(__file__).parents[3] / "rules" / "code_sets")


def given(ident: str = "a1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationAdministration",
        "id": ident,
        "status": "completed",
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2026-11-21T09:00:00Z",
        "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": "829757"}]},
        "dosage": {"dose": {"value": 2, "unit": "g"}},
    } | more


def read(*resources: dict[str, Any]) -> tuple[Listing[Administration], tuple[str, ...]]:
    found = tuple(
        RawResource(item["resourceType"], item["id"], "", msgspec.Raw(json.dumps(item).encode()))
        for item in resources
    )
    supplied = Supplied("administrations", found)
    orders = Listing("medications", (BAG_ORDER,))
    return read_administrations(supplied, orders, (), MedicationIndex.of(found), terms(), NOW, "p")


def one(**more: Any) -> Administration:
    (entry,) = read(given(**more))[0].items
    return entry


UNKNOWN_CODE = {"coding": [{"system": "urn:h", "code": "MAG2PM"}]}
R1 = {"reference": "MedicationRequest/r1"}


def test_a_dose_given_is_read_whole() -> None:
    entry = one()
    assert (entry.source, entry.parenteral, entry.completed) == (
        "MedicationAdministration/a1",
        True,
        True,
    )
    assert entry.dose == Quantity.of(Analyte.MAGNESIUM_SULFATE_DOSE, 2, "g")
    assert entry.start == entry.end == datetime(2026, 11, 21, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "status", ["not-done", "on-hold", "stopped", "entered-in-error", "unknown"]
)
def test_only_completed_and_running_doses_took_place(status: str) -> None:
    listing, lines = read(given(status=status))
    assert (listing.items, listing.gap, lines) == ((), "", ())


@pytest.mark.parametrize(
    "method",
    [
        "Not Given",
        "Flushed",
        "Delayed Flushed",
        "Not Flushed",
        "Hold Dose",
        "Stopped",
        "Not Given per Sliding Scale",
        "Refused",
        "Removed",
    ],
)
@pytest.mark.parametrize("form", ["code", "text"])
def test_a_completed_dose_that_was_not_given_is_none(method: str, form: str) -> None:
    said = {"text": method} if form == "text" else {"coding": [{"code": method}]}
    assert read(given(dosage={"dose": {"value": 2, "unit": "g"}, "method": said}))[0].items == ()


@pytest.mark.parametrize(
    "method",
    [
        "Administered",
        "Delayed Administered",
        "Administered Bolus from IV Drip",
        "Applied",
        "Removed Existing / Applied New",
        "Started",
        "Confirmed",
    ],
)
def test_a_dose_given_late_or_otherwise_is_given(method: str) -> None:
    dosage = {"dose": {"value": 2, "unit": "g"}, "method": {"coding": [{"code": method}]}}
    assert isinstance(one(dosage=dosage).dose, Quantity)


def test_a_partial_dose_is_given_and_unclear() -> None:
    dosage = {"dose": {"value": 2, "unit": "g"}, "method": {"text": "Partial Administered"}}
    assert one(dosage=dosage).dose == Unclear("only partly given")


@pytest.mark.parametrize("reference", ["MedicationRequest/r1", "MedicationRequest/r2"])
def test_an_unknown_code_takes_the_drug_and_product_of_its_order(reference: str) -> None:
    entry = one(
        medicationCodeableConcept=UNKNOWN_CODE,
        request={"reference": reference},
        dosage={"dose": {"value": 200, "unit": "mL"}},
    )
    assert entry.substances == (MG,)
    assert entry.request == "MedicationRequest/r1"
    assert entry.dose == Quantity.of(Analyte.MAGNESIUM_SULFATE_DOSE, 2, "g")
    assert (entry.name, entry.parenteral) == ("magnesium sulfate", True)


def test_a_drug_named_by_the_record_itself_is_not_overruled_by_the_order() -> None:
    entry = one(medicationCodeableConcept={"text": "Sterile Water"}, request=R1)
    assert (entry.substances, entry.dose) == ((), None)


def test_an_ingredient_code_borrows_the_product_of_its_order() -> None:
    code = {"coding": [{"system": RXNORM, "code": "6585"}]}
    entry = one(
        medicationCodeableConcept=code, request=R1, dosage={"dose": {"value": 1, "unit": "bag"}}
    )
    assert entry.dose == Quantity.of(Analyte.MAGNESIUM_SULFATE_DOSE, 1, "g")


def test_a_product_of_unknown_strength_borrows_none() -> None:
    code = {"coding": [{"system": RXNORM, "code": "829734"}]}
    entry = one(
        medicationCodeableConcept=code, request=R1, dosage={"dose": {"value": 1, "unit": "bag"}}
    )
    assert isinstance(entry.dose, Unclear)


@pytest.mark.parametrize(
    ("dosage", "why"),
    [
        (None, "dose not stated"),
        ({"text": "2 g"}, "dose not stated"),
        ({"dose": {"value": 1, "unit": "% of current infusion rate"}}, "not understood"),
    ],
)
def test_a_dose_that_cannot_be_read_is_unclear(dosage: dict[str, Any] | None, why: str) -> None:
    found = one(dosage=dosage).dose
    assert isinstance(found, Unclear)
    assert why in found.why


def test_a_running_infusion_has_a_start_and_no_end() -> None:
    entry = one(
        status="in-progress",
        effectiveDateTime=None,
        effectivePeriod={"start": "2026-11-21T11:00:00Z"},
    )
    assert (entry.completed, entry.end) == (False, None)
    assert entry.start == datetime(2026, 11, 21, 11, tzinfo=UTC)


def test_a_period_gives_start_and_end() -> None:
    period = {"start": "2026-11-21T08:00:00Z", "end": "2026-11-21T10:00:00Z"}
    entry = one(effectiveDateTime=None, effectivePeriod=period)
    assert (entry.start, entry.end) == (
        datetime(2026, 11, 21, 8, tzinfo=UTC),
        datetime(2026, 11, 21, 10, tzinfo=UTC),
    )


def test_a_future_dose_is_left_out_and_named() -> None:
    listing, lines = read(given(effectiveDateTime="2026-11-21T13:00:00Z"))
    assert listing.items == ()
    assert lines == ("MedicationAdministration/a1: is dated in the future",)


def test_another_patients_dose_is_left_out_and_named() -> None:
    listing, lines = read(given(subject={"reference": "Patient/other"}))
    assert listing.items == ()
    assert lines == ("MedicationAdministration/a1: belongs to another patient",)


@pytest.mark.parametrize("broken", [{"dosage": "2 g"}, {"status": None}])
def test_a_dose_record_that_cannot_be_read_leaves_a_gap(broken: dict[str, Any]) -> None:
    listing, lines = read(given(**broken), given("a2"))
    assert [entry.source for entry in listing.items] == ["MedicationAdministration/a2"]
    assert listing.gap == "1 entry of `administrations` could not be read"
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("at", "gap"),
    [
        ("2026-11-21T09:00:00Z", "1 dose of a drug that could not be identified"),
        ("2026-11-10T09:00:00Z", ""),
    ],
)
def test_a_recent_dose_of_an_unknown_drug_leaves_a_gap(at: str, gap: str) -> None:
    listing, _ = read(given(medicationCodeableConcept=UNKNOWN_CODE, effectiveDateTime=at))
    assert listing.gap == gap


def test_inhaled_and_topical_doses_are_no_exposure() -> None:
    entry = one(dosage={"dose": {"value": 2, "unit": "g"}, "route": {"text": "topical"}})
    assert (entry.substances, entry.dose) == ((), None)
