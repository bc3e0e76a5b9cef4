"""What an order makes due in a span of time, as an amount that may stay open (R19, R30)."""

from __future__ import annotations

from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from cds.facts.derived.doses import Amount, due, occurrences
from cds.facts.record import OrderKind, Unclear
from cds.kernel.quantity import Interval, Quantity
from cds.kernel.units import Analyte

OPEN_RATE = Quantity(Analyte.POTASSIUM_RATE, Interval(Decimal(5), None, low_open=True), "meq/h")


@pytest.mark.parametrize(
    ("more", "low", "high"),
    [
        ({"start": 20}, 100, 100),  # 10 h at 10 meq/h
        ({"start": 4}, 40, 40),
        ({"start": 20, "stop": 4}, 60, 60),
        ({"start": 20, "stop": 15}, 0, 0),
        ({"start": 20, "stop": 4, "kind": OrderKind.ENDED}, 60, 60),
        ({"start": 20, "kind": OrderKind.ENDED}, 0, 100),  # nobody knows when it ended
        ({}, 0, 100),  # nor when this one began
        ({"start": 20, "rate": OPEN_RATE}, 50, None),
    ],
)
def test_an_infusion_gives_its_rate_for_the_hours_it_surely_ran(
    kit: ModuleType, more: dict[str, Any], low: int, high: int | None
) -> None:
    order = kit.order(**{"rate": kit.rate("10"), **more})
    amount = due(order, kit.ago(10), kit.NOW, Analyte.POTASSIUM_DOSE, "meq")
    assert amount == Amount(Decimal(low), None if high is None else Decimal(high))


TWICE = {"per_day": Decimal(2)}
DUE: list[tuple[dict[str, Any], tuple[int, int | None]]] = [
    # an order, times in hours before now      at least, at most due in the last 24 h
    ({"once": True, "start": 24},               (1, 1)),
    ({"once": True, "start": 24.1},             (0, 0)),
    ({"once": True, "start": 0},                (0, 0)),  # falls into the next span
    ({"once": True},                            (0, 1)),  # nobody knows when
    ({**TWICE, "start": 24},                    (2, 2)),
    ({**TWICE, "start": 48},                    (2, 2)),
    ({**TWICE, "start": 11},                    (1, 1)),
    ({**TWICE, "start": 0},                     (0, 0)),
    ({**TWICE},                                 (0, 2)),
    ({**TWICE, "stop": 24},                     (0, 0)),
    ({**TWICE, "start": 48, "stop": 24},        (0, 0)),
    ({**TWICE, "start": 48, "stop": 12},        (1, 1)),
    ({**TWICE, "start": 20, "kind": OrderKind.ENDED},             (1, 2)),  # when it ended is open
    ({**TWICE, "start": 48, "kind": OrderKind.ENDED},             (0, 2)),
    ({**TWICE, "start": 20, "stop": 4, "kind": OrderKind.ENDED},  (2, 2)),
    ({"start": 24},                             (1, None)),  # how often is not stated
    ({"start": 48},                             (0, None)),
    ({"start": 12, "per_day": Decimal(0)},      (1, None)),
    ({"start": 12, "per_day": Decimal("0.5")},  (1, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("more", "due_in_it"), DUE)
def test_doses_fall_due_from_the_start_of_a_span_and_before_its_end(
    kit: ModuleType, more: dict[str, Any], due_in_it: tuple[int, int | None]
) -> None:
    assert occurrences(kit.order(**more), kit.ago(24), kit.NOW) == due_in_it


def test_a_dose_that_can_be_read_counts_before_the_rate(kit: ModuleType) -> None:
    order = kit.order(**TWICE, start=24, dose=kit.meq(20), rate=kit.rate("10"))
    span = (kit.ago(24), kit.NOW, Analyte.POTASSIUM_DOSE, "meq")
    assert due(order, *span) == Amount(Decimal(40), Decimal(40))
    unread = kit.order(**TWICE, start=24, dose=Unclear("no unit"))
    assert due(unread, *span) == Amount(Decimal(0), None)


@pytest.mark.parametrize(
    ("high", "few", "many", "times"),
    [
        ("20", 1, 2, ("20", "40")),
        ("20", 0, 0, ("0", "0")),
        ("1", 0, 2, ("0", "2")),
        ("20", 1, None, ("20", None)),
        (None, 1, 2, ("20", None)),
        (None, 0, 0, ("0", "0")),  # never given, however much it is
    ],
)
def test_an_amount_is_multiplied_between_the_fewest_and_the_most_times(
    high: str | None, few: int, many: int | None, times: tuple[str, str | None]
) -> None:
    low = Decimal(20) if high is None else Decimal(high)
    amount = Amount(low, None if high is None else Decimal(high))
    least, most = times
    wanted = Amount(Decimal(least), None if most is None else Decimal(most))
    assert amount.times(few, many) == wanted
