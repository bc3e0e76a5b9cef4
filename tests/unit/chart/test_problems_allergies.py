import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from cds.chart.allergies import read_allergies
from cds.facts.terminology import DrugCode, Terminology
from cds.fhir.bundle import RawResource, Supplied
from cds.kernel.codes import ATC, RXNORM, SNOMED, Coding

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TERMS = Terminology(
    allergens={
        Coding(RXNORM, "6585"): frozenset({"magnesium sulfate"}),
        Coding(SNOMED, "12512008"): frozenset({"magnesium oxide"}),
        Coding(RXNORM, "8591"): frozenset({"potassium chloride"}),
        Coding(ATC, "A12CC"): frozenset({"magnesium"}),
    },
    drugs={
        Coding(RXNORM, "829757"): DrugCode(("magnesium sulfate",), frozenset()),
        Coding(RXNORM, "40790"): DrugCode(("omeprazole",), frozenset()),
    },
)
EVERY_SALT = {"magnesium", "magnesium sulfate", "magnesium oxide"}


def rx(code: str, system: str = RXNORM) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def allergy(**members: Any) -> dict[str, Any]:
    base = {
        "resourceType": "AllergyIntolerance",
        "id": "a",
        "patient": {"reference": "Patient/p1"},
        "code": rx("6585"),
    }
    return {key: value for key, value in {**base, **members}.items() if value is not None}


def read(*resources: Any, **members: Any) -> Any:
    entries = tuple(
        RawResource("AllergyIntolerance", item["id"], "", msgspec.Raw(json.dumps(item).encode()))
        for item in resources
    )
    return read_allergies(Supplied("allergies", entries, **members), TERMS, NOW, "p1")


@pytest.mark.parametrize(
    ("members", "kept"),
    [
        ({}, True),
        ({"clinicalStatus": {"coding": [{"code": "active"}]}}, True),
        ({"clinicalStatus": {"coding": [{"code": "inactive"}]}}, False),
        ({"clinicalStatus": {"coding": [{"code": "resolved"}]}}, False),
        ({"verificationStatus": {"coding": [{"code": "unconfirmed"}]}}, True),
        ({"verificationStatus": {"coding": [{"code": "refuted"}]}}, False),
        ({"verificationStatus": "entered-in-error"}, False),
    ],
)
def test_a_current_allergy_that_was_not_refuted_counts(members: Any, kept: bool) -> None:
    listing, lines = read(allergy(**members))
    assert (len(listing.items), listing.gap, lines) == (int(kept), "", ())


@pytest.mark.parametrize(
    ("members", "substances"),
    [
        ({}, {"magnesium sulfate"}),
        ({"code": rx("12512008", SNOMED)}, {"magnesium oxide"}),
        ({"code": rx("829757")}, {"magnesium sulfate"}),
        ({"code": rx("A12CC30", ATC)}, {"magnesium"}),
        ({"code": rx("A12CC", ATC)}, {"magnesium"}),
        ({"code": {"text": "Magnesium"}}, EVERY_SALT),
        (
            {"code": {"coding": [{"system": "urn:x", "code": "1", "display": "EPSOM SALT"}]}},
            EVERY_SALT,
        ),
        ({"code": rx("2670"), "reaction": [{"substance": rx("6585")}]}, {"magnesium sulfate"}),
        ({"code": None, "reaction": [{"substance": {"text": "magnesium salts"}}]}, EVERY_SALT),
    ],
)
def test_a_substance_is_named_by_code_or_by_the_word_magnesium(
    members: Any, substances: set[str]
) -> None:
    (entry,) = read(allergy(**members))[0].items
    assert (entry.source, entry.substances) == ("AllergyIntolerance/a", substances)


@pytest.mark.parametrize(
    "code", [rx("2670"), {"text": "Penicillin"}, rx("40790"), {"text": "No known allergies"}]
)
def test_other_allergies_are_passed_over_without_a_gap(code: Any) -> None:
    listing, lines = read(allergy(code=code))
    assert (listing.items, listing.gap, lines) == ((), "", ())


@pytest.mark.parametrize("members", [{"code": None}, {"code": {}}, {"code": 7}, {"patient": 7}])
def test_an_allergy_that_says_nothing_makes_absence_unprovable(members: Any) -> None:
    listing, lines = read(allergy(**members))
    assert (listing.items, listing.gap) == ((), "1 entry of `allergies` could not be read")
    assert lines == ("AllergyIntolerance/a: could not be read",)


def test_an_allergy_of_another_patient_is_left_out_and_named() -> None:
    listing, lines = read(allergy(patient={"reference": "Patient/p2"}))
    assert (listing.items, listing.gap) == ((), "")
    assert lines == ("AllergyIntolerance/a: belongs to another patient",)


def test_broken_entries_make_absence_unprovable() -> None:
    assert read(allergy(), broken=2)[0].gap == "2 entries of `allergies` could not be read"
