"""Small logic over z3 terms: Booleans that fold where they can, three-valued verdicts, intervals.

A term is a z3 expression or a plain Python bool. z3 ships no types, hence the two aliases.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import z3

from cds.kernel.quantity import Interval

Bool = Any  # z3.BoolRef | bool
Real = Any  # z3.ArithRef


def conj(terms: Iterable[Bool]) -> Bool:
    """And; True where there is nothing to demand."""
    kept = []
    for term in terms:
        if term is False:
            return False
        if term is not True:
            kept.append(term)
    if not kept:
        return True
    return kept[0] if len(kept) == 1 else _joined(z3.Z3_mk_and, kept)


def disj(terms: Iterable[Bool]) -> Bool:
    """Or; False where there is nothing to choose."""
    kept = []
    for term in terms:
        if term is True:
            return True
        if term is not False:
            kept.append(term)
    if not kept:
        return False
    return kept[0] if len(kept) == 1 else _joined(z3.Z3_mk_or, kept)


def neg(term: Bool) -> Bool:
    """Not."""
    if isinstance(term, bool):
        return not term
    return z3.BoolRef(z3.Z3_mk_not(term.ctx_ref(), term.as_ast()), term.ctx)


def _joined(make: Any, terms: list[Any]) -> Bool:
    """And/Or without the checks and conversions of z3's own, which are most of a translation."""
    listed = (z3.Ast * len(terms))(*(term.as_ast() for term in terms))
    return z3.BoolRef(make(terms[0].ctx_ref(), len(terms), listed), terms[0].ctx)


def implies(premise: Bool, conclusion: Bool) -> Bool:
    """If the premise holds, so does the conclusion."""
    return disj((neg(premise), conclusion))


def same(left: Bool, right: Bool) -> Bool:
    """Both hold or neither does."""
    return conj((implies(left, right), implies(right, left)))


def exactly_one(terms: Iterable[Bool]) -> Bool:
    """One of them and no other."""
    listed = list(terms)
    return conj((disj(listed), at_most_one(listed)))


def at_most_one(terms: Iterable[Bool]) -> Bool:
    """No two of them."""
    others = [neg(term) for term in terms if term is not False]
    return conj(disj((a, b)) for i, a in enumerate(others) for b in others[i + 1 :])


def number(value: Decimal) -> Real:
    """An exact constant."""
    return z3.RealVal(format(value, "f"))


@dataclass(frozen=True, slots=True)
class Truth:
    """A verdict: `yes` or `no` holds, or neither (cannot tell); never both."""

    yes: Bool
    no: Bool

    @property
    def open(self) -> Bool:
        """It cannot be told."""
        return conj((neg(self.yes), neg(self.no)))

    def negated(self) -> Truth:
        """Kleene not."""
        return Truth(self.no, self.yes)


CANNOT_TELL = Truth(False, False)


def decided(term: Bool) -> Truth:
    """Yes where the term holds, else No."""
    return Truth(term, neg(term))


def all_of(truths: Iterable[Truth]) -> Truth:
    """Kleene and."""
    listed = list(truths)
    return Truth(conj(item.yes for item in listed), disj(item.no for item in listed))


def any_of(truths: Iterable[Truth]) -> Truth:
    """Kleene or."""
    listed = list(truths)
    return Truth(disj(item.yes for item in listed), conj(item.no for item in listed))


def by_case(cases: Iterable[tuple[Bool, Truth]]) -> Truth:
    """The verdict of the one case that holds."""
    listed = [(when, truth) for when, truth in cases if when is not False]
    return Truth(
        disj(conj((when, truth.yes)) for when, truth in listed),
        disj(conj((when, truth.no)) for when, truth in listed),
    )


@dataclass(frozen=True, slots=True)
class Range:
    """A set of possible values, as `kernel.quantity.Interval`; `*_none` = unbounded there."""

    low: Real
    high: Real
    low_none: Bool = False
    high_none: Bool = False
    low_open: Bool = False
    high_open: Bool = False

    @property
    def exact(self) -> Bool:
        """One value and no other."""
        return conj((neg(self.low_none), neg(self.high_none), self.low == self.high))

    def times(self, factor: Decimal, over: Decimal) -> Range:
        """The same values in another unit."""
        by = number(factor) / number(over)
        return Range(
            self.low * by,
            self.high * by,
            self.low_none,
            self.high_none,
            self.low_open,
            self.high_open,
        )


def constant(interval: Interval) -> Range:
    """A fixed interval."""
    zero = number(Decimal(0))
    return Range(
        zero if interval.low is None else number(interval.low),
        zero if interval.high is None else number(interval.high),
        interval.low is None,
        interval.high is None,
        interval.low_open,
        interval.high_open,
    )


def below(a: Range, b: Range) -> Truth:
    """a < b, as `kernel.quantity.below`."""
    ends = conj((neg(a.high_none), neg(b.low_none)))
    touching = conj((a.high == b.low, disj((a.high_open, b.low_open))))
    yes = conj((ends, disj((a.high < b.low, touching))))
    no = conj((neg(a.low_none), neg(b.high_none), a.low >= b.high))
    return Truth(yes, conj((no, neg(yes))))


def above(a: Range, b: Range) -> Truth:
    """a > b, as `kernel.quantity.above`."""
    return below(b, a)


def compare(operator: str, a: Range, b: Range) -> Truth:
    """`below`, `at_least`, `above` or `at_most`."""
    match operator:
        case "below":
            return below(a, b)
        case "at_least":
            return below(a, b).negated()
        case "above":
            return above(a, b)
        case _:
            return above(a, b).negated()
