"""The same chart gives the same sentence, in whatever order its lists were sent."""

from __future__ import annotations

from cds.engine.listed import _concluded
from cds.facts.record import Listing


def test_names_and_evidence_do_not_depend_on_the_order_of_the_list() -> None:
    hits = [("MedicationRequest/1", "furosemide"), ("MedicationRequest/2", "Aspirin")]
    complete: Listing[object] = Listing("medications", ())
    one, other = (_concluded("drugs", found, (complete,)) for found in (hits, hits[::-1]))
    assert one == other
    assert one.explained == "Aspirin, furosemide"


def test_of_one_name_the_sources_stand_in_order() -> None:
    hits = [("MedicationRequest/2", "aspirin"), ("MedicationRequest/1", "aspirin")]
    found = _concluded("drugs", hits, (Listing("medications", ()),))
    assert [item.source for item in found.evidence] == [
        "MedicationRequest/1",
        "MedicationRequest/2",
    ]
