"""Cards as they are kept, and text without the names of a patient (design section 7).

A stored card says what was shown and which orders its buttons made; it does not say for whom. Of a
person or an encounter nothing stays but a keyed hash, unless the site asked for plain references.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from cds.audit.codec import canonical

Json = dict[str, Any]
Ids = tuple[tuple[str, str, str], ...]  # (type, id, replacement)
Keyed = Callable[[str], str]
Drafts = Callable[[str], Mapping[str, Any]]

_OBJECT = (dict, Mapping)  # a dictionary first: that of any mapping is a slow question
_LIST = (list, tuple)

# Members of an order that say for whom, where and by whom.
PEOPLE = frozenset(
    {"encounter", "identifier", "patient", "performer", "recorder", "requester", "subject"}
)
# Any other id may be a word, a number or another resource's id: it is replaced only where it stands
# behind its type.
_FOR_CERTAIN = re.compile(r"(?=.*[A-Za-z])(?=.*[0-9.-]).{6,}")
# What ends a name. Compiled once: a pattern of each patient's own costs more than the search.
_ENDS = re.compile(rb"(?![A-Za-z0-9])")
_ENDS_AN_ID = re.compile(rb"(?![A-Za-z0-9-]|\.[A-Za-z0-9])")  # a full stop may end a sentence


def cards_kept(cards: Iterable[Mapping[str, Any]], keyed: Keyed, drafts: Drafts) -> list[Json]:
    """The cards without identifiers. `keyed` turns `Type/id` into what is kept of it; `drafts`
    gives the draft order that an update replaces, to keep no more than what it changes."""
    return [_card(card, keyed, drafts) for card in cards]


def without_ids(text: bytes, ids: Iterable[tuple[str, str, str]]) -> bytes:
    """JSON in which each (type, id, replacement) is replaced: `Type/id` wherever it stands, and an
    id that can be taken for nothing else also within the ids of other resources. Where none stands
    it is the very same text."""
    for kind, name, instead in ids:
        text = _replaced(text, *_sought(kind, name, instead))
    return text


@lru_cache(512)  # a patient is asked about more than once
def _sought(
    kind: str, name: str, instead: str
) -> tuple[bytes, bytes, re.Pattern[bytes], Callable[[bytes, int], bool]]:
    """What is looked for, what replaces it, what ends it and where it may begin."""
    written = canonical(name)[1:-1]
    if _FOR_CERTAIN.fullmatch(name):
        return written, instead.encode(), _ENDS, _begins
    behind = f"{kind}/".encode()
    return behind + written, behind + instead.encode(), _ENDS_AN_ID, _anywhere


def _replaced(
    text: bytes,
    name: bytes,
    instead: bytes,
    ends: re.Pattern[bytes],
    begins: Callable[[bytes, int], bool],
) -> bytes:
    parts, done, place = [], 0, text.find(name)
    while place >= 0:
        after = place + len(name)
        if not ends.match(text, after):
            after = place + 1
        elif begins(text, place):
            parts += [text[done:place], instead]
            done = after
        place = text.find(name, after)
    return b"".join([*parts, text[done:]]) if parts else text


def _begins(text: bytes, place: int) -> bool:
    """Whether a name may begin here: not within a word."""
    return not text[max(place - 1, 0) : place].isalnum()


def _anywhere(_text: bytes, _place: int) -> bool:
    return True


def _card(card: Mapping[str, Any], keyed: Keyed, drafts: Drafts) -> Json:
    """A copy where it differs; numbers are whole or Decimal, which become text as they are
    written."""
    suggestions = card.get("suggestions")
    if not suggestions:
        return {**card}
    return {**card, "suggestions": [_suggestion(item, keyed, drafts) for item in suggestions]}


def _suggestion(suggestion: Mapping[str, Any], keyed: Keyed, drafts: Drafts) -> Json:
    actions = [_action(action, keyed, drafts) for action in suggestion["actions"]]
    return {**suggestion, "actions": actions}


def _action(action: Mapping[str, Any], keyed: Keyed, drafts: Drafts) -> Json:
    kept = {name: value for name, value in action.items() if name != "resource"}
    if "resourceId" in kept:
        kept["resourceId"] = keyed(kept["resourceId"])
    resource = action.get("resource")
    if resource is None:
        return kept
    if action["type"] != "update":
        return {**kept, "resource": {k: v for k, v in resource.items() if k not in PEOPLE}}
    order = f"{resource['resourceType']}/{resource['id']}"
    changed = _changed(_plain(drafts(order)), _plain(resource), "")
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
    if isinstance(value, str):  # nearly all of it
        return value
    if isinstance(value, _OBJECT):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, _LIST):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float | Decimal) else value
