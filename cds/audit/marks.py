"""What every rule came to in a decision, as it is looked up later: one mark for each rule that was
not plainly silent.

Marks are an index of the sealed body, as cards are: they are worked out anew from any body, and
`cds audit verify` compares.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cds.audit.kept import Mark
from cds.audit.names import CodecError
from cds.audit.stored import opened
from cds.engine.decision import Decision, Outcome

# The words of the metrics: a rule that fires and shows no card, in silent mode or because it was
# overridden not long ago, is never counted as one that fired.
FIRES, CANNOT_TELL, ERROR = Outcome.FIRES.value, Outcome.CANNOT_TELL.value, Outcome.ERROR.value
SILENT = Outcome.SILENT.value
WOULD_FIRE, HELD_BACK = "would-fire", "held-back"
MARKED = (FIRES, WOULD_FIRE, HELD_BACK, CANNOT_TELL, ERROR)


class _Rule(msgspec.Struct, gc=False):
    rule: str
    version: str
    outcome: Outcome
    row: str = ""  # what is empty is left out
    silent: bool = False
    held_back: str = ""


class _Quiet(msgspec.Struct, gc=False):
    rule: str  # id@version


class _Body(msgspec.Struct, gc=False):
    rules: list[_Rule]
    ruled_out: list[str | _Quiet] = []


_body = msgspec.json.Decoder(_Body)


def outcome_of(item: Decision) -> str:
    """The word for what a rule came to: one of `MARKED`, or `SILENT`."""
    return _word(item.outcome, silent=item.silent_mode, held_back=item.held_back)


def marks_of(items: Iterable[Decision]) -> tuple[Mark, ...]:
    """The marks of a decision in their order, each once: a rule may be judged for many orders."""
    told = [item for item in items if item.outcome is not Outcome.SILENT]
    return _once(
        Mark(x.rule.id, x.rule.version, x.fired.row if x.fired else "", outcome_of(x)) for x in told
    )


def marks_in(body: bytes) -> tuple[Mark, ...] | None:
    """The same from a stored body of any format; None where it tells nothing that can be read."""
    found = _read(body)
    if found is None:
        return None
    return _once(
        Mark(x.rule, x.version, x.row, _word(x.outcome, silent=x.silent, held_back=x.held_back))
        for x in found.rules
        if x.outcome is not Outcome.SILENT
    )


def judged_in(body: bytes) -> frozenset[str] | None:
    """The ids of all rules that were judged, also of those that were ruled out; None where the body
    cannot be read."""
    found = _read(body)
    if found is None:
        return None
    quiet = (kept if isinstance(kept, str) else kept.rule for kept in found.ruled_out)
    return frozenset([x.rule for x in found.rules] + [x.partition("@")[0] for x in quiet])


def _once(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    return tuple(sorted(set(marks)))


def _word(outcome: Outcome, *, silent: bool, held_back: str) -> str:
    if outcome is Outcome.FIRES and silent:
        return WOULD_FIRE
    if outcome is Outcome.FIRES and held_back:
        return HELD_BACK
    return outcome.value


def _read(body: bytes) -> _Body | None:
    try:
        return _body.decode(opened(body))
    except (msgspec.MsgspecError, CodecError, UnicodeError, TypeError, AttributeError):
        return None
