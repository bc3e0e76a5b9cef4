"""A list that was sent before is known again, by all that tells it from another."""

import json
import sys
from threading import Barrier, Thread
from typing import Any

import msgspec
import pytest

from cds.errors import BadRequest
from cds.fhir import known_lists
from cds.fhir.bundle import Supplied
from cds.fhir.known_lists import known_again
from cds.fhir.memo import LONGEST_LIST, Memory, weight_of_list
from cds.fhir.prefetch import resolve
from cds.hooks.digests import Digests


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def bundle(*names: str, **members: Any) -> dict[str, Any]:
    kind = {"resourceType": "Condition", "subject": {"reference": "Patient/p1"}}
    entry = [{"resource": {**kind, "id": name}} for name in names]
    return {"resourceType": "Bundle", "entry": entry, **members}


def problems(value: Any, patient: str = "p1", **fetched: Supplied) -> Supplied:
    person = raw({"resourceType": "Patient", "id": patient})
    sent = {"patient": person, "observations": raw(None), "problems": raw(value)}
    return resolve(sent, patient, fetched)["problems"]


def test_the_same_bytes_for_the_same_patient_are_the_same_list() -> None:
    first, again = problems(bundle("a", "b")), problems(bundle("a", "b"))
    assert first.known is again.known is not None
    assert first == Supplied("problems", tuple(again.resources))
    assert [item.id for item in again.resources] == ["a", "b"]
    assert (len(again.resources), again.resources[1].id) == (2, "b")
    assert [item.id for item in again.resources[:1]] == ["a"]


@pytest.mark.parametrize(
    "other",
    [
        lambda: problems(bundle("a", "c")),
        lambda: problems(bundle("a", "b"), patient="p2"),
        lambda: resolve(
            {
                "patient": raw({"resourceType": "Patient", "id": "p1"}),
                "observations": raw(None),
                "procedures": raw(bundle("a", "b")),
            },
            "p1",
        )["procedures"],
    ],
    ids=["other bytes", "other patient", "other key"],
)
def test_a_list_of_other_bytes_of_another_patient_or_key_is_another_list(other: Any) -> None:
    assert problems(bundle("a", "b")).known is not other().known


def test_each_patient_is_told_what_is_missing_for_him() -> None:
    for _ in range(2):
        assert problems(bundle("own")).gap == ""
        assert "belongs to another patient" in problems(bundle("own"), patient="p2").gap


def test_what_the_list_lacks_is_remembered_with_it() -> None:
    value = bundle("a", link=[{"relation": "next", "url": "https://x/2"}])
    value["entry"].append({"resource": 3})
    first, again = problems(value), problems(value)
    assert first.known is again.known
    for found in (first, again):
        assert (found.gap, found.broken, found.next_page) == (
            "more pages of `problems` exist",
            1,
            "https://x/2",
        )


def test_what_was_fetched_is_not_what_was_sent() -> None:
    fetched = Supplied("problems", gap="gone")
    sent = problems(bundle("f", link=[{"relation": "next", "url": "https://x/2"}]))
    assert sent.known is not None
    value = bundle("f", link=[{"relation": "next", "url": "https://x/2"}])
    assert problems(value, problems=fetched) == fetched
    assert problems(value, problems=fetched).known is None


def test_an_empty_list_stays_empty() -> None:
    assert [problems(bundle()).resources for _ in range(2)] == [(), ()]


def test_a_list_that_cannot_be_read_is_refused_each_time() -> None:
    for _ in range(2):
        with pytest.raises(BadRequest, match="problems"):
            problems({"resourceType": "Bundle", "entry": 3})


def test_a_very_long_list_is_read_every_time() -> None:
    long = raw("x" * LONGEST_LIST)
    found = [
        known_again("problems", "p1", long, Digests(), lambda: Supplied("problems"))
        for _ in range(2)
    ]
    assert [item.known for item in found] == [None, None]


def test_no_text_is_held() -> None:
    text = json.dumps(bundle("held")).encode()
    before = sys.getrefcount(text)
    found = [
        known_again(
            "problems", "p1", msgspec.Raw(text), Digests(), lambda: problems(bundle("held"))
        )
        for _ in range(2)
    ]
    assert found[0].known is found[1].known
    del found
    assert sys.getrefcount(text) == before


def test_what_is_remembered_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    memory: Memory[Any] = Memory(1000, 100_000)
    monkeypatch.setattr(known_lists, "_memory", memory)
    value = bundle(*(f"r{number}" for number in range(10)))
    least = weight_of_list(raw(value), 10)
    for number in range(200):
        problems({**value, "id": f"{number}"})
        beside = 1  # there are no results, which is remembered too
        assert (len(memory) - beside) * least <= 100_000
    assert len(memory) >= 5
    assert problems({**value, "id": "199"}).known is problems({**value, "id": "199"}).known


def test_two_threads_that_send_the_same_list_read_the_same() -> None:
    value, start = bundle(*(f"t{number}" for number in range(50))), Barrier(2)
    found: list[list[str]] = []

    def read() -> None:
        start.wait()
        for _ in range(50):
            found.append([item.id for item in problems(value).resources])

    threads = [Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 100
    assert all(names == [f"t{number}" for number in range(50)] for names in found)
