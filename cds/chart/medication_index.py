"""Where a `medicationReference` leads: contained, in the Bundle, or nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cds.chart.reading import decoded
from cds.fhir.bundle import RawResource, head
from cds.fhir.datatypes import Reference
from cds.fhir.medication_resources import Medication

_medication = msgspec.json.Decoder(Medication)
Contained = tuple[msgspec.Raw, ...] | None


@dataclass(frozen=True, slots=True)
class MedicationIndex:
    """Medication resources by `Medication/id` and by `fullUrl`.

    `told` is room for what was made of them in this one call: a hundred doses refer to a handful.
    """

    found: Mapping[str, RawResource]
    told: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, *groups: Iterable[RawResource]) -> MedicationIndex:
        """All Medications of some groups of resources; the first of a name wins."""
        found: dict[str, RawResource] = {}
        for group in groups:
            for resource in group:
                if resource.type != "Medication":
                    continue
                for name in (resource.ref if resource.id else "", resource.full_url):
                    if name:
                        found.setdefault(name, resource)
        return cls(found)

    def medication(self, reference: Reference | None, contained: Contained) -> Medication | None:
        """The Medication a reference names, or None when it cannot be had or read."""
        if reference is None or not reference.reference:
            return None
        if reference.reference.startswith("#"):
            return _contained(reference.reference[1:], contained)
        resource = self.found.get(reference.reference) or self.found.get(reference.relative())
        return decoded(resource, _medication) if resource else None


def _contained(name: str, contained: Contained) -> Medication | None:
    for raw in contained or ():
        kind = head(raw)
        if name and kind == ("Medication", name):
            return decoded(RawResource(*kind, "", raw), _medication)
    return None
