"""What a fact may be, and what it answers, for the naive evaluator (design section 4).

A state is an Amount, a set of labels, or a word as cases write it: `present`, `missing stale`.
An end of an amount is a pair: (5, 0) is 5, (5, -1) is a hair below it, (5, 1) a hair above it.
Of answers, True is yes, False is no, and None is "cannot tell".
"""

import operator as op
from decimal import Decimal
from fractions import Fraction  # exact where the quotient of two Decimals would be rounded
from functools import reduce
from itertools import product
from math import inf
from typing import Any, NamedTuple

from cds.kernel.units import Analyte, factor

WORDS = ("present", "absent", "nothing there", "not known", "none")
COMPARE = {"below": op.lt, "at_least": op.ge, "above": op.gt, "at_most": op.le}
# A fact that a patient does not name; of kinds that are not here, it is `absent`.
UNNAMED = {"lab": "missing", "labels": "missing"} | dict.fromkeys(
    ("of", "reference_low", "lab_set_aside", "lab_set_aside_reason"), "nothing there"
)


class Amount(NamedTuple):
    unit: str
    low: tuple[Any, int]
    high: tuple[Any, int]


def read(text: str) -> Any:
    """`1.0 mg/dL`, `<0.5 mg/dL`, `1.4 to below 1.8 mg/dL`, `half or low`, or one of the words."""
    if text in WORDS or text.startswith("missing"):
        return "missing none-found" if text == "missing" else text
    number, _, unit = text.rpartition(" ")
    if not any(sign.isdigit() for sign in number):
        return set(text.split(" or "))
    first, _, last = number.partition(" to ")
    low = Fraction(first.lstrip("<>=").removeprefix("above "))
    high = Fraction(last.removeprefix("below ")) if last else low
    if "<" in number:
        return Amount(unit, (-inf, 0), (high, 0 if "=" in number else -1))
    if ">" in number:
        return Amount(unit, (low, 0 if "=" in number else 1), (inf, 0))
    return Amount(unit, (low, int("above" in first)), (high, -int("below" in last)))


def unnamed(fact: dict[str, Any]) -> str:
    return next((word for kind, word in UNNAMED.items() if kind in fact), "absent")


def convert(state: Any, unit: str, analyte: Analyte) -> Any:
    if not isinstance(state, Amount):
        return state
    ratio = Fraction(factor(analyte, state.unit)) / Fraction(factor(analyte, unit))
    return Amount(unit, *((number * ratio, hair) for number, hair in state[1:]))


def add(one: Amount, exact: Amount) -> Amount:
    return Amount(one.unit, *((number + exact.low[0], hair) for number, hair in one[1:]))


def cell(table: dict[str, Any], states: list[Any]) -> str:
    """A cell with its unit, or `none`. Where labels are open, what all their cells agree on (R39);
    else the row `unknown` of each fact that is not decided."""
    axes = [state if isinstance(state, set) else {"unknown"} for state in states]
    decided = [axis if len(axis) == 1 else {"unknown"} for axis in axes]
    agreed, doubtful = (
        {_dose(reduce(dict.get, key, table["rows"])) for key in product(*by)}
        for by in (axes, decided)
    )
    [found] = agreed if len(agreed) == 1 else doubtful
    return "none" if found is None else f"{found} {table['unit']}"


def _dose(cell: str) -> Decimal | None:
    return None if cell == "none" else Decimal(cell)


def labels(value: Amount, steps: list[str], limits: list[Any], dispute: list[Any]) -> set[str]:
    """The labels that numbers of this value have.

    A number between the two limits of a dispute is `contested`, unless it stands on a step that
    does not touch the first of them (clinical pack R6: severe and high stay what they are).
    """
    ends = [
        (limit.low[0], int(name.startswith("above ")))  # "above 2.6" begins a hair above it
        for name, limit in zip(steps[1::2], limits, strict=True)
    ]
    found = set()
    for x in [value.low, *(end for end in ends + dispute if value.low < end <= value.high)]:
        step = sum(end <= x for end in ends)
        beside = [number for number, _ in ends[max(step - 1, 0) : step + 1]]
        disputed = dispute and dispute[0][0] in beside and min(dispute) <= x < max(dispute)
        found.add("contested" if disputed else steps[2 * step])
    return found


def answer(state: Any, word: str, other: Any, finding: bool) -> bool | None:
    """What a fact in this state answers to an operator. `other` is its right-hand side."""
    missing = isinstance(state, str) and state.startswith("missing")
    if state == "not known" or (missing and finding and word != "missing"):
        return None  # law 1: a finding that is missing is not false
    if word == "missing":
        return missing and (not other or state.split()[1] in other)
    if word in ("present", "absent"):
        return (word == "absent") == (missing or state in ("absent", "nothing there"))
    if isinstance(state, str):
        return False if state == "nothing there" else None
    if other == "none":  # a cell that allows nothing: every dose is above it
        return word in ("above", "at_least")
    if isinstance(other, str) and word in COMPARE:
        return False if other == "nothing there" else None
    if word in COMPARE:
        found = {COMPARE[word](x, y) for x in state[1:] for y in other[1:]}
    else:
        found = {label in ([other] if word == "is" else other) for label in state}
    return found.pop() if len(found) == 1 else None
