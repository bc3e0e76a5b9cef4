"""What guards rule out is what judging would not find, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cds.engine.decide import decide
from cds.engine.evaluate import judge
from cds.engine.facts import Facts
from cds.engine.guards import asks_order, watch
from cds.facts.record import Listing, ProblemEntry, Record
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.kernel.verdict import Verdict
from cds.rulebook.model import (
    All,
    AnyOf,
    Between,
    CannotTell,
    Change,
    Clause,
    Compare,
    Holds,
    IsIn,
    IsMissing,
    IsPresent,
    Rule,
    Rulebook,
    ToFact,
    ToQuantity,
    ToTable,
    ToThreshold,
    Where,
)
from cds.trial import case_facts, stated
from tests.unit.facts.standin import MGSO4, NOW, cr, grams, k, mg, order, view

HERE = Where("test", 1)
POINT_TWO = Quantity.of(Analyte.MAGNESIUM, "0.2", "mg/dL")
LIMIT = ToQuantity(Quantity.of(Analyte.MAGNESIUM, "1.2", "mg/dL"))
TORSADES = IsPresent("torsades", True, HERE)
LOW = Compare("magnesium", "below", LIMIT, HERE)


def among(*clauses: Clause) -> AnyOf:
    return AnyOf(clauses, HERE)


def both(*clauses: Clause) -> All:
    return All(clauses, HERE)


def rule(book: Rulebook, *clauses: Clause) -> Rule:
    """A rule with one level for each clause."""
    found = next(item for item in book.rules if item.id == "hypomagnesemia")
    first = found.levels[0]
    return replace(found, levels=tuple(replace(first, when=clause) for clause in clauses))


def asked(book: Rulebook, **given: str) -> Facts:
    return case_facts(book, {x: stated(book.facts[x], text) for x, text in given.items()})


VALUES = ("1.1 mg/dL", "1.2 mg/dL", "1.3 mg/dL", "0.49 mmol/L", "0.5 mmol/L", "<1.1 mg/dL",
          ">1.0 mg/dL", "missing stale", "not known")  # fmt: skip
COMPARED = [
    *(
        Compare("magnesium", word, LIMIT, HERE)
        for word in ("below", "at_most", "above", "at_least")
    ),
    Compare("magnesium", "below", ToThreshold("mg_severe"), HERE),
    Between("magnesium", LIMIT, ToThreshold("mg_severe"), HERE),
]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("clause", COMPARED, ids=lambda clause: type(clause).__name__)
def test_a_limit_rules_out_what_the_value_misses(
    book: Rulebook, clause: Clause, value: str
) -> None:
    facts = asked(book, magnesium=value)
    applies = judge(clause, facts).verdict is Verdict.YES
    assert bool(watch(book, [rule(book, clause)]).left_over(facts)) is applies


def test_of_many_limits_each_is_its_own(book: Rulebook) -> None:
    """The limits of a thousand rules about one fact are one look-up."""
    words = ("below", "at_most", "above", "at_least")
    limits = [Quantity.of(Analyte.MAGNESIUM, f"1.{n:02}", "mg/dL") for n in range(0, 100, 7)]
    clauses = [
        Compare("magnesium", word, ToQuantity(limit), HERE) for word in words for limit in limits
    ]
    rules = [replace(rule(book, clause), id=f"r{n}") for n, clause in enumerate(clauses)]
    watched = watch(book, rules)
    for value in ("1.00 mg/dL", "1.35 mg/dL", "1.40 mg/dL", "1.98 mg/dL", "0.6 mmol/L"):
        facts = asked(book, magnesium=value)
        found = [item.id for item in watched.left_over(facts)]
        judged = [judge(clause, facts).verdict for clause in clauses]
        assert found == [f"r{n}" for n, verdict in enumerate(judged) if verdict is Verdict.YES]
        assert 0 < len(found) < len(rules)


OTHERS: list[tuple[Clause, bool]] = [
    (TORSADES, False),
    (IsPresent("torsades", False, HERE), True),
    (IsIn("mg_class", frozenset({"severe"}), HERE), True),
    (IsIn("mg_class", frozenset({"normal"}), HERE), False),
    (IsMissing("potassium", frozenset(), HERE), True),
    (IsMissing("magnesium", frozenset(), HERE), False),
    (Change("magnesium", "falling", POINT_TWO, HERE), False),
    (Compare("magnesium", "below", ToFact("magnesium"), HERE), False),
    (Holds("iv_stop", False, HERE), False),
    (Holds("iv_stop", True, HERE), True),
    (CannotTell("iv_stop", HERE), False),
    (both(LOW, TORSADES), False),
    (both(LOW, IsPresent("torsades", False, HERE)), True),
    (among(LOW, TORSADES), True),
    (among(both(LOW, TORSADES), TORSADES), False),
    (among(both(LOW, among(TORSADES, LOW)), TORSADES), True),
    (both(), True),
    (among(), False),
]


@pytest.mark.parametrize(("clause", "applies"), OTHERS)
def test_every_kind_of_clause_rules_out_where_it_is_not_yes(
    book: Rulebook, clause: Clause, applies: bool
) -> None:
    facts = asked(book, magnesium="1.0 mg/dL", potassium="missing stale", mg_class="severe")
    assert (judge(clause, facts).verdict is Verdict.YES) is applies
    assert bool(watch(book, [rule(book, clause)]).left_over(facts)) is applies


def test_one_level_that_may_apply_keeps_the_rule(book: Rulebook) -> None:
    facts = asked(book, magnesium="1.0 mg/dL")
    rules = [rule(book, TORSADES, LOW), rule(book, TORSADES), rule(book, LOW)]
    assert watch(book, rules).left_over(facts) == [rules[0], rules[2]]


@pytest.mark.parametrize(
    "clause",
    [
        IsPresent("order_readable", True, HERE),
        Compare("order_dose", "above", ToQuantity(grams(4)), HERE),
        Compare("order_dose", "above", ToTable("mg_iv_severe_dose"), HERE),
        Compare("magnesium_24h", "above", ToFact("order_dose"), HERE),
        among(IsPresent("order_push", True, HERE), TORSADES),
        CannotTell("about_the_order", HERE),
        Holds("about_the_order", True, HERE),
    ],
)
def test_what_is_asked_of_an_order_rules_nothing_out(book: Rulebook, clause: Clause) -> None:
    """Orders are looked at one by one, and here there is none."""
    named = replace(book.definitions["iv_stop"], clause=IsPresent("order_push", True, HERE))
    wider = replace(book, definitions={**book.definitions, "about_the_order": named})
    assert asks_order(clause, wider)
    assert watch(wider, [rule(book, clause)]).left_over(asked(wider)) != []


def test_a_guard_that_breaks_leaves_the_rule_to_say_so(book: Rulebook) -> None:
    """Law 6."""
    odd: Any = "no judgement"
    unknown = Compare("magnesium", "below", ToThreshold("no_such_limit"), HERE)
    loop = replace(book.definitions["iv_stop"], clause=CannotTell("iv_stop", HERE))
    wider = replace(book, definitions={**book.definitions, "again": loop})
    lost = Holds("no_such_definition", False, HERE)
    for clause in (unknown, CannotTell("again", HERE), lost):
        facts = asked(wider, magnesium="1.0 mg/dL")
        facts.definitions["iv_stop"] = odd
        assert watch(wider, [rule(book, clause)]).left_over(facts) != []


def patients() -> list[Record]:
    names = ("problems", "procedures", "allergies", "lab_orders")
    lists = {name: Listing(name) for name in names}
    heart = Listing("problems", (ProblemEntry("Condition/1", "Torsades", frozenset({"torsades"})),))
    bag = order(0, substances=MGSO4, selected=True, dose=grams(4), parenteral=True)
    many = [
        view(labs=(mg("1.0 mg/dL", 2), cr("0.9"))),
        view(labs=(mg("1.5 mg/dL", 2), k("2.9", 3), cr("3.1"))),
        view(labs=(mg("2.0 mg/dL", 2), k("4.0", 3), cr("0.9"))),
        view(labs=(mg("1.0 mg/dL", 2),), drafts=(bag,)),
        view(labs=(mg("1.0 mg/dL", 2),), drafts=(replace(bag, source="MedicationRequest/"),)),
        view(labs=(mg("5.1 mg/dL", 2), k("2.4", 40)), orders=None),
    ]
    records = [replace(item.record, **lists) for item in many]
    return [*records, replace(records[1], problems=heart)]


@pytest.mark.parametrize("hook", ["order-select", "patient-view", "encounter-discharge", "none"])
def test_what_fires_is_the_same_whether_the_others_are_judged_or_not(
    book: Rulebook, hook: str
) -> None:
    fired = left_out = 0
    for record in patients():
        whole = decide(book, record, NOW, hook)
        part = decide(book, record, NOW, hook, whole=False)
        cards = [item for item in whole.items if item.fired]
        assert [item for item in part.items if item.fired] == cards
        assert part.fine_print == whole.fine_print
        fired, left_out = fired + len(cards), left_out + len(whole.items) - len(part.items)
    assert (fired > 3 and left_out > 20) is (hook != "none")


def test_beside_a_draft_without_an_id_every_rule_is_judged(book: Rulebook) -> None:
    """The card about it is named by its place among all decisions."""
    nameless = patients()[4]
    whole = decide(book, nameless, NOW, "order-select")
    assert decide(book, nameless, NOW, "order-select", whole=False) == whole
