"""What became of cards, kept beside the decisions and counted by rule (CDS Hooks 2.0.1, Feedback).

Kept are the ids of card and suggestions, outcome, moment and coded reason. The comment of a
clinician is not kept, since it may name the patient, nor is the display of a reason. Feedback may
come before its decision, hours later or for a card nobody here has shown: all of it is kept, and
card and decision are brought together only when it is counted. A decision may rest on feedback
(`repeat`), so each row is sealed. A row that somebody deletes is not missed: then a card comes once
more than it should.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import astuple, dataclass
from datetime import datetime

from cds.audit.batch import Told
from cds.audit.chain import told_seal
from cds.audit.codec import canonical
from cds.audit.columns import as_csv, table
from cds.audit.kept import stamp
from cds.audit.store import ToldCard
from cds.hooks.feedback import OWN_REASON, Feedback

HEADS = ("count", "rule", "version", "row", "band", "outcome", "reason")
NO_REASON = "no coded reason"
NOT_OFFERED = "a code that no rule offers"
OWN_LIST = "the client's own list"
ENOUGH = 5  # answered cards below which a rate says more about chance, or a person, than a rule
OVERRIDDEN = "overridden"

# Whatever else a client puts in the place of a code may be a sentence, and name somebody.
_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True, order=True)
class Fate:
    """How one kind of card ended: `row` is the most severe row it spoke for, `band` the value band
    it rested on, `reason` in words; "" where there is none."""

    rule: str
    version: str
    row: str
    band: str
    outcome: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rate:
    """Of the cards of a rule that were answered, how many were overridden in the end."""

    rule: str
    overridden: int
    answered: int


@dataclass(frozen=True, slots=True)
class Report:
    """`fates` by how often; of `all` entries of feedback `strangers` were of a card not kept here.
    `rates` are of rules with enough answers; `few` rules have some, and too few."""

    fates: tuple[tuple[Fate, int], ...]
    rates: tuple[Rate, ...]
    few: int
    all: int
    strangers: int


def told_of(
    client: str, service: str, items: Iterable[Feedback], received: datetime, key: bytes
) -> Told:
    """What is kept of one body of feedback, in one piece. `received` (aware) is when it came, `key`
    what its rows are sealed with.

    Kept once: the same client, card, outcome and moment is the same entry, and the first stays.
    """
    rows = (_row(client, service, item, stamp(received)) for item in items)
    return Told(tuple((*row, told_seal(key, row)) for row in rows))


def counted(
    told: Iterable[ToldCard], offered: Collection[tuple[str, str]], since: datetime | None = None
) -> Report:
    """All feedback by what it was about, each entry once; with `since` what was received then or
    later.

    Of the reasons, only `offered` ones (system and code of all that a rule may offer) and short
    codes of a client's own list are repeated: anything else could be free text.
    """
    first = stamp(since) if since else ""
    taken = [item for item in told if item.received >= first]
    fates: Counter[Fate] = Counter()
    last: dict[tuple[str, str], ToldCard] = {}
    for item in taken:
        if item.rule is None:
            continue
        words = _words(item.outcome, item.system, item.code, offered)
        about = (item.rule, item.version or "", item.row or "", item.band or "")
        fates[Fate(*about, item.outcome, words)] += 1
        card = item.client, item.card
        last[card] = max(item, last.get(card, item), key=lambda one: (one.at, one.outcome))
    listed = sorted(fates.items(), key=lambda found: (-found[1], found[0]))
    rates = _rates(last.values())
    enough = tuple(rate for rate in rates if rate.answered >= ENOUGH)
    few, strangers = len(rates) - len(enough), len(taken) - fates.total()
    return Report(tuple(listed), enough, few, len(taken), strangers)


def lines(report: Report) -> tuple[str, ...]:
    """The report as a table for a terminal."""
    return table(HEADS, _rows(report)) if report.fates else ()


def csv_lines(report: Report) -> str:
    """The table as CSV."""
    return as_csv(HEADS, _rows(report))


def remarks(report: Report) -> tuple[str, ...]:
    """How often each rule was overridden, and how much feedback there is."""
    said = [
        f"{rate.rule}: {rate.overridden} of {rate.answered} answered cards overridden "
        f"({rate.overridden / rate.answered:.0%})"
        for rate in report.rates
    ]
    if report.few:
        said.append(f"no rate for {report.few} rules with fewer than {ENOUGH} answered cards")
    entries = f"{report.all} entries of feedback"
    return (*said, f"{entries}, {report.strangers} of a card that is not kept here")


def _row(client: str, service: str, item: Feedback, received: str) -> tuple[str, ...]:
    system, code = (item.reason.system, item.reason.code) if item.reason else ("", "")
    accepted = canonical(list(item.accepted)).decode()
    at = stamp(item.at)
    return client, service, item.card, item.outcome, at, accepted, system, code, received


def _words(outcome: str, system: str, code: str, offered: Collection[tuple[str, str]]) -> str:
    if outcome != OVERRIDDEN:
        return ""
    if system == OWN_REASON:
        return f"{OWN_LIST}: {code}" if _CODE.fullmatch(code) else OWN_LIST
    if not code:
        return NO_REASON
    return code if (system, code) in offered else NOT_OFFERED


def _rates(cards: Iterable[ToldCard]) -> tuple[Rate, ...]:
    """By rule, whatever its version. A card that was told about twice counts as it ended."""
    answered: Counter[str] = Counter()
    overridden: Counter[str] = Counter()
    for card in cards:
        answered[str(card.rule)] += 1
        overridden[str(card.rule)] += card.outcome == OVERRIDDEN
    return tuple(Rate(rule, overridden[rule], answered[rule]) for rule in sorted(answered))


def _rows(report: Report) -> list[tuple[str | int, ...]]:
    return [(count, *astuple(fate)) for fate, count in report.fates]
