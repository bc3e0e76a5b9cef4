"""The trace as prose a pharmacist follows: every rule, its outcome, and what decided it.

A row that applies, or that could not be judged, is told with every fact that decided; one that does
not apply with what rules it out. A line is a question, its answer, and where the answer comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from cds.engine.decision import Decision, Decisions, Judgement, LevelJudged, Outcome
from cds.engine.phrases import finding
from cds.engine.reasons import ALL_OF, ANY_OF, deciding, decisive
from cds.kernel.verdict import Verdict

HEADS = {
    Outcome.FIRES: "fired",
    Outcome.SILENT: "stayed silent",
    Outcome.CANNOT_TELL: "could not be judged",
    Outcome.ERROR: "broke",
}
ANSWERS = {Verdict.YES: "yes", Verdict.NO: "no", Verdict.CANNOT_TELL: "cannot tell"}


def prose(decisions: Decisions) -> str:
    """All rules, one paragraph each, with the clauses that decided; one line for each that was
    ruled out."""
    lines: list[str] = []
    for ruled_out, items in groupby(decisions.items, lambda item: item.ruled_out):
        if ruled_out:
            lines += (*map(_silence, items), "")
        else:
            lines += (line for item in items for line in (*_rule(item), ""))
    lines += [f"Not read: {line}." for line in decisions.unread]
    return "\n".join(lines)


def _silence(decision: Decision) -> str:
    rule, head = decision.rule, HEADS[decision.outcome]
    return f"{rule.id}@{rule.version} {head}{_about(decision)}."


def _about(decision: Decision) -> str:
    return f" for {decision.order.name}" if decision.order else ""


def _rule(decision: Decision) -> Iterator[str]:
    rule, about = decision.rule, _about(decision)
    mode = " (silent mode: no card)" if decision.silent_mode else ""
    yield f"{rule.title} ({rule.id}@{rule.version}) {HEADS[decision.outcome]}{about}{mode}."
    if decision.fired is not None:
        yield f"  Row {decision.fired.row}, {decision.indicator}: {decision.summary}"
        if decision.held_back:
            yield f"  No card now: {decision.held_back}."
    elif not decision.levels:
        yield f"  Because: {decision.reason}."
    yield from _levels(decision)
    for line in decision.undecided if decision.fired else ():
        yield f"  Could not be checked: {line}"
    for offer in decision.offers:
        yield f"  Offered: {offer.label}"
    for withheld in decision.withheld:
        yield f"  Withheld, {withheld.suggestion.name.replace('-', ' ')}:"
        yield from (f"    - {reason}" for reason in withheld.reasons)


def _levels(decision: Decision) -> Iterator[str]:
    """What applies, what is open, then what does not apply: one line for each row of these."""
    ruled_out: dict[str, list[LevelJudged]] = {}
    for item in reversed(decision.levels):  # only the last one judged can apply
        if item.judgement.verdict is Verdict.NO:
            ruled_out.setdefault(item.level.row, []).insert(0, item)
            continue
        applies = item.level is decision.fired
        yield "  Because:" if applies else f"{_row([item])}: cannot tell, because"
        yield from _tree((item.judgement,), 2)
    for items in reversed(ruled_out.values()):
        leaves = [leaf for item in items for leaf in decisive(item.judgement)]
        yield f"{_row(items)}: no, because {'; '.join(_answers(leaves))}"


def _row(items: Sequence[LevelJudged]) -> str:
    found = dict.fromkeys(finding(item.level.summary) for item in items)
    return f"  Row {items[0].level.row}, {'; '.join(found)}"


def _tree(judgements: Iterable[Judgement], depth: int) -> Iterator[str]:
    """Named clauses with what decided them; a clause with a single reason is its reason."""
    leaves: list[Judgement] = []
    for judgement in judgements:
        shown = _flat(judgement)
        if len(shown) == 1:
            leaves += [found for found in shown if not found.children]
        if len(shown) > 1 and judgement.definition:
            yield f"{'  ' * depth}{judgement.clause}: {ANSWERS[judgement.verdict]}"
            yield from _tree(shown, depth + 1)
        elif len(shown) > 1 or any(found.children for found in shown):
            yield from _tree(shown, depth)
    yield from (f"{'  ' * depth}{line}" for line in _answers(leaves))


def _flat(judgement: Judgement) -> tuple[Judgement, ...]:
    """What decided it; groups without a name are opened."""
    if not judgement.children:
        return (judgement,)
    found: list[Judgement] = []
    for child in deciding(judgement):
        found += (
            _flat(child) if child.clause in (ALL_OF, ANY_OF) or not child.children else (child,)
        )
    return tuple(found)


def _answers(leaves: Iterable[Judgement]) -> tuple[str, ...]:
    """`torsades: no, none on the list`; questions with one and the same answer stand together."""
    asked: dict[tuple[Verdict, str], list[str]] = {}
    for leaf in leaves:
        question = leaf.clause.removesuffix(" present")
        asked.setdefault((leaf.verdict, leaf.why), []).append(question)
    return tuple(
        f"{', '.join(dict.fromkeys(questions))}: {ANSWERS[verdict]}{why and f', {why}'}"
        for (verdict, why), questions in asked.items()
    )
