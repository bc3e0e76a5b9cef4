"""A kept decision as FHIR R4: one AuditEvent about it, one GuidanceResponse for every rule.

"Why was there no card?" is answered by both: a rule that stayed silent stands there, with its
reason where it was not just ruled out. A person is named as in the record, by keyed hash, unless
the site keeps plain references.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cds.audit.batch import Sealed
from cds.audit.codec import CodecError, canonical, parse
from cds.audit.explain import restored
from cds.audit.kept import Entry, stamp
from cds.audit.ruledout import RULED_OUT, in_order
from cds.engine.decision import Decision, Outcome
from cds.engine.reasons import decisive
from cds.facts.model import NotKnown
from cds.kernel.text import plain
from cds.kernel.verdict import Verdict

Json = dict[str, Any]

_OURS = "urn:electrolyte-cds:"
_IDS = uuid.uuid5(uuid.NAMESPACE_URL, f"{_OURS}export")
_REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}")

# Every code below was looked up in the code systems of HL7 (FHIR R4, terminology.hl7.org) and in
# the examples of IHE's Basic Audit Log Patterns 1.1.3. A hook call is no FHIR interaction, so its
# subtype is the hook, in a system of our own; conformance to a profile of IHE is not claimed.
_HL7 = "http://terminology.hl7.org/CodeSystem/"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_REST = {"system": f"{_HL7}audit-event-type", "code": "rest", "display": "RESTful Operation"}
_SOURCE = {"system": _DICOM, "code": "110153", "display": "Source Role ID"}
_DESTINATION = {"system": _DICOM, "code": "110152", "display": "Destination Role ID"}
_SERVER = {"system": f"{_HL7}security-source-type", "code": "4", "display": "Application Server"}
_PERSON = {"system": f"{_HL7}audit-entity-type", "code": "1", "display": "Person"}
_OBJECT = {"system": f"{_HL7}audit-entity-type", "code": "2", "display": "System Object"}
_PATIENT = {"system": f"{_HL7}object-role", "code": "1", "display": "Patient"}
_REPORT = {"system": f"{_HL7}object-role", "code": "3", "display": "Report"}
_MASTER = {"system": f"{_HL7}object-role", "code": "5", "display": "Master file"}
_EXECUTE = "E"
_SUCCESS, _MINOR_FAILURE, _SERIOUS_FAILURE = "0", "4", "8"

_STATUS = {
    Outcome.FIRES: "success",
    Outcome.SILENT: "success",
    Outcome.CANNOT_TELL: "data-required",
    Outcome.ERROR: "failure",
}
# What would have to be sent, by prefetch key.
_NEEDED = {
    "administrations": "MedicationAdministration",
    "allergies": "AllergyIntolerance",
    "encounter": "Encounter",
    "lab_orders": "ServiceRequest",
    "medications": "MedicationRequest",
    "observations": "Observation",
    "patient": "Patient",
    "problems": "Condition",
    "procedures": "Procedure",
}


def audit_event(sealed: Sealed) -> Json:
    """One FHIR R4 AuditEvent: who asked whom, about whom, by which rules, and each rule's outcome.

    Its outcome is 0, or 4 where some rules broke, 8 where all did. Raises CodecError when the body
    is not one that this version can read.
    """
    entry = sealed.entry
    with _readable():
        rules = in_order(parse(entry.body))
        broken = [_rule(rule) for rule in rules if Outcome(rule["outcome"]) is Outcome.ERROR]
        details = [{"type": _rule(rule), "valueString": _said(rule)} for rule in rules]
    serious = _SERIOUS_FAILURE if len(broken) == len(rules) else _MINOR_FAILURE
    event: Json = {
        "resourceType": "AuditEvent",
        "id": _id(sealed),
        "type": _REST,
        "subtype": [{"system": f"{_OURS}hook", "code": entry.hook}],
        "action": _EXECUTE,
        "recorded": stamp(entry.at),
        "outcome": serious if broken else _SUCCESS,
    }
    if broken:
        event["outcomeDesc"] = f"broke: {', '.join(dict.fromkeys(broken))}"
    return event | {
        "agent": [
            _agent(_SOURCE, "client", entry.client, requestor=True),
            _agent(_DESTINATION, "service", entry.service, requestor=False),
        ],
        "source": _source(sealed),
        "entity": _entities(sealed, details),
    }


def guidance_responses(sealed: Sealed) -> list[Json]:
    """One FHIR R4 GuidanceResponse for every rule (and draft order) judged, in the order of the
    rulebook. Raises as `audit_event`."""
    with _readable():
        body = parse(sealed.entry.body)
        common = _common(sealed.entry, body)
        rules = [(rule, Outcome(rule["outcome"])) for rule in in_order(body)]
        # Reading the judged clauses costs ten times the rest, and few decisions need them.
        open_ones = any(outcome is Outcome.CANNOT_TELL for _, outcome in rules)
        told = restored(body).items if open_ones else ()
        found = []
        for place, (rule, outcome) in enumerate(rules):
            response = _response(sealed, place, rule, outcome) | common | _about(rule)
            needed = _needed(told[place]) if outcome is Outcome.CANNOT_TELL else []
            found.append(response | ({"dataRequirement": needed} if needed else {}))
    return found


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise CodecError("the stored body is not that of a decision") from None


def _agent(role: Json, kind: str, name: str, *, requestor: bool) -> Json:
    return {"type": {"coding": [role]}, "who": _named(kind, name), "requestor": requestor}


def _source(sealed: Sealed) -> Json:
    """The process that wrote the record, which its chain names."""
    observer = _named("chain", sealed.chain, "Device") | {"display": _program(sealed.entry)}
    site = {"site": sealed.entry.site} if sealed.entry.site else {}
    return site | {"observer": observer, "type": [_SERVER]}


def _entities(sealed: Sealed, details: list[Json]) -> list[Json]:
    entry = sealed.entry
    place = [
        {"type": "record", "valueString": str(sealed.seq)},
        {"type": "seal", "valueString": sealed.mac.hex()},
    ]
    decision = {"what": _named("decision", entry.id), "type": _OBJECT, "role": _REPORT}
    return [
        {"what": _person("Patient", entry.patient), "type": _PERSON, "role": _PATIENT},
        decision | {"detail": place + details},
        {"what": _named("rulebook", entry.rulebook), "type": _OBJECT, "role": _MASTER},
    ]


def _common(entry: Entry, body: Json) -> Json:
    """What all responses of one decision share. The rulebook names the device: these rules, run by
    this program, are what gave the guidance."""
    stay = body["encounter"]
    encounter = {"encounter": _person("Encounter", stay)} if stay else {}
    performer = _named("rulebook", entry.rulebook, "Device") | {"display": _program(entry)}
    return {
        "requestIdentifier": {"system": f"{_OURS}decision", "value": entry.id},
        "subject": _person("Patient", entry.patient),
        **encounter,
        "occurrenceDateTime": stamp(entry.at),
        "performer": performer,
        "reasonCode": [{"coding": [{"system": f"{_OURS}hook", "code": entry.hook}]}],
    }


def _response(sealed: Sealed, place: int, rule: Json, outcome: Outcome) -> Json:
    return {
        "resourceType": "GuidanceResponse",
        "id": _id(sealed, place),
        "moduleUri": f"{_OURS}rule:{_rule(rule)}",
        "status": _STATUS[outcome],
    }


def _about(rule: Json) -> Json:
    """The draft order it was judged for, by name only, and why it came out so."""
    open_ones = [text for text in rule.get("undecided", ()) if text != rule.get("reason")]
    words = [_said(rule), rule.get("summary", ""), *open_ones]
    found: Json = {"note": [{"text": text} for text in dict.fromkeys(words) if text]}
    if order := plain(rule["order"]["name"]) if "order" in rule else "":
        found["reasonReference"] = [{"display": order}]
    return found


def _needed(decision: Decision) -> list[Json]:
    """The lists that were not there or not whole. A result that is missing within a whole list is
    not among them: the note says so, and no query for it is known here."""
    leaves = [
        leaf
        for level in decision.levels
        if level.judgement.verdict is Verdict.CANNOT_TELL
        for leaf in decisive(level.judgement)
    ]
    states = [leaf.fact.state for leaf in leaves if leaf.fact is not None]
    keys = {state.key for state in states if isinstance(state, NotKnown)}
    return [{"type": _NEEDED[key]} for key in sorted(keys & _NEEDED.keys())]


def _said(rule: Json) -> str:
    """`silent: no row of this rule applies`; of a rule that fired unseen, also why no card came."""
    about = f" for {plain(rule['order']['name'])}" if "order" in rule else ""
    unseen = ", silent mode: no card" if rule.get("silent", False) else ""
    if not unseen and (why := rule.get("held_back", "")):
        unseen = f", no card now ({why})"
    why = "ruled out" if RULED_OUT in rule else rule.get("reason", "")
    return f"{rule['outcome']}{about}{unseen}: {why}".removesuffix(": ")


def _rule(rule: Json) -> str:
    return f"{rule['rule']}@{rule['version']}"


def _program(entry: Entry) -> str:
    return f"electrolyte-cds {entry.engine}"


def _person(kind: str, kept: str) -> Json:
    """A real reference only where one was kept."""
    if kept.startswith(f"{kind}/") and _REFERENCE.fullmatch(kept):
        return {"reference": kept, "type": kind}
    return _named(kind.lower(), kept, kind)


def _named(what: str, value: str, kind: str = "") -> Json:
    """A reference by identifier, in a system of our own."""
    found: Json = {"type": kind} if kind else {}
    return found | {"identifier": {"system": f"{_OURS}{what}", "value": value}}


def _id(sealed: Sealed, place: int | None = None) -> str:
    """The same at every export. The id of a decision will not do: a call that comes twice has one
    and is kept twice."""
    return str(uuid.uuid5(_IDS, canonical([sealed.chain, sealed.seq, place]).decode()))
