"""A kept decision as its page shows it: who asked, what came of each card, how it stands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cds.audit.feedback import NO_REASON, NOT_OFFERED, OVERRIDDEN, OWN_LIST
from cds.audit.marks import CANNOT_TELL
from cds.audit.sheet import Line
from cds.audit.store import ToldCard
from cds.audit.tied import Standing, Tie
from cds.desk import Kept
from cds.facts.show import span_words, time_words
from cds.hooks.feedback import OWN_REASON

# Whatever else a client puts in the place of a code may be a sentence, and name somebody.
_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MICROSECONDS = 1000  # of a millisecond

_BEFORE = {
    Tie.TIED: "tied to the record before it",
    Tie.END: "the first record of its chain",
    Tie.PURGED: "the record before it was purged on purpose, and its tombstone fits",
    Tie.MISSING: "the record before it is missing",
    Tie.BROKEN: "it does not follow on the record before it, or that one was changed",
    Tie.OTHER_KEY: "not checked",
}
_AFTER = {
    Tie.TIED: "the record after it is tied to it",
    Tie.END: "the last record of its chain so far",
    Tie.PURGED: "the record after it was purged on purpose, and its tombstone fits",
    Tie.MISSING: "the record after it is missing",
    Tie.BROKEN: "the record after it does not follow on it, or was changed",
    Tie.OTHER_KEY: "not checked",
}


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a card, as its client told it."""

    outcome: str
    when: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CardShown:
    """A card of the record (CDS Hooks 2.0.1) with what became of it."""

    card: Mapping[str, Any]
    fates: tuple[Fate, ...]


@dataclass(frozen=True, slots=True)
class Fetch:
    """A query for data that the call did not bring."""

    key: str
    outcome: str
    milliseconds: str


@dataclass(frozen=True, slots=True)
class Head:
    """The facts about a call, in words."""

    at: str
    now: str
    user: str
    encounter: str
    milliseconds: str
    no_drugs: str
    fetches: tuple[Fetch, ...]
    gaps: tuple[tuple[str, str], ...]
    unread: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """How a record stands, in words. `state`: good, bad or unknown."""

    state: str
    words: str
    name: str
    seq: int
    seal: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ListLine:
    """A decision in the list. `rules`: what they came to, with the urgency of their card ("" =
    none of its own)."""

    id: str
    at: str
    ago: str
    hook: str
    client: str
    patient: str
    rules: tuple[tuple[str, str, str, str], ...]  # mark, rule, row, urgency
    cannot_tell: int
    cards: int
    fates: tuple[str, ...]


def head(kept: Kept) -> Head:
    """Of a record whose body may be one that cannot be read; then little is known."""
    body, timings = kept.body, _tree(kept.body.get("timings"))
    fetches = (_tree(item) for item in timings.get("fetches", ()))
    return Head(
        at=time_words(kept.sealed.entry.at),
        now=time_words(decided_for(kept)),
        user=str(body.get("user", "")),
        encounter=str(body.get("encounter", "")),
        milliseconds=_milliseconds(timings.get("microseconds")),
        no_drugs=str(body.get("no_drugs", "")),
        fetches=tuple(
            Fetch(str(x.get("key")), str(x.get("outcome")), _milliseconds(x.get("microseconds")))
            for x in fetches
        ),
        gaps=tuple((str(key), str(why)) for key, why in _tree(body.get("gaps")).items()),
        unread=tuple(map(str, body.get("unread", ()))),
    )


def decided_for(kept: Kept) -> datetime:
    """The moment that ages count from; that of the answer where the record tells none."""
    try:
        found = datetime.fromisoformat(str(kept.body.get("now")))
    except ValueError:
        return kept.sealed.entry.at
    return found if found.tzinfo else kept.sealed.entry.at


def cards(kept: Kept, told: Iterable[ToldCard]) -> tuple[CardShown, ...]:
    """The cards as they were shown, in their order."""
    items = tuple(told)
    return tuple(
        CardShown(card, tuple(_fate(card, x) for x in items if x.card == card.get("uuid")))
        for card in kept.body.get("cards", ())
    )


def chain(found: Standing) -> Chain:
    """In words for a reader who does not know what a chain is."""
    if found.seal is None:
        state, words = "unknown", f"It was sealed with another key ({found.key}) than the one here."
    elif found.good:
        state, words = "good", "The record is as it was sealed, and in its place."
    elif not found.seal:
        state, words = (
            "bad",
            "The record was changed after it was sealed, or added without the key.",
        )
    else:
        state, words = "bad", "The record holds, and what stands beside it does not fit."
    if found.waiting:
        words += " It lies in the spool and comes into the database from there."
    seal = {True: "holds", False: "does not hold", None: "not checked"}[found.seal]
    return Chain(
        state, words, found.chain, found.seq, seal, _BEFORE[found.before], _AFTER[found.after]
    )


def lines(found: Sequence[Line], now: datetime) -> tuple[ListLine, ...]:
    """`now` by the clock on the wall."""
    return tuple(_line(item, now) for item in found)


def _line(line: Line, now: datetime) -> ListLine:
    item = line.listed
    urgency = {(card["rule"], card["row"]): card["indicator"] for card in line.cards}
    told = [mark for mark in item.marks if mark.outcome != CANNOT_TELL]
    fates = Counter(one.outcome for one in line.told)
    return ListLine(
        id=item.id,
        at=time_words(item.at),
        ago=f"{span_words(now - item.at)} ago",
        hook=item.hook,
        client=item.client,
        patient=item.patient,
        rules=tuple((x.outcome, x.rule, x.row, urgency.get((x.rule, x.row), "")) for x in told),
        cannot_tell=len(item.marks) - len(told),
        cards=item.cards,
        fates=tuple(f"{count} {outcome}" for outcome, count in sorted(fates.items())),
    )


def _fate(card: Mapping[str, Any], told: ToldCard) -> Fate:
    reason = _reason(card, told) if told.outcome == OVERRIDDEN else ""
    return Fate(told.outcome, time_words(datetime.fromisoformat(told.at)), reason)


def _reason(card: Mapping[str, Any], told: ToldCard) -> str:
    """In the words of the card, which offered it."""
    for offered in card.get("overrideReasons", ()):
        if (offered.get("system"), offered.get("code")) == (told.system, told.code):
            return str(offered.get("display") or told.code)
    if told.system == OWN_REASON:
        return f"{OWN_LIST}: {told.code}" if _CODE.fullmatch(told.code) else OWN_LIST
    return NOT_OFFERED if told.code else NO_REASON


def _tree(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _milliseconds(microseconds: Any) -> str:
    if not isinstance(microseconds, int):
        return ""
    return f"{microseconds / _MICROSECONDS:.1f} ms"
