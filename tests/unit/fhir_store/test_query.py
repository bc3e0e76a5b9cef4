"""Search parameters: read, ignored and told, or refused; never quietly misread."""

from __future__ import annotations

from typing import Any

import pytest

from cds.errors import BadRequest
from cds.fhir.store_page import page_token, read_page_token
from cds.fhir.store_query import MOST_PARAMETERS, read_query

BASE = "http://fhir.example/sandbox/fhir"


def query(kind: str, *pairs: tuple[str, str], strict: bool = False) -> Any:
    return read_query(kind, pairs, BASE, strict)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("patient", "pat-a"),
        ("patient", "Patient/pat-a"),
        ("patient", f"{BASE}/Patient/pat-a"),
        ("subject", "Patient/pat-a"),
        ("subject:Patient", "pat-a"),
    ],
)
def test_a_patient_is_named_in_any_form_of_a_reference(name: str, value: str) -> None:
    assert query("Observation", (name, value)).patients == ("pat-a",)


def test_values_between_commas_are_a_choice_and_a_backslash_keeps_a_comma() -> None:
    (found,) = query("Observation", ("code", r"http://loinc.org|2823-3,mg\,x,a\|b\\")).tokens
    assert found == ("code", frozenset({"http://loinc.org|2823-3", "mg,x", "a|b\\"}))


@pytest.mark.parametrize(
    ("value", "count", "total_only"),
    [("7", 7, False), ("1000", 1000, False), ("99999", 1000, False), ("0", 50, True)],
)
def test_a_page_is_as_large_as_asked_up_to_a_thousand(
    value: str, count: int, total_only: bool
) -> None:
    found = query("Observation", ("_count", value))
    assert (found.count, found.total_only) == (count, total_only)


def test_fifty_is_the_usual_page() -> None:
    assert query("Observation").count == 50


def test_sort_names_dates_of_the_type_newest_first_by_a_minus() -> None:
    found = query("Condition", ("_sort", "-recorded-date,onset-date"))
    assert found.sort == (("recorded-date", True), ("onset-date", False))


@pytest.mark.parametrize(
    ("kind", "name", "value", "says"),
    [
        ("Observation", "_count", "many", "`_count` must be a whole number"),
        ("Observation", "_count", "-1", "`_count` must be a whole number"),
        ("Observation", "_count", "٣", "`_count` must be a whole number"),
        ("Observation", "_count", "1" * 5000, "`_count` must be a whole number"),
        ("Observation", "_sort", "value", "`_sort` here can name date"),
        ("Observation", "_sort", "--date", "`_sort` here can name date"),
        ("Observation", "_sort", "date,-date", "names a parameter twice"),
        ("Patient", "_sort", "birthdate", "`_sort` here can name nothing"),
        ("Observation", "_summary", "text", "`_summary` can be"),
        ("Observation", "_include", "Observation:subject", "`_include` of Observation here can be"),
        ("MedicationRequest", "_include", "*", "MedicationRequest:medication"),
        ("Observation", "code:not", "2823-3", "`code` is searched without a modifier"),
        ("Observation", "patient:Group", "g", "`patient` is searched without a modifier"),
        ("Observation", "patient", "a,b", "one search is about one patient"),
        ("Observation", "patient", "", "`patient` has no value"),
        ("Observation", "code", " ", "`code` has no value"),
        ("Observation", "_id", ",".join(map(str, range(1001))), "`_id` names more than 1000"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(
    kind: str, name: str, value: str, says: str
) -> None:
    with pytest.raises(BadRequest, match=says.replace("*", r"\*")):
        query(kind, (name, value))


def test_a_result_parameter_is_there_once() -> None:
    with pytest.raises(BadRequest, match="`_count` is there twice"):
        query("Observation", ("_count", "5"), ("_count", "6"))


def test_an_unknown_parameter_is_ignored_and_named() -> None:
    found = query("Patient", ("patient", "pat-a"), ("_id", "x"), ("<script>", "y"))
    assert found.ignored == ("patient", "(unreadable name)")
    assert found.pairs == (("_id", "x"),)


def test_a_client_that_wants_it_strict_gets_a_refusal() -> None:
    with pytest.raises(BadRequest, match="`date` is not a search parameter of Observation here"):
        query("Observation", ("date", "ge2026"), strict=True)


def test_a_page_token_carries_the_search_on() -> None:
    asked = query("Observation", ("patient", "pat-a"), ("code", "a|b,c"), ("_count", "5"))
    assert read_page_token(page_token(asked, 35)) == (asked.pairs, 35)


@pytest.mark.parametrize(
    "text",
    [
        *("", "!", "abc", "bnVsbA", "WzEsIDJd", "\N{SNOWMAN}"),
        page_token(query("Observation"), -1),
        page_token(query("Observation", *[("code", "x")] * (MOST_PARAMETERS + 1)), 5),
    ],
)
def test_a_token_of_nobody_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="is not from a `next` link of this server"):
        read_page_token(text)
