"""What is said not to look at draft orders does not look at them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from random import Random
from typing import Any

import pytest

from cds.engine.decide import decide
from cds.engine.drafted import (
    Stand,
    asks,
    facts_about_drafts,
    facts_about_one_order,
    text_stands,
    what_is_shared,
    what_stands,
)
from cds.engine.evaluate import judge, judge_definition
from cds.engine.facts import Facts
from cds.engine.phrases import fill
from cds.facts.record import OrderKind, Record
from cds.kernel.units import Analyte
from cds.rulebook.model import (
    All,
    AnyOf,
    BandSource,
    Between,
    CannotTell,
    Clause,
    Compare,
    FactSpec,
    FactType,
    Holds,
    IsPresent,
    Rulebook,
    ToFact,
    ToQuantity,
    ToTable,
    ToThreshold,
    Where,
)
from cds.rulebook.model import ExactSource as Exact
from tests.unit.engine.alike import tree
from tests.unit.engine.made_patients import Maker
from tests.unit.facts.standin import MGSO4, NOW, grams, order

HERE = Where("test", 1)
OF_THE_CALL = {"drafts", "draft_lab_orders", "unreadable", "overridden"}  # see `standing._of`
GRAM = ToQuantity(grams(1))


@dataclass
class Watched:
    """A record that notes which of its fields are read."""

    record: Record
    read: set[str] = field(default_factory=set)

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(self.record, name)


@pytest.fixture(scope="module")
def patients(book: Rulebook) -> list[Record]:
    """Patients of every kind, most of them with drafts that rules ask about."""
    maker = Maker(book)
    found = [maker.record(Random(seed)) for seed in range(60)]
    assert sum(bool(item.drafts) for item in found) > 30
    assert sum(bool(item.draft_lab_orders) for item in found) > 10
    return found


def standing(book: Rulebook) -> list[str]:
    return sorted(set(book.facts) - what_stands(book).without)


def test_a_fact_reads_what_belongs_to_the_call_only_where_that_is_said(
    book: Rulebook, patients: list[Record]
) -> None:
    """Drafts, and what a patient is known by again leaves out."""
    read: dict[str, set[str]] = {name: set() for name in book.facts}
    for record in patients:
        for name, found in read.items():
            watched: Any = Watched(record)
            facts = Facts(book, watched, NOW)
            watched.read.clear()  # drafts are compared with those of the last call
            facts.fact(name)
            found |= watched.read
    reading = {name for name, found in read.items() if found & OF_THE_CALL}
    about_one = facts_about_one_order(book)
    assert reading == facts_about_drafts(book) - about_one
    assert len(reading) > 15
    assert {x for found in read.values() for x in found} <= {x.name for x in fields(Record)}


def without_drafts(record: Record) -> Record:
    return replace(record, drafts=(), draft_lab_orders=(), unreadable=(), overridden=())


def test_a_fact_that_stands_is_the_same_with_and_without_drafts(
    book: Rulebook, patients: list[Record]
) -> None:
    names = standing(book)
    assert len(names) > 60
    for record in patients:
        with_, without = (Facts(book, x, NOW) for x in (record, without_drafts(record)))
        selected = [draft for draft in record.drafts if draft.selected]
        views = [with_, *(with_.for_order(draft) for draft in selected)]
        expected = [without.fact(name) for name in names]
        for view in views:
            assert [view.fact(name) for name in names] == expected


def clauses(book: Rulebook) -> Iterator[Clause]:
    """All of a rulebook, also those within others."""
    open_: list[Clause | None] = [item.clause for item in book.definitions.values()]
    for rule in book.rules:
        open_ += [rule.unless, *(note.if_ for note in rule.notes)]
        for level in rule.levels:
            open_ += [level.when, level.critical_when, level.info_when]
            open_ += [note.if_ for note in level.notes]
        for item in rule.suggestions.values():
            open_ += [item.if_, *item.unless]
    while open_:
        clause = open_.pop()
        if isinstance(clause, All | AnyOf):
            open_ += clause.children
        if clause is not None:
            yield clause


def test_a_clause_that_stands_is_judged_the_same_with_and_without_drafts(
    book: Rulebook, patients: list[Record]
) -> None:
    stands = what_stands(book)
    asked = {id(clause): clause for clause in clauses(book) if id(clause) in stands.clauses}
    assert set(asked) == stands.clauses
    assert len(asked) > 400
    for record in patients[:20]:
        one, other = (Facts(book, x, NOW) for x in (record, without_drafts(record)))
        one = one.for_order(record.drafts[0]) if record.drafts else one
        for clause in asked.values():
            assert tree(judge(clause, one)) == tree(judge(clause, other))
        for name in stands.names:
            for negated in (False, True):
                found = (judge_definition(name, x, negated=negated) for x in (one, other))
                assert tree(next(found)) == tree(next(found))


def test_a_clause_that_does_not_stand_is_judged_differently_for_somebody(book: Rulebook) -> None:
    """Or nothing would be gained, and the test above would see no draft."""
    stands, maker, different = what_stands(book), Maker(book), set[str]()
    drafted = [
        name for name, item in book.definitions.items() if id(item.clause) not in stands.clauses
    ]
    for seed in range(150):
        record = maker.record(Random(seed))
        one, other = (Facts(book, x, NOW) for x in (record, without_drafts(record)))
        one = one.for_order(record.drafts[0]) if record.drafts else one
        different |= {
            x for x in drafted if tree(judge_definition(x, one)) != tree(judge_definition(x, other))
        }
    assert len(different) > 15


def texts(book: Rulebook) -> set[str]:
    """All that rules and named clauses say."""
    found = {item.say for item in book.definitions.values()}
    for rule in book.rules:
        for level in rule.levels:
            found |= {level.summary, level.info_summary, *level.detail}
            found |= {text for note in level.notes for text in (note.say, note.unknown)}
        found |= {text for note in rule.notes for text in (note.say, note.unknown)}
    return {text for text in found if "{" in text}


def test_a_text_that_stands_says_the_same_with_and_without_drafts(
    book: Rulebook, patients: list[Record]
) -> None:
    about = facts_about_drafts(book)
    stands = {text for text in texts(book) if text_stands(text, book, about)}
    assert 30 < len(stands) < len(texts(book))
    for record in patients:
        one, other = (Facts(book, x, NOW) for x in (record, without_drafts(record)))
        one = one.for_order(record.drafts[0]) if record.drafts else one
        assert {x: fill(x, one) for x in stands} == {x: fill(x, other) for x in stands}


DOSE = Compare("order_dose", "above", GRAM, HERE)
TORSADES = IsPresent("torsades", True, HERE)
ASKED: list[tuple[Clause, bool]] = [
    (TORSADES, False),
    (DOSE, True),
    (All((TORSADES, DOSE), HERE), True),
    (AnyOf((TORSADES, All((), HERE)), HERE), False),
    (Compare("magnesium", "below", ToThreshold("mg_severe"), HERE), False),
    (Compare("potassium", "below", ToFact("magnesium_24h"), HERE), True),
    (Between("magnesium_24h", GRAM, GRAM, HERE), True),
    (Between("potassium", GRAM, ToFact("order_dose"), HERE), True),
    (Compare("potassium", "below", ToTable("by_size"), HERE), True),
    (Compare("potassium", "below", ToTable("mg_iv_low_dose"), HERE), False),
    (Holds("iv_stop", True, HERE), False),
    (Holds("of_the_dose", False, HERE), True),
    (CannotTell("of_the_dose", HERE), True),
]


def sized(book: Rulebook) -> Rulebook:
    """With facts that are worked out of the dose of an order, and what asks them."""
    band = BandSource("order_dose", ("small", "large"), ("mg_severe",))
    labelled = FactType("category", None, band.labels)
    known = replace(book.tables["mg_iv_low_dose"], name="by_size", by=("order_size",))
    return replace(
        book,
        facts={
            **book.facts,
            "order_size": FactSpec("order_size", band, labelled, HERE),
            "order_exact": FactSpec("order_exact", Exact("order_size"), FactType("presence"), HERE),
        },
        tables={**book.tables, "by_size": known},
        definitions={
            **book.definitions,
            "of_the_dose": replace(book.definitions["iv_stop"], clause=DOSE),
        },
    )


@pytest.mark.parametrize(("clause", "looks"), ASKED)
def test_a_clause_stands_unless_something_in_it_looks_at_a_draft(
    book: Rulebook, clause: Clause, looks: bool
) -> None:
    wider = sized(book)
    stand = Stand(wider, facts_about_drafts(wider))
    assert stand.look(clause) is not looks
    assert (id(clause) in stand.clauses) is not looks
    assert asks(clause, facts_about_drafts(wider), wider) is looks
    assert stand.look(None) is False


def test_every_clause_in_a_group_is_looked_at(book: Rulebook) -> None:
    inner, other = IsPresent("torsades", True, HERE), IsPresent("torsades", False, HERE)
    stand = Stand(book, facts_about_drafts(book))
    assert not stand.look(All((DOSE, inner, AnyOf((DOSE, other), HERE)), HERE))
    assert stand.clauses == {id(inner), id(other)}


def test_what_is_worked_out_of_an_order_is_about_that_order(book: Rulebook) -> None:
    wider = sized(book)
    assert {"order_dose", "order_size", "order_exact"} <= facts_about_one_order(wider)
    assert facts_about_one_order(wider) < facts_about_drafts(wider)
    assert "magnesium_24h" not in facts_about_one_order(wider)
    assert facts_about_one_order(book) == {x for x in book.facts if x.startswith("order_")}


def test_a_named_clause_stands_only_where_its_sentence_does(book: Rulebook) -> None:
    """And so does what asks for it: the sentence is told along with it."""
    plain = replace(book.definitions["iv_stop"], clause=TORSADES, say="{torsades} is there")
    about = replace(plain, say="{order} must wait")
    wider = replace(book, definitions={**book.definitions, "plain": plain, "about": about})
    stand = Stand(wider, facts_about_drafts(wider))
    assert stand.look(Holds("plain", False, HERE))
    assert not stand.look(CannotTell("about", HERE))
    assert not stand.look(All((Holds("about", True, HERE),), HERE))
    assert stand.names == {"plain"}
    assert id(TORSADES) in stand.clauses  # it says nothing itself


def test_what_is_shared_by_all_orders_may_look_at_drafts_but_at_no_single_one(
    book: Rulebook,
) -> None:
    stands, shared = what_stands(book), what_is_shared(book)
    assert stands.clauses < shared.clauses
    assert stands.names < shared.names
    assert "draft_total_too_high" in shared.names - stands.names
    assert "order_dose_too_high" not in shared.names


def test_a_clause_that_is_shared_is_judged_the_same_for_each_order(
    book: Rulebook, patients: list[Record]
) -> None:
    shared = what_is_shared(book)
    asked = [clause for clause in clauses(book) if id(clause) in shared.clauses]
    drafts = 0
    for record in [record for record in patients if len(record.drafts) > 1][:8]:
        base, *views = (
            Facts(book, record, NOW),
            *(Facts(book, record, NOW).for_order(draft) for draft in record.drafts),
        )
        expected = [tree(judge(clause, base)) for clause in asked]
        for view in views:
            drafts += 1
            assert [tree(judge(clause, view)) for clause in asked] == expected
    assert drafts > 15


HOLES = [
    ("nothing", True),
    ("{magnesium} is low", True),
    ("{order} is too much", False),
    ("{order_dose.number}", False),
    ("{magnesium_24h.explained}", False),
    ("{mg_iv_low_dose}", True),
    ("{by_size.amount}", False),
    ("{mg_severe}", True),
    ("{mg_severe} and {magnesium_draft_dose}", False),
]


@pytest.mark.parametrize(("text", "stands"), HOLES)
def test_a_text_stands_unless_a_hole_shows_something_of_a_draft(
    book: Rulebook, text: str, stands: bool
) -> None:
    wider = sized(book)
    assert text_stands(text, wider, facts_about_drafts(wider)) is stands


def test_a_limit_that_is_shown_in_the_unit_of_an_order_does_not_stand(book: Rulebook) -> None:
    limit = book.thresholds["mg_severe"]
    assert limit.analyte is Analyte.MAGNESIUM
    dose = replace(book.facts["order_dose"], name="magnesium")
    wider = replace(book, facts={**book.facts, "magnesium": dose})
    assert text_stands("{mg_severe}", book, facts_about_drafts(book))
    assert not text_stands("{mg_severe}", wider, facts_about_drafts(wider))


def test_what_cannot_be_understood_is_judged_every_time(book: Rulebook) -> None:
    """Law 6: a rule with a broken clause costs no other rule anything."""
    lost: Any = "no clause"
    loop = replace(book.definitions["iv_stop"], clause=CannotTell("again", HERE))
    first = book.rules[0]
    for clause in (lost, Holds("no_such_definition", False, HERE), CannotTell("again", HERE)):
        broken = replace(first, unless=None, levels=(replace(first.levels[0], when=clause),))
        definitions = {**book.definitions, "again": loop}
        wider = replace(book, rules=(broken, *book.rules[1:]), definitions=definitions)
        stands = what_stands(wider).clauses
        assert id(clause) not in stands
        assert len(stands) > 400
        bag = order(kind=OrderKind.DRAFT, substances=MGSO4, selected=True)
        record = replace(Maker(book).record(Random(1)), drafts=(bag,))
        items = decide(wider, record, NOW, "order-select", whole=False).items
        assert [x.rule.id for x in items if x.outcome.value == "error"] == [first.id]
