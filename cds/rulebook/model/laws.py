"""Laws: what must never or always hold, over all possible patients (design section 6).

A law talks about the answer of the whole rulebook in the clause words of rule files, and about two
more things: which levels fire and what is offered. Laws decide no card; `cds prove` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from cds.rulebook.model.base import Edit, Indicator, Where
from cds.rulebook.model.clauses import Clause
from cds.rulebook.model.rules import ForEach, Rulebook

Hook = Literal["order-select", "order-sign", "patient-view", "encounter-discharge"]


@dataclass(frozen=True, slots=True)
class CardFilter:
    """Which cards are meant; an empty field means any."""

    rules: frozenset[str] = frozenset()
    rows: frozenset[str] = frozenset()
    indicators: frozenset[Indicator] = frozenset()


@dataclass(frozen=True, slots=True)
class OfferFilter:
    """Which offers are meant; an empty field means any.

    `ingredients`: of the order template (edits of a draft have none). `drugs`: medication orders
    (True), laboratory orders (False), or both (None).
    """

    cards: CardFilter = CardFilter()
    actions: frozenset[Edit] = frozenset()
    ingredients: frozenset[str] = frozenset()
    templates: frozenset[str] = frozenset()
    drugs: bool | None = None


@dataclass(frozen=True, slots=True)
class Fires:
    """A card like this is shown."""

    cards: CardFilter


@dataclass(frozen=True, slots=True)
class Offers:
    """An offer like this is made."""

    offers: OfferFilter


@dataclass(frozen=True, slots=True)
class MoreThanOne:
    """Two or more offers like this are made in one answer."""

    offers: OfferFilter


@dataclass(frozen=True, slots=True)
class Asks:
    """An ordinary clause about the patient is Yes."""

    clause: Clause


@dataclass(frozen=True, slots=True)
class Together:
    """All (`every`) or any of several claims."""

    every: bool
    claims: tuple[Claim, ...]


Claim = Fires | Offers | MoreThanOne | Asks | Together


Kind = Literal["always", "never", "levels-can-fire", "unknown-never-adds", "doubt-never-silences"]


@dataclass(frozen=True, slots=True)
class Law:
    """One law.

    `always` / `never`: whenever `given` is Yes (and, with `each_offer`, for each such offer), the
    claim holds / does not hold. `levels-can-fire`: each level, indicator and offer of every rule is
    possible. `unknown-never-adds`: what is offered while facts are not known is offered whatever
    they turn out to be. `doubt-never-silences`: where `fact` has several possible labels and one of
    the rules fires under each of them, one fires in doubt too. `vacuous`: why the law is about
    nothing today, where that is so.
    """

    name: str
    title: str
    why: str
    cite: tuple[str, ...]
    where: Where
    kind: Kind
    hook: Hook
    claim: Claim | None = None
    given: Clause | None = None
    each_offer: OfferFilter | None = None
    for_each: ForEach | None = None
    vacuous: str = ""
    rules: frozenset[str] = frozenset()  # ids of the rules it is about
    fact: str = ""


@dataclass(frozen=True, slots=True)
class LawBook:
    """The laws of a rules directory, and the rulebook with the names laws declare themselves.

    `book` holds the rules unchanged; numbers, tables and definitions of `laws.yaml` stand beside
    those of the rules, so that a wrong number in a rule cannot hide behind itself.
    """

    laws: tuple[Law, ...]
    book: Rulebook

    def over(self, book: Rulebook) -> LawBook:
        """The same laws over another version of the same rules."""
        mine = self.book
        wider = replace(
            book,
            facts={**mine.facts, **book.facts},
            thresholds={**mine.thresholds, **book.thresholds},
            tables={**mine.tables, **book.tables},
            definitions={**mine.definitions, **book.definitions},
        )
        return replace(self, book=wider)
