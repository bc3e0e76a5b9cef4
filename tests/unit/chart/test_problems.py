import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from cds.chart.problems import read_problems, read_procedures
from cds.facts.terminology import Terminology
from cds.fhir.bundle import RawResource, Supplied
from cds.kernel.codes import ICD10, SNOMED, Coding

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TERMS = Terminology(
    problems={
        Coding(SNOMED, "31722008"): frozenset({"torsades"}),
        Coding(ICD10, "E83.42"): frozenset({"hypomagnesemia"}),
        Coding(ICD10, "I10"): frozenset({"hypertension"}),
    },
    problem_prefixes=((ICD10, "I47.2", "vt"), (ICD10, "A41", "sepsis"), (ICD10, "G70.0", "mg")),
    procedures={Coding(SNOMED, "302497006"): frozenset({"dialysis"})},
)
TORSADES = {"coding": [{"system": SNOMED, "code": "31722008", "display": "Torsades"}]}
DIALYSIS = {"coding": [{"system": SNOMED, "code": "302497006", "display": "Hemodialysis"}]}


def status(code: str) -> dict[str, Any]:
    return {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition", "code": code}]}


def resource(kind: str, **members: Any) -> dict[str, Any]:
    base = {"resourceType": kind, "id": "x", "subject": {"reference": "Patient/p1"}}
    return {key: value for key, value in {**base, **members}.items() if value is not None}


def condition(**members: Any) -> dict[str, Any]:
    return resource("Condition", **{"code": TORSADES, **members})


def procedure(**members: Any) -> dict[str, Any]:
    return resource("Procedure", **{"code": DIALYSIS, "status": "completed", **members})


def supplied(key: str, resources: tuple[Any, ...], **members: Any) -> Supplied:
    entries = tuple(
        RawResource(item["resourceType"], item["id"], "", msgspec.Raw(json.dumps(item).encode()))
        for item in resources
    )
    return Supplied(key, entries, **members)


def problems(*resources: Any, **members: Any) -> Any:
    return read_problems(supplied("problems", resources, **members), TERMS, NOW, "p1")


def procedures(*resources: Any, **members: Any) -> Any:
    return read_procedures(supplied("procedures", resources, **members), TERMS, NOW, "p1")


def concepts(*codings: tuple[str, str]) -> frozenset[str]:
    code = {"coding": [{"system": system, "code": value} for system, value in codings]}
    listing, _ = problems(condition(code=code))
    found = listing.items[0].concepts
    assert isinstance(found, frozenset)
    return found


@pytest.mark.parametrize(
    ("members", "kept"),
    [
        ({"clinicalStatus": status("active")}, True),
        ({"clinicalStatus": status("recurrence")}, True),
        ({"clinicalStatus": status("relapse")}, True),
        ({"clinicalStatus": "active"}, True),
        ({"clinicalStatus": {"text": "Active"}}, True),
        ({"clinicalStatus": status("local-word")}, True),
        ({}, True),
        ({"clinicalStatus": status("resolved")}, False),
        ({"clinicalStatus": status("inactive")}, False),
        ({"clinicalStatus": status("remission")}, False),
        ({"clinicalStatus": "resolved"}, False),
        ({"verificationStatus": status("confirmed")}, True),
        ({"verificationStatus": status("provisional")}, True),
        ({"verificationStatus": status("refuted")}, False),
        ({"verificationStatus": status("entered-in-error")}, False),
        ({"abatementDateTime": "2026-11-01"}, False),
        ({"abatementDateTime": "2026-12-01"}, True),
        ({"abatementDateTime": "2026-11-01", "clinicalStatus": status("active")}, True),
    ],
)
def test_only_what_is_over_or_disproved_is_dropped(members: dict[str, Any], kept: bool) -> None:
    listing, lines = problems(condition(**members))
    assert (len(listing.items), listing.gap, lines) == (int(kept), "", ())


@pytest.mark.parametrize(
    ("codings", "expected"),
    [
        ([(SNOMED, "31722008")], {"torsades"}),
        ([("urn:oid:2.16.840.1.113883.6.96", "31722008")], {"torsades"}),
        ([("urn:local", "1"), (SNOMED, "31722008")], {"torsades"}),
        ([("http://hl7.org/fhir/sid/icd-10-cm", "E83.42")], {"hypomagnesemia"}),
        ([("http://hl7.org/fhir/sid/icd-10", "E8342")], {"hypomagnesemia"}),
        ([("urn:oid:2.16.840.1.113883.6.90", "e83.42")], {"hypomagnesemia"}),
        (
            [("http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-diagnosis-icd10", "E8342")],
            {"hypomagnesemia"},
        ),
        ([("http://hl7.org/fhir/sid/icd-10-cm", "I10")], {"hypertension"}),
        ([("http://hl7.org/fhir/sid/icd-10-cm", "I47.21")], {"vt"}),
        ([("http://hl7.org/fhir/sid/icd-10-cm", "I4721")], {"vt"}),
        ([("http://hl7.org/fhir/sid/icd-10-cm", "A41.9")], {"sepsis"}),
        (
            [("http://hl7.org/fhir/sid/icd-10-cm", "G70.01"), (SNOMED, "31722008")],
            {"mg", "torsades"},
        ),
        ([("http://hl7.org/fhir/sid/icd-10-cm", "I47.1")], set()),
        ([("http://hl7.org/fhir/sid/icd-9-cm", "E83.42")], set()),
        ([("http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-diagnosis-icd9", "I4721")], set()),
        ([("http://hl7.org/fhir/sid/icd-10-pcs", "I4721")], set()),
        ([(SNOMED, "38341003")], set()),
    ],
)
def test_a_problem_is_named_by_any_of_its_codes(codings: Any, expected: set[str]) -> None:
    assert concepts(*codings) == expected


@pytest.mark.parametrize(
    ("members", "onset", "recorded"),
    [
        ({"onsetDateTime": "2026-11-20"}, datetime(2026, 11, 20, tzinfo=UTC), None),
        (
            {"onsetPeriod": {"start": "2026-11-20T06:00:00Z"}},
            datetime(2026, 11, 20, 6, tzinfo=UTC),
            None,
        ),
        ({"recordedDate": "2026-11-20"}, None, datetime(2026, 11, 20, tzinfo=UTC)),
        (
            {"onsetDateTime": "2026", "recordedDate": "2026-11-20"},
            None,
            datetime(2026, 11, 20, tzinfo=UTC),
        ),
        ({"onsetDateTime": "2019"}, datetime(2019, 12, 31, tzinfo=UTC), None),
        ({"onsetString": "last week"}, None, None),
        ({}, None, None),
    ],
)
def test_onset_and_recording_are_read_separately(
    members: dict[str, Any], onset: datetime | None, recorded: datetime | None
) -> None:
    (entry,) = problems(condition(**members))[0].items
    assert (entry.onset, entry.recorded) == (onset, recorded)
    assert (entry.source, entry.name) == ("Condition/x", "Torsades")


@pytest.mark.parametrize("code", [None, {"text": "heart block"}, {"coding": [{"code": "1"}]}, {}])
def test_a_problem_without_a_readable_code_makes_absence_unprovable(code: Any) -> None:
    listing, lines = problems(condition(code=code), condition(id="y"))
    assert len(listing.items) == 1
    assert listing.gap == "1 entry of `problems` could not be read"
    assert lines == ("Condition/x: has no readable code",)


def test_a_resolved_problem_without_a_code_is_no_gap() -> None:
    listing, _ = problems(condition(code=None, clinicalStatus=status("resolved")))
    assert listing.gap == ""


def test_unreadable_and_broken_entries_are_counted_together() -> None:
    listing, lines = problems(condition(code=7), condition(id="y"), broken=1)
    assert listing.gap == "2 entries of `problems` could not be read"
    assert lines == ("Condition/x: could not be read",)


def test_a_problem_of_another_patient_is_left_out_and_named() -> None:
    listing, lines = problems(condition(subject={"reference": "Patient/p2"}))
    assert (listing.items, listing.gap) == ((), "")
    assert lines == ("Condition/x: belongs to another patient",)


def test_a_list_nobody_supplied_or_a_cut_page_stays_so() -> None:
    missing, _ = problems(supplied=False, gap="`problems` was not supplied")
    assert (missing.supplied, missing.gap) == (False, "`problems` was not supplied")
    cut, _ = problems(condition(), gap="more pages of `problems` exist", broken=1)
    assert cut.gap == "more pages of `problems` exist"


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("completed", True),
        ("in-progress", True),
        ("not-done", False),
        ("preparation", False),
        ("entered-in-error", False),
        ("stopped", False),
        (None, False),
    ],
)
def test_a_procedure_counts_when_it_took_place(word: str | None, kept: bool) -> None:
    listing, lines = procedures(procedure(status=word))
    assert (len(listing.items), listing.gap, lines) == (int(kept), "", ())


@pytest.mark.parametrize(
    ("members", "performed"),
    [
        ({"performedDateTime": "2026-11-20"}, datetime(2026, 11, 20, tzinfo=UTC)),
        (
            {"performedPeriod": {"start": "2026-11-01", "end": "2026-11-20"}},
            datetime(2026, 11, 20, tzinfo=UTC),
        ),
        ({"performedPeriod": {"start": "2026-11-01"}}, datetime(2026, 11, 1, tzinfo=UTC)),
        ({"performedPeriod": {"start": "2026-10-01"}, "status": "in-progress"}, NOW),
        ({"performedString": "often"}, None),
    ],
)
def test_a_procedure_is_dated_by_its_latest_moment(
    members: dict[str, Any], performed: datetime | None
) -> None:
    (entry,) = procedures(procedure(**members))[0].items
    assert (entry.performed, entry.concepts, entry.name) == (
        performed,
        {"dialysis"},
        "Hemodialysis",
    )


def test_procedures_of_no_interest_are_passed_over_without_a_gap() -> None:
    other = {"coding": [{"system": SNOMED, "code": "80146002"}]}
    listing, lines = procedures(procedure(code=other))
    assert (listing.items, listing.gap, lines) == ((), "", ())


@pytest.mark.parametrize(
    ("members", "gap", "why"),
    [
        ({"code": {"text": "dialysis"}}, True, "has no readable code"),
        ({"status": 7}, True, "could not be read"),
        ({"subject": {"reference": "Patient/p2"}}, False, "belongs to another patient"),
    ],
)
def test_procedures_that_cannot_be_used_are_named(
    members: dict[str, Any], gap: bool, why: str
) -> None:
    listing, lines = procedures(procedure(**members))
    assert (bool(listing.gap), listing.items, lines) == (gap, (), (f"Procedure/x: {why}",))


@pytest.mark.parametrize(
    ("members", "elsewhere"),
    [
        ({"encounter": {"reference": "Encounter/past"}}, True),
        ({"encounter": {"reference": "Encounter/now"}}, False),
        ({}, False),
        ({"clinicalStatus": status("active"), "encounter": {"reference": "Encounter/past"}}, False),
    ],
)
def test_a_diagnosis_of_another_stay_without_a_status_is_told_from_a_present_one(
    members: dict[str, Any], elsewhere: bool
) -> None:
    one = supplied("problems", (condition(**members),))
    listing, _ = read_problems(one, TERMS, NOW, "p1", "now")
    assert [entry.of_another_stay for entry in listing.items] == [elsewhere]
