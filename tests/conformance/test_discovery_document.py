"""The discovery document by CDS Hooks 2.0.1."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cds.bootstrap import Service, View
from cds.fhir.prefetch import EXPECTED
from cds.web.app import create_app

# Context fields with "Prefetch Token: Yes" in the CDS Hooks Library 1.0.1.
TOKENS = {
    "order-select": {"context.userId", "context.patientId", "context.encounterId"},
    "order-sign": {"context.userId", "context.patientId", "context.encounterId"},
    "patient-view": {"context.userId", "context.patientId", "context.encounterId"},
    "encounter-discharge": {"context.userId", "context.patientId", "context.encounterId"},
}
# The published hookVersion of each hook of the library that this house may offer.
PUBLISHED = dict.fromkeys(TOKENS, "1.0")
DEPRECATED = {"medication-prescribe", "order-review"}


@pytest.fixture
def queries(entries: list[dict[str, Any]]) -> list[str]:
    return [query for entry in entries for query in entry["prefetch"].values()]


@pytest.mark.requirement("DISC-01", "DISC-02", "DISC-03")
def test_discovery_is_200_without_redirect(client: Any) -> None:
    reply = client.get("/cds-services", headers={"Accept": "application/json"})
    assert reply.status_code == 200
    assert isinstance(reply.json()["services"], list)


@pytest.mark.requirement("DISC-04")
def test_no_services_is_an_empty_list(make_service: Callable[..., Service], client_of: Any) -> None:
    empty = replace(make_service(), services={}, view=View)
    reply = client_of(create_app(empty)).get("/cds-services")
    assert (reply.status_code, reply.json()) == (200, {"services": []})


@pytest.mark.parametrize("member", ["hook", "description", "id", "title", "usageRequirements"])
@pytest.mark.requirement("DISC-05", "DISC-06", "DISC-07", "DISC-08", "DISC-10")
def test_entries_have_their_texts(entries: list[dict[str, Any]], member: str) -> None:
    assert entries
    for entry in entries:
        assert isinstance(entry[member], str)
        assert entry[member].strip()


@pytest.mark.requirement("DISC-07")
def test_ids_fit_into_a_path(entries: list[dict[str, Any]]) -> None:
    assert all(re.fullmatch(r"[a-z0-9-]+", entry["id"]) for entry in entries)


@pytest.mark.requirement("PRE-01", "DISC-09")
def test_prefetch_is_a_non_empty_object_of_texts(entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        assert entry["prefetch"]
        assert all(key and isinstance(query, str) for key, query in entry["prefetch"].items())


@pytest.mark.requirement("DISC-11", "DISC-12")
def test_versions_are_published_ones(entries: list[dict[str, Any]]) -> None:
    assert {entry["version"] for entry in entries} == {"2.0.1"}
    assert {entry["hook"]: entry["hookVersion"] for entry in entries} == PUBLISHED


@pytest.mark.requirement("DISC-13", "DISC-15")
def test_each_hook_has_an_id_of_its_own(entries: list[dict[str, Any]]) -> None:
    ids = [entry["id"] for entry in entries]
    assert len(ids) == len(set(ids)) == len({entry["hook"] for entry in entries})


@pytest.mark.requirement("DISC-16")
def test_the_usage_requirements_say_what_is_needed_in_words(
    entries: list[dict[str, Any]],
) -> None:
    for entry in entries:
        assert "412" in entry["usageRequirements"]
        assert "prefetch" in entry["usageRequirements"]


@pytest.mark.requirement(
    "VER-04",
    "VER-05",
    "HOOK-ENCOUNTER-START-01",
    "HOOK-ENCOUNTER-START-02",
    "HOOK-ENCOUNTER-START-03",
    "HOOK-ORDER-DISPATCH-01",
    "HOOK-APPOINTMENT-BOOK-01",
)
def test_hooks_are_those_of_the_library_and_none_is_deprecated(
    entries: list[dict[str, Any]],
) -> None:
    hooks = {entry["hook"] for entry in entries}
    assert hooks <= set(PUBLISHED)
    assert not hooks & DEPRECATED


@pytest.mark.requirement("PRE-01")
def test_every_key_that_is_read_is_asked_for(entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        assert set(entry["prefetch"]) == set(EXPECTED)


@pytest.mark.requirement("PRE-02")
def test_templates_are_relative_reads_and_searches(queries: list[str]) -> None:
    for query in queries:
        assert re.match(r"^[A-Z][A-Za-z]+(/|\?)", query), query
        assert "$" not in query
        assert "_history" not in query


@pytest.mark.requirement("PRE-03", "PRE-04", "PRE-05", "PRE-06", "PRE-07", "PRE-22", "PRE-23")
def test_tokens_are_fields_that_the_hook_marks_as_tokens(
    entries: list[dict[str, Any]],
) -> None:
    for entry in entries:
        for query in entry["prefetch"].values():
            assert set(re.findall(r"{{(.*?)}}", query)) <= TOKENS[entry["hook"]], query
            assert not re.search(r"[{}]", re.sub(r"{{.*?}}", "", query)), query


def test_user_ids_are_never_given_a_type_twice(queries: list[str]) -> None:
    assert not any("context.userId" in query for query in queries)


@pytest.mark.requirement("PRE-09")
def test_only_the_encounter_depends_on_a_field_that_may_be_absent(
    entries: list[dict[str, Any]],
) -> None:
    for entry in entries:
        prefetch = entry["prefetch"].items()
        assert [key for key, query in prefetch if "encounterId" in query] == ["encounter"]


@pytest.mark.requirement("PRE-10", "PRE-11")
def test_queries_use_widely_supported_features_only(queries: list[str]) -> None:
    for query in queries:
        _, _, parameters = query.partition("?")
        for pair in filter(None, parameters.split("&")):
            name, _, value = pair.partition("=")
            assert name in {"patient", "code", "_sort", "_count"}, pair
            assert not value.startswith(("ne", "sa", "eb", "ap")), pair
        assert "_count=" in query or not parameters


@pytest.mark.requirement("HOOK-ORDER-SELECT-10", "HOOK-ORDER-SIGN-06")
def test_no_order_is_a_token(
    queries: list[str],
) -> None:
    assert not any("selections" in query or "draftOrders" in query for query in queries)
