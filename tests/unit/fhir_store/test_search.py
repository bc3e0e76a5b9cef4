"""Searching: what fits, in which order, on which page, and with what it refers to."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.errors import BadRequest, Forbidden
from cds.fhir.store import build_store
from cds.fhir.store_page import read_page_token
from cds.fhir.store_query import read_query
from cds.fhir.store_search import search

LOINC = "http://loinc.org"
BASE = "http://fhir.example/sandbox/fhir"


def coded(*codings: tuple[str, str]) -> dict[str, Any]:
    pairs = [{"system": system, "code": code} for system, code in codings]
    return {"coding": [{k: v for k, v in pair.items() if v} for pair in pairs]}


def result(key: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": key, **more}


def order(key: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "MedicationRequest", "id": key, **more}


CODED = (
    result("k", code=coded((LOINC, "2823-3"), ("urn:local", "K")), status="final"),
    result("mg", code=coded((LOINC, "19123-9")), status="preliminary"),
    result("local", code=coded(("", "2823-3")), status="final", category=[coded(("c", "lab"))]),
    result("text", code={"text": "2823-3"}),
)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (f"code={LOINC}|2823-3", ["k"]),
        (f"code={LOINC}|2823-3,{LOINC}|19123-9", ["k", "mg"]),
        (f"code={LOINC}|2823-3&code=K", ["k"]),
        (f"code={LOINC}|2823-3&code={LOINC}|19123-9", []),
        ("code=2823-3", ["k", "local"]),
        ("code=|2823-3", ["local"]),
        (f"code={LOINC}|", ["k", "mg"]),
        ("code=urn:other|2823-3", []),
        ("status=final", ["k", "local"]),
        ("status=final,preliminary&code=19123-9", ["mg"]),
        ("category=c|lab", ["local"]),
        ("_id=pat-a.mg,pat-a.none", ["mg"]),
        ("_id=pat-a.mg&_id=pat-a.k", []),
        ("_id=mg", []),
        ("patient=pat-a", ["k", "mg", "local", "text"]),
        ("subject=Patient/pat-a&status=preliminary", ["mg"]),
    ],
)
def test_a_search_finds_exactly_what_fits(
    make_store: Any, ids: Any, asked: str, found: list[str]
) -> None:
    store = make_store(*CODED)
    assert ids(store, f"Observation?{asked}") == found
    assert ids(store, f"Observation?patient=pat-a&{asked}", reader="") == found


DATED = (
    result("noon", effectiveDateTime="2026-11-21T12:00:00Z"),
    result("undated"),
    result("east", effectiveDateTime="2026-11-21T12:30:00+02:00"),
    result("day", effectiveDateTime="2026-11-20"),
    result("period", effectivePeriod={"start": "2026-11-21T11:00:00Z"}),
    result("ended", effectivePeriod={"end": "2026-11-19T11:00:00Z"}),
    result("month", effectiveDateTime="2026-10"),
    result("year", effectiveDateTime="2026"),
    result("unreadable", effectiveDateTime="yesterday"),
    result("open", effectivePeriod={}),
)
NEWEST = ["noon", "period", "east", "day", "ended", "month", "year"]
UNDATED = ["undated", "unreadable", "open"]


def test_newest_first_compares_moments_not_texts_and_what_has_no_date_comes_last(
    make_store: Any, ids: Any
) -> None:
    assert ids(make_store(*DATED), "Observation?_sort=-date") == NEWEST + UNDATED
    assert ids(make_store(*DATED), "Observation?_sort=date") == NEWEST[::-1] + UNDATED


def test_a_second_date_decides_between_equals(make_store: Any, ids: Any) -> None:
    problems = [
        {"resourceType": "Condition", "id": key, "recordedDate": day, "onsetDateTime": onset}
        for key, day, onset in [
            ("a", "2026-11-20", "2026-02-01"),
            ("b", "2026-11-20", "2026-03-01"),
            ("c", "2026-11-21", "2026-01-01"),
        ]
    ]
    store = make_store(*problems)
    assert ids(store, "Condition?_sort=-recorded-date,-onset-date") == ["c", "b", "a"]
    assert ids(store, "Condition?_sort=-recorded-date,onset-date") == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("kind", "sort", "element"),
    [
        ("MedicationRequest", "-authoredon", "authoredOn"),
        ("MedicationAdministration", "-effective-time", "effectiveDateTime"),
        ("ServiceRequest", "-authored", "authoredOn"),
        ("Procedure", "-date", "performedDateTime"),
    ],
)
def test_every_sort_of_the_prefetch_templates_is_newest_first(
    make_store: Any, ids: Any, kind: str, sort: str, element: str
) -> None:
    old, new = (
        {"resourceType": kind, "id": key, element: f"2026-11-{day}T08:00:00Z"}
        for key, day in (("old", 19), ("new", 20))
    )
    assert ids(make_store(old, new), f"{kind}?_sort={sort}") == ["new", "old"]


def test_the_total_counts_all_matches_and_summary_count_brings_nothing_else(
    make_store: Any, ask: Any
) -> None:
    store = make_store(*CODED)
    assert ask(store, "Observation?_count=1")["total"] == 4
    for asked in ("_summary=count", "_count=0"):
        found = ask(store, f"Observation?status=final&{asked}")
        assert (found["type"], found["total"]) == ("searchset", 2)
        assert "entry" not in found
        assert [link["relation"] for link in found["link"]] == ["self"]
    assert len(ask(store, "Observation?_summary=false")["entry"]) == 4


def test_what_was_ignored_is_told_in_an_outcome_that_is_no_match(make_store: Any, ask: Any) -> None:
    found = ask(make_store(*CODED), "Observation?status=preliminary&value-quantity=gt5")
    match, outcome = found["entry"]
    assert (found["total"], match["search"]) == (1, {"mode": "match"})
    assert outcome["search"] == {"mode": "outcome"}
    (issue,) = outcome["resource"]["issue"]
    assert (issue["severity"], issue["code"]) == ("warning", "not-supported")
    assert "`value-quantity`" in issue["diagnostics"]
    assert "value-quantity" not in found["link"][0]["url"], "self says what was understood"


def pages(store: Any, ask: Any, url: str) -> list[list[str]]:
    """The ids of every page, by following `next` to the end."""
    found, kind = [], url.partition("?")[0]
    page = ask(store, url)
    while True:
        found.append([entry["resource"]["id"] for entry in page.get("entry", ())])
        following = [link["url"] for link in page["link"] if link["relation"] == "next"]
        if not following:
            return found
        assert following[0].startswith(f"{BASE}/{kind}?")
        (token,) = parse_qs(urlsplit(following[0]).query)["_page"]
        pairs, offset = read_page_token(token)
        asked = "&".join(f"{name}={value}" for name, value in pairs)
        page = ask(store, f"{kind}?{asked}", offset=offset)


@given(size=st.integers(0, 30), count=st.integers(1, 12))
def test_the_pages_together_are_the_one_large_page(make_store: Any, size: int, count: int) -> None:
    resources = [result(f"r{n}", effectiveDateTime=f"2026-11-{1 + n % 9:02}") for n in range(size)]
    store = make_store(*resources)

    def page(count: int, offset: int = 0) -> Any:
        asked = (("_sort", "-date"), ("_count", str(count)))
        return search(store, read_query("Observation", asked, BASE, offset=offset), "pat-a", BASE)

    whole, found, offset = page(1000), [], 0
    while offset is not None:
        part = page(count, offset)
        assert part.total == size
        assert len(part.matches) <= count
        found += part.matches
        offset = part.following
    assert found == list(whole.matches)


def test_the_next_link_leads_on_to_the_end(make_store: Any, ask: Any) -> None:
    store = make_store(*DATED)
    (whole,) = pages(store, ask, "Observation?_sort=-date&_count=1000")
    found = pages(store, ask, "Observation?_sort=-date&_count=4")
    assert [len(page) for page in found] == [4, 4, 2]
    assert [key for page in found for key in page] == whole


def test_a_page_says_by_which_link_it_can_be_had_again(make_store: Any, ask: Any) -> None:
    store = make_store(*DATED)
    first = ask(store, f"Observation?code={LOINC}|1,x&_count=3")["link"][0]
    assert first["relation"] == "self"
    kind, asked = urlsplit(first["url"])[2:4]
    assert kind.endswith("/Observation")
    assert parse_qsl(asked) == [("code", f"{LOINC}|1,x"), ("_count", "3")]
    later = ask(store, "Observation?_count=3", offset=3)["link"][0]["url"]
    assert read_page_token(parse_qs(urlsplit(later).query)["_page"][0])[1] == 3
    assert ask(store, "Observation")["link"] == [{"relation": "self", "url": f"{BASE}/Observation"}]


DRUG = {"resourceType": "Medication", "id": "drug-1", "code": coded(("rx", "1"))}


@pytest.mark.parametrize("target", ["", ":Medication"])
@pytest.mark.parametrize("reference", ["Medication/drug-1", f"{BASE}/Medication/pat-a.drug-1"])
def test_include_brings_the_medication_once_and_marks_it(
    make_store: Any, ask: Any, reference: str, target: str
) -> None:
    named = [order(key, medicationReference={"reference": reference}) for key in ("a", "b")]
    found = ask(
        make_store(*named, order("c"), DRUG),
        f"MedicationRequest?_include=MedicationRequest:medication{target}",
    )
    modes = [(entry["resource"]["id"], entry["search"]["mode"]) for entry in found["entry"]]
    assert modes == [
        ("pat-a.a", "match"),
        ("pat-a.b", "match"),
        ("pat-a.c", "match"),
        ("pat-a.drug-1", "include"),
    ]
    assert found["total"] == 3
    assert found["entry"][3]["fullUrl"] == f"{BASE}/Medication/pat-a.drug-1"


@pytest.mark.parametrize(
    "reference",
    [
        *("Medication/none", "#drug-1", "http://elsewhere.example/Medication/pat-a.drug-1"),
        *("Medication/pat-b.drug-1", "Patient/pat-a"),
    ],
)
def test_include_brings_nothing_that_is_not_a_medication_of_this_patient_here(
    made: Any, ask: Any, reference: str
) -> None:
    named = order("a", medicationReference={"reference": reference})
    store = build_store([made("pat-a", named, DRUG), made("pat-b", DRUG)], lambda: made("x").now)
    found = ask(store, "MedicationRequest?_include=MedicationRequest:medication")
    assert [entry["search"]["mode"] for entry in found["entry"]] == ["match"]


def test_without_include_only_the_matches_come(make_store: Any, ask: Any) -> None:
    named = order("a", medicationReference={"reference": "Medication/drug-1"})
    assert len(ask(make_store(named, DRUG), "MedicationRequest")["entry"]) == 1


def test_a_patients_token_never_shows_another_patient(made: Any, ask: Any, ids: Any) -> None:
    store = build_store(
        [made("pat-a", *CODED), made("pat-b", result("other"))], lambda: made("x").now
    )
    assert ids(store, "Observation", "pat-b") == ["other"]
    assert ids(store, "Observation?_id=pat-a.k", "pat-b") == []
    assert ids(store, "Patient", "pat-b") == ["pat-b"]
    for asked in ("patient=pat-a", "patient=pat-b&subject=pat-a", "patient=nobody"):
        with pytest.raises(Forbidden):
            ask(store, f"Observation?{asked}", "pat-b")


def test_the_reader_of_all_names_a_patient_or_ids_so_that_no_search_scans_everything(
    made: Any, ask: Any, ids: Any
) -> None:
    store = build_store(
        [made("pat-a", *CODED), made("pat-b", result("other"))], lambda: made("x").now
    )
    assert ids(store, "Patient", "") == ["pat-a", "pat-b"]
    assert ids(store, "Observation?patient=pat-b", "") == ["other"]
    assert ids(store, "Observation?patient=pat-a&subject=pat-b", "") == []
    assert ids(store, "Observation?patient=nobody", "") == []
    assert ids(store, "Observation?_id=pat-a.k,pat-b.other,none", "") == ["k", "other"]
    with pytest.raises(BadRequest, match="a search over all patients is not carried out") as error:
        ask(store, "Observation?code=2823-3", "")
    assert error.value.code == "too-costly"
