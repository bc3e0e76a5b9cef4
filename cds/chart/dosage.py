"""The dosage of an order as a whole: route, schedule, dose, rate, and whether it may be edited."""

from __future__ import annotations

from dataclasses import dataclass

from cds.chart.doses import SEVERAL, electrolyte, read_dose, read_rate, spread
from cds.chart.drugs import Drug
from cds.chart.injection import is_push, names_diluent
from cds.chart.routes import read_route, route_words
from cds.chart.timings import Schedule, read_schedule
from cds.facts.record import Unclear
from cds.facts.terminology import Terminology
from cds.fhir.medication_resources import Dosage
from cds.kernel.quantity import Quantity


@dataclass(frozen=True, slots=True)
class Dosing:
    """What all dosage instructions together say."""

    route: str
    parenteral: bool | None
    systemic: bool
    schedule: Schedule
    dose: Quantity | Unclear | None
    rate: Quantity | Unclear | None
    editable: bool
    push: bool = False
    undiluted: bool = False
    flags: tuple[str, ...] = ()


def read_dosing(instructions: tuple[Dosage, ...], drug: Drug, terms: Terminology) -> Dosing:
    """Several instructions are never added up: their dose is unclear, their schedule unstated."""
    single = instructions[0] if len(instructions) == 1 else None
    routes = [read_route(item.route) for item in instructions]
    stated = {parenteral for parenteral, _ in routes}
    parenteral = stated.pop() if len(stated) == 1 else None
    flags: tuple[str, ...] = ()
    if parenteral is None:
        parenteral = drug.parenteral if not any(p is not None for p, _ in routes) else None
        flags = ("route taken from the product",) if parenteral is not None else ()
    systemic = any(found for _, found in routes) or not routes
    what = electrolyte(drug.substances, drug.product, parenteral, terms)
    if not (systemic and drug.systemic):
        what = None
    steps = single.doseAndRate or () if single else ()
    several = what is not None and len(instructions) > 1
    schedule = _schedule(instructions)
    dose = SEVERAL if several else read_dose(steps, what)
    return Dosing(
        route=next((words for item in instructions if (words := route_words(item.route))), ""),
        parenteral=parenteral,
        systemic=systemic,
        schedule=schedule,
        dose=dose,
        rate=SEVERAL if several else read_rate(steps, what) or spread(dose, schedule.hours),
        editable=single is not None and len(steps) == 1 and isinstance(dose, Quantity),
        push=is_push(instructions),
        undiluted=_undiluted(instructions, drug, parenteral),
        flags=flags,
    )


def _undiluted(instructions: tuple[Dosage, ...], drug: Drug, parenteral: bool | None) -> bool:
    """A potassium concentrate without a second ingredient and without a word about a diluent."""
    concentrate = any("k-concentrate" in item.roles for item in drug.substances)
    if not concentrate or drug.mixed or parenteral is False:
        return False
    return not names_diluent((*(item.text for item in instructions), drug.name))


def _schedule(instructions: tuple[Dosage, ...]) -> Schedule:
    if len(instructions) == 1:
        return read_schedule(instructions[0])
    # as needed only when every instruction is: a standing part must not vanish
    read = [read_schedule(item) for item in instructions]
    return Schedule(prn=bool(read) and all(item.prn for item in read))
