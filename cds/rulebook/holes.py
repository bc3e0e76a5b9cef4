"""Holes in order templates: JSON strings such as `"${dose}"`.

A string that is nothing but a hole is replaced by a value of any kind (a number, a Reference, a
list). A hole inside a longer string is replaced by text. A hole filled with None takes its member
with it, and whatever became empty by that: an order never carries null, {} or []. The dollar keeps
holes apart from UCUM annotations such as `{bag}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cds.rulebook.source import At

HOLES = frozenset(
    {
        "subject", "encounter", "reasons",  # References
        "dose", "rate", "duration", "duration_unit", "units", "per_day",
        "dose_words", "rate_words", "count_words", "times_words", "elemental_words",
    }
)  # fmt: skip

_HOLE = re.compile(r"\$\{([^}]*)\}")

Filling = Callable[[Mapping[str, Any]], Any]  # values of the holes -> the filled copy


def holes(node: Any, at: At = ()) -> Iterator[tuple[At, str]]:
    """Every hole of a resource: its path and its name."""
    if isinstance(node, str):
        for name in _HOLE.findall(node):
            yield at, name
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from holes(value, (*at, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from holes(value, (*at, index))


def fill(node: Any, values: Mapping[str, Any]) -> Any:
    """A copy of the resource with every hole filled. Raises KeyError for a hole without a value."""
    return filling(node)(values)


def filling(node: Any) -> Filling:
    """How to fill a resource again and again: where its holes are is looked for once.

    Each time the whole is a new one, so that nothing done to one order reaches another.
    """
    if isinstance(node, Mapping):
        return _object({key: value for key, value in node.items() if _may_stay(value)})
    if isinstance(node, list):
        return _list([value for value in node if _may_stay(value)])
    if isinstance(node, str) and _HOLE.search(node):
        return _text(node)
    return lambda _: node


def _may_stay(node: Any) -> bool:
    """Whether anything of it is left for some values."""
    if isinstance(node, Mapping):
        return any(_may_stay(value) for value in node.values())
    if isinstance(node, list):
        return any(_may_stay(value) for value in node)
    return _stays(node)


def _object(members: dict[str, Any]) -> Filling:
    # what is neither open nor a container is copied with the whole, at once
    parts = [(key, filling(value)) for key, value in members.items() if _is_open(value)]
    nested = [
        (key, filling(value))
        for key, value in members.items()
        if isinstance(value, Mapping | list) and not _is_open(value)
    ]

    def make(values: Mapping[str, Any]) -> Any:
        made = members.copy()
        for key, part in nested:
            made[key] = part(values)
        for key, part in parts:
            value = part(values)
            if value or _stays(value):
                made[key] = value
            else:
                del made[key]
        return made or None

    return make


def _list(items: list[Any]) -> Filling:
    parts = [filling(item) for item in items]

    def make(values: Mapping[str, Any]) -> Any:
        return [made for part in parts if (made := part(values)) or _stays(made)] or None

    return make


def _text(text: str) -> Filling:
    whole = _HOLE.fullmatch(text)
    if whole:
        name = whole.group(1)
        return lambda values: _own(values[name])
    return lambda values: _HOLE.sub(lambda found: str(values[found.group(1)]), text)


def _is_open(node: Any) -> bool:
    return next(holes(node), None) is not None


def _stays(value: Any) -> bool:
    return value is not None and value != "" and value != [] and value != {}


def _own(value: Any) -> Any:
    """A copy of JSON data."""
    if isinstance(value, dict):
        return {key: _own(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_own(item) for item in value]
    return value
