"""Text holes: `{magnesium}`, `{magnesium.age}`, `{mg_severe}`, `{dose}`. Checked at load."""

from __future__ import annotations

import re

from cds.kernel.text import HOLE
from cds.rulebook.model import FactSpec
from cds.rulebook.schema import suggest
from cds.rulebook.scope import Scope
from cds.rulebook.source import At, Source

_ANY_BRACE = re.compile(r"[{}]")

# What may follow the dot, by kind of fact. `explained` and `why` say how the fact came about.
ATTRIBUTES = {
    "quantity": ("age", "when", "why", "explained", "number"),
    "category": ("why", "explained"),
    "presence": ("names", "why", "explained"),
}
# Holes that are not facts: what is being offered, and the order a `for_each` rule looks at.
OFFER_HOLES = ("dose", "rate", "duration", "frequency", "elemental")
ORDER_HOLES = ("order",)


def check_text(
    scope: Scope, source: Source, path: At, text: str, *, offer: bool = False, order: bool = False
) -> None:
    """Report holes that name nothing; braces that are not holes."""
    extra = (*(OFFER_HOLES if offer else ()), *(ORDER_HOLES if order else ()))
    for name, attribute in HOLE.findall(text):
        if name in extra or (not attribute and name in scope.thresholds):
            continue
        if name in scope.tables and attribute in ("", "amount"):
            continue
        spec = scope.facts.get(name)
        if spec is None:
            known = [*scope.facts, *scope.thresholds, *extra]
            scope.report(
                source, path, f"`{{{name}}}` names no fact or threshold.", suggest(name, known)
            )
        elif attribute:
            _check_attribute(scope, source, path, spec, attribute)
    if _ANY_BRACE.search(HOLE.sub("", text)):
        scope.report(
            source,
            path,
            "a brace in a text is not part of a hole.",
            "Holes look like `{magnesium}` or `{magnesium.age}`.",
        )


def _check_attribute(
    scope: Scope, source: Source, path: At, spec: FactSpec, attribute: str
) -> None:
    known = ATTRIBUTES[spec.type.kind]
    if attribute not in known:
        scope.report(
            source,
            path,
            f"`{spec.name}` has no `.{attribute}`.",
            suggest(attribute, known) or f"It has: {', '.join(known)}.",
        )
