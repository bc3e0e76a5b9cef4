"""Which way may a threshold move without a stop reaching less far?

A site may change a number, never a stop. Where a stop or a daily limit rests on a number, the
number may therefore only move so that it reaches as far as before, or further.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from cds.facts.derived.registry import DERIVED
from cds.rulebook.model import (
    BandSource,
    Between,
    Clause,
    Compare,
    DerivedSource,
    Holds,
    IsIn,
    Operand,
    Rule,
    Threshold,
    ToThreshold,
)
from cds.rulebook.scope import Scope
from cds.rulebook.site.file import Site
from cds.rulebook.walk import facts_in, nodes

Way = Literal["raised", "lowered"]
_OTHER: dict[Way, Way] = {"raised": "lowered", "lowered": "raised"}
# (threshold, the way it must not move)
Held = tuple[str, Way]


def check_stops(
    scope: Scope, site: Site, rules: tuple[Rule, ...], base: Mapping[str, Threshold]
) -> None:
    """Report every changed threshold by which a stop or a daily limit reaches less far.

    `base`: the thresholds without the site.
    """
    held = _held(scope, rules)
    for source, change in site.parts:
        for name in change.thresholds:
            if name not in base or name not in scope.thresholds:
                continue
            for way in _moved(base[name], scope.thresholds[name]):
                if (name, way) in held:
                    scope.report(
                        source,
                        ("thresholds", name),
                        f"`{name}` may not be {way} here: `{held[name, way]}` would stop less.",
                        "A stop is the same for every site; if it is wrong, change the rules.",
                    )


def _moved(old: Threshold, new: Threshold) -> tuple[Way, ...]:
    """The ways the number moved, in any of the units it is compared in."""
    units = {*old.values, *new.values}
    pairs = [(old.for_unit(unit).value, new.for_unit(unit).value) for unit in units]
    ways: list[Way] = []
    if any(after > before for before, after in pairs):
        ways.append("raised")
    if any(after < before for before, after in pairs):
        ways.append("lowered")
    return tuple(ways)


def _held(scope: Scope, rules: tuple[Rule, ...]) -> dict[Held, str]:
    """Every way a threshold must not move, with the stop or limit that forbids it."""
    offers = [
        *scope.suggestions.values(),
        *(s for rule in rules for s in rule.suggestions.values()),
    ]
    stops = {item.name for offer in offers for item in offer.unless}
    stops |= {stop for template in scope.templates.values() for stop in template.required_stops}
    found: dict[Held, str] = {}
    for offer in offers:
        if offer.total is not None:
            found[offer.total[1], "raised"] = offer.name
    for stop in sorted(stops & scope.definitions.keys()):
        for item in _narrower(scope, scope.definitions[stop].clause, False):
            found.setdefault(item, stop)
    return found


def _narrower(scope: Scope, clause: Clause, negated: bool) -> Iterator[Held]:
    """The moves by which a clause holds for fewer patients; `negated`: for more."""
    for node in nodes(clause):
        match node:
            case Holds():
                if node.name in scope.definitions:
                    inner = scope.definitions[node.name].clause
                    yield from _narrower(scope, inner, negated is not node.negated)
            case Compare():
                way: Way = "lowered" if node.operator in ("below", "at_most") else "raised"
                yield from _turned(_bound(node.operand, way), negated)
            case Between():
                bounds = (*_bound(node.lower, "raised"), *_bound(node.upper, "lowered"))
                yield from _turned(bounds, negated)
            case IsIn():
                yield from _turned(_of_labels(scope, node), negated)
            case _:
                pass
        for name in facts_in(node):
            yield from _of_derived(scope, name)


def _turned(moves: tuple[Held, ...], negated: bool) -> Iterator[Held]:
    for name, way in moves:
        yield name, _OTHER[way] if negated else way


def _bound(operand: Operand, way: Way) -> tuple[Held, ...]:
    return ((operand.name, way),) if isinstance(operand, ToThreshold) else ()


def _of_labels(scope: Scope, node: IsIn) -> tuple[Held, ...]:
    """A band: only thresholds between a label that counts and one that does not matter."""
    spec = scope.facts.get(node.fact)
    if spec is None or not isinstance(spec.source, BandSource):
        return ()
    labels = spec.source.labels
    found: list[Held] = []
    for i, name in enumerate(spec.source.thresholds):
        lower, upper = labels[i] in node.labels, labels[i + 1] in node.labels
        contested = spec.source.contested
        if contested is not None and contested[1] == name:
            own = contested[0] in node.labels
            if own is not lower or own is not upper:
                found += [(name, "raised"), (name, "lowered")]
        elif lower is not upper:
            found.append((name, "lowered" if lower else "raised"))
    return tuple(found)


def _of_derived(scope: Scope, name: str) -> Iterator[Held]:
    """A number that Python reads by name moves what it moves: neither way is free."""
    spec = scope.facts.get(name)
    if spec is None or not isinstance(spec.source, DerivedSource):
        return
    todo, seen = [spec.source.function], set[str]()
    while todo:
        derived = DERIVED[todo.pop()]
        for threshold in derived.thresholds:
            yield threshold, "raised"
            yield threshold, "lowered"
        new = [fact for fact in derived.reads if fact in DERIVED and fact not in seen]
        seen.update(new)
        todo += new
