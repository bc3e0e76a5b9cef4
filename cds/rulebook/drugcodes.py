"""`rules/code_sets/drugs.yaml`: drugs by code, by ATC class, and by name as the last resort."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cds.facts.terminology import DrugCode, DrugName
from cds.kernel.codes import ATC, RXNORM, Coding
from cds.rulebook.codetables import MUST_NOT_MATCH, Row, Sheet

FORMS = {
    "": (True, None),
    "oral": (True, False),
    "parenteral": (True, True),
    "not-systemic": (False, False),
}
MEMBERS = frozenset({"ingredients", "roles", "atc", "words", "unless", "rxnorm", "beyond_pack"})

# Capitals and small letters are alike, and Unicode counts these four as i, i, s and k. They stand
# one by one: as members of a set of characters they make a pattern four times as slow to compile,
# and there are hundreds of patterns at every start.
ALIKE = "\u0130\u0131\u017f\u212a"
_BEGINS = "(?<![A-Za-z0-9])" + "".join(f"(?<!{sign})" for sign in ALIKE)
_ENDS = "(?![A-Za-z0-9])" + "".join(f"(?!{sign})" for sign in ALIKE)
_APART = f"(?-i:(?:{''.join(f'(?!{sign})' for sign in ALIKE)}[^A-Za-z0-9])+)"

Parts = tuple[tuple[str, frozenset[str]], ...]


@dataclass(frozen=True, slots=True)
class Drugs:
    """What drugs.yaml says: codes, and names with an index by their first word."""

    codes: dict[Coding, DrugCode]
    names: tuple[DrugName, ...]
    by_word: dict[str, tuple[DrugName, ...]]


def read_drugs(sheet: Sheet) -> Drugs:
    """Read the file; findings go to the sheet."""
    sheet.check_head(frozenset({"roles", "drugs", MUST_NOT_MATCH}))
    codes: dict[Coding, DrugCode] = {}
    names: list[DrugName] = []
    by_word: dict[str, list[DrugName]] = {}
    known = sheet.sections("roles")  # the one role vocabulary
    for drug in sheet.sections("drugs"):
        parts = _parts(sheet, drug, known)
        _codes(sheet, drug, parts, codes)
        words = sheet.words(";", "drugs", drug, "words")
        unless = _pattern(sheet.words(";", "drugs", drug, "unless"))
        for ingredient, roles in parts if words else ():
            name = DrugName(ingredient, roles, _pattern(words) or re.compile(r"(?!)"), unless)
            names.append(name)
            for first in dict.fromkeys(tokens(phrase)[0] for phrase in words):
                by_word.setdefault(first, []).append(name)
    return Drugs(codes, tuple(names), {word: tuple(found) for word, found in by_word.items()})


def tokens(text: str) -> tuple[str, ...]:
    """Lower-case words as the name index sees them."""
    return tuple(re.findall(r"[a-z0-9]+", text.lower()))


def _parts(sheet: Sheet, drug: str, known: Mapping[str, Any]) -> Parts:
    line = sheet.line("drugs", drug)
    for member in set(sheet.sections("drugs", drug)) - MEMBERS:
        sheet.problem(line, f"`{member}` is not a member of a drug.")
    if beyond := sheet.words(None, "drugs", drug, "beyond_pack"):
        sheet.check_sources(sheet.line("drugs", drug, "beyond_pack"), " ".join(beyond))
    roles = frozenset(sheet.words(None, "drugs", drug, "roles"))
    for role in sorted(roles - known.keys()):  # a misspelled role would silence a rule
        sheet.problem(line, f"`{role}` is not a role.", "Declare it under `roles`.")
    ingredients = sheet.words(";", "drugs", drug, "ingredients") or (drug,)
    return tuple((ingredient, roles) for ingredient in ingredients)


def _codes(sheet: Sheet, drug: str, parts: Parts, codes: dict[Coding, DrugCode]) -> None:
    own: set[str] = set()
    for row in sheet.rows(4, "drugs", drug, "rxnorm"):
        code, display, form, _ = row.cells
        if not code.isdigit() or form not in FORMS:
            sheet.problem(
                row.line,
                "a row starts with an RxNorm code and names a form.",
                f"Forms: {', '.join(name or '-' for name in FORMS)}.",
            )
            continue
        if code in own:
            sheet.problem(row.line, f"`{code}` stands here twice.", "Keep one of the two.")
        own.add(code)
        systemic, parenteral = FORMS[form]
        _merge(sheet, row, codes, _code(parts, display, systemic, parenteral))
    for code in sheet.words(None, "drugs", drug, "atc"):
        key = Coding(ATC, code)
        if key in codes:
            sheet.problem(
                sheet.line("drugs", drug, "atc"),
                f"`{code}` stands here twice.",
                "An ATC code belongs to one drug.",
            )
        codes[key] = _code(parts, drug, True, None)


def _code(parts: Parts, display: str, systemic: bool, parenteral: bool | None) -> DrugCode:
    roles = frozenset(role for _, own in parts for role in own)
    return DrugCode(tuple(name for name, _ in parts), roles, display, systemic, parenteral, parts)


def _merge(sheet: Sheet, row: Row, codes: dict[Coding, DrugCode], new: DrugCode) -> None:
    """A combination product stands under each ingredient; its rows must agree."""
    key = Coding(RXNORM, row.cells[0])
    old = codes.get(key)
    if old is None:
        codes[key] = new
        return
    if (old.display, old.systemic, old.parenteral) != (new.display, new.systemic, new.parenteral):
        sheet.problem(row.line, f"`{key.code}` is described differently elsewhere in this file.")
    codes[key] = _code((*old.parts, *new.parts), new.display, new.systemic, new.parenteral)


def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str] | None:
    if not phrases:
        return None
    spelled = (_APART.join(map(re.escape, tokens(phrase))) for phrase in phrases)
    return re.compile(rf"{_BEGINS}(?i:{'|'.join(spelled)}){_ENDS}")
