"""Cards as they are kept, and text without the names of a patient (design section 7).

A stored card says what was shown and which orders its buttons made; it does not say for whom. Of a
person or an encounter nothing stays but a keyed hash, unless the site asked for plain references.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from cds.audit.codec import canonical

Json = dict[str, Any]
Keyed = Callable[[str], str]
Drafts = Callable[[str], Mapping[str, Any]]

# Members of an order that say for whom, where and by whom.
PEOPLE = frozenset(
    {"encounter", "identifier", "patient", "performer", "recorder", "requester", "subject"}
)
# Any other id may be a word, a number or another resource's id: it is replaced only where it stands
# behind its type.
_FOR_CERTAIN = re.compile(r"(?=.*[A-Za-z])(?=.*[0-9.-]).{6,}")
_NOT_LONGER = r"(?![A-Za-z0-9-]|\.[A-Za-z0-9])"  # a full stop may also end a sentence


def cards_kept(cards: Iterable[Mapping[str, Any]], keyed: Keyed, drafts: Drafts) -> list[Json]:
    """The cards without identifiers. `keyed` turns `Type/id` into what is kept of it; `drafts`
    gives the draft order that an update replaces, to keep no more than what it changes."""
    return [_card(card, keyed, drafts) for card in cards]


def without_ids(text: str, ids: Iterable[tuple[str, str, str]]) -> str:
    """JSON text in which each (type, id, replacement) is replaced: `Type/id` wherever it stands,
    and an id that can be taken for nothing else also within the ids of other resources."""
    for kind, name, instead in ids:
        written = canonical(name)[1:-1].decode()
        if written not in text:
            continue
        if _FOR_CERTAIN.fullmatch(name):
            text = _everywhere(text, written, instead)
        else:
            behind = re.compile(re.escape(f"{kind}/{written}") + _NOT_LONGER)
            text = behind.sub(f"{kind}/{instead}", text)
    return text


def _everywhere(text: str, name: str, instead: str) -> str:
    """The search begins with the name itself: a condition in front of it would cost a step at
    every character of a long record."""

    def put(found: re.Match[str]) -> str:
        before = text[found.start() - 1]
        return found[0] if before.isascii() and before.isalnum() else instead

    return re.sub(re.escape(name) + r"(?![A-Za-z0-9])", put, text)


def _card(card: Mapping[str, Any], keyed: Keyed, drafts: Drafts) -> Json:
    kept: Json = _plain(card)
    for suggestion in kept.get("suggestions", ()):
        suggestion["actions"] = [_action(action, keyed, drafts) for action in suggestion["actions"]]
    return kept


def _action(action: Json, keyed: Keyed, drafts: Drafts) -> Json:
    kept = {name: value for name, value in action.items() if name != "resource"}
    if "resourceId" in kept:
        kept["resourceId"] = keyed(kept["resourceId"])
    resource = action.get("resource")
    if resource is None:
        return kept
    if action["type"] != "update":
        return {**kept, "resource": {k: v for k, v in resource.items() if k not in PEOPLE}}
    order = f"{resource['resourceType']}/{resource['id']}"
    changed = _changed(_plain(drafts(order)), resource, "")
    return {**kept, "order": keyed(order), "changed": changed}


def _changed(before: Any, after: Any, path: str) -> Json:
    """Path -> new value of everything that differs; a list of another length is one value."""
    if isinstance(before, dict) and isinstance(after, dict):
        found: Json = {}
        for name in sorted({*before, *after} - PEOPLE):
            below = f"{path}.{name}" if path else name
            found |= _changed(before.get(name), after.get(name), below)
        return found
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        found = {}
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            found |= _changed(old, new, f"{path}[{index}]")
        return found
    return {} if before == after else {path: after}


def _plain(value: Any) -> Any:
    """A copy of JSON data in which fractions are text: a stored number is never a binary one."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float | Decimal) else value
