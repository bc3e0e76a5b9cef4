"""The patients one may start from: nobody recorded, a synthetic one, or that of a case.

A start is named by a word that may stand in an address: "" (nothing recorded), `patient:NAME` of
`cds sample`, or `case:RULE:NUMBER`, counted from 1 in the order of the rule file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from cds.chart.read import read_chart
from cds.errors import BadRequest, SettingsError
from cds.facts.model import Fact
from cds.facts.record import MedicationOrder, Record
from cds.given import GIVEN_NOW, given_facts, unstated
from cds.hooks.request import HookCall, read_call
from cds.hooks.services import HOOKS, SERVICES
from cds.pipeline import no_drugs_because, whole_minute
from cds.rulebook.model import (
    DerivedSource,
    FactSpec,
    OrderSource,
    Rulebook,
    SuppliedSource,
)
from cds.sample import Sample, sample
from cds.trial.cases import prepare
from cds.trial.given import order_with

NOBODY, PATIENT, CASE = "", "patient:", "case:"
MOST = 120  # characters of a name
USUAL_HOOK = "order-sign"  # every rule is judged there


class NoSuchStart(ValueError):
    """The word names no start: says what it should be."""


@dataclass(frozen=True, slots=True)
class Start:
    """A patient as far as it is known before anything is stated.

    `known` holds facts that are not worked out from the record: what a case gives, and what is
    assumed of a patient about whom nothing is recorded (`assumed`, a part of them). Those about the
    order are in it too. `call` is the hook call of a synthetic patient.
    """

    name: str
    title: str
    hook: str
    record: Record
    now: datetime
    known: Mapping[str, Fact] = field(default_factory=dict)
    assumed: frozenset[str] = frozenset()
    call: HookCall | None = None

    def at(self, hook: str) -> Start:
        """The same patient at another moment: where no order is drafted, none is looked at, and
        where orders are signed, all of them are."""
        record, about = self.record, HOOKS[hook]
        if not about.drafts:
            record = replace(record, drafts=(), draft_lab_orders=())
        elif about.all_selected:
            signed = tuple(replace(order, selected=True) for order in record.drafts)
            record = replace(record, drafts=signed)
        return replace(self, hook=hook, record=record)

    @property
    def no_drugs(self) -> str:
        """Why no drug may be suggested, "" where it may."""
        if self.call is not None:
            return no_drugs_because(replace(self.call, hook=self.hook))
        return "" if HOOKS[self.hook].drugs else f"no drug is suggested at {self.hook}"


def start_of(book: Rulebook, name: str) -> Start:
    """The start of that name. Raises NoSuchStart."""
    if name == NOBODY:
        return _nobody(book)
    if len(name) > MOST:
        raise NoSuchStart(f"a start has at most {MOST} characters")
    if name.startswith(PATIENT):
        try:
            return _patient(book, sample(name.removeprefix(PATIENT)))
        except SettingsError:
            raise NoSuchStart("there is no synthetic patient of that name") from None
        except BadRequest as error:
            raise NoSuchStart(f"the service refuses the call of this patient ({error})") from None
    return _case(book, name)


def _nobody(book: Rulebook) -> Start:
    """Nothing recorded. What cases take for granted is assumed, so far as it is not about an order
    or about what was sent: both are chosen by themselves. Nor are kidneys ever assumed to be good:
    nobody shall read a dose here that a patient without creatinine would not be offered."""
    known = {
        spec.name: unstated(book, spec)
        for spec in book.facts.values()
        if spec.name in book.case_defaults
        and not isinstance(spec.source, OrderSource | SuppliedSource)
        and spec.source != DerivedSource("renal_band")
    }
    record = given_facts(book, {}).record
    title = "A patient about whom nothing is recorded"
    return Start(NOBODY, title, USUAL_HOOK, record, GIVEN_NOW, known, frozenset(known))


def _patient(book: Rulebook, found: Sample) -> Start:
    """As the service reads the call at its own moment."""
    body = json.dumps(found.request).encode()
    hook = found.request["hook"]
    entry = next(item for item in SERVICES.values() if item.hook == hook)
    call = read_call(entry, body)
    record = read_chart(call, book.terminology, found.now).record
    moment = whole_minute(found.now)
    return Start(f"{PATIENT}{found.name}", found.title, hook, record, moment, call=call)


def _case(book: Rulebook, name: str) -> Start:
    """The patient of a case, all defaults of cases included."""
    rule_id, _, number = name.removeprefix(CASE).rpartition(":")
    rule = next((item for item in book.rules if item.id == rule_id), None)
    if not name.startswith(CASE) or rule is None:
        raise NoSuchStart("a start is a synthetic patient or a case of a rule")
    if not number.isdecimal() or not 1 <= int(number) <= len(rule.cases):
        raise NoSuchStart(f"rule {rule.id} has cases 1 to {len(rule.cases)}")
    case = rule.cases[int(number) - 1]
    (prepared,) = prepare(replace(book, rules=(replace(rule, cases=(case,)),)))
    if prepared.fault:
        raise NoSuchStart(f"this case cannot be read: {prepared.fault}")
    record = given_facts(book, {}).record
    if rule.for_each is not None:
        roles = frozenset({case.role} if case.role else rule.for_each.roles)
        record = replace(record, drafts=(order_with(roles),))
    hook = USUAL_HOOK if USUAL_HOOK in rule.hooks else rule.hooks[0]
    assumed = frozenset(book.facts) - set(case.given)
    title = f"{rule.title}, case {number}: {case.name}"
    return Start(name, title, hook, record, GIVEN_NOW, prepared.known, assumed)


def drafted(book: Rulebook, start: Start, role: str) -> Start:
    """The same patient with one selected draft order of this role, or with none ("").

    What the order is follows from the role; what it states (dose, rate, route) is as in cases.
    """
    orders: tuple[MedicationOrder, ...] = ()
    known = {name: fact for name, fact in start.known.items() if not _of_orders(book, name, start)}
    if role:
        order = replace(order_with(frozenset({role})), parenteral=by_vein(role))
        orders = (order,)
        known |= {spec.name: unstated(book, spec) for spec in _stated_by_cases(book, role)}
    return replace(start, record=replace(start.record, drafts=orders), known=known)


def by_vein(role: str) -> bool:
    """How an order of this role is given where nobody says: replacements run into a vein."""
    return role in ("mg-replacement-iv", "k-replacement")


def _of_orders(book: Rulebook, name: str, start: Start) -> bool:
    """Facts that the order decides, unless a case gives them."""
    source = book.facts[name].source
    drafts = {"draft", "selected"} & set(getattr(source, "which", ()))
    return name in start.assumed and (isinstance(source, OrderSource) or bool(drafts))


def _stated_by_cases(book: Rulebook, role: str) -> Iterator[FactSpec]:
    """What cases say of an order; what it is and how it is given follows from the role."""
    for spec in book.facts.values():
        source = spec.source
        if not isinstance(source, OrderSource) or source.what in ("roles", "route"):
            continue
        if source.what != "product" or role == "mg-replacement-iv":
            yield spec


def roles_of_orders(book: Rulebook) -> tuple[str, ...]:
    """What a draft order may be, for the rules about one order to look at it."""
    each = (rule.for_each.roles for rule in book.rules if rule.for_each is not None)
    return tuple(dict.fromkeys(role for roles in each for role in roles))
