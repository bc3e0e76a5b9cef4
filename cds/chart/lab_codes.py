"""What the code of an Observation says: which of our analytes it is about, if any.

A laboratory has few codes for all its patients, so what one says is remembered under its bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from cds.chart.lab_remarks import is_foreign
from cds.facts.model import Reason
from cds.facts.terminology import LabCode, Terminology
from cds.fhir.datatypes import CodeableConcept
from cds.fhir.raw import sent
from cds.kernel.codes import LOINC, Coding, Loinc
from cds.kernel.units import Analyte

MOST = 1024  # codes
LONGEST = 1000  # bytes of one; a longer one is read every time

_concept = msgspec.json.Decoder(CodeableConcept)


@dataclass(frozen=True, slots=True)
class Match:
    """The codes of one Observation that are in our table, as one analyte.

    `properties` are the kinds of unit these codes expect, `flags` their remarks.
    """

    analyte: Analyte
    loinc: Loinc | None
    refused: Reason | None
    properties: frozenset[str]
    flags: tuple[str, ...]
    pre_dialysis: bool


@dataclass(frozen=True, slots=True)
class Coded:
    """`foreign`: the words of the code name a specimen that is no blood."""

    matches: tuple[Match, ...] = ()
    foreign: bool = False


_NO_CODE = Coded()
_known: dict[bytes, tuple[Terminology, Coded]] = {}


def read_code(raw: msgspec.Raw, terms: Terminology) -> Coded:
    """What a raw CodeableConcept says. Raises one of UNDECODABLE where it is none."""
    text = sent(raw)
    if not text:
        return _NO_CODE
    known = _known.get(text)
    if known is not None and known[0] is terms:
        return known[1]
    concept = _concept.decode(text)
    found = Coded(matches_of(concept, terms), _is_foreign(concept))
    if len(text) <= LONGEST:
        if len(_known) >= MOST:
            _known.clear()
        _known[text] = terms, found
    return found


def _is_foreign(concept: CodeableConcept) -> bool:
    texts = [concept.text or "", *(coding.display or "" for coding in concept.coding)]
    return any(is_foreign(text) for text in texts)


def matches_of(concept: CodeableConcept | None, terms: Terminology) -> tuple[Match, ...]:
    """One match per analyte. Any coding may match; a refused one refuses them all, and codes of
    two analytes make the result unreadable for both."""
    codings = concept.codings() if concept else ()
    found = [(coding, code) for coding in codings if (code := terms.labs.get(coding)) is not None]
    refused = next((code.refused for _, code in found if code.refused), None)
    wanted = [(coding, code) for coding, code in found if code.refused is None] or found
    analytes = tuple(dict.fromkeys(code.analyte for _, code in wanted))
    if len(analytes) > 1 and refused is None:
        refused = Reason.UNREADABLE
    return tuple([_match(analyte, wanted, refused) for analyte in analytes])


def _match(
    analyte: Analyte, found: Iterable[tuple[Coding, LabCode]], refused: Reason | None
) -> Match:
    own = [(coding, code) for coding, code in found if code.analyte is analyte]
    return Match(
        analyte,
        next((Loinc(coding.code) for coding, _ in own if coding.system == LOINC), None),
        refused,
        frozenset(code.property for _, code in own),
        tuple(dict.fromkeys([code.flag for _, code in own if code.flag])),
        any(code.pre_dialysis for _, code in own),
    )
