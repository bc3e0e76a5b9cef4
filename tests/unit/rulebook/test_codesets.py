"""The code-set loader refuses what would make a code mean two things, and lists every problem."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cds.errors import Problem, RulebookError
from cds.kernel.codes import ATC, RXNORM, Coding
from cds.rulebook.codesets import load_terminology

SHIPPED = Path(__file__).parents[3] / "rules" / "code_sets"


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "code_sets"))


def problems(directory: Path) -> tuple[Problem, ...]:
    with pytest.raises(RulebookError) as caught:
        load_terminology(directory)
    return caught.value.problems


def change(directory: Path, name: str, old: str, new: str) -> None:
    path = directory / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_shipped_code_sets_load(sets: Path) -> None:
    assert load_terminology(sets).labs


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("labs", "  magnesium:\n", "  magnesum:\n", "`magnesum` is not an analyte"),
        ("labs", "2601-3 |", "19123-9 |", "`19123-9` stands here twice"),
        ("labs", "19123-9 |", "19123 |", "`19123` is not a LOINC code"),
        ("labs", "| mass | - | - |", "| weight | - | - |", "`weight` is not a property"),
        ("labs", "| wrong specimen |", "| urine |", "`urine` is not a reason"),
        ("labs", "date: 2026-11-22", "since: 2026", "`date` is missing"),
        ("drugs", "roles: loop-diuretic", "roles: loop-diuretc", "`loop-diuretc` is not a role"),
        ("drugs", "      4603 | Furosemide | - |", "      4603 | Furosemide |", "row of 3 cells"),
        ("drugs", "| Furosemide | - |", "| Furosemide | nasal |", "names a form"),
        ("drugs", "atc: C03CA02", "atc: C03CA01", "`C03CA01` stands here twice"),
        ("drugs", "    atc: C03CA01", "    act: C03CA01", "`act` is not a member of a drug"),
        ("products", '"829757":', '"4603":', "not a code of `magnesium sulfate`"),
        ("products", "per_unit: 1 g", "per_unit: 1", "is not an amount of a dose"),
        ("products", "millilitres: 100", "millilitres: -100", "not a positive number"),
        ("products", "suggestable: true", "suggestable: maybe", "must be true or false"),
        ("problems", "snomed 190855004 |", "snomde 190855004 |", "is not a system and a code"),
        ("problems", "  septic-shock: [sepsis]", "  shock: [sepsis]", "`shock` is not a concept"),
        (
            "problems",
            "| Hypomagnesemia | icd",
            "| Hypomagnesemia | hearsay",
            "`hearsay` is not declared",
        ),
        ("allergens", "concepts:\n", "concepts:\n  magnesium: x\n", "stands here twice"),
        (
            "problems",
            "icd10 I45.81 | Long QT syndrome | icd\n",
            "icd10 I45.81 | Long QT syndrome | icd\n    icd10 R94.31 | Abnormal ECG | icd\n",
            "`R94.31` must not mean `long-qt`, and this file says it does.",
        ),
        (
            "problems",
            "icd10 R56.9 | Unspecified convulsions | icd\n",
            "icd10 R56.9 | Convulsions | icd\n    icd10 G40.9* | Epilepsy | icd\n",
            "`G40*` must not mean `seizure`",
        ),
        (
            "drugs",
            "      5640 | Ibuprofen",
            "      1191 | Aspirin | - | pack\n      5640 | Ibuprofen",
            "`1191` must not mean `nsaid`",
        ),
        (
            "drugs",
            "  potassium chloride:\n    roles: k-replacement\n",
            "  potassium chloride:\n    roles: k-replacement k-concentrate\n",
            "`8591` must not mean `k-concentrate`",
        ),
        ("drugs", "  k-concentrate: |\n    rxnorm", "  k-conc: |\n    rxnorm", "`k-conc` is not a"),
        ("products", "204520 | potassium chloride 2", "829757 | bag of", "`829757` is suggestable"),
        ("drugs", "beyond_pack: kphos", "beyond_pack: hearsay", "`hearsay` is not declared"),
    ],
)
def test_a_mistake_is_refused_with_its_file_and_line(
    sets: Path, name: str, old: str, new: str, message: str
) -> None:
    change(sets, name, old, new)
    found = [problem for problem in problems(sets) if message in problem.message]
    assert found
    assert found[0].file == f"code_sets/{name}.yaml"
    assert found[0].line >= 1


def test_the_line_of_a_row_is_the_line_of_the_file(sets: Path) -> None:
    change(sets, "labs", "2601-3 |", "19123-9 |")
    line = next(p.line for p in problems(sets) if "stands here twice" in p.message)
    text = (sets / "labs.yaml").read_text(encoding="utf-8").splitlines()
    assert "Magnesium [Moles/volume] in Serum or Plasma" in text[line - 1]


def test_problems_of_several_files_are_all_listed(sets: Path) -> None:
    change(sets, "labs", "  magnesium:\n", "  magnesum:\n")
    change(sets, "problems", "snomed 190855004 |", "snomde 190855004 |")
    assert {problem.file for problem in problems(sets)} == {
        "code_sets/labs.yaml",
        "code_sets/problems.yaml",
    }


def test_a_missing_file_is_a_problem_and_no_empty_code_set(sets: Path) -> None:
    (sets / "drugs.yaml").unlink()
    assert problems(sets)[0].file == "code_sets/drugs.yaml"


def test_the_name_index_holds_every_name_under_its_first_word(sets: Path) -> None:
    terms = load_terminology(sets)
    indexed = {name for names in terms.names_by_word.values() for name in names}
    assert indexed == set(terms.names)
    assert Coding(ATC, "C03CA01") in terms.drugs
    assert Coding(RXNORM, "4603") in terms.drugs
