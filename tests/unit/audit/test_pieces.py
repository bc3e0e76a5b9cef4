"""Entries of a patient's lists are written once, and never one in the place of another."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from cds.audit.codec import CodecError, canonical, encode
from cds.audit.pieces import FEW, LISTS, LONGEST, MOST, Pieces, Written
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
    written, full = Written(), 0
    for item in answered():
        record = item.answer.record
        expected = canonical(encode(record))
        assert canonical(written.record(record)) == expected, item.sample.name
        assert canonical(written.record(record)) == expected, "written again"
        for fact in item.answer.decisions.facts:
            assert bytes(written.fact(fact)) == canonical(encode(fact))
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
    pieces = Pieces(MOST, LONGEST)
    first, second = bytes(pieces.written(one)), bytes(pieces.written(other))
    assert first != second
    assert (first, second) == (canonical(encode(one)), canonical(encode(other)))


def test_what_comes_again_is_not_written_again() -> None:
    pieces, entry = Pieces(MOST, LONGEST), result("1.0")
    assert pieces.written(entry) is pieces.written(entry)
    assert len(pieces) == 1


def test_a_list_that_comes_again_is_not_put_together_again() -> None:
    written = Written()
    labs = [result(f"1.{number}") for number in range(FEW + 1)]
    long, short = record_of(*labs), record_of(*labs[1:])
    first, again = written.record(long)["labs"], written.record(long)["labs"]
    assert first is again
    assert bytes(first) == canonical(encode(long)["labs"])
    few = written.record(short)["labs"]
    assert few is written.record(short)["labs"]
    assert bytes(few) == canonical(encode(short)["labs"])
    assert len(written.lists) == 1, "short lists do not take the place of long ones"


def test_equal_lists_of_entries_that_are_spelled_otherwise_stay_as_they_are() -> None:
    one, other = (
        record_of(*[result(f"1.{number}{zero}") for number in range(1, FEW + 2)])
        for zero in ("", "0")
    )
    assert one == other
    written = Written()
    first, second = (canonical(written.record(record)) for record in (one, other))
    assert first != second
    assert (first, second) == (canonical(encode(one)), canonical(encode(other)))


def test_no_more_lists_are_remembered_than_the_bound_allows() -> None:
    written = Written(most_lists=2)
    for times in range(1, 6):
        record = record_of(*[result(f"1.{number}") for number in range(FEW + times)])
        assert canonical(written.record(record)) == canonical(encode(record))
        assert 1 <= len(written.lists) <= 2


def test_no_more_short_lists_are_remembered_than_the_bound_allows() -> None:
    written = Written(most_short=10)
    for times in range(5):
        record = record_of(*[result(f"1.{number}") for number in range(times)])
        assert canonical(written.record(record)) == canonical(encode(record))
        assert 1 <= len(written.short) <= 10


def test_no_more_is_remembered_than_the_bound_allows() -> None:
    pieces = Pieces(3, LONGEST)
    entries = [result(f"1.{number}") for number in range(10)]
    for entry in entries:
        assert bytes(pieces.written(entry)) == canonical(encode(entry))
        assert 1 <= len(pieces) <= 3


def test_a_long_entry_is_written_every_time() -> None:
    pieces, long = Pieces(MOST, 500), result("1.0", face="x" * 500)
    assert bytes(pieces.written(long)) == canonical(encode(long))
    assert len(pieces) == 0


def test_an_entry_that_cannot_be_written_is_named_with_its_list() -> None:
    wrong = record_of(result("1.0"), replace(result("1.0"), effective=DRAWN.replace(tzinfo=None)))
    told = r"^Record.labs: Listing.items: LabResult.effective: a time without an offset"
    with pytest.raises(CodecError, match=told):
        Written().record(wrong)


def test_an_entry_of_a_long_list_that_cannot_be_written_is_named_with_it() -> None:
    good = [result(f"1.{number}") for number in range(FEW + 1)]
    wrong = record_of(*good, replace(good[0], effective=DRAWN.replace(tzinfo=None)))
    told = r"^Record.labs: Listing.items: LabResult.effective: a time without an offset"
    with pytest.raises(CodecError, match=told):
        Written().record(wrong)
