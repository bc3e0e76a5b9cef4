"""A kept decision made once more, and compared: with its own rulebook nothing may differ; with
another one the differences are what those rules would have said (design section 7).

Compared are, rule by rule and order by order, outcome, row, urgency, every text and every dose. The
cards are made of these, so they are not made again. Of a rule that was ruled out nothing is kept
but its silence, so nothing else is compared, then or now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cds.audit.batch import Sealed
from cds.audit.codec import FORMAT, READABLE, CodecError, canonical, decode, parse
from cds.audit.entry import ENGINE
from cds.audit.ruledout import RULED_OUT, SINCE, in_order
from cds.audit.trees import written
from cds.engine.decide import decide
from cds.engine.decision import Decisions
from cds.facts.record import Record
from cds.rulebook.model import Rulebook

Json = dict[str, Any]
Key = tuple[str, str, int]  # rule, draft order, which of those without an id

ABSENT = "(nothing)"
_TEXTS = {
    "outcome": "outcome",
    "row": "row",
    "indicator": "urgency",
    "silent": "silent mode",
    "held_back": "why no card came",
    "reason": "reason",
    "summary": "headline",
    "detail": "sentences",
    "undecided": "what could not be checked",
}
_OFFERED = ("label", "dose", "dose_text", "units", "per_day", "rate", "hours", "lines")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that was not as before. `rule` is "" for what stands on every card; `order` names
    the draft order a rule was judged for. `before` and `after` may hold values of the patient."""

    rule: str
    order: str
    what: str
    before: str
    after: str

    def __str__(self) -> str:
        about = f"{self.rule or 'every card'}{f' for {self.order}' if self.order else ''}"
        return f"{about}: {self.what} was: {self.before}; is now: {self.after}"


def rerun(sealed: Sealed, book: Rulebook) -> tuple[Difference, ...]:
    """What is different when the kept record is judged by `book`; () = the same decision.

    Raises CodecError when the body is not one that this version can read.
    """
    body = readable(sealed)
    return differences(body, again_decided(sealed, body, book, whole=body["format"] < SINCE))


def readable(sealed: Sealed) -> Json:
    """The body of a record. Raises CodecError when it is not one that this version can read."""
    body = parse(sealed.entry.body)
    if body.get("format") not in READABLE:
        formats = " or ".join(str(one) for one in sorted(READABLE))
        raise CodecError(
            f"the stored decision is not of format {formats}, which this version reads; re-run "
            f"it with version {sealed.entry.engine} of the service"
        )
    return body


def again_decided(sealed: Sealed, body: Json, book: Rulebook, *, whole: bool) -> Decisions:
    """The decisions of `book` on the kept record, at the kept moment and hook; `whole` as for
    `decide`. Raises CodecError."""
    with _readable():
        record, no_drugs = decode(Record, body["record"]), body["no_drugs"]
        try:
            now = datetime.fromisoformat(body["now"])
            asked = datetime.fromisoformat(str(body.get("asked", body["now"])))
        except ValueError:
            raise CodecError("the stored moment cannot be read") from None
        hook = sealed.entry.hook
        return decide(book, record, now, hook, no_drugs, whole=whole, asked=asked)


def differences(body: Json, again: Decisions) -> tuple[Difference, ...]:
    """What these decisions say otherwise than a stored body. Raises CodecError."""
    after = {**parse(canonical(written(again))), "format": FORMAT}
    with _readable():
        return tuple(_differences(body, after))


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError):
        raise CodecError("the stored body is not that of a decision") from None


def remarks(sealed: Sealed, book: Rulebook, engine: str = ENGINE) -> tuple[str, ...]:
    """What a reader must know before believing a comparison: another program, other rules."""
    entry, said = sealed.entry, []
    if entry.engine != engine:
        said.append(
            f"decided by version {entry.engine} of the service, repeated by version {engine}: a "
            "difference may come from the program and not from the rules"
        )
    if entry.rulebook != book.digest:
        said.append(f"decided with rulebook {entry.rulebook}, repeated with {book.digest}")
    return tuple(said)


def _differences(before: Json, after: Json) -> Iterator[Difference]:
    old, new = _by_key(in_order(before)), _by_key(in_order(after))
    for key in dict.fromkeys((*old, *new)):
        then, now = old.get(key), new.get(key)
        if _is_silence(then, now):
            continue
        one = now if then is None else then
        yield from _told(key[0], _order(one), _all_said(then), _all_said(now))
    for name, what in (("kidneys", "the lines on kidney function"), ("unread", "what is not read")):
        then_all, now_all = {what: _words(before[name])}, {what: _words(after[name])}
        yield from _told("", "", then_all, now_all)


def _is_silence(then: Json | None, now: Json | None) -> bool:
    """Silent in both, and in one of them no more is told."""
    if then is None or now is None or not (RULED_OUT in then or RULED_OUT in now):
        return False
    return bool(then["outcome"] == now["outcome"])


def _told(
    rule: str, order: str, before: dict[str, str], after: dict[str, str]
) -> Iterator[Difference]:
    for what in dict.fromkeys((*before, *after)):
        then, now = before.get(what, ""), after.get(what, "")
        if then != now:
            yield Difference(rule, order, what, then or ABSENT, now or ABSENT)


def _by_key(rules: Iterable[Json]) -> dict[Key, Json]:
    found: dict[Key, Json] = {}
    for rule in rules:
        source = rule["order"]["source"] if "order" in rule else ""
        count = 0
        while (rule["rule"], source, count) in found:
            count += 1
        found[rule["rule"], source, count] = rule
    return found


def _order(rule: Json | None) -> str:
    return str(rule["order"]["name"]) if rule and "order" in rule else ""


def _all_said(rule: Json | None) -> dict[str, str]:
    """Everything a reader was told, by what it is about. A rule that was not judged says so."""
    if rule is None:
        return {"outcome": "(not judged)"}
    said = {what: _words(rule.get(name)) for name, what in _TEXTS.items()}
    for offer in rule.get("offers", ()):
        for name in _OFFERED:
            what = f"offer {offer['suggestion']}, {name.replace('_', ' ')}"
            said[what] = _words(offer.get(name))
    for lost in rule.get("withheld", ()):
        said[f"withheld {lost['suggestion']}"] = _words(lost.get("reasons"))
    return said


def _words(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(str(item) for item in value)
    return "" if value is None else str(value)
