"""Where a `medicationReference` leads: contained, in the Bundle, or nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import TypeVar, cast

import msgspec

from cds.chart.clock import kept
from cds.chart.reading import decoded
from cds.fhir.bundle import RawResource, Supplied, head
from cds.fhir.datatypes import Reference
from cds.fhir.medication_resources import Medication

_medication = msgspec.json.Decoder(Medication)
Contained = tuple[msgspec.Raw, ...] | None
T = TypeVar("T")

Named = Mapping[str, RawResource]


class MedicationIndex:
    """Medication resources by `Medication/id` and by `fullUrl`, of some groups of resources; the
    first of a name wins. A group is looked through only when something is looked for in it.

    `reached` tells how many groups were needed since it was last set to 0: one more than there are
    where something was found in none. Reading is the same while these groups are.
    """

    def __init__(self, *groups: Callable[[], Named]) -> None:
        self._groups = groups
        self._looked_through: list[Named] = []
        self._told: dict[str, tuple[object, int]] = {}
        self.reached = 0

    @classmethod
    def of(cls, *groups: Iterable[RawResource]) -> MedicationIndex:
        """All Medications of some groups of resources."""
        return cls(*(partial(by_name, group) for group in groups))

    def once(self, name: str, make: Callable[[], T]) -> T:
        """`make()`, done once for a reference: a hundred doses refer to a handful."""
        told = self._told.get(name)
        if told is None:
            before, self.reached = self.reached, 0
            told = self._told[name] = make(), self.reached
            self.reached = before
        self.reached = max(self.reached, told[1])
        return cast(T, told[0])

    def medication(self, reference: Reference | None, contained: Contained) -> Medication | None:
        """The Medication a reference names, or None when it cannot be had or read."""
        if reference is None or not reference.reference:
            return None
        if reference.reference.startswith("#"):
            return _contained(reference.reference[1:], contained)
        resource = self._found(reference.reference) or self._found(reference.relative())
        return decoded(resource, _medication) if resource else None

    def _found(self, name: str) -> RawResource | None:
        for place, group in enumerate(self._groups):
            if place == len(self._looked_through):
                self._looked_through.append(group())
            self.reached = max(self.reached, place + 1)
            resource = self._looked_through[place].get(name)
            if resource is not None:
                return resource
        self.reached = len(self._groups) + 1
        return None


def medications_in(supplied: Supplied, now: datetime) -> Named:
    """The Medications of a list by their names, each with bytes of its own."""

    def read(_: object) -> Named:
        return {name: item.alone() for name, item in by_name(supplied.resources).items()}

    return kept(supplied, medications_in, (), now, read)


def by_name(group: Iterable[RawResource]) -> Named:
    """The Medications of a group of resources by their names; the first of a name wins."""
    found: dict[str, RawResource] = {}
    for resource in group:
        if resource.type != "Medication":
            continue
        for name in (resource.ref if resource.id else "", resource.full_url):
            if name:
                found.setdefault(name, resource)
    return found


def _contained(name: str, contained: Contained) -> Medication | None:
    for raw in contained or ():
        kind = head(raw)
        if name and kind == ("Medication", name):
            return decoded(RawResource(*kind, "", raw), _medication)
    return None
