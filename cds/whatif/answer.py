"""What if: a start, what is stated of it, and every rule before and now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from cds.engine.decision import Decision
from cds.engine.facts import Facts
from cds.facts.model import Measured
from cds.hooks.services import HOOKS
from cds.kernel.quantity import Quantity
from cds.rulebook.model import BandSource, DerivedSource, Rule, Rulebook
from cds.rulebook.prose.words import capital
from cds.whatif.controls import Controls, controls
from cds.whatif.judged import Change, compared, judged
from cds.whatif.reading import LIST, LISTS, ORDER, SEX, read
from cds.whatif.starts import NOBODY, NoSuchStart, Start, start_of
from cds.whatif.stating import Patient, patient
from cds.whatif.telling import fact_words, list_words, order_words

KEPT = 64  # starts with their decisions; each takes about a quarter of a megabyte


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader asks for. `texts`: what is stated, by name. An empty `hook` is the start's."""

    start: str = NOBODY
    hook: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Worked:
    """Something that is worked out: its name for a reader, before, now, and how it came about."""

    label: str
    before: str
    now: str
    how: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`texts` is what was read of the question, `faults` says of the rest what is wrong with it,
    by name. `follows`: facts that follow from what is stated, as (name, words). `quiet`: rules in
    use that are not asked at this hook. `at_start`: each control's words before; `numbers`: its
    value, where that is one number."""

    start: Start
    texts: Mapping[str, str]
    faults: Mapping[str, str]
    changes: tuple[Change, ...]
    follows: tuple[tuple[str, str], ...]
    worked: tuple[Worked, ...]
    quiet: tuple[Rule, ...]
    at_start: Mapping[str, str]
    numbers: Mapping[str, Quantity]


@dataclass(frozen=True, slots=True)
class _Before:
    """A start as it is judged while nothing is stated."""

    patient: Patient
    decisions: tuple[Decision, ...]
    words: Mapping[str, str]
    numbers: Mapping[str, Quantity]


class WhatIf:
    """Answers for one rulebook. It keeps starts, and nothing of what was stated."""

    def __init__(self, book: Rulebook) -> None:
        self.book = book
        self._before = lru_cache(KEPT)(self._judged)

    @cached_property
    def controls(self) -> Controls:
        """What may be stated."""
        return controls(self.book)

    def answer(self, asked: Asked) -> Answer:
        """Every rule before and now. Unreadable parts are told, and the rest is judged."""
        faults: dict[str, str] = {}
        before = self._start(asked, faults)
        texts = self._readable(asked.texts, faults)
        start = before.patient.start
        now = patient(self.book, start, texts) if texts else before.patient
        decisions = judged(now.facts, start.hook) if texts else before.decisions
        return Answer(
            start,
            texts,
            faults,
            compared(before.decisions, decisions),
            tuple((name, fact_words(self.book, fact)) for name, fact in now.follows.items()),
            self._worked(before.patient, now),
            self._quiet(start.hook),
            before.words,
            before.numbers,
        )

    def _start(self, asked: Asked, faults: dict[str, str]) -> _Before:
        if asked.hook and asked.hook not in HOOKS:
            faults["hook"] = "There is no such moment: the start's own is used."
        hook = "" if "hook" in faults else asked.hook
        try:
            return self._before(asked.start, hook)
        except NoSuchStart as error:
            faults["start"] = f"{capital(str(error))}: nothing recorded is the start."
            return self._before(NOBODY, hook)

    def _judged(self, name: str, hook: str) -> _Before:
        start = start_of(self.book, name)
        start = start.at(hook) if hook else start
        found = patient(self.book, start, {})
        decisions = judged(found.facts, start.hook)
        return _Before(found, decisions, self._words(found), self._numbers(found))

    def _readable(self, texts: Mapping[str, str], faults: dict[str, str]) -> dict[str, str]:
        found = {}
        for name, text in texts.items():
            try:
                read(self.book, name, text)
                found[name] = text
            except ValueError as error:
                faults[name] = str(error)
        return found

    def _words(self, found: Patient) -> Mapping[str, str]:
        """What each control stands at before anything is stated."""
        record, view = found.facts.record, _looking_at_an_order(found.facts)
        said = {ORDER: order_words(record.drafts), SEX: record.person.sex or "not recorded"}
        said |= {f"{LIST}{key}": list_words(record, key) for key in LISTS}
        for control in self.controls.all():
            if control.name not in said:
                assumed = found.start.name == NOBODY and self._assumed(found, control.name)
                words = fact_words(self.book, view.fact(control.name))
                said[control.name] = f"{words} (assumed)" if assumed else words
        return said

    def _numbers(self, found: Patient) -> Mapping[str, Quantity]:
        view = _looking_at_an_order(found.facts)
        names = [control.name for control in self.controls.all() if control.scales]
        states = {name: view.fact(name).state for name in names}
        return {
            name: state.quantity
            for name, state in states.items()
            if isinstance(state, Measured) and state.quantity.interval.exact
        }

    def _worked(self, before: Patient, now: Patient) -> tuple[Worked, ...]:
        """The kidneys and the ranges of results: what rules go by."""
        found = []
        for spec in self.book.facts.values():
            if isinstance(spec.source, BandSource) or spec.source == DerivedSource("renal_band"):
                old, new = before.facts.fact(spec.name), now.facts.fact(spec.name)
                said = fact_words(self.book, old), fact_words(self.book, new)
                how = "assumed" if self._assumed(now, spec.name) else new.explained
                found.append(Worked(spec.name, *said, how))
        return tuple(found)

    def _assumed(self, now: Patient, name: str) -> bool:
        return now.facts.fact(name) is now.start.known.get(name) and name in now.start.assumed

    def _quiet(self, hook: str) -> tuple[Rule, ...]:
        """Rules in use that are judged at other moments."""
        used = [rule for rule in self.book.rules if rule.status in ("active", "silent")]
        return tuple(rule for rule in used if hook not in rule.hooks)


def _looking_at_an_order(facts: Facts) -> Facts:
    """The facts, those about an order from the first draft, where there is one."""
    drafts = facts.record.drafts
    return facts.for_order(drafts[0]) if drafts else facts
