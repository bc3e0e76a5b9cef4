"""`rules/code_sets/*.yaml` -> Terminology, or RulebookError with every problem in every file.

    labs.yaml        LOINC codes per analyte: match, and refuse (must not match)
    drugs.yaml       RxNorm and ATC codes and display words per drug, with its roles
    products.yaml    products of one verified strength
    problems.yaml    conditions, procedures.yaml, allergens.yaml: codes per concept

Codes are look-up keys of the whole product, so a code that would mean two things does not load,
and neither does one that `must_not_match` says it must not mean.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from pathlib import Path

from cds.errors import Problem, RulebookError
from cds.facts.model import Reason
from cds.facts.terminology import LabCode, Product, Terminology
from cds.kernel.codes import LOINC, RXNORM, Coding, RxNorm
from cds.kernel.units import UNITS, Analyte
from cds.rulebook.codetables import MUST_NOT_MATCH, SYSTEMS, Row, Sheet
from cds.rulebook.drugcodes import Drugs, read_drugs
from cds.rulebook.mustnotmatch import (
    NEVER_SUGGEST,
    refuse_concepts,
    refuse_drugs,
    refuse_suggestions,
)
from cds.rulebook.reading import read_source

FILES = ("labs", "drugs", "products", "problems", "procedures", "allergens")
REFUSALS = {reason.value: reason for reason in (Reason.WRONG_SPECIMEN, Reason.NOT_APPLICABLE)}
DIMENSIONS = {
    "g": Analyte.MAGNESIUM_SULFATE_DOSE,
    "mg": Analyte.MAGNESIUM_OXIDE_DOSE,
    "meq": Analyte.POTASSIUM_DOSE,
}

PRODUCT_MEMBERS = frozenset(
    {
        "display",
        "ingredient",
        "per_unit",
        "unit",
        "source",
        "suggestable",
        "millilitres",
        "salt_mg",
        "elemental_mg",
    }
)

Concepts = dict[Coding, frozenset[str]]
Prefixes = tuple[tuple[str, str, str], ...]


def load_terminology(directory: Path) -> Terminology:
    """Read all code sets of a directory. Raises RulebookError listing every problem."""
    sheets: dict[str, Sheet] = {}
    problems: list[Problem] = []
    for name in FILES:
        try:
            sheets[name] = Sheet(read_source(directory / f"{name}.yaml", f"code_sets/{name}.yaml"))
        except RulebookError as error:
            problems.extend(error.problems)
    if problems:
        raise RulebookError(tuple(problems))
    terms = _terminology(sheets)
    problems = [problem for sheet in sheets.values() for problem in sheet.problems]
    if problems:
        raise RulebookError(tuple(problems))
    return terms


def _terminology(sheets: dict[str, Sheet]) -> Terminology:
    drugs: Drugs = read_drugs(sheets["drugs"])
    refuse_drugs(sheets["drugs"], drugs)
    problems, prefixes = read_concepts(sheets["problems"])
    procedures, procedure_prefixes = read_concepts(sheets["procedures"])
    allergens, allergen_prefixes = read_concepts(sheets["allergens"])
    if procedure_prefixes:
        sheets["procedures"].problem(1, "families (`*`) are not used for procedures.")
    for system, code, concept in allergen_prefixes:  # an ATC class is looked up by its own code
        key = Coding(system, code)
        allergens[key] = allergens.get(key, frozenset()) | {concept}
    return Terminology(
        labs=read_labs(sheets["labs"]),
        drugs=drugs.codes,
        names=drugs.names,
        names_by_word=drugs.by_word,
        products=read_products(sheets["products"], drugs),
        problems=problems,
        problem_prefixes=prefixes,
        procedures=procedures,
        allergens=allergens,
    )


# --- labs ------------------------------------------------------------------------------------


def read_labs(sheet: Sheet) -> dict[Coding, LabCode]:
    """LOINC -> LabCode; a code stands once in the whole file."""
    sheet.check_head(frozenset({"analytes"}))
    found: dict[Coding, LabCode] = {}
    for name in sheet.sections("analytes"):
        try:
            analyte = Analyte(name)
        except ValueError:
            sheet.problem(sheet.line("analytes", name), f"`{name}` is not an analyte.")
            continue
        for row in sheet.rows(6, "analytes", name, "match"):
            _put(sheet, row, found, _match(sheet, row, analyte))
        for row in sheet.rows(5, "analytes", name, "refuse"):
            _put(sheet, row, found, _refuse(sheet, row, analyte))
    return found


def _match(sheet: Sheet, row: Row, analyte: Analyte) -> LabCode:
    _, display, prop, mark, flag, _ = row.cells
    if prop not in ("", "mass", "substance"):
        sheet.problem(row.line, f"`{prop}` is not a property.", "Use mass, substance or -.")
    if mark not in ("", "pre-dialysis"):
        sheet.problem(row.line, f"`{mark}` is not a mark.", "Use pre-dialysis or -.")
    return LabCode(analyte, display, property=prop, flag=flag, pre_dialysis=mark == "pre-dialysis")


def _refuse(sheet: Sheet, row: Row, analyte: Analyte) -> LabCode:
    _, display, reason, note, _ = row.cells
    if reason not in REFUSALS:
        sheet.problem(row.line, f"`{reason}` is not a reason.", f"Use {' or '.join(REFUSALS)}.")
    return LabCode(analyte, display, REFUSALS.get(reason, Reason.NOT_APPLICABLE), flag=note)


def _put(sheet: Sheet, row: Row, found: dict[Coding, LabCode], code: LabCode) -> None:
    key = Coding(LOINC, row.cells[0])
    if not re.fullmatch(r"\d{1,6}-\d", key.code):
        sheet.problem(row.line, f"`{key.code}` is not a LOINC code.")
    elif key in found:
        sheet.problem(row.line, f"`{key.code}` stands here twice.", "Keep one of the two.")
    found[key] = code


# --- concepts (problems, procedures, allergens) --------------------------------------------------


def read_concepts(sheet: Sheet) -> tuple[Concepts, Prefixes]:
    """(code -> concepts, code families), with `implies` applied."""
    sheet.check_head(frozenset({"concepts", "implies", MUST_NOT_MATCH}))
    names = sheet.sections("concepts")
    implied = sheet.source.data.get("implies") or {}
    for name in implied.keys() - names.keys():
        sheet.problem(sheet.line("implies", name), f"`{name}` is not a concept of this file.")
    found: Concepts = {}
    prefixes: list[tuple[str, str, str]] = []
    for name in names:
        meant = frozenset({name, *(implied.get(name) or ())})
        for row in sheet.rows(3, "concepts", name):
            system, _, code = row.cells[0].partition(" ")
            if system not in SYSTEMS or not code:
                sheet.problem(
                    row.line,
                    f"`{row.cells[0]}` is not a system and a code.",
                    f"Start with one of {', '.join(SYSTEMS)}.",
                )
            elif code.endswith("*"):
                prefixes += [(SYSTEMS[system], code[:-1], concept) for concept in sorted(meant)]
            else:
                _add(sheet, row, found, Coding(SYSTEMS[system], code), meant)
    refuse_concepts(sheet, found, prefixes)
    return found, tuple(prefixes)


def _add(sheet: Sheet, row: Row, found: Concepts, key: Coding, meant: frozenset[str]) -> None:
    if meant <= found.get(key, frozenset()):
        sheet.problem(row.line, f"`{key.code}` stands here twice.", "Keep one of the two.")
    found[key] = found.get(key, frozenset()) | meant


# --- products ------------------------------------------------------------------------------------


def read_products(sheet: Sheet, drugs: Drugs) -> dict[RxNorm, Product]:
    """RxNorm -> Product. Every product must be a known drug code of the same ingredient."""
    sheet.check_head(frozenset({"products", "concentrations", NEVER_SUGGEST}))
    found: dict[RxNorm, Product] = {}
    for code in sheet.sections("products"):
        product = _product(sheet, code)
        if product is not None:
            found[product.rxnorm] = product
    for index, entry in enumerate(sheet.source.data.get("concentrations") or ()):
        line = sheet.line("concentrations", index)
        code = RxNorm(entry.get("rxnorm") or "")
        amount = _amount(sheet, line, entry.get("per_millilitre") or "")
        if code in found:
            sheet.problem(line, f"`{code}` stands here twice.", "Keep one of the two.")
        if amount is not None:
            found[code] = Product(
                code,
                f"{amount[1]} {amount[2]}/mL",
                entry.get("ingredient") or "",
                amount[0],
                amount[1],
                "mL",
                millilitres=Decimal(1),
            )
    for product in found.values():
        _check_known(sheet, product, drugs)
    refuse_suggestions(sheet, found)
    return found


def _product(sheet: Sheet, code: str) -> Product | None:
    data = sheet.sections("products", code)
    line = sheet.line("products", code)
    for name in sorted(set(data) - PRODUCT_MEMBERS):
        sheet.problem(line, f"`{name}` is not a member of a product.")
    amount = _amount(sheet, line, data.get("per_unit") or "")
    if amount is None:
        return None
    if data.get("suggestable") not in ("true", "false"):
        sheet.problem(line, "`suggestable` must be true or false.")
    return Product(
        RxNorm(code),
        data.get("display") or "",
        data.get("ingredient") or "",
        amount[0],
        amount[1],
        data.get("unit") or "",
        millilitres=_number(sheet, line, data.get("millilitres")),
        salt_mg=_number(sheet, line, data.get("salt_mg")),
        elemental_mg=_number(sheet, line, data.get("elemental_mg")),
        suggestable=data.get("suggestable") == "true",
    )


def _amount(sheet: Sheet, line: int, text: str) -> tuple[Analyte, Decimal, str] | None:
    number, _, unit = text.partition(" ")
    value = _number(sheet, line, number or None)
    if value is None or unit not in DIMENSIONS or unit not in UNITS[DIMENSIONS[unit]].factors:
        sheet.problem(
            line, f"`{text}` is not an amount of a dose.", "Write `1 g`, `400 mg`, `20 meq`."
        )
        return None
    return DIMENSIONS[unit], value, unit


def _number(sheet: Sheet, line: int, text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if value.is_finite() and value > 0:
        return value
    sheet.problem(line, f"`{text}` is not a positive number.")
    return None


def _check_known(sheet: Sheet, product: Product, drugs: Drugs) -> None:
    code = drugs.codes.get(Coding(RXNORM, product.rxnorm))
    if code is None or product.ingredient not in code.ingredients:
        where = ("products", product.rxnorm)
        sheet.problem(
            sheet.line(*where),
            f"`{product.rxnorm}` is not a code of `{product.ingredient}` in drugs.yaml.",
            "Strength without identity is never used.",
        )
