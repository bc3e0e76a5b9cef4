"""Hand-made decisions: cards are tested without the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fhir.resources.R4B.medicationrequest import MedicationRequest
from fhir.resources.R4B.servicerequest import ServiceRequest

from cds.cards.context import CardContext
from cds.engine.decision import Decision, Offer, Outcome
from cds.facts.record import MedicationOrder, OrderKind
from cds.facts.terminology import Product, Terminology
from cds.kernel.codes import RxNorm
from cds.kernel.quantity import Interval, Quantity
from cds.kernel.units import Analyte
from cds.rulebook.model import (
    Citation,
    Level,
    OrderTemplate,
    OverrideReason,
    Review,
    Rule,
    Rulebook,
    Suggestion,
    Where,
)
from cds.rulebook.orders import load_orders

HERE = Where("test.yaml", 1)
ORDERS = Path(__file__).parents[3] / "rules" / "orders"
BAG = Product(
    RxNorm("829757"),
    "magnesium sulfate 1 g/100 mL bag",
    "magnesium sulfate",
    Analyte.MAGNESIUM_SULFATE_DOSE,
    Decimal(1),
    "{bag}",
    millilitres=Decimal(100),
)
CITATIONS = {
    "seed-002": Citation("seed-002", "Overview of hypomagnesemia", "https://example.org/2", "weak"),
    "mgso4-label": Citation(
        "mgso4-label", "Magnesium sulfate label", "https://example.org/label", "label"
    ),
    "design-review": Citation("design-review", "Design review", "", "design"),
}


@cache
def templates() -> Mapping[str, OrderTemplate]:
    return load_orders(ORDERS)


def sulfate(grams: str) -> Quantity:
    return Quantity.of(Analyte.MAGNESIUM_SULFATE_DOSE, grams, "g")


def below_sulfate(grams: str) -> Quantity:
    return Quantity(Analyte.MAGNESIUM_SULFATE_DOSE, Interval(Decimal(0), Decimal(grams)), "g")


def oxide(milligrams: str) -> Quantity:
    return Quantity.of(Analyte.MAGNESIUM_OXIDE_DOSE, milligrams, "mg")


def per_hour(grams: str) -> Quantity:
    return Quantity.of(Analyte.MAGNESIUM_SULFATE_RATE, grams, "g/h")


def hours(value: str, unit: str = "h") -> Quantity:
    return Quantity.of(Analyte.DURATION, value, unit)


def suggestion_of(action: str, template: str | None = None, name: str = "offered") -> Suggestion:
    return Suggestion(name, "label {dose}", action, HERE, template=template)  # type: ignore[arg-type]


def infusion_offer(grams: str, rate: str | None = "1", **more: Any) -> Offer:
    made = Offer(
        suggestion_of("create", "magnesium-sulfate-bag"),
        f"Magnesium sulfate {grams} g IV",
        ingredient="magnesium",
        dose=sulfate(grams),
        rate=per_hour(rate) if rate else None,
        because=("Observation/mg-1",),
    )
    return replace(made, **more)


def lab_offer(name: str = "magnesium-level") -> Offer:
    return Offer(suggestion_of("create", name), f"Order {name}")


def draft_order(grams: str = "4", **more: Any) -> MedicationOrder:
    made = MedicationOrder(
        "MedicationRequest/draft-1",
        "magnesium sulfate 4 g IV",
        OrderKind.DRAFT,
        product=RxNorm("829757"),
        dose=sulfate(grams),
        selected=True,
        editable=True,
    )
    return replace(made, **more)


def update_offer(grams: str = "1", **more: Any) -> Offer:
    made = Offer(
        suggestion_of("update"),
        f"Change to {grams} g over {grams} h at 1 g/h",
        dose=sulfate(grams),
        rate=per_hour("1"),
        order=draft_order(),
    )
    return replace(made, **more)


def raw_draft() -> dict[str, Any]:
    """A whole draft as a client sends it."""
    ucum = "http://unitsofmeasure.org"
    return {
        "resourceType": "MedicationRequest",
        "id": "draft-1",
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {
            "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "829757"}]
        },
        "subject": {"reference": "Patient/p1"},
        "dosageInstruction": [
            {
                "sequence": 1,
                "text": "4 g IV over 4 h",
                "timing": {"repeat": {"count": 1, "duration": 4, "durationUnit": "h"}},
                "route": {"coding": [{"system": "http://snomed.info/sct", "code": "47625008"}]},
                "doseAndRate": [
                    {
                        "doseQuantity": {"value": 4, "unit": "g", "system": ucum, "code": "g"},
                        "rateQuantity": {"value": 1, "unit": "g/h", "system": ucum, "code": "g/h"},
                    }
                ],
            }
        ],
        "dispenseRequest": {
            "quantity": {"value": 4, "unit": "bag", "system": ucum, "code": "{bag}"}
        },
    }


def as_raw(resource: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.Encoder(decimal_format="number").encode(resource))


def context(drafts: Mapping[str, Any] | None = None, **more: Any) -> CardContext:
    book = Rulebook(
        rules=(),
        facts={},
        thresholds={},
        windows={},
        definitions={},
        tables={},
        templates=templates(),
        citations=CITATIONS,
        override_reasons={
            "covered": OverrideReason("already-being-corrected", "urn:reasons", "Being corrected")
        },
        terminology=Terminology(products={BAG.rxnorm: BAG}),
        digest="sha256:abc",
        accepted=more.pop("accepted", {}),
    )
    made = CardContext(
        client="",
        service="electrolytes-order-select",
        hook_instance="7c9f8b6e-0000-4000-8000-000000000001",
        body_digest="0" * 64,
        decision_id="D1",
        patient_id="p1",
        encounter_id="e1",
        book=book,
        drafts={ref: as_raw(item) for ref, item in (drafts or {}).items()},
        today=date(2026, 11, 21),
    )
    return replace(made, **more)


def decision(row: str = "A2", indicator: str = "critical", **more: Any) -> Decision:
    rule = Rule(
        id=more.pop("rule_id", "hypomagnesemia"),
        family=more.pop("family", "hypomagnesemia"),
        title="Low magnesium",
        version="1.0.0",
        status="active",
        owner="Pharmacy",
        reviewed=more.pop("reviewed", Review("pending", date(2026, 11, 21), date(2027, 11, 21))),
        hooks=("order-select",),
        purpose="",
        levels=(),
        suggestions={},
        where=HERE,
        override_reasons=("covered",),
        cite=("design-review", "seed-002", "mgso4-label"),
    )
    level = Level(row, indicator, None, "", (), (), HERE)  # type: ignore[arg-type]
    made = Decision(
        rule,
        Outcome.FIRES,
        "because",
        fired=level,
        indicator=indicator,  # type: ignore[arg-type]
        summary=f"Summary of {row}",
        detail=("First sentence.",),
    )
    return replace(made, **more)


def r4(resource: Mapping[str, Any]) -> None:
    """Raises unless the resource is valid R4 (R4B models)."""
    kinds = {"MedicationRequest": MedicationRequest, "ServiceRequest": ServiceRequest}
    kinds[resource["resourceType"]].model_validate(resource)


class Make:
    """All makers under one name, because test modules cannot import each other here."""

    sulfate = staticmethod(sulfate)
    below_sulfate = staticmethod(below_sulfate)
    oxide = staticmethod(oxide)
    per_hour = staticmethod(per_hour)
    hours = staticmethod(hours)
    suggestion = staticmethod(suggestion_of)
    infusion = staticmethod(infusion_offer)
    test = staticmethod(lab_offer)
    order = staticmethod(draft_order)
    update = staticmethod(update_offer)
    raw_draft = staticmethod(raw_draft)
    raw = staticmethod(as_raw)
    context = staticmethod(context)
    decision = staticmethod(decision)
    r4: Callable[[Mapping[str, Any]], None] = staticmethod(r4)
    bag = BAG


@pytest.fixture(scope="session")
def make() -> type[Make]:
    return Make
