"""What is fetched, from where, with what, and how it joins what the call brought."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
import respx
from other_side import (
    AT,
    BASE,
    KEYS,
    PATIENT,
    SUBJECT,
    TOKEN,
    authorization,
    bundle,
    call,
    fetch,
    raw,
    reply,
    result,
    words,
)

from cds.errors import BadRequest
from cds.fhir.access import FetchLimits
from cds.fhir.outcomes import WHY, Outcome
from cds.fhir.prefetch import EXPECTED, REFERRED, resolve

ENCOUNTER = {"resourceType": "Encounter", "id": "e1", "status": "in-progress", **SUBJECT}
OTHER = {"subject": {"reference": "Patient/p2"}}
FULL = {"patient": PATIENT, **dict.fromkeys(set(EXPECTED) - {"patient"})}
FAILED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}

Answers = Mapping[str, Any]


def serving(
    answers: Answers | None = None, seen: list[httpx.Request] | None = None
) -> Callable[[respx.MockRouter], Any]:
    """A server that is fine: `answers` by path with query or by path, every other search empty."""
    known = {"/fhir/Patient/p1": PATIENT, "/fhir/Encounter/e1": ENCOUNTER, **(answers or {})}

    def answer(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        full = request.url.raw_path.decode()
        found = known.get(full, known.get(full.partition("?")[0], bundle()))
        return found if isinstance(found, httpx.Response) else reply(found)

    return lambda router: router.get(url__startswith=AT).mock(side_effect=answer)


def paths(seen: list[httpx.Request]) -> list[str]:
    return [request.url.raw_path.decode() for request in seen]


def order(name: str, reference: str, **members: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": name,
        "status": "active",
        **SUBJECT,
        "medicationReference": {"reference": reference},
        **members,
    }


def medication(name: str) -> dict[str, Any]:
    return {"resourceType": "Medication", "id": name, "code": {"text": name}}


def test_without_prefetch_every_key_is_fetched_and_nothing_is_open() -> None:
    found, _ = fetch(serving({"/fhir/Observation": bundle(result("a"), total=1)}), call())
    keys = resolve({}, "p1", found.supplied)
    assert {key: (item.supplied, item.gap) for key, item in keys.items()} == dict.fromkeys(
        EXPECTED, (True, "")
    )
    assert [item.ref for item in keys["observations"].resources] == ["Observation/a"]
    assert sorted(note.key for note in found.calls) == sorted(KEYS)
    assert set(words(found)) == {"ok"}


def test_what_the_client_supplied_is_not_asked_again() -> None:
    seen: list[httpx.Request] = []
    found, _ = fetch(serving(seen=seen), call(FULL))
    assert (seen, found.supplied, found.calls, found.digest()) == ([], {}, (), "")


def test_null_is_an_answer_and_a_failed_query_is_asked_once_more() -> None:
    seen: list[httpx.Request] = []
    asked = call({**FULL, "problems": FAILED})
    found, _ = fetch(serving({"/fhir/Condition": bundle()}, seen), asked)
    assert paths(seen) == ["/fhir/Condition?patient=p1&_count=1000"]
    assert resolve(asked.prefetch, "p1", found.supplied)["problems"].gap == ""


def test_where_both_queries_failed_both_are_named() -> None:
    asked = call({**FULL, "problems": FAILED})
    found, _ = fetch(serving({"/fhir/Condition": reply(FAILED, 500)}), asked)
    gap = resolve(asked.prefetch, "p1", found.supplied)["problems"].gap
    assert "the client's query for `problems` failed" in gap
    assert WHY[Outcome.SERVER_ERROR] in gap


def test_only_the_keys_of_the_service_are_fetched() -> None:
    found, _ = fetch(serving(), call(), ["patient", "weather"])
    assert set(found.supplied) == {"patient"}


def test_a_value_that_is_no_resource_is_left_to_be_refused() -> None:
    asked = call({"patient": PATIENT, "problems": 7})
    found, _ = fetch(serving(), asked)
    assert "problems" not in found.supplied
    with pytest.raises(BadRequest):
        resolve(asked.prefetch, "p1", found.supplied)


def test_every_question_carries_the_token_of_the_call_and_nothing_else_of_it() -> None:
    seen: list[httpx.Request] = []
    second = f"{BASE}?_getpages=1"
    answers = {"/fhir/Condition": bundle(next_page=second), "/fhir?_getpages=1": bundle()}
    fetch(serving(answers, seen), call())
    assert len(seen) == 10
    for request in seen:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert request.headers["accept"] == "application/fhir+json"
        assert request.headers["host"] == "ehr.example.org"
        assert "cookie" not in request.headers


def test_the_templates_are_filled_and_their_query_is_encoded() -> None:
    seen: list[httpx.Request] = []
    fetch(serving(seen=seen), call())
    assert sorted(paths(seen)) == sorted(
        [
            "/fhir/AllergyIntolerance?patient=p1&_count=1000",
            "/fhir/Condition?patient=p1&_count=1000",
            "/fhir/Encounter/e1",
            "/fhir/MedicationAdministration?patient=p1&_sort=-effective-time&_count=1000"
            "&_include=MedicationAdministration:medication",
            "/fhir/MedicationRequest?patient=p1&_sort=-authoredon&_count=1000"
            "&_include=MedicationRequest:medication",
            "/fhir/Observation?patient=p1&code=http://loinc.org%7C2601-3&_sort=-date&_count=1000",
            "/fhir/Patient/p1",
            "/fhir/Procedure?patient=p1&_sort=-date&_count=1000",
            "/fhir/ServiceRequest?patient=p1&_sort=-authored&_count=1000",
        ]
    )


def test_without_an_encounter_id_no_encounter_is_asked_for() -> None:
    found, _ = fetch(serving(), call(encounter_id=None))
    assert "encounter" not in found.supplied
    assert "encounter" not in {note.key for note in found.calls}


@pytest.mark.parametrize("name", ["p1/../p2", "p1?x=1", "p 1", "..", ".", "p%31", "p1&x", "é"])
def test_an_id_that_would_change_the_address_is_not_used(name: str) -> None:
    seen: list[httpx.Request] = []
    found, _ = fetch(serving(seen=seen), call(patient_id=name))
    assert {path.partition("?")[0] for path in paths(seen)} <= {"/fhir/Encounter/e1"}
    assert WHY[Outcome.BAD_ID] in found.supplied["patient"].gap
    assert name not in found.supplied["patient"].gap


def test_the_long_id_of_a_vendor_is_used() -> None:
    name = "eXb_7.~" * 36
    found, _ = fetch(
        serving({f"/fhir/Patient/{name}": {**PATIENT, "id": name}}), call(patient_id=name)
    )
    assert [item.id for item in found.supplied["patient"].resources] == [name]


def test_all_keys_are_asked_at_once_but_never_more_than_six() -> None:
    now: list[int] = []
    most: list[int] = []

    async def answer(_request: httpx.Request) -> httpx.Response:
        now.append(1)
        most.append(len(now))
        await asyncio.sleep(0.1)
        now.pop()
        return reply(bundle())

    _, seconds = fetch(
        lambda router: router.get(url__startswith=AT).mock(side_effect=answer), call()
    )
    assert (max(most), seconds) == (6, pytest.approx(0.2))


# Who may be asked


@pytest.mark.parametrize(
    ("server", "allowed"),
    [
        (BASE, [BASE]),
        (f"{BASE}/", [BASE]),
        (BASE, [f"{BASE}/"]),
        ("HTTPS://EHR.example.ORG:443/fhir", [BASE]),
        (BASE, ["https://other.example.org", "https://ehr.example.org"]),
    ],
)
def test_a_server_on_the_list_is_asked(server: str, allowed: list[str]) -> None:
    found, _ = fetch(serving(), call(fhir_server=server), ["patient"], allowed=allowed)
    assert words(found) == ["ok"]


@pytest.mark.parametrize(
    ("server", "allowed"),
    [
        (BASE, []),
        (BASE, ["https://other.example.org/fhir"]),
        (BASE, ["http://ehr.example.org/fhir"]),
        (BASE, ["https://ehr.example.org:8443/fhir"]),
        (BASE, ["https://ehr.example.org/fhir/r4"]),
        (f"{BASE}-evil", [BASE]),
        (f"{BASE}/../admin", [BASE]),
        (f"{BASE}?x=", [BASE]),
        (f"{BASE}#x", [BASE]),
        ("https://ehr.example.org@evil.example/fhir", [BASE]),
        ("https://ehr.example.org.evil.example/fhir", [BASE]),
        (BASE, ["*", "", "nonsense"]),
    ],
)
def test_a_server_that_is_not_on_the_list_is_never_asked(server: str, allowed: list[str]) -> None:
    seen: list[httpx.Request] = []
    asked = call({"patient": PATIENT, "observations": None}, fhir_server=server)
    found, _ = fetch(serving(seen=seen), asked, allowed=allowed)
    problems = resolve(asked.prefetch, "p1", found.supplied)["problems"]
    assert (seen, set(words(found))) == ([], {"not-allowed"})
    assert (problems.supplied, problems.asked) == (False, False)
    assert WHY[Outcome.NOT_ALLOWED] in problems.gap


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"authorization": None}, "no-token"),
        ({"authorization": authorization(expires_in=0)}, "expired"),
    ],
)
def test_without_a_valid_token_nobody_is_asked(change: dict[str, Any], word: str) -> None:
    seen: list[httpx.Request] = []
    found, _ = fetch(serving(seen=seen), call(**change))
    assert (seen, set(words(found))) == ([], {word})


def test_a_sandbox_may_ask_without_a_token() -> None:
    seen: list[httpx.Request] = []
    found, _ = fetch(
        serving(seen=seen), call(authorization=None), limits=FetchLimits(anonymous=True)
    )
    assert set(words(found)) == {"ok"}
    assert all("authorization" not in request.headers for request in seen)


def test_a_call_that_names_no_server_fetches_nothing() -> None:
    found, _ = fetch(serving(), call(fhir_server=None, authorization=None))
    assert (found.supplied, found.calls) == ({}, ())


# Pages


def page(number: int, of: int) -> dict[str, Any]:
    after = f"{BASE}/Observation?page={number + 1}" if number < of else ""
    return bundle(result(f"r{number}"), next_page=after)


def pages(of: int) -> Answers:
    rest = {f"/fhir/Observation?page={n}": page(n, of) for n in range(2, of + 1)}
    return {"/fhir/Observation": page(1, of), **rest}


def labs(answers: Answers, asked: Any = None, limits: FetchLimits | None = None) -> Any:
    asked = asked or call({"patient": PATIENT})
    found, _ = fetch(serving(answers), asked, ["observations"], limits=limits or FetchLimits())
    return resolve(asked.prefetch, "p1", found.supplied)["observations"]


def test_all_pages_are_read() -> None:
    found = labs(pages(10))
    assert ([item.id for item in found.resources], found.gap) == (
        [f"r{n}" for n in range(1, 11)],
        "",
    )


def test_a_prefetched_bundle_is_continued() -> None:
    asked = call({"patient": PATIENT, "observations": page(1, 3)})
    found = labs(pages(3), asked)
    assert ([item.id for item in found.resources], found.gap) == (["r1", "r2", "r3"], "")


@pytest.mark.parametrize(
    ("answers", "limits", "word", "names"),
    [
        (pages(4), FetchLimits(pages=3), Outcome.TOO_MANY_PAGES, ["r1", "r2", "r3"]),
        (pages(4), FetchLimits(resources=2), Outcome.TOO_MANY, ["r1", "r2"]),
        (
            {**pages(2), "/fhir/Observation?page=2": page(1, 2)},
            FetchLimits(),
            Outcome.LOOP,
            ["r1"],
        ),
    ],
    ids=["pages", "resources", "circle"],
)
def test_pages_end_somewhere_and_the_list_is_then_not_complete(
    answers: Answers, limits: FetchLimits, word: Outcome, names: list[str]
) -> None:
    found = labs(answers, limits=limits)
    assert [item.id for item in found.resources] == names
    assert found.gap == f"more pages of `observations` exist and were not read: {WHY[word]}"


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/fhir/Observation?page=2",
        "http://ehr.example.org/fhir/Observation?page=2",
        "https://ehr.example.org:8443/fhir/Observation?page=2",
        "https://ehr.example.org/other/Observation?page=2",
        "https://ehr.example.org/fhir/../other?page=2",
        "https://ehr.example.org/fhir/%2e%2e/other",
        "https://ehr.example.org@evil.example/fhir/",
        "//evil.example/fhir/Observation",
        "/other",
        "../../other",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "",
        "https://[bad",
        "Obse\trvation?page=2",
    ],
)
@pytest.mark.parametrize("prefetched", [True, False])
def test_a_next_page_elsewhere_is_not_asked_for(link: str, prefetched: bool) -> None:
    seen: list[httpx.Request] = []
    first = bundle(result("r1"))
    first["link"] = [{"relation": "next", "url": link}]
    asked = call({"patient": PATIENT, **({"observations": first} if prefetched else {})})
    found, _ = fetch(serving({"/fhir/Observation": first}, seen), asked, ["observations"])
    gap = resolve(asked.prefetch, "p1", found.supplied)["observations"].gap
    assert len(seen) == (0 if prefetched else 1)
    if link or not prefetched:
        assert gap == (
            f"more pages of `observations` exist and were not read: {WHY[Outcome.OFF_SERVER]}"
        )
    else:
        assert gap == "more pages of `observations` exist"


@pytest.mark.parametrize(
    "link", ["Observation?page=2", "?page=2", "/fhir/Observation?page=2", f"{BASE}?page=2"]
)
def test_a_next_page_below_the_base_is_read_however_it_is_written(link: str) -> None:
    second = bundle(result("r2"))
    answers = {
        "/fhir/Observation": bundle(result("r1"), next_page=link),
        "/fhir/Observation?page=2": second,
        "/fhir?page=2": second,
    }
    found = labs(answers)
    assert ([item.id for item in found.resources], found.gap) == (["r1", "r2"], "")


def test_an_entry_that_is_sent_twice_counts_once_and_is_then_missed_in_the_total() -> None:
    second = bundle(result("r1"), result("r2"), total=3)
    answers = {
        "/fhir/Observation": bundle(result("r1"), total=3, next_page=f"{BASE}/Observation?page=2"),
        "/fhir/Observation?page=2": second,
    }
    found = labs(answers)
    assert [item.id for item in found.resources] == ["r1", "r2"]
    assert found.gap == "more entries of `observations` are stated than were sent"


def test_a_total_that_is_larger_than_what_was_sent_is_a_gap() -> None:
    assert labs({"/fhir/Observation": bundle(result("r1"), total=2)}).gap != ""


def test_an_error_inside_of_a_search_is_a_gap_and_a_word() -> None:
    answers = {"/fhir/Observation": bundle(result("r1"), FAILED)}
    found, _ = fetch(serving(answers), call(), ["observations"])
    assert (
        found.supplied["observations"].gap == "the search behind `observations` reported an error"
    )
    assert words(found) == ["ok", "search-error"]


def test_a_page_without_a_token_leaves_the_first_page_and_its_reason() -> None:
    asked = call({"patient": PATIENT, "observations": page(1, 2)}, authorization=None)
    found = labs(pages(2), asked)
    assert [item.id for item in found.resources] == ["r1"]
    assert found.gap.endswith(WHY[Outcome.NO_TOKEN])


# Whose data it is


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p2",
        "Group/p1",
        "p1",
        "https://elsewhere.example/fhir/Patient/p1",
        f"{BASE}/Patient/p2",
        "urn:uuid:p2",
        "https://ehr.example.org/fhirPatient/p1",
    ],
)
def test_somebody_elses_resource_is_dropped_counted_and_named(reference: str) -> None:
    foreign = result("r2", subject={"reference": reference})
    found = labs({"/fhir/Observation": bundle(result("r1"), foreign, total=2)})
    assert [item.id for item in found.resources] == ["r1"]
    assert (found.foreign, found.gap) == (1, "")


def test_a_list_with_somebody_elses_entry_proves_nothing_by_what_it_lacks() -> None:
    answers = {"/fhir/Condition": bundle({"resourceType": "Condition", "id": "c", **OTHER})}
    found, _ = fetch(serving(answers), call(), ["problems"])
    problems = found.supplied["problems"]
    assert problems.resources == ()
    assert problems.gap == "1 resource of `problems` belongs to another patient and was left out"
    assert words(found) == ["ok", "other-patient"]


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/p1"},
        {"reference": "Patient/p1/_history/3"},
        {"reference": f"{BASE}/Patient/p1"},
        {"reference": "HTTPS://ehr.example.org:443/fhir/Patient/p1"},
        {"reference": "urn:uuid:p1"},
        {"reference": "#p"},
        {"display": "stated in words"},
    ],
)
def test_the_patient_in_context_may_be_written_in_many_ways(subject: dict[str, str]) -> None:
    found = labs({"/fhir/Observation": bundle(result("r1", subject=subject))})
    assert ([item.id for item in found.resources], found.gap) == (["r1"], "")


@pytest.mark.parametrize(
    ("key", "gap"),
    [
        ("observations", ""),
        ("problems", "2 resources of `problems` belong to another patient and were left out"),
    ],
)
def test_strangers_in_prefetch_are_counted_and_left_for_the_chart_to_name(
    key: str, gap: str
) -> None:
    kind = EXPECTED[key]
    entries = [{**result(f"r{n}"), "resourceType": kind} for n in range(3)]
    value = bundle(entries[0], {**entries[1], **OTHER}, {**entries[2], **OTHER})
    sent = {"patient": raw(PATIENT), "observations": raw(None), key: raw(value)}
    found = resolve(sent, "p1")[key]
    assert ([item.id for item in found.resources], found.gap) == (["r0", "r1", "r2"], gap)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ({"resourceType": "Patient", "id": "p2"}, "other-patient"),
        ({"resourceType": "Patient"}, "other-patient"),
    ],
)
def test_another_patient_for_a_read_is_412_not_somebody_elses_card(
    answer: dict[str, Any], word: str
) -> None:
    found, _ = fetch(serving({"/fhir/Patient/p1": answer}), call(), ["patient"])
    assert (words(found), found.supplied["patient"].supplied) == ([word], False)


@pytest.mark.parametrize(
    ("change", "word"), [(OTHER, "other-patient"), ({"id": "e2"}, "wrong-resource")]
)
def test_another_encounter_is_not_known(change: dict[str, Any], word: str) -> None:
    found, _ = fetch(
        serving({"/fhir/Encounter/e1": {**ENCOUNTER, **change}}), call(), ["encounter"]
    )
    assert words(found)[-1] == word
    assert (found.supplied["encounter"].supplied, found.supplied["encounter"].resources) == (
        False,
        (),
    )


def test_the_patient_of_an_allergy_counts() -> None:
    foreign = {"resourceType": "AllergyIntolerance", "id": "a", "patient": OTHER["subject"]}
    found, _ = fetch(serving({"/fhir/AllergyIntolerance": bundle(foreign)}), call(), ["allergies"])
    assert (found.supplied["allergies"].resources, bool(found.supplied["allergies"].gap)) == (
        (),
        True,
    )
    assert words(found) == ["ok", "other-patient"]


# Medications


def referred(answers: Answers, asked: Any = None, limits: FetchLimits | None = None) -> Any:
    seen: list[httpx.Request] = []
    asked = asked or call({"patient": PATIENT, "observations": None})
    found, _ = fetch(
        serving(answers, seen),
        asked,
        ["medications", "administrations"],
        limits=limits or FetchLimits(),
    )
    names = [path for path in paths(seen) if "/Medication/" in path]
    supplied = resolve(asked.prefetch, "p1", found.supplied)["medications"]
    held = [item.ref for item in supplied.resources if item.type == "Medication"]
    return names, held, found, supplied


def test_a_medication_that_was_not_included_is_read() -> None:
    answers = {
        "/fhir/MedicationRequest": bundle(order("r", "Medication/m1")),
        "/fhir/MedicationAdministration": bundle(
            {**order("g", f"{BASE}/Medication/m2"), "resourceType": "MedicationAdministration"}
        ),
        "/fhir/Medication/m1": medication("m1"),
        "/fhir/Medication/m2": medication("m2"),
    }
    names, held, _, supplied = referred(answers)
    assert names == ["/fhir/Medication/m1", "/fhir/Medication/m2"]
    assert (held, supplied.gap) == (["Medication/m1", "Medication/m2"], "")


def test_a_medication_that_is_there_is_not_read() -> None:
    full_url = {"fullUrl": "urn:uuid:m3", "resource": {"resourceType": "Medication"}}
    listed = bundle(
        order("a", "Medication/m1"),
        order("b", f"{BASE}/Medication/m1/_history/2"),
        order("c", "#inside", contained=[{**medication("inside")}]),
        order("d", "urn:uuid:m3"),
        medication("m1"),
    )
    listed["entry"].append(full_url)
    names, held, _, _ = referred({"/fhir/MedicationRequest": listed})
    assert (names, len(held)) == ([], 2)


def test_the_medication_of_a_draft_is_read_though_all_lists_were_supplied() -> None:
    drafts = bundle(order("d", "Medication/m1", status="draft"))
    asked = call(FULL, draft_orders=raw(drafts))
    names, held, _, supplied = referred({"/fhir/Medication/m1": medication("m1")}, asked)
    assert (names, held, supplied.gap) == (["/fhir/Medication/m1"], ["Medication/m1"], "")


@pytest.mark.parametrize(
    "reference",
    [
        "https://evil.example/fhir/Medication/m1",
        f"{BASE}/Basic/m1",
        f"{BASE}/Medication/../m1",
        "Medication/a b",
        "Medication/",
        "Substance/m1",
        "urn:uuid:nowhere",
        "m1",
    ],
)
def test_a_medication_elsewhere_is_not_read(reference: str) -> None:
    names, held, found, _ = referred({"/fhir/MedicationRequest": bundle(order("r", reference))})
    assert (names, held) == ([], [])
    assert "off-server" in words(found)


def test_drafts_come_first_then_what_is_going_on_and_there_is_an_end() -> None:
    listed = bundle(
        *(order(f"o{n}", f"Medication/old{n}", status="completed") for n in range(3)),
        *(order(f"a{n}", f"Medication/now{n}") for n in range(2)),
    )
    drafts = bundle(order("d", "Medication/draft", status="draft"))
    asked = call({"patient": PATIENT, "observations": None}, draft_orders=raw(drafts))
    names, _, found, _ = referred(
        {"/fhir/MedicationRequest": listed}, asked, FetchLimits(medications=4)
    )
    assert [name.rpartition("/")[2] for name in names] == ["draft", "now0", "now1", "old0"]
    assert "too-many" in words(found)


def test_another_medication_than_the_one_asked_for_is_not_used() -> None:
    answers = {
        "/fhir/MedicationRequest": bundle(order("r", "Medication/m1")),
        "/fhir/Medication/m1": medication("m2"),
    }
    _, held, found, _ = referred(answers)
    assert (held, words(found)[-1]) == ([], "wrong-resource")


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_does_not_know_the_include_is_asked_without_it(status: int) -> None:
    with_it = (
        "/fhir/MedicationRequest?patient=p1&_sort=-authoredon&_count=1000"
        "&_include=MedicationRequest:medication"
    )
    plain = bundle(order("r", "Medication/m1"))
    found, _ = fetch(
        serving({with_it: reply(FAILED, status), "/fhir/MedicationRequest": plain}),
        call(),
        ["medications"],
    )
    assert found.supplied["medications"].supplied is (status == 400)


def test_orders_that_do_not_decode_refer_to_nothing() -> None:
    broken = order("r", "Medication/m1", status=7)
    names, _, _, _ = referred({"/fhir/MedicationRequest": bundle(broken)})
    assert names == []


@pytest.mark.parametrize("drafts", [7, {"resourceType": "Bundle", "entry": 7}])
def test_draft_orders_that_cannot_be_read_are_left_to_be_refused(drafts: Any) -> None:
    found, _ = fetch(serving(), call(FULL, draft_orders=raw(drafts)))
    assert REFERRED not in found.supplied


# What is left behind


def test_the_digest_tells_what_was_fetched_apart() -> None:
    one, same, other = (
        fetch(serving({"/fhir/Observation": bundle(result(name))}), call())[0].digest()
        for name in ("a", "a", "b")
    )
    assert (one == same, one == other, len(one)) == (True, False, 64)


def test_the_token_is_in_no_text_of_the_call(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    asked = call()
    found, _ = fetch(serving({"/fhir/Condition": reply(FAILED, 401)}), asked)
    assert TOKEN not in f"{asked} {asked.authorization} {found} {caplog.text}"
    assert "ehr.example.org" not in caplog.text
    assert TOKEN in replace(asked.authorization).access_token
