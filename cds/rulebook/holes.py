"""Holes in order templates: JSON strings such as `"${dose}"`.

A string that is nothing but a hole is replaced by a value of any kind (a number, a Reference, a
list). A hole inside a longer string is replaced by text. A hole filled with None takes its member
with it, and whatever became empty by that: an order never carries null, {} or []. The dollar keeps
holes apart from UCUM annotations such as `{bag}`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
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
    if isinstance(node, str):
        return _text(node, values)
    if isinstance(node, Mapping):
        members = {key: fill(value, values) for key, value in node.items()}
        return {key: value for key, value in members.items() if _stays(value)} or None
    if isinstance(node, list):
        items = [fill(value, values) for value in node]
        return [value for value in items if _stays(value)] or None
    return node


def _stays(value: Any) -> bool:
    return value is not None and value != "" and value != [] and value != {}


def _text(text: str, values: Mapping[str, Any]) -> Any:
    whole = _HOLE.fullmatch(text)
    if whole:
        return copy.deepcopy(values[whole.group(1)])
    return _HOLE.sub(lambda found: str(values[found.group(1)]), text)
