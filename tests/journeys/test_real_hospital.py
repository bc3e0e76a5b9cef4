"""Does the service hold its promises on 52 real patients, with data nobody on this project wrote?

Every MedicationRequest of the MIMIC-IV demo half becomes an order-select call at its own time, with
what the chart knew then. All 8,854 calls take about twenty minutes, so every sixth patient runs by
default (1,198 calls, about a minute); `CDS_REAL=all` runs all of them. The data are not part of the
product: they are looked for in `../shared/data/mimic4-demo-half` beside the repository.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from itertools import islice
from pathlib import Path

import pytest
from real.as_of import body
from real.hospital_data import Hospital, Patient, load, moment, with_local_codes
from real.run import run
from real.tally import Tally

from cds.kernel.codes import LOINC, Coding
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "mimic4-demo-half"
FIRST, EVERY = (0, 1) if os.environ.get("CDS_REAL") == "all" else (2, 6)
TIMES = re.compile(rb'"(\w+)":\s*"(\d{4}-\d\d-\d\dT[^"]+)"')
ABOUT_ORDERS = {"C4", "C4-iv", "C4-po", "C6", "D3"}  # what an order and other drugs say alone
SENT_WITH_LOCAL_CODES = "bc2a74ce-4069-5983-9423-1c175f7854d9"  # a short stay with low magnesium


@pytest.fixture(scope="module")
def hospital() -> Hospital:
    """The data, or a skip that says where they were looked for."""
    if not (DATA / "MedicationRequest.ndjson.gz").is_file():
        pytest.skip("the MIMIC-IV demo half is not at ../shared/data/mimic4-demo-half")
    return load(DATA)


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return load_rulebook(ROOT / "rules")


@pytest.fixture(scope="module")
def chosen(hospital: Hospital) -> tuple[Patient, ...]:
    """Every patient, or every sixth by id."""
    return tuple(islice(hospital.patients, FIRST, None, EVERY))


@pytest.fixture(scope="module")
def tally(hospital: Hospital, chosen: tuple[Patient, ...], book: Rulebook) -> Tally:
    return run(hospital, chosen, book)


def test_every_call_is_answered(
    tally: Tally, chosen: tuple[Patient, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        os.write(1, f"\n{len(chosen)} real patients\n{tally.summary()}\n".encode())
    assert tally.requests == sum(len(patient.orders) for patient in chosen) > 1000
    assert tally.exceptions == []


def test_no_rule_breaks(tally: Tally) -> None:
    assert tally.broken_rules == []


def test_every_card_is_well_formed_and_no_suggestion_breaks_the_safety_floor(tally: Tally) -> None:
    assert tally.faults == []


def test_fold_has_nothing_to_repair(tally: Tally) -> None:
    assert tally.fold_defects == {}


def test_the_run_is_not_an_empty_one(tally: Tally) -> None:
    assert tally.answers_with_cards
    assert tally.validated
    assert set(tally.unique_drugs.values()) > {"text"}


def test_a_call_shows_nothing_that_came_later(
    hospital: Hospital, chosen: tuple[Patient, ...]
) -> None:
    """Only the planned `start` of an order may lie ahead; every other time is past."""
    for patient in chosen:
        for order in patient.orders[::25]:
            sent = body(hospital, patient, order)
            late = {
                name
                for name, text in TIMES.findall(sent)
                if name != b"start" and moment(text.decode()) > order.authored
            }
            assert not late
            listed = [
                entry["resource"]
                for entry in json.loads(sent)["prefetch"]["medications"]["entry"]
                if entry["resource"]["resourceType"] == "MedicationRequest"
            ]
            assert order.id not in {item["id"] for item in listed}
            assert {item["status"] for item in listed} <= {"active", "completed"}


@pytest.fixture(scope="module")
def short_stay(hospital: Hospital) -> Patient:
    return next(item for item in hospital.patients if item.id == SENT_WITH_LOCAL_CODES)


@pytest.fixture(scope="module")
def with_loinc(hospital: Hospital, short_stay: Patient, book: Rulebook) -> Tally:
    return run(hospital, [short_stay], book)


@pytest.fixture(scope="module")
def local(short_stay: Patient) -> Patient:
    found = with_local_codes(DATA, short_stay)
    assert len(found.observations) == len(short_stay.observations) > 0
    return found


def test_a_site_file_makes_the_laboratorys_own_codes_as_good_as_loinc(
    hospital: Hospital,
    short_stay: Patient,
    with_loinc: Tally,
    local: Patient,
    book: Rulebook,
    tmp_path: Path,
) -> None:
    """The site maps each local code as the results that carry both codes have it."""
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    decision = {
        "by": "laboratory",
        "date": "2026-11-22",
        "why": "local codes only",
        "lab_codes": _both_codes(short_stay, book),
    }
    site = {"site": "local", "title": "Local codes", "changes": [decision]}
    (tmp_path / "rules" / "sites" / "local.yaml").write_text(json.dumps(site), encoding="utf-8")
    mapped = load_rulebook(tmp_path / "rules", "local")
    found = run(hospital, [local], mapped)
    assert with_loinc.cards
    assert found.cards == with_loinc.cards


def _both_codes(patient: Patient, book: Rulebook) -> dict[str, dict[str, str]]:
    codes: dict[str, dict[str, str]] = {}
    for item in patient.observations:
        codings = json.loads(item.raw)["code"]["coding"]
        loinc = next((c["code"] for c in codings if c["system"] == LOINC), "")
        known = book.terminology.labs.get(Coding(LOINC, loinc))
        for coding in codings:
            if coding["system"] != LOINC and known is not None and known.refused is None:
                name = f"{coding['system']}|{coding['code']}"
                codes[name] = {"analyte": known.analyte.value, "display": coding["display"]}
    return codes


def test_a_laboratory_without_loinc_is_not_guessed_at(
    hospital: Hospital, with_loinc: Tally, local: Patient, book: Rulebook
) -> None:
    """The same patient gives cards with LOINC, and with the hospital's own codes none that rests on
    a result: nothing is recognised, so nothing is called low, and nothing unusable (D4)."""
    assert {row for row, _ in with_loinc.cards} >= {"A1", "D4"}
    recognised: list[int] = []
    found = run(
        hospital,
        [local],
        book,
        lambda seen: recognised.append(len(seen.answer.record.labs.items)),
    )
    assert found.exceptions == []
    assert found.broken_rules == []
    assert set(recognised) == {0}
    assert {row for row, _ in found.cards} <= ABOUT_ORDERS
    assert set(found.offered) <= {"order-creatinine", "order-potassium"}
    assert found.missing["magnesium", "none found"] == found.requests
