"""Codes that mean something else now, are new, or are gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cds.diff.difference import Difference, Harm, Two, changed, plain
from cds.facts.terminology import DrugName
from cds.kernel.codes import Coding

_SETS = (
    ("labs", "laboratory test"),
    ("drugs", "drug"),
    ("problems", "problem"),
    ("procedures", "procedure"),
    ("allergens", "allergy"),
    ("products", "product of known strength"),
)


def codes(two: Two) -> Iterator[Difference]:
    """All code sets."""
    for name, title in _SETS:
        old, new = (getattr(book.terminology, name) for book in (two.old, two.new))
        if old != new:
            yield from _codes(title, old, new)
    families = [
        {(system, prefix): concept for system, prefix, concept in book.terminology.problem_prefixes}
        for book in (two.old, two.new)
    ]
    yield from _codes("problem, a family of codes", *families)
    yield from _codes(
        "drug by its name in a text", *(_names(b.terminology.names) for b in both(two))
    )


def both(two: Two) -> tuple[Any, Any]:
    """Before and after."""
    return two.old, two.new


def _names(names: tuple[DrugName, ...]) -> dict[str, str]:
    return {
        f"{item.ingredient}: {item.pattern.pattern}": (
            f"{plain(item.roles)}; unless {item.unless.pattern if item.unless else 'nothing'}"
        )
        for item in names
    }


def _codes(title: str, old: Mapping[Any, Any], new: Mapping[Any, Any]) -> Iterator[Difference]:
    for key in dict.fromkeys((*old, *new)):
        a, b = old.get(key), new.get(key)
        if a == b:
            continue
        if a is None or b is None:
            verb = "added" if b is not None else "removed"
            yield Difference(Harm.CODES, f"{title}, code {verb}: {_code(key)}, {_means(b or a)}")
        else:
            yield Difference(
                Harm.CODES, f"{title}, code {_code(key)}, {changed(_means(a), _means(b))}"
            )


def _code(key: Any) -> str:
    if isinstance(key, Coding):
        return f"{key.system} {key.code}"
    return " ".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _means(value: Any) -> str:
    if isinstance(value, str | frozenset):
        return plain(value)
    named = [
        f"{name.replace('_', ' ')} {plain(getattr(found, 'value', found))}"
        for name in value.__slots__
        if (found := getattr(value, name)) not in (None, "", (), frozenset(), False)
    ]
    return ", ".join(named)
