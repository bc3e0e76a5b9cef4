"""Names of cards and suggestions: the same call gives the same names, any other call others.

uuid5 over (client, service, hookInstance, SHA-256 of the body, rule, row, index), design law 7.
Feedback comes back hours later with nothing but these (CDS Hooks 2.0.1, feedback endpoint).
"""

from __future__ import annotations

import hashlib
from json.encoder import encode_basestring_ascii as _quoted
from uuid import UUID

from cds.cards.context import CardContext

NAMESPACE = UUID("6f1b0a52-7c6e-5d0b-9a43-2f6f0c1f7d11")


def card_uuid(context: CardContext, rule: str, row: str, order: str) -> str:
    """`order` is the draft a `for_each` rule was judged for, else ""."""
    return _named(
        context.client,
        context.service,
        context.hook_instance,
        context.body_digest,
        rule,
        row,
        order,
    )


def suggestion_uuid(card: str, index: int) -> str:
    """`index` counts the offers of the decision, so that leaving one out renames no other."""
    return _named(card, "suggestion", str(index))


def _named(*parts: str) -> str:
    # JSON keeps ("a", "bc") and ("ab", "c") apart, which joined text would not.
    return uuid5(NAMESPACE, f"[{', '.join(map(_quoted, parts))}]")


def uuid5(namespace: UUID, name: str) -> str:
    """The text of the name-based uuid (RFC 9562, version 5): as of `uuid.uuid5`, without the object
    that is made there for the sake of its text."""
    made = hashlib.sha1(namespace.bytes + name.encode(), usedforsecurity=False).digest()
    text, variant = made.hex(), "89ab"[made[8] >> 4 & 3]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"
