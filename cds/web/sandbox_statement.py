"""The CapabilityStatement of the sandbox's FHIR server (FHIR R4, `GET metadata`)."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version
from typing import Any

from cds.fhir.store_kinds import KINDS, Kind

_ABOUT = (
    "Synthetic patients for trying out a CDS Hooks service. A toy: no real data, nothing can be "
    "written, and the bearer tokens are no secrets."
)
_TOKENS = (
    "Send `Authorization: Bearer sandbox.PATIENT-ID`; it opens the record of that patient only. "
    "`sandbox.all` opens all of them, for tools."
)


def capability_statement(base: str, now: datetime) -> dict[str, Any]:
    """What this server at `base` can do; `now` (aware) is when it says so."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": now.replace(microsecond=0).isoformat(),
        "experimental": True,
        "kind": "instance",
        "description": _ABOUT,
        "software": {"name": "Electrolyte CDS sandbox", "version": version("electrolyte-cds")},
        "implementation": {"description": _ABOUT, "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "security": {"cors": True, "description": _TOKENS},
                "resource": [_resource(name, kind) for name, kind in KINDS.items()],
            }
        ],
    }


def _resource(name: str, kind: Kind) -> dict[str, Any]:
    parameters = [("_id", "token"), *((item, "reference") for item in kind.patient)]
    parameters += [(item, "token") for item in kind.tokens]
    found: dict[str, Any] = {
        "type": name,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "searchParam": [{"name": item, "type": form} for item, form in parameters],
    }
    if kind.dates:
        dates = ", ".join(f"`{item}`" for item in kind.dates)
        found["documentation"] = f"`_sort` can name {dates}; `-` in front of it: newest first."
    if kind.includes:
        found["searchInclude"] = [f"{name}:{item}" for item in kind.includes]
    return found
