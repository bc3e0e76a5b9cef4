"""Problems, procedures and allergens: which code means what, and what must not be taken for it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from cds.facts.terminology import Terminology
from cds.kernel.codes import ATC, ICD10, RXNORM, SNOMED, Coding
from cds.rulebook.codesets import load_terminology


@cache
def terms() -> Terminology:
    return load_terminology(Path(__file__).parents[2] / "rules" / "code_sets")


def meant(system: str, code: str) -> set[str]:
    """What a problem with this code is taken for: its own row, and the families it belongs to."""
    exact = terms().problems.get(Coding(system, code), frozenset())
    families = terms().problem_prefixes
    return exact | {
        name for known, stem, name in families if known == system and code.startswith(stem)
    }


@pytest.mark.parametrize(
    ("concept", "snomed", "icd"),
    [
        ("hypomagnesemia", "190855004", "E83.42"),
        ("hypokalemia", "43339004", "E87.6"),
        ("hypocalcemia", "5291005", "E83.51"),
        ("hypermagnesemia", "66978005", "E83.41"),
        ("hyperkalemia", "14140009", "E87.5"),
        ("sepsis", "91302008 76571007", "A40.3 A41.9 R65.20 R65.21"),
        ("septic-shock", "76571007", "R65.21"),
        ("covid-19", "840539006", "U07.1"),
        ("sle", "55464009", "M32.9 M32.14"),
        ("leukopenia", "84828003", "D72.819"),
        ("torsades-de-pointes", "31722008 426882006", "I47.21"),
        ("ventricular-tachycardia", "25569003", "I47.20"),
        ("ventricular-fibrillation", "71908006", "I49.01"),
        ("ventricular-arrhythmia", "44103008", ""),
        ("long-qt", "9651007 442917000 111975006", "I45.81"),
        ("cardiac-arrest", "410429000", "I46.9"),
        ("seizure", "91175000", "R56.9"),
        ("epilepsy", "128613002 84757009", "G40.909"),
        ("tetany", "", "R29.0"),
        ("atrial-fibrillation", "49436004", "I48.91"),
        ("heart-failure", "84114007 42343007", "I50.9"),
        ("myocardial-infarction", "22298006 57054005", "I21.9 I22.0"),
        ("myasthenia-gravis", "91637004", "G70.00 G70.01"),
        ("complete-av-block", "27885002", "I44.2"),
        ("second-degree-av-block", "195042002", "I44.1"),
        ("first-degree-av-block", "270492004", "I44.0"),
        ("heart-block-unspecified", "233916004 233917008", "I45.9 I44.30"),
        ("pacemaker", "441509002", "Z95.0"),
        ("pregnancy", "77386006", "Z33.1 Z34.90 O09.90 O99.89 O14.90"),
        ("pre-eclampsia", "398254007 46764007", "O14.90 O14.10"),
        ("eclampsia", "15938005", "O15.9"),
        ("malabsorption", "32230006 26629001", "K90.9 K91.2"),
        ("short-bowel", "26629001", "K90.829"),
        ("crohn", "34000006", "K50.90"),
        ("chronic-diarrhea", "236071009", "R19.7 K52.9"),
        ("ileus", "710572000 55525008", "K56.0 K56.7"),
        ("bowel-obstruction", "81060008", "K56.50 K56.609 K91.30"),
        ("dysphagia", "40739000", "R13.10"),
        ("esophageal-stricture", "", "K22.2"),
        ("gastroparesis", "235675006", "K31.84"),
        ("aki", "14669001", "N17.9"),
        ("ckd", "709044004 433144002 431857002 433146000 46177005", "N18.9 N18.32 N18.6"),
        ("ckd-3", "433144002", "N18.30 N18.31 N18.32"),
        ("ckd-4", "431857002", "N18.4"),
        ("ckd-5", "433146000", "N18.5"),
        ("esrd", "46177005", "N18.6"),
        ("dialysis", "105502003", "Z99.2"),
        ("kidney-transplant", "161665007 737295003", "Z94.0"),
        ("diabetes", "73211009 44054006 46635009", "E11.9 E10.9"),
        (
            "dka",
            "420422005 420270002 421750000 111556005 26298008 421075007 421847006",
            "E10.10 E11.10 E13.10 E08.10 E09.11",
        ),
        (
            "hhs",  # the stop of R10 names the coma codes with it
            "422126006 420662003 190330002 190331003 735537007",
            "E11.00 E11.01 E13.01 E08.00 E09.01",
        ),
        ("alcohol-use-disorder", "66590003 1336085007 7200002 15167005", "F10.20 F10.10 F10.230"),
        ("malnutrition", "272588001", "E43 E46"),
        ("hungry-bone", "", "E83.81"),
        ("bartter", "", "E26.81"),
    ],
)
def test_a_problem_code_names_its_concept(concept: str, snomed: str, icd: str) -> None:
    codes = [(SNOMED, code) for code in snomed.split()] + [(ICD10, code) for code in icd.split()]
    assert [code for system, code in codes if concept not in meant(system, code)] == []


@pytest.mark.parametrize(
    ("system", "code", "concepts"),
    [
        (SNOMED, "49436004", {"atrial-fibrillation"}),  # no QT arrhythmia, no ventricular one
        (ICD10, "I48.91", {"atrial-fibrillation"}),
        (ICD10, "I48.0", set()),
        (ICD10, "I47.10", set()),  # supraventricular
        (ICD10, "I49.9", set()),  # says only arrhythmia
        (ICD10, "R94.31", set()),  # says only that the ECG is abnormal
        (SNOMED, "84757009", {"epilepsy"}),  # chronic, no seizure
        (SNOMED, "128613002", {"epilepsy"}),
        (ICD10, "G40.909", {"epilepsy"}),
        (SNOMED, "270492004", {"first-degree-av-block"}),  # caution, no stop
        (ICD10, "I44.0", {"first-degree-av-block"}),
        (SNOMED, "414795007", set()),  # ischemia is no infarction
        (SNOMED, "414545008", set()),
        (ICD10, "I25.2", set()),  # old infarct
        (ICD10, "I25.9", set()),
        (ICD10, "I20.9", set()),
        (ICD10, "P71.2", set()),  # the newborn's hypomagnesemia
        (ICD10, "U09.9", set()),  # after COVID-19
        (ICD10, "F10.21", set()),  # in remission
        (SNOMED, "302866003", set()),  # hypoglycemia
        (SNOMED, "421725003", set()),  # hypoglycemic coma
        (ICD10, "E11.641", {"diabetes"}),
        (SNOMED, "735538002", set()),  # lactic acidosis
        (ICD10, "E10.9", {"diabetes"}),
        (ICD10, "E11.10", {"diabetes", "dka"}),
        (ICD10, "E11.01", {"diabetes", "hhs"}),
        (SNOMED, "2492009", set()),  # the sources disagree on its meaning
        (ICD10, "N18.32", {"ckd", "ckd-3"}),
        (ICD10, "N17.9", {"aki"}),
        (ICD10, "Z94.0", {"kidney-transplant"}),
        (ICD10, "G70.01", {"myasthenia-gravis"}),
        (ICD10, "G70.2", set()),
        (ICD10, "O14.90", {"pregnancy", "pre-eclampsia"}),
        (ICD10, "E87.8", set()),  # no code of its own for refeeding
    ],
)
def test_a_problem_code_means_this_and_no_more(system: str, code: str, concepts: set[str]) -> None:
    assert meant(system, code) == concepts


@pytest.mark.parametrize(
    ("concept", "codes"),
    [
        ("dialysis", {"302497006", "71192002", "714749008", "265764009", "108241001"}),
        ("crrt", {"714749008"}),
        ("hemodialysis", {"302497006"}),
        ("peritoneal-dialysis", {"71192002"}),
        ("kidney-transplant", {"70536003"}),
    ],
)
def test_a_procedure_is_told_by_these_codes_and_no_other(concept: str, codes: set[str]) -> None:
    assert {c.code for c, names in terms().procedures.items() if concept in names} == codes


@pytest.mark.parametrize(
    ("system", "code", "substance"),
    [
        (RXNORM, "6574", "magnesium"),
        (RXNORM, "6585", "magnesium sulfate"),
        (RXNORM, "829757", "magnesium sulfate"),
        (RXNORM, "1658221", "magnesium sulfate"),
        (RXNORM, "198741", "magnesium oxide"),
        (RXNORM, "253017", "magnesium hydroxide"),
        (RXNORM, "1052760", "magnesium citrate"),
        (RXNORM, "8591", "potassium chloride"),
        (RXNORM, "1801294", "potassium chloride"),
        (ATC, "A12BA01", "potassium chloride"),
        (ATC, "B05XA05", "magnesium sulfate"),
    ],
)
def test_an_allergy_to_one_salt_is_an_allergy_to_its_metal(
    system: str, code: str, substance: str
) -> None:
    metal = substance.split()[0]
    assert {metal, substance} <= terms().allergens[Coding(system, code)]


@pytest.mark.parametrize("code", ["10180", "7646", "7980"])
def test_sulfonamides_and_counter_ions_are_no_allergy_to_a_salt(code: str) -> None:
    assert Coding(RXNORM, code) not in terms().allergens
