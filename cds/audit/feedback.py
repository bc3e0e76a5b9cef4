"""What became of cards, kept beside the decisions and counted by rule (CDS Hooks 2.0.1, Feedback).

Kept are the ids of card and suggestions, outcome, moment and coded reason. The comment of a
clinician is not kept, since it may name the patient, nor is the display of a reason. Feedback may
come before its decision, hours later or for a card nobody here has shown: all of it is kept, and
card and decision are brought together only when it is counted. Feedback is not sealed: what a
clinician did with a card is a client's word, and no decision rests on it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from pathlib import Path

import msgspec

from cds.audit.codec import canonical
from cds.audit.store import AuditStore, stamp
from cds.hooks.feedback import OWN_REASON, Feedback

NO_REASON = "no coded reason"
NOT_OFFERED = "a code the card did not offer"
OWN_LIST = "the client's own list"

# Whatever else a client puts in the place of a code may be a sentence, and name somebody.
_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True, order=True)
class Fate:
    """How one kind of card ended: `row` is the most severe row it spoke for, `reason` in words."""

    rule: str
    row: str
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """`fates` by how often; of `all` entries of feedback `strangers` were of a card not kept here;
    of the decisions `unreadable` could not be searched for cards."""

    fates: tuple[tuple[Fate, int], ...]
    all: int
    strangers: int
    unreadable: int


class _Extension(msgspec.Struct, gc=False):
    rule: str
    rows: list[str]


class _Offered(msgspec.Struct, gc=False):
    code: str
    system: str = ""


class _Card(msgspec.Struct, gc=False):
    uuid: str
    extension: _Extension
    overrideReasons: list[_Offered] = []


class _Body(msgspec.Struct, gc=False):
    cards: list[_Card] = []  # an answer without cards is kept without the member


_body = msgspec.json.Decoder(_Body)


def keep_feedback(
    path: Path, client: str, service: str, items: Iterable[Feedback], received: datetime
) -> None:
    """Keep all of them or none; on return they are on the disk. What is there already (the same
    client, card, outcome and moment) stays as it was, so a body may come again.

    Raises SettingsError and StoreError as `AuditStore.open` and `append`.
    """
    rows = [_row(client, service, item, stamp(received)) for item in items]
    store = AuditStore.open(path)
    try:
        store.keep_feedback(rows)
    finally:
        store.close()


def counted(store: AuditStore) -> Report:
    """All feedback by what it was about, each entry once. Raises StoreError.

    A card is only ever that of the client it was shown to. Of the reasons, only codes the card
    offered and short codes of a client's own list are repeated: anything else could be free text.
    """
    told = store.feedback()
    cards, unreadable = _cards(store, {(client, card) for client, card, *_ in told})
    fates: Counter[Fate] = Counter()
    for client, card, outcome, system, code in told:
        shown = cards.get((client, card))
        if shown is not None:
            row = shown.extension.rows[0] if shown.extension.rows else ""
            words = _words(outcome, system, code, shown)
            fates[Fate(shown.extension.rule, row, outcome, words)] += 1
    listed = sorted(fates.items(), key=lambda item: (-item[1], item[0]))
    return Report(tuple(listed), len(told), len(told) - fates.total(), unreadable)


def lines(report: Report) -> tuple[str, ...]:
    """The report as a table for a terminal: how often, rule, row, outcome, reason."""
    names = ("rule", "row", "outcome", "reason")
    table = [("count", *names)]
    table += [(str(count), *attrgetter(*names)(fate)) for fate, count in report.fates]
    wide = [max(map(len, column)) for column in zip(*table, strict=True)]
    shown = [
        "  ".join((first.rjust(wide[0]), *(map(str.ljust, rest, wide[1:])))).rstrip()
        for first, *rest in table
    ]
    last = f"{report.all} entries of feedback, {report.strangers} of a card that is not kept here"
    if report.unreadable:
        last += f"; {report.unreadable} decisions cannot be read: run `cds audit verify`"
    return (*(shown if report.fates else ()), last)


def _row(client: str, service: str, item: Feedback, received: str) -> tuple[str, ...]:
    system, code = (item.reason.system, item.reason.code) if item.reason else ("", "")
    accepted = canonical(list(item.accepted)).decode()
    at = stamp(item.at)
    return client, service, item.card, item.outcome, at, accepted, system, code, received


def _cards(
    store: AuditStore, wanted: set[tuple[str, str]]
) -> tuple[dict[tuple[str, str], _Card], int]:
    """The cards of these clients and ids, and how many records hold no cards one can read."""
    found: dict[tuple[str, str], _Card] = {}
    unreadable = 0
    clients = {client for client, _ in wanted}
    for client, raw in store.bodies() if wanted else ():
        if client not in clients:
            continue
        try:
            cards = _body.decode(raw).cards
        except (msgspec.MsgspecError, UnicodeError, TypeError):
            unreadable += 1
            continue
        found |= {(client, card.uuid): card for card in cards if (client, card.uuid) in wanted}
    return found, unreadable


def _words(outcome: str, system: str, code: str, card: _Card) -> str:
    if outcome != "overridden":
        return "-"
    if system == OWN_REASON:
        return f"{OWN_LIST}: {code}" if _CODE.fullmatch(code) else OWN_LIST
    if not code:
        return NO_REASON
    offered = any((item.system, item.code) == (system, code) for item in card.overrideReasons)
    return code if offered else NOT_OFFERED
