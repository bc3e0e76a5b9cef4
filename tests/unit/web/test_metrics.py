"""What is counted, and that no caller can make it grow."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from cds.bootstrap import Service
from cds.engine.decision import Decision, Decisions, Outcome
from cds.facts.model import Fact, Missing, NotKnown, Presence, Reason
from cds.fhir.exchange import FhirCallNote
from cds.rulebook.model import Review, Rule, Where
from cds.trust.jwks import KeyState
from cds.web.app import create_app
from cds.web.health import Check, Health, keys_check, rules_check
from cds.web.metrics import Metrics

CALL = "/cds-services/electrolytes-order-select"


SHOWN = ("critical",)
DECISIONS = Decisions(
    (),
    (
        Fact("magnesium", Missing(Reason.STALE), ""),
        Fact("calcium", Missing(Reason.STALE), ""),
        Fact("age", NotKnown("encounter", "why"), ""),
        Fact("torsades", Presence(False), ""),
    ),
)


def test_looking_twice_counts_nothing_twice() -> None:
    metrics = Metrics()
    metrics.answered("s", SHOWN, DECISIONS)
    first = metrics.text()
    assert b'cds_gaps_total{reason="stale",state="missing"} 2.0' in first
    assert metrics.text() == first
    metrics.answered("s", SHOWN, DECISIONS)
    assert b'cds_gaps_total{reason="stale",state="missing"} 4.0' in metrics.text()


def test_gaps_and_questions_to_fhir_servers_are_counted_by_words() -> None:
    metrics = Metrics()
    metrics.answered("s", SHOWN, DECISIONS)
    metrics.fhir([FhirCallNote("patient", "slow", 0.3)])
    text = metrics.text().decode()
    assert 'cds_gaps_total{reason="stale",state="missing"} 2.0' in text
    assert 'cds_gaps_total{reason="encounter",state="not known"} 1.0' in text
    assert 'cds_fhir_calls_total{key="patient",outcome="slow"} 1.0' in text
    assert 'cds_fhir_call_seconds_count{key="patient"} 1.0' in text
    assert 'cds_cards_total{indicator="critical",service="s"} 1.0' in text


@pytest.mark.parametrize(
    ("outcome", "silent_mode", "held_back", "label"),
    [
        (Outcome.FIRES, False, "", "fires"),
        (Outcome.FIRES, True, "", "would-fire"),
        (Outcome.FIRES, False, "overridden 3 h ago", "held-back"),
        (Outcome.FIRES, True, "overridden 3 h ago", "would-fire"),
        (Outcome.SILENT, True, "", "silent"),
        (Outcome.CANNOT_TELL, True, "", "cannot-tell"),
        (Outcome.ERROR, True, "", "error"),
    ],
)
def test_what_fired_without_showing_a_card_is_not_counted_as_what_showed_one(
    outcome: Outcome, silent_mode: bool, held_back: str, label: str
) -> None:
    rule = Rule(
        "quiet", "data-quality", "Quiet", "1.0.0", "active", "Test",
        Review("pending", date(2026, 1, 1), date(2027, 1, 1)), (), "a test", (), {},
        Where("rules/quiet.yaml", 1),
    )  # fmt: skip

    decision = Decision(rule, outcome, "", silent_mode=silent_mode, held_back=held_back)
    metrics = Metrics()
    metrics.answered("s", (), Decisions((decision,)))
    told = [line for line in metrics.text().decode().splitlines() if 'rule="quiet"' in line]
    assert f'cds_rule_outcomes_total{{outcome="{label}",rule="quiet"}} 1.0' in told
    assert sum("_total" in line for line in told) == 1


def test_feedback_reloads_and_keys_are_counted() -> None:
    metrics = Metrics({"rulebook": "one"})
    metrics.feedback("s", "accepted")
    metrics.reloaded("refused")
    metrics.rulebook({"rulebook": "two"})
    metrics.keys({"ehr": KeyState(60.0, "fetched", 2), "given": KeyState(None, "given", 1)})
    text = metrics.text().decode()
    assert 'cds_feedback_total{outcome="accepted",service="s"} 1.0' in text
    assert 'cds_reloads_total{outcome="refused"} 1.0' in text
    assert 'cds_client_keys_age_seconds{client="ehr"} 60.0' in text
    assert 'cds_client_keys{client="given"} 1.0' in text
    assert 'rulebook="two"' in text
    assert 'rulebook="one"' not in text


def test_no_caller_can_make_the_exposition_grow(
    make_service: Callable[..., Service],
    client_of: Callable[..., Any],
    hook_body: Callable[..., dict[str, Any]],
) -> None:
    client = client_of(create_app(make_service()))

    def series() -> int:
        text = client.get("/metrics").text
        return sum(not line.startswith("#") for line in text.splitlines())

    def ask(mark: str) -> None:
        call = {**hook_body(patientId=mark), "hookInstance": mark, mark: mark}
        call["prefetch"] = {**call["prefetch"], mark: None}
        headers = {"User-Agent": mark, "Origin": f"https://{mark}", "X-Request-Id": mark}
        client.post(CALL, json=call, headers=headers)
        client.post(f"/cds-services/{mark}", json=call)
        client.get(f"/{mark}?{mark}")
        client.post(CALL, content=json.dumps({"hook": mark}))
        client.get("/metrics")

    ask("first")
    before = series()
    for number in range(25):
        ask(f"other-{number}")
    assert series() == before


TRIED = KeyState(None, "slow", 0)


@pytest.mark.parametrize(
    ("states", "ok"),
    [
        ({}, True),
        ({"a": KeyState(None, "given in the trust file", 1)}, True),
        ({"a": KeyState(None, "never fetched", 0)}, True),
        ({"a": TRIED}, False),
        ({"a": TRIED, "b": KeyState(5.0, "fetched", 1)}, True),
        ({"a": KeyState(90_000.0, "slow", 1)}, False),
    ],
    ids=["no clients", "given", "not yet", "none", "one of two", "too old"],
)
def test_keys_say_no_when_no_client_can_be_recognised(
    states: dict[str, KeyState], ok: bool
) -> None:
    assert keys_check(states).ok == ok


def test_one_probe_that_says_no_or_breaks_makes_the_service_not_ready() -> None:
    good = Health({"rules": lambda: rules_check({"rules": 3})})
    assert good.ready() == ("ready", {"rules": {"ok": True}})
    none = Health({"rules": lambda: rules_check({}), "other": lambda: Check(True)})
    assert none.ready() == ("not ready", {"rules": {"ok": False}, "other": {"ok": True}})
    broken = Health({"keys": lambda: 1 / 0})  # type: ignore[arg-type, return-value]
    ready, told = broken.ready()
    assert ready == "not ready"
    assert told["keys"] == {"ok": False, "outcome": "the check broke: ZeroDivisionError"}


def test_a_service_that_is_not_ready_says_503_and_why(
    make_service: Callable[..., Service], client_of: Callable[..., Any]
) -> None:
    client = client_of(create_app(replace(make_service(), keys=lambda: {"ehr": TRIED})))
    reply = client.get("/health/ready")
    assert reply.status_code == 503
    assert reply.json()["status"] == "not ready"
    assert reply.json()["checks"]["keys"]["clients"]["ehr"] == {
        "ok": False, "keys": 0, "outcome": "slow",
    }  # fmt: skip
    assert client.get("/health/live").status_code == 200
