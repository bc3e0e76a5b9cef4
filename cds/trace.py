"""The trace as prose a pharmacist follows: every rule, its outcome, and why."""

from __future__ import annotations

from collections.abc import Iterator

from cds.engine.decision import Decision, Decisions, Judgement, Outcome
from cds.kernel.verdict import Verdict

_HEADS = {
    Outcome.FIRES: "fired",
    Outcome.SILENT: "stayed silent",
    Outcome.CANNOT_TELL: "could not be judged",
    Outcome.ERROR: "broke",
}
_MARKS = {Verdict.YES: "yes", Verdict.NO: "no", Verdict.CANNOT_TELL: "cannot tell"}


def prose(decisions: Decisions) -> str:
    """All rules, one paragraph each, with the clauses that decided."""
    lines = [line for item in decisions.items for line in (*_rule(item), "")]
    lines += [f"Not read: {line}." for line in decisions.unread]
    return "\n".join(lines)


def _rule(decision: Decision) -> Iterator[str]:
    rule = decision.rule
    about = f" for {decision.order.name}" if decision.order else ""
    mode = " (silent mode: no card)" if decision.silent_mode else ""
    yield f"{rule.title} ({rule.id}@{rule.version}) {_HEADS[decision.outcome]}{about}{mode}."
    yield f"  Because: {decision.reason}."
    if decision.fired is not None:
        yield f"  Row {decision.fired.row}, {decision.indicator}: {decision.summary}"
    for item in decision.levels:
        yield f"  Row {item.level.row}: {_MARKS[item.judgement.verdict]}"
        yield from _tree(item.judgement, 2)
    for line in decision.undecided:
        yield f"  Not judged: {line}"
    for offer in decision.offers:
        yield f"  Offered: {offer.label}"
    for withheld in decision.withheld:
        yield f"  Withheld {withheld.suggestion.name}:"
        yield from (f"    - {reason}" for reason in withheld.reasons)


def _tree(judgement: Judgement, depth: int) -> Iterator[str]:
    why = f" -- {judgement.why}" if judgement.why and not judgement.children else ""
    yield f"{'  ' * depth}{_MARKS[judgement.verdict]}: {judgement.clause}{why}"
    for child in judgement.children:
        yield from _tree(child, depth + 1)
