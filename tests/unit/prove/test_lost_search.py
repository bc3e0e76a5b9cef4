"""A search for a patient that loses its way begins anew."""

from __future__ import annotations

import z3

from cds.prove.witness import _model


class Lost(z3.Solver):
    """Knows that there is an answer, and does not find it."""

    def check(self, *_: object) -> z3.CheckSatResult:
        return z3.unknown


def test_a_search_that_loses_its_way_begins_anew() -> None:
    number = z3.Int("number")
    lost = Lost()
    lost.add(number > 3, number < 5)
    assert _model(lost).eval(number).as_long() == 4
