"""What rules came to is counted exactly, however little is done for those that say nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.audit.marks import outcome_of
from cds.engine.decision import Decision, Outcome
from cds.facts.record import MedicationOrder
from cds.rulebook.model import Review, Rule, Where
from cds.web.tally import Outcomes

ORDER = cast(MedicationOrder, SimpleNamespace(when=datetime(2026, 11, 21)))  # noqa: DTZ001


def rule(name: str) -> Rule:
    review = Review("pending", date(2026, 1, 1), date(2027, 1, 1))
    where = Where(f"rules/{name}.yaml", 1)
    return Rule(
        name, "data-quality", name, "1.0.0", "active", "Test", review, (), "a test", (), {}, where
    )


RULES = tuple(rule(f"r{number}") for number in range(4))
SAYS = st.sampled_from([*Outcome, "ruled out", "ruled out for an order"])


def decided(of: Rule, what: Any) -> Decision:
    if isinstance(what, Outcome):
        return Decision(of, what, "")
    plain = Decision(of, Outcome.SILENT, "", ruled_out=True)
    return plain if what == "ruled out" else replace(plain, order=ORDER)


def counted(calls: list[tuple[str, list[Decision]]]) -> tuple[Counter[Any], Counter[Any]]:
    """Counted by the tally, and one by one."""
    tally = Outcomes()
    for service, items in calls:
        tally.add(service, items)
    single = Counter((item.rule.id, outcome_of(item)) for _, items in calls for item in items)
    return Counter(dict(tally.drain())), single


@given(st.lists(st.tuples(st.sampled_from("ab"), st.tuples(*[SAYS] * len(RULES))), max_size=12))
def test_the_counts_are_those_of_counting_one_by_one(calls: Any) -> None:
    made = [
        (service, [decided(of, what) for of, what in zip(RULES, say, strict=True)])
        for service, say in calls
    ]
    tally, single = counted(made)
    assert tally == single


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 11)), max_size=40))
def test_decisions_that_come_again_are_counted_each_time(order: list[tuple[str, int]]) -> None:
    says: list[Any] = [*Outcome, "ruled out", "ruled out for an order"]
    known = [
        [decided(of, says[(place + number) % len(says)]) for number, of in enumerate(RULES)]
        for place in range(12)
    ]
    tally, single = counted([(service, known[place]) for service, place in order])
    assert tally == single


def test_a_call_that_does_not_judge_every_rule_is_counted_as_it_is() -> None:
    whole = [decided(of, "ruled out") for of in RULES]
    tally, single = counted([("a", whole), ("a", whole[:2]), ("a", [])])
    assert tally == single == {("r0", "silent"): 2, ("r1", "silent"): 2, ("r2", "silent"): 1,
                               ("r3", "silent"): 1}  # fmt: skip


def test_new_rulebooks_do_not_make_it_grow() -> None:
    tally = Outcomes()
    for _ in range(200):
        tally.add("a", [decided(rule("again"), "ruled out")])
    assert len(tally._groups) <= 32
    assert len(tally._seen) <= 8, "they are about patients"
    assert dict(tally.drain()) == {("again", "silent"): 200}
    assert dict(tally.drain()) == {}
    assert not tally._seen


@pytest.mark.parametrize("what", list(Outcome))
def test_given_back_are_the_decisions_that_say_more_than_silence(what: Outcome) -> None:
    items = [decided(RULES[0], "ruled out"), decided(RULES[1], what)]
    assert Outcomes().add("a", items) == items[1:]
