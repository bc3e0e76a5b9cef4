"""What the cards of a rule may offer, what withholds it and why, and the tables of doses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cds.book.markdown import bullets, paragraph, quoted, table
from cds.book.pages import Pages, innermost, sentence
from cds.facts import show
from cds.kernel.codes import RxNorm
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.rulebook.model import BandSource, Definition, Holds, OrderTemplate, Rule, Suggestion, Table
from cds.rulebook.prose.clauses import SINCE
from cds.rulebook.prose.derived import BAND_COLUMNS
from cds.rulebook.prose.facts import labels_by_size, noun
from cds.rulebook.prose.limits import amount, limit, measured
from cds.rulebook.prose.words import capital, listed, span

_EDITS = {
    "update": "It changes the dose of the order that is judged.",
    "delete": "It removes the order that is judged.",
}


_WORDS = {
    1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six",
    7: "seven", 8: "eight", 9: "nine", 10: "ten", 11: "eleven", 12: "twelve",
}  # fmt: skip


def numbered(rule: Rule) -> dict[str, str]:
    """Suggestion -> `offer one`, in the order of the rows. In words: digits belong to the rows."""
    names = dict.fromkeys(name for level in rule.levels for name in level.suggest)
    return {name: f"offer {_WORDS.get(i, i)}" for i, name in enumerate(names, 1)}


def offers(rule: Rule, pages: Pages, names: Mapping[str, str]) -> Iterator[str]:
    """One paragraph for each suggestion, then what withholds them, then the doses."""
    if not names:
        yield "The cards of this rule offer nothing."
        yield ""
        return
    yield from paragraph(
        "Nothing is ordered by the card itself: a person accepts an offer, or does not. "
        "Where the condition of an offer cannot be told, the offer is withheld, and the "
        "card says so."
    )
    for name, called in names.items():
        yield from _offer(rule.suggestions[name], called, rule, pages)
    stops = stops_of(rule, pages, names)
    if stops:
        yield from paragraph(
            "**What withholds an offer.** An offer is withheld when one of these is true, and "
            "also when one cannot be told. The card stays, and says why. Five things that are not "
            "known count as absent; they, and what withholds an offer of every rule, stand in “How "
            "to read this book”."
        )
        yield from table(("Withheld when", "What the card then says", "Which offers"), stops)
    for table_name in pages.reaches[rule.id].tables:
        yield from dose_table(pages.book.tables[table_name], pages)


def _offer(item: Suggestion, called: str, rule: Rule, pages: Pages) -> Iterator[str]:
    template = pages.book.templates.get(item.template or "")
    yield f"**{capital(called)}: {quoted(pages.says(item.label))}**"
    yield ""
    made = f"It drafts an order: {_ordered(template, pages)}." if template else _EDITS[item.action]
    lines = [f"Made by row {_rows_of(item, rule)}. {made}"]
    if item.dose:
        lines.append(_dose(item, pages))
        lines.append(
            "Where the table gives no dose, this is not offered, and the card says “there is no "
            "dose for this patient”, and why."
        )
    if item.if_:
        lines.append(f"Offered only when {pages.speaker.sentence(item.if_)}.")
    if item.duplicate_of:
        open_ = pages.speaker.sentence(Holds(item.duplicate_of, False, item.where))
        lines.append(f"Not offered again when {open_}.")
    if item.total:
        fact, most = item.total
        of = noun(pages.book.facts[fact], pages.book)
        most_words = limit(pages.book.thresholds[most])
        lines.append(
            f"Withheld when {of}, together with this dose, is above {most_words}, or when it "
            "cannot be told how much that is (doses given that were not sent count as none)."
        )
    yield from bullets((0, line) for line in lines)


def _ordered(template: OrderTemplate, pages: Pages) -> str:
    if template.kind != "MedicationRequest":
        return template.display
    known = pages.book.terminology.products.get(RxNorm(template.code))
    said = known.display if known else template.display
    if template.elemental_mg is None:
        return f"{said}, as many as the dose needs"
    return f"{said}, one for each dose, with {template.elemental_mg:f} mg of elemental magnesium"


def _rows_of(item: Suggestion, rule: Rule) -> str:
    """`2 (C5)`: the place of each row that makes the offer, with its name."""
    places = enumerate(rule.levels, 1)
    return listed((f"{i} ({x.row})" for i, x in places if item.name in x.suggest), "and")


def _dose(item: Suggestion, pages: Pages) -> str:
    if item.dose is None:
        return ""
    source = f"The dose is that of the table “{pages.book.tables[item.dose.table].why}”"
    if item.dose.rate:
        return f"{source}, at {amount(item.dose.rate)}."
    if item.dose.over:
        return f"{source}, the whole dose over {amount(item.dose.over)}."
    return f"{source}."


def stops_of(rule: Rule, pages: Pages, names: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Each innermost stop once: when it holds, what the card says, which offers it withholds."""
    found: dict[str, list[str]] = {}
    for name, called in names.items():
        for stop in rule.suggestions[name].unless:
            for definition in innermost(stop.name, pages.book):
                found.setdefault(definition.name, []).append(called.removeprefix("offer "))
    return [_stop(pages.book.definitions[name], which, pages) for name, which in found.items()]


def _stop(stop: Definition, which: list[str], pages: Pages) -> tuple[str, str, str]:
    when = pages.speaker.sentence(Holds(stop.name, False, stop.where))
    said = pages.says(stop.say) or stop.name.replace("_", " ")
    return capital(when), capital(said), listed(which, "and")


def dose_table(found: Table, pages: Pages) -> Iterator[str]:
    """A table of doses: kidney function across where it is one of the keys."""
    yield f"**Table of doses: {found.why}** ({measured(found.analyte)})"
    yield ""
    across = found.by[-1]
    columns = list(dict.fromkeys(key[-1] for key in found.rows))
    head = [_column(across, label) for label in columns]
    if len(found.by) == 1:
        cells = [[_cell(found.rows[(label,)]) for label in columns]]
        yield from table(head, cells)
    else:
        down = _by_size(found, pages)
        first = capital(noun(pages.book.facts[found.by[0]], pages.book))
        yield from table(
            [first, *head],
            [
                [_label(label), *(_cell(found.rows[(label, to)]) for to in columns)]
                for label in down
            ],
        )
    if len(found.by) > 1:
        yield from paragraph(
            "A table may hold more cells than the rules can reach: where another row "
            "comes first, its cells are never used."
        )
    yield sentence(f"Sources: {pages.sources(found.cite)}")
    yield ""


def _by_size(found: Table, pages: Pages) -> list[str]:
    """The labels of the rows: those of a range by size, what is not known last."""
    labels = list(dict.fromkeys(key[0] for key in found.rows))
    source = pages.book.facts[found.by[0]].source
    order = labels_by_size(source) if isinstance(source, BandSource) else ()
    return sorted(labels, key=lambda x: order.index(x) if x in order else len(order))


def _column(fact: str, label: str) -> str:
    if fact == "renal_band":
        return BAND_COLUMNS.get(label, label)
    return _label(label)


def _label(label: str) -> str:
    return "not known" if label == "unknown" else label.replace("-", " ")


def _cell(dose: Quantity | None) -> str:
    if dose is None:
        return "no dose"
    if dose.analyte is Analyte.MAGNESIUM_SULFATE_DOSE:
        return show.mg_dose(dose.to("g").value).replace("meq", "mEq")
    if dose.unit == "/d":
        times = {1: "1 tablet once a day", 2: "1 tablet twice a day"}
        return times.get(int(dose.value), f"1 tablet {show.short(dose.value)} times a day")
    return amount(dose)


def repeat(rule: Rule, pages: Pages) -> str:
    """When the card may come again, as the rule states it."""
    if rule.repeat is None:
        return ""
    after = (
        f"after a clinician has given a reason, the card stays away for {span(rule.repeat.after)}"
    )
    if rule.repeat.unless:
        speaker = replace(pages.speaker, against=SINCE)
        return f"{after}, unless {speaker.sentence(rule.repeat.unless)}."
    return f"{after}."


def reasons(rule: Rule, pages: Pages) -> str:
    """The reasons a clinician may give for not following the card."""
    known = pages.book.override_reasons
    return listed(f"“{known[name].display}”" for name in rule.override_reasons if name in known)
