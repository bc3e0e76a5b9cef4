"""Counters and timings for `/metrics`: words that this service chose, never patient data.

Every label has a closed set of values (services, statuses, rules, reasons, prefetch keys, clients
of the trust file), so that no caller can make the exposition grow.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    generate_latest,
)

from cds.audit.writer import AuditState
from cds.engine.decision import Decision, Decisions, Outcome
from cds.facts.model import Fact, Missing, NotKnown
from cds.fhir.exchange import FhirCallNote
from cds.trust.keystate import KeyState
from cds.web.tally import Outcomes

_BROKE = Outcome.ERROR
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """The instruments of one application, in a registry of its own."""

    def __init__(self, about: Mapping[str, str | int] | None = None) -> None:
        self.registry = CollectorRegistry()
        count = self._counter
        self._requests = count("requests", "Requests answered.", "service", "status")
        self._seconds = self._timing("request_seconds", "Time from request to reply.", "service")
        self._cards = count("cards", "Cards sent.", "service", "indicator")
        self._outcomes = count("rule_outcomes", "Rules judged.", "rule", "outcome")
        self._gaps = count("gaps", "Facts without a usable value.", "state", "reason")
        self._fhir = count("fhir_calls", "Questions to FHIR servers.", "key", "outcome")
        self._fhir_seconds = self._timing("fhir_call_seconds", "Time a question took.", "key")
        self._shed = count("shed", "Requests refused because too many were in work.")
        self._throttled = count("throttled", "Requests above a client's rate.", "client")
        self._refused = count("callers_refused", "Tokens that did not hold.", "reason")
        self._feedback = count("feedback", "Cards answered by clinicians.", "service", "outcome")
        self._reloads = count("reloads", "Attempts to put new rules in force.", "outcome")
        # What comes with every call stays in plain numbers until somebody looks: to find a series
        # by its labels takes longer than all else here.
        self._answers: Tally[tuple[str, int]] = Tally()
        self._shown: Tally[tuple[str, str]] = Tally()
        self._unusable: Tally[tuple[str, str]] = Tally()
        self._judged = Outcomes()
        self._clocks: dict[str, Histogram] = {}
        self._in_work = Gauge("cds_in_work", "Calls in work now.", registry=self.registry)
        self._key_age = self._gauge("client_keys_age_seconds", "Since they were fetched.", "client")
        self._keys = self._gauge("client_keys", "Public keys that count.", "client")
        self._audit = self._gauge("audit", "1 = so: ok, degraded; spooled = groups.", "state")
        self._rulebook = Info("cds_rulebook", "The rulebook that decides.", registry=self.registry)
        self.rulebook(about or {})

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"cds_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"cds_{name}", text, labels, registry=self.registry)

    def _timing(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(f"cds_{name}", text, labels, buckets=_SECONDS, registry=self.registry)

    def request(self, service: str, status: int, seconds: float) -> None:
        """One request answered. `service` is a known service id, or "" for everything else."""
        self._answers[service, status] += 1
        clock = self._clocks.get(service)
        if clock is None:
            clock = self._clocks[service] = self._seconds.labels(service)
        clock.observe(seconds)

    def watch_room(self, taken: Callable[[], int]) -> None:
        """Show how many calls are in work, asked at each look."""
        self._in_work.set_function(taken)

    def answered(self, service: str, shown: Iterable[str], decisions: Decisions) -> list[Decision]:
        """One call answered: the indicators of its cards, what every rule came to, and what was
        missing. A rule that breaks or falls silent shows here first; the decisions of those that
        broke are given back, for the log."""
        for indicator in shown:
            self._shown[service, indicator] += 1
        told = self._judged.add(service, decisions.items)
        self._unusable.update(_gaps(decisions.facts))
        return [item for item in told if item.outcome is _BROKE]

    def fhir(self, calls: Iterable[FhirCallNote]) -> None:
        """Questions to a FHIR server."""
        for note in calls:
            self._fhir.labels(note.key, note.outcome).inc()
            self._fhir_seconds.labels(note.key).observe(note.seconds)

    def shed(self) -> None:
        """One request refused because too many were in work."""
        self._shed.inc()

    def throttled(self, client: str) -> None:
        """One request above the rate of a client, a name of the trust file."""
        self._throttled.labels(client).inc()

    def refused(self, reason: str) -> None:
        """One caller who was not believed; `reason` is a word of ours."""
        self._refused.labels(reason).inc()

    def feedback(self, service: str, outcome: str) -> None:
        """One card answered: `outcome` is accepted or overridden."""
        self._feedback.labels(service, outcome).inc()

    def reloaded(self, outcome: str) -> None:
        """One attempt to put new rules in force: replaced, unchanged or refused."""
        self._reloads.labels(outcome).inc()

    def rulebook(self, about: Mapping[str, str | int]) -> None:
        """The rulebook that decides from now on."""
        self._rulebook.info({name: str(value) for name, value in about.items()})

    def keys(self, states: Mapping[str, KeyState]) -> None:
        """How the keys of each client stand."""
        for client, state in states.items():
            self._keys.labels(client).set(state.keys)
            if state.age is not None:
                self._key_age.labels(client).set(state.age)

    def audit(self, kept: AuditState) -> None:
        """Whether decisions are kept, and how many groups of them wait in the spool."""
        for name, value in (
            ("ok", kept.ok),
            ("degraded", kept.degraded),
            ("spooled", kept.spooled),
        ):
            self._audit.labels(name).set(value)

    def text(self) -> bytes:
        """The exposition format."""
        _fold(self._requests, self._answers)
        _fold(self._cards, self._shown)
        _fold(self._gaps, self._unusable)
        for labels, times in self._judged.drain():
            self._outcomes.labels(*labels).inc(times)
        return generate_latest(self.registry)


def _fold(counter: Counter, tally: Tally[Any]) -> None:
    for labels, times in tally.items():
        counter.labels(*labels).inc(times)
    tally.clear()


def _gaps(facts: Iterable[Fact]) -> Iterable[tuple[str, str]]:
    """State and reason of every fact without a value; of one that is not known, the prefetch key
    that would have told it."""
    for fact in facts:
        state = fact.state
        if isinstance(state, Missing):
            yield "missing", state.reason.value
        elif isinstance(state, NotKnown):
            yield "not known", state.key
