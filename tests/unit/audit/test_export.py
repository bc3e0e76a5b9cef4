"""Kept decisions leave for other programs: whole, or as FHIR, by time, and none is left out."""

from __future__ import annotations

import io
import json
import os
import re
import sqlite3
import stat
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from audit_kit import NOW, chain_in, entry, keep
from cds.audit.batch import Sealed
from cds.audit.codec import CodecError, canonical
from cds.audit.export import Format, Lost, exported, sink
from cds.audit.export_fhir import audit_event, guidance_responses
from cds.audit.kept import Entry
from cds.audit.ruledout import RULED_OUT, in_order
from cds.audit.store import AuditStore
from cds.cli import app
from cds.pipeline import answer
from kept_decisions import CLIENT, KEYED, PLAIN, Answered, answered, book, call_of, named
from r4_checks import faults

Json = dict[str, Any]

FHIR = (Format.AUDITEVENT, Format.GUIDANCERESPONSE)
COLUMNS = (
    "decision", "at", "client", "service", "hook", "patient", "rulebook", "site", "engine",
    "chain", "seq", "seal",
)  # fmt: skip
OUTCOME = {"fires": "success", "silent": "success", "cannot-tell": "data-required"}
NAMES = ("Bond", "Jamesina", "Ms Bond")
ELSEWHERE = ("MRN-00712345", "Universal Exports 7", "SW1A 2AA", "+44 20 7946 0123")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.sqlite3"


@pytest.fixture
def kept(path: Path) -> Callable[..., tuple[Sealed, ...]]:
    """Keep these entries in a chain of their own."""

    def write(*entries: Entry, process: int = 1) -> tuple[Sealed, ...]:
        with closing(AuditStore.open(path)) as store:
            return keep(store, chain_in(path.parent, process), entries)

    return write


@pytest.fixture
def read(path: Path) -> Callable[..., list[bytes | Lost]]:
    def lines(form: Format = Format.NDJSON, **limits: datetime) -> list[bytes | Lost]:
        with closing(AuditStore.read_only(path)) as store:
            return list(exported(store, form, **limits))

    return lines


@pytest.fixture
def run(path: Path) -> Callable[..., Result]:
    def invoke(*words: str | Path) -> Result:
        environment = {"CDS_STATE": str(path.parent), "CDS_DATABASE_URL": None}
        return CliRunner().invoke(
            app, ["audit", "export", *(str(word) for word in words)], env=environment
        )

    return invoke


def spoil(path: Path, number: int, **columns: Any) -> None:
    """Put something else into columns of the record of `entry(number)`."""
    changes = ", ".join(f"{name} = ?" for name in columns)
    with closing(sqlite3.connect(path)) as raw, raw:
        done = raw.execute(
            f"UPDATE records SET {changes} WHERE id = ?",
            (*columns.values(), f"decision-{number}"),
        )
        assert done.rowcount == 1


def numbers(lines: list[bytes | Lost]) -> list[int]:
    """Which decisions of `entry` these lines are about."""
    found = [json.loads(line)["decision"] for line in lines if isinstance(line, bytes)]
    return [int(name.removeprefix("decision-")) for name in found]


def sealed(item: Entry) -> Sealed:
    return Sealed("host-1-k00", 7, b"before", bytes(range(32)), item)


def resources(form: Format, item: Entry) -> list[Json]:
    made = sealed(item)
    found = [audit_event(made)] if form is Format.AUDITEVENT else guidance_responses(made)
    assert found
    return found


def changed(name: str, change: Callable[[Json], Any], *, whole: bool = False) -> Entry:
    item = named(name).whole() if whole else named(name)
    body = item.body()
    change(body)
    return replace(item.entry(), body=canonical(body))


# Whole decisions


def test_a_line_is_the_place_of_a_decision_and_then_its_body_as_kept(kept: Any, read: Any) -> None:
    for record, line in zip(kept(*entries()), read(), strict=True):
        found = json.loads(line)
        assert tuple(found)[: len(COLUMNS)] == COLUMNS
        assert tuple(found.values())[: len(COLUMNS)] == (
            record.entry.id, "2026-11-21T12:30:00.250000+00:00", "ward-7", record.entry.service,
            record.entry.hook, record.entry.patient, book().digest, "", record.entry.engine,
            record.chain, record.seq, record.mac.hex(),
        )  # fmt: skip
        assert line.endswith(b"," + record.entry.body[1:])
        assert b"\n" not in line


def test_decisions_come_by_time_whatever_chain_they_stand_in(kept: Any, read: Any) -> None:
    kept(*(entry(number) for number in (5, 2, 8)), process=1)
    kept(*(entry(number) for number in (3, 7, 1)), process=2)
    assert numbers(read()) == [1, 2, 3, 5, 7, 8]


@pytest.mark.parametrize("form", Format)
def test_an_export_that_is_made_again_is_the_same(kept: Any, read: Any, form: Format) -> None:
    kept(named("first-card").entry(), named("low-magnesium-at-discharge").entry())
    first = read(form)
    assert len(first) >= 2
    assert read(form) == first


EAST = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    ("since", "before", "found"),
    [
        (None, None, [1, 2, 3, 4]),
        (2, None, [2, 3, 4]),
        (None, 3, [1, 2]),
        (2, 4, [2, 3]),
        (2.5, 3.5, [3]),
        (9, None, []),
        (None, 0, []),
    ],
)
def test_limits_let_in_their_beginning_and_not_their_end(
    kept: Any, read: Any, since: float | None, before: float | None, found: list[int]
) -> None:
    kept(*(entry(number) for number in (1, 2, 3, 4)))
    limits = {
        name: (NOW + timedelta(seconds=seconds)).astimezone(EAST)
        for name, seconds in (("since", since), ("before", before))
        if seconds is not None
    }
    assert numbers(read(**limits)) == found


def test_an_export_holds_few_decisions_at_a_time(path: Path, kept: Any) -> None:
    large = canonical({"record": {"text": "x" * 20_000}})
    for start in range(0, 1500, 500):
        kept(*(entry(start + number, body=large) for number in range(500)), process=start + 1)
    with closing(AuditStore.read_only(path)) as store:
        tracemalloc.start()
        try:
            size = sum(len(line) for line in exported(store, Format.NDJSON))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert size > 30_000_000
    assert peak < 6_000_000


# FHIR


@cache
def entries() -> tuple[Entry, ...]:
    return tuple(item.entry() for item in answered())


@cache
def everything(form: Format) -> tuple[tuple[Answered, list[Json]], ...]:
    """Every synthetic patient with the resources about its decision."""
    made = zip(answered(), entries(), strict=True)
    return tuple((item, resources(form, one)) for item, one in made)


@pytest.mark.parametrize("form", FHIR)
def test_every_resource_about_every_synthetic_patient_is_valid(form: Format) -> None:
    for item, found in everything(form):
        for resource in found:
            assert faults(resource) == (), item.sample.name


@pytest.mark.parametrize("form", FHIR)
def test_a_resource_with_plain_references_is_valid(form: Format) -> None:
    for item in answered()[::10]:
        for resource in resources(form, item.entry(PLAIN)):
            assert faults(resource) == (), item.sample.name


def test_every_rule_has_its_outcome_and_reason_in_both() -> None:
    seen: Counter[str] = Counter()
    both = zip(*(everything(form) for form in FHIR), strict=True)
    for (item, (event,)), (_, responses) in both:
        details = [one for one in event["entity"][1]["detail"] if "@" in one["type"]]
        rules = in_order(item.body())
        for rule, detail, response in zip(rules, details, responses, strict=True):
            name = f"{rule['rule']}@{rule['version']}"
            assert (detail["type"], response["moduleUri"]) == (
                name, f"urn:electrolyte-cds:rule:{name}",
            )  # fmt: skip
            assert detail["valueString"].startswith(rule["outcome"])
            assert detail["valueString"].endswith(f": {rule.get('reason', 'ruled out')}")
            assert response["note"][0]["text"] == detail["valueString"]
            assert response["status"] == OUTCOME[rule["outcome"]]
            seen[rule["outcome"]] += 1
            seen["ruled out"] += "reason" not in rule
    assert set(seen) == {*OUTCOME, "ruled out"}


def test_an_audit_event_says_who_asked_whom_about_whom_and_by_which_rules() -> None:
    item = replace(named("first-card").entry(), site="north")
    (event,) = resources(Format.AUDITEVENT, item)
    ours = "urn:electrolyte-cds:"
    assert (event["type"]["code"], event["action"], event["outcome"]) == ("rest", "E", "0")
    assert event["subtype"] == [{"system": f"{ours}hook", "code": "order-select"}]
    assert event["recorded"] == "2026-11-21T12:30:00.250000+00:00"
    assert [
        (one["type"]["coding"][0]["code"], one["who"]["identifier"]["value"], one["requestor"])
        for one in event["agent"]
    ] == [("110153", "ward-7", True), ("110152", "electrolytes-order-select", False)]
    assert event["source"]["site"] == "north"
    assert event["source"]["observer"] == {
        "type": "Device",
        "identifier": {"system": f"{ours}chain", "value": "host-1-k00"},
        "display": f"electrolyte-cds {item.engine}",
    }
    patient, decision, rulebook = event["entity"]
    assert patient["what"]["identifier"] == {"system": f"{ours}patient", "value": item.patient}
    assert decision["what"]["identifier"] == {"system": f"{ours}decision", "value": item.id}
    assert rulebook["what"]["identifier"] == {"system": f"{ours}rulebook", "value": book().digest}
    assert {one["type"]: one["valueString"] for one in decision["detail"][:2]} == {
        "record": "7",
        "seal": bytes(range(32)).hex(),
    }


def test_a_guidance_response_names_decision_patient_stay_moment_and_rulebook() -> None:
    item = named("first-card")
    made, body = item.entry(), item.body()
    (response,) = [
        one
        for one in resources(Format.GUIDANCERESPONSE, made)
        if ":hypomagnesemia@" in one["moduleUri"]
    ]
    ours = "urn:electrolyte-cds:"
    assert response["requestIdentifier"] == {"system": f"{ours}decision", "value": made.id}
    assert response["subject"]["identifier"]["value"] == made.patient
    assert response["encounter"]["identifier"]["value"] == body["encounter"]
    assert response["occurrenceDateTime"] == "2026-11-21T12:30:00.250000+00:00"
    assert response["performer"] == {
        "type": "Device",
        "identifier": {"system": f"{ours}rulebook", "value": book().digest},
        "display": f"electrolyte-cds {made.engine}",
    }
    assert response["reasonCode"][0]["coding"] == [{"system": f"{ours}hook", "code": made.hook}]
    (rule,) = [one for one in body["rules"] if one["rule"] == "hypomagnesemia"]
    assert [note["text"] for note in response["note"]] == [
        f"fires: {rule['reason']}",
        rule["summary"],
    ]


def test_a_call_without_an_encounter_has_none() -> None:
    for response in resources(
        Format.GUIDANCERESPONSE, changed("first-card", lambda body: body.update(encounter=""))
    ):
        assert "encounter" not in response
        assert faults(response) == ()


@pytest.mark.parametrize(("broken", "outcome"), [(0, "0"), (1, "4"), (None, "8")])
def test_rules_that_broke_make_a_failure_of_the_event(broken: int | None, outcome: str) -> None:
    def break_(body: Json) -> None:
        for rule in body["rules"][:broken]:
            rule.update(outcome="error", reason="KeyError")

    item = changed("first-card", break_, whole=True)
    rules = json.loads(item.body)["rules"][:broken]
    (event,) = resources(Format.AUDITEVENT, item)
    names = ", ".join(f"{rule['rule']}@{rule['version']}" for rule in rules)
    assert event["outcome"] == outcome
    assert event.get("outcomeDesc", "") == (names and f"broke: {names}")
    assert faults(event) == ()
    responses = resources(Format.GUIDANCERESPONSE, item)
    assert [one["status"] for one in responses].count("failure") == len(rules)


def test_a_list_that_was_not_sent_is_required_and_a_result_there_was_none_of_is_told() -> None:
    needed, texts = set(), []
    for _, found in everything(Format.GUIDANCERESPONSE):
        for response in found:
            if "dataRequirement" in response:
                assert response["status"] == "data-required"
                needed |= {one["type"] for one in response["dataRequirement"]}
            elif response["status"] == "data-required":
                texts.append(response["note"][0]["text"])
    assert {"MedicationRequest", "Observation"} <= needed
    assert any("no usable magnesium result was found" in text for text in texts)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"silent": True}, "fires, silent mode: no card: row A2 applies"),
        ({"held_back": "overridden 3 h ago"}, "fires, no card now (overridden 3 h ago): row A2"),
        ({"silent": True, "held_back": "overridden"}, "fires, silent mode: no card: row A2"),
        ({"reason": ""}, "fires"),
    ],
)
def test_a_rule_that_fired_unseen_says_why_no_card_came(members: Json, words: str) -> None:
    def fired(body: Json) -> Json:
        return next(rule for rule in body["rules"] if rule["rule"] == "hypomagnesemia")

    item = changed("first-card", lambda body: fired(body).update(members))
    (response,) = [
        one
        for one in resources(Format.GUIDANCERESPONSE, item)
        if ":hypomagnesemia@" in one["moduleUri"]
    ]
    (detail,) = [
        one
        for one in resources(Format.AUDITEVENT, item)[0]["entity"][1]["detail"]
        if one["type"].startswith("hypomagnesemia@")
    ]
    assert detail["valueString"].startswith(words)
    assert response["note"][0]["text"] == detail["valueString"]


def test_responses_about_several_draft_orders_name_the_order() -> None:
    item = named("signing-two-electrolyte-orders")
    rules = [rule for rule in in_order(item.body()) if "order" in rule]
    names = [rule["order"]["name"] for rule in rules]
    assert len(set(names)) > 1
    assert len({RULED_OUT in rule for rule in rules}) == 2
    responses = resources(Format.GUIDANCERESPONSE, item.entry())
    about = [one for one in responses if "reasonReference" in one]
    assert [one["reasonReference"] for one in about] == [[{"display": name}] for name in names]
    for name, one in zip(names, about, strict=True):
        assert f" for {name}: " in one["note"][0]["text"]


def test_ids_are_the_same_at_every_export_and_no_two_share_one() -> None:
    made = [sealed(named(name).entry()) for name in ("first-card", "low-magnesium-at-discharge")]
    twice = [replace(made[0], seq=8), replace(made[0], chain="host-2-k00"), replace(made[1], seq=9)]
    ids = [
        resource["id"]
        for item in (made[0], *twice)
        for resource in (audit_event(item), *guidance_responses(item))
    ]
    assert len(ids) > 60
    assert len(set(ids)) == len(ids)
    assert audit_event(made[0])["id"] == ids[0]


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.pop("rules"),
        lambda body: body.update(rules=1),
        lambda body: body.update(rules=[{"rule": "x"}]),
        lambda body: body.update(rules=[{"rule": "x", "version": "1", "outcome": "perhaps"}]),
        lambda body: body["rules"][0].update(order={}),
        lambda body: body["rules"][0].update(place=1000),
        lambda body: body["rules"].append(body["rules"][0]),
        lambda body: body.pop("ruled_out"),
        lambda body: body.update(ruled_out=[7]),
        lambda body: body.pop("format"),
    ],
)
@pytest.mark.parametrize("form", FHIR)
def test_a_body_that_tells_no_rules_is_refused(form: Format, change: Callable[[Json], Any]) -> None:
    with pytest.raises(CodecError, match="not that of a decision"):
        resources(form, changed("first-card", change))


# Patients


def with_a_name() -> Answered:
    """A synthetic patient as a hospital would send it: with name, number, address and telephone."""
    item = named("first-card")
    known = {
        "name": [{"family": NAMES[0], "given": [NAMES[1]], "text": NAMES[2]}],
        "identifier": [{"system": "urn:oid:1.2.3", "value": ELSEWHERE[0]}],
        "address": [{"line": [ELSEWHERE[1]], "postalCode": ELSEWHERE[2]}],
        "telecom": [{"system": "phone", "value": ELSEWHERE[3]}],
    }
    prefetch = item.sample.request["prefetch"]
    told = {**prefetch, "patient": {**prefetch["patient"], **known}}
    sample = replace(item.sample, request={**item.sample.request, "prefetch": told})
    call = call_of(sample)
    return Answered(sample, call, answer(call, book(), sample.now, CLIENT))


def secrets(item: Answered) -> set[str]:
    """Ids of patient, encounter and user, and whatever names the patient."""
    context = item.sample.request["context"]
    person = item.sample.request["prefetch"].get("patient") or {}
    found = {context["patientId"], context["userId"].partition("/")[2]}
    found.add(context.get("encounterId", ""))
    for name in person.get("name", ()):
        found |= {name.get("family", ""), name.get("text", ""), *name.get("given", ())}
    for one in (*person.get("identifier", ()), *person.get("telecom", ())):
        found.add(one.get("value", ""))
    for one in person.get("address", ()):
        found |= {one.get("postalCode", ""), *one.get("line", ())}
    return found - {""}


@pytest.mark.parametrize("form", Format)
def test_no_name_identifier_or_address_of_a_patient_is_exported(
    kept: Any, read: Any, form: Format
) -> None:
    everybody = (*answered(), with_a_name())
    assert set(NAMES + ELSEWHERE) < secrets(everybody[-1])
    kept(*entries(), everybody[-1].entry())
    text = b"\n".join(read(form)).decode()
    assert text.count("\n") >= len(everybody) - 1
    hidden = {secret for item in everybody for secret in secrets(item)}
    assert len(hidden) > len(everybody)
    words = set(re.findall("[A-Za-z0-9]+", text))
    found = [
        secret
        for secret in hidden
        # a search through all of it is slow, and most are nowhere
        if words.issuperset(re.findall("[A-Za-z0-9]+", secret))
        and re.search(rf"(?<![A-Za-z0-9]){re.escape(secret)}(?![A-Za-z0-9])", text)
    ]
    assert found == []


@pytest.mark.parametrize("form", FHIR)
def test_a_reference_to_a_patient_stands_only_where_a_site_keeps_plain_ones(form: Format) -> None:
    item = named("first-card")
    for identity, real in ((KEYED, False), (PLAIN, True)):
        for resource in resources(form, item.entry(identity)):
            text = json.dumps(resource)
            assert (f'"reference": "Patient/{item.call.patient_id}"' in text) is real
            assert ('"reference"' in text) is real


@pytest.mark.parametrize("form", FHIR)
def test_a_patient_whose_id_is_no_id_of_fhir_is_named_by_identifier(form: Format) -> None:
    odd = "Patient/an odd\tid"
    for resource in resources(form, replace(named("first-card").entry(), patient=odd)):
        who = resource.get("subject") or resource["entity"][0]["what"]
        assert who["identifier"]["value"] == odd
        assert faults(resource) == ()


# Records that cannot be read

DAMAGES: dict[str, Json] = {
    "a column that is no text": {"client": b"\xff"},
    "a time that is none": {"at": "2026-11-22T12:00:03 or so"},
    "a seal that is none": {"mac": "text"},
    "a body that is no JSON": {"body": b'{"rules":['},
    "a body that stands for the record": {"body": b'{"decision":"another"}'},
}


@pytest.mark.parametrize("columns", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("places", [(1,), (5,), (2, 3), (1, 2, 3, 4, 5)], ids=str)
def test_a_damaged_record_is_named_and_all_others_come(
    path: Path, kept: Any, run: Any, columns: Json, places: tuple[int, ...]
) -> None:
    chain = kept(*(entry(number) for number in range(1, 6)))[0].chain
    for number in places:
        spoil(path, number, **columns)
    result = run()
    assert result.exit_code == 1
    whole = [number for number in range(1, 6) if number not in places]
    assert numbers(result.stdout_bytes.splitlines()) == whole
    named_ones = re.findall(rf"cds: record (\d) of chain {chain} is not", result.stderr)
    assert sorted(map(int, named_ones)) == list(places)
    assert "another" not in result.stderr


@pytest.mark.parametrize("form", FHIR)
def test_a_body_of_no_decision_takes_no_other_from_a_fhir_export(
    kept: Any, read: Any, form: Format
) -> None:
    good = named("first-card").entry()
    records = kept(good, entry(1, body=b'{"rules":7}'), replace(good, at=NOW + timedelta(hours=1)))
    lines = read(form)
    assert [line for line in lines if isinstance(line, Lost)] == [
        Lost(records[1].chain, 2, "the stored body is not that of a decision")
    ]
    one = 1 if form is Format.AUDITEVENT else len(in_order(json.loads(good.body)))
    assert len(lines) == 2 * one + 1


@pytest.mark.parametrize("at", ["", "0000-00-00T00:00:00.000000+00:00"])
def test_a_record_that_was_put_before_all_times_is_missed(
    path: Path, kept: Any, run: Any, at: str
) -> None:
    kept(*(entry(number) for number in range(3)))
    spoil(path, 1, at=at)
    result = run()
    assert result.exit_code == 1
    assert numbers(result.stdout_bytes.splitlines()) == [0, 2]
    assert "1 records were counted and did not come up" in result.stderr


def test_the_name_of_a_chain_that_was_changed_reaches_no_terminal_as_it_is(
    path: Path, kept: Any, run: Any
) -> None:
    kept(entry(1))
    spoil(path, 1, chain="\x1b[2J", client=b"\xff")
    result = run()
    assert result.exit_code == 1
    assert "\x1b" not in result.output
    assert r"record 1 of chain '\x1b[2J' is not exported" in result.stderr


# The command


@pytest.mark.parametrize("form", Format)
def test_the_command_prints_lines_of_the_form_that_is_asked_for(
    kept: Any, read: Any, run: Any, form: Format
) -> None:
    kept(*(item.entry() for item in answered()[:3]))
    result = run("--format", form.value)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout_bytes == b"".join(line + b"\n" for line in read(form))
    kinds = {json.loads(line).get("resourceType", "") for line in read(form)}
    assert {kind.lower() or "ndjson" for kind in kinds} == {form.value}


def test_nothing_kept_is_an_empty_export(path: Path, run: Any) -> None:
    AuditStore.open(path).close()
    result = run()
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_a_time_limit_is_read_with_its_offset(kept: Any, run: Any) -> None:
    kept(*(entry(number) for number in range(4)))
    result = run("--since", "2026-11-22T13:00:01+01:00", "--before", "2026-11-22T12:00:03+00:00")
    assert (result.exit_code, numbers(result.stdout_bytes.splitlines())) == (0, [1, 2])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "2026-11-23T00:00:00Z", "--before", "2026-11-22T00:00:00Z"), "be earlier"),
        (("--since", "2026-11-22T00:00:00Z", "--before", "2026-11-22T01:00:00+01:00"), "earlier"),
        (("--since", "yesterday"), "--since: must be a date and time with offset"),
        (("--before", "2026-11-22"), "--before: must be a date and time with offset"),
        (("--format", "csv"), "--format"),
    ],
)
def test_a_wish_that_cannot_be_met_is_told(
    kept: Any, run: Any, words: tuple[str, ...], said: str
) -> None:
    kept(entry(1))
    result = run(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_without_a_database_no_file_is_made(tmp_path: Path, run: Any) -> None:
    result = run("--out", tmp_path / "export.ndjson")
    assert result.exit_code == 2
    assert "there is no audit database" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_holds_what_would_be_printed_and_is_for_its_owner_only(
    tmp_path: Path, kept: Any, run: Any
) -> None:
    kept(entry(1), entry(2))
    file = tmp_path / "export.ndjson"
    before = os.umask(0)
    try:
        result = run("--out", file)
    finally:
        os.umask(before)
    assert (result.exit_code, result.output) == (0, "")
    assert file.read_bytes() == run().stdout_bytes
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("link", [False, True], ids=["file", "link"])
def test_a_file_that_is_there_stays_as_it_was(
    tmp_path: Path, kept: Any, run: Any, link: bool
) -> None:
    kept(entry(1))
    file, other = tmp_path / "export.ndjson", tmp_path / "other"
    other.write_text("kept")
    if link:
        file.symlink_to(other)
    else:
        other.rename(file)
    result = run("--out", file)
    assert result.exit_code == 2
    assert "is there already; remove it, or name another file" in result.stderr
    assert file.read_text() == "kept"


def test_a_file_that_cannot_be_made_is_told(tmp_path: Path, kept: Any, run: Any) -> None:
    kept(entry(1))
    result = run("--out", tmp_path / "no-folder" / "export.ndjson")
    assert result.exit_code == 2
    assert "cannot be written: No such file or directory" in result.stderr


@pytest.fixture(params=["", "1"], ids=["buffered", "unbuffered"])
def real(path: Path, request: Any) -> Callable[..., subprocess.Popen[bytes]]:
    """The command in a process of its own."""
    environment = {**os.environ, "CDS_STATE": str(path.parent), "PYTHONUNBUFFERED": request.param}
    command = [sys.executable, "-m", "cds", "audit", "export"]

    def start(stdout: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command, env=environment, stdout=stdout, stderr=subprocess.PIPE, cwd=path.parent
        )

    return start


def test_a_reader_that_has_seen_enough_ends_it_quietly(kept: Any, real: Any) -> None:
    kept(*(entry(number, body=b'{"text":"%s"}' % (b"x" * 50_000)) for number in range(40)))
    with real(subprocess.PIPE) as process:
        assert json.loads(process.stdout.readline())["decision"] == "decision-0"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_a_full_disk_behind_standard_output_is_told(kept: Any, real: Any) -> None:
    kept(entry(1))
    with Path("/dev/full").open("wb") as full, real(full) as process:
        said = process.stderr.read().decode()
    assert process.returncode == 2
    assert said == "cds: standard output cannot be written: No space left on device\n"


class Stingy(io.BytesIO):
    """Takes seven bytes at a time, as a bare file may."""

    def write(self, part: Any) -> int:
        return super().write(bytes(part)[:7])


def test_a_line_is_written_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = Stingy()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=taken))
    with sink(None) as write:
        write(b"a line that is long\n")
        write(b"another\n")
    assert taken.getvalue() == b"a line that is long\nanother\n"
