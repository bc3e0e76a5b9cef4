"""Which facts follow from which by what they look for: whoever has the narrower thing has the wider
one. Proofs take it as given, and what-if draws it from what is stated."""

from __future__ import annotations

from cds.rulebook.model import (
    AllergySource,
    FactSource,
    LabOrderSource,
    MedicationSource,
    ProblemSource,
    ProcedureSource,
)


def narrower(a: FactSource, b: FactSource, *, of_this_stay: bool = False) -> bool:
    """Whether everything that makes the first fact present makes the second one present;
    `of_this_stay`: no diagnosis is one of another stay, which a fact may leave out."""
    match a, b:
        case ProblemSource(), ProblemSource():
            return _narrower_problem(a, b, of_this_stay)
        case MedicationSource(), MedicationSource():
            route = b.parenteral is None or a.parenteral is b.parenteral
            running = b.running is None or (a.running is not None and a.running >= b.running)
            return set(a.roles) <= set(b.roles) and _places(a) <= _places(b) and route and running
        case AllergySource(), AllergySource():
            return set(a.substances) <= set(b.substances)
        case LabOrderSource(), LabOrderSource():
            return set(a.loincs) <= set(b.loincs) and a.within <= b.within
        case ProcedureSource(), ProcedureSource():
            return set(a.concepts) <= set(b.concepts) and a.within <= b.within
        case _:
            return False


def _narrower_problem(a: ProblemSource, b: ProblemSource, of_this_stay: bool) -> bool:
    another = b.this_stay and not a.this_stay and not of_this_stay
    if another or not set(a.concepts) <= set(b.concepts):
        return False
    if b.within is None:
        return True
    undated = b.undated_counts or not a.undated_counts
    return a.within is not None and a.within <= b.within and undated


def _places(source: MedicationSource) -> set[str]:
    """Every selected order is a draft."""
    return set(source.which) | ({"selected"} if "draft" in source.which else set())
