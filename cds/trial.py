"""Runs the cases embedded in rule files: each states facts and the outcome they must have.

A case names only what matters. Facts it does not name are what they are in a patient about whom
nothing is recorded: no result, no problem, no drug, or the `in_cases` value of the declaration.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cds.engine.decide import judge_rule
from cds.engine.decision import Decision, Judgement
from cds.engine.facts import Facts
from cds.facts.model import (
    Category,
    Fact,
    Measured,
    Missing,
    Nothing,
    NotKnown,
    Presence,
    Reason,
    State,
)
from cds.facts.record import (
    Listing,
    MedicationOrder,
    OrderKind,
    Person,
    Place,
    Record,
    Setting,
)
from cds.rulebook import words
from cds.rulebook.clauses import REASON_WORDS
from cds.rulebook.model import (
    BandSource,
    Case,
    FactSpec,
    OrderSource,
    ReferenceLowSource,
    Rule,
    Rulebook,
    SetAsideReasonSource,
    SetAsideSource,
)

CASE_NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
_ORDER = MedicationOrder(
    "MedicationRequest/case", "this order", OrderKind.DRAFT, selected=True, editable=True
)


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case with what the engine said; `faults` empty = the case holds."""

    rule: Rule
    case: Case
    decision: Decision | None
    faults: tuple[str, ...]


def run_cases(book: Rulebook) -> tuple[CaseResult, ...]:
    """Every case of every rule, in file order."""
    return tuple(run_case(book, rule, case) for rule in book.rules for case in rule.cases)


def run_case(book: Rulebook, rule: Rule, case: Case) -> CaseResult:
    """One case. A `given` that cannot be read is a fault of the case."""
    try:
        given = {name: stated(book.facts[name], text) for name, text in case.given.items()}
        facts = case_facts(book, given)
    except ValueError as error:
        return CaseResult(rule, case, None, (str(error),))
    decision = judge_rule(rule, facts, _ORDER if rule.for_each else None)
    return CaseResult(rule, case, decision, _faults(case, decision))


def case_facts(book: Rulebook, given: dict[str, Fact]) -> Facts:
    """Facts as given, everything else by default; bands are worked out."""
    known = dict(given)
    for spec in book.facts.values():
        if spec.name not in known and not isinstance(spec.source, BandSource):
            text = book.case_defaults.get(spec.name)
            known[spec.name] = stated(spec, text) if text is not None else _default(spec)
    record = Record(
        Person("Patient/case"),
        Place(Setting.INPATIENT),
        Listing("observations"),
        Listing("medications"),
        administrations=Listing("administrations"),
        problems=Listing("problems"),
        procedures=Listing("procedures"),
        allergies=Listing("allergies"),
        lab_orders=Listing("lab_orders"),
    )
    facts = Facts(book, record, CASE_NOW, known)
    facts.order = _ORDER
    return facts


def stated(spec: FactSpec, text: str) -> Fact:
    """A fact as a case writes it: `1.0 mg/dL`, a label, present, absent, missing [reason],
    not known. Raises ValueError naming the fact."""
    try:
        state = _state(spec, text.strip())
    except ValueError as error:
        raise ValueError(f"`{spec.name}`: {error}") from None
    return Fact(spec.name, state, f"{spec.name.replace('_', ' ')} {text}")


def _state(spec: FactSpec, text: str) -> State:
    if text == "not known":
        return NotKnown(spec.name, "not supplied")
    if text == "missing" or text.startswith("missing "):
        return _missing(text.removeprefix("missing").strip())
    if spec.type.kind == "quantity" and spec.type.analyte is not None:
        return Measured(words.quantity(text, spec.type.analyte), text, CASE_NOW)
    if spec.type.kind == "category":
        if text not in spec.type.labels:
            raise ValueError(f"`{text}` is not one of {', '.join(spec.type.labels)}")
        return Category(frozenset({text}))
    if text not in ("present", "absent"):
        raise ValueError(f"`{text}` is neither present, absent, missing nor not known")
    return Presence(text == "present", (spec.name.replace("_", " "),) if text == "present" else ())


def _missing(word: str) -> Missing:
    if word and word not in REASON_WORDS:
        raise ValueError(f"`{word}` is not a reason")
    return Missing(REASON_WORDS[word] if word else Reason.NONE_FOUND)


def _default(spec: FactSpec) -> Fact:
    nothing = SetAsideSource | SetAsideReasonSource | ReferenceLowSource | OrderSource
    state: State
    if isinstance(spec.source, nothing):
        state = Nothing("nothing there")
    elif spec.type.kind == "presence":
        state = Presence(False)
    else:
        state = Missing(Reason.NONE_FOUND)
    return Fact(spec.name, state, f"{spec.name.replace('_', ' ')}: nothing recorded")


def _faults(case: Case, decision: Decision) -> tuple[str, ...]:
    found = []
    if decision.outcome.value != case.expect:
        found.append(f"expected {case.expect}, got {decision.outcome.value}: {decision.reason}")
        return tuple(found)
    if case.row is not None and decision.fired is not None and decision.fired.row != case.row:
        found.append(f"expected row {case.row}, got {decision.fired.row}")
    if case.indicator is not None and decision.indicator != case.indicator:
        found.append(f"expected {case.indicator}, got {decision.indicator}")
    offered = tuple(offer.suggestion.name for offer in decision.offers)
    if case.suggests is not None and set(case.suggests) != set(offered):
        reasons = "; ".join(r for item in decision.withheld for r in item.reasons)
        found.append(f"expected suggestions {list(case.suggests)}, got {list(offered)} ({reasons})")
    looked = {name for item in decision.levels for name in _names(item.judgement)}
    found += [f"`{name}` was not part of the reason" for name in case.because if name not in looked]
    return tuple(found)


def _names(judgement: Judgement) -> set[str]:
    """Facts, thresholds, tables and definitions that took part in a judgement."""
    own = {*judgement.names, judgement.definition}
    if judgement.fact is not None:
        own.add(judgement.fact.name)
    return own.union(*(_names(child) for child in judgement.children)) - {""}
