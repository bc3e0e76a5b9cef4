"""Law 10: a well patient gets no card. A card here is a false alarm, whatever a rule says."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

WELL = sorted((Path(__file__).parents[2] / "fhir_fixtures" / "well").glob("*.json"))


def test_there_are_well_patients() -> None:
    assert len(WELL) >= 8


@pytest.mark.parametrize("path", WELL, ids=[path.stem for path in WELL])
def test_a_well_patient_gets_no_card(path: Path, ask: Any) -> None:
    fixture = json.loads(path.read_text(encoding="utf-8"))
    now = datetime.fromisoformat(fixture["now"])
    answer = ask(json.dumps(fixture["request"]).encode(), now)
    assert [card["summary"] for card in answer["cards"]] == []
