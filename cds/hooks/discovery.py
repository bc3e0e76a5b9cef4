"""The discovery document and its prefetch templates (CDS Hooks 2.0.1, Discovery).

Templates use only `{{context.patientId}}` and `{{context.encounterId}}`: no dates and no FHIRPath,
which 2.0 clients cannot resolve. Each search is bounded by `_count`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cds.hooks.services import HOOKS, ServiceEntry

SPECIFICATION = "2.0.1"

_PATIENT = "patient={{context.patientId}}"

_SEARCHES = {
    "patient": "Patient/{{context.patientId}}",
    "medications": f"MedicationRequest?{_PATIENT}&_sort=-authoredon&_count=1000",
    "administrations": f"MedicationAdministration?{_PATIENT}&_sort=-effective-time&_count=1000",
    "problems": f"Condition?{_PATIENT}&_count=1000",
    "allergies": f"AllergyIntolerance?{_PATIENT}&_count=1000",
    "encounter": "Encounter/{{context.encounterId}}",
    "lab_orders": f"ServiceRequest?{_PATIENT}&_sort=-authored&_count=1000",
    "procedures": f"Procedure?{_PATIENT}&_sort=-date&_count=1000",
}


def templates(codes: Iterable[str]) -> Mapping[str, str]:
    """Prefetch key -> template. `codes` are those the rulebook reads, `system|code`, in any order.

    All laboratory data is one search, newest first: a query per analyte would cost the client a
    round trip each.
    """
    wanted = ",".join(sorted(set(codes)))
    observations = f"Observation?{_PATIENT}&code={wanted}&_sort=-date&_count=1000"
    return {"observations": observations, **_SEARCHES}


def discovery(services: Iterable[ServiceEntry], codes: Iterable[str]) -> dict[str, Any]:
    """The body of `GET /cds-services`."""
    known = templates(codes)
    return {"services": [_entry(service, known) for service in services]}


def _entry(service: ServiceEntry, known: Mapping[str, str]) -> dict[str, Any]:
    return {
        "hook": service.hook,
        "title": service.title,
        "description": service.description,
        "id": service.id,
        "prefetch": {key: known[key] for key in service.keys},
        "usageRequirements": service.usage_requirements,
        "version": SPECIFICATION,
        "hookVersion": HOOKS[service.hook].version,
    }
