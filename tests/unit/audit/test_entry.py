"""What is kept of an answer: everything it rests on, and nobody's name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from cds.audit.codec import canonical, parse
from cds.audit.entry import ENGINE, Identity, entry_of
from cds.audit.kept import Entry
from cds.audit.redact import cards_kept, without_ids
from cds.audit.ruledout import in_order
from cds.audit.trees import written
from cds.clients.model import Client
from cds.engine.decision import Decision, Decisions, Outcome
from cds.facts.model import Evidence, Fact, Presence
from cds.fhir.access import Fetched, FhirCallNote
from cds.fhir.bundle import RawResource, Supplied
from cds.pipeline import answer
from kept_decisions import AT, CLIENT, KEYED, PLAIN, Answered, answered, book, call_of, named

HASH = r"hmac:[0-9a-f]{32}"
FIRST = "first-card"
LONG = "fict-long-1"


def people(value: Any) -> Iterator[dict[str, Any]]:
    """Every Patient of a call, wherever it stands."""
    if isinstance(value, list):
        for item in value:
            yield from people(item)
    elif isinstance(value, dict):
        if value.get("resourceType") == "Patient":
            yield value
        for item in value.values():
            yield from people(item)


def secrets(item: Answered) -> set[str]:
    """Ids of patient and encounter, the user, and all names and identifiers of the patient."""
    context = item.sample.request["context"]
    found = {context["patientId"], context["userId"].partition("/")[2]}
    found.add(context.get("encounterId", ""))
    for person in people(item.sample.request):
        for name in person.get("name", ()):
            found |= {name.get("family", ""), name.get("text", ""), *name.get("given", ())}
        for one in (*person.get("identifier", ()), *person.get("telecom", ())):
            found.add(one.get("value", ""))
    return found - {""}


@pytest.mark.parametrize("folder", ["firing", "boundary", "well", "broken"])
def test_no_name_id_or_identifier_of_a_patient_is_kept(folder: str) -> None:
    found = [item for item in answered() if item.sample.folder == folder]
    assert found
    for item in found:
        entry, kept = item.entry(), secrets(item)
        assert len(kept) > 2
        text = f"{entry.body.decode()} {entry.patient}"
        for secret in kept:
            word = rf"(?<![A-Za-z0-9]){re.escape(secret)}(?![A-Za-z0-9])"
            assert not re.search(word, text, re.IGNORECASE), item.sample.name


def test_the_columns_say_who_asked_what_and_by_which_rules() -> None:
    item = named(FIRST)
    entry = item.entry()
    assert entry == Entry(
        id=item.answer.decision_id,
        at=AT,
        client="ward-7",
        service="electrolytes-order-select",
        hook="order-select",
        patient=KEYED.patient("ward-7", item.call.patient_id),
        rulebook=book().digest,
        site="",
        engine=ENGINE,
        body=entry.body,
        shown=entry.shown,
        marks=entry.marks,
    )
    assert re.fullmatch(HASH, entry.patient)


def test_the_body_holds_what_the_answer_rests_on() -> None:
    item, body = named(FIRST), named(FIRST).body()
    assert set(body) == {
        *("cards", "defects", "digests", "encounter", "facts", "format", "gaps", "hook_instance"),
        *("kidneys", "no_drugs", "nodes", "now", "profile", "record", "ruled_out", "rules"),
        *("timings", "unread", "user"),
    }
    assert body["hook_instance"] == item.call.hook_instance
    assert (body["user"], body["profile"], body["no_drugs"]) == ("Practitioner", "plain", "")
    assert body["digests"] == {"body": item.call.body_digest, "fetched": ""}
    assert body["timings"] == {"microseconds": 12500, "fetches": []}
    assert body["now"] == item.sample.now.isoformat(timespec="microseconds")
    assert re.fullmatch(HASH, body["encounter"])
    assert [card["uuid"] for card in body["cards"]] == [card["uuid"] for card in item.answer.cards]


def test_every_fact_that_was_looked_at_stands_with_value_unit_time_and_source() -> None:
    item, body = named(FIRST), named(FIRST).body()
    kept = {fact["name"]: fact for fact in body["facts"]}
    assert {fact.name for fact in item.answer.decisions.facts} <= set(kept)
    magnesium = kept["magnesium"]
    assert magnesium["state"]["quantity"]["interval"]["low"] == "1.0"
    assert magnesium["state"]["quantity"]["unit"] == "mg/dL"
    (evidence,) = magnesium["evidence"]
    assert evidence["source"].startswith("Observation/")
    assert evidence["when"] == magnesium["state"]["when"]


def test_every_rule_stands_with_its_outcome_its_reason_and_what_decided() -> None:
    item, body = named(FIRST), named(FIRST).body()
    assert [(rule["rule"], rule["version"], rule["outcome"]) for rule in in_order(body)] == [
        (one.rule.id, one.rule.version, one.outcome.value) for one in item.answer.decisions.items
    ]
    assert all(rule["outcome"] and rule["reason"] for rule in body["rules"])
    assert 0 < len(body["rules"]) < len(body["ruled_out"])
    rule = next(rule for rule in body["rules"] if rule["rule"] == "hypomagnesemia")
    assert (rule["row"], rule["indicator"], rule["outcome"]) == ("A2", "critical", "fires")
    assert rule["offers"][0]["dose"] == "2 g"
    top = body["nodes"][rule["levels"][-1]["node"]]
    assert top["verdict"] == "yes"
    assert all(child < rule["levels"][-1]["node"] for child in top.get("children", ()))


def test_what_stands_once_is_not_written_twice() -> None:
    body = named(FIRST).body()
    for table in ("facts", "nodes"):
        written = [canonical(item) for item in body[table]]
        assert len(written) == len(set(written))


def test_facts_that_differ_in_their_sources_alone_are_kept_apart() -> None:
    facts = tuple(
        Fact("magnesium", Presence(True), "it is low", (Evidence(source, "1.0 mg/dL"),))
        for source in ("Observation/1", "Observation/2", "Observation/1")
    )
    told = parse(canonical(written(Decisions((), facts))))["facts"]
    assert [fact["evidence"][0]["source"] for fact in told] == ["Observation/1", "Observation/2"]


def test_the_same_answer_is_kept_in_the_same_bytes() -> None:
    for name in (FIRST, "signing-two-electrolyte-orders"):
        item = named(name)
        again = answer(call_of(item.sample), book(), item.sample.now, CLIENT, whole=False)
        assert replace(item, answer=again).entry() == item.entry()


def test_no_number_of_a_body_is_a_binary_fraction() -> None:
    def refused(text: str) -> None:
        raise AssertionError(text)

    for item in answered():
        json.loads(item.entry().body, parse_float=refused)


def test_why_no_drug_was_suggested_is_kept() -> None:
    body = named("low-magnesium-at-discharge").body()
    assert body["no_drugs"] == "no drug is suggested at encounter-discharge"
    assert any("withheld" in rule for rule in body["rules"])


def test_lists_that_prove_no_absence_are_named_with_the_reason() -> None:
    item = named(FIRST)
    prefetch = {k: v for k, v in item.sample.request["prefetch"].items() if k != "problems"}
    sample = replace(item.sample, request={**item.sample.request, "prefetch": prefetch})
    call = call_of(sample)
    found = replace(item, call=call, answer=answer(call, book(), sample.now, CLIENT))
    assert found.body()["gaps"] == {"problems": "`problems` was not supplied"}
    assert item.body()["gaps"] == {}


def test_what_was_fetched_is_kept_as_digest_and_timings() -> None:
    item = named(FIRST)
    raw = RawResource("Observation", "1", "", msgspec.Raw(b"{}"))
    fetched = Fetched(
        {"observations": Supplied("observations", (raw,))},
        (FhirCallNote("observations", "ok", 0.25),),
    )
    entry = entry_of(
        item.call, CLIENT, item.answer, book(), item.sample.now, AT, KEYED, 1.5, fetched
    )
    body = json.loads(entry.body)
    assert body["digests"]["fetched"] == fetched.digest() != ""
    assert body["timings"] == {
        "microseconds": 1_500_000,
        "fetches": [{"key": "observations", "outcome": "ok", "microseconds": 250_000}],
    }


def test_a_rule_that_broke_is_kept_too() -> None:
    item = named(FIRST)
    broken = Decision(book().rules[0], Outcome.ERROR, "ValueError while judging")
    decisions = replace(item.answer.decisions, items=(broken,))
    body = replace(item, answer=replace(item.answer, decisions=decisions, defects=("one",))).body()
    assert body["rules"][0]["outcome"] == "error"
    assert body["rules"][0]["reason"] == "ValueError while judging"
    assert body["defects"] == ["one"]


def actions(item: Answered, identity: Identity = KEYED) -> list[dict[str, Any]]:
    return [
        action
        for card in item.body(identity)["cards"]
        for suggestion in card.get("suggestions", ())
        for action in suggestion["actions"]
    ]


def test_an_order_to_create_is_kept_without_patient_and_encounter() -> None:
    created = [action["resource"] for action in actions(named(FIRST)) if "resource" in action]
    assert created
    for resource in created:
        assert not {"subject", "encounter"} & set(resource)
    assert created[0]["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"]


def test_a_changed_order_is_kept_as_its_reference_and_what_changes() -> None:
    (update,) = actions(named("four-grams-with-stage-4-kidneys"))
    assert "resource" not in update
    assert re.fullmatch(rf"MedicationRequest/{HASH}", update["order"])
    assert "dosageInstruction[0].text" in update["changed"]
    values = [v for path, v in update["changed"].items() if path.endswith("doseQuantity.value")]
    assert [Decimal(value) for value in values] == [Decimal(1)]


def test_a_removed_order_is_kept_as_its_reference() -> None:
    (delete,) = actions(named("magnesium-for-a-dialysis-patient"))
    assert delete["type"] == "delete"
    assert re.fullmatch(rf"MedicationRequest/{HASH}", delete["resourceId"])


def test_what_an_update_changes_is_told_path_by_path() -> None:
    before = {"id": "1", "resourceType": "X", "note": [1], "dose": [{"value": Decimal("4.0")}]}
    after = {
        "id": "1",
        "resourceType": "X",
        "note": [1, 2],
        "dose": [{"value": 1.5}],
        "text": "new",
        "subject": {"reference": "Patient/other"},
        "encounter": {"reference": "Encounter/other"},
    }
    card = {"suggestions": [{"actions": [{"type": "update", "resource": after}]}]}
    (kept,) = cards_kept((card,), lambda reference: f"kept {reference}", lambda _: before)
    assert kept["suggestions"][0]["actions"] == [
        {
            "type": "update",
            "order": "kept X/1",
            "changed": {"note": [1, 2], "dose[0].value": "1.5", "text": "new"},
        }
    ]
    assert card["suggestions"][0]["actions"][0]["resource"] is after


def test_plain_references_are_kept_where_the_site_asks_for_them() -> None:
    item = named(FIRST)
    entry = item.entry(PLAIN)
    patient = item.call.patient_id
    assert entry.patient == f"Patient/{patient}"
    body = item.body(PLAIN)
    assert body["encounter"] == f"Encounter/{item.call.encounter_id}"
    assert body["record"]["person"]["source"] == f"Patient/{patient}"
    assert not [a for a in actions(item, PLAIN) if "subject" in a.get("resource", {})]
    (update,) = actions(named("four-grams-with-stage-4-kidneys"), PLAIN)
    assert update["order"] == "MedicationRequest/draft-1"


def test_a_keyed_hash_is_the_same_for_one_patient_of_one_client_only() -> None:
    one = KEYED.patient("a", "1")
    assert one == KEYED.patient("a", "1")
    others = {
        KEYED.patient("b", "1"),
        KEYED.patient("a", "2"),
        KEYED.patient("a1", ""),
        KEYED.encounter("a", "1"),
        Identity(b"another key").patient("a", "1"),
    }
    assert len(others) == 5
    assert one not in others
    assert KEYED.reference("a", "Patient/1") == f"Patient/{one}"


def test_the_key_is_not_shown() -> None:
    assert "a key of the tests" not in repr(KEYED)


IDS = (("Patient", "7", "P"), ("Encounter", "visit-1", "E"), ("Patient", LONG, "L"))
REPLACED = [
    ("Patient/7", "Patient/P"),
    ("of Patient/7.", "of Patient/P."),
    ("Patient/77 Patient/7-1 Patient/7.1", "Patient/77 Patient/7-1 Patient/7.1"),
    ("7 mg, Observation/7", "7 mg, Observation/7"),
    ("Encounter/visit-1", "Encounter/E"),
    ("Encounter/visit-12", "Encounter/visit-12"),
    (f"Observation/{LONG}-mg-1", "Observation/L-mg-1"),
    (f"mg-{LONG}", "mg-L"),
    (f"x{LONG} {LONG}2", f"x{LONG} {LONG}2"),
    (f"{LONG}2 {LONG} \u00e4{LONG} {LONG}", f"{LONG}2 L \u00e4L L"),
]


@pytest.mark.parametrize(("text", "kept"), REPLACED)
def test_ids_are_replaced_where_they_are_ids_and_nowhere_else(text: str, kept: str) -> None:
    assert without_ids(canonical(text), IDS) == canonical(kept)


def test_an_id_that_ends_as_it_begins_is_found_where_the_first_look_ends_within_a_word() -> None:
    ids = [("Patient", "ab-ab-", "P")]
    assert without_ids(b'"ab-ab-ab-"', ids) == b'"ab-P"'
    assert without_ids(b'"ab-ab--ab-"', ids) == b'"P-ab-"'


def test_an_id_in_a_name_that_the_client_gave_the_call_is_replaced_too() -> None:
    item = named(FIRST)
    call = replace(item.call, hook_instance=f"call-{item.call.patient_id}.")
    kept = replace(item, call=call).body()["hook_instance"]
    assert re.fullmatch(rf"call-{HASH}\.", kept)


def test_one_call_asked_by_two_clients_is_kept_under_the_hashes_of_each() -> None:
    item = named(FIRST)
    found: dict[str, list[bytes]] = {}
    for name in ("ward-7", "ward-8", "ward-7"):
        entry = entry_of(
            item.call, Client(name), item.answer, book(), item.sample.now, AT, KEYED, 0.0125
        )
        found.setdefault(name, []).append(entry.body)
        assert KEYED.patient(name, item.call.patient_id).encode() in entry.body
    first, again = found["ward-7"]
    assert first == again != found["ward-8"][0]
    assert KEYED.patient("ward-7", item.call.patient_id).encode() not in found["ward-8"][0]


def texts(value: Any) -> Iterator[str]:
    """Every text of a body that names a person or a place."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)
    elif isinstance(value, str) and re.match("(Patient|Encounter)/", value):
        yield value


@pytest.mark.parametrize("odd", ['a"b\\c', "ä", "two words", "a.b*(c)", "1", "mg", "000000"])
def test_an_odd_id_of_a_patient_is_not_kept_either(odd: str) -> None:
    item = named(FIRST)
    text = json.dumps(item.sample.request).replace(item.call.patient_id, json.dumps(odd)[1:-1])
    sample = replace(item.sample, request=json.loads(text))
    call = call_of(sample)
    found = replace(item, sample=sample, call=call)
    found = replace(found, answer=answer(call, book(), sample.now, Client("ward-7")))
    kept = list(texts(found.body()))
    assert not [text for text in kept if re.search(rf"/{re.escape(odd)}(?![A-Za-z0-9])", text)]
    assert [text for text in kept if re.fullmatch(rf"Patient/{HASH}", text)]
