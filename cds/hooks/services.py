"""The services this house offers: one line of data per service, one per hook it answers.

A new service is a new `ServiceEntry` in `SERVICES`, a new hook a new `Hook` in `HOOKS`; nothing
else changes. Hook contexts: CDS Hooks Library 1.0.1.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hook:
    """What the context of a hook holds (CDS Hooks Library, context tables).

    `users` are the resource types `context.userId` may have. `drafts` and `selections` say whether
    `draftOrders` and `selections` are required.
    """

    name: str
    version: str
    users: tuple[str, ...]
    drafts: bool = False
    selections: bool = False


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """One service as discovery lists it. `keys` are the prefetch keys it asks for, in order."""

    id: str
    hook: str
    title: str
    description: str
    usage_requirements: str
    keys: tuple[str, ...]


HOOKS = {
    hook.name: hook
    for hook in (
        Hook(
            "order-select",
            "1.0",
            ("Practitioner", "PractitionerRole"),
            drafts=True,
            selections=True,
        ),
    )
}

PREFETCH_KEYS = (
    "patient",
    "observations",
    "medications",
    "administrations",
    "problems",
    "allergies",
    "encounter",
    "lab_orders",
    "procedures",
)

ORDER_SELECT = ServiceEntry(
    id="electrolytes-order-select",
    hook="order-select",
    title="Electrolyte safety while ordering",
    description=(
        "Finds low magnesium, low potassium that does not respond to replacement, and electrolyte "
        "doses that are too high for the kidneys, while an order is being chosen."
    ),
    usage_requirements=(
        "FHIR R4. `patient` and `observations` are required, by prefetch; without them the answer "
        "is 412. Every other prefetch key that is left out makes what it would tell not known: "
        "drug suggestions that depend on it are withheld and the card says so."
    ),
    keys=PREFETCH_KEYS,
)

SERVICES = {service.id: service for service in (ORDER_SELECT,)}
