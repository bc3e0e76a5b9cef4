"""What a reader may state: one control for each declared fact that some rule asks, in groups.

A fact without a control has a reason, which is shown: it is worked out from others, it follows from
what was sent, or no rule in force asks it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cds.facts.derived.registry import DERIVED
from cds.given import MISSING, NOT_KNOWN, NOTHING
from cds.kernel.units import Analyte
from cds.rulebook.model import (
    AllergySource,
    BandSource,
    DerivedSource,
    ExactSource,
    FactSpec,
    LabOrderSource,
    LabSource,
    MedicationSource,
    OfferSource,
    OrderSource,
    PatientSource,
    ProblemSource,
    ProcedureSource,
    Rulebook,
    SetAsideReasonSource,
    SetAsideSource,
    SuppliedSource,
)
from cds.rulebook.prose import words
from cds.rulebook.prose.facts import noun
from cds.rulebook.prose.presence import is_there
from cds.trial.given import can_be_open
from cds.whatif.asked import asking
from cds.whatif.follow import main_result
from cds.whatif.reading import FAILED, LIST, LISTS, NO_ORDER, NOT_SENT, ORDER, SEX
from cds.whatif.scales import Scale, scales
from cds.whatif.starts import roles_of_orders
from cds.whatif.telling import label_words

Choice = tuple[str, str]  # the word that is stated, and what a reader sees
NOBODY_ASKS = "no rule in force asks it"
_PERSON, _LABS, _KIDNEYS = "Patient and place", "Laboratory results", "Kidneys"
_PROBLEMS, _DRUGS, _ORDER = "Problems and allergies", "Drugs", "The draft order"
_TESTS, _ASIDE = "Tests on order", "Older, doubtful and unusable results"
_WORKED, _SENT = "What the service works out", "What was sent"
NOTES: Mapping[str, str] = {
    _LABS: "The newest usable result. What is stated here counts in the longer windows too.",
    _KIDNEYS: (
        "State the band, or what it is worked out from: creatinine with age, sex and weight. "
        "Where both are stated, the band counts."
    ),
    _ORDER: (
        "A rule about an order makes one decision for each selected draft order. Here one order "
        "is stated by its facts, as cases do. Where the start has draft orders of its own, what is "
        "stated is said of each of them."
    ),
    _ASIDE: "A result that could not be used has a value and a reason: state both.",
    _WORKED: (
        "Worked out from the record where nothing is stated. A single value moved above does not "
        "change the history it rests on."
    ),
    _SENT: "A list that was not sent, or whose query failed, leaves open what it would tell.",
}
_UNREAD = {
    "unit": "unit not understood", "comparator": "sign not understood", "unreadable": "unreadable",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Control:
    """One thing to state. `choices` are words; with `scales` a value with a unit may be given
    instead. `rules`: ids of the rules that ask it."""

    name: str
    label: str
    choices: tuple[Choice, ...]
    scales: tuple[Scale, ...] = ()
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Controls that belong together; `key` is a word for addresses and ids."""

    key: str
    title: str
    note: str
    controls: tuple[Control, ...]


@dataclass(frozen=True, slots=True)
class Controls:
    """All groups, and each fact without a control with its reason."""

    groups: tuple[Group, ...]
    without: Mapping[str, str]

    def all(self) -> Iterator[Control]:
        """Every control."""
        for group in self.groups:
            yield from group.controls


def controls(book: Rulebook) -> Controls:
    """The controls of a rulebook."""
    rules = asking(book)
    found: dict[str, list[Control]] = {title: [] for title in _TITLES}
    without: dict[str, str] = {}
    for spec in book.facts.values():
        reason = _without(spec, book, rules[spec.name])
        if reason:
            without[spec.name] = reason
        else:
            found[_group(spec, book)].append(_control(spec, book, rules[spec.name]))
    for title, control in _beside(book, rules):
        at = 1 if control.name == SEX else 0 if control.name == ORDER else len(found[title])
        found[title].insert(at, control)
    groups = (
        Group(f"g{at}", title, NOTES.get(title, ""), tuple(made))
        for at, (title, made) in enumerate(found.items())
        if made
    )
    return Controls(tuple(groups), without)


_TITLES = (
    _LABS, _KIDNEYS, _PERSON, _PROBLEMS, _DRUGS, _ORDER, _TESTS, _ASIDE, _WORKED, _SENT,
)  # fmt: skip


def _without(spec: FactSpec, book: Rulebook, rules: tuple[str, ...]) -> str:
    """Why the fact has no control; "" where it has one."""
    source = spec.source
    match source:
        case BandSource():
            return f"worked out from {noun(book.facts[source.of], book)}"
        case OfferSource() | ExactSource():
            return "only laws ask it, of an offer"
        case SuppliedSource():
            return f"follows from “{_SENT}”: {words.LISTS[source.key]}"
        case OrderSource() if source.what == "roles":
            return "follows from what the draft order is"
    return "" if rules else NOBODY_ASKS


def _group(spec: FactSpec, book: Rulebook) -> str:  # noqa: C901  one case per kind
    source = spec.source
    if spec.name in _about_kidneys(book):
        return _KIDNEYS
    match source:
        case PatientSource():
            return _PERSON
        case LabSource():
            return _LABS if main_result(book, spec.name) else _ASIDE
        case ProblemSource() | ProcedureSource() | AllergySource():
            return _PROBLEMS
        case MedicationSource():
            return _DRUGS
        case OrderSource():
            return _ORDER
        case LabOrderSource():
            return _TESTS
        case DerivedSource():
            return _WORKED
        case _:
            return _ASIDE


def _about_kidneys(book: Rulebook) -> frozenset[str]:
    """The band, what it is worked out from, and the estimates; age stands with the person."""
    band = DERIVED["renal_band"]
    worked = {
        spec.name
        for spec in book.facts.values()
        if isinstance(spec.source, DerivedSource) and "creatinine" in _reads(spec.source)
    }
    return frozenset({*band.reads, *worked, "renal_band"} - {"age"})


def _reads(source: DerivedSource) -> tuple[str, ...]:
    return DERIVED[source.function].reads


def _control(spec: FactSpec, book: Rulebook, rules: tuple[str, ...]) -> Control:
    analyte = spec.type.analyte if spec.type.kind == "quantity" else None
    return Control(
        spec.name, _label(spec, book), tuple(_choices(spec)), _scales(book, analyte), rules
    )


def _scales(book: Rulebook, analyte: Analyte | None) -> tuple[Scale, ...]:
    return scales(book, analyte) if analyte is not None else ()


def _label(spec: FactSpec, book: Rulebook) -> str:
    """A value by its name, a question as the sentence that may be so."""
    source = spec.source
    if spec.type.kind == "presence":
        return words.capital(is_there(spec, True, book))
    if source == PatientSource("age"):
        return "Age"
    if isinstance(source, SetAsideReasonSource):
        return words.capital(words.bare(f"{noun(spec, book)}: why"))
    return words.capital(words.bare(noun(spec, book)))


def _choices(spec: FactSpec) -> Iterator[Choice]:
    if spec.type.kind == "presence":
        yield from (("present", "yes"), ("absent", "no"))
    elif spec.type.kind == "category":
        yield from ((label, label_words(spec, label)) for label in spec.type.labels)
    yield from _gaps(spec)
    if can_be_open(spec):
        yield (NOT_KNOWN, "not known (not sent)")


def _gaps(spec: FactSpec) -> Iterator[Choice]:
    """The ways in which this kind of fact may have no value."""
    match spec.source:
        case LabSource():
            yield from ((MISSING, "not measured"), (f"{MISSING} stale", "only one that is too old"))
        case PatientSource("age"):
            yield (f"{MISSING} age-or-sex", "not recorded")
        case SetAsideSource():
            yield (NOTHING, "no such result")
            yield from ((f"{MISSING} {x}", f"no value: {said}") for x, said in _UNREAD.items())
        case SetAsideReasonSource():
            yield (NOTHING, "no such result")
        case OrderSource() if spec.type.kind == "quantity":
            yield from ((f"{MISSING} dose-unclear", "cannot be read"), (NOTHING, "none"))
        case DerivedSource() if spec.type.kind == "quantity":
            yield (MISSING, "cannot be worked out")


def _beside(book: Rulebook, rules: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, Control]]:
    """What may be stated that is no declared fact."""
    sexes = (("female", "female"), ("male", "male"), ("unknown", "not recorded"))
    who = rules.get("renal_band", ())
    yield _PERSON, Control(SEX, "Sex (kidney estimates ask it)", sexes, (), who)
    about = tuple(rule.id for rule in book.rules if rule.for_each is not None)
    roles = ((role, words.bare(words.role(role))) for role in roles_of_orders(book))
    drafts = (*roles, (NO_ORDER, "no draft order"))
    yield _ORDER, Control(ORDER, "What is ordered", drafts, (), about)
    every = tuple(rule.id for rule in book.rules)
    for key in LISTS:
        gone = ((NOT_SENT, "not sent"), (FAILED, "the query failed"))
        title = words.capital(words.LISTS[key])
        yield _SENT, Control(f"{LIST}{key}", title, gone, (), every)
