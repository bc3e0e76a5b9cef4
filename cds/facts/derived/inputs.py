"""How derived facts ask for other facts: a value, a person, a finding that may stay open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cds.facts.model import (
    Category,
    Evidence,
    Fact,
    Measured,
    Missing,
    Nothing,
    NotKnown,
    Presence,
    Reason,
)
from cds.facts.show import names_words
from cds.facts.view import View
from cds.kernel.quantity import Quantity, at_least
from cds.kernel.units import Analyte
from cds.kernel.verdict import Verdict

ADULT = Quantity.of(Analyte.AGE, 18, "a")


class Unavailable(Exception):
    """An input of a derived fact is not there. Never leaves this package."""

    def __init__(self, state: Missing | NotKnown, why: str) -> None:
        self.state = state
        self.why = why
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Finding:
    """A yes/no answer that may be open, with its words and sources."""

    verdict: Verdict
    words: str = ""
    evidence: tuple[Evidence, ...] = ()
    absent: NotKnown | None = None  # why it is open, if a list was not known


@dataclass(frozen=True, slots=True)
class Person:
    """What the adult formulas ask: age and sex."""

    age: Quantity
    female: bool


def need(view: View, name: str) -> Measured:
    """The quantity of a declared fact; raises `Unavailable` with its own reason."""
    fact = view.fact(name)
    if isinstance(fact.state, Measured):
        return fact.state
    if isinstance(fact.state, Missing | NotKnown):
        raise Unavailable(fact.state, fact.explained)
    raise Unavailable(Missing(Reason.NOT_APPLICABLE), fact.explained)


def person(view: View) -> Person:
    """Age and sex; without either there is no estimate (clinical pack R12)."""
    age = need(view, "age").quantity
    sex = view.record.person.sex
    if sex not in ("female", "male"):
        raise Unavailable(Missing(Reason.AGE_OR_SEX), "sex not known")
    return Person(age, sex == "female")


def adult(age: Quantity) -> Verdict:
    """18 years or older."""
    return at_least(age, ADULT)


def finding(view: View, name: str) -> Finding:
    """A presence fact as a finding."""
    fact = view.fact(name)
    state = fact.state
    if isinstance(state, Presence):
        verdict = Verdict.YES if state.present else Verdict.NO
        words = names_words(state.names) or fact.explained
        return Finding(verdict, words, fact.evidence)
    if isinstance(state, Nothing):
        return Finding(Verdict.NO, fact.explained)
    if isinstance(state, Measured | Category):
        return Finding(Verdict.YES, fact.explained, fact.evidence)
    absent = state if isinstance(state, NotKnown) else None
    return Finding(Verdict.CANNOT_TELL, fact.explained, fact.evidence, absent)


def or_absent(name: str, label: str, make: Callable[[], Fact]) -> Fact:
    """The fact, or, where an input is not there, the reason under the fact's own name."""
    try:
        return make()
    except Unavailable as gone:
        return Fact(name, gone.state, f"{label} not computed: {gone.why}")


def evidence_of(view: View, *names: str) -> tuple[Evidence, ...]:
    """The sources of several facts, in order."""
    return tuple(item for name in names for item in view.fact(name).evidence)
