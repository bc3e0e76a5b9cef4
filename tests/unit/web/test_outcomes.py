"""A rule that breaks shows in the metrics, and its name in the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from cds.bootstrap import Service
from cds.engine.decision import Decision, Decisions, Outcome
from cds.rulebook.model import Review, Rule, Where
from cds.web.app import create_app

RULE = Rule(
    "fragile", "data-quality", "Fragile", "1.0.0", "active", "Test",
    Review("pending", date(2026, 1, 1), date(2027, 1, 1)), ("order-select",), "a test", (), {},
    Where("rules/fragile.yaml", 1),
)  # fmt: skip


DECISIONS = Decisions((Decision(RULE, Outcome.ERROR, "KeyError while judging fragile"),))


@dataclass(frozen=True)
class Broken:
    cards: tuple[dict[str, Any], ...] = ()
    decision_id: str = "d-1"
    decisions: Decisions = DECISIONS


def test_a_broken_rule_is_counted_and_the_call_is_answered(
    make_service: Callable[..., Service],
    client_of: Callable[..., Any],
    hook_body: Callable[..., dict[str, Any]],
    capfd: Any,
) -> None:
    service = replace(make_service(), answer=lambda *_: Broken())
    client = client_of(create_app(service))
    reply = client.post("/cds-services/electrolytes-order-select", json=hook_body())
    assert (reply.status_code, reply.json()) == (200, {"cards": []})
    text = client.get("/metrics").text
    assert 'cds_rule_outcomes_total{outcome="error",rule="fragile"} 1.0' in text
    assert "KeyError while judging fragile" in "".join(capfd.readouterr())
