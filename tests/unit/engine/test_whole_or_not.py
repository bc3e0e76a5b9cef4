"""An answer in which silent rules are not judged says the same as one in which they are."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cds.engine.decide import NO_ORDER, decide
from cds.engine.decision import Outcome
from cds.facts.record import (
    Listing,
    MedicationOrder,
    OrderKind,
    Overridden,
    ProblemEntry,
    Record,
    not_supplied,
)
from cds.kernel.units import Analyte
from cds.rulebook.model import (
    BandSource,
    FactSpec,
    FactType,
    IsIn,
    Rule,
    Rulebook,
    Threshold,
    Where,
)
from tests.unit.engine.alike import HOOKS, answered, whole_and_quick
from tests.unit.engine.made_patients import Maker
from tests.unit.facts.standin import KCL, MGSO4, NOW, ago, cr, grams, k, mg, order, view

HERE = Where("test", 1)
BAG = order(0, kind=OrderKind.DRAFT, substances=MGSO4, selected=True, dose=grams(4),
            parenteral=True, source="MedicationRequest/bag")  # fmt: skip
UNREAD = MedicationOrder(
    "MedicationRequest/unread", "", OrderKind.DRAFT, identified=False, selected=True
)


def patients() -> list[Record]:
    names = ("problems", "procedures", "allergies", "lab_orders")
    lists = {name: Listing(name) for name in names}
    heart = Listing("problems", (ProblemEntry("Condition/1", "Torsades", frozenset({"torsades"})),))
    salt = order(0, kind=OrderKind.DRAFT, substances=KCL, selected=True)
    many = [
        view(labs=(mg("1.0 mg/dL", 2), cr("0.9"))),
        view(labs=(mg("1.5 mg/dL", 2), k("2.9", 3), cr("3.1"))),
        view(labs=(mg("2.0 mg/dL", 2), k("4.0", 3), cr("0.9"))),
        view(labs=(mg("1.0 mg/dL", 2),), drafts=(BAG,)),
        view(labs=(mg("1.0 mg/dL", 2),), drafts=(replace(BAG, source="MedicationRequest/"),)),
        view(labs=(mg("2.0 mg/dL", 2), k("4.0", 3), cr("0.9")), drafts=(BAG, salt, UNREAD)),
        view(labs=(mg("2.0 mg/dL", 2), k("4.0", 3), cr("0.9")), drafts=(UNREAD,)),
        view(labs=(mg("5.1 mg/dL", 2), k("2.4", 40)), orders=None),
    ]
    records = [replace(item.record, **lists) for item in many]
    nothing = replace(many[0].record, labs=not_supplied("observations"))
    return [*records, replace(records[1], problems=heart), many[0].record, nothing]


@pytest.mark.parametrize("hook", HOOKS)
def test_the_same_rules_get_the_same_answers_in_the_same_order(book: Rulebook, hook: str) -> None:
    found: Counter[object] = Counter()
    for record in patients():
        whole, quick = whole_and_quick(book, record, NOW, hook)
        found.update(item.outcome for item in whole.items)
        found["ruled out"] += sum(item.ruled_out for item in quick.items)
    known = hook != "no-such-hook"
    enough = found[Outcome.FIRES] > 3, found["ruled out"] > 20, found[Outcome.CANNOT_TELL] > 3
    assert enough == (known,) * 3


def dealt(examples: int) -> Any:
    """Always the same random patients."""

    def deal(test: Any) -> Any:
        plan = settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
        )
        return plan(given(seed=st.integers(0, 2**64 - 1))(test))

    return deal


def test_random_patients_get_the_same_answers(book: Rulebook) -> None:
    maker, seen = Maker(book), Counter[str]()

    @dealt(80)
    def trial(seed: int) -> None:
        record = maker.record(Random(seed))
        for hook in ("order-select", "patient-view"):
            whole, quick = whole_and_quick(book, record, NOW, hook)
            seen.update(item.outcome.value for item in whole.items)
            seen["about an order"] += sum(item.order is not None for item in quick.items)
            seen["ruled out for an order"] += sum(
                item.ruled_out and item.order is not None for item in quick.items
            )
            seen["offered"] += sum(bool(item.offers) for item in quick.items)
            seen["withheld"] += sum(bool(item.withheld) for item in quick.items)
            seen["held back"] += sum(item.held_back != "" for item in quick.items)

    trial()
    asked = ("fires", "silent", "cannot-tell", "about an order", "ruled out for an order",
             "offered", "withheld")  # fmt: skip
    assert {name: seen[name] for name in asked if seen[name] < 20} == {}


def test_a_card_that_is_held_back_is_held_back_in_both(book: Rulebook) -> None:
    held = 0
    for record in patients():
        told = tuple(
            Overridden(item.rule.id, item.fired.row, "critical", "goals-of-care", ago(1))
            for item in decide(book, record, NOW, "order-select").items
            if item.fired is not None
        )
        again = replace(record, overridden=told)
        _, quick = whole_and_quick(book, again, NOW, "order-select")
        held += sum(item.held_back != "" for item in quick.items)
    assert held > 2


def rule(book: Rulebook, name: str) -> Rule:
    return next(item for item in book.rules if item.id == name)


def with_rule(book: Rulebook, changed: Rule) -> Rulebook:
    return replace(book, rules=tuple(changed if x.id == changed.id else x for x in book.rules))


def test_beside_a_broken_rule_the_others_are_answered_alike(book: Rulebook) -> None:
    """Law 6. Of the broken one only what breaks is told: where a clause that it needs is No beside
    the broken one, it is silent either way."""
    odd: Any = "no clause"
    hurt = rule(book, "qt-risk")
    levels = tuple(replace(level, when=odd) for level in hurt.levels)
    for changed in (replace(hurt, unless=odd), replace(hurt, levels=levels)):
        broken = with_rule(book, changed)
        for record in patients():
            whole = decide(broken, record, NOW, "order-select").items
            quick = decide(broken, record, NOW, "order-select", whole=False).items
            others = [x for x in whole if x.rule.id != "qt-risk"]
            assert len(others) == len(whole) - 1
            assert [answered(x) for x in quick if x.rule.id != "qt-risk"] == [
                answered(x) for x in others
            ]
            (of_whole,) = (x for x in whole if x.rule.id == "qt-risk")
            (of_quick,) = (x for x in quick if x.rule.id == "qt-risk")
            assert of_whole.outcome is Outcome.ERROR
            assert of_quick.outcome is Outcome.ERROR or of_quick.ruled_out
    assert of_quick.outcome is Outcome.ERROR  # no level that could be ruled out is left


def test_rules_about_orders_cannot_be_told_beside_a_draft_that_nobody_can_read(
    book: Rulebook,
) -> None:
    """Its drug may be any, whatever else the patient has."""
    for seen in ((UNREAD,), (UNREAD, replace(BAG, selected=False))):
        record = view(labs=(mg("2.0 mg/dL", 2), k("4.0", 3), cr("0.9")), drafts=seen).record
        _, quick = whole_and_quick(book, record, NOW, "order-select")
        asked = [item for item in quick.items if item.rule.for_each is not None]
        assert len(asked) == 6
        assert {item.outcome for item in asked} == {Outcome.CANNOT_TELL}


def test_of_what_no_order_is_about_is_said_so(book: Rulebook) -> None:
    items = decide(book, view().record, NOW, "order-select", whole=False).items
    asked = [item for item in items if item.rule.for_each is not None]
    assert {(item.reason, item.ruled_out, item.order) for item in asked} == {(NO_ORDER, True, None)}


def sizes(book: Rulebook) -> Rulebook:
    """With a rule about a band of the dose of each order."""
    band = BandSource("order_dose", ("small", "large"), ("much",))
    size = FactSpec("order_size", band, FactType("category", None, band.labels), HERE)
    much = Threshold("much", Analyte.MAGNESIUM_SULFATE_DOSE, {"g": grams(3).value}, "", (), HERE)
    asked = rule(book, "magnesium-order")
    level = replace(
        asked.levels[0],
        when=IsIn("order_size", frozenset({"large"}), HERE),
        summary="{order}: {order_size}",
        detail=(),
        suggest=(),
        notes=(),
        critical_when=None,
        info_when=None,
    )
    return replace(
        book,
        facts={**book.facts, "order_size": size},
        thresholds={**book.thresholds, "much": much},
        rules=(
            replace(asked, id="size", levels=(level,), notes=()),
            # it looks at the band where there is no order
            replace(rule(book, "qt-risk"), levels=(replace(level, summary="none"),)),
        ),
    )


def test_what_is_worked_out_of_an_order_is_asked_for_each_order(book: Rulebook) -> None:
    small = replace(BAG, dose=grams(2), source="MedicationRequest/small")
    record = view(drafts=(small, BAG)).record
    for drafts in ((small, BAG), (BAG, small)):
        either = whole_and_quick(sizes(book), replace(record, drafts=drafts), NOW, "order-select")
        for found in either:
            fired = [(x.rule.id, x.order) for x in found.items if x.outcome is Outcome.FIRES]
            assert fired == [("size", BAG)]


@pytest.mark.parametrize("status", ["active", "silent"])
def test_a_rule_without_cards_is_told_to_be_one(book: Rulebook, status: Any) -> None:
    changed = replace(
        book,
        rules=tuple(replace(x, status=status) for x in book.rules),
        definitions=book.definitions,
    )
    for record in patients():
        _, quick = whole_and_quick(changed, record, NOW, "order-select")
        assert {x.silent_mode for x in quick.items if x.reason != NO_ORDER} >= {status == "silent"}
