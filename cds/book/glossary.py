"""The end of the book: terms, ranges, what is worked out, windows, units, sources."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from cds.book.markdown import bullets, paragraph, table
from cds.book.pages import LawText, Pages, sentence, terms_of
from cds.book.rows import condition
from cds.kernel.units import UNITS, Analyte
from cds.rulebook.model import (
    AllergySource,
    BandSource,
    Definition,
    DerivedSource,
    FactSource,
    LabSource,
    PatientSource,
    ProblemSource,
    ReferenceLowSource,
)
from cds.rulebook.prose.clauses import Speaker
from cds.rulebook.prose.derived import DERIVED
from cds.rulebook.prose.facts import labels_by_size, noun, range_words
from cds.rulebook.prose.limits import amount, substance, unit_name
from cds.rulebook.prose.words import capital, listed, problem, span
from cds.rulebook.walk import facts_in

IN_A_TABLE = 3  # units of a limit
MOST_DIGITS = 8  # of a conversion factor
WORKED_OUT = "What is worked out from the data"
HOW_OLD = "How old a result may be"
PROOF = (
    "A law is a sentence that must hold for every possible patient. A test shows what happens to "
    "one patient. A proof looks at all patients at once: a program for mathematical proofs "
    "searches for a patient, with any results, problems, drugs and gaps in the data, for whom the "
    "rules break the law, and finds that there can be none. Where a law names a result, a problem "
    "or an order, it speaks of patients who are known to have it; where it names an exception, the "
    "exception counts also where it cannot be excluded."
)
_STANDINGS = {
    "label": "label of a product",
    "guideline": "guideline",
    "review": "review or reference work",
    "design": "choice of this rule set, for a pharmacist to approve",
    "weak": "weak: never alone the basis of a dose",
}


def terms(pages: Pages) -> Iterator[str]:
    """Every definition, in the order of the alphabet, with its number."""
    yield from how_terms_read()
    for _, entry in entries(pages):
        yield from entry


def how_terms_read() -> Iterator[str]:
    """What stands before the first term."""
    yield from paragraph(
        "A number in a sentence, such as (term 7), leads here. Each term is true, or is "
        "not true, or cannot be told. Where a sentence says that a term is not true, the entry "
        "explains the opposite: when it is true. A value in a term is always that of a usable "
        "result, unless the term speaks of a result that could not be used. Such a result may "
        "have no value that can be read; whether it is above a limit can then not be told. “On "
        "the problem list”, “of the last 24 h”, “inpatient” and “usable” mean what “How "
        "to read this book” says."
    )


def entries(pages: Pages) -> Iterator[tuple[int, Iterator[str]]]:
    """Each term by its number, with the lines that explain it."""
    numbers = pages.speaker.numbers
    for definition in terms_of(pages.book, Speaker(pages.book), numbers):
        yield numbers[definition.name], _entry(definition, pages)


def _entry(definition: Definition, pages: Pages) -> Iterator[str]:
    means = Speaker(pages.book).means(definition)
    lead = f"**{pages.speaker.numbers[definition.name]}. {capital(means)}**"
    if pages.speaker.sentence(definition.clause) != means:
        yield from condition(f"{lead} means:", definition.clause, pages)
    elif worked := _worked_out(definition, pages):
        yield f"{lead} is worked out: see “{worked}” in the chapter “{WORKED_OUT}”."
        yield ""
    else:
        yield f"{lead} means: {_as_recorded(definition, pages)}"
        yield ""


def _as_recorded(definition: Definition, pages: Pages) -> str:
    """Where a term that is one entry of the data comes from."""
    names = sorted(facts_in(definition.clause))
    source = pages.book.facts[names[0]].source if names else None
    match source:
        case PatientSource("setting"):
            return (
                "the patient is not admitted, nor in the emergency department, under observation "
                "or in the delivery unit, when the service is asked."
            )
        case PatientSource("encounter"):
            return "the service is asked about a stay whose record was not sent or cannot be read."
        case ProblemSource(concepts=concepts):
            named = listed(map(problem, concepts))
            return (
                f"an active entry of {named} on the problem list, which nobody has refuted, of any "
                "date or without one."
            )
        case AllergySource(substances=substances):
            return (
                f"an active entry of the allergy list for {listed(substances)}, one of its salts "
                "or one of its products, which nobody has refuted."
            )
        case LabSource():
            return f"a usable result within the time limits of the chapter “{HOW_OLD}”."
        case _:
            return "what the order or the record states."


def _worked_out(definition: Definition, pages: Pages) -> str:
    """The title of what a term rests on, where the program works it out."""
    sources = (pages.book.facts[name].source for name in sorted(facts_in(definition.clause)))
    made = (DERIVED[x.function].title for x in sources if isinstance(x, DerivedSource))
    return next(made, "")


def ranges(pages: Pages) -> Iterator[str]:
    """Results that fall into named ranges."""
    for spec in pages.book.facts.values():
        source = spec.source
        if not isinstance(source, BandSource):
            continue
        of = noun(spec, pages.book)
        yield f"**Ranges of {of}**"
        yield ""
        yield from table(
            ("Range", "Values"),
            (
                (label.replace("-", " "), range_words(source, label, pages.book, IN_A_TABLE))
                for label in labels_by_size(source)
            ),
        )
        if source.contested:
            own = pages.book.facts[source.contested[2]].source
            yield from _own_limit(source.contested[0], own)


def _own_limit(label: str, own: FactSource) -> Iterator[str]:
    if isinstance(own, ReferenceLowSource):
        low, high = map(amount, own.between)
        yield from paragraph(
            "The laboratory's own limit counts only where it is stated with the result "
            f"and lies between {low} and {high}, or the same in another unit. "
            f"“{capital(label)}” is a value on which that limit and the usual one "
            "disagree."
        )


def worked_out(pages: Pages) -> Iterator[str]:
    """What no laboratory reports: worked out in the program, with fixed rules."""
    made = (fact.source for fact in pages.book.facts.values())
    used = {source.function for source in made if isinstance(source, DerivedSource)}
    for name, worked in DERIVED.items():
        if name in used:
            yield f"**{worked.title}.** {worked.explained}"
            yield ""


def windows(pages: Pages) -> Iterator[str]:
    """How old a result may be."""
    yield "An older result is too old and drives nothing. A result exactly as old still counts."
    yield ""
    rows = []
    for window in pages.book.windows.values():
        outside = span(window.outpatient)
        if window.shorter:
            concept, shorter = window.shorter
            outside += f"; {span(shorter)} with {problem(concept)}"
        name = capital(window.name.removesuffix("_window").replace("_", " "))
        rows.append(
            (_WINDOWS.get(window.name, name), span(window.inpatient), outside, window.why,
             pages.sources(window.cite))
        )  # fmt: skip
    yield from table(("Of what", "Inpatient", "Outpatient", "Why", "Sources"), rows)


_WINDOWS = {
    "set_aside_window": "A result that could not be used, to be named",
    "qtc_window": "QTc",
    "wbc_window": "White cell count",
    "weight_window": "Weight and height",
    "magnesium_14d_window": "Magnesium, at risk from cancer drugs",
    "magnesium_30d_window": "Magnesium, at risk from other drugs",
    "magnesium_90d_window": "Magnesium, at risk from slow losses or a heart problem",
    "magnesium_365d_window": "Magnesium, under a proton pump inhibitor",
    "magnesium_month_window": "Magnesium, in lupus with leukopenia",
    "recent_high_potassium_window": "A high potassium that could not be used",
}


def units(pages: Pages) -> Iterator[str]:
    """Which units are read, and how they are converted for the reader."""
    yield from paragraph(
        "A result is compared in the unit it came in, with the limit of that unit, and "
        "never rounded before. Conversions serve the reader, and limits without a value "
        "in that unit. The limits in this book are those that the service uses in each unit; they "
        "may differ from a conversion in the last digit."
    )
    used = {limit.analyte for limit in pages.book.thresholds.values()}
    rows = []
    for analyte in Analyte:
        known = UNITS[analyte]
        if analyte not in used and len(known.factors) < 2:
            continue
        base = unit_name(known.canonical)
        others = (
            _converted(unit_name(unit), factor, base)
            for unit, factor in known.factors.items()
            if unit != known.canonical
        )
        rows.append((capital(_kind(analyte)), base, listed(others, "and") or "none"))
    yield from table(("Of what", "Unit", "Other units"), rows)
    yield "1 g of magnesium sulfate (heptahydrate) holds 4.06 mmol, or 8.12 mEq, of magnesium."
    yield ""


def _converted(unit: str, factor: Decimal, base: str) -> str:
    """`1 m = 100 cm`; a part that has no end is turned round: `60 min = 1 h`."""
    if len(factor.as_tuple().digits) > MOST_DIGITS:
        return f"{(1 / factor).quantize(Decimal(1)):f} {unit} = 1 {base}"
    return f"1 {unit} = {factor:f} {base}"


def _kind(analyte: Analyte) -> str:
    kind = analyte.value.rpartition("_")[2]
    return f"{substance(analyte)}, {kind}" if kind in ("dose", "rate") else substance(analyte)


def sources(pages: Pages) -> Iterator[str]:
    """Every cited document, with its address in full, for readers of the paper."""
    yield from table(
        ("Document", "What it is", "Address"),
        (
            (item.title, _STANDINGS.get(item.standing, item.standing), item.url or "none")
            for item in sorted(pages.book.citations.values(), key=lambda item: item.title)
        ),
    )


def orders(pages: Pages) -> Iterator[str]:
    """What may be ordered, and what every card that offers it prints."""
    rows = []
    for template in pages.book.templates.values():
        code = "RxNorm" if template.kind == "MedicationRequest" else "LOINC"
        rows.append((capital(template.display), f"{code} {template.code}",
                     " ".join(template.fine_print) or "nothing"))  # fmt: skip
    yield from table(("Order", "Code", "What the card adds"), rows)


def laws(pages: Pages) -> Iterator[str]:
    """Laws over all rules at once, and how many there are about single ones."""
    yield from paragraph(f"{PROOF} “No magnesium” and “no infusion” mean: none is offered.")
    everywhere = [law for law in pages.extras.laws if not law.rules]
    some = [law for law in pages.extras.laws if law.rules]
    yield from bullets((0, law_words(law)) for law in everywhere)
    if some:
        titles = {rule.id: rule.title for rule in pages.book.rules}
        yield "Laws about single rules:"
        yield ""
        for law in some:
            about = listed((titles[name] for name in sorted(law.rules) if name in titles), "and")
            yield f"- {law_words(law)} About: {about}."
        yield ""


def law_words(law: LawText) -> str:
    """A law and its reason."""
    return f"{law.title}: {sentence(law.why)}"
