"""What was overridden with a reason is not said again for a while, and doubt never silences."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cds.engine.decide import decide
from cds.engine.decision import Decision, Outcome
from cds.engine.facts import Facts
from cds.engine.repeat import held_back, history_of, longest
from cds.facts.model import Fact, Nothing, NotKnown
from cds.facts.record import (
    LabResult,
    Listing,
    OrderKind,
    Overridden,
    ProblemEntry,
    Record,
    Substance,
    not_supplied,
)
from cds.kernel.units import Analyte
from cds.rulebook.model import Change, ForEach, Holds, IsPresent, Repeat, Rule, Rulebook, Where
from tests.unit.facts.standin import NOW, ago, cr, k, mg, order, quantity, view

RULE = "hypomagnesemia"
REASON = "already-being-corrected"


def past(hours: float = 3, **more: Any) -> Overridden:
    """The card on mildly low magnesium, overridden so many hours ago."""
    found = Overridden(RULE, "A1", "warning", REASON, ago(hours))
    return replace(found, **more)


def patient(*labs: LabResult, told: tuple[Overridden, ...] = (), **lists: Any) -> Record:
    names = ("problems", "procedures", "allergies", "lab_orders")
    empty: dict[str, Any] = {name: Listing(name) for name in names}
    return replace(view(labs=labs).record, overridden=told, **{**empty, **lists})


def of_rule(book: Rulebook, record: Record, rule: str = RULE) -> Decision:
    items = decide(book, record, NOW, "order-select").items
    (found,) = [item for item in items if item.rule.id == rule]
    return found


def rule_of(book: Rulebook, name: str = RULE) -> Rule:
    return next(item for item in book.rules if item.id == name)


def changed(book: Rulebook, name: str = RULE, **more: Any) -> Rulebook:
    rules = tuple(replace(x, **more) if x.id == name else x for x in book.rules)
    assert rules != book.rules
    return replace(book, rules=rules)


LOW = (mg("1.5 mg/dL", 6), cr("0.9", 6))
WORDS = (
    "overridden 3 h ago (already being corrected); told again after 24 h, or when magnesium has "
    "fallen by at least 0.2 mg/dL (0.08 mmol/L) since then"
)


def test_a_card_that_was_overridden_for_a_reason_stays_away_and_its_rule_still_fires(
    book: Rulebook,
) -> None:
    record = patient(*LOW)
    before = of_rule(book, record)
    after = of_rule(book, replace(record, overridden=(past(),)))
    assert before.outcome is Outcome.FIRES
    assert before.held_back == ""
    assert after == replace(before, held_back=WORDS)


def test_without_earlier_cards_nothing_is_different(book: Rulebook) -> None:
    record = patient(*LOW)
    whole = decide(book, record, NOW, "order-select")
    strangers = (past(rule="qt-risk"), past(rule="no-such-rule"))
    assert {item.held_back for item in whole.items} == {""}
    assert decide(book, replace(record, overridden=strangers), NOW, "order-select") == whole


MINUTES = timedelta(minutes=1)
TIMES: list[tuple[str, timedelta, bool]] = [
    ("a moment ago", timedelta(0), True),
    ("a minute less than 24 h ago", timedelta(hours=24) - MINUTES, True),
    ("24 h ago", timedelta(hours=24), False),
    ("two days ago", timedelta(hours=48), False),
    ("by a clock 5 min ahead", -5 * MINUTES, True),
    ("by a clock 6 min ahead", -6 * MINUTES, False),
    ("tomorrow", -timedelta(hours=24), False),
]


@pytest.mark.parametrize(("when", "age", "held"), TIMES, ids=[x[0] for x in TIMES])
def test_only_an_override_of_the_last_24_hours_counts(
    book: Rulebook, when: str, age: timedelta, held: bool
) -> None:
    # a result drawn long before, so that it was known at each of these moments
    labs = (mg("1.5 mg/dL", 23.99), cr("0.9", 23.99))
    early = (replace(one, effective=NOW - timedelta(hours=23, minutes=59)) for one in labs)
    found = of_rule(book, patient(*early, told=(past(at=NOW - age),)))
    assert found.outcome is Outcome.FIRES
    assert bool(found.held_back) is held, when


def test_a_clock_that_is_ahead_reads_as_just_now(book: Rulebook) -> None:
    found = of_rule(book, patient(*LOW, told=(past(at=NOW + 4 * MINUTES),)))
    assert found.held_back.startswith("overridden 0 min ago (")


OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("another rule", {"rule": "low-potassium"}),
    ("another row", {"row": "A1-iv"}),
    ("a more severe row", {"row": "A2"}),
    ("a card that was less urgent", {"indicator": "info"}),
    ("an urgency nobody knows", {"indicator": ""}),
]


@pytest.mark.parametrize(("what", "other"), OTHERS, ids=[x[0] for x in OTHERS])
def test_only_the_same_card_counts(book: Rulebook, what: str, other: dict[str, Any]) -> None:
    assert of_rule(book, patient(*LOW, told=(past(**other),))).held_back == "", what


def test_a_card_that_is_less_urgent_by_now_stays_away_too(book: Rulebook) -> None:
    assert of_rule(book, patient(*LOW, told=(past(indicator="critical"),))).held_back == WORDS


def test_the_last_of_several_overrides_counts(book: Rulebook) -> None:
    told = (past(5), past(1, reason="goals-of-care"), past(4), past(30))
    found = of_rule(book, patient(*LOW, told=told)).held_back
    assert found.startswith("overridden 1 h ago (not in keeping with the goals of care); ")


def test_a_critical_card_is_never_held_back(book: Rulebook) -> None:
    severe = (mg("1.0 mg/dL", 6), cr("0.9", 6))
    told = tuple(past(row=row, indicator="critical") for row in ("A1", "A2", "A3"))
    found = of_rule(book, patient(*severe, told=told))
    assert (found.indicator, found.held_back) == ("critical", "")


def test_a_card_is_told_while_a_critical_row_above_it_cannot_be_told(book: Rulebook) -> None:
    """Whether this is an emergency (A3) stands in the problems, which did not come this time."""
    record = patient(*LOW, told=(past(),))
    assert of_rule(book, record).held_back == WORDS
    found = of_rule(book, replace(record, problems=not_supplied("problems")))
    assert (found.fired.row if found.fired else "", found.undecided != ()) == ("A1", True)
    assert found.held_back == ""


def test_a_card_is_told_while_it_cannot_be_told_whether_it_is_critical(book: Rulebook) -> None:
    record = patient(*LOW, told=(past(),))
    item = of_rule(book, record)
    assert item.fired is not None
    open_ = replace(item.fired, critical_when=IsPresent("unclear", True, HERE))
    for state, held in ((NotKnown("problems", "not supplied"), False), (Nothing("none"), True)):
        facts = Facts(book, record, NOW, {"unclear": Fact("unclear", state, "")})
        now = replace(item, fired=open_, held_back="")
        assert bool(held_back(now, facts, lambda *_, same=now: same)) is held


def test_a_card_that_has_become_critical_is_told(book: Rulebook) -> None:
    told = (past(rule="low-potassium", row="B0", indicator="critical"),)
    for potassium, urgency, held in (("3.2", "warning", True), ("2.3", "critical", False)):
        labs = (mg("1.5 mg/dL", 6), k(potassium, 6), cr("0.9", 6))
        found = of_rule(book, patient(*labs, told=told), "low-potassium")
        assert (found.indicator, bool(found.held_back)) == (urgency, held)


# What happened to magnesium (mg/dL, hours ago) with an override 3 h ago; is the card held back?
COURSES: list[tuple[str, list[tuple[str, float]], bool]] = [
    ("one result, known then", [("1.5", 6)], True),
    ("it had fallen before", [("1.6", 6), ("1.4", 4)], True),
    ("the same again", [("1.5", 6), ("1.5", 1)], True),
    ("it rose", [("1.4", 6), ("1.6", 1)], True),
    ("it fell by less", [("1.5", 6), ("1.4", 1)], True),
    ("it fell by as much", [("1.6", 6), ("1.4", 1)], False),
    ("it fell in two steps", [("1.6", 6), ("1.5", 2), ("1.4", 1)], False),
    ("it fell and came back", [("1.6", 6), ("1.3", 2), ("1.5", 1)], True),
    ("the first result came later", [("1.5", 1)], False),
    ("it was normal then", [("2.0", 6), ("1.6", 1)], False),
    ("it was severe then", [("1.1", 6), ("1.5", 1)], False),
    ("it was too old then", [("1.5", 40), ("1.5", 1)], False),
    ("it was not exact then", [("<1.6", 6), ("1.5", 1)], False),
]


@pytest.mark.parametrize(("what", "course", "held"), COURSES, ids=[x[0] for x in COURSES])
def test_what_changed_since_then_is_told(
    book: Rulebook, what: str, course: list[tuple[str, float]], held: bool
) -> None:
    labs = (*(mg(f"{value} mg/dL", hours) for value, hours in course), cr("0.9", 6))
    found = of_rule(book, patient(*labs, told=(past(),)))
    assert found.fired is not None
    assert found.fired.row == "A1"
    assert bool(found.held_back) is held, what


def stamped(hours: float) -> str:
    return ago(hours).isoformat(timespec="microseconds")


LATE: list[tuple[str, str, str, bool]] = [
    # what               issued         written         known when overridden 3 h ago
    ("issued before",    stamped(5),    "",             True),
    ("issued at it",     stamped(3),    "",             True),
    ("issued after",     stamped(2),    "",             False),
    ("written before",   "",            stamped(5),     True),
    ("written after",    "",            stamped(2),     False),
    ("written anew",     stamped(5),    stamped(2),     True),
    ("neither is told",  "",            "",             True),
]  # fmt: skip


@pytest.mark.parametrize(("what", "issued", "written", "known"), LATE, ids=[x[0] for x in LATE])
def test_a_result_that_came_after_the_override_was_not_known_then(
    book: Rulebook, what: str, issued: str, written: str, known: bool
) -> None:
    drawn = mg("1.5 mg/dL", 6, issued=issued)
    drawn = replace(drawn, order=(drawn.order[0], issued, written, "1"))
    found = of_rule(book, patient(drawn, cr("0.9", 6), told=(past(),)))
    assert bool(found.held_back) is known, what


DIGOXIN = order(48, substances=(Substance("digoxin", frozenset({"digoxin"})),))


def test_two_levels_of_one_row_are_two_findings(book: Rulebook) -> None:
    """Row D2 speaks for low potassium and for low magnesium: one does not silence the other."""
    rule = rule_of(book, "qt-risk")
    told = (past(rule="qt-risk", row="D2"),)
    taken = Listing("medications", (DIGOXIN,))
    low_then = (k("3.2", 6), mg("1.5 mg/dL", 1))
    found = [
        of_rule(book, patient(*labs, told=told, medications=taken), "qt-risk")
        for labs in (low_then, (*low_then, k("4.0", 1)))
    ]
    assert [item.fired for item in found] == [rule.levels[1], rule.levels[2]]
    assert [bool(item.held_back) for item in found] == [True, False]


NEW_DRUG: list[tuple[str, dict[str, Any], bool]] = [
    ("the same drugs", {}, True),
    ("another drug, ordered before", {"authored": ago(5)}, True),
    ("another drug, ordered since", {"authored": ago(2)}, False),
    ("another drug, nobody knows since when", {}, False),
]


@pytest.mark.parametrize(("what", "order_of", "held"), NEW_DRUG, ids=[x[0] for x in NEW_DRUG])
@pytest.mark.parametrize("kind", [OrderKind.ACTIVE, OrderKind.DRAFT])
def test_another_drug_is_news(
    book: Rulebook, what: str, order_of: dict[str, Any], held: bool, kind: OrderKind
) -> None:
    """The card was overridden for digoxin; the other drug lengthens the QT interval."""
    draft = kind is OrderKind.DRAFT
    sotalol = (Substance("sotalol", frozenset({"qt-prolonging"})),)
    other = order(substances=sotalol, kind=kind, selected=draft, **order_of)
    more = () if what == "the same drugs" else (other,)
    record = patient(
        k("3.2", 6),
        told=(past(rule="qt-risk", row="D2"),),
        medications=Listing("medications", (DIGOXIN, *(() if draft else more))),
        drafts=more if draft else (),
    )
    found = of_rule(book, record, "qt-risk")
    assert found.fired is not None
    assert found.fired.row == "D2"
    assert ("sotalol" in found.summary) is bool(more)
    assert bool(found.held_back) is held


def test_a_level_that_spans_two_bands_is_told_again_in_the_other(book: Rulebook) -> None:
    """Row B0 speaks for low and for severely low magnesium."""
    told = (past(rule="low-potassium", row="B0"),)
    held = []
    for labs in (("1.5", "1.4"), ("1.3", "1.15")):
        then, now = (mg(f"{value} mg/dL", hours) for value, hours in zip(labs, (6, 1), strict=True))
        found = of_rule(book, patient(k("3.2", 6), then, now, told=told), "low-potassium")
        assert found.fired is not None
        assert found.fired.row == "B0"
        held.append(bool(found.held_back))
    assert held == [True, False]


@pytest.mark.parametrize(("now", "held"), [("1.6", True), ("1.5", True), ("1.4", False)])
def test_magnesium_that_the_potassium_card_speaks_for_is_told_when_it_falls(
    book: Rulebook, now: str, held: bool
) -> None:
    """The magnesium card is silent beside row B0, so its policy must hold on that row as well."""
    labs = (k("3.2", 6), cr("0.9", 6), mg("1.6 mg/dL", 6), mg(f"{now} mg/dL", 1))
    told = (past(rule="low-potassium", row="B0"), past())
    record = patient(*labs, told=told)
    assert of_rule(book, record).outcome is Outcome.SILENT
    found = of_rule(book, record, "low-potassium")
    assert found.fired is not None
    assert found.fired.row == "B0"
    assert bool(found.held_back) is held


HERE = Where("test", 1)
MYASTHENIA = IsPresent("myasthenia_gravis", True, HERE)


@pytest.mark.parametrize(
    ("state", "held"), [("absent", True), ("present", False), ("not known", False)]
)
def test_an_unless_that_holds_or_cannot_be_told_shows_the_card(
    book: Rulebook, state: str, held: bool
) -> None:
    other = changed(book, repeat=Repeat(timedelta(hours=72), MYASTHENIA))
    entry = ProblemEntry("Condition/1", "myasthenia", frozenset({"myasthenia-gravis"}))
    problems: dict[str, Listing[ProblemEntry]] = {
        "absent": Listing("problems"),
        "present": Listing("problems", (entry,)),
        "not known": not_supplied("problems"),
    }
    found = of_rule(other, patient(*LOW, told=(past(),), problems=problems[state]))
    assert found.fired is not None
    assert found.fired.row == "A1"
    assert bool(found.held_back) is held
    if held:
        assert "; told again after 3 days, or when myasthenia gravis is on" in found.held_back


def test_a_rule_without_an_unless_says_only_how_long(book: Rulebook) -> None:
    found = of_rule(changed(book, repeat=Repeat(timedelta(hours=6))), patient(*LOW, told=(past(),)))
    assert found.held_back == WORDS.partition("24 h")[0] + "6 h"


def test_a_reason_of_another_list_counts_and_is_not_repeated(book: Rulebook) -> None:
    found = of_rule(book, patient(*LOW, told=(past(reason="4711"),)))
    assert "(a reason that is not on our list)" in found.held_back
    assert "4711" not in found.held_back


@pytest.mark.parametrize(
    "more", [{"repeat": None}, {"status": "silent"}, {"for_each": ForEach(("mg",), "magnesium")}]
)
def test_a_rule_that_cannot_come_again_is_not_held_back(
    book: Rulebook, more: dict[str, Any]
) -> None:
    """Without `repeat`, without a card, or about orders, which feedback does not name."""
    record = patient(*LOW, told=(past(),))
    item = of_rule(book, record)
    if "for_each" not in more:
        item = of_rule(changed(book, **more), record)
    else:
        item = replace(item, rule=replace(item.rule, **more))
    assert item.fired is not None
    assert held_back(item, Facts(book, record, NOW), lambda *_: item) == ""


def test_a_rule_that_stays_silent_holds_nothing_back(book: Rulebook) -> None:
    found = of_rule(book, patient(mg("2.0 mg/dL", 6), told=(past(),)))
    assert (found.outcome, found.held_back) == (Outcome.SILENT, "")


def test_what_breaks_here_never_costs_a_card(book: Rulebook) -> None:
    odd: Any = "no clause"
    other = changed(book, repeat=Repeat(timedelta(hours=24), odd))
    record = patient(*LOW)
    found = of_rule(other, replace(record, overridden=(past(),)))
    assert found.rule.repeat != rule_of(book).repeat
    assert replace(found, rule=rule_of(book)) == of_rule(book, record)


def test_a_change_is_judged_against_that_moment_in_named_clauses_too(book: Rulebook) -> None:
    """What was judged by name for the card itself looked at the result before."""
    clause = Change("magnesium", "falling", quantity(Analyte.MAGNESIUM, "0.2 mg/dL"), HERE)
    named = {**book.definitions, "mg_falls": replace(book.definitions["iv_stop"], clause=clause)}
    repeat = Repeat(timedelta(hours=24), Holds("mg_falls", False, HERE))
    other = replace(changed(book, repeat=repeat), definitions=named)
    fallen_before = (mg("1.6 mg/dL", 6), mg("1.4 mg/dL", 4), cr("0.9", 6))
    fallen_since = (mg("1.6 mg/dL", 6), mg("1.4 mg/dL", 1), cr("0.9", 6))
    held = [
        bool(of_rule(other, patient(*labs, told=(past(),))).held_back)
        for labs in (fallen_before, fallen_since)
    ]
    assert held == [True, False]


def test_the_history_is_each_coded_override_once_in_order() -> None:
    told = (past(1), past(3), past(1), past(2, reason=""), past(2, reason="Mrs. X is well"))
    assert history_of(told) == (past(3), past(1))
    assert history_of(reversed(told)) == history_of(told)
    assert history_of(()) == ()


def test_the_longest_span_of_a_rulebook_is_how_far_back_to_ask(book: Rulebook) -> None:
    assert longest(book) == timedelta(hours=24)
    assert longest(changed(book, repeat=Repeat(timedelta(days=3)))) == timedelta(days=3)
    assert longest(replace(book, rules=())) == timedelta(0)
