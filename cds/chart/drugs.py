"""Which drug an order or administration is about: by code, by ATC class, by name as last resort.

A code we know settles it. Without one, display text is searched for whole names, with decoys for
counter-ions (`losartan potassium` gives no potassium), and the substance is marked `text`. A drug
with neither a known code nor any text might be anything: it is not identified.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from cds.chart.medication_index import Contained, MedicationIndex
from cds.facts.record import Substance
from cds.facts.terminology import DrugCode, DrugName, Terminology
from cds.fhir.datatypes import CodeableConcept, Identifier, Reference
from cds.fhir.medication_resources import Ingredient, Medication
from cds.kernel.codes import ATC, RXNORM, Coding, RxNorm

BY_NAME = "recognised by name only"
BY_CLASS = "recognised by ATC code"
UNRESOLVED = "medication reference could not be resolved"

_WORD = re.compile(r"[a-z0-9]+")
# a name, tall-man lettering included (`hydrALAZINE`), as against codes (`MAGS1I`) and UUIDs
_NAME_LIKE = re.compile(r"(?=[A-Z]*[a-z])[A-Za-z]{4}|[A-Za-z]{3,}[ -][A-Za-z]{2,}")
_HEX = re.compile(r"[0-9A-Fa-f-]{8,}")
# parts of a mix that are no drug: "Pantoprazole, Vial" reads as two
_CONTAINERS = frozenset({"bag", "vial", "soln", "syringe", "ampule", "bottle"})
_ATC_LENGTHS = (7, 5, 4, 3)


@dataclass(frozen=True, slots=True)
class Drug:
    """What could be told of the drug; `parenteral` only where the product itself settles it."""

    name: str = ""
    identified: bool = False
    substances: tuple[Substance, ...] = ()
    product: RxNorm | None = None
    systemic: bool = True
    parenteral: bool | None = None
    flags: tuple[str, ...] = ()
    mixed: bool = False  # it has more than one active ingredient, recognised or not


def identify(
    concept: CodeableConcept | None,
    reference: Reference | None,
    contained: Contained,
    index: MedicationIndex,
    terms: Terminology,
) -> Drug:
    """The drug of a `medication[x]`; both members are read, though R4 allows one."""
    own = of_concept(concept, terms)
    if reference is None:
        return own
    medication = _referred(reference, contained, index, terms)
    shown = of_texts((reference.display or "",), terms)
    if medication is None:
        return replace(_merged((own, shown)), flags=(*own.flags, *shown.flags, UNRESOLVED))
    drug = _merged((own, medication))
    if not drug.identified or not (drug.name or drug.substances):
        drug = _merged((drug, shown))
    return drug if drug.name else replace(drug, name=shown.name)


def _referred(
    reference: Reference, contained: Contained, index: MedicationIndex, terms: Terminology
) -> Drug | None:
    """The drug of the Medication a reference names; None when that cannot be had. Made once in a
    call, unless it may depend on what the order contains."""

    def look_up() -> Drug | None:
        medication = index.medication(reference, contained)
        if medication is None:
            return None
        return _of_medication(medication, contained, index, terms, deep=True)

    return look_up() if contained else index.once(reference.reference or "", look_up)


def _of_medication(
    medication: Medication,
    contained: Contained,
    index: MedicationIndex,
    terms: Terminology,
    deep: bool,
) -> Drug:
    """A Medication: its code, else the names among its identifiers, and its ingredients.

    `deep` is False inside an ingredient: one level is read, so a cycle ends.
    """
    own = of_concept(medication.code, terms)
    parts = (
        _of_ingredient(item, contained, index, terms)
        for item in (medication.ingredient or ())
        if deep and item.isActive is not False
    )
    named = _of_identifiers(medication.identifier or (), terms)
    if own.substances:
        named = Drug(name=named.name, identified=named.identified)
    mix = [part for part in parts if part.identified or part.name]
    unknown = len(mix) < len([i for i in medication.ingredient or () if i.isActive is not False])
    drug = _merged((own, named, *mix))
    if deep and medication.ingredient and unknown and not (own.identified or named.identified):
        return replace(drug, identified=False)
    return replace(drug, name=named.name or drug.name, mixed=_is_mix(medication))


def _is_mix(medication: Medication) -> bool:
    return len([item for item in medication.ingredient or () if item.isActive is not False]) > 1


def _of_ingredient(
    item: Ingredient, contained: Contained, index: MedicationIndex, terms: Terminology
) -> Drug:
    medication = index.medication(item.itemReference, contained)
    referred = Drug()
    if medication is not None:
        referred = _of_medication(medication, contained, index, terms, deep=False)
    elif item.itemReference is not None:
        referred = of_texts((item.itemReference.display or "",), terms)
    # the product code of one ingredient is not the product of the mix
    return replace(_merged((of_concept(item.itemCodeableConcept, terms), referred)), product=None)


def of_concept(concept: CodeableConcept | None, terms: Terminology) -> Drug:
    """The drug a CodeableConcept names: any known coding, else its texts."""
    if concept is None:
        return Drug()
    known = sorted(
        filter(None, (_known(item, terms) for item in concept.codings())),
        key=lambda found: _vagueness(found, terms),
    )
    texts = [concept.text or ""]
    for item in concept.coding:
        texts.append(item.display or "")
        texts.append(_name_in(item.system, item.code))
    name = next((text for text in texts if text), "")
    if not known:
        return of_texts(texts, terms)
    rank, coding, code = known[0]
    by = {0: "rxnorm", 1: "local"}.get(rank, "atc")
    return Drug(
        name=name or code.display,
        identified=True,
        substances=_substances(code, by),
        product=RxNorm(coding.code) if by == "rxnorm" else code.product,
        systemic=all(found[2].systemic for found in known),
        parenteral=code.parenteral,
        flags=(BY_CLASS,) if by == "atc" else (),
    )


def _vagueness(found: tuple[int, Coding, DrugCode], terms: Terminology) -> tuple[int, bool, bool]:
    """What a coding leaves open; the least vague comes first, wherever it stands: Epic lists the
    ingredient before the product."""
    rank, coding, code = found
    return rank, coding.code not in terms.products, code.parenteral is None


def _name_in(system: str | None, code: str | None) -> str:
    """The name in a code or identifier, or "": some hospitals send the name as the code."""
    if not code or _HEX.fullmatch(code):
        return ""
    return code if (system or "").endswith("name") or _NAME_LIKE.search(code) else ""


def _known(coding: Coding, terms: Terminology) -> tuple[int, Coding, DrugCode] | None:
    """(rank, coding, what we know of it): RxNorm before local codes before ATC, longest first."""
    if coding.system == ATC:
        code = coding.code.strip().upper()
        for place, length in enumerate(_ATC_LENGTHS):
            found = terms.drugs.get(Coding(ATC, code[:length])) if len(code) >= length else None
            if found is not None:
                return 2 + place, coding, found
        return None
    found = terms.drugs.get(coding)
    if found is None:
        return None
    return 0 if coding.system == RXNORM else 1, coding, found


def _substances(code: DrugCode, by: str) -> tuple[Substance, ...]:
    parts = code.parts or tuple((name, code.roles) for name in code.ingredients)
    return _distinct(Substance(name, roles, by) for name, roles in parts)


def of_texts(texts: Iterable[str], terms: Terminology) -> Drug:
    """The drug some alternative display texts name. Any text at all identifies it."""
    given = [text.strip() for text in texts if text.strip()]
    if not given:
        return Drug()
    joined = " | ".join(dict.fromkeys(given))
    substances = _distinct(
        Substance(name.ingredient, name.roles, "text")
        for name in _candidates(joined, terms)
        if name.pattern.search(joined) and not (name.unless and name.unless.search(joined))
    )
    return Drug(given[0], True, substances, flags=(BY_NAME,) if substances else ())


def _candidates(text: str, terms: Terminology) -> tuple[DrugName, ...]:
    if not terms.names_by_word:
        return terms.names
    words = dict.fromkeys(_WORD.findall(text.lower()))
    return tuple(name for word in words for name in terms.names_by_word.get(word, ()))


def _of_identifiers(identifiers: Iterable[Identifier], terms: Terminology) -> Drug:
    """Names kept as identifiers: `Magnesium Sulfate`, or a mix written `A--CODE_B--CODE`."""
    values = [name for item in identifiers if (name := _name_in(item.system, item.value))]
    if not values:
        return Drug()
    parts = [part.partition("--")[0] for value in values for part in value.split("_")]
    shown = [part for part in parts if part.lower() not in _CONTAINERS] or parts
    return replace(_merged(of_texts((part,), terms) for part in parts), name=" + ".join(shown))


def _merged(drugs: Iterable[Drug]) -> Drug:
    """One drug of several descriptions or ingredients."""
    found = [drug for drug in drugs if drug.identified or drug.name]
    if len(found) <= 1:
        return found[0] if found else Drug()
    whole = [drug for drug in found if drug.substances] or found
    forms = {drug.parenteral for drug in whole}
    return Drug(
        name=found[0].name,
        identified=any(drug.identified for drug in found),
        substances=_distinct(item for drug in found for item in drug.substances),
        product=next((drug.product for drug in found if drug.product), None),
        systemic=any(drug.systemic for drug in whole),
        parenteral=forms.pop() if len(forms) == 1 else None,
        flags=tuple(dict.fromkeys(flag for drug in found for flag in drug.flags)),
        mixed=any(drug.mixed for drug in found),
    )


def _distinct(substances: Iterable[Substance]) -> tuple[Substance, ...]:
    """Each name once, roles united, recognised by the best of its ways."""
    found: dict[str, Substance] = {}
    for item in substances:
        old = found.get(item.name)
        if old is None:
            found[item.name] = item
        elif old != item:
            better = item if old.by == "text" else old
            found[item.name] = replace(better, roles=item.roles | old.roles)
    return tuple(found.values())


def narrowed(substances: tuple[Substance, ...], parenteral: bool | None) -> tuple[Substance, ...]:
    """Roles as the route decides them: magnesium sulfate by mouth is a laxative, not an infusion;
    a magnesium salt usable both ways is the one it is given as."""
    if parenteral is None:
        return substances
    return tuple([_narrowed(item, _roles(item, parenteral)) for item in substances])


def _narrowed(item: Substance, roles: frozenset[str]) -> Substance:
    return item if roles == item.roles else replace(item, roles=roles)


def _roles(item: Substance, parenteral: bool) -> frozenset[str]:
    iv, oral = "mg-replacement-iv", "mg-replacement-oral"
    if iv not in item.roles:
        return item.roles
    if parenteral:
        return item.roles - {oral}
    kept = item.roles - {iv}
    return kept if oral in kept else kept | {"mg-containing-laxative"}
