"""One hook call as one patient record: the only door from FHIR to facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

import msgspec

from cds.chart.administrations import read_administrations
from cds.chart.allergies import read_allergies
from cds.chart.lab_orders import read_draft_lab_orders, read_lab_orders
from cds.chart.labs import read_labs
from cds.chart.medication_index import MedicationIndex, by_name, medications_in
from cds.chart.medications import read_drafts, read_orders
from cds.chart.patient import read_person
from cds.chart.place import read_place
from cds.chart.problems import read_problems, read_procedures
from cds.chart.reading import Whose, decoded, once, whose
from cds.errors import BadRequest
from cds.facts.record import Administration, Listing, MedicationOrder, Record
from cds.facts.terminology import Terminology
from cds.fhir.bundle import UNDECODABLE, Page, RawResource, Supplied, head, plain_page, read_page
from cds.fhir.datatypes import FhirStruct, Reference
from cds.fhir.owners import RESULTS, left_out
from cds.fhir.prefetch import resolve

if TYPE_CHECKING:
    from cds.hooks.request import HookCall

T = TypeVar("T")

_DRAFTS = "context.draftOrders"
_NOTHING: Mapping[str, Supplied] = MappingProxyType({})


class _Owned(FhirStruct, frozen=True):
    subject: Reference | None = None


_owned = msgspec.json.Decoder(_Owned)


@dataclass(frozen=True, slots=True)
class Chart:
    """The record, and the draft orders as received (an `update` carries a whole order)."""

    record: Record
    drafts: Mapping[str, RawResource]


def read_chart(
    call: HookCall,
    terms: Terminology,
    now: datetime,
    fetched: Mapping[str, Supplied] = _NOTHING,
) -> Chart:
    """Everything one decision may look at. `fetched` is what the FHIR server added to the call.

    Raises `Precondition` (412) and `BadRequest` (400) as `fhir.prefetch.resolve` does, and
    `BadRequest` for draft orders that cannot be read or belong to another patient.
    """
    supplied = resolve(call.prefetch, call.patient_id, fetched, call.digests)
    drafts, lost = _drafts(call, terms)
    lines = _Lines([*lost, *_failed(supplied)])
    patient = call.patient_id
    orders, drafted, given = _medications(call, supplied, drafts, terms, now, lines)
    record = Record(
        person=read_person(supplied["patient"], now),
        place=lines.keep(read_place(call.encounter_id, supplied["encounter"], now, patient)),
        labs=lines.keep(read_labs(supplied["observations"], terms, now, patient)),
        medications=orders,
        drafts=drafted,
        administrations=given,
        problems=lines.keep(
            read_problems(supplied["problems"], terms, now, patient, call.encounter_id)
        ),
        procedures=lines.keep(read_procedures(supplied["procedures"], terms, now, patient)),
        allergies=lines.keep(read_allergies(supplied["allergies"], terms, now, patient)),
        lab_orders=lines.keep(read_lab_orders(supplied["lab_orders"], now, patient)),
        draft_lab_orders=lines.keep(read_draft_lab_orders(drafts)),
        unreadable=lines.all(),
    )
    return Chart(record, {draft.ref: draft for draft in drafts})


def _failed(supplied: Mapping[str, Supplied]) -> Iterator[str]:
    """Queries that failed or go on elsewhere; of results, which have a card of their own for that,
    only that strangers' ones came along."""
    for key, item in supplied.items():
        if key == RESULTS and item.foreign:
            yield f"{key}: {left_out(key, item.foreign)}"
        elif key not in ("patient", RESULTS) and item.gap and item.asked:
            yield f"{key}: {item.gap}"


@dataclass(frozen=True, slots=True)
class _Lines:
    """What every reader could not use, in the order the chart is read."""

    _found: list[str]

    def keep(self, read: tuple[T, tuple[str, ...]]) -> T:
        self._found.extend(read[1])
        return read[0]

    def all(self) -> tuple[str, ...]:
        return tuple(self._found)


def _medications(
    call: HookCall,
    supplied: Mapping[str, Supplied],
    drafts: tuple[RawResource, ...],
    terms: Terminology,
    now: datetime,
    lines: _Lines,
) -> tuple[Listing[MedicationOrder], tuple[MedicationOrder, ...], Listing[Administration]]:
    """Orders, drafts and doses share one index: a Medication may stand in any of the Bundles."""
    listed, doses = supplied["medications"], supplied["administrations"]
    index = MedicationIndex(
        lambda: medications_in(listed, now),
        lambda: medications_in(doses, now),
        lambda: by_name(drafts),
    )
    patient = call.patient_id
    orders = lines.keep(read_orders(listed, index, terms, now, patient))
    selected = _selected(call, drafts)
    drafted = lines.keep(read_drafts(drafts, selected, index, terms, now, patient))
    read = read_administrations(doses, orders, drafted, index, terms, now, patient)
    given = lines.keep(read)
    return orders, drafted, given


def _selected(call: HookCall, drafts: tuple[RawResource, ...]) -> frozenset[str]:
    """`Type/id` of the drafts the clinician is about to decide on (clinical pack R1)."""
    chosen = (draft.ref for draft in drafts) if call.all_selected else call.selections
    return frozenset(chosen)


def _drafts(call: HookCall, terms: Terminology) -> tuple[tuple[RawResource, ...], tuple[str, ...]]:
    """The entries of `context.draftOrders`, and a line where one had no readable resource."""
    if call.draft_orders is None:
        return (), ()
    page = plain_page(call.draft_orders) or _odd_page(call.draft_orders)
    found, broken = page.resources, page.broken
    for resource in found:
        if whose(once(resource, terms, _subject), call.patient_id) is Whose.OTHER:
            raise BadRequest(
                "a draft order is not for the patient of `context.patientId`",
                where=_DRAFTS,
                code="invalid",
            )
    return found, (f"{_DRAFTS}: {broken} without a readable resource",) if broken else ()


def _odd_page(raw: msgspec.Raw) -> Page:
    kind = head(raw)
    if kind is None or kind[0] != "Bundle":
        raise BadRequest(f"`{_DRAFTS}` is not a Bundle", where=_DRAFTS)
    try:
        return read_page(raw)
    except UNDECODABLE:
        raise BadRequest(f"the Bundle of `{_DRAFTS}` cannot be read", where=_DRAFTS) from None


def _subject(resource: RawResource, _terms: Terminology) -> Reference | None:
    owned = decoded(resource, _owned)
    return owned.subject if owned is not None else None
