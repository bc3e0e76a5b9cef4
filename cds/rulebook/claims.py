"""Claims of laws: clauses about the patient, and what the answer holds. Checked at load."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cds.errors import Problem
from cds.rulebook.clauses import ClauseCompiler
from cds.rulebook.lawschema import CardFilterData, OfferFilterData
from cds.rulebook.model import Rulebook
from cds.rulebook.model.laws import (
    Asks,
    CardFilter,
    Claim,
    Fires,
    MoreThanOne,
    OfferFilter,
    Offers,
    Together,
)
from cds.rulebook.schema import check_shape
from cds.rulebook.scope import Scope
from cds.rulebook.source import At, Source

_DRUGS = {"drug": True, "test": False, "any": None}


class ClaimCompiler:
    """Compiles the claims of one law file. Problems are reported to the scope."""

    def __init__(self, scope: Scope, source: Source, book: Rulebook) -> None:
        self.scope = scope
        self.source = source
        self.book = book
        self.clauses = ClauseCompiler(scope, source)

    def claim(self, data: Any, path: At) -> Claim | None:
        """`all`, `any`, `fires`, `offers`, `more_than_one_offer`, or a clause."""
        if not isinstance(data, dict) or len(data) != 1:
            clause = self.clauses.compile(data, path)  # says what a clause looks like
            return None if clause is None else Asks(clause)
        word, body = next(iter(data.items()))
        at = (*path, word)
        if word == "fires":
            return Fires(self.cards(self._shaped(CardFilterData, body, at), at))
        if word in ("offers", "more_than_one_offer"):
            made = self.offers(self._shaped(OfferFilterData, body, at), at)
            return Offers(made) if word == "offers" else MoreThanOne(made)
        if word in ("all", "any") and isinstance(body, list) and _speaks_of_answers(body):
            found = [self.claim(item, (*at, i)) for i, item in enumerate(body)]
            return Together(word == "all", tuple(item for item in found if item is not None))
        clause = self.clauses.compile(data, path)
        return None if clause is None else Asks(clause)

    def cards(self, data: CardFilterData | None, path: At) -> CardFilter:
        """Names are checked: a law about a rule that is gone would hold for the wrong reason."""
        if data is None:
            return CardFilter()
        self._known("rule", data.rule, {rule.id for rule in self.book.rules}, (*path, "rule"))
        rows = {level.row for rule in self.book.rules for level in rule.levels}
        self._known("row", data.row, rows, (*path, "row"))
        return CardFilter(frozenset(data.rule), frozenset(data.row), frozenset(data.indicator))

    def offers(self, data: OfferFilterData | None, path: At) -> OfferFilter:
        """The same for offers."""
        if data is None:
            return OfferFilter()
        self._known("order template", data.template, self.book.templates, (*path, "template"))
        return OfferFilter(
            self.cards(data, path),
            frozenset(data.action),
            frozenset(data.ingredient),
            frozenset(data.template),
            _DRUGS[data.kind],
        )

    def _known(self, kind: str, names: list[str], known: Iterable[str], path: At) -> None:
        known = list(known)
        for name in names:
            if name not in known:
                self.scope.unknown(self.source, path, kind, name, known)

    def _shaped(self, model: Any, body: Any, path: At) -> Any:
        part = Source(
            self.source.file,
            body,
            {
                at[len(path) :]: line
                for at, line in self.source.lines.items()
                if at[: len(path)] == path
            },
        )
        problems: list[Problem] = []
        found = check_shape(model, part, problems)
        self.scope.problems.extend(problems)
        return found


def _speaks_of_answers(items: list[Any]) -> bool:
    """Whether something below is about cards or offers; else it is an ordinary clause."""
    for item in items:
        if not isinstance(item, dict):
            continue
        for word, body in item.items():
            if word in ("fires", "offers", "more_than_one_offer"):
                return True
            if word in ("all", "any") and isinstance(body, list) and _speaks_of_answers(body):
                return True
    return False
