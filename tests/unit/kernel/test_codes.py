"""One URI per code system, however a client spells it."""

from __future__ import annotations

import pytest

from cds.kernel import codes


@pytest.mark.parametrize(
    ("spelled", "system"),
    [
        ("http://loinc.org", codes.LOINC),
        ("urn:oid:2.16.840.1.113883.6.1", codes.LOINC),
        ("urn:oid:2.16.840.1.113883.6.88", codes.RXNORM),
        ("urn:oid:2.16.840.1.113883.6.73", codes.ATC),
        ("https://www.whocc.no/atc", codes.ATC),
        ("urn:oid:2.16.840.1.113883.6.96", codes.SNOMED),
        ("urn:oid:2.16.840.1.113883.6.90", codes.ICD10),
        ("http://hl7.org/fhir/sid/icd-10", codes.ICD10),
        ("http://local.example/codes", "http://local.example/codes"),
    ],
)
def test_spellings_of_one_system_are_folded(spelled: str, system: str) -> None:
    assert codes.system_of(spelled) == system
