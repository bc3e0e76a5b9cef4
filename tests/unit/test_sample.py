"""Synthetic patients: found by name, moved in time as a whole, never half."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cds.cli import app
from cds.errors import SettingsError
from cds.sample import FIRST, Sample, sample, sample_request, samples

FOLDER = Path(__file__).parents[2] / "fhir_fixtures"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def made(**request: Any) -> Sample:
    return Sample("made", "firing", "A patient", NOW, request, {"status": 200})


@pytest.mark.parametrize(
    ("text", "later"),
    [
        ("2026-11-21T12:00:00Z", "2027-11-21T18:30:00Z"),
        ("2026-11-21T06:00:00.250Z", "2027-11-21T12:30:00.250000Z"),
        ("2026-11-20T22:00:00-05:00", "2027-11-21T04:30:00-05:00"),
        ("2026-11-21", "2027-11-21"),
        ("1959-01-01", "1960-01-01"),
    ],
)
def test_a_date_moves_with_the_call_and_keeps_its_form(text: str, later: str) -> None:
    moved = made(when=[{"at": text}]).at(NOW + timedelta(days=365, hours=6, minutes=30))
    assert moved == {"when": [{"at": later}]}


@pytest.mark.parametrize(
    "text",
    ["2026-02-30", "2026-11", "1960", "14682-9", "on 2026-11-21", "2026-13-01T00:00:00Z", ""],
)
def test_what_only_looks_like_a_date_stays(text: str) -> None:
    assert made(said=text).at(NOW + timedelta(days=9)) == {"said": text}


def test_a_date_past_the_end_of_the_calendar_stays() -> None:
    assert made(end="9999-12-31").at(NOW + timedelta(days=9)) == {"end": "9999-12-31"}


def test_numbers_and_nothing_stay() -> None:
    request = {"value": 1.5, "count": 3, "selected": True, "patient": None}
    assert made(**request).at(NOW + timedelta(days=9)) == request


def test_the_moment_counts_to_the_second_whatever_its_zone() -> None:
    exact = sample_request(datetime(2027, 3, 1, 9, 0, 0, tzinfo=UTC))
    assert sample_request(datetime(2027, 3, 1, 9, 0, 0, 999, tzinfo=UTC)) == exact
    assert sample_request(datetime.fromisoformat("2027-03-01T11:00:00+02:00")) == exact


def test_a_sample_at_its_own_time_is_the_file() -> None:
    found = sample("torsades-in-the-emergency-department", FOLDER)
    assert found.folder == "firing"
    assert found.at(found.now) == found.request


def test_reading_a_sample_changes_no_other() -> None:
    found = sample(FIRST, FOLDER)
    before = json.dumps(found.request)
    found.at(NOW + timedelta(days=100))
    assert json.dumps(found.request) == before


def test_every_file_of_the_folder_is_a_sample() -> None:
    names = [found.name for found in samples(FOLDER)]
    assert sorted(names) == sorted(path.stem for path in FOLDER.rglob("*.json"))


def test_a_name_nobody_has_is_refused_with_the_nearest_ones() -> None:
    with pytest.raises(SettingsError, match=r"near to it: .*first-card.*`cds sample --list`"):
        sample("frist-card", FOLDER)
    with pytest.raises(SettingsError, match=r"no synthetic patient of that name in \S+; `cds"):
        sample("0", FOLDER)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"now": "2026"}', '{"now": "2026-11-21T12:00:00Z", "title": "x"}']
)
def test_a_file_that_is_no_sample_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "well").mkdir()
    (tmp_path / "well" / "odd.json").write_text(text)
    with pytest.raises(SettingsError, match=r"odd\.json: cannot be read as a synthetic patient"):
        list(samples(tmp_path))


def test_the_command_prints_the_call_of_a_name() -> None:
    found = CliRunner().invoke(app, ["sample", "going-home", "--now", NOW.isoformat()])
    assert found.exit_code == 0
    assert json.loads(found.stdout) == sample("going-home", FOLDER).request


def test_the_command_lists_names_with_titles_by_folder() -> None:
    found = CliRunner().invoke(app, ["sample", "--list"])
    lines = found.stdout.splitlines()
    assert found.exit_code == 0
    assert len(lines) == len(list(samples(FOLDER)))
    assert lines[0].startswith("firing    ")
    assert f"well      going-home: {sample('going-home', FOLDER).title}" in lines


def test_the_command_refuses_an_unknown_name() -> None:
    found = CliRunner().invoke(app, ["sample", "nobody-at-all"])
    assert (found.exit_code, found.stdout) == (2, "")
    assert "no synthetic patient of that name" in found.stderr
