from datetime import UTC, datetime, timedelta, timezone

import pytest

from cds.chart.clock import Clock
from cds.chart.times import (
    NO_DAY,
    NO_TIME_OF_DAY,
    NO_ZONE,
    NOWHEN,
    Precision,
    event_time,
    read_moment,
    sortable,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EAST = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21T08:00:00Z", datetime(2026, 11, 21, 8, tzinfo=UTC)),
        ("2026-11-21T08:00Z", datetime(2026, 11, 21, 8, tzinfo=UTC)),
        ("2026-11-21T08:00:00+05:30", datetime(2026, 11, 21, 8, tzinfo=EAST)),
        ("2026-11-21T08:00:00+0530", datetime(2026, 11, 21, 8, tzinfo=EAST)),
        ("2026-11-21T08:00:00-05", datetime(2026, 11, 21, 13, tzinfo=UTC)),
        ("2026-11-21T08:00:00.1234567Z", datetime(2026, 11, 21, 8, 0, 0, 123456, tzinfo=UTC)),
        ("2026-12-31T23:59:60Z", datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (" 2026-11-21 08:00:00 z ", datetime(2026, 11, 21, 8, tzinfo=UTC)),
    ],
)
def test_a_full_instant_is_read_without_flags(text: str, expected: datetime) -> None:
    moment = read_moment(text)
    assert (moment.at, moment.flags) == (expected, ())


@pytest.mark.parametrize(
    ("text", "expected", "precision", "flag"),
    [
        ("2026-11-21T08:00:00", datetime(2026, 11, 21, 8, tzinfo=UTC), Precision.INSTANT, NO_ZONE),
        ("2026-11-21", datetime(2026, 11, 21, tzinfo=UTC), Precision.DAY, NO_TIME_OF_DAY),
        ("2026-11", datetime(2026, 11, 1, tzinfo=UTC), Precision.MONTH, NO_DAY),
        ("2026", datetime(2026, 1, 1, tzinfo=UTC), Precision.YEAR, NO_DAY),
    ],
)
def test_what_a_text_leaves_out_is_flagged(
    text: str, expected: datetime, precision: Precision, flag: str
) -> None:
    moment = read_moment(text)
    assert (moment.at, moment.precision, moment.flags) == (expected, precision, (flag,))


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "yesterday",
        20261121,
        {"value": 1},
        "2026-13-01",
        "2026-02-30",
        "0000-01-01",
        "2026-11-21T24:00:00Z",
        "2026-11-21T08:00:00+99:00",
        "0001-01-01T00:00:00+14:00",
        "20261121",
        "2026-W47-6",
    ],
)
def test_anything_else_is_no_moment_and_no_exception(text: object) -> None:
    assert read_moment(text) == NOWHEN


def test_sortable_texts_sort_as_the_moments_do() -> None:
    texts = ["2026-11-21T08:00:00+05:30", "2026-11-21T03:00:00.5Z", "2026-11-21T03:00:00Z"]
    moments = [read_moment(text).at for text in texts]
    assert sorted(moments, key=sortable) == [moments[0], moments[2], moments[1]]
    assert sortable(None) < sortable(moments[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-10", datetime(2026, 10, 31, tzinfo=UTC)),
        ("2025", datetime(2025, 12, 31, tzinfo=UTC)),
        ("2025-12", datetime(2025, 12, 31, tzinfo=UTC)),
        ("2026-11", None),
        ("2026", None),
        ("9999", None),
        ("long ago", None),
    ],
)
def test_a_month_or_year_is_as_recent_as_it_can_have_been_or_undated(
    text: str, expected: datetime | None
) -> None:
    assert event_time(text, Clock(NOW)) == expected
