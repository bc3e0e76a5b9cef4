"""What one kind of client does and reads differently, as data.

The plain profile is the specification and nothing else. A client that reads less of an answer, or
sends other shapes, gets a profile; no code asks which client it is talking to. Facts: CDS Hooks
2.0.1 for the plain one, the vendors' public pages for the others (docs/CLIENTS.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

T = TypeVar("T")

_NONE: Mapping[str, str] = MappingProxyType({})

ACTIONS = frozenset({"create", "update", "delete"})


@dataclass(frozen=True, slots=True)
class OrderCode:
    """One entry of the order list of a site, which a suggestion may pick.

    The client takes dose, rate and duration from its own list, so one entry stands for one dose.
    `category`: `inpatient` or `outpatient` where the list is of one setting only, else "".
    """

    system: str
    code: str
    display: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """How answers are shaped, and which names a request may use.

    `actions`: the actions on orders that the client carries out; another one becomes a sentence.
    `selection_behavior`: the only one the client reads, "" = both.
    `topic_per_row`: the client takes letters and digits as a topic and lets one override silence
    all cards of that topic; the topic then names the finding, not only its family.
    `coding_systems`: canonical system URI -> what the client reads instead, in what it creates.
    `prefetch_aliases`: key the client sends -> our key.
    `mapped_creates`: resource types that are created only where `order_codes` names the client's
    own order; elsewhere the card tells the order in words.
    `order_codes`: order with its dose, as `cards.adapt.order_name` writes it -> the client's own.
    `medication_text`: of a drug it reads text and first code of `medicationCodeableConcept` only.
    """

    name: str
    actions: frozenset[str] = ACTIONS
    selection_behavior: str = ""
    topic_per_row: bool = False
    coding_systems: Mapping[str, str] = field(default_factory=lambda: _NONE)
    prefetch_aliases: Mapping[str, str] = field(default_factory=lambda: _NONE)
    mapped_creates: frozenset[str] = frozenset()
    order_codes: Mapping[str, OrderCode] = field(default_factory=lambda: MappingProxyType({}))
    medication_text: bool = False


PLAIN = Profile("plain")


def renamed(prefetch: Mapping[str, T], profile: Profile) -> Mapping[str, T]:
    """Prefetch under our keys. A key of ours that the client sent itself wins over an alias; of
    two aliases of one key the one the profile names first wins. Unknown keys stay: they are
    ignored later."""
    if not profile.prefetch_aliases:
        return prefetch
    aliases = profile.prefetch_aliases
    found = {key: value for key, value in prefetch.items() if key not in aliases}
    for alias, key in aliases.items():
        if alias in prefetch:
            found.setdefault(key, prefetch[alias])
    return found
