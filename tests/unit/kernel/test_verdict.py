"""Strong Kleene logic, as tables and as laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.kernel.verdict import Verdict, all_of, any_of, from_bool

Y, N, C = Verdict.YES, Verdict.NO, Verdict.CANNOT_TELL
verdicts = st.sampled_from([Y, N, C])


@pytest.mark.parametrize(("one", "negated"), [(Y, N), (N, Y), (C, C)])
def test_not(one: Verdict, negated: Verdict) -> None:
    assert one.negated() is negated


@pytest.mark.parametrize(
    ("one", "other", "both", "either"),
    [
        (Y, Y, Y, Y),
        (Y, N, N, Y),
        (Y, C, C, Y),
        (N, Y, N, Y),
        (N, N, N, N),
        (N, C, N, C),
        (C, Y, C, Y),
        (C, N, N, C),
        (C, C, C, C),
    ],
)
def test_and_or(one: Verdict, other: Verdict, both: Verdict, either: Verdict) -> None:
    assert all_of((one, other)) is both
    assert any_of((one, other)) is either


def test_nothing_to_judge() -> None:
    assert all_of(()) is Y
    assert any_of(()) is N


def test_from_bool() -> None:
    assert from_bool(True) is Y
    assert from_bool(False) is N


@given(st.lists(verdicts))
def test_de_morgan(many: list[Verdict]) -> None:
    assert all_of(many).negated() is any_of(verdict.negated() for verdict in many)


@given(st.lists(verdicts, min_size=1), st.data())
def test_deciding_an_open_part_never_turns_a_decided_whole(
    many: list[Verdict], data: st.DataObject
) -> None:
    """`missing_is_never_false`: an open part is neither Yes nor No, and may become either."""
    decided = [data.draw(st.sampled_from([Y, N])) if v is C else v for v in many]
    for whole in (all_of, any_of):
        assert whole(many) in (C, whole(decided))
