"""Which drug an order is about: codes first, ATC classes, names with decoys, mixes, references."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cds.chart.drugs import BY_CLASS, BY_NAME, UNRESOLVED, Drug, identify, narrowed, of_texts
from cds.chart.medication_index import MedicationIndex
from cds.facts.record import Substance
from cds.facts.terminology import DrugCode, Terminology
from cds.fhir.bundle import RawResource
from cds.fhir.medication_resources import MedicationRequest
from cds.kernel.codes import ATC, RXNORM, Coding
from cds.rulebook.codesets import load_terminology


@cache
def terms() -> Terminology:
    return load_terminology(Path(__file__).parents[3] / "rules" / "code_sets")


def told(request: dict[str, Any], *medications: dict[str, Any], url: str = "") -> Drug:
    """The drug of a MedicationRequest, with Medications in the Bundle."""
    found = (
        RawResource("Medication", m.get("id", ""), url, msgspec.Raw(json.dumps(m).encode()))
        for m in medications
    )
    order = msgspec.json.decode(json.dumps(request).encode(), type=MedicationRequest)
    return identify(
        order.medicationCodeableConcept,
        order.medicationReference,
        order.contained,
        MedicationIndex.of(found),
        terms(),
    )


def coded(system: str, code: str, **more: str) -> dict[str, Any]:
    return {"medicationCodeableConcept": {"coding": [{"system": system, "code": code, **more}]}}


def names(drug: Drug) -> set[str]:
    return {item.name for item in drug.substances}


def roles(text: str) -> set[str]:
    return {role for item in of_texts((text,), terms()).substances for role in item.roles}


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("Magnesium Sulfate", "mg-replacement-iv"),
        ("MAGNESIUM SULFATE 2 G/50 ML", "mg-replacement-iv"),
        ("mag sulfate", "mg-replacement-iv"),
        ("Milk of Magnesia", "mg-containing-laxative"),
        ("Aluminum-Magnesium Hydrox.-Simethicone", "mg-containing-antacid"),
        ("Magnesium Citrate", "mg-containing-bowel-prep"),
        ("Magnesium Oxide", "mg-replacement-oral"),
        ("magnesium glycinate 200 mg", "mg-replacement-oral"),
        ("Suprep", "mg-containing-bowel-prep"),
        ("Potassium Chloride Replacement (Critical Care and Oncology) ", "k-replacement"),
        ("Potassium Chl 20 mEq / 1000 mL D5 1/2 NS", "k-containing-fluid"),
        ("KCl", "k-replacement"),
        ("Potassium Phosphate", "k-replacement"),
        ("Neutra-Phos", "k-replacement"),
        ("potassium 20 mEq", "k-replacement"),
        ("Klor-Con M20", "k-replacement"),
        ("Calcium Gluconate sliding scale (Critical Care-Ionized calcium)", "calcium"),
        ("Esomeprazole Magnesium", "ppi"),
        ("Losartan Potassium", "arb"),
        ("hydrALAZINE/HCTZ", "thiazide"),
        ("Sulfameth/Trimethoprim DS", "trimethoprim"),
        ("Heparin Sodium", "heparin"),
        ("TPN", "tpn"),
    ],
)
def test_a_name_hospitals_write_is_recognised(text: str, role: str) -> None:
    drug = of_texts((text,), terms())
    assert role in roles(text)
    assert drug.flags == (BY_NAME,)
    assert {item.by for item in drug.substances} == {"text"}


@pytest.mark.parametrize(
    "text",
    [
        "Losartan Potassium",
        "Penicillin G Potassium",
        "diclofenac potassium",
        "amoxicillin / clavulanate potassium",
        "potassium iodide",
        "potassium binder (patiromer)",
        "Insulin (Regular) for Hyperkalemia",
        "esomeprazole magnesium",
        "Rosuvastatin Calcium",
        "atorvastatin calcium",
        "leucovorin calcium",
        "Sodium Polystyrene Sulfonate",
        "raltegravir potassium",
        "magnesium stearate",
        "Caphosol",
        "Sodium Phosphate",
        "multivitamin with magnesium",
    ],
)
def test_a_counter_ion_is_no_supplement(text: str) -> None:
    electrolytes = {role for role in roles(text) if role.startswith(("mg-", "k-", "calcium"))}
    assert electrolytes - {"mg-chelated"} == set()
    assert of_texts((text,), terms()).identified


@pytest.mark.parametrize("text", ["Heparin Flush (10 units/ml)", "tobramycin ophthalmic"])
def test_a_local_form_is_no_exposure(text: str) -> None:
    assert roles(text) == set()


def test_an_rxnorm_code_settles_it_whatever_the_text_says() -> None:
    drug = told(coded(RXNORM, "829757", display="something else"))
    assert names(drug) == {"magnesium sulfate"}
    assert (drug.product, drug.parenteral, drug.name) == ("829757", True, "something else")
    assert drug.flags == ()


@pytest.mark.parametrize(
    "codes", [("6585", "829757"), ("829757", "6585"), ("999", "6585", "829757")]
)
def test_a_product_is_known_behind_its_ingredient(codes: tuple[str, ...]) -> None:
    coding = [{"system": RXNORM, "code": code} for code in codes]
    drug = told({"medicationCodeableConcept": {"coding": coding}})
    assert (drug.product, drug.parenteral) == ("829757", True)


@pytest.mark.parametrize(
    ("code", "name"), [("C03CA01", "furosemide"), ("C03CA99", "loop diuretic")]
)
def test_the_longest_atc_prefix_wins(code: str, name: str) -> None:
    drug = told(coded(ATC, code))
    assert names(drug) == {name}
    assert drug.flags == (BY_CLASS,)
    assert drug.product is None


def test_a_code_of_any_other_system_is_known_when_the_code_sets_name_it() -> None:
    local = Terminology(
        drugs={
            Coding("urn:hospital", "MG2"): DrugCode(
                ("magnesium sulfate",), frozenset({"mg-replacement-iv"})
            )
        }
    )
    order = msgspec.json.decode(json.dumps(coded("urn:hospital", "MG2")), type=MedicationRequest)
    drug = identify(order.medicationCodeableConcept, None, None, MedicationIndex(), local)
    assert [(item.name, item.by) for item in drug.substances] == [("magnesium sulfate", "local")]


@pytest.mark.parametrize(
    "request_",
    [
        {},
        coded("urn:hospital", "X17B"),
        coded(RXNORM, "99999999"),
        coded("urn:hospital", "51079030020"),
        coded("urn:h", "ed5abeef-5fb0-5e16-ab23-a6af2df72bba"),
    ],
)
def test_neither_known_code_nor_text_is_not_identified(request_: dict[str, Any]) -> None:
    assert not told(request_).identified


def test_an_unknown_drug_with_a_name_is_identified_as_nothing_of_ours() -> None:
    drug = told({"medicationCodeableConcept": {"text": "metformin"}})
    assert (drug.identified, drug.name, drug.substances) == (True, "metformin", ())


@pytest.mark.parametrize("name", ["hydrALAZINE", "Magnesium Sulfate", "D5NS"])
def test_a_hospital_may_send_the_name_as_the_code(name: str) -> None:
    drug = told(coded("http://h.example/CodeSystem/medication-name", name))
    assert (drug.identified, drug.name) == (True, name)


BAG = {
    "resourceType": "Medication",
    "id": "mg",
    "identifier": [
        {"system": "urn:h/ndc", "value": "00338170940"},
        {"system": "urn:h/drug-cd", "value": "MAG2PM"},
        {"system": "urn:h/medication-name", "value": "Magnesium Sulfate"},
    ],
}
FLUID = {"resourceType": "Medication", "id": "ns", "code": {"text": "0.9 % sodium chloride"}}


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("Medication/mg", ""),
        ("https://ehr.example/fhir/Medication/mg", ""),
        ("Medication/mg/_history/3", ""),
        ("urn:uuid:0c1d", "urn:uuid:0c1d"),
    ],
)
def test_a_medication_is_found_however_it_is_referred_to(reference: str, url: str) -> None:
    drug = told({"medicationReference": {"reference": reference}}, BAG, url=url)
    assert names(drug) == {"magnesium sulfate"}


def test_a_contained_medication_is_read() -> None:
    inside = {
        "resourceType": "Medication",
        "id": "m1",
        "code": {"coding": [{"system": RXNORM, "code": "198741"}]},
    }
    drug = told({"medicationReference": {"reference": "#m1"}, "contained": [inside]})
    assert drug.product == "198741"


def test_an_unresolved_reference_leaves_its_display_or_nothing() -> None:
    shown = told({"medicationReference": {"reference": "Medication/x", "display": "KCl 20 mEq"}})
    assert names(shown) == {"potassium chloride"}
    assert UNRESOLVED in shown.flags
    assert not told({"medicationReference": {"reference": "Medication/x"}}).identified


def test_a_mix_has_the_substances_of_all_its_ingredients() -> None:
    mix = {
        "resourceType": "Medication",
        "id": "mix",
        "ingredient": [
            {"itemReference": {"reference": "Medication/mg"}},
            {"itemReference": {"reference": "Medication/ns"}},
            {"itemCodeableConcept": {"coding": [{"system": RXNORM, "code": "8591"}]}},
            {"itemCodeableConcept": {"text": "Potassium Phosphate"}, "isActive": False},
        ],
    }
    drug = told({"medicationReference": {"reference": "Medication/mix"}}, mix, BAG, FLUID)
    assert names(drug) == {"magnesium sulfate", "potassium chloride"}
    assert drug.identified
    assert drug.product is None


def test_a_mix_with_an_unknown_part_is_not_identified() -> None:
    mix = {
        "resourceType": "Medication",
        "id": "mix",
        "ingredient": [
            {"itemReference": {"reference": "Medication/ns"}},
            {"itemReference": {"reference": "Medication/gone"}},
        ],
    }
    assert not told({"medicationReference": {"reference": "Medication/mix"}}, mix, FLUID).identified


def test_the_name_of_a_mix_may_stand_only_in_its_identifier() -> None:
    mix = {
        "resourceType": "Medication",
        "id": "mix",
        "identifier": [
            {"system": "urn:h/mix", "value": "Magnesium Sulfate--MAG2PM--0033_Bag--BAG50"}
        ],
    }
    drug = told({"medicationReference": {"reference": "Medication/mix"}}, mix)
    assert names(drug) == {"magnesium sulfate"}
    assert drug.name == "Magnesium Sulfate"


def test_a_medication_that_contains_itself_ends() -> None:
    loop = {
        "resourceType": "Medication",
        "id": "loop",
        "code": {"text": "Furosemide"},
        "ingredient": [{"itemReference": {"reference": "Medication/loop"}}],
    }
    assert names(told({"medicationReference": {"reference": "Medication/loop"}}, loop)) == {
        "furosemide"
    }


def test_an_unreadable_medication_is_as_good_as_none() -> None:
    broken = {"resourceType": "Medication", "id": "mg", "code": "text"}
    assert not told({"medicationReference": {"reference": "Medication/mg"}}, broken).identified


@pytest.mark.parametrize(
    ("before", "parenteral", "after"),
    [
        ({"mg-replacement-iv"}, True, {"mg-replacement-iv"}),
        ({"mg-replacement-iv"}, None, {"mg-replacement-iv"}),
        ({"mg-replacement-iv"}, False, {"mg-containing-laxative"}),
        ({"mg-replacement-iv", "mg-replacement-oral"}, True, {"mg-replacement-iv"}),
        ({"mg-replacement-iv", "mg-replacement-oral"}, False, {"mg-replacement-oral"}),
        ({"k-replacement"}, False, {"k-replacement"}),
    ],
)
def test_the_route_decides_what_magnesium_is_for(
    before: set[str], parenteral: bool | None, after: set[str]
) -> None:
    (item,) = narrowed((Substance("x", frozenset(before)),), parenteral)
    assert item.roles == after
