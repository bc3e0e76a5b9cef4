"""What discovery offers, and which queries it asks a client to run."""

from __future__ import annotations

from cds.hooks.discovery import discovery, templates
from cds.hooks.services import HOOKS, PREFETCH_KEYS, SERVICES


def test_every_prefetch_key_of_every_service_has_a_template() -> None:
    assert set(templates(["2823-3"])) == set(PREFETCH_KEYS)


def test_all_laboratory_data_is_one_bounded_search_in_a_fixed_order() -> None:
    assert templates(["2823-3", "19123-9", "2823-3"])["observations"] == (
        "Observation?patient={{context.patientId}}"
        "&code=http://loinc.org|19123-9,http://loinc.org|2823-3&_sort=-date&_count=1000"
    )


def test_an_entry_says_which_hook_and_which_versions() -> None:
    (entry,) = discovery(SERVICES.values(), ["2823-3"])["services"]
    assert (entry["id"], entry["hook"]) == ("electrolytes-order-select", "order-select")
    assert (entry["version"], entry["hookVersion"]) == ("2.0.1", "1.0")
    assert list(entry["prefetch"]) == list(PREFETCH_KEYS)


def test_no_services_is_an_empty_list() -> None:
    assert discovery([], []) == {"services": []}


def test_every_service_answers_a_hook_we_know() -> None:
    assert {service.hook for service in SERVICES.values()} <= set(HOOKS)
