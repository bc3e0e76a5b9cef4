"""Words of a reader -> facts. Only what is stated differs from the start.

Beside the declared facts these may be stated: `sex` (kidney estimates ask it), `order` (the role of
the one draft order, or `none`), and for each list `list.problems` and so on: `not-sent`, `failed`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from cds.engine.patient import MAX_AGE
from cds.facts.model import Fact, Measured
from cds.facts.show import short, unit_words
from cds.given import NOT_KNOWN, stated
from cds.kernel.quantity import Quantity
from cds.kernel.units import UNITS, Analyte
from cds.rulebook.model import FactSpec, Rulebook
from cds.trial.given import can_be_open
from cds.whatif.starts import roles_of_orders

SEX, ORDER, LIST = "sex", "order", "list."
NO_ORDER, NOT_SENT, FAILED = "none", "not-sent", "failed"
LISTS = (
    "observations", "medications", "administrations", "problems", "procedures", "allergies",
    "lab_orders",
)  # fmt: skip
MOST = 80  # characters of a stated value
_QUOTED = re.compile(r"`([^`]*)`")


def read(book: Rulebook, name: str, text: str) -> Fact | None:
    """What is stated of a declared fact; None for what is no fact (`sex`, `order`, lists).

    Raises ValueError with a sentence for who wrote it.
    """
    if len(text) > MOST:
        raise ValueError(f"This is longer than {MOST} characters.")
    if name in choices_beside(book):
        if text not in choices_beside(book)[name]:
            raise ValueError(f"“{text}” cannot be chosen here.")
        return None
    spec = book.facts.get(name)
    if spec is None:
        raise ValueError("The rules in force know no such fact.")
    return _read(spec, text.strip())


def choices_beside(book: Rulebook) -> Mapping[str, tuple[str, ...]]:
    """What may be stated that is no declared fact, with its words."""
    lists = {f"{LIST}{key}": (NOT_SENT, FAILED) for key in LISTS}
    orders = (*roles_of_orders(book), NO_ORDER)
    return {SEX: ("female", "male", "unknown"), ORDER: orders, **lists}


def _read(spec: FactSpec, text: str) -> Fact:
    if text == NOT_KNOWN and not can_be_open(spec):
        raise ValueError("This is always known: state a value, or that it is missing.")
    try:
        fact = stated(spec, text)
    except ValueError as error:
        words = str(error).removeprefix(f"`{spec.name}`: ")
        raise ValueError(_QUOTED.sub(r"“\1”", words) + ".") from None
    if isinstance(fact.state, Measured):
        _believable(fact.state.quantity)
    return fact


def _believable(value: Quantity) -> None:
    """What the service would not take from a chart is not taken here either."""
    table = UNITS[value.analyte]
    low, high = table.low, table.high
    if value.analyte is Analyte.AGE:
        low, high = Decimal(0), Decimal(MAX_AGE)
        if value.interval.exact and value.value != int(value.value):
            raise ValueError("Age is counted in whole years.")
    if value.interval.low is not None and value.interval.low < 0:
        raise ValueError("A value below zero cannot be.")
    factor = table.factors[value.unit]
    ends = [end * factor for end in (value.interval.low, value.interval.high) if end is not None]
    if any((low is not None and x < low) or (high is not None and x > high) for x in ends):
        edges = [
            short((x / factor).quantize(Decimal("0.01"))) for x in (low, high) if x is not None
        ]
        raise ValueError(
            f"Only {' to '.join(edges)} {unit_words(value.unit)} is believable: the service sets "
            "another result aside."
        )
