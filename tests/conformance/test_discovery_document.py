"""The discovery document by CDS Hooks 2.0.1: one test per requirement, named by its id."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cds.bootstrap import Service
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


def test_disc_01_02_03_discovery_is_200_without_redirect(client: Any) -> None:
    reply = client.get("/cds-services", headers={"Accept": "application/json"})
    assert reply.status_code == 200
    assert isinstance(reply.json()["services"], list)


def test_disc_04_no_services_is_an_empty_list(
    make_service: Callable[..., Service], client_of: Any
) -> None:
    empty = replace(make_service(), services={}, discovery={"services": []})
    reply = client_of(create_app(empty)).get("/cds-services")
    assert (reply.status_code, reply.json()) == (200, {"services": []})


@pytest.mark.parametrize("member", ["hook", "description", "id", "title", "usageRequirements"])
def test_disc_05_06_07_08_10_entries_have_their_texts(
    entries: list[dict[str, Any]], member: str
) -> None:
    assert entries
    for entry in entries:
        assert isinstance(entry[member], str)
        assert entry[member].strip()


def test_disc_07_ids_fit_into_a_path(entries: list[dict[str, Any]]) -> None:
    assert all(re.fullmatch(r"[a-z0-9-]+", entry["id"]) for entry in entries)


def test_disc_09_prefetch_is_a_non_empty_object_of_texts(entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        assert entry["prefetch"]
        assert all(key and isinstance(query, str) for key, query in entry["prefetch"].items())


def test_disc_11_12_versions_are_published_ones(entries: list[dict[str, Any]]) -> None:
    assert {entry["version"] for entry in entries} == {"2.0.1"}
    assert {entry["hook"]: entry["hookVersion"] for entry in entries} == PUBLISHED


def test_disc_13_14_15_each_hook_has_an_id_of_its_own(entries: list[dict[str, Any]]) -> None:
    ids = [entry["id"] for entry in entries]
    assert len(ids) == len(set(ids)) == len({entry["hook"] for entry in entries})


def test_disc_16_the_requirements_say_what_is_needed_in_words(
    entries: list[dict[str, Any]],
) -> None:
    for entry in entries:
        assert "412" in entry["usageRequirements"]
        assert "prefetch" in entry["usageRequirements"]


def test_ver_04_05_hooks_are_those_of_the_library_and_none_is_deprecated(
    entries: list[dict[str, Any]],
) -> None:
    hooks = {entry["hook"] for entry in entries}
    assert hooks <= set(PUBLISHED)
    assert not hooks & DEPRECATED


def test_pre_01_every_key_that_is_read_is_asked_for(entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        assert set(entry["prefetch"]) == set(EXPECTED)


def test_pre_02_templates_are_relative_reads_and_searches(queries: list[str]) -> None:
    for query in queries:
        assert re.match(r"^[A-Z][A-Za-z]+(/|\?)", query), query
        assert "$" not in query
        assert "_history" not in query


def test_pre_03_04_05_06_tokens_are_fields_that_the_hook_marks_as_tokens(
    entries: list[dict[str, Any]],
) -> None:
    for entry in entries:
        for query in entry["prefetch"].values():
            assert set(re.findall(r"{{(.*?)}}", query)) <= TOKENS[entry["hook"]], query
            assert not re.search(r"[{}]", re.sub(r"{{.*?}}", "", query)), query


def test_pre_08_user_ids_are_never_given_a_type_twice(queries: list[str]) -> None:
    assert not any("context.userId" in query for query in queries)


def test_pre_09_only_the_encounter_depends_on_a_field_that_may_be_absent(
    entries: list[dict[str, Any]],
) -> None:
    for entry in entries:
        prefetch = entry["prefetch"].items()
        assert [key for key, query in prefetch if "encounterId" in query] == ["encounter"]


def test_pre_10_11_queries_use_widely_supported_features_only(queries: list[str]) -> None:
    for query in queries:
        _, _, parameters = query.partition("?")
        for pair in filter(None, parameters.split("&")):
            name, _, value = pair.partition("=")
            assert name in {"patient", "code", "_sort", "_count"}, pair
            assert not value.startswith(("ne", "sa", "eb", "ap")), pair
        assert "_count=" in query or not parameters


def test_hook_order_select_10_order_sign_06_inf_pre_01_no_order_is_a_token(
    queries: list[str],
) -> None:
    assert not any("selections" in query or "draftOrders" in query for query in queries)
