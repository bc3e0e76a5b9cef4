"""`must_not_match` and `never_suggest` of the code sets: what a code must not be taken for.

A table under a concept or a drug role lists codes (a trailing `*` = a family of codes) and, for
drugs, names as an order would write them. Nothing is looked up here when a chart is read: the list
is checked against the code sets when they load, so the row that would map such a code is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from cds.facts.terminology import DrugName, Product
from cds.kernel.codes import ATC, RXNORM, Coding, RxNorm
from cds.rulebook.codetables import MUST_NOT_MATCH, SYSTEMS, Row, Sheet
from cds.rulebook.drugcodes import Drugs

NEVER_SUGGEST = "never_suggest"
TEXT = "text"

Meaning = Callable[[str, str], frozenset[str]]  # (system or `text`, code) -> what it means


def refuse_concepts(
    sheet: Sheet,
    codes: Mapping[Coding, frozenset[str]],
    families: Collection[tuple[str, str, str]],
) -> None:
    """Codes of problems, procedures or allergens that must not mean a concept of this file."""

    def meant(system: str, code: str) -> frozenset[str]:
        stem, name, whole = code.removesuffix("*"), SYSTEMS[system], code.endswith("*")
        exact = (
            found
            for key, found in codes.items()
            if key.system == name and (key.code.startswith(stem) if whole else key.code == code)
        )
        inside = {
            concept
            for known, prefix, concept in families
            if known == name and (stem.startswith(prefix) or (whole and prefix.startswith(stem)))
        }
        return frozenset[str]().union(inside, *exact)

    _refuse(sheet, sheet.sections("concepts"), meant, frozenset(SYSTEMS))


def refuse_drugs(sheet: Sheet, drugs: Drugs) -> None:
    """Codes, ATC classes and names of drugs that must not have a role. A form that is not systemic
    is no exposure, so it has no role here."""

    def meant(system: str, code: str) -> frozenset[str]:
        if system == TEXT:
            return _named(drugs.names, code)
        keys = [Coding(RXNORM, code)] if system == "rxnorm" else _classes(code)
        found = next((drugs.codes[key] for key in keys if key in drugs.codes), None)
        return found.roles if found is not None and found.systemic else frozenset()

    _refuse(sheet, sheet.sections("roles"), meant, frozenset({"rxnorm", "atc", TEXT}))


def refuse_suggestions(sheet: Sheet, products: Mapping[RxNorm, Product]) -> None:
    """Products that must never be suggested (clinical pack safety points 2, 3 and 34)."""
    for row in sheet.rows(4, NEVER_SUGGEST):
        product = products.get(RxNorm(row.cells[0]))
        if product is not None and product.suggestable:
            message = f"`{product.rxnorm}` is suggestable, and `{NEVER_SUGGEST}` lists it."
            sheet.problem(row.line, message, "Write `suggestable: false`.")


def _classes(code: str) -> list[Coding]:
    """An ATC code and its classes, the code itself first."""
    return [Coding(ATC, code[:length]) for length in range(len(code), 2, -1)]


def _named(names: Collection[DrugName], text: str) -> frozenset[str]:
    found = (
        name.roles
        for name in names
        if name.pattern.search(text) and not (name.unless and name.unless.search(text))
    )
    return frozenset[str]().union(*found)


def _refuse(sheet: Sheet, names: Collection[str], meant: Meaning, systems: frozenset[str]) -> None:
    if MUST_NOT_MATCH not in sheet.source.data:
        return
    for name in sheet.sections(MUST_NOT_MATCH):
        if name not in names:
            message = f"`{name}` is not a name of this file."
            sheet.problem(sheet.line(MUST_NOT_MATCH, name), message, "Nothing can be taken for it.")
        for row, system, code in _rows(sheet, name, systems):
            if name in meant(system, code):
                message = f"`{code}` must not mean `{name}`, and this file says it does."
                sheet.problem(row.line, message, "Keep one of the two.")


def _rows(sheet: Sheet, name: str, systems: frozenset[str]) -> Iterator[tuple[Row, str, str]]:
    seen: set[str] = set()
    for row in sheet.rows(4, MUST_NOT_MATCH, name):
        system, _, code = row.cells[0].partition(" ")
        if system not in systems or not code.strip("*"):
            message = f"`{row.cells[0]}` is not a system and a code."
            sheet.problem(row.line, message, f"Start with one of {', '.join(sorted(systems))}.")
        elif row.cells[0] in seen:
            sheet.problem(row.line, f"`{code}` stands here twice.", "Keep one of the two.")
        elif not row.cells[2]:
            sheet.problem(row.line, f"`{code}` has no reason.", "Say what it is instead.")
        else:
            yield row, system, code
        seen.add(row.cells[0])
