"""What was found for a patient before makes no answer different."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import cached_property
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cds.engine import decide as deciding
from cds.engine.decide import decide
from cds.engine.decision import Decisions, Judgement, Outcome
from cds.engine.drafted import what_stands
from cds.engine.facts import Facts
from cds.engine.guards import _KINDS
from cds.engine.standing import MOST, Known, Patients, Standing
from cds.facts import show
from cds.facts.record import (
    LabOrder,
    Listing,
    MedicationOrder,
    OrderKind,
    Overridden,
    Record,
    not_supplied,
)
from cds.kernel.verdict import Verdict
from cds.rulebook.model import Compare, Holds, IsPresent, Rulebook, ToQuantity
from tests.unit.engine.alike import everything
from tests.unit.engine.made_patients import LISTS, Maker
from tests.unit.facts.standin import MGSO4, NOW, ago, cr, grams, k, mg, order, view

MINUTE = timedelta(minutes=1)
ELSEWHERE = NOW.astimezone(timezone(timedelta(hours=13)))  # the same moment, already tomorrow


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Patients:
    """The memory of the process, empty."""
    found = Patients()
    monkeypatch.setattr(deciding, "_patients", found)
    return found


def quick(
    book: Rulebook, record: Record, now: datetime = NOW, hook: str = "order-select", why: str = ""
) -> Decisions:
    return decide(book, record, now, hook, why, whole=False)


def without_memory(book: Rulebook, record: Record, *more: Any) -> Decisions:
    """The same with a memory that knows nobody."""
    known, deciding._patients = deciding._patients, Patients()
    try:
        return quick(book, record, *more)
    finally:
        deciding._patients = known


def kept(memory: Patients) -> list[Standing]:
    return [standing for _, standing in memory._known.values()]


# --- sequences of calls -----------------------------------------------------------------------


@dataclass
class Ward:
    """Charts of some patients that go on while calls come: the lists are the very same objects
    until they change, as the chart hands them on."""

    book: Rulebook
    random: Random
    charts: dict[int, Record] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)

    @cached_property
    def maker(self) -> Maker:
        return Maker(self.book)

    @cached_property
    def books(self) -> tuple[Rulebook, ...]:
        """The rules, the same read once more, and those of a site with another limit."""
        limit = self.book.thresholds["mg_severe"]
        values = {unit: value * 2 for unit, value in limit.values.items()}
        other = {**self.book.thresholds, limit.name: replace(limit, values=values)}
        return self.book, self.book, replace(self.book), replace(self.book, thresholds=other)

    def record(self) -> Record:
        """A patient as the next call tells of it."""
        name = self.random.randrange(4)
        found = self.charts.get(name) or self.maker.record(self.random)
        self.seen["again"] += name in self.charts
        if self.random.random() < 0.3:
            found = self._other_list(found)
        if self.random.random() < 0.1:
            found = replace(found, place=self.maker.place(self.random))
        if self.random.random() < 0.5:
            found = self._edited(found)
        self.seen["same drafts"] += name in self.charts and found.drafts == self.charts[name].drafts
        self.charts[name] = found
        return found

    def _other_list(self, record: Record) -> Record:
        name = self.random.choice(LISTS)
        listing = getattr(record, name)
        found = self.random.choice(
            (
                replace(listing),  # equal, and another object
                self.maker.listing(self.random, name),
                replace(listing, gap="it was cut short"),
                not_supplied(name),
                Listing(name),
            )
        )
        self.seen["equal lists"] += found == listing
        return replace(record, **{name: found})

    def _edited(self, record: Record) -> Record:
        """Another edit of the same order, or other orders."""
        if not record.drafts or self.random.random() < 0.5:
            return self.maker.drafted(self.random, record)
        first, *others = record.drafts
        edited: dict[str, Any] = self.random.choice(
            ({"selected": not first.selected}, {"dose": grams(self.random.randint(1, 9))},
             {"name": "another bag"}, {"identified": not first.identified},
             {})  # equal, and another object
        )  # fmt: skip
        return replace(record, drafts=(replace(first, **edited), *others))

    def call(self) -> tuple[Any, ...]:
        """Book, record and moment, hook, and why no drug is suggested."""
        hook = self.random.choice(("order-select", "order-select", "order-sign", "patient-view"))
        now = self.random.choice((NOW, NOW, NOW, NOW + MINUTE, ELSEWHERE))
        why = self.random.choice(("", "", "no drug here"))
        return self.random.choice(self.books), self.record(), now, hook, why

    def overridden(self, found: Decisions, record: Record) -> Record:
        """The same patient after the cards of this answer were overridden."""
        told = tuple(
            Overridden(item.rule.id, item.fired.row, "critical", "goals-of-care", ago(0.1))
            for item in found.items
            if item.fired is not None
        )
        return replace(record, overridden=told)


def test_calls_in_any_order_get_the_answers_they_would_get_alone(
    book: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: Counter[str] = Counter()

    @given(st.integers(0, 2**64 - 1), st.sampled_from((1, 2, 3, MOST)))
    @settings(
        max_examples=6, deadline=None, database=None, derandomize=True,
        phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    def trial(seed: int, most: int) -> None:
        memory = Patients(most)
        monkeypatch.setattr(deciding, "_patients", memory)
        ward, later = Ward(book, Random(seed)), []
        for _ in range(20):
            asked, record, *more = ward.call()
            known = {id(one) for one in kept(memory)}
            for each in (record, ward.overridden(quick(asked, record, *more), record)):
                answer, alone = quick(asked, each, *more), without_memory(asked, each, *more)
                seen["known patient"] += id(kept(memory)[-1]) in known
                seen["fires"] += sum(item.outcome is Outcome.FIRES for item in answer.items)
                seen["held back"] += sum(item.held_back != "" for item in answer.items)
                later.append((answer, everything(alone)))
                if ward.random.random() < 0.5:  # the other words are made when all is over
                    assert everything(answer) == later[-1][1]
            assert len(memory) <= most
        for answer, expected in later:
            assert everything(answer) == expected
        seen.update(ward.seen)

    trial()
    asked = ("known patient", "fires", "held back", "again", "equal lists", "same drafts")
    assert {name: seen[name] for name in asked if seen[name] < 10} == {}


# --- whom it knows again ----------------------------------------------------------------------

BAG = order(0, kind=OrderKind.DRAFT, substances=MGSO4, selected=True, dose=grams(4),
            parenteral=True, source="MedicationRequest/bag")  # fmt: skip
OF_THE_CALL = {"drafts", "draft_lab_orders", "unreadable", "overridden"}


def patient(value: str = "1.0 mg/dL", *drafts: MedicationOrder) -> Record:
    return view(labs=(mg(value, 2, id="mg"), k("3.0", 3, id="k")), drafts=drafts).record


@pytest.mark.parametrize("name", [item.name for item in fields(Record)])
def test_a_patient_of_whom_anything_else_is_told_is_another_one(book: Rulebook, name: str) -> None:
    """A field that is added to a record belongs to the patient, until it is said otherwise."""
    memory, record, other = Patients(), patient(), Listing("other", (1,))
    known = memory.standing(book, record, NOW)
    changed = replace(record, **{name: other})
    assert memory.standing(book, replace(record), NOW) is known
    assert (memory.standing(book, changed, NOW) is known) is (name in OF_THE_CALL)


def test_another_moment_another_day_or_another_rulebook_is_worked_out_anew(book: Rulebook) -> None:
    memory, record = Patients(), patient()
    known = memory.standing(book, record, NOW)
    assert memory.standing(book, record, NOW) is known
    assert ELSEWHERE == NOW
    for one, now in ((book, NOW + MINUTE), (book, ELSEWHERE), (replace(book), NOW)):
        assert memory.standing(book, record, NOW) is not memory.standing(one, record, now)


def test_a_birthday_comes_where_the_clock_says_so(book: Rulebook, memory: Patients) -> None:
    born = NOW.date().replace(year=NOW.year - 18) + timedelta(days=1)
    record = patient()
    child = replace(record, person=replace(record.person, birth=born))
    ages = [
        Facts(book, child, now, standing=memory.standing(book, child, now)).fact("age").explained
        for now in (NOW, ELSEWHERE, NOW)
    ]
    assert ages == ["age 17 years", "age 18 years", "age 17 years"]


def test_equal_lists_that_are_other_objects_are_another_patient_and_get_the_same_answer(
    book: Rulebook, memory: Patients
) -> None:
    record = patient("1.0 mg/dL", BAG)
    copied = replace(record, labs=replace(record.labs))
    assert everything(quick(book, record)) == everything(quick(book, copied))
    assert len(memory) == 2


def test_empty_lists_are_the_same_whoever_made_them(book: Rulebook) -> None:
    memory, record = Patients(), replace(patient(), problems=Listing("problems"))
    known = memory.standing(book, record, NOW)
    assert memory.standing(book, replace(record, problems=Listing("problems")), NOW) is known
    cut = replace(record, problems=Listing("problems", (), "cut short"))
    assert memory.standing(book, cut, NOW) is not known


def test_a_list_in_the_place_of_one_that_is_gone_is_not_taken_for_it(
    book: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lists are known by identity, and Python gives the same identity to another one later."""
    monkeypatch.setattr(deciding, "_patients", Patients(1))
    places: Counter[int] = Counter()
    for number in range(60):
        value = f"{1 + number % 7 / 10:.1f} mg/dL"
        record = patient(value)
        places[id(record.labs)] += 1
        item = next(x for x in quick(book, record).items if x.rule.id == "hypomagnesemia")
        assert value in item.summary or item.outcome is not Outcome.FIRES
        del record, item
        quick(book, patient("2.2 mg/dL"))
    assert max(places.values()) > 1


# --- how much it keeps ------------------------------------------------------------------------


def sizes(known: Known) -> dict[str, int]:
    found = {name: len(getattr(known, name)) for name in Known.__slots__}
    if isinstance(known, Standing):
        found |= {name: len(getattr(known, name)) for name in ("found", "indexes", "windows")}
    return found


def drafted(number: int, *roles: str) -> Iterator[MedicationOrder]:
    for role in roles:
        made = replace(BAG.substances[0], name=f"drug {number}", roles=frozenset({role}))
        yield replace(
            BAG,
            source=f"MedicationRequest/{role}-{number}",
            name=f"drug {number}",
            substances=(made,),
            dose=grams(1 + number % 20),
        )


ROLES = ("mg-replacement-iv", "k-replacement", "mg-containing-laxative", "k-containing", "diuretic")
MIXED = [
    (), *((one,) for one in ROLES), *((one, other) for one in ROLES for other in ROLES), ROLES,
]  # fmt: skip


def test_what_is_kept_of_a_patient_does_not_grow_with_the_drafts(
    book: Rulebook, memory: Patients
) -> None:
    record, found = replace(patient(), problems=Listing("problems")), []
    for turn in range(7):
        for number, roles in enumerate(MIXED):
            drafts = tuple(drafted(100 * turn + number, *roles))
            quick(book, replace(record, drafts=drafts))
        gc.collect()
        held = sum(isinstance(item, Facts) for item in gc.get_objects())
        (standing,) = kept(memory)
        found.append((sizes(standing), held))
    assert 7 * len(MIXED) > 200
    assert found[1:] == found[:-1]
    most, stands = found[0][0], what_stands(book)
    assert 100 < most["judged"] <= len(stands.clauses)
    assert 30 < most["facts"] <= len(book.facts) - len(stands.without)
    assert 30 < most["definitions"] <= len(stands.names)
    assert 3 < most["left"] <= _KINDS
    assert 0 < most["texts"] < 100
    assert most["windows"] <= len(book.windows)
    assert max(most["found"], most["indexes"]) < 10
    with_drafts = sizes(standing.with_drafts(replace(record, drafts=drafts)))
    assert with_drafts["judged"] > 10  # those of the last call, and of no other
    assert sum(sizes(standing.with_drafts(record)).values()) == 0


def test_beyond_some_kinds_of_drafts_the_answers_stay_right(
    book: Rulebook, memory: Patients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds.engine.guards._KINDS", 1)
    record = patient()
    for number, roles in enumerate(MIXED):
        each = replace(record, drafts=tuple(drafted(number, *roles)))
        assert everything(quick(book, each)) == everything(without_memory(book, each))
    (standing,) = kept(memory)
    assert len(standing.left) == 1


def test_the_patient_unasked_for_longest_is_forgotten(book: Rulebook) -> None:
    memory, (one, two, three) = Patients(2), (patient() for _ in range(3))
    first, second = (memory.standing(book, each, NOW) for each in (one, two))
    for standing in (first, second):
        standing.judged[1] = standing.definitions["a"] = standing.negations["a"] = judgement()
    memory.standing(book, one, NOW)
    memory.standing(book, three, NOW)
    assert len(memory) == 2
    assert memory.standing(book, one, NOW) is first
    assert sizes(first)["judged"] == 1
    assert {name for name, size in sizes(second).items() if size} == set()
    assert memory.standing(book, two, NOW) is not second


@pytest.mark.parametrize("name", Known.__slots__)
def test_what_was_found_with_drafts_holds_while_they_are_the_very_same(name: str) -> None:
    """An order that is spelled otherwise is another one, as `2.0 g` and `2.00 g` are."""
    record = patient("1.0 mg/dL", BAG)
    standing = Standing(record)
    known = standing.with_drafts(record)
    getattr(known, name)["a"] = judgement()
    assert standing.with_drafts(replace(record, unreadable=("x",))) is known
    others: tuple[dict[str, Any], ...] = (
        {"drafts": (replace(BAG),)},
        {"drafts": ()},
        {"drafts": (BAG, BAG)},
        {"draft_lab_orders": (LabOrder("ServiceRequest/1", frozenset(), True),)},
    )
    for other in others:
        assert sizes(standing.with_drafts(replace(record, **other)))[name] == 0
    assert standing.with_drafts(record) is not known


def judgement() -> Judgement:
    return Judgement(Verdict.NO, "a")


def test_the_same_chart_at_another_moment_takes_no_second_place(book: Rulebook) -> None:
    memory, record = Patients(2), patient()
    first = memory.standing(book, record, NOW)
    first.judged[1] = judgement()
    for minutes in range(5):
        memory.standing(book, record, NOW + minutes * MINUTE)
    assert len(memory) == 1
    assert first.judged == {}


def test_an_answer_can_be_read_after_its_patient_was_forgotten(
    book: Rulebook, memory: Patients
) -> None:
    second = replace(BAG, source="MedicationRequest/second", name="second bag", dose=grams(10))
    record = replace(patient("1.0 mg/dL", BAG, second), problems=not_supplied("problems"))
    expected = everything(without_memory(book, record))
    quick(book, patient())  # somebody was there before
    answer = quick(book, record)
    quick(book, replace(record, drafts=(replace(BAG, name="edited", dose=grams(1)),)))
    for _ in range(MOST + 1):
        quick(book, patient())
    assert len(memory) == MOST
    assert everything(answer) == expected
    assert {item.order for item in answer.items} >= {BAG, second}


@pytest.mark.usefixtures("memory")
def test_nothing_of_a_forgotten_patient_or_draft_waits_for_the_collector_of_cycles(
    book: Rulebook,
) -> None:
    many = [patient("1.0 mg/dL", BAG) for _ in range(MOST + 5)]
    edited = (replace(BAG, dose=grams(9)),)
    for record in many[:MOST]:
        quick(book, record)
        quick(book, replace(record, drafts=edited))
    gc.collect()
    gc.disable()
    try:
        for record in many[MOST:]:
            quick(book, record)
            quick(book, replace(record, drafts=edited))
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_threads_that_edit_orders_of_the_same_patients_get_their_own_answers(
    book: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, charts = Patients(2), [patient(value) for value in ("1.0 mg/dL", "2.0 mg/dL")]
    monkeypatch.setattr(deciding, "_patients", memory)
    calls = [
        replace(charts[number % 8 == 0], drafts=tuple(drafted(number, *roles)))
        for number, roles in enumerate(MIXED)
    ]
    expected = [everything(without_memory(book, record)) for record in calls]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            for _ in range(3):
                answers = threads.map(lambda record: quick(book, record), calls)
                assert [everything(answer) for answer in answers] == expected
    finally:
        sys.setswitchinterval(before)
    assert len(memory) == 2


# --- what each kind of fact may keep ----------------------------------------------------------


def test_two_orders_are_each_judged_for_themselves(book: Rulebook, memory: Patients) -> None:
    small = replace(BAG, source="MedicationRequest/small", name="small bag", dose=grams(1))
    big = replace(BAG, source="MedicationRequest/big", name="big bag", dose=grams(10))
    record = view(labs=(mg("2.0 mg/dL", 2), cr("0.9"))).record
    for drafts in ((small, big), (big, small), (small,), (big,), (small, big)):
        each = replace(record, drafts=drafts)
        answer = quick(book, each)
        assert everything(answer) == everything(without_memory(book, each))
        about = [x.order for x in answer.items if x.rule.id == "magnesium-order"]
        assert about == list(drafts)
    assert len(memory) == 1


def test_what_is_said_of_an_order_is_said_of_each(book: Rulebook, memory: Patients) -> None:
    """A sentence may name the order, though what is asked looks at none."""
    rule = next(x for x in book.rules if x.id == "magnesium-order")
    here = rule.levels[0].where
    named = replace(
        book.definitions["iv_stop"],
        clause=IsPresent("torsades", False, here),
        say="{order} and {magnesium_draft_dose.explained}",
    )
    offer = replace(
        next(x for x in rule.suggestions.values() if x.action == "delete"),
        if_=None, unless=(Holds("named", False, here),),
    )  # fmt: skip
    level = replace(
        rule.levels[0], when=Holds("named", False, here), summary="{order}", detail=(),
        suggest=(offer.name,), notes=(), critical_when=None, info_when=None,
    )  # fmt: skip
    asked = replace(rule, levels=(level,), notes=(), suggestions={offer.name: offer})
    changed = replace(book, rules=(asked,), definitions={**book.definitions, "named": named})
    record = replace(_CHART, problems=Listing("problems"))
    one, other = (replace(BAG, name=x, source=f"MedicationRequest/{x}") for x in ("one", "other"))
    much = replace(one, dose=grams(9))
    said = [
        [
            (item.levels[0].judgement.say, *item.withheld[0].reasons)
            for item in quick(changed, replace(record, drafts=drafts)).items
        ]
        for drafts in ((one, other), (one, other), (other,), (much,))
    ]
    four, nine = (f"largest draft dose {amount}" for amount in (mg_dose(4), mg_dose(9)))
    assert said == [
        [(f"one and {four}",) * 2, (f"other and {four}",) * 2],
        [(f"one and {four}",) * 2, (f"other and {four}",) * 2],
        [(f"other and {four}",) * 2],
        [(f"one and {nine}",) * 2],
    ]
    assert len(memory) == 1


def mg_dose(amount: int) -> str:
    return show.mg_dose(Decimal(amount))


def test_a_limit_is_shown_in_the_unit_of_the_order_that_is_asked(
    book: Rulebook, memory: Patients
) -> None:
    """A fact may be called like what a limit limits, and be about an order."""
    name = "magnesium_sulfate_dose"
    limit = next(x for x in book.thresholds.values() if x.analyte.value == name)
    dose = replace(book.facts["order_dose"], name=name)
    rules = tuple(x for x in book.rules if x.id == "magnesium-order")
    above = Compare("order_dose", "above", ToQuantity(grams(1)), rules[0].levels[0].where)
    level = replace(
        rules[0].levels[0], when=above, summary=f"above {{{limit.name}}}", detail=(),
        suggest=(), notes=(), critical_when=None, info_when=None,
    )  # fmt: skip
    changed = replace(
        book,
        facts={**book.facts, name: dose},
        rules=tuple(replace(rule, levels=(level,), notes=()) for rule in rules),
    )
    milligrams = replace(BAG, dose=grams(4).to("mg"))
    said = [quick(changed, patient_of(each)).items[0].summary for each in (BAG, milligrams, BAG)]
    assert said[0] == said[2] != said[1]
    assert len(memory) == 1


_CHART = patient()


def patient_of(draft: MedicationOrder) -> Record:
    return replace(_CHART, drafts=(draft,))
