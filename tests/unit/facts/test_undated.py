"""A value whose time cannot be read may be of today: it is shown where nothing usable is."""

from __future__ import annotations

from datetime import timedelta
from types import ModuleType

import pytest

from cds.facts.draws import Results
from cds.facts.labs import set_aside
from cds.facts.model import Reason
from cds.facts.record import LabResult, Listing
from cds.kernel.units import Analyte

DAY = timedelta(days=1)


def found(kit: ModuleType, *results: LabResult) -> tuple[LabResult, Reason] | None:
    listing = Results(Listing("observations", results))
    return set_aside(listing, Analyte.MAGNESIUM, DAY, 30 * DAY, True, kit.NOW)


@pytest.mark.parametrize(
    ("text", "reason"), [("1.0 mg/dL", Reason.NO_TIME), ("-", Reason.UNREADABLE)]
)
def test_it_is_shown_where_it_is_all_there_is(kit: ModuleType, text: str, reason: Reason) -> None:
    undated = kit.mg(text, None, set_aside=reason)
    assert found(kit, undated) == (undated, reason)


def test_a_usable_value_goes_before_it(kit: ModuleType) -> None:
    assert (
        found(kit, kit.mg("1.0 mg/dL", None, set_aside=Reason.NO_TIME), kit.mg("2.0 mg/dL", 2))
        is None
    )


def test_without_time_and_without_value_there_is_nothing_to_show(kit: ModuleType) -> None:
    assert found(kit, kit.mg("-", None, set_aside=Reason.NO_TIME)) is None
