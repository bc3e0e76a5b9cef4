"""Which Medications the orders refer to that nobody sent along.

A `medicationReference` is looked for among what is contained and among all entries; what is left
is read from the FHIR server, drafts first, because the cards are about them. What cannot be read
stays an unidentified drug, which the chart says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from cds.fhir.address import Address, read_address
from cds.fhir.bundle import UNDECODABLE, RawResource
from cds.fhir.datatypes import FhirStruct, Reference

_ORDERS = frozenset({"MedicationRequest", "MedicationAdministration"})
_GONE = frozenset({"completed", "stopped", "cancelled", "entered-in-error"})


class _Order(FhirStruct, frozen=True):
    status: str | None = None
    medicationReference: Reference | None = None


_order = msgspec.json.Decoder(_Order)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Ids of Medications to read, the most needed first, and how many references lead to another
    server and are therefore not followed."""

    names: tuple[str, ...]
    elsewhere: int


def wanted_medications(groups: Sequence[Iterable[RawResource]], base: Address) -> Wanted:
    """The Medications that some groups of resources refer to and do not hold. Within a group,
    orders that are going on come before those that ended."""
    resources = [tuple(group) for group in groups]
    held = {name for group in resources for item in group for name in _names(item)}
    references = [reference for group in resources for reference in _references(group)]
    names: dict[str, None] = {}
    elsewhere = 0
    for reference in references:
        if reference.reference in held or reference.relative() in held:
            continue
        name = _on_server(reference.reference or "", base)
        if name:
            names[name] = None
        else:
            elsewhere += 1
    return Wanted(tuple(names), elsewhere)


def _names(item: RawResource) -> tuple[str, ...]:
    if item.type != "Medication":
        return ()
    return tuple(name for name in (item.ref if item.id else "", item.full_url) if name)


def _references(group: Iterable[RawResource]) -> Iterator[Reference]:
    orders = [found for item in group if (found := _decoded(item)) is not None]
    for order in sorted(orders, key=lambda order: order.status in _GONE):
        reference = order.medicationReference
        if reference is not None and reference.reference and reference.reference[0] != "#":
            yield reference


def _decoded(item: RawResource) -> _Order | None:
    if item.type not in _ORDERS or b"medicationReference" not in bytes(item.raw):
        return None
    try:
        return _order.decode(item.raw)
    except UNDECODABLE:
        return None


def _on_server(reference: str, base: Address) -> str:
    """The id of a Medication on that server, "" for anything else."""
    plain = reference.partition("/_history/")[0]
    if "://" not in plain:
        kind, _, name = plain.partition("/")
        return name if kind == "Medication" and is_plain_id(name) else ""
    found = read_address(plain)
    if found is None or found.query or not base.has(found):
        return ""
    return _on_server(found.path.removeprefix(f"{base.path}/"), base)


def is_plain_id(name: str) -> bool:
    """Whether an id can be a segment of an address as it is: a FHIR id, or a longer one of a
    vendor that uses the same characters and `_` and `~`."""
    plain = all(mark.isascii() and (mark.isalnum() or mark in "-._~") for mark in name)
    return 0 < len(name) <= 256 and plain and name.strip(".") != ""
