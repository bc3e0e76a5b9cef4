"""The same bytes are read once, and what depends on anything else is judged every time."""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from cds.chart.read import read_chart
from cds.chart.reading import once
from cds.facts.model import Reason
from cds.facts.record import OrderKind, Record
from cds.facts.terminology import DrugCode, LabCode, Terminology
from cds.fhir.bundle import RawResource
from cds.fhir.memo import Known
from cds.hooks.request import HookCall
from cds.kernel.codes import LOINC, RXNORM, Coding
from cds.kernel.units import Analyte

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(days=40), NOW - timedelta(days=40)
POTASSIUM = Terminology(labs={Coding(LOINC, "2823-3"): LabCode(Analyte.POTASSIUM, "K")})
MAGNESIUM = Terminology(labs={Coding(LOINC, "2823-3"): LabCode(Analyte.MAGNESIUM, "Mg")})
IV = DrugCode(("magnesium sulfate",), frozenset({"mg-replacement-iv"}), parenteral=True)
DRUGS = Terminology(drugs={Coding(RXNORM, "829762"): IV})
VALUE = {"value": 3.1, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"}


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    entry = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entry}


def read(
    terms: Terminology,
    now: datetime = NOW,
    patient: str = "p1",
    stay: str | None = None,
    **prefetch: dict[str, Any],
) -> Record:
    person = {"resourceType": "Patient", "id": patient}
    values = {"patient": person, "observations": bundle(), **prefetch}
    call = HookCall(
        service="electrolytes-order-select",
        hook="order-select",
        hook_instance="i",
        user_id="Practitioner/u",
        patient_id=patient,
        encounter_id=stay,
        prefetch={key: raw(value) for key, value in values.items()},
    )
    return read_chart(call, terms, now).record


def result(**members: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": "memory",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": "2823-3"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-11-21T08:00:00Z",
        "valueQuantity": VALUE,
        **members,
    }


def order(**members: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": "memory",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": "829762"}]},
        "authoredOn": "2026-11-20",
        "dispenseRequest": {"validityPeriod": {"end": "2026-12-01"}},
        "dosageInstruction": [{"doseAndRate": [{"doseQuantity": {"value": 2, "unit": "g"}}]}],
        **members,
    }


def states(listing: Any) -> list[Reason | None]:
    return [item.set_aside for item in listing.items]


def test_a_result_is_of_the_future_only_as_long_as_it_is() -> None:
    observations = bundle(result())
    found = [read(POTASSIUM, now, observations=observations).labs for now in (EARLIER, NOW) * 2]
    assert [states(listing) for listing in found] == [[Reason.FUTURE], [None]] * 2


@pytest.mark.parametrize(
    ("members", "before", "after"),
    [
        ({"status": "preliminary"}, Reason.FUTURE, Reason.PRELIMINARY),
        ({"note": [{"text": "hemolyzed"}]}, Reason.FUTURE, Reason.HAEMOLYSED),
        ({"valueQuantity": None}, Reason.NO_VALUE, Reason.NO_VALUE),
        ({"status": "odd"}, Reason.UNREADABLE, Reason.UNREADABLE),
    ],
)
def test_only_a_lesser_reason_gives_way_to_the_future(
    members: dict[str, Any], before: Reason, after: Reason
) -> None:
    observations = bundle(result(**members))
    found = [read(POTASSIUM, now, observations=observations).labs for now in (EARLIER, NOW) * 2]
    assert [states(listing) for listing in found] == [[before], [after]] * 2


def test_what_is_one_patients_is_never_another_ones() -> None:
    values = {"observations": bundle(result()), "medications": bundle(order())}
    for _ in range(2):
        own = read(replace(POTASSIUM, drugs=DRUGS.drugs), **values)
        other = read(replace(POTASSIUM, drugs=DRUGS.drugs), patient="p2", **values)
        assert (len(own.labs.items), len(own.medications.items), own.unreadable) == (1, 1, ())
        assert (other.labs.items, other.medications.items) == ((), ())
        assert "Observation/memory: belongs to another patient" in other.unreadable


def test_other_rules_read_the_same_bytes_anew() -> None:
    observations = bundle(result())
    found = [read(terms, observations=observations).labs for terms in (POTASSIUM, MAGNESIUM) * 2]
    analytes = [item.analyte for listing in found for item in listing.items]
    assert analytes == [Analyte.POTASSIUM, Analyte.MAGNESIUM] * 2


def test_an_order_ends_when_its_time_is_over_however_often_it_was_read() -> None:
    medications = bundle(order())
    found = [read(DRUGS, now, medications=medications).medications for now in (NOW, LATER) * 2]
    kinds = [item.kind for listing in found for item in listing.items]
    assert kinds == [OrderKind.ACTIVE, OrderKind.ENDED] * 2


def test_a_completed_order_ended_at_the_latest_now_and_is_named_by_that() -> None:
    medications = bundle(order(status="completed"))
    (first,), (second,) = (
        read(DRUGS, now, medications=medications).medications.items
        for now in (NOW, NOW + timedelta(days=1))
    )
    assert (first.stop, second.stop) == (NOW, NOW + timedelta(days=1))
    assert first.identity
    assert first.identity != second.identity


def test_a_drug_is_looked_up_among_the_resources_of_each_call() -> None:
    referring = order(medicationReference={"reference": "Medication/m"})
    del referring["medicationCodeableConcept"]
    for name in ("omeprazole", "furosemide", "omeprazole"):
        medication = {"resourceType": "Medication", "id": "m", "code": {"text": name}}
        found = read(DRUGS, medications=bundle(referring, medication)).medications
        assert [item.name for item in found.items] == [name]


def test_nothing_that_is_remembered_holds_on_to_the_body() -> None:
    body = json.dumps(
        {
            "patient": {"resourceType": "Patient", "id": "p1"},
            "observations": bundle(result(id="body")),
            "medications": bundle(order(id="body")),
            "administrations": bundle(
                {
                    "resourceType": "MedicationAdministration",
                    "id": "body",
                    "status": "completed",
                    "dosage": {"dose": {"value": 2, "unit": "g"}},
                }
            ),
            "problems": bundle({"resourceType": "Condition", "id": "body"}),
            "allergies": bundle({"resourceType": "AllergyIntolerance", "id": "body"}),
            "lab_orders": bundle({"resourceType": "ServiceRequest", "id": "body"}),
        }
    ).encode()
    before = sys.getrefcount(body)
    prefetch = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    call = HookCall("s", "order-select", "i", "Practitioner/u", "p1", prefetch=prefetch)
    record = read_chart(call, replace(POTASSIUM, drugs=DRUGS.drugs), NOW).record
    assert len(record.labs.items) == len(record.medications.items) == 1
    assert sys.getrefcount(body) > before
    del call, prefetch
    assert sys.getrefcount(body) == before


def test_a_reader_is_asked_once_for_the_same_bytes_and_terminology() -> None:
    asked: list[Terminology] = []

    def reader(_resource: RawResource, terms: Terminology) -> int:
        asked.append(terms)
        return len(asked)

    remembered = RawResource("A", "1", "", raw({}), known=Known("A", "1", ""))
    forgotten = RawResource("A", "1", "", raw({}))
    found = [
        once(resource, terms, reader)
        for resource in (remembered, forgotten)
        for terms in (POTASSIUM, POTASSIUM, MAGNESIUM, POTASSIUM)
    ]
    assert found == [1, 1, 2, 3, 4, 5, 6, 7]


def dose(**members: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationAdministration",
        "id": "dose",
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        "request": {"reference": "MedicationRequest/memory"},
        "effectiveDateTime": "2026-11-21T08:00:00Z",
        "medicationCodeableConcept": {"text": "something"},
        "dosage": {"dose": {"value": 2, "unit": "g"}},
        **members,
    }


BOTH = replace(POTASSIUM, drugs=DRUGS.drugs)
LISTS = {
    "observations": bundle(result()),
    "medications": bundle(order()),
    "administrations": bundle(dose()),
    "problems": bundle({"resourceType": "Condition", "id": "c", "code": {"text": "x"}}),
    "procedures": bundle(),
    "allergies": bundle({"resourceType": "AllergyIntolerance", "id": "a"}),
    "lab_orders": bundle({"resourceType": "ServiceRequest", "id": "s"}),
}


def test_a_list_that_was_sent_before_is_handed_on_as_the_very_same_object() -> None:
    first, again = read(BOTH, **LISTS), read(BOTH, NOW + timedelta(minutes=1), **LISTS)
    same = [getattr(first, name) is getattr(again, name) for name in LISTS if name in _FIELDS]
    assert same == [True] * 6
    assert first.labs is again.labs
    assert first == again


_FIELDS = {"medications", "administrations", "problems", "procedures", "allergies", "lab_orders"}


def test_what_was_read_of_a_list_is_what_would_be_read_of_it_now() -> None:
    """Every list of every moment, patient and terminology, in any order, against a first reading:
    a Bundle of another id is another list."""
    cases = [
        (terms, now, patient)
        for terms in (BOTH, replace(MAGNESIUM, drugs=DRUGS.drugs), POTASSIUM)
        for now in (EARLIER, NOW - timedelta(hours=5), NOW, LATER)
        for patient in ("p1", "p2")
    ]

    def unlike(number: int) -> dict[str, Any]:
        return {key: {**value, "id": f"{number}"} for key, value in LISTS.items()}

    fresh = [read(*case, **unlike(number)) for number, case in enumerate(cases)]
    assert [read(*case, **LISTS) for case in cases * 2] == fresh * 2
    assert len({repr(record) for record in fresh}) == 10


def drafting(draft: dict[str, Any], *others: dict[str, Any], **prefetch: Any) -> Record:
    values = {"patient": {"resourceType": "Patient", "id": "p1"}, **LISTS, **prefetch}
    call = HookCall(
        service="electrolytes-order-select",
        hook="order-select",
        hook_instance="i",
        user_id="Practitioner/u",
        patient_id="p1",
        selections=("MedicationRequest/draft",),
        draft_orders=raw(bundle(draft, *others)),
        prefetch={key: raw(value) for key, value in values.items()},
    )
    return read_chart(call, BOTH, NOW).record


def test_an_edit_of_the_order_finds_all_lists_again() -> None:
    first, again = (drafting(order(id="draft", authoredOn=day)) for day in ("2026-11-19", "2026"))
    assert first.drafts != again.drafts
    for name in ("labs", *sorted(_FIELDS)):
        assert getattr(first, name) is getattr(again, name)


def test_a_dose_of_an_order_that_is_being_edited_is_read_with_the_draft() -> None:
    plain = order(id="draft")
    edited = order(medicationCodeableConcept={"text": "calcium"})
    doses = bundle(dose(medicationCodeableConcept=None))
    for _ in range(2):
        (own,) = drafting(plain, administrations=doses).administrations.items
        (other,) = drafting(edited, administrations=doses).administrations.items
        assert own.dose is not None
        assert other.dose is None


def referring(**members: Any) -> dict[str, Any]:
    found = order(medicationReference={"reference": "Medication/m"}, **members)
    del found["medicationCodeableConcept"]
    return found


def medication(name: str) -> dict[str, Any]:
    return {"resourceType": "Medication", "id": "m", "code": {"text": name}}


def test_an_order_whose_drug_stands_among_the_drafts_is_looked_up_in_each_call() -> None:
    orders = bundle(referring())
    for name in ("omeprazole", "furosemide", "omeprazole"):
        found = drafting(order(id="draft"), medication(name), medications=orders)
        assert [item.name for item in found.medications.items] == [name]


def test_an_order_whose_drug_stands_in_its_own_list_is_found_again() -> None:
    orders = bundle(referring(), medication("omeprazole"))
    first, again = (
        drafting(order(id="draft"), medication(name), medications=orders)
        for name in ("furosemide", "calcium")
    )
    assert [item.name for item in first.medications.items] == ["omeprazole"]
    assert first.medications is again.medications


def test_a_dose_whose_drug_stands_with_the_orders_follows_the_orders() -> None:
    given = dose(medicationReference={"reference": "Medication/m"}, request=None)
    del given["medicationCodeableConcept"]
    doses = bundle(given)
    for name in ("omeprazole", "furosemide", "omeprazole"):
        lists = {"medications": bundle(order(), medication(name)), "administrations": doses}
        first, again = (drafting(order(id="draft"), **lists).administrations for _ in range(2))
        assert [item.name for item in first.items] == [name]
        assert first is again


def test_a_drug_read_for_a_draft_counts_for_what_the_list_rests_on() -> None:
    given = dose(medicationReference={"reference": "Medication/m"}, request=None)
    del given["medicationCodeableConcept"]
    for name in ("omeprazole", "furosemide", "omeprazole"):
        found = drafting(
            referring(id="draft"), medication(name), administrations=bundle(given)
        ).administrations
        assert [item.name for item in found.items] == [name]


def test_a_procedure_that_goes_on_goes_on_now() -> None:
    going = {"resourceType": "Procedure", "id": "d", "status": "in-progress"}
    going |= {"code": {"coding": [{"system": "s", "code": "dialysis"}]}}
    going |= {"performedPeriod": {"start": "2026-11-21"}}
    terms = Terminology(procedures={Coding("s", "dialysis"): frozenset({"dialysis"})})
    for now in (NOW, LATER, NOW):
        (found,) = read(terms, now, procedures=bundle(going)).procedures.items
        assert found.performed == now


def test_an_order_whose_drug_stands_among_the_doses_is_looked_up_in_each_call() -> None:
    orders = bundle(referring())
    for name in ("omeprazole", "furosemide", "omeprazole"):
        found = read(BOTH, medications=orders, administrations=bundle(dose(), medication(name)))
        assert [item.name for item in found.medications.items] == [name]


def test_what_belongs_to_a_stay_is_judged_by_the_stay_of_each_call() -> None:
    problem = {"resourceType": "Condition", "id": "stay", "encounter": {"reference": "Encounter/a"}}
    problem |= {"code": {"coding": [{"system": "s", "code": "x"}]}}
    visit = {"resourceType": "Encounter", "id": "a", "status": "in-progress"}
    visit |= {"class": {"code": "IMP"}}
    lists = {"problems": bundle(problem), "encounter": visit}
    found = [read(BOTH, stay=name, **lists) for name in ("a", "b", "a", "b")]
    (own, other) = (record.problems.items[0].of_another_stay for record in found[:2])
    assert (own, other) == (False, True)
    assert [record.place.known for record in found] == [True, False] * 2
    assert found[:2] == found[2:]
