"""The files themselves: what differs in them that the compiled rules do not show."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cds.diff.difference import Difference, Harm
from cds.errors import RulebookError
from cds.rulebook.load import DECIDES_NOTHING
from cds.rulebook.reading import read_source

ORDERS = ("order ", "new order")  # how a difference of an order template begins
MADE = frozenset({"BOOK.md", "rule.schema.json"})  # written by `cds book`


def file_differences(
    old: Path, new: Path, site: str | None, told: Iterable[Difference]
) -> Iterator[Difference]:
    """What changed in a file and was not told yet, so that nothing goes without a word."""
    items = tuple(told)
    named = "\n".join(f"{item.old}\n{item.new}" for item in items)
    orders = any(item.text.startswith(ORDERS) for item in items)
    before, after = _files(old, site), _files(new, site)
    for name in sorted({*before, *after}):
        a, b = before.get(name), after.get(name)
        if a is not None and b is not None and a.read_bytes() == b.read_bytes():
            continue
        if orders and name.endswith(".json"):
            continue  # told as the order it is, from the index that names it
        yield from _file(name, a, b, named)


def _files(directory: Path, site: str | None) -> dict[str, Path]:
    found = {}
    for path in directory.rglob("*"):
        parts = path.relative_to(directory).parts
        other_site = parts[0] == "sites" and Path(parts[1] if len(parts) > 1 else "").stem != site
        if path.is_file() and path.name not in MADE and not other_site:
            found["/".join(parts)] = path
    return found


def _file(name: str, a: Path | None, b: Path | None, named: str) -> Iterator[Difference]:
    decides = name.split("/")[0] not in DECIDES_NOTHING and name.endswith((".yaml", ".json"))
    at = f"{a.parent.name}/{a.name}:1" if a else "", f"{b.parent.name}/{b.name}:1" if b else ""
    if not decides:
        verb = "changed" if a and b else "added" if b else "removed"
        yield Difference(Harm.TESTS, f"{verb}, and decides nothing by itself: {name}", *at)
    elif a is not None and b is not None and _data(a) == _data(b):
        yield Difference(Harm.LAYOUT, f"only comments or layout changed: {name}", *at)
    elif name.startswith("code_sets/"):
        yield Difference(Harm.CODES, f"{_counted(a, b)} in {name}, with sources and remarks", *at)
    elif f"{name}:" not in named:
        yield Difference(
            Harm.FINDING, f"changed in a way this command has no words for: {name}", *at
        )
    elif a is not None and b is not None:
        yield from _use(name, _data(a), _data(b))


def _use(name: str, a: Any, b: Any) -> Iterator[Difference]:
    """`use` tells a reader where to look; the compiled rule does not keep it."""
    before, after = (found.get("use") if isinstance(found, dict) else None for found in (a, b))
    if before != after:
        yield Difference(Harm.LAYOUT, f"the shared files that {name} names under `use`")


def _counted(a: Path | None, b: Path | None) -> str:
    lines = [path.read_text(encoding="utf-8").splitlines() if path else [] for path in (a, b)]
    gone, come = set(lines[0]) - set(lines[1]), set(lines[1]) - set(lines[0])
    return f"{len(come)} lines added and {len(gone)} removed"


def _data(path: Path) -> Any:
    if path.suffix == ".json":
        return json.loads(path.read_text(encoding="utf-8"))
    try:
        return read_source(path, path.name).data
    except RulebookError:
        return path.read_bytes()


def lines_of(directory: Path, site: str | None) -> dict[str, str]:
    """Name -> file and line, for names whose compiled form does not keep its place."""
    found: dict[str, str] = {}
    files = [*sorted((directory / "shared").glob("*.yaml")), directory / "orders" / "index.yaml"]
    files += [directory / "sites" / f"{site}.yaml"] if site else []
    for path in files:
        if not path.is_file():
            continue
        shown = f"{directory.name}/{path.relative_to(directory).as_posix()}"
        for at, line in read_source(path, shown).lines.items():
            if len(at) > 1 and isinstance(at[-1], str) and at[-2] in _PLACELESS:
                found[at[-1]] = f"{shown}:{line}"  # a site's word is the last, and it counts
    return found


_PLACELESS = ("facts", "windows", "citations", "override_reasons", "orders")
