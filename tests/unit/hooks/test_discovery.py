"""What discovery offers, and which queries it asks a client to run."""

from __future__ import annotations

from typing import Any

import pytest

from cds.hooks.discovery import discovery, templates
from cds.hooks.services import HOOKS, PREFETCH_KEYS, SERVICES

ENTRIES: list[dict[str, Any]] = discovery(SERVICES.values(), ["http://loinc.org|2823-3"])[
    "services"
]
NAMES = [entry["hook"] for entry in ENTRIES]


def test_every_prefetch_key_of_every_service_has_a_template() -> None:
    assert set(templates(["http://loinc.org|2823-3"])) == set(PREFETCH_KEYS)


def test_all_laboratory_data_is_one_bounded_search_in_a_fixed_order() -> None:
    assert templates([f"http://loinc.org|{code}" for code in ("2823-3", "19123-9", "2823-3")])[
        "observations"
    ] == (
        "Observation?patient={{context.patientId}}"
        "&code=http://loinc.org|19123-9,http://loinc.org|2823-3&_sort=-date&_count=1000"
    )


def test_there_is_one_service_for_each_hook() -> None:
    assert [(entry["id"], entry["hook"]) for entry in ENTRIES] == [
        ("electrolytes-order-select", "order-select"),
        ("electrolytes-order-sign", "order-sign"),
        ("electrolytes-patient-view", "patient-view"),
        ("electrolytes-encounter-discharge", "encounter-discharge"),
    ]


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)
def test_an_entry_says_which_versions_it_speaks_and_asks_for_every_key(
    entry: dict[str, Any],
) -> None:
    assert (entry["version"], entry["hookVersion"]) == ("2.0.1", "1.0")
    assert list(entry["prefetch"]) == list(PREFETCH_KEYS)


@pytest.mark.parametrize("member", ["title", "description", "usageRequirements"])
def test_no_two_services_say_the_same_of_themselves(member: str) -> None:
    assert len({entry[member] for entry in ENTRIES}) == len(ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)
def test_the_texts_of_an_entry_fit_its_hook(entry: dict[str, Any]) -> None:
    hook, requirements = HOOKS[entry["hook"]], entry["usageRequirements"]
    assert "`patient` and `observations` are required" in requirements
    assert ("Suggests no drug" in entry["description"]) == (not hook.drugs)
    assert ("drug suggestions" in requirements) == hook.drugs
    assert ("`encounterId` is required" in requirements) == hook.encounter
    assert ("`draftOrders`" in requirements or "draft orders" in requirements) == hook.drafts
    assert ("`selections` names" in requirements) == hook.selections
    assert ("written for clinicians" in requirements) == ("Patient" in hook.users)


def test_no_services_is_an_empty_list() -> None:
    assert discovery([], []) == {"services": []}
