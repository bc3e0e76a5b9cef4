"""The text of a moment: one for each moment, whatever zone it is told in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from cds.audit.kept import stamp

NOON = datetime(2026, 11, 23, 12, 0, 0, 5, tzinfo=UTC)
TEXT = "2026-11-23T12:00:00.000005+00:00"


@pytest.mark.parametrize("hours", [0, 5.5, -8])
def test_a_moment_has_one_text_whatever_its_offset(hours: float) -> None:
    for _ in range(2):
        assert stamp(NOON.astimezone(timezone(timedelta(hours=hours)))) == TEXT


def test_the_two_moments_of_one_wall_time_have_two_texts_in_either_order() -> None:
    """Where summer time ends, an hour comes twice, and both are equal for Python."""
    first = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    second = first.replace(fold=1)
    assert first == second
    texts = {first.fold: "2026-10-25T00:30:00.000000+00:00", 1: "2026-10-25T01:30:00.000000+00:00"}
    for moment in (first, second, first):
        assert stamp(moment) == texts[moment.fold]


def test_a_moment_without_its_offset_has_none() -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="without its offset"):
            stamp(NOON.replace(tzinfo=None))
