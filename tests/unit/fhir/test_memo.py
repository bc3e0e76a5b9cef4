import json
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from cds.fhir.bundle import RawResource, of_raw, read_page
from cds.fhir.memo import LONGEST, Known, Memory, digest_of, weight_of


def known(name: str = "a") -> Known:
    return Known("Observation", name, "Patient/p1")


def names(memory: Memory, among: Iterable[int]) -> list[int]:
    return [number for number in among if memory.recalled(b"%d" % number) is not None]


def resources(*items: Any) -> tuple[RawResource, ...]:
    page = {"resourceType": "Bundle", "entry": [{"resource": item} for item in items]}
    return read_page(msgspec.Raw(json.dumps(page).encode())).resources


def observation(**members: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": "memo", **members}


def test_what_was_kept_is_recalled_and_nothing_else() -> None:
    memory, item = Memory(), known()
    memory.keep(b"a", item, 10)
    assert memory.recalled(b"a") is item
    assert memory.recalled(b"b") is None


@pytest.mark.parametrize(
    ("most", "most_bytes", "weight"), [(20, 1_000_000, 1), (1_000_000, 200, 10)]
)
def test_neither_number_nor_weight_grow_beyond_the_bound_and_the_newest_stay(
    most: int, most_bytes: int, weight: int
) -> None:
    memory = Memory(most, most_bytes)
    for number in range(1000):
        memory.keep(b"%d" % number, known(), weight)
        assert len(memory) <= 20
    assert names(memory, range(990, 1000)) == list(range(990, 1000))
    assert names(memory, range(900)) == []


def test_what_is_asked_for_stays_while_others_come_and_go() -> None:
    memory = Memory(20)
    for number in range(200):
        memory.keep(b"%d" % number, known(), 1)
        assert memory.recalled(b"0") is not None
    assert memory.recalled(b"1") is None


def test_digests_are_as_different_as_the_bytes() -> None:
    assert digest_of(b"a") == digest_of(bytes(bytearray(b"a")))
    assert digest_of(b"a") != digest_of(b"b")


def test_the_same_bytes_are_known_again_and_other_bytes_are_not() -> None:
    first, again, other = (
        resources(observation(status=status))[0] for status in ("final", "final", "amended")
    )
    assert first.known is again.known is not None
    assert other.known is not first.known


def test_a_very_long_resource_is_read_every_time() -> None:
    long = observation(note="x" * LONGEST)
    (first,), (again,) = resources(long), resources(long)
    assert first.raw == again.raw
    assert first.known is not again.known


def test_a_resource_on_its_own_is_not_remembered() -> None:
    raw = msgspec.Raw(json.dumps(observation(status="alone")).encode())
    first, again = of_raw(raw), of_raw(raw)
    assert first is not None
    assert again is not None
    assert first.raw == again.raw
    assert first.known is not again.known


@pytest.mark.parametrize("nothing", [None, {}, {"id": "x"}, 3, {"resourceType": 5}])
def test_what_is_no_resource_is_counted_each_time(nothing: Any) -> None:
    for _ in range(2):
        page = {"resourceType": "Bundle", "entry": [{"resource": nothing}, {}]}
        found = read_page(msgspec.Raw(json.dumps(page).encode()))
        assert (found.resources, found.broken) == ((), 2)


@pytest.mark.parametrize(
    ("members", "owner"),
    [
        ({"subject": {"reference": "Patient/p1"}}, "Patient/p1"),
        ({"patient": {"reference": "Patient/p1"}}, "Patient/p1"),
        ({"subject": {"reference": "Patient/p1"}, "patient": "p2"}, "Patient/p1"),
        ({"subject": None, "patient": {"reference": "Patient/p2"}}, "Patient/p2"),
        ({"subject": {"display": "A"}, "patient": {"reference": "Patient/p2"}}, ""),
        ({"subject": "Patient/p1", "patient": {"reference": "Patient/p2"}}, ""),
        ({}, ""),
    ],
)
def test_the_owner_is_told_from_the_subject_before_the_patient(
    members: dict[str, Any], owner: str
) -> None:
    (found,) = resources(observation(**members))
    assert found.owner == owner


def test_a_resource_alone_has_bytes_of_its_own() -> None:
    (found,) = resources(observation(status="final"))
    assert found.alone() == RawResource(found.type, found.id, "", found.raw)
    assert found.alone().known is None


def test_many_small_objects_weigh_more_than_their_bytes() -> None:
    assert weight_of(b"[{},{},{}]") == 210
    assert weight_of(b'"long but one"') == 14
