import json
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from cds.chart.patient import read_person
from cds.errors import BadRequest
from cds.facts.record import Person
from cds.fhir.bundle import RawResource, Supplied

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def person(**members: Any) -> Person:
    resource = {"resourceType": "Patient", "id": "p1", **members}
    raw = RawResource("Patient", "p1", "", msgspec.Raw(json.dumps(resource).encode()))
    return read_person(Supplied("patient", (raw,)), NOW)


def test_birth_date_and_sex_are_read() -> None:
    found = person(gender="female", birthDate="1951-08-09", name=[{"family": "Okonjo"}])
    assert found == Person("Patient/p1", date(1951, 8, 9), "female")


@pytest.mark.parametrize("gender", ["other", "unknown", "F", "Female", "", None])
def test_any_other_gender_is_no_sex_and_flagged(gender: str | None) -> None:
    found = person(gender=gender, birthDate="1951-08-09")
    assert (found.sex, found.flags) == ("", ("sex not stated as male or female",))


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        (None, "birth date not stated"),
        ("", "birth date not stated"),
        ("in 1951", "birth date not readable"),
        ("1951-13-01", "birth date not readable"),
        ("1951", "birth date incomplete"),
        ("1951-08", "birth date incomplete"),
        ("2026-11-22", "birth date in the future"),
        ("1905-11-21", "birth date more than 120 years ago"),
        ("0001-01-01", "birth date more than 120 years ago"),
    ],
)
def test_a_birth_date_that_gives_no_certain_age_is_unknown_and_flagged(
    text: str | None, flag: str
) -> None:
    found = person(gender="male", birthDate=text)
    assert (found.birth, found.flags) == (None, (flag,))


@pytest.mark.parametrize("text", ["2026-11-21", "1905-11-22", "1980-02-29T23:00:00-05:00"])
def test_the_oldest_and_the_youngest_are_known(text: str) -> None:
    found = person(gender="male", birthDate=text)
    assert (found.birth, found.flags) == (date.fromisoformat(text[:10]), ())


def test_a_patient_that_does_not_decode_is_a_bad_request_without_values() -> None:
    with pytest.raises(BadRequest) as raised:
        person(gender=["female"])
    assert (raised.value.status, raised.value.where) == (400, "prefetch.patient")
    assert "female" not in str(raised.value)
