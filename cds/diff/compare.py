"""`cds diff`: two sets of rules, told in the order of what can harm most."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

from cds.diff import clauses, codes, numbers, rules, shared
from cds.diff.difference import HEADS, Difference, two_of
from cds.diff.files import file_differences, lines_of
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook

_NAME = re.compile(r"[a-z][a-z0-9_-]*")


def differences(old: Path, new: Path, site: str | None = None) -> tuple[Difference, ...]:
    """Everything that differs between two rules directories, the worst first.

    With `site`, the rules as they apply under that site file. Raises RulebookError where one of
    the two does not load.
    """
    compiled = book_differences(load_rulebook(old, site), load_rulebook(new, site))
    found = list(_placed(compiled, old, new, site))
    found += file_differences(old, new, site, found)
    return tuple(sorted(dict.fromkeys(found), key=lambda item: item.harm))


def book_differences(old: Rulebook, new: Rulebook) -> tuple[Difference, ...]:
    """What differs between two compiled sets of rules."""
    two = two_of(old, new)
    parts = (
        numbers.tables,
        numbers.limits,
        numbers.windows,
        numbers.derived,
        shared.templates,
        clauses.definitions,
        rules.rules,
        shared.facts,
        codes.codes,
        shared.documents,
    )
    found = chain.from_iterable(part(two) for part in parts)
    return tuple(sorted(found, key=lambda item: item.harm))


def _placed(
    found: tuple[Difference, ...], old: Path, new: Path, site: str | None
) -> Iterator[Difference]:
    """With the place of what does not know its own: windows, sources, orders."""
    before, after = lines_of(old, site), lines_of(new, site)
    for item in found:
        if item.old or item.new:
            yield item
            continue
        names = [name for name in _NAME.findall(item.text) if name in before or name in after]
        name = names[0] if names else ""
        yield replace(item, old=before.get(name, ""), new=after.get(name, ""))


def told(found: tuple[Difference, ...]) -> str:
    """What `cds diff` prints."""
    if not found:
        return "No difference.\n"
    lines = []
    for harm, head in HEADS.items():
        items = [item for item in found if item.harm is harm]
        if items:
            lines += [head, *(f"  - {item}" for item in items), ""]
    count = f"{len(found)} difference{'' if len(found) == 1 else 's'}"
    return "\n".join([*lines, f"{count}.", ""])
