"""What the templates of the what-if page show: fields, and lines of the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cds.engine.decision import Decision, Outcome
from cds.facts.show import short
from cds.kernel.quantity import Quantity
from cds.rulebook.prose.limits import unit_name
from cds.rulebook.prose.words import INDICATORS
from cds.web.console.whatif_form import Question, in_field
from cds.whatif.answer import Answer, WhatIf
from cds.whatif.controls import Control, Group
from cds.whatif.judged import Change, why
from cds.whatif.scales import Scale

OUTCOMES = {
    Outcome.FIRES: ("fired", "fired"),
    Outcome.SILENT: ("silent", "silent"),
    Outcome.CANNOT_TELL: ("cannot tell", "cannot-tell"),
    Outcome.ERROR: ("broke", "error"),
}
_UNTOLD = (Outcome.CANNOT_TELL, Outcome.ERROR)
_OPEN = 2  # groups that are open at first: results and kidneys
_DIGITS = 4  # of a limit
_NAMED = 2  # rules that the sentence on top names


@dataclass(frozen=True, slots=True)
class Field:
    """One control as it is drawn. `scales`: what a slider needs, by unit."""

    control: Control
    word: str
    value: str
    unit: str
    at_start: str
    fault: str
    stated: bool
    scales: dict[str, dict[str, Any]]
    marks: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """A group of them; `stated`: how many."""

    group: Group
    fields: tuple[Field, ...]
    open: bool
    stated: int


@dataclass(frozen=True, slots=True)
class Side:
    """One decision as a cell shows it; `reason` where it could not be told."""

    words: str
    css: str
    row: str
    indicator: str
    order: str
    headline: str
    reason: str
    offers: tuple[str, ...]
    withheld: tuple[tuple[str, tuple[str, ...]], ...]
    undecided: tuple[str, ...]
    why: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One rule. `what` names what changed."""

    rule: Any
    what: tuple[str, ...]
    before: tuple[Side, ...]
    now: tuple[Side, ...]


def fields(whatif: WhatIf, asked: Question, answer: Answer) -> list[Fields]:
    """The groups with what stands in their fields; of one rule only what it asks, and what is
    stated."""
    found = []
    for at, group in enumerate(whatif.controls.groups):
        shown = [
            _field(control, asked, answer)
            for control in group.controls
            if not asked.rule or asked.rule in control.rules or control.name in asked.asked.texts
        ]
        if shown:
            stated = sum(one.stated for one in shown)
            found.append(Fields(group, tuple(shown), at < _OPEN or stated > 0, stated))
    return found


def _field(control: Control, asked: Question, answer: Answer) -> Field:
    text = asked.asked.texts.get(control.name, "")
    word, value, unit = in_field(control, text)
    fault = answer.faults.get(control.name) or asked.doubts.get(control.name, "")
    return Field(
        control,
        word,
        value,
        unit or (control.scales[0].unit if control.scales else ""),
        answer.at_start[control.name],
        fault,
        bool(text),
        {scale.unit: _slider(scale, answer.numbers.get(control.name)) for scale in control.scales},
        tuple(_marks(control)),
    )


def _slider(scale: Scale, start: Quantity | None) -> dict[str, Any]:
    return {
        "start": None if start is None else f"{start.to(scale.unit).value:.6f}",
        "low": f"{scale.low:f}",
        "high": f"{scale.high:f}",
        "step": f"{scale.step:f}",
        "marks": [f"{mark.value:f}" for mark in scale.marks],
    }


def _marks(control: Control) -> Iterator[tuple[str, str]]:
    """Each limit in every unit, and what it is."""
    for mark in control.scales[0].marks if control.scales else ():
        each = ((_value(scale, mark.name), scale) for scale in control.scales)
        yield ", ".join(f"{value} {unit_name(scale.unit)}" for value, scale in each), mark.why


def _value(scale: Scale, name: str) -> str:
    """As the rules write it; what is converted has more digits than anybody reads."""
    value = next(mark.value for mark in scale.marks if mark.name == name)
    if len(value.as_tuple().digits) <= _DIGITS:
        return f"{value:f}"
    return short(Decimal(f"{value:.{_DIGITS - 1}g}"))


def lines(answer: Answer, asked: Question) -> list[Line]:
    """The rules to be shown, changed ones first."""
    return [
        Line(
            item.rule,
            item.what,
            tuple(_side(one, told=False) for one in item.before),
            tuple(_side(one, told=True) for one in item.now),
        )
        for item in answer.changes
        if _wanted(item, asked)
    ]


def _wanted(item: Change, asked: Question) -> bool:
    if asked.rule and item.rule.id != asked.rule:
        return False
    return bool(item.what) or not asked.changed


def _side(item: Decision, *, told: bool) -> Side:
    words, css = OUTCOMES[item.outcome]
    return Side(
        words,
        css,
        item.fired.row if item.fired else "",
        INDICATORS[item.indicator] if item.indicator else "",
        item.order.name if item.order else "",
        item.summary,
        item.reason if item.outcome in _UNTOLD else "",
        tuple(offer.label for offer in item.offers),
        tuple((x.suggestion.name.replace("-", " "), x.reasons) for x in item.withheld),
        item.undecided,
        why(item) if told else (),
    )


def result(answer: Answer, asked: Question) -> str:
    """The sentence on top: how many rules change, and the first of them."""
    changed = [item for item in answer.changes if item.what]
    if not asked.asked.texts:
        fired = sum(any(x.fired for x in item.now) for item in answer.changes)
        return f"Nothing is stated yet. At the start {fired} of {len(answer.changes)} rules fire."
    if not changed:
        return f"None of {len(answer.changes)} rules changes."
    named = [f"{item.rule.title}: {_turn(item)}" for item in changed[:_NAMED]]
    more = f"; and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
    word = "rules changes" if len(changed) == 1 else "rules change"
    return f"{len(changed)} of {len(answer.changes)} {word}. {'; '.join(named)}{more}."


def _turn(item: Change) -> str:
    old, new = _outcomes(item.before), _outcomes(item.now)
    return f"{old}, now {new}" if old != new else f"{new}, changed: {item.what[0]}"


def _outcomes(decisions: Iterable[Decision]) -> str:
    said = (
        f"{OUTCOMES[x.outcome][0]}{f' ({x.fired.row}, {x.indicator})' if x.fired else ''}"
        for x in decisions
    )
    return " and ".join(dict.fromkeys(said)) or "not asked"
