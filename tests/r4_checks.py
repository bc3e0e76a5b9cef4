"""Is a resource valid FHIR R4? The R4B models, and what they do not check.

The models let through: codes outside of required value sets, a period that ends before it begins
(per-1), a quantity with a code and no system (qty-3), a repeat with a period and no unit (tim-2),
or a duration and no unit (tim-1).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from importlib import import_module
from typing import Any

from pydantic import ValidationError

Json = dict[str, Any]

_TIME_UNITS = frozenset({"s", "min", "h", "d", "wk", "mo", "a"})
_INTENTS = frozenset(
    {
        "proposal",
        "plan",
        "directive",
        "order",
        "original-order",
        "reflex-order",
        "filler-order",
        "instance-order",
        "option",
    }
)
_PRIORITIES = frozenset({"routine", "urgent", "asap", "stat"})
# Required bindings of R4, by resource type and element.
CODES: dict[str, dict[str, frozenset[str]]] = {
    "MedicationRequest": {
        "status": frozenset(
            [
                "active",
                "on-hold",
                "cancelled",
                "completed",
                "entered-in-error",
                "stopped",
                "draft",
                "unknown",
            ]
        ),
        "intent": _INTENTS - {"directive"},
        "priority": _PRIORITIES,
    },
    "ServiceRequest": {
        "status": frozenset(
            {
                "draft",
                "active",
                "on-hold",
                "revoked",
                "completed",
                "entered-in-error",
                "unknown",
            }
        ),
        "intent": _INTENTS,
        "priority": _PRIORITIES,
    },
    "Observation": {
        "status": frozenset(
            [
                "registered",
                "preliminary",
                "final",
                "amended",
                "corrected",
                "cancelled",
                "entered-in-error",
                "unknown",
            ]
        ),
    },
    "Encounter": {
        "status": frozenset(
            [
                "planned",
                "arrived",
                "triaged",
                "in-progress",
                "onleave",
                "finished",
                "cancelled",
                "entered-in-error",
                "unknown",
            ]
        ),
    },
    "MedicationAdministration": {
        "status": frozenset(
            [
                "in-progress",
                "not-done",
                "on-hold",
                "completed",
                "entered-in-error",
                "stopped",
                "unknown",
            ]
        ),
    },
    "Patient": {"gender": frozenset({"male", "female", "other", "unknown"})},
}
NEEDED = {"MedicationRequest": ("status", "intent"), "ServiceRequest": ("status", "intent")}


def faults(resource: Json) -> tuple[str, ...]:
    """Everything wrong with one resource; () when it is valid."""
    return tuple(_model(resource)) + tuple(_codes(resource)) + tuple(_invariants(resource, ""))


def _model(resource: Json) -> Iterator[str]:
    kind = resource.get("resourceType", "")
    try:
        module = import_module(f"fhir.resources.R4B.{kind.lower()}")
        getattr(module, kind).model_validate(resource)
    except (ImportError, AttributeError):
        yield f"`{kind}` is no resource of R4"
    except ValidationError as error:
        yield from (f"{kind} {item['loc']}: {item['msg']}" for item in error.errors())


def _codes(resource: Json) -> Iterator[str]:
    kind = resource.get("resourceType", "")
    for name in NEEDED.get(kind, ()):
        if not resource.get(name):
            yield f"{kind}.{name} is missing"
    for name, allowed in CODES.get(kind, {}).items():
        if name in resource and resource[name] not in allowed:
            yield f"{kind}.{name} is `{resource[name]}`"


def _invariants(node: Any, at: str) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _invariants(item, at)
    if not isinstance(node, dict):
        return
    if _backwards(node.get("start"), node.get("end")):
        yield f"per-1: {at} ends before it begins"
    if "value" in node and node.get("code") and not node.get("system"):
        yield f"qty-3: {at} has a code and no system"
    if at.endswith("repeat"):
        yield from _repeat(node, at)
    for name, value in node.items():
        yield from _invariants(value, f"{at}.{name}".lstrip("."))


def _repeat(node: Json, at: str) -> Iterator[str]:
    for length, unit in (("duration", "durationUnit"), ("period", "periodUnit")):
        if length in node and not node.get(unit):
            yield f"tim: {at} has a {length} and no unit"
        if unit in node and node[unit] not in _TIME_UNITS:
            yield f"{at}.{unit} is `{node[unit]}`"


def _backwards(start: Any, end: Any) -> bool:
    try:
        return datetime.fromisoformat(end) < datetime.fromisoformat(start)
    except (TypeError, ValueError):  # one is absent, a date only, or no time at all
        return False
