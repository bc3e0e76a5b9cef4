"""The services this house offers: one line of data per service, one per hook it answers.

A new service is a new `ServiceEntry` in `SERVICES`, a new hook a new `Hook` in `HOOKS`; nothing
else changes. Hook contexts: CDS Hooks Library 1.0.1.
"""

from __future__ import annotations

from dataclasses import dataclass

CLINICIANS = ("Practitioner", "PractitionerRole")


@dataclass(frozen=True, slots=True)
class Hook:
    """What the context of a hook holds (CDS Hooks Library, context tables).

    `users` are the resource types `context.userId` may have. `encounter` says whether `encounterId`
    is required; it may always be there. `drafts` and `selections` say whether the hook has
    `draftOrders` and `selections`, which are then required. `drugs` says whether a card of this
    hook may suggest a drug (clinical pack R1).
    """

    name: str
    version: str
    users: tuple[str, ...] = CLINICIANS
    encounter: bool = False
    drafts: bool = False
    selections: bool = False
    drugs: bool = True

    @property
    def all_selected(self) -> bool:
        """Whether every draft order counts as selected: all of them are about to be signed
        (clinical pack R1)."""
        return self.drafts and not self.selections


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
        Hook("order-select", "1.0", drafts=True, selections=True),
        Hook("order-sign", "1.0", drafts=True),
        Hook("patient-view", "1.0", (*CLINICIANS, "Patient", "RelatedPerson")),
        Hook("encounter-discharge", "1.0", encounter=True, drugs=False),
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

_DATA = (
    "FHIR R4. `patient` and `observations` are required, by prefetch or from `fhirServer`; "
    "without them the answer is 412. Every other prefetch key that is neither sent nor can be "
    "fetched makes what it would tell not known"
)
_WITHHELD = f"{_DATA}: drug suggestions that depend on it are withheld and the card says so."
_ORDERS = (
    "Finds low magnesium, low potassium that does not respond to replacement, and electrolyte "
    "doses that are too high for the kidneys"
)
_PATIENT = "Finds low magnesium and low potassium that does not respond to replacement"

ORDER_SELECT = ServiceEntry(
    id="electrolytes-order-select",
    hook="order-select",
    title="Electrolyte safety while ordering",
    description=f"{_ORDERS}, while an order is being chosen.",
    usage_requirements=(
        f"{_WITHHELD} Cards about an order concern the draft orders that `selections` names; the "
        "other draft orders count as on order."
    ),
    keys=PREFETCH_KEYS,
)
ORDER_SIGN = ServiceEntry(
    id="electrolytes-order-sign",
    hook="order-sign",
    title="Electrolyte safety before orders are signed",
    description=f"{_ORDERS}, before orders are signed.",
    usage_requirements=(
        f"{_WITHHELD} Cards about an order may concern every order in `draftOrders`, new or "
        "revised; `selections` is not read."
    ),
    keys=PREFETCH_KEYS,
)
PATIENT_VIEW = ServiceEntry(
    id="electrolytes-patient-view",
    hook="patient-view",
    title="Electrolyte review of a patient",
    description=f"{_PATIENT}, when a patient's record is opened. Judges no draft orders.",
    usage_requirements=(
        f"{_WITHHELD} Cards are written for clinicians. A patient or a related person may be the "
        "user; the cards are then the same."
    ),
    keys=PREFETCH_KEYS,
)
ENCOUNTER_DISCHARGE = ServiceEntry(
    id="electrolytes-encounter-discharge",
    hook="encounter-discharge",
    title="Electrolyte review before discharge",
    description=f"{_PATIENT}, when a patient is discharged. Suggests no drug.",
    usage_requirements=(
        f"{_DATA}, and the card says so. `encounterId` is required. The hook may be called "
        "several times for one encounter; each call is answered on its own."
    ),
    keys=PREFETCH_KEYS,
)

SERVICES = {
    service.id: service for service in (ORDER_SELECT, ORDER_SIGN, PATIENT_VIEW, ENCOUNTER_DISCHARGE)
}
