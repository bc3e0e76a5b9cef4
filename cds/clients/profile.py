"""What one kind of client does and reads differently, as data.

The plain profile is the specification and nothing else. A client that reads less of an answer, or
sends other shapes, gets a profile; no code asks which client it is talking to. Facts: CDS Hooks
2.0.1 for the plain one, the vendors' public pages for the others (docs/CLIENTS.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class OrderCode:
    """How a site's client names an order template: it takes the details from its own list."""

    system: str
    code: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """How answers are shaped, and which names a request may use.

    `one_action`: a suggestion holds one action, so a pair becomes two suggestions.
    `selection_behavior`: the only one the client reads, "" = both.
    `coding_systems`: canonical system URI -> what the client writes instead.
    `prefetch_aliases`: key the client sends -> our key.
    `mapped_creates`: a drug is created only where `order_codes` names the client's own order for
    the template; elsewhere the card tells the order in words.
    `medication_text`: `medicationCodeableConcept.text` is what the client shows.
    """

    name: str
    one_action: bool = False
    selection_behavior: str = ""
    coding_systems: Mapping[str, str] = field(default_factory=lambda: _NONE)
    prefetch_aliases: Mapping[str, str] = field(default_factory=lambda: _NONE)
    mapped_creates: bool = False
    order_codes: Mapping[str, OrderCode] = field(default_factory=lambda: MappingProxyType({}))


PLAIN = Profile("plain")
