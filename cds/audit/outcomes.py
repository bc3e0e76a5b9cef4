"""What every rule came to in the decisions that are kept, with silent mode counted apart.

A rule in silent mode (its status, or the site, says `silent`) is judged and kept like any other and
shows no card. What it would have said must never be taken for a card somebody saw, so it has a
column of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields

import msgspec

from cds.audit.columns import as_csv, table
from cds.audit.names import CodecError
from cds.audit.stored import opened
from cds.engine.decision import Outcome

ALL = "all rules"
HEADS = (
    "rule", "version", "judged", "with a card", "no card of its own", "held back",
    "would have fired (silent mode)", "did not fire", "cannot tell", "broken",
)  # fmt: skip
_WITHOUT_FIRING = {
    Outcome.SILENT: "quiet",
    Outcome.CANNOT_TELL: "cannot_tell",
    Outcome.ERROR: "broken",
}


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How often one rule was judged, and what came of it; the parts add up to `judged`.

    `carded`: it fired and had a card. `folded`: it fired and had none of its own: it was told on
    the card of another rule, or more urgent cards left no room. `held_back`: it fired, and its card
    was overridden for a reason not long ago. `would_fire`: it fired in silent mode.
    """

    judged: int = 0
    carded: int = 0
    folded: int = 0
    held_back: int = 0
    would_fire: int = 0
    quiet: int = 0
    cannot_tell: int = 0
    broken: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """`rules`: by id and version; of `calls` that could be read. `unreadable` could not."""

    rules: tuple[tuple[tuple[str, str], Outcomes], ...]
    calls: int
    unreadable: int

    def total(self) -> Outcomes:
        """All rules together."""
        columns = zip(*(astuple(item) for _, item in self.rules), strict=True)
        return Outcomes(*(sum(column) for column in columns))


class _Extension(msgspec.Struct, gc=False):
    rule: str  # id@version


class _Card(msgspec.Struct, gc=False):
    extension: _Extension


class _Rule(msgspec.Struct, gc=False):
    rule: str
    version: str
    outcome: Outcome
    silent: bool = False  # left out where false
    held_back: str = ""


class _Quiet(msgspec.Struct, gc=False):
    rule: str  # id@version


class _Body(msgspec.Struct, gc=False):
    rules: list[_Rule]
    ruled_out: list[str | _Quiet] = []
    cards: list[_Card] = []


_body = msgspec.json.Decoder(_Body)
Key = tuple[str, str]


def outcomes(bodies: Iterable[bytes]) -> Summary:
    """The outcomes of all rules in these bodies of records, one body held at a time."""
    counts: Counter[tuple[Key, str]] = Counter()
    calls = unreadable = 0
    for raw in bodies:
        try:
            body = _body.decode(opened(raw))
        except (msgspec.MsgspecError, CodecError, UnicodeError, TypeError, AttributeError):
            unreadable += 1
            continue
        calls += 1
        counts.update(_told(body))
    names = [field.name for field in fields(Outcomes)]
    keys = sorted({key for key, _ in counts})
    found = ((key, Outcomes(*(counts[key, name] for name in names))) for key in keys)
    return Summary(tuple(found), calls, unreadable)


def _told(body: _Body) -> Counter[tuple[Key, str]]:
    """What one call adds. A card names one rule; a rule about orders may have several cards, so
    cards are taken off what fired one by one."""
    found: Counter[tuple[Key, str]] = Counter()
    for kept in body.ruled_out:
        rule_id, _, version = (kept if isinstance(kept, str) else kept.rule).partition("@")
        found[(rule_id, version), "judged"] += 1
        found[(rule_id, version), _WITHOUT_FIRING[Outcome.SILENT]] += 1
    cards = Counter(card.extension.rule for card in body.cards)
    for rule in body.rules:
        key = rule.rule, rule.version
        found[key, "judged"] += 1
        if rule.outcome is not Outcome.FIRES:
            found[key, _WITHOUT_FIRING[rule.outcome]] += 1
        elif rule.silent:
            found[key, "would_fire"] += 1
        elif rule.held_back:
            found[key, "held_back"] += 1
        elif cards[f"{rule.rule}@{rule.version}"] > 0:
            cards[f"{rule.rule}@{rule.version}"] -= 1
            found[key, "carded"] += 1
        else:
            found[key, "folded"] += 1
    return found


def lines(summary: Summary) -> tuple[str, ...]:
    """The counts as a table for a terminal, with a last row for all rules."""
    if not summary.rules:
        return ()
    return table(HEADS, [*_rows(summary), (ALL, "", *astuple(summary.total()))])


def csv_lines(summary: Summary) -> str:
    """The counts as CSV, without a row of sums: who adds up a column would count them twice."""
    return as_csv(HEADS, _rows(summary))


def remarks(summary: Summary) -> tuple[str, ...]:
    """How many calls were counted, and what could not be."""
    said = f"{summary.calls} calls"
    if summary.unreadable:
        said += f"; {summary.unreadable} decisions cannot be read: run `cds audit verify`"
    return (said,)


def _rows(summary: Summary) -> list[tuple[str | int, ...]]:
    return [(*key, *astuple(item)) for key, item in summary.rules]
