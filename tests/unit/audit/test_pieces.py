"""Entries of a patient's lists are written once, and never one in the place of another."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from cds.audit.codec import CodecError, canonical, encode
from cds.audit.pieces import LISTS, Pieces, record_tree
from cds.facts.record import LabResult, Listing, Person, Place, Record, Setting
from cds.kernel.quantity import Interval, Quantity
from cds.kernel.units import Analyte
from kept_decisions import answered

DRAWN = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def result(number: str, drawn: datetime = DRAWN, face: str = "") -> LabResult:
    value = Decimal(number)
    quantity = Quantity(Analyte.MAGNESIUM, Interval(value, value), "mg/dL")
    return LabResult(Analyte.MAGNESIUM, "Observation/1", face, quantity, drawn, ())


def record_of(*labs: Any) -> Record:
    person, place = Person("Patient/1"), Place(Setting.INPATIENT)
    return Record(person, place, Listing("observations", labs), Listing("medications"))


def test_the_record_of_every_synthetic_patient_is_written_as_the_codec_writes_it() -> None:
    pieces, full = Pieces(), 0
    for item in answered():
        record = item.answer.record
        expected = canonical(encode(record))
        assert canonical(record_tree(record, pieces)) == expected, item.sample.name
        assert canonical(record_tree(record, pieces)) == expected, "written again"
        full += sum(bool(getattr(record, name).items) for name in LISTS)
    assert full > len(answered())


def test_every_list_of_a_record_is_written_in_pieces() -> None:
    item = answered()[0].answer.record
    lists = {name for name in item.__slots__ if isinstance(getattr(item, name), Listing)}
    assert set(LISTS) == lists


SPELLED_APART = [
    ("digits", result("1.0"), result("1.00")),
    ("zones", result("1", DRAWN), result("1", DRAWN.astimezone(timezone(timedelta(hours=1))))),
]


@pytest.mark.parametrize(
    ("one", "other"), [x[1:] for x in SPELLED_APART], ids=[x[0] for x in SPELLED_APART]
)
def test_equal_results_that_are_spelled_otherwise_stay_as_they_are(
    one: LabResult, other: LabResult
) -> None:
    assert one == other
    pieces = Pieces()
    first, second = bytes(pieces.written(one)), bytes(pieces.written(other))
    assert first != second
    assert (first, second) == (canonical(encode(one)), canonical(encode(other)))


def test_what_comes_again_is_not_written_again() -> None:
    pieces, entry = Pieces(), result("1.0")
    assert pieces.written(entry) is pieces.written(entry)
    assert len(pieces) == 1


def test_no_more_is_remembered_than_the_bound_allows() -> None:
    pieces = Pieces(most=3)
    entries = [result(f"1.{number}") for number in range(10)]
    for entry in entries:
        assert bytes(pieces.written(entry)) == canonical(encode(entry))
        assert 1 <= len(pieces) <= 3


def test_a_long_entry_is_written_every_time() -> None:
    pieces, long = Pieces(longest=500), result("1.0", face="x" * 500)
    assert bytes(pieces.written(long)) == canonical(encode(long))
    assert len(pieces) == 0


def test_an_entry_that_cannot_be_written_is_named_with_its_list() -> None:
    wrong = record_of(result("1.0"), replace(result("1.0"), effective=DRAWN.replace(tzinfo=None)))
    told = r"^Record.labs: Listing.items: LabResult.effective: a time without an offset"
    with pytest.raises(CodecError, match=told):
        record_tree(wrong, Pieces())
