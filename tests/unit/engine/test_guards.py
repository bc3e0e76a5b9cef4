"""Guards rule out the rules that are surely silent, and no other."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cds.engine.decide import judge_rule
from cds.engine.decision import Outcome
from cds.engine.evaluate import judge
from cds.engine.facts import Facts
from cds.engine.guards import asks_order, net
from cds.engine.ladders import FactGuards
from cds.engine.select import net_of, prepare, rules_of
from cds.facts.record import MedicationOrder, OrderKind, Record, Substance
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
    ForEach,
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
from tests.unit.engine.made_patients import Maker
from tests.unit.facts.standin import MGSO4, NOW, grams, order, view

HERE = Where("test", 1)
POINT_TWO = Quantity.of(Analyte.MAGNESIUM, "0.2", "mg/dL")
LIMIT = ToQuantity(Quantity.of(Analyte.MAGNESIUM, "1.2", "mg/dL"))
GRAM = ToQuantity(grams(1))
TORSADES = IsPresent("torsades", True, HERE)
NO_TORSADES = IsPresent("torsades", False, HERE)
LOW = Compare("magnesium", "below", LIMIT, HERE)
WORDS: Any = ("below", "at_most", "above", "at_least")


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


def left(book: Rulebook, facts: Facts, *clauses: Clause) -> bool:
    """Is a rule with these levels left over?"""
    return net(book, [rule(book, *clauses)]).left_over(facts) == [0]


# --- one clause -------------------------------------------------------------------------------

VALUES = ("1.1 mg/dL", "1.2 mg/dL", "1.3 mg/dL", "0.49 mmol/L", "0.5 mmol/L", "1.0 meq/L",
          "<1.1 mg/dL", "<1.3 mg/dL", ">1.0 mg/dL", ">1.2 mg/dL", "1.0 to 1.4 mg/dL",
          "missing stale", "not known", "nothing there")  # fmt: skip
COMPARED = [
    *(Compare("magnesium", word, LIMIT, HERE) for word in WORDS),
    *(Compare("magnesium", word, ToThreshold("mg_severe"), HERE) for word in WORDS),
    Compare("magnesium", "at_least", ToFact("magnesium_90d"), HERE),
    Between("magnesium", LIMIT, ToThreshold("mg_severe"), HERE),
]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("clause", COMPARED, ids=lambda clause: type(clause).__name__)
def test_a_limit_rules_out_what_the_value_surely_misses(
    book: Rulebook, clause: Clause, value: str
) -> None:
    facts = asked(book, magnesium=value, magnesium_90d="1.2 mg/dL")
    assert left(book, facts, clause) is (judge(clause, facts).verdict is not Verdict.NO)


@pytest.mark.parametrize("value", ["missing stale", "not known"])
def test_what_is_missing_or_not_known_misses_no_limit(book: Rulebook, value: str) -> None:
    facts = asked(book, magnesium=value)
    assert all(left(book, facts, clause) for clause in COMPARED)


def test_where_there_is_nothing_no_limit_is_met(book: Rulebook) -> None:
    facts = asked(book, magnesium="nothing there")
    assert not any(left(book, facts, clause) for clause in COMPARED)


def test_of_many_limits_each_is_its_own(book: Rulebook) -> None:
    """The limits of a thousand rules about one fact are one look-up."""
    limits = [Quantity.of(Analyte.MAGNESIUM, f"1.{n:02}", "mg/dL") for n in range(0, 100, 7)]
    clauses = [
        Compare("magnesium", word, ToQuantity(limit), HERE) for word in WORDS for limit in limits
    ]
    found = net(book, [rule(book, clause) for clause in clauses])
    for value in ("1.00 mg/dL", "1.35 mg/dL", "1.40 mg/dL", "1.98 mg/dL", "0.6 mmol/L",
                  "1.2 to 1.5 mg/dL", "1.35 mg/dL"):  # fmt: skip
        facts = asked(book, magnesium=value)
        judged = [judge(clause, facts).verdict for clause in clauses]
        expected = [n for n, verdict in enumerate(judged) if verdict is not Verdict.NO]
        assert found.left_over(facts) == expected
        assert 0 < len(expected) < len(clauses)


OTHERS: list[tuple[Clause, bool]] = [
    (TORSADES, False),
    (NO_TORSADES, True),
    (IsPresent("long_qt", True, HERE), True),  # not known
    (IsPresent("long_qt", False, HERE), True),
    (IsIn("mg_class", frozenset({"severe"}), HERE), True),
    (IsIn("mg_class", frozenset({"low"}), HERE), True),  # may be
    (IsIn("mg_class", frozenset({"normal"}), HERE), False),
    (IsMissing("potassium", frozenset(), HERE), True),
    (IsMissing("magnesium", frozenset(), HERE), False),
    (Change("magnesium", "falling", POINT_TWO, HERE), True),  # there is none before
    (Compare("magnesium", "below", ToFact("magnesium"), HERE), False),
    (Holds("qt_arrhythmia", False, HERE), True),  # cannot be told
    (Holds("qt_arrhythmia", True, HERE), True),
    (CannotTell("qt_arrhythmia", HERE), True),
    (CannotTell("heart_block", HERE), False),
    (Holds("heart_block", False, HERE), False),
    (Holds("heart_block", True, HERE), True),
    (both(LOW, TORSADES), False),
    (both(LOW, NO_TORSADES), True),
    (both(LOW, both(NO_TORSADES, TORSADES)), False),
    (both(LOW, IsPresent("long_qt", True, HERE)), True),
    (among(LOW, TORSADES), True),
    (among(TORSADES, IsPresent("long_qt", True, HERE)), True),
    (among(TORSADES, TORSADES), False),
    (among(both(LOW, TORSADES), TORSADES), False),
    (among(both(LOW, among(TORSADES, LOW)), TORSADES), True),
    (both(among(TORSADES, LOW), among(TORSADES, LOW), among(LOW)), True),
    (both(among(TORSADES, LOW), among(TORSADES, both(TORSADES, TORSADES))), False),
    (both(), True),
    (among(), False),
    (both(LOW, among()), False),
    (among(among(), among(), LOW), True),
    (among(among(), both(LOW, among())), False),
]


@pytest.mark.parametrize(("clause", "may_apply"), OTHERS)
def test_every_kind_of_clause_rules_out_where_it_is_surely_no(
    book: Rulebook, clause: Clause, may_apply: bool
) -> None:
    facts = asked(
        book, magnesium="1.0 mg/dL", potassium="missing stale", mg_class="severe or low",
        long_qt="not known",
    )  # fmt: skip
    assert (judge(clause, facts).verdict is not Verdict.NO) is may_apply
    assert left(book, facts, clause) is may_apply


# --- rules with several levels, and rules that share clauses ----------------------------------


def test_one_level_that_may_apply_keeps_the_rule(book: Rulebook) -> None:
    facts = asked(book, magnesium="1.0 mg/dL")
    rules = [rule(book, TORSADES, LOW), rule(book, TORSADES), rule(book, LOW), rule(book)]
    assert net(book, rules).left_over(facts) == [0, 2]


def all_clauses(book: Rulebook) -> list[Clause]:
    """Of definitions and levels, but for those that look at one order, and all leaves of them."""
    open_: list[Clause] = [item.clause for item in book.definitions.values()]
    open_ += [level.when for rule in book.rules for level in rule.levels]
    open_ += [Holds(name, bool(n % 2), HERE) for n, name in enumerate(book.definitions)]
    open_ += [CannotTell(name, HERE) for name in book.definitions]
    found = []
    while open_:
        clause = open_.pop()
        if isinstance(clause, All | AnyOf):
            open_ += clause.children
        if not asks_order(clause, book):
            found.append(clause)
    return found


def made(random: Random, known: list[Clause], depth: int) -> Clause:
    if depth == 0 or random.random() < 0.3:
        return random.choice(known)
    parts = tuple(made(random, known, depth - 1) for _ in range(random.choice((0, 1, 2, 2, 3))))
    return random.choice((All, AnyOf))(parts, HERE)


def test_random_rules_are_left_over_exactly_where_one_level_is_not_surely_no(
    book: Rulebook,
) -> None:
    maker, known, seen = Maker(book), all_clauses(book), Counter[bool]()
    assert len(known) > 500

    @given(st.integers(0, 2**64 - 1))
    @settings(
        max_examples=25, deadline=None, database=None, derandomize=True,
        phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    def trial(seed: int) -> None:
        random = Random(seed)
        rules = [
            rule(book, *(made(random, known, 3) for _ in range(random.choice((1, 1, 2, 3)))))
            for _ in range(40)
        ]
        found = net(book, rules)
        for _ in range(3):
            facts = Facts(book, maker.record(random), NOW)
            verdicts = [[judge(x.when, facts).verdict for x in one.levels] for one in rules]
            expected = [n for n, x in enumerate(verdicts) if set(x) != {Verdict.NO}]
            assert found.left_over(facts) == expected
            seen.update(n in expected for n in range(len(rules)))

    trial()
    assert min(seen[True], seen[False]) > 200


# --- what breaks ------------------------------------------------------------------------------


def test_a_guard_that_breaks_leaves_the_rule_to_say_so(book: Rulebook) -> None:
    """Law 6."""
    odd: Any = "no clause"
    loop = replace(book.definitions["iv_stop"], clause=CannotTell("again", HERE))
    wider = replace(book, definitions={**book.definitions, "again": loop})
    facts = asked(wider, magnesium="1.0 mg/dL")
    broken: list[Clause] = [
        Compare("magnesium", "below", ToThreshold("no_such_limit"), HERE),
        Compare("no_such_fact", "below", LIMIT, HERE),
        Compare("torsades", "below", LIMIT, HERE),
        Compare("magnesium", "below", GRAM, HERE),
        IsIn("magnesium", frozenset({"low"}), HERE),
        CannotTell("again", HERE),
        Holds("no_such_definition", False, HERE),
        among(Holds("no_such_definition", False, HERE), TORSADES),
        odd,
    ]
    for clause in broken:
        assert left(wider, facts, clause)
        assert left(wider, facts, both(LOW, clause))
        assert left(wider, facts, TORSADES, clause)


def test_beside_a_limit_that_breaks_the_others_are_not_guessed_at(book: Rulebook) -> None:
    lost = Compare("magnesium", "below", ToThreshold("no_such_limit"), HERE)
    high = Compare("magnesium", "above", LIMIT, HERE)
    rules = [rule(book, clause) for clause in (lost, LOW, TORSADES, high)]
    found = net(book, rules).left_over(asked(book, magnesium="1.0 mg/dL"))
    assert {0, 1} <= set(found)
    assert 2 not in found


def test_a_fact_that_breaks_leaves_the_rules_that_ask_it(book: Rulebook) -> None:
    source: Any = "no source"
    lost = replace(book.facts["magnesium"], source=source)
    wider = replace(book, facts={**book.facts, "magnesium": lost})
    rules = [rule(book, clause) for clause in (LOW, TORSADES, among(LOW, TORSADES))]
    facts = Facts(wider, view().record, NOW)
    named = replace(facts.record, problems=replace(facts.record.problems, gap=""))
    assert net(wider, rules).left_over(Facts(wider, named, NOW)) == [0, 2]


def test_only_constants_stand_among_the_limits() -> None:
    found = FactGuards()
    for clause in COMPARED:
        found.put(clause, (1,))  # type: ignore[arg-type]
    assert {word: len(limits) for word, limits in found.limits.items()} == dict.fromkeys(WORDS, 2)
    assert len(found.leaves) == 2


# --- about orders -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "clause",
    [
        IsPresent("order_readable", True, HERE),
        Compare("order_dose", "above", GRAM, HERE),
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
    assert left(wider, asked(wider), clause)
    assert not left(wider, asked(wider), both(clause, TORSADES))


def draft(*roles: str, **more: Any) -> MedicationOrder:
    drug = (Substance("drug", frozenset(roles)),)
    return replace(order(kind=OrderKind.DRAFT, substances=drug, selected=True), **more)


UNREAD = draft(identified=False)
SELECTED: list[tuple[tuple[MedicationOrder, ...], list[int]]] = [
    ((), [3]),
    ((draft("a"),), [0, 3]),
    ((draft("b"),), [0, 1, 3]),
    ((draft("a", "c"), draft("b")), [0, 1, 3]),
    ((draft("z"),), [3]),
    ((draft("a", selected=False),), [3]),
    ((draft("a", systemic=False),), [3]),
    ((UNREAD,), [0, 1, 2, 3]),
    ((draft("a"), UNREAD), [0, 1, 2, 3]),
    ((replace(UNREAD, selected=False), draft("a")), [0, 3]),
]


@pytest.mark.parametrize(("drafts", "places"), SELECTED)
def test_a_rule_about_orders_needs_one_that_is_selected(
    book: Rulebook, drafts: tuple[MedicationOrder, ...], places: list[int]
) -> None:
    """Beside one that nobody can read it cannot be told, even where the patient has nothing."""
    about = [
        replace(rule(book, clause), for_each=ForEach(roles, "order"))
        for roles, clause in ((("a", "b"), both()), (("b",), both()), (("z", "y"), among()))
    ]
    rules = [*about, rule(book, both()), rule(book, among())]
    record = replace(view().record, drafts=drafts)
    found, facts = net(book, rules), Facts(book, record, NOW)
    assert found.left_over(facts) == places
    assert found.left_over(facts) == places  # asked again
    judged = [judge_rule(x, facts).outcome for x in rules[3:]]
    assert judged == [Outcome.FIRES, Outcome.SILENT]


# --- the rules in use -------------------------------------------------------------------------


def test_the_rules_of_a_hook_are_those_in_use_there(book: Rulebook) -> None:
    first, second, *_ = book.rules
    rules = (
        replace(first, status="draft"),
        replace(second, status="silent", hooks=("order-sign", "order-sign")),
        *book.rules[2:],
    )
    changed = replace(book, rules=rules)
    prepare(changed)
    for hook in ("order-select", "order-sign", "patient-view"):
        of_hook = [x for x in rules if hook in x.hooks and x.status in ("active", "silent")]
        found = net_of(changed, hook)
        assert found is not None
        assert list(found.rules) == list(rules_of(changed, hook)) == of_hook
        assert len(found.levels) == len(of_hook) > 5
    assert net_of(changed, "no-such-hook") is None
    assert rules_of(changed, "no-such-hook") == ()


def test_hooks_with_the_same_rules_share_their_guards(book: Rulebook) -> None:
    assert net_of(book, "order-select") is net_of(book, "order-sign")
    assert net_of(book, "order-select") is not net_of(book, "patient-view")


def test_equal_clauses_are_asked_once_wherever_they_stand(book: Rulebook) -> None:
    elsewhere = replace(TORSADES, where=Where("elsewhere", 7))
    one = net(book, [rule(book, among(LOW, TORSADES))])
    more = net(book, [rule(book, among(LOW, elsewhere)), rule(book, both(elsewhere, LOW))])
    for found in (one, more):
        asked_ = [name for name, _ in found.standing.facts]
        assert sorted(asked_) == ["magnesium", "torsades"]
        assert asked_[0] == "magnesium"  # results are asked before lists
        assert [len(about.leaves) for name, about in found.standing.facts] == [0, 1]
        assert found.drafted.facts == ()


def test_guards_that_look_at_drafts_are_asked_at_every_call(book: Rulebook) -> None:
    total = Compare("magnesium_24h", "above", GRAM, HERE)
    found = net(book, [rule(book, both(total, LOW)), rule(book, total)])
    assert [name for name, _ in found.drafted.facts] == ["magnesium_24h"]
    bag = replace(draft(), substances=MGSO4, dose=grams(4), parenteral=True, once=True)
    record: Record = view().record
    base = Facts(book, record, NOW)
    for drafts, places in (((), []), ((bag,), [0, 1]), ((), [])):
        each = replace(record, drafts=drafts)
        assert found.left_over(Facts(book, each, NOW, standing=base.standing)) == places
