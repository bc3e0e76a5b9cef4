"""Carrying out a search: candidates from the index, matched, sorted by date, one page of them.

Work is bounded: a search looks at the record of one patient, at named ids, or at the Patient
resources; never at everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cds.errors import BadRequest, Forbidden
from cds.fhir.store import Store
from cds.fhir.store_kinds import KINDS
from cds.fhir.store_query import Query
from cds.fhir.store_records import Stored


@dataclass(frozen=True, slots=True)
class Page:
    """`total` counts all matches, `matches` are those of this page, `included` what they refer to.
    `following` is the offset of the next page, None on the last one."""

    total: int
    matches: tuple[Stored, ...] = ()
    included: tuple[Stored, ...] = ()
    following: int | None = None


def search(store: Store, query: Query, reader: str, base: str) -> Page:
    """The page of `query` that `reader` (a patient id, "" = all) may see.

    Raises Forbidden for another patient, BadRequest for a search over everybody's records. `base`
    is the address of this server, with which references may begin.
    """
    found = [item for item in _candidates(store, query, reader) if _fits(item, query)]
    if query.total_only:
        return Page(len(found))
    for name, newest_first in reversed(query.sort):
        found = _sorted(found, KINDS[query.kind].dates[name], newest_first)
    end = query.offset + query.count
    matches = tuple(found[query.offset : end])
    following = end if end < len(found) else None
    return Page(len(found), matches, _included(store, matches, query, base), following)


def _candidates(store: Store, query: Query, reader: str) -> Iterable[Stored]:
    patients = set(query.patients)
    if reader and patients - {reader}:
        raise Forbidden("the token is for another patient")
    if len(patients) > 1:  # nothing belongs to two
        return ()
    if patients:
        return store.records.of(query.kind, patients.pop())
    if reader:
        return store.records.of(query.kind, reader)
    if query.ids:
        named = (store.records.get(f"{query.kind}/{key}") for key in sorted(query.ids[0]))
        return (item for item in named if item is not None)
    if query.kind != "Patient":
        raise BadRequest(
            "a search over all patients is not carried out; name one with `patient`, or use `_id`",
            code="too-costly",
        )
    return (
        item for patient in store.records.patients for item in store.records.of("Patient", patient)
    )


def _fits(item: Stored, query: Query) -> bool:
    if any(item.id not in ids for ids in query.ids):
        return False
    elements = KINDS[query.kind].tokens
    return all(
        not wanted.isdisjoint(_tokens(item.resource.get(elements[name])))
        for name, wanted in query.tokens
    )


def _tokens(value: Any) -> Iterable[str]:
    """Every way in which a client may name a coded value: `code`, `system|code`, `|code` where it
    has no system, `system|`."""
    if isinstance(value, str):
        return (value, f"|{value}")
    if isinstance(value, list):
        return [text for item in value for text in _tokens(item)]
    codings = value.get("coding", ()) if isinstance(value, Mapping) else ()
    pairs = [(coding.get("system", ""), coding.get("code", "")) for coding in codings]
    return [
        text for system, code in pairs for text in (code, f"{system}|{code}", f"{system}|") if text
    ]


def _sorted(found: list[Stored], elements: tuple[str, ...], newest_first: bool) -> list[Stored]:
    """By date; what has none comes last, either way."""
    dated = [(_moment(item.resource, elements), item) for item in found]
    known = [(moment, item) for moment, item in dated if moment is not None]
    known.sort(key=lambda pair: pair[0], reverse=newest_first)
    return [item for _, item in known] + [item for moment, item in dated if moment is None]


def _moment(resource: Mapping[str, Any], elements: tuple[str, ...]) -> datetime | None:
    """The date, or the start of the period, as it stands in the fixture."""
    value = next((resource[name] for name in elements if name in resource), None)
    if isinstance(value, Mapping):
        value = value.get("start", value.get("end"))
    if not isinstance(value, str):
        return None
    try:
        # A year or a month begins on its first day.
        moment = datetime.fromisoformat(value if len(value) > 9 else f"{value}-01-01"[:10])
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _included(
    store: Store, matches: Iterable[Stored], query: Query, base: str
) -> tuple[Stored, ...]:
    elements = [KINDS[query.kind].includes[name] for name in query.includes]
    found: dict[str, Stored] = {}
    for item in matches:
        for element in elements:
            reference = (item.resource.get(element) or {}).get("reference", "")
            target = store.records.get(reference.removeprefix(f"{base}/"))
            if target and (target.type, target.patient) == ("Medication", item.patient):
                found[target.ref] = target
    return tuple(found.values())
