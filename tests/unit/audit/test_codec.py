"""A record goes into a kept decision and comes back as it was."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from cds.audit.codec import CLASSES, FORMAT, CodecError, canonical, decode, encode, parse
from cds.audit.names import named as kept_name
from cds.audit.trees import written
from cds.chart.read import read_chart
from cds.engine.decide import decide
from cds.facts.model import Category, Evidence, Fact, Measured, Missing, Reason
from cds.facts.record import (
    LabResult,
    Listing,
    MedicationOrder,
    OrderKind,
    Person,
    Place,
    Record,
    Setting,
    Unclear,
)
from cds.kernel.quantity import Interval, Quantity
from cds.kernel.units import Analyte
from kept_decisions import AT, Answered, answered, book, call_of, named

DOSE = Quantity.of(Analyte.MAGNESIUM_SULFATE_DOSE, "2.0", "g")
ORDER = MedicationOrder("MedicationRequest/1", "magnesium sulfate", OrderKind.ACTIVE, dose=DOSE)


def back(record: Record) -> Record:
    return decode(Record, parse(canonical(encode(record))))


def nameless(record: Record) -> Record:
    """Without what only tells orders apart: that comes back as another text."""

    def bare(order: MedicationOrder) -> MedicationOrder:
        return replace(order, identity=frozenset())

    orders = tuple(bare(order) for order in record.medications.items)
    drafts = tuple(bare(order) for order in record.drafts)
    return replace(record, medications=replace(record.medications, items=orders), drafts=drafts)


@pytest.mark.parametrize("folder", ["firing", "boundary", "well", "broken"])
def test_the_record_of_every_synthetic_patient_comes_back_as_it_was(folder: str) -> None:
    found = [item for item in answered() if item.sample.folder == folder]
    assert found
    for item in found:
        record = item.answer.record
        assert nameless(back(record)) == nameless(record), item.sample.name
        assert canonical(encode(back(record))) == canonical(encode(record)), item.sample.name


def decided_again(item: Answered) -> dict[str, Any]:
    record = decode(Record, parse(item.entry().body)["record"])
    no_drugs = parse(item.entry().body)["no_drugs"]
    again = decide(book(), record, item.sample.now, item.call.hook, no_drugs, whole=False)
    return parse(canonical(written(again)))


@pytest.mark.parametrize("folder", ["firing", "boundary", "well", "broken"])
def test_a_kept_record_gets_the_decisions_the_patient_got(folder: str) -> None:
    for item in answered():
        if item.sample.folder == folder:
            body, again = item.body(), decided_again(item)
            assert again["rules"] == body["rules"], item.sample.name
            assert again["ruled_out"] == body["ruled_out"], item.sample.name
            assert again["nodes"] == body["nodes"], item.sample.name
            assert [fact["explained"] for fact in again["facts"]] == [
                fact["explained"] for fact in body["facts"]
            ], item.sample.name


def test_numbers_keep_their_digits_and_times_their_offset() -> None:
    drawn = datetime(2026, 11, 21, 3, 0, 0, 7, tzinfo=timezone(timedelta(hours=-5)))
    quantity = Quantity(Analyte.MAGNESIUM, Interval(None, Decimal("0.50"), high_open=True), "mg/dL")
    fact = Fact("magnesium", Measured(quantity, "<0.50 mg/dL", drawn), "low")
    tree = encode(fact)
    assert tree["state"] == {
        "is": "measured",
        "quantity": {
            "analyte": "magnesium",
            "interval": {"high": "0.50", "high_open": True},
            "unit": "mg/dL",
        },
        "as_received": "<0.50 mg/dL",
        "when": "2026-11-21T03:00:00.000007-05:00",
    }
    found = decode(Fact, tree)
    assert found == fact
    assert isinstance(found.state, Measured)
    assert str(found.state.quantity.interval.high) == "0.50"


SAME_INSTANT = [
    (datetime(2026, 11, 1, 9, tzinfo=UTC), "2026-11-01T09:00:00.000000+00:00"),
    (datetime(2026, 11, 1, 10, tzinfo=timezone(timedelta(hours=1))), "10:00:00.000000+01:00"),
    (datetime(2026, 11, 1, 4, tzinfo=ZoneInfo("America/New_York")), "04:00:00.000000-05:00"),
]
# The clocks go back: the hour comes twice, and the two compare as equal.
TWICE = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/New_York"))


def test_equal_instants_keep_the_offset_each_came_with() -> None:
    assert len({moment for moment, _ in SAME_INSTANT}) == 1
    for moment, told in (*SAME_INSTANT, *reversed(SAME_INSTANT)):
        assert encode(replace(ORDER, start=moment))["start"].endswith(told)
    spelled = [encode(replace(ORDER, start=TWICE.replace(fold=fold)))["start"] for fold in (0, 1)]
    assert [text[-6:] for text in spelled] == ["-04:00", "-05:00"]


def test_what_is_false_and_what_is_not_known_are_two_things() -> None:
    spellings = []
    for parenteral in (True, False, None):
        tree = encode(replace(ORDER, parenteral=parenteral))
        assert decode(MedicationOrder, tree).parenteral is parenteral
        spellings.append(tree.get("parenteral"))
    assert spellings == [True, False, None]


def test_a_dose_that_is_unclear_stays_unclear() -> None:
    for dose in (DOSE, Unclear("the unit is not known"), None):
        assert decode(MedicationOrder, encode(replace(ORDER, dose=dose))).dose == dose


def test_sets_have_one_order_and_keys_too() -> None:
    fact = Fact("band", Category(frozenset({"low", "severe", "adequate"})), "one of three")
    assert canonical(encode(fact)) == (
        b'{"explained":"one of three","name":"band",'
        b'"state":{"is":"category","labels":["adequate","low","severe"]}}'
    )


class Route(msgspec.Struct, frozen=True):
    text: str
    codes: tuple[str, ...] = ()


WARD = timezone(timedelta(hours=-5))
FIRST_HOUR = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))
ALIKE: list[tuple[str, Any, Any]] = [
    ("a number with more digits", Decimal("1.0"), Decimal("1.00")),
    ("an integer and the same decimal", 2, Decimal("2.0")),
    ("an instant in two zones", AT, AT.astimezone(WARD)),
    ("sets", frozenset({"a", "b"}), frozenset({"b", "a"})),
    ("a route as it was sent", Route("IV", ("1",)), Route("IV", ("1",))),
    ("a name that was kept before", kept_name("x"), "x"),
]
APART: list[tuple[str, Any, Any]] = [
    ("a text and a number", "1", 1),
    ("numbers that differ late", Decimal(f"1.{'0' * 40}1"), Decimal(1)),
    ("the first hour there is", FIRST_HOUR, FIRST_HOUR.replace(hour=1)),
    ("nothing and an empty text", None, ""),
    ("bytes and text", b"1", "1"),
    ("pairs cut elsewhere", ("a", "b,c"), ("a,b", "c")),
    ("routes", Route("IV"), Route("IM")),
    ("kinds of orders", OrderKind.ACTIVE, OrderKind.DRAFT),
    ("days", date(2026, 11, 21), date(2026, 11, 22)),
    ("a day and its text", date(2026, 11, 21), "2026-11-21"),
]


@pytest.mark.parametrize(("one", "other"), [x[1:] for x in ALIKE], ids=[x[0] for x in ALIKE])
def test_names_that_were_equal_stay_equal(one: Any, other: Any) -> None:
    assert kept_name((one,)) == kept_name((other,)) or kept_name(one) == kept_name(other)


@pytest.mark.parametrize(("one", "other"), [x[1:] for x in APART], ids=[x[0] for x in APART])
def test_names_that_differed_still_differ(one: Any, other: Any) -> None:
    assert kept_name(one) != kept_name(other)
    assert kept_name((one,)) != kept_name((other,))


def test_nothing_of_an_order_can_be_read_from_its_kept_names() -> None:
    order = replace(ORDER, identity=frozenset({("rx-system", "RX-4711"), ("ref", "other")}))
    tree = encode(order)
    assert len(tree["identity"]) == 2
    assert "4711" not in json.dumps(tree)
    again = encode(decode(MedicationOrder, tree))
    assert again == tree


def test_a_revised_order_still_shares_a_name_with_its_draft() -> None:
    sample = named("four-grams-with-stage-4-kidneys").sample
    draft = sample.request["context"]["draftOrders"]["entry"][0]["resource"]
    ours = {"system": "urn:rx", "value": "RX-4711"}
    revised = {**draft, "identifier": [ours]}
    active = {**draft, "id": "running", "status": "active", "identifier": [ours]}
    listed = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": active}]}
    drafts = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": revised}]}
    request = {**sample.request, "prefetch": {**sample.request["prefetch"], "medications": listed}}
    call = call_of(replace(sample, request=request), draftOrders=drafts)
    record = read_chart(call, book().terminology, sample.now).record
    again = back(record)
    for found in (record, again):
        assert found.medications.items[0].identity & found.drafts[0].identity
    before = decide(book(), record, sample.now, call.hook)
    assert decide(book(), again, sample.now, call.hook).facts == before.facts


def test_the_format_has_a_number_and_these_fields() -> None:
    """A field that comes, goes or changes its type changes what old bodies mean: raise FORMAT,
    keep a way to read the format before, and only then write the new sum here."""
    shape = [[kind.__name__, [[f.name, str(f.type)] for f in fields(kind)]] for kind in CLASSES]
    total = hashlib.sha256(json.dumps(shape).encode()).hexdigest()
    assert (FORMAT, total[:16]) == (3, "90af02b75c0796a4")


class Strange(Enum):
    THING = "thing"


RESULT = LabResult(Analyte.MAGNESIUM, "Observation/1", "1.0 mg/dL", None, None, ("",))
WRONG: Any = Record(
    Person("Patient/1"),
    Place(Setting.INPATIENT),
    Listing("observations", (RESULT, object())),
    Listing("medications"),
)
UNKEPT: list[tuple[str, Any, str]] = [
    ("a float", replace(ORDER, per_day=1.5), "MedicationOrder.per_day: Decimal is expected"),
    ("a naive time", replace(ORDER, start=AT.replace(tzinfo=None)), "MedicationOrder.start"),
    ("a stranger in a list", WRONG, "Record.labs: Listing.items: LabResult is expected, not obj"),
    ("another kind of amount", replace(ORDER, dose="2 g"), "MedicationOrder.dose: str is none of"),
    ("nothing where text stands", replace(ORDER, name=None), "MedicationOrder.name"),
    ("another enumeration", replace(RESULT, analyte=Strange.THING), "LabResult.analyte"),
    ("an unknown class", object(), "`object` is not among what is kept"),
    ("a name of a strange kind", replace(ORDER, identity=frozenset({1.5})), "`float` cannot be"),
    (
        "a name with a naive time",
        replace(ORDER, identity=frozenset({AT.replace(tzinfo=None)})),
        "without an offset",
    ),
]


@pytest.mark.parametrize(("value", "told"), [x[1:] for x in UNKEPT], ids=[x[0] for x in UNKEPT])
def test_what_has_no_spelling_is_an_error_that_names_the_place(value: Any, told: str) -> None:
    with pytest.raises(CodecError) as caught:
        encode(value)
    assert told in str(caught.value)


GOOD = encode(replace(ORDER, start=AT, per_day=Decimal(2)))
SPOILED: list[tuple[str, dict[str, Any], str]] = [
    ("a field nobody knows", {**GOOD, "secret-x": 1}, "has a field that this version does not"),
    ("a field that is missing", {"source": "a", "name": "b"}, "MedicationOrder.kind: it is miss"),
    ("a tag nobody knows", {**GOOD, "dose": {"is": "secret-x"}}, "dose: `is` names none of"),
    ("no tag", {**GOOD, "dose": {"why": "secret-x"}}, "dose: `is` names none of"),
    ("an object that is text", {**GOOD, "dose": "secret-x"}, "MedicationOrder.dose: dict is"),
    ("a list that is text", {**GOOD, "flags": "secret-x"}, "MedicationOrder.flags: list is"),
    ("a number that is none", {**GOOD, "per_day": "secret-x"}, "is not the text of a Decimal"),
    ("a number that is a float", {**GOOD, "per_day": 1.5}, "is not the text of a Decimal"),
    ("a word that is none", {**GOOD, "kind": "secret-x"}, "is not the text of a OrderKind"),
    ("a time without offset", {**GOOD, "start": "2026-11-21T09:00:00"}, "text of a datetime"),
    ("a truth that is text", {**GOOD, "once": "secret-x"}, "MedicationOrder.once: bool is"),
]


@pytest.mark.parametrize(("tree", "told"), [x[1:] for x in SPOILED], ids=[x[0] for x in SPOILED])
def test_what_cannot_be_read_is_named_without_its_value(tree: dict[str, Any], told: str) -> None:
    with pytest.raises(CodecError) as caught:
        decode(MedicationOrder, tree)
    assert told in str(caught.value)
    assert "secret-x" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"1"])
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(CodecError, match="not a JSON object"):
        parse(body)


def test_an_error_names_the_whole_way_to_the_place() -> None:
    tree = encode(named("first-card").answer.record)
    tree["labs"]["items"][0]["quantity"]["interval"]["low"] = "one"
    with pytest.raises(CodecError, match=r"^Record.labs: Listing.items: LabResult.quantity: Quan"):
        decode(Record, tree)


def test_every_state_of_a_fact_is_told_apart() -> None:
    states = {
        encode(fact)["state"]["is"] for item in answered() for fact in item.answer.decisions.facts
    }
    assert states == {"measured", "category", "presence", "missing", "notknown", "nothing"}
    missing = Fact(
        "k", Missing(Reason.STALE, "3.1", AT), "old", (Evidence("Observation/1", "3.1", AT),)
    )
    assert decode(Fact, encode(missing)) == missing
