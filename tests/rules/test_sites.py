"""Every shipped site file: the rules hold under it, and the example does what it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cds import bootstrap
from cds.doors import SANDBOX
from cds.errors import RulebookError, SettingsError
from cds.fhir.access import Fetched
from cds.hooks.request import read_call
from cds.hooks.services import SERVICES
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook
from cds.rulebook.site.file import sites_of
from cds.sample import sample_request
from cds.settings import Settings, read_settings
from cds.trial import run_cases

RULES = Path(__file__).parents[2] / "rules"
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
ORDER_SELECT = "electrolytes-order-select"
LOCAL_LAB = "https://lab.hospital.example/tests"
ARTICLES = "https://pharmacy.hospital.example/articles"
Body = dict[str, Any]


@cache
def book(site: str | None) -> Rulebook:
    return load_rulebook(RULES, site)


@cache
def service(site: str | None) -> bootstrap.Service:
    return bootstrap.build(Settings(rules=RULES, site=site, sandbox=True), NOW)


def cards(body: Body, site: str | None) -> list[Body]:
    """The cards of the real service, built as the settings say."""
    call = read_call(SERVICES[ORDER_SELECT], json.dumps(body).encode())
    return list(service(site).answer(call, SANDBOX, Fetched(), ()).cards)


def results(body: Body, loinc: str) -> list[Body]:
    entries = body["prefetch"]["observations"]["entry"]
    found = [item["resource"] for item in entries]
    return [item for item in found if item["code"]["coding"][0]["code"] == loinc]


def sample(change: Callable[[Body], None] | None = None) -> Body:
    """The patient of the first card, with something changed."""
    body = json.loads(json.dumps(sample_request(NOW)))
    if change is not None:
        change(body)
    return body  # type: ignore[no-any-return]


def rows(found: list[Body]) -> list[str]:
    return [row for card in found for row in card["extension"]["rows"]]


def test_there_is_an_example() -> None:
    assert "example" in sites_of(RULES)


@pytest.mark.parametrize("site", sites_of(RULES))
def test_the_rules_load_under_every_site_and_their_cases_hold(site: str) -> None:
    found = run_cases(book(site))
    assert len(found) > 100
    assert [(item.case.name, item.faults) for item in found if item.faults] == []


@pytest.mark.parametrize("site", sites_of(RULES))
def test_a_site_has_its_own_digest_and_the_same_stops(site: str) -> None:
    plain, own = book(None), book(site)
    assert own.digest != plain.digest
    assert own.definitions == plain.definitions
    assert {name: table.rows for name, table in own.tables.items()} == {
        name: table.rows for name, table in plain.tables.items()
    }
    for name, template in plain.templates.items():
        assert own.templates[name].required_stops == template.required_stops
        assert own.templates[name].high_alert == template.high_alert


def test_the_site_is_told_where_the_service_tells_about_itself() -> None:
    assert service("example").view().about["site"] == "example"
    assert service("example").view().about["rulebook"] == book("example").digest


# --- from the call to the card -------------------------------------------------------------------


def _local_code(body: Body) -> None:
    for item in results(body, "19123-9"):
        item["code"] = {"coding": [{"system": LOCAL_LAB, "code": "MG-S"}]}


def test_a_result_with_a_local_code_alone_gets_the_card_at_its_site_only() -> None:
    body = sample(_local_code)
    assert "A2" in rows(cards(body, "example"))
    assert "A2" not in rows(cards(body, None))


def test_the_card_offers_the_product_of_the_hospital() -> None:
    standard, own = (cards(sample(), site)[0] for site in (None, "example"))
    products = []
    for card in (standard, own):
        (order,) = [
            action["resource"]
            for item in card["suggestions"]
            for action in item["actions"]
            if action["resource"]["resourceType"] == "MedicationRequest"
        ]
        products.append(order["medicationCodeableConcept"]["coding"][0]["code"])
    assert products == ["829757", "1658221"]
    dosage = order["dosageInstruction"][0]
    assert dosage["doseAndRate"][0]["doseQuantity"]["value"] == 2
    assert dosage["text"].endswith("(2 vials of 1 g/2 mL, diluted to 20 % or less)")
    assert "must be diluted to 20 % or less" in own["detail"]
    assert "dextrose" not in own["detail"]


def test_a_silent_rule_shows_no_card_and_an_accepted_one_names_who_accepted_it() -> None:
    standard, own = (cards(sample(), site) for site in (None, "example"))
    assert "A5" in rows(standard)
    assert "A5" not in rows(own)
    assert "Not signed off by a clinician." in standard[0]["detail"]
    assert "Accepted for use at this site: D. Example" in own[0]["detail"]


def _magnesium(value: float, **members: Any) -> Callable[[Body], None]:
    def change(body: Body) -> None:
        for item in results(body, "19123-9"):
            item["valueQuantity"]["value"] = value
            item.update(members)

    return change


UCUM = {"system": "http://unitsofmeasure.org", "code": "mg/dL", "unit": "mg/dL"}
MOLES = {"value": 0.72, "system": UCUM["system"], "code": "mmol/L", "unit": "mmol/L"}


@pytest.mark.parametrize(
    ("change", "site", "fires"),
    [
        (_magnesium(1.8), "example", True),  # below 1.9, the range of the laboratory
        (_magnesium(1.8), None, False),
        (_magnesium(1.9), "example", False),
        (_magnesium(1.8, referenceRange=[{"low": {"value": 1.7, **UCUM}}]), "example", False),
        (_magnesium(1.8, referenceRange=[{"text": "1.7 to 2.4"}]), "example", False),
        (_magnesium(1.8, referenceRange=[]), "example", True),
        (_magnesium(1.8, valueQuantity=MOLES), "example", False),  # another unit
    ],
)
def test_the_range_of_the_site_counts_where_a_result_has_none(
    change: Callable[[Body], None], site: str | None, fires: bool
) -> None:
    found = [card for card in cards(sample(change), site) if "A1" in card["extension"]["rows"]]
    assert bool(found) is fires
    assert all(card["indicator"] == "info" for card in found)  # borderline (R6)
    assert not any(card.get("suggestions") for card in found)


def _given(code: str, dose: Body) -> Callable[[Body], None]:
    """An active order for the article of the hospital."""

    def change(body: Body) -> None:
        (entry,) = body["prefetch"]["medications"]["entry"]
        order = entry["resource"]
        order["medicationCodeableConcept"] = {"coding": [{"system": ARTICLES, "code": code}]}
        order["dosageInstruction"] = [{"text": "once", "doseAndRate": [{"doseQuantity": dose}]}]

    return change


def test_an_order_for_a_local_article_is_seen_only_where_the_article_is_known() -> None:
    body = sample(_given("40021", {"value": 1, "unit": "bag"}))
    own, plain = cards(body, "example")[0], cards(body, None)[0]
    assert own["indicator"] == "info"  # magnesium by vein is on order already (R9)
    assert "MgSO4 2 g in 50 mL bag, made in house" in own["detail"]
    assert plain["indicator"] == "critical"


def test_a_local_name_is_recognised() -> None:
    def change(body: Body) -> None:
        (entry,) = body["prefetch"]["medications"]["entry"]
        entry["resource"]["medicationCodeableConcept"] = {"text": "MAGNASPAR RETARD 400"}

    own = service("example").answer(
        read_call(SERVICES[ORDER_SELECT], json.dumps(sample(change)).encode()),
        SANDBOX,
        Fetched(),
        (),
    )
    (order,) = own.record.medications.items  # type: ignore[attr-defined]
    assert [item.name for item in order.substances] == ["magnesium oxide"]


def _bag_draft(body: Body) -> None:
    (entry,) = body["context"]["draftOrders"]["entry"]
    rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
    grams = {"system": "http://unitsofmeasure.org"}
    entry["resource"]["medicationCodeableConcept"] = {
        "coding": [{"system": rxnorm, "code": "829757", "display": "magnesium sulfate bag"}]
    }
    entry["resource"]["dosageInstruction"] = [
        {
            "text": "4 g IV over 4 h",
            "route": {"coding": [{"system": "http://snomed.info/sct", "code": "47625008"}]},
            "doseAndRate": [
                {
                    "doseQuantity": {**grams, "value": 4, "unit": "g", "code": "g"},
                    "rateQuantity": {**grams, "value": 1, "unit": "g/h", "code": "g/h"},
                }
            ],
        }
    ]


@pytest.mark.parametrize("site", [None, "example"])
def test_a_draft_of_the_standard_bag_is_reduced_in_its_own_words(site: str | None) -> None:
    (card,) = [c for c in cards(sample(_bag_draft), site) if "C1" in c["extension"]["rows"]]
    (action,) = [a for item in card["suggestions"] for a in item["actions"]]
    assert action["type"] == "update"
    dosage = action["resource"]["dosageInstruction"][0]
    assert dosage["doseAndRate"][0]["doseQuantity"]["value"] == 2
    assert dosage["text"].endswith("(2 bags of 1 g/100 mL)")


# --- the setting ---------------------------------------------------------------------------------


def test_a_site_without_a_file_stops_the_start_and_says_how_to_go_on() -> None:
    with pytest.raises(RulebookError) as stopped:
        bootstrap.build(Settings(rules=RULES, site="exampel", sandbox=True), NOW)
    assert "there is no such site file. Did you mean `example`?" in str(stopped.value)
    assert "or leave it unset." in str(stopped.value)


@pytest.mark.parametrize("value", ["../example", "Example", "example.yaml", "rules/sites/example"])
def test_the_setting_takes_the_name_of_a_file_and_nothing_else(value: str) -> None:
    with pytest.raises(SettingsError, match=r"^CDS_SITE: .*for example CDS_SITE=example$"):
        read_settings({"CDS_SITE": value})


@pytest.mark.parametrize(("value", "site"), [("example", "example"), (" ", None), ("", None)])
def test_the_setting_may_be_empty(value: str, site: str | None) -> None:
    assert read_settings({"CDS_SITE": value}).site == site
