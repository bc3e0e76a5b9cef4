"""The laboratory codes of the clinical pack: which are read and which are refused, all of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from cds.facts.model import Reason
from cds.facts.terminology import LabCode, Terminology
from cds.kernel.codes import LOINC, Coding
from cds.kernel.units import Analyte
from cds.rulebook.codesets import load_terminology

MATCH = {
    Analyte.MAGNESIUM: "19123-9 2601-3 35249-2",
    Analyte.POTASSIUM: (
        "2823-3 6298-4 77142-8 39789-3 32713-0 41656-0 39790-1 22760-3 75940-7 42569-4 51618-7"
    ),
    Analyte.CALCIUM: "17861-6 2000-8 35246-8",
    Analyte.CALCIUM_CORRECTED: "29265-6 46099-8",
    Analyte.CALCIUM_IONIZED: (
        "1995-0 12180-6 1994-3 47596-2 34581-9 41645-3 41646-1 41644-6 17863-2 17864-0"
    ),
    Analyte.CREATININE: "2160-0 14682-9 38483-4 59826-8 77140-2 21232-4 35203-9 11042-9",
    Analyte.ALBUMIN: "1751-7 61151-7 61152-5 77148-5",
    Analyte.PHOSPHATE: "2777-1 14879-1 24519-1",
    Analyte.EGFR: (
        "98979-8 98980-6 62238-1 94677-2 50210-4 77147-7 33914-3 69405-9 88293-6 88294-4"
        " 48643-1 48642-3 50044-7 70969-1"
    ),
    Analyte.CRCL: "35591-7 2164-2",
    Analyte.WBC: "6690-2 26464-8 804-5 33256-9",
    Analyte.QTC: "8636-3",
    Analyte.WEIGHT: "29463-7",
    Analyte.HEIGHT: "8302-2",
}
WRONG_SPECIMEN = {
    Analyte.MAGNESIUM: (
        "21377-7 2593-2 109594-2 26746-8 27122-1 2597-3 19124-7 2598-1 32024-2 25954-9 30922-9"
        " 57367-5 74696-6 13474-2 33950-7 56956-6 29365-4 2596-5 29364-7 2594-0 42616-3 2595-7"
        " 30536-7 55938-5 9478-9 32329-5 29911-5 17235-3"
    ),
    Analyte.POTASSIUM: "2828-2 21476-7 2821-7 2819-1 2824-1 2820-9 32336-0 30549-0",
    Analyte.CALCIUM: "17862-4",
    Analyte.CALCIUM_IONIZED: "83064-6",
    Analyte.CREATININE: "2161-8 2162-6 14683-7 12190-5 5919-6 14399-0 2159-2",
    Analyte.PHOSPHATE: "2778-9",
    Analyte.WBC: "5821-4",
}
NOT_APPLICABLE = {
    Analyte.MAGNESIUM: "55937-7 65362-6 108834-3 11554-3 2600-5 32698-3 73572-0 73573-8",
    Analyte.POTASSIUM: "29349-8",
    Analyte.CALCIUM: "59148-7 51950-4",
    Analyte.CALCIUM_CORRECTED: "18281-6",
    Analyte.CALCIUM_IONIZED: "19072-8 47598-8 13959-2 42567-8",
    Analyte.CREATININE: "11041-1 51620-3",
    Analyte.EGFR: "97952-6",
    Analyte.QTC: "8634-8",
}
MATCH_WITH_FLAG = (
    "35249-2 39790-1 22760-3 75940-7 42569-4 51618-7 35246-8 29265-6 46099-8 35203-9 11042-9"
    " 24519-1 77147-7 33914-3 69405-9 88293-6 88294-4 48643-1 48642-3 50044-7 70969-1 2164-2"
)


@cache
def terms() -> Terminology:
    return load_terminology(Path(__file__).parents[2] / "rules" / "code_sets")


def lab(code: str) -> LabCode:
    return terms().labs[Coding(LOINC, code)]


def codes(analyte: Analyte, refused: Reason | None) -> set[str]:
    found = terms().labs.items()
    return {c.code for c, lab in found if (lab.analyte, lab.refused) == (analyte, refused)}


@pytest.mark.parametrize("analyte", MATCH, ids=lambda analyte: analyte.name)
def test_an_analyte_is_read_from_these_codes_and_no_other(analyte: Analyte) -> None:
    assert codes(analyte, None) == set(MATCH[analyte].split())


@pytest.mark.parametrize("analyte", MATCH, ids=lambda analyte: analyte.name)
def test_urine_whole_blood_and_other_specimens_are_set_aside_by_name(analyte: Analyte) -> None:
    assert codes(analyte, Reason.WRONG_SPECIMEN) == set(WRONG_SPECIMEN.get(analyte, "").split())


@pytest.mark.parametrize("analyte", MATCH, ids=lambda analyte: analyte.name)
def test_another_quantity_is_set_aside_by_name(analyte: Analyte) -> None:
    """Ionized for total, after dialysis, corrected for protein, deprecated, uncorrected QT."""
    assert codes(analyte, Reason.NOT_APPLICABLE) == set(NOT_APPLICABLE.get(analyte, "").split())


@pytest.mark.parametrize("code", ["2600-5", "32698-3", "73572-0", "73573-8"])
def test_ionized_magnesium_never_stands_for_total_magnesium(code: str) -> None:
    assert lab(code).refused is Reason.NOT_APPLICABLE
    assert "ionized" in lab(code).flag.lower()


def test_a_code_the_pack_marks_is_read_with_a_remark_and_every_other_without() -> None:
    read = ((c.code, found) for c, found in terms().labs.items() if found.refused is None)
    assert {code for code, found in read if found.flag} == set(MATCH_WITH_FLAG.split())


def test_every_refusal_says_why() -> None:
    refused = [found for found in terms().labs.values() if found.refused is not None]
    assert [found for found in refused if not found.flag] == []


def test_pre_dialysis_codes_mark_a_dialysis_patient() -> None:
    marked = {coding.code for coding, found in terms().labs.items() if found.pre_dialysis}
    assert marked == {"51618-7", "11042-9"}


@pytest.mark.parametrize("code", ["35249-2", "42569-4", "35246-8", "35203-9"])
def test_an_ambiguous_property_leaves_the_decision_to_the_unit(code: str) -> None:
    assert lab(code).property == ""
    assert lab(code).flag


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("19123-9", "mass"),
        ("2601-3", "substance"),
        ("22760-3", "mass"),
        ("2823-3", "substance"),
        ("17861-6", "mass"),
        ("2000-8", "substance"),
        ("17863-2", "mass"),
        ("1994-3", "substance"),
        ("2160-0", "mass"),
        ("14682-9", "substance"),
        ("2777-1", "mass"),
        ("14879-1", "substance"),
    ],
)
def test_a_code_says_whether_it_is_mass_or_substance(code: str, kind: str) -> None:
    assert lab(code).property == kind
