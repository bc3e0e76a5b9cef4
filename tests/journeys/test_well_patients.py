"""Law 10: a well patient gets no card. A card here is a false alarm, whatever a rule says."""

from __future__ import annotations

from typing import Any

import fixtures
import pytest

from cds.sample import Sample

WELL = fixtures.of_folder("well")


def test_there_are_well_patients() -> None:
    assert len(WELL) >= 15


def test_most_well_patients_take_many_drugs() -> None:
    taken = [len(item.request["prefetch"]["medications"].get("entry", ())) for item in WELL]
    assert min(taken) >= 8


@pytest.mark.parametrize("item", WELL, ids=[item.name for item in WELL])
def test_a_well_patient_gets_no_card(item: Sample, ask: Any) -> None:
    answer = ask(fixtures.body(item), item.now, fixtures.service(item))
    assert [card["summary"] for card in answer["cards"]] == []
