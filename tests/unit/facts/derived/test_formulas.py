"""Every worked value of the clinical pack, section 4."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from cds.facts.derived.formulas import (
    bedside_schwartz,
    ckd_epi_2021,
    cockcroft_gault,
    corrected_calcium_mgdl,
    corrected_calcium_si,
)


def cents(value: D) -> str:
    return str(value.quantize(D("0.01")))


@pytest.mark.parametrize(
    ("female", "age", "creatinine", "expected"),
    [
        (False, 50, "1.0", "91.69"),
        (True, 50, "1.0", "68.63"),
        (False, 72, "3.5", "17.78"),
        (True, 30, "0.6", "123.76"),
        (True, 67, "2.4", "21.60"),
    ],
)
def test_ckd_epi_2021_gives_the_worked_values(
    female: bool, age: int, creatinine: str, expected: str
) -> None:
    assert cents(ckd_epi_2021(D(creatinine), D(age), female)) == expected


@pytest.mark.parametrize(
    ("female", "age", "kg", "creatinine", "expected"),
    [
        (False, 50, 70, "1.0", "87.50"),
        (True, 80, 55, "1.8", "21.64"),
        (False, 65, 90, "2.5", "37.50"),
    ],
)
def test_cockcroft_gault_gives_the_worked_values(
    female: bool, age: int, kg: int, creatinine: str, expected: str
) -> None:
    assert cents(cockcroft_gault(D(creatinine), D(age), D(kg), female)) == expected


@pytest.mark.parametrize(
    ("height", "creatinine", "expected"),
    [(100, "0.5", "82.60"), (100, "0.4", "103.25"), (120, "0.5", "99.12")],
)
def test_bedside_schwartz_gives_the_worked_values(
    height: int, creatinine: str, expected: str
) -> None:
    assert cents(bedside_schwartz(D(creatinine), D(height))) == expected


@pytest.mark.parametrize(
    ("calcium", "albumin", "expected"),
    [("7.6", "2.0", "9.20"), ("8.0", "4.0", "8.00"), ("7.0", "2.8", "7.96")],
)
def test_payne_gives_the_worked_values(calcium: str, albumin: str, expected: str) -> None:
    assert cents(corrected_calcium_mgdl(D(calcium), D(albumin))) == expected


@pytest.mark.parametrize(
    ("calcium", "albumin", "expected"), [("1.90", 20, "2.30"), ("2.00", 40, "2.00")]
)
def test_payne_in_si_units_adds_two_hundredths_per_gram(
    calcium: str, albumin: int, expected: str
) -> None:
    assert cents(corrected_calcium_si(D(calcium), D(albumin))) == expected
