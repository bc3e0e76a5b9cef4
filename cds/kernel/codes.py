"""One type per code system, so that a LOINC code cannot meet an RxNorm column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

Loinc = NewType("Loinc", str)
RxNorm = NewType("RxNorm", str)
Atc = NewType("Atc", str)
Snomed = NewType("Snomed", str)
Icd10 = NewType("Icd10", str)


@dataclass(frozen=True, slots=True)
class Coding:
    """A code with the URI of its system, as received (after OID spelling is folded)."""

    system: str
    code: str


LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
SNOMED = "http://snomed.info/sct"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"

# Spellings of the same system seen in the field (Epic sends OIDs; some servers drop `-cm`).
SYSTEM_ALIASES = {
    "urn:oid:2.16.840.1.113883.6.1": LOINC,
    "urn:oid:2.16.840.1.113883.6.88": RXNORM,
    "urn:oid:2.16.840.1.113883.6.73": ATC,
    "urn:oid:2.16.840.1.113883.6.96": SNOMED,
    "urn:oid:2.16.840.1.113883.6.90": ICD10,
    "http://hl7.org/fhir/sid/icd-10": ICD10,
    "https://www.whocc.no/atc": ATC,
}


def system_of(uri: str) -> str:
    """The canonical URI of a code system."""
    return SYSTEM_ALIASES.get(uri, uri)
