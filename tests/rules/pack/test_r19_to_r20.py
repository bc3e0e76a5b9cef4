"""Clinical pack R19, R20: potassium and calcium that stay low although they are given, and the IV
magnesium they call for (R22)."""

from __future__ import annotations

from typing import Any

import pytest
from pack_kit import (
    ago,
    card,
    chart,
    given,
    lab,
    offered,
    order,
    ordered_tests,
    per_day,
    rows,
    words,
)

Json = dict[str, Any]


# R19: potassium that stays low although it is given


def refractory(ask: Any, *results: Json, magnesium: float | None = 1.5, **lists: Any) -> bool:
    """Is the low potassium told as refractory (B1) rather than as low (B0)?"""
    low = [lab("mg", magnesium)] if magnesium else []
    found = set(rows(ask(chart(*low, *results, **lists)))) & {"B0", "B1"}
    assert len(found) == 1
    return found == {"B1"}


def low_twice(apart: float, before: float = 3.0, newest: float = 3.0) -> tuple[Json, Json]:
    """A potassium 2 h ago, and one so many hours before it."""
    return lab("k", before, hours=2 + apart), lab("k", newest, hours=2)


def doses(*amounts: float, hours: float = 6, **more: Any) -> list[Json]:
    """Potassium charted as given, one dose an hour."""
    return [
        given("potassium chloride tablet", f"{meq} meq", hours=hours + i, **more)
        for i, meq in enumerate(amounts)
    ]


@pytest.mark.parametrize(
    ("apart", "before", "newest", "amounts", "expected"),
    [
        (11.9, 3.0, 3.0, (20, 20), False),
        (12, 3.0, 3.0, (20, 20), True),
        (96, 3.0, 3.0, (20, 20), True),
        (96.1, 3.0, 3.0, (20, 20), False),
        (20, 3.0, 3.0, (20, 19), False),
        (20, 3.0, 3.0, (20, 20), True),
        (20, 3.4, 3.4, (40,), True),
        (20, 3.5, 3.4, (40,), False),
        (20, 3.2, 3.49, (40,), True),
        (20, 3.1, 3.4, (40,), False),
        (20, 2.9, 3.2, (40,), False),
        (20, 3.4, 2.8, (40,), True),
    ],
)
def test_r19_the_first_way_is_40_meq_in_12_to_96_hours_and_a_rise_below_0_3(
    ask: Any,
    apart: float,
    before: float,
    newest: float,
    amounts: tuple[float, ...],
    expected: bool,
) -> None:
    found = refractory(ask, *low_twice(apart, before, newest), administrations=doses(*amounts))
    assert found is expected


@pytest.mark.parametrize(
    "amounts",
    [
        doses(40, hours=23),
        doses(40, hours=1),
        doses(40, status="not-done"),
        doses(40, status="entered-in-error"),
    ],
)
def test_r19_only_what_was_given_between_the_two_results_counts(
    ask: Any, amounts: list[Json]
) -> None:
    assert refractory(ask, *low_twice(20), administrations=amounts) is False


def ordered(dose: str, repeat: Json, *, before: float, **more: Any) -> Json:
    """A potassium order that started so many hours before the newest result."""
    return order(
        "potassium chloride tablet",
        dose,
        route="oral",
        repeat=repeat,
        hours=2 + before,
        id="k-order",
        **more,
    )


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (ordered("40 meq", {"count": 1}, before=12), True),
        (ordered("20 meq", {"count": 1}, before=12), False),
        (ordered("20 meq", per_day(4), before=12), True),
        (ordered("20 meq", per_day(4), before=12, status="cancelled"), False),
        (ordered("20 meq", per_day(4), before=12, status="on-hold"), False),
    ],
)
def test_r19_without_administrations_the_doses_due_count(
    ask: Any, one: Json, expected: bool
) -> None:
    assert refractory(ask, *low_twice(13), medications=[one]) is expected


def test_r19_an_order_as_needed_without_administration_gave_nothing(ask: Any) -> None:
    needed = ordered("20 meq", per_day(4), before=12)
    needed["dosageInstruction"][0]["asNeededBoolean"] = True
    assert refractory(ask, *low_twice(13), medications=[needed]) is False


@pytest.mark.parametrize(("stopped", "expected"), [(2, True), (11, False)])
def test_r19_a_stopped_order_counts_until_its_stop(
    ask: Any, stopped: float, expected: bool
) -> None:
    until = {"boundsPeriod": {"start": ago(14), "end": ago(2 + stopped)}}
    one = ordered("20 meq", per_day(4) | until, before=12, status="stopped")
    assert refractory(ask, *low_twice(13), medications=[one]) is expected


def test_r19_what_was_given_of_an_order_goes_before_what_was_due(ask: Any) -> None:
    one = ordered("20 meq", per_day(4), before=28)
    few, enough = doses(20, of="k-order"), doses(20, 20, of="k-order")
    apart = low_twice(30)
    assert refractory(ask, *apart, medications=[one], administrations=few) is False
    assert refractory(ask, *apart, medications=[one], administrations=enough) is True


@pytest.mark.parametrize(
    ("apart", "newest", "started", "expected"),
    [
        (23.9, 3.0, 10, False),
        (24, 3.0, 10, True),
        (96, 3.0, 10, True),
        (96.1, 3.0, 10, False),
        (30, 3.0, 6, True),
        (30, 3.0, 5.9, False),
        (30, 3.3, 10, False),
    ],
)
def test_r19_the_second_way_is_a_running_order_of_6_hours_and_a_low_value_of_24_to_96(
    ask: Any, apart: float, newest: float, started: float, expected: bool
) -> None:
    one = ordered("10 meq", per_day(1), before=started)
    assert refractory(ask, *low_twice(apart, 3.0, newest), medications=[one]) is expected


def test_r19_the_second_way_needs_an_order_without_administrations(ask: Any) -> None:
    one = ordered("10 meq", per_day(1), before=10)
    charted = doses(10, of="k-order")
    apart = low_twice(30)
    assert refractory(ask, *apart, medications=[one], administrations=charted) is False


def test_r19_the_earliest_value_that_qualifies_is_quoted(ask: Any) -> None:
    results = [lab("k", value, hours=h) for value, h in ((2.6, 80), (2.8, 60), (2.9, 40), (3.0, 2))]
    charted = doses(40)
    text = words(card(ask(chart(lab("mg", 1.5), *results, administrations=charted)), "B1"))
    assert "2.8 mmol/l" in text
    assert "2.6 mmol/l" not in text
    assert "40 meq" in text


# R20: calcium that stays low although it is given

CALCIUM = [given("calcium gluconate", "1 g", hours=5)]


def calcium(kind: str, value: float, apart: float, newest: float = 2) -> list[Json]:
    """Two equal results of one kind, so many hours apart."""
    return [lab(kind, value, hours=newest), lab(kind, value, hours=newest + apart)]


def albumin(value: float, apart: float) -> list[Json]:
    return [lab("albumin", value, hours=2), lab("albumin", value, hours=2 + apart)]


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        (calcium("ica", 1.11, 10), True),
        (calcium("ica", 1.12, 10), False),
        (calcium("ica", 1.0, 5.9), False),
        (calcium("ica", 1.0, 6), True),
        (calcium("ica", 1.0, 96), True),
        (calcium("ica", 1.0, 96.1), False),
        (calcium("ca", 8.4, 10) + albumin(4.0, 10), True),
        (calcium("ca", 8.5, 10) + albumin(4.0, 10), False),
        (calcium("ca", 7.6, 10) + albumin(2.0, 10), False),
        (calcium("ca", 7.0, 10), False),
        ([*calcium("ca", 8.0, 10), lab("albumin", 4.0, hours=26)], True),
        ([*calcium("ca", 8.0, 10), lab("albumin", 4.0, hours=40)], False),
        ([lab("ica", 1.0, hours=2), lab("ca", 7.0, hours=12), *albumin(4.0, 10)], False),
        (calcium("ica", 1.2, 10) + calcium("ca", 7.0, 10) + albumin(4.0, 10), False),
    ],
)
def test_r20_two_low_values_of_one_kind_with_calcium_between_are_refractory(
    ask: Any, results: list[Json], expected: bool
) -> None:
    cards = ask(chart(lab("mg", 1.5), *results, administrations=CALCIUM))
    assert ("B3" in rows(cards)) is expected


def test_r20_the_newest_value_must_be_in_its_window(ask: Any) -> None:
    between = [given("calcium gluconate", "1 g", hours=27)]
    for newest, expected in ((24, True), (24.1, False)):
        results = calcium("ica", 1.0, 10, newest=newest)
        cards = ask(chart(lab("mg", 1.5), *results, administrations=between))
        assert ("B3" in rows(cards)) is expected


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ({}, False),
        ({"administrations": [given("calcium chloride", "1 g", hours=5)]}, True),
        ({"administrations": [given("calcium gluconate", "1 g", hours=1)]}, False),
        ({"administrations": [given("calcium gluconate", "1 g", hours=13)]}, False),
        ({"administrations": [given("calcium carbonate", "1 g", hours=5)]}, False),
        ({"administrations": [given("calcium acetate", "1 g", hours=5)]}, False),
        ({"medications": [order("calcium gluconate", "1 g", route="iv", hours=5)]}, True),
        ({"medications": [order("calcium carbonate", "1 g", route="oral", hours=5)]}, False),
    ],
)
def test_r20_calcium_that_can_raise_the_level_must_be_given_or_ordered_between(
    ask: Any, lists: dict[str, Any], expected: bool
) -> None:
    cards = ask(chart(lab("mg", 1.5), *calcium("ica", 1.0, 10), **lists))
    assert ("B3" in rows(cards)) is expected


@pytest.mark.parametrize(
    ("magnesium", "drug", "test"),
    [
        ([lab("mg", 1.5)], [("829757", "2 g")], []),
        ([], [], ["19123-9"]),
        ([lab("mg", 1.0, hours=25)], [], ["19123-9"]),
    ],
)
def test_r20_low_magnesium_is_replaced_a_missing_one_measured_and_calcium_replaced_too(
    ask: Any, magnesium: list[Json], drug: list[Any], test: list[str]
) -> None:
    results = calcium("ica", 1.0, 10)
    shown = card(ask(chart(*magnesium, *results, administrations=CALCIUM)), "B3")
    assert offered([shown]) == drug
    assert ordered_tests([shown]) == test
    assert "replace calcium too" in words(shown)


def test_r20_with_normal_magnesium_there_is_no_card(ask: Any) -> None:
    found = rows(ask(chart(lab("mg", 1.7), *calcium("ica", 1.0, 10), administrations=CALCIUM)))
    assert "B3" not in found


def test_r22_refractory_potassium_and_calcium_are_iv_triggers(ask: Any) -> None:
    cards = ask(chart(lab("mg", 1.5), *low_twice(20), administrations=doses(40)))
    assert offered([card(cards, "B1")]) == [("829757", "2 g")]
    cards = ask(chart(lab("mg", 1.5), *calcium("ica", 1.0, 10), administrations=CALCIUM))
    assert offered([card(cards, "B3")]) == [("829757", "2 g")]
    cards = ask(chart(lab("mg", 1.5), lab("k", 3.0)))
    assert offered([card(cards, "B0")]) == [("198741", "400 mg")]
