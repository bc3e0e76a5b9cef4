"""What a clause can still answer where it is asked.

A note is read only beside the row it belongs to, and a row only where none above it fired. So some
of its answers are settled before it is asked, and no case can show the others. What is settled:
- what the row that fired, and the rows above that did not, decided themselves;
- a fact that was compared is there, and with one laboratory result the list of them was supplied;
- questions about the call and the place, and whether an order states something, are never open.
Members of `all` and `any` are otherwise taken as independent of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import product

from cds.kernel.verdict import Verdict, all_of, any_of
from cds.rulebook.model import (
    All,
    AnyOf,
    BandSource,
    Between,
    CannotTell,
    Change,
    Clause,
    Compare,
    FactSource,
    Holds,
    IsIn,
    IsMissing,
    IsPresent,
    LabSource,
    OrderSource,
    PatientSource,
    Rulebook,
    SetAsideReasonSource,
    SetAsideSource,
    SuppliedSource,
)
from cds.rulebook.mutate.words import written

Answers = frozenset[Verdict]
YES, NO, OPEN = Verdict.YES, Verdict.NO, Verdict.CANNOT_TELL
ANY: Answers = frozenset({YES, NO, OPEN})
DECIDED: Answers = frozenset({YES, NO})
NOT_YES: Answers = frozenset({NO, OPEN})
Leaf = Compare | Between | IsIn | IsPresent | IsMissing | Change
_RESULTS = (LabSource, SetAsideSource, SetAsideReasonSource)
Join = Callable[[Iterable[Verdict]], Verdict]


@dataclass(slots=True)
class Settled:
    """What is known of the patient when a clause is asked. Empty: nothing."""

    book: Rulebook
    answers: dict[str, Answers] = field(default_factory=dict)  # by the words of a clause
    there: set[str] = field(default_factory=set)  # facts that have a value
    gone: set[str] = field(default_factory=set)  # facts without a usable value
    labels: dict[str, frozenset[str]] = field(default_factory=dict)  # what a fact may still be
    not_within: dict[str, list[frozenset[str]]] = field(default_factory=dict)  # nor only these
    results: bool = False  # the laboratory results were supplied

    def possible(self, clause: Clause) -> Answers:
        """The answers that the clause can give."""
        return self._worked_out(clause) & self.answers.get(written(clause), ANY)

    def learn(self, clause: Clause, answers: Answers) -> None:
        """The clause was asked, and gave one of these answers."""
        words = written(clause)
        self.answers[words] = self.answers.get(words, ANY) & answers
        match clause:
            case All():
                self._of_members(clause.children, answers, YES, NO)
            case AnyOf():
                self._of_members(clause.children, answers, NO, YES)
                if answers == {YES}:
                    self._of_one_of(clause.children)
            case Holds():
                inner = frozenset(item.negated() for item in answers) if clause.negated else answers
                self.learn(self.book.definitions[clause.name].clause, inner)
            case CannotTell():
                pass
            case _:
                self._of_fact(clause, answers)

    def _of_members(
        self, members: tuple[Clause, ...], answers: Answers, every: Verdict, one: Verdict
    ) -> None:
        """`every` takes all members to be so, `one` takes a single one."""
        if one not in answers:
            for child in members:
                self.learn(child, answers if answers == {every} else ANY - {one})
        elif every not in answers:
            free = [child for child in members if self.possible(child) != {every}]
            if len(free) == 1:
                self.learn(free[0], answers)

    def _of_one_of(self, members: tuple[Clause, ...]) -> None:
        """One of them is yes, which one is not known: what each of them would tell."""
        each = []
        for child in members:
            alone = Settled(self.book)
            alone.learn(child, frozenset({YES}))
            each.append(alone)
        self.results = self.results or all(item.results for item in each)
        self.there |= set.intersection(*(item.there for item in each))

    def _of_fact(self, clause: Leaf, answers: Answers) -> None:
        spec = self.book.facts[clause.fact]
        if isinstance(clause, IsIn):
            self._of_labels(clause, answers)
        if answers != {YES}:
            return
        asked = spec.source.of if isinstance(spec.source, BandSource) else clause.fact
        if isinstance(clause, IsMissing):
            self.gone.add(asked)
        elif spec.type.kind != "presence":
            self.there.add(asked)
        if isinstance(self.book.facts[asked].source, _RESULTS):
            self.results = True

    def _of_labels(self, clause: IsIn, answers: Answers) -> None:
        kept = self._labels(clause.fact)
        if answers == {YES}:
            self.labels[clause.fact] = kept & clause.labels
        elif answers == {NO}:
            self.labels[clause.fact] = kept - clause.labels
        elif YES not in answers:
            self.not_within.setdefault(clause.fact, []).append(clause.labels)

    def _labels(self, fact: str) -> frozenset[str]:
        return self.labels.get(fact, frozenset(self.book.facts[fact].type.labels))

    def _worked_out(self, clause: Clause) -> Answers:
        match clause:
            case All():
                return self._together(clause.children, all_of)
            case AnyOf():
                return self._together(clause.children, any_of)
            case Holds() | CannotTell():
                inner = self.possible(self.book.definitions[clause.name].clause)
                return frozenset(_asked(clause, answer) for answer in inner)
            case _:
                return self._of_leaf(clause)

    def _together(self, members: tuple[Clause, ...], join: Join) -> Answers:
        names = {c.name if isinstance(c, Holds | CannotTell) else None for c in members}
        name = names.pop()
        if not names and name is not None:  # several questions about one definition
            inner = self.possible(self.book.definitions[name].clause)
            asked = [c for c in members if isinstance(c, Holds | CannotTell)]
            return frozenset(join(_asked(c, answer) for c in asked) for answer in inner)
        found = frozenset({join(())})
        for child in members:
            sure = self._asked_beside(child, members)
            answers = self.possible(child) - ({OPEN} if sure else set())
            found = frozenset(map(join, product(found, answers)))
        return found

    def _asked_beside(self, clause: Clause, members: tuple[Clause, ...]) -> bool:
        """The amount of an order is one number or cannot be read, which a neighbour asks."""
        if not isinstance(clause, Compare):
            return False
        source = self.book.facts[clause.fact].source
        if not isinstance(source, OrderSource):
            return False
        plain = [item.fact for item in members if isinstance(item, IsPresent)]
        others = [self.book.facts[name].source for name in plain]
        told = [other.what for other in others if isinstance(other, OrderSource)]
        return source in others or (source.what == "dose" and "readable" in told)

    def _of_leaf(self, clause: Leaf) -> Answers:
        """A question about one fact."""
        source = self.book.facts[clause.fact].source
        asked = source.of if isinstance(source, BandSource) else clause.fact
        plain = isinstance(clause, IsPresent | IsMissing)
        if asked in self.gone:
            return self._of_what_is_gone(clause)
        if plain and clause.fact in self.there:
            wanted = isinstance(clause, IsPresent) and clause.wanted
            return frozenset({YES if wanted else NO})
        if _never_open(source, clause) or (self.results and _read_as_a_whole(source, plain)):
            return DECIDED
        return self._by_label(clause) if isinstance(clause, IsIn) else ANY

    def _of_what_is_gone(self, clause: Leaf) -> Answers:
        """Without a usable value only `missing` and `present` decide."""
        if isinstance(clause, IsMissing):
            return DECIDED if clause.reasons else frozenset({YES})
        return frozenset({NO}) if isinstance(clause, IsPresent) else frozenset({OPEN})

    def _by_label(self, clause: IsIn) -> Answers:
        """Several labels may be possible, but not only those that a row above would have taken."""
        kept = self._labels(clause.fact)
        taken = self.not_within.get(clause.fact, [])
        inside, outside = kept & clause.labels, kept - clause.labels
        found = {OPEN} if outside or not inside else set[Verdict]()
        if inside and not any(inside <= labels for labels in taken):
            found.add(YES)
        if outside and not any(outside <= labels for labels in taken):
            found.add(NO)
        return frozenset(found)


def _never_open(source: FactSource, clause: Leaf) -> bool:
    """The call, the place, and whether and what an order states; not how much it comes to."""
    match source:
        case SuppliedSource():
            return True
        case PatientSource():
            return source.what != "age"
        case OrderSource():
            return isinstance(clause, IsPresent | IsMissing | IsIn)
        case _:
            return False


def _read_as_a_whole(source: FactSource, plain: bool) -> bool:
    """What a list of results that was supplied decides: is there one, and why was it set aside."""
    return isinstance(source, SetAsideReasonSource) or (plain and isinstance(source, _RESULTS))


def _asked(clause: Holds | CannotTell, answer: Verdict) -> Verdict:
    if isinstance(clause, CannotTell):
        return YES if answer is OPEN else NO
    return answer.negated() if clause.negated else answer
