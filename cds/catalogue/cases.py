"""The cases of a rule, run with the rules in force: the patient, what must come, what came."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from cds.book.offers import numbered
from cds.catalogue.patients import patient_of
from cds.engine.decision import Decision, Offer, Outcome
from cds.rulebook.model import Case, Rule, Rulebook
from cds.rulebook.prose.words import INDICATORS, listed
from cds.trial.cases import CaseResult, dose_words, run_case

_OUTCOMES = {
    Outcome.FIRES: "a card",
    Outcome.SILENT: "no card",
    Outcome.CANNOT_TELL: "it cannot be told",
    Outcome.ERROR: "the rule broke",
}
_NO_DOSE = {
    "no-dose": "there is no dose for this patient",
    "cannot-tell": "its condition cannot be told",
    "total": "the total would be too high",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One case in words. `patient`, `expected`, `came`: half sentences; `faults`: what is not as
    expected, none = the case holds; `meant`: the site changed something, and says that the case no
    longer holds."""

    name: str
    expect: str
    patient: tuple[str, ...]
    expected: tuple[str, ...]
    came: tuple[str, ...]
    faults: tuple[str, ...]
    meant: bool = False

    @property
    def verdict(self) -> str:
        """`holds`, `changed` (it does not hold, which the site meant) or `broken`."""
        if not self.faults:
            return "holds"
        return "changed" if self.meant else "broken"


def run(
    book: Rulebook, rule: Rule, breathe: Callable[[], None], meant: Collection[str] = ()
) -> tuple[Told, ...]:
    """Every case of the rule, in file order. After each, `breathe` may let others go on. `meant`:
    names of cases that the site says no longer hold."""
    found = []
    for case in rule.cases:
        found.append(_told(run_case(book, rule, case), book, case.name in meant))
        breathe()
    return tuple(found)


def _told(result: CaseResult, book: Rulebook, meant: bool) -> Told:
    case, names = result.case, numbered(result.rule)
    return Told(
        case.name,
        case.expect,
        patient_of(case, book),
        tuple(_expected(case, names, book)),
        tuple(_came(result.decision, case, names)) if result.decision else (),
        result.faults,
        meant,
    )


def _expected(case: Case, names: Mapping[str, str], book: Rulebook) -> Iterator[str]:
    yield _card(_OUTCOMES[Outcome(case.expect)], case.row, case.indicator)
    if case.summary:
        yield f"headline with “{case.summary}”"
    for text in (*case.detail, *(case.says or ())):
        yield f"it says “{text}”"
    if case.says == ():
        yield "it says nothing that depends on the patient"
    if case.alone is not None:
        yield "shown only where no other card is" if case.alone else "shown beside other cards"
    yield from _offers(case, names)
    yield from _withheld(case.withheld, names, book)
    if case.because:
        yield f"the reason names {listed((x.replace('_', ' ') for x in case.because), 'and')}"


def _offers(case: Case, names: Mapping[str, str]) -> Iterator[str]:
    if case.suggests == ():
        yield "no offer"
    for name in dict.fromkeys((*(case.suggests or ()), *case.dose)):
        dose = case.dose.get(name)
        yield f"{names.get(name, name)}{f', {dose}' if dose else ''}"


def _withheld(
    wanted: Mapping[str, tuple[str, ...]] | None, names: Mapping[str, str], book: Rulebook
) -> Iterator[str]:
    if wanted == {}:
        yield "nothing is withheld"
    for name, codes in (wanted or {}).items():
        why = listed((_code(code, book) for code in codes), "and")
        yield f"{names.get(name, name)} is withheld: {why}"


def _code(code: str, book: Rulebook) -> str:
    """Why an offer is withheld, by its word for counting."""
    known = book.definitions.get(code)
    return (known and known.means) or _NO_DOSE.get(code) or code.replace("_", " ")


def _card(outcome: str, row: str | None, indicator: str | None) -> str:
    shown = INDICATORS[indicator].lower() if indicator else ""
    return ", ".join(part for part in (outcome, f"row {row}" if row else "", shown) if part)


def _came(decision: Decision, case: Case, names: Mapping[str, str]) -> Iterator[str]:
    fired, outcome = decision.fired, _OUTCOMES[decision.outcome]
    if fired is None:
        yield f"{outcome}: {decision.reason}"
        return
    yield _card(outcome, fired.row, decision.indicator)
    yield f"headline “{decision.summary}”"
    asked = (*case.detail, *(case.says or ()))  # a card may say much more: the rule tells it
    yield from (f"it says “{x}”" for x in decision.detail if any(part in x for part in asked))
    for item in decision.offers:
        yield _offer(item, names)
    for held in decision.withheld:
        called = names.get(held.suggestion.name, held.suggestion.name)
        yield f"{called} is withheld: {'; '.join(held.reasons)}"


def _offer(item: Offer, names: Mapping[str, str]) -> str:
    called, dose = names.get(item.suggestion.name, item.suggestion.name), dose_words(item)
    return f"{called}{f', {dose}' if dose else ''}: “{item.label}”"
