"""Hook calls spoilt on purpose: members dropped, swapped, doubled, of the wrong type, far too long,
too deep or cut in the middle. The same seed spoils a call in the same way."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

Tree = Any
Place = tuple[Any, Any]  # a dict or list, and a key or index in it

DOUBLED = "\x00doubled"  # marks a name that is to stand twice in one object

HOSTILE = (
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "![x](http://evil.example/x.png)",
    "<0.5",
    ">",
    "{magnesium}",
    "{{context.patientId}}",
    "../../etc/passwd",
    "Patient/",
    "#",
    "#contained",
    "Bundle/1/_history/2",
    "urn:uuid:6f0a0f1e-6a55-4a0e-9f0b-1f6c8b7f2a01",
    "http://[::1]:1/x",
    "\u202ereversed\u2066",
    "\ud800",
    "a\x00b",
    "\ufeff",
    "\u0663,\u0665",
    "1e400",
    "-0",
    "NaN",
    "x" * 5000,
    " ",
)
TIMES = (
    "2026-02-30",
    "0000-00-00T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:60Z",
    "9999-12-31T23:59:59-14:00",
    "2026",
    "2026-11",
    "2026-11-21T09:00",
    "2026-11-21T09:00:00.123456789123Z",
    "2026-11-21T24:00:00Z",
    "now",
)
NUMBERS: tuple[Any, ...] = (0, -1, 1, 2**31, 2**63, 2**64, -(2**70), 0.1, 1e308, -1e-320, 10**400)
ODD: tuple[Any, ...] = (None, True, False, "", [], {}, [None], [[]], {"": None}, [{}], {"id": []})
SYSTEMS = ("http://loinc.org", "http://unitsofmeasure.org", "http://snomed.info/sct", "urn:x")


def _deep(much: random.Random) -> Tree:
    found: Tree = 1
    for _ in range(much.choice((10, 50, 70, 400))):
        found = [found] if much.random() < 0.5 else {"a": found}
    return found


def _odd(much: random.Random) -> Tree:
    kinds: tuple[Callable[[], Tree], ...] = (
        lambda: much.choice(ODD),
        lambda: much.choice(NUMBERS),
        lambda: much.choice(HOSTILE),
        lambda: much.choice(TIMES),
        lambda: much.choice(SYSTEMS),
        lambda: _deep(much),
        lambda: [much.choice(ODD)] * much.choice((2, 100)),
        lambda: {"resourceType": much.choice(("Patient", "Bundle", "OperationOutcome", "Basic"))},
    )
    return deepcopy(much.choice(kinds)())


def _key(holder: Tree, much: random.Random) -> Any:
    """Rather a part with parts than a plain member: most of a chart lies deep."""
    if isinstance(holder, list):
        return much.randrange(len(holder))
    weights = [20 if isinstance(value, dict | list) else 1 for value in holder.values()]
    return much.choices(list(holder), weights)[0]


def _somewhere(tree: Tree, much: random.Random) -> Place | None:
    """A member or element at any depth, four times in five of the chart: what stands around it is
    small and is soon spoilt."""
    prefetch = tree.get("prefetch") if isinstance(tree, dict) else None
    holder, place = (prefetch if prefetch and much.random() < 0.8 else tree), None
    while isinstance(holder, dict | list) and holder:
        place = (holder, key := _key(holder, much))
        if much.random() < 0.08:
            break
        holder = holder[key]
    return place


def _drop(tree: Tree, much: random.Random, _: Tree) -> None:
    if place := _somewhere(tree, much):
        del place[0][place[1]]


def _replace(tree: Tree, much: random.Random, _: Tree) -> None:
    if place := _somewhere(tree, much):
        place[0][place[1]] = _odd(much)


def _wrap(tree: Tree, much: random.Random, _: Tree) -> None:
    """One where a list is expected, a list where one is."""
    if place := _somewhere(tree, much):
        holder, key = place
        value = holder[key]
        holder[key] = value[0] if isinstance(value, list) and value else [value]


def _stretch(tree: Tree, much: random.Random, _: Tree) -> None:
    """A number times something, a text with something added."""
    if place := _somewhere(tree, much):
        holder, key = place
        value = holder[key]
        if isinstance(value, str):
            holder[key] = much.choice((value + much.choice(HOSTILE), value[:-1], value.upper()))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            holder[key] = much.choice((-value, value * 10, value // 7, str(value), value * 10**9))


def _double(tree: Tree, much: random.Random, _: Tree) -> None:
    """An element again, or the name of a member again with another value."""
    if place := _somewhere(tree, much):
        holder, key = place
        if isinstance(holder, list):
            holder.extend([holder[key]] * much.choice((1, 1, 30)))
        else:
            holder[f"{key}{DOUBLED}"] = _odd(much)


def _swap(tree: Tree, much: random.Random, _: Tree) -> None:
    """Two parts change places; the second may lie inside the first."""
    one, two = _somewhere(tree, much), _somewhere(tree, much)
    if one and two:
        (here, key), (there, other) = one, two
        here[key], there[other] = deepcopy((there[other], here[key]))


def _graft(tree: Tree, much: random.Random, donor: Tree) -> None:
    """A part of another call."""
    here, there = _somewhere(tree, much), _somewhere(donor, much)
    if here and there:
        here[0][here[1]] = deepcopy(there[0][there[1]])


STEPS: Sequence[Callable[[Tree, random.Random, Tree], None]] = (
    _drop, _drop, _replace, _replace, _replace, _wrap, _stretch, _stretch, _double, _swap, _graft,
)  # fmt: skip


def _bytes_spoilt(body: bytes, much: random.Random) -> bytes:
    at = much.randrange(len(body) + 1)
    junk = much.choice(
        (b"\xff", b"\x00", b"\xef\xbb\xbf", b"NaN", b"Infinity", b"1e999", b'"', b"}", b"[" * 99)
    )
    return much.choice(
        (body[:at], body[:at] + junk + body[at:], body[:at] + junk + body[at + 1 :], junk + body)
    )


def spoilt(call: str, donor: str, much: random.Random, steps: int) -> bytes:
    """The call (JSON text) after that many steps, which may take parts of the donor; one body in
    eight also has bad bytes."""
    tree, other = json.loads(call), json.loads(donor)
    for _ in range(steps):
        much.choice(STEPS)(tree, much, other)
    text = json.dumps(tree).replace(json.dumps(DOUBLED)[1:-1], "")
    body = text.encode()
    return _bytes_spoilt(body, much) if much.random() < 0.125 else body
