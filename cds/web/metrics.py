"""Counters and timings for `/metrics`: service ids, statuses and indicators, never patient data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, Info, generate_latest

from cds.engine.decision import Decisions

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """The instruments of one application, in a registry of its own."""

    def __init__(self, about: Mapping[str, str | int]) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "cds_requests", "Requests answered.", ("service", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "cds_request_seconds",
            "Time from request to reply.",
            ("service",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._cards = Counter(
            "cds_cards", "Cards sent.", ("service", "indicator"), registry=self.registry
        )
        self._outcomes = Counter(
            "cds_rule_outcomes", "Rules judged.", ("rule", "outcome"), registry=self.registry
        )
        info = Info("cds_rulebook", "The rulebook that decides.", registry=self.registry)
        info.info({name: str(value) for name, value in about.items()})

    def request(self, service: str, status: int, seconds: float) -> None:
        """One request answered. `service` is a known service id, or "" for everything else."""
        self._requests.labels(service, status).inc()
        self._seconds.labels(service).observe(seconds)

    def cards(self, service: str, cards: Iterable[Mapping[str, Any]]) -> None:
        """The cards of one answer."""
        for card in cards:
            self._cards.labels(service, card.get("indicator", "")).inc()

    def outcomes(self, decisions: Decisions) -> None:
        """What every rule came to: a rule that breaks or falls silent shows here first."""
        for item in decisions.items:
            self._outcomes.labels(item.rule.id, item.outcome.value).inc()

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
