"""What a compiled thing remembers is no part of it."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace
from decimal import Decimal

import pytest

from cds.errors import UnitMismatch
from cds.kernel.quantity import Quantity
from cds.kernel.units import UNITS, Analyte
from cds.rulebook.model import Threshold, Where

VALUES = {"mg/dL": Decimal("1.2"), "mmol/L": Decimal("0.5")}
LIMIT = Threshold("mg_severe", Analyte.MAGNESIUM, VALUES, "", (), Where("test", 1))


def test_a_limit_is_its_own_constant_in_a_unit_it_names_and_the_first_one_in_any_other() -> None:
    for unit in UNITS[Analyte.MAGNESIUM].factors:
        first = Quantity.of(Analyte.MAGNESIUM, "1.2", "mg/dL").to(unit)
        own = Quantity.of(Analyte.MAGNESIUM, VALUES[unit], unit) if unit in VALUES else first
        assert LIMIT.for_unit(unit) == own
        assert LIMIT.for_unit(unit) is LIMIT.for_unit(unit)  # worked out once
    assert LIMIT.for_unit("mmol/L").value == Decimal("0.5")
    with pytest.raises(UnitMismatch, match="`h` is not a unit of magnesium"):
        LIMIT.for_unit("h")


def test_it_is_worked_out_once_and_forgotten_by_copies() -> None:
    asked: list[Threshold] = []

    def name(limit: Threshold) -> str:
        asked.append(limit)
        return limit.name

    known = replace(LIMIT, name="known")
    assert [known.remembered(name), known.remembered(name)] == ["known", "known"]
    assert len(asked) == 1
    copy, stored = replace(known, name="copy"), pickle.loads(pickle.dumps(known))
    assert [copy.remembered(name), stored.remembered(name)] == ["copy", "known"]
    assert len(asked) == 3
    assert known == stored == replace(copy, name="known")
    assert "_remembered" not in {field.name for field in fields(known)}
