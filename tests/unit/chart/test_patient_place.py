import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from cds.chart.place import read_place
from cds.facts.record import Place, Setting
from cds.fhir.bundle import RawResource, Supplied

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
NOT_KNOWN = Place(Setting.INPATIENT, known=False)
ICU = {
    "resourceType": "Location",
    "id": "icu",
    "type": [{"coding": [{"system": ROLE, "code": "ICU"}]}],
}
WARD = {
    "resourceType": "Location",
    "id": "ward",
    "type": [{"coding": [{"system": ROLE, "code": "HU"}]}],
}


def encounter(**members: Any) -> dict[str, Any]:
    resource = {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "in-progress",
        "class": {"system": ACT, "code": "IMP"},
        "subject": {"reference": "Patient/p1"},
        **members,
    }
    return {key: value for key, value in resource.items() if value is not None}


def raw(resource: dict[str, Any], url: str = "") -> RawResource:
    kind, own = resource["resourceType"], resource["id"]
    return RawResource(kind, own, url, msgspec.Raw(json.dumps(resource).encode()))


def place(*resources: Any, encounter_id: str | None = "e1") -> tuple[Place, tuple[str, ...]]:
    entries = tuple(item if isinstance(item, RawResource) else raw(item) for item in resources)
    return read_place(encounter_id, Supplied("encounter", entries), NOW, "p1")


def setting(**members: Any) -> Place:
    return place(encounter(**members))[0]


@pytest.mark.parametrize("encounter_id", [None, ""])
def test_without_an_encounter_the_setting_is_outpatient(encounter_id: str | None) -> None:
    assert place(encounter(), encounter_id=encounter_id) == (Place(Setting.OUTPATIENT), ())


@pytest.mark.parametrize("code", ["IMP", "ACUTE", "NONAC", "SS", "OBSENC", "EMER"])
@pytest.mark.parametrize("status", ["arrived", "triaged", "in-progress", "onleave"])
def test_a_current_stay_is_inpatient(code: str, status: str) -> None:
    found = setting(**{"class": {"system": ACT, "code": code}, "status": status})
    assert found == Place(Setting.INPATIENT, source="Encounter/e1")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AMB", "in-progress"),
        ("HH", "in-progress"),
        ("VR", "arrived"),
        ("IMP", "finished"),
        ("IMP", "planned"),
        ("IMP", "cancelled"),
    ],
)
def test_any_other_class_or_status_is_outpatient(code: str, status: str) -> None:
    found = setting(**{"class": {"system": ACT, "code": code}, "status": status})
    assert found == Place(Setting.OUTPATIENT, source="Encounter/e1")


@pytest.mark.parametrize(
    "value",
    [
        {"code": "IMP"},
        {"coding": [{"system": ACT, "code": "IMP"}]},
        [{"coding": [{"system": "urn:local", "code": "7"}, {"system": ACT, "code": "IMP"}]}],
        [{"system": ACT, "code": "imp"}],
    ],
)
def test_the_class_may_be_a_coding_an_object_or_a_list(value: Any) -> None:
    assert setting(**{"class": value}).setting is Setting.INPATIENT


@pytest.mark.parametrize(
    "members",
    [
        {"class": None},
        {"class": 7},
        {"class": "inpatient"},
        {"class": [7]},
        {"class": {"system": "urn:local", "code": "13"}},
        {"class": {"coding": [{}]}},
        {"status": None},
        {"status": "unknown"},
        {"status": "entered-in-error"},
    ],
)
def test_a_class_or_status_we_cannot_read_is_not_known(members: dict[str, Any]) -> None:
    found, lines = place(encounter(**members))
    assert found == NOT_KNOWN
    assert lines == ("Encounter/e1: class or status could not be read",)


@pytest.mark.parametrize(
    ("resources", "lines"),
    [
        ((), ()),
        ((encounter(id="e2"),), ("Encounter/e2: is not the encounter of the context",)),
        (
            (encounter(subject={"reference": "Patient/p2"}),),
            ("Encounter/e1: belongs to another patient",),
        ),
        ((encounter(status=7),), ("Encounter/e1: could not be read",)),
        ((WARD,), ()),
    ],
    ids=["nothing", "another encounter", "another patient", "unreadable", "no encounter"],
)
def test_an_encounter_named_but_not_readable_is_inpatient_and_not_known(
    resources: Any, lines: tuple[str, ...]
) -> None:
    assert place(*resources) == (NOT_KNOWN, lines)


def test_a_key_that_was_not_supplied_is_not_known() -> None:
    supplied = Supplied("encounter", gap="`encounter` was not supplied", supplied=False)
    assert read_place("e1", supplied, NOW, "p1") == (NOT_KNOWN, ())


def test_the_right_one_of_several_encounters_is_taken() -> None:
    found, lines = place(encounter(id="e0", status="finished"), encounter())
    assert found.source == "Encounter/e1"
    assert lines == ("Encounter/e0: is not the encounter of the context",)


def test_a_typed_encounter_id_names_the_same_encounter() -> None:
    assert place(encounter(), encounter_id="Encounter/e1")[0].known


def stay(reference: str = "#icu", **members: Any) -> dict[str, Any]:
    return {"location": {"reference": reference}, **members}


@pytest.mark.parametrize(
    ("found", "icu"),
    [
        (stay(), True),
        (stay(status="active"), True),
        (stay(period={"start": "2026-11-21T08:00:00Z"}), True),
        (stay(period={"end": "2026-11-22T08:00:00Z"}), True),
        (stay(status="completed"), False),
        (stay(status="planned"), False),
        (stay(period={"end": "2026-11-21T08:00:00Z"}), False),
        (stay(period={"end": "soon"}), False),
        (stay(period={"start": "2026-11-22T08:00:00Z"}), False),
        (stay("#ward"), False),
        (stay("#elsewhere"), False),
        (stay("Location/elsewhere"), False),
        ({"status": "active"}, False),
    ],
)
def test_intensive_care_is_a_current_location_of_that_type(found: Any, icu: bool) -> None:
    assert setting(contained=[WARD, ICU], location=[stay("#ward"), found]).icu is icu


@pytest.mark.parametrize(
    "reference", ["Location/icu", "https://x.example/fhir/Location/icu", "urn:uuid:9"]
)
def test_the_location_may_stand_in_the_bundle(reference: str) -> None:
    found, _ = place(encounter(location=[stay(reference)]), raw(ICU, "urn:uuid:9"))
    assert found.icu


@pytest.mark.parametrize(
    "location",
    [
        {**ICU, "type": [{"coding": [{"system": "urn:local", "code": "ICU"}]}]},
        {**ICU, "type": [{"text": "ICU"}]},
        {**ICU, "type": "ICU"},
        {"resourceType": "Location", "id": "icu"},
    ],
)
def test_other_words_for_intensive_care_do_not_count(location: dict[str, Any]) -> None:
    assert not setting(contained=[location], location=[stay()]).icu


def test_an_outpatient_is_never_in_intensive_care() -> None:
    found = setting(contained=[ICU], location=[stay()], status="finished")
    assert found == Place(Setting.OUTPATIENT, source="Encounter/e1")
