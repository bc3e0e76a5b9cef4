import json
from typing import Any

import msgspec
import pytest

from cds.chart import lab_codes
from cds.chart.lab_codes import LONGEST, MOST, Coded, read_code
from cds.facts.terminology import LabCode, Terminology
from cds.kernel.codes import LOINC, Coding
from cds.kernel.units import Analyte


def terms(analyte: Analyte) -> Terminology:
    return Terminology(labs={Coding(LOINC, "1"): LabCode(analyte, "x")})


def coded(text: str = "") -> msgspec.Raw:
    code: dict[str, Any] = {"coding": [{"system": LOINC, "code": "1"}], "text": text}
    return msgspec.Raw(json.dumps(code).encode())


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab_codes, "_known", {})


def test_the_same_code_is_read_once_and_anew_for_another_terminology() -> None:
    potassium, magnesium = terms(Analyte.POTASSIUM), terms(Analyte.MAGNESIUM)
    first, again = read_code(coded(), potassium), read_code(coded(), potassium)
    assert first is again
    found = [read_code(coded(), item).matches[0].analyte for item in (potassium, magnesium) * 2]
    assert found == [Analyte.POTASSIUM, Analyte.MAGNESIUM] * 2


def test_codes_are_remembered_up_to_a_number() -> None:
    own = terms(Analyte.POTASSIUM)
    for number in range(MOST + 10):
        assert len(read_code(coded(f"{number}"), own).matches) == 1
        assert len(lab_codes._known) <= MOST
    assert len(lab_codes._known) == 10


def test_a_very_long_code_is_read_every_time() -> None:
    own = terms(Analyte.POTASSIUM)
    first, again = (read_code(coded("x" * LONGEST), own) for _ in range(2))
    assert first == again
    assert lab_codes._known == {}


@pytest.mark.parametrize("raw", [b"", b"null"])
def test_no_code_says_nothing(raw: bytes) -> None:
    assert read_code(msgspec.Raw(raw), terms(Analyte.POTASSIUM)) == Coded()


def test_what_is_no_code_is_refused_each_time() -> None:
    for _ in range(2):
        with pytest.raises(msgspec.ValidationError):
            read_code(msgspec.Raw(b"3"), terms(Analyte.POTASSIUM))


def test_words_that_name_another_specimen_are_noticed() -> None:
    own = terms(Analyte.POTASSIUM)
    said = {text: read_code(coded(text), own).foreign for text in ("Urine", "Serum", "")}
    assert said == {"Urine": True, "Serum": False, "": False}
