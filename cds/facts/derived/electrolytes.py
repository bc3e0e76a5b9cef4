"""Which orders and administrations carry which electrolyte, and how the two fit together.

An administration belongs to the order it names. One that names no known order stands for the
orders of the same substance that have none of their own, so that no dose counts twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cds.facts.derived.doses import (
    Amount,
    amount_of,
    due,
    moment,
    total,
)
from cds.facts.model import Evidence
from cds.facts.record import Administration, MedicationOrder, OrderKind, Record
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte

Item = MedicationOrder | Administration
_POTASSIUM_ROLES = frozenset({"k-replacement"})


def _roles(item: Item) -> frozenset[str]:
    return frozenset(role for substance in item.substances for role in substance.roles)


def _dosed_in(item: Item, analyte: Analyte) -> bool:
    return isinstance(item.dose, Quantity) and item.dose.analyte is analyte


def is_potassium(item: Item) -> bool:
    """Any source of potassium: chloride, phosphate, acetate, citrate, bicarbonate, fluids (R40)."""
    return _dosed_in(item, Analyte.POTASSIUM_DOSE) or bool(_roles(item) & _POTASSIUM_ROLES)


def is_parenteral_magnesium(item: Item) -> bool:
    """Magnesium sulfate by a route that is, or may be, parenteral (R30)."""
    if item.parenteral is False:
        return False
    named = any(substance.name == "magnesium sulfate" for substance in item.substances)
    dosed = _dosed_in(item, Analyte.MAGNESIUM_SULFATE_DOSE)
    return named or dosed or "mg-replacement-iv" in _roles(item)


def is_calcium(item: Item) -> bool:
    """A calcium product that treats hypocalcemia: not carbonate, not acetate (R20)."""
    return any(
        ("calcium" in substance.roles or substance.name.startswith("calcium "))
        and "carbonate" not in substance.name
        and "acetate" not in substance.name
        for substance in item.substances
    )


@dataclass(frozen=True, slots=True)
class Supply:
    """All orders (without drafts) and administrations of one electrolyte."""

    orders: tuple[MedicationOrder, ...]
    administrations: tuple[Administration, ...]
    known: frozenset[str]  # references of every order in the list, cancelled ones too
    dose: Analyte
    unit: str
    unseen: tuple[MedicationOrder, ...] = field(init=False)  # scheduled, no administration known

    def __post_init__(self) -> None:
        unseen = tuple(o for o in self.orders if not o.prn and not self.administered(o))
        object.__setattr__(self, "unseen", unseen)

    def own(self, order: MedicationOrder) -> tuple[Administration, ...]:
        """Administrations that name this order."""
        return tuple(item for item in self.administrations if item.request == order.source)

    @property
    def loose(self) -> tuple[Administration, ...]:
        """Administrations that name no order we know."""
        return tuple(item for item in self.administrations if item.request not in self.known)

    def administered(self, order: MedicationOrder) -> bool:
        """Is any administration of this order known, its own or a loose one of its substance?"""
        names = {substance.name for substance in order.substances}
        return bool(self.own(order)) or any(
            names & {substance.name for substance in item.substances} for item in self.loose
        )

    def given(self, items: tuple[Administration, ...], since: datetime, until: datetime) -> Amount:
        """Completed administrations from `since` (included) to `until` (excluded)."""
        amounts = []
        for item in items:
            when = moment(item)
            one = amount_of(item.dose, self.dose, self.unit)
            if item.completed and when is None:
                amounts.append(one.perhaps())
            elif item.completed and when is not None and since <= when < until:
                amounts.append(one)
        return total(amounts)

    def by_administration(self, since: datetime, until: datetime) -> Amount:
        """Everything recorded as given in the span."""
        return self.given(self.administrations, since, until)

    def by_order(self, since: datetime, until: datetime) -> Amount:
        """What fell due of orders without any administration; as needed counts nothing (R19)."""
        return total(due(o, since, until, self.dose, self.unit) for o in self.unseen)

    def evidence(self) -> tuple[Evidence, ...]:
        """Orders and administrations as sources."""
        orders = tuple(Evidence(o.source, o.name, o.start or o.authored) for o in self.orders)
        given = tuple(Evidence(a.source, a.name, moment(a)) for a in self.administrations)
        return orders + given


def supply(
    record: Record,
    wanted: Callable[[Item], bool],
    dose: Analyte = Analyte.POTASSIUM_DOSE,
    unit: str = "meq",
) -> Supply:
    """The orders that were or are in force, and the administrations, of one electrolyte."""
    orders = tuple(
        order
        for order in record.medications.items
        if order.kind in (OrderKind.ACTIVE, OrderKind.ENDED) and order.systemic and wanted(order)
    )
    administrations = tuple(item for item in record.administrations.items if wanted(item))
    known = frozenset(order.source for order in record.medications.items)
    return Supply(orders, administrations, known, dose, unit)
