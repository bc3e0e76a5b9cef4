"""Codes of a site's own systems -> Terminology with them.

A local code may say that it is one of the tests or drugs this service knows. It can never give a
known code another meaning: LOINC, RxNorm, ATC, SNOMED and ICD codes mean the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from cds.errors import Problem
from cds.facts.terminology import LabCode, Terminology
from cds.kernel.codes import SYSTEM_ALIASES, Coding, system_of
from cds.kernel.units import Analyte
from cds.rulebook import words
from cds.rulebook.schema import suggest
from cds.rulebook.site.drugs import read_catalogue
from cds.rulebook.site.file import Site, SiteLab
from cds.rulebook.site.ranges import reference_lows
from cds.rulebook.source import At, Source

_STANDARD = frozenset(SYSTEM_ALIASES.values())


def with_site_codes(
    terms: Terminology, site: Site, directory: Path, problems: list[Problem]
) -> Terminology:
    """The code sets with the codes, names and reference ranges of the site."""
    labs = dict(terms.labs)
    keys: dict[str, Coding | None] = {}
    for source, change in site.parts:
        keys |= local_codes(source, "drug_codes", change.drug_codes, problems)
        found = local_codes(source, "lab_codes", change.lab_codes, problems)
        for text, data in change.lab_codes.items():
            code, key = _lab(source, ("lab_codes", text), data, problems), found[text]
            if code is not None and key is not None:
                labs[key] = code
    catalogue = read_catalogue(terms, site, directory, problems, keys)
    return replace(
        terms,
        labs=labs,
        drugs={**terms.drugs, **catalogue.codes},
        products={**terms.products, **catalogue.products},
        names=(*terms.names, *catalogue.names),
        names_by_word={**terms.names_by_word, **catalogue.by_word},
        reference_lows=reference_lows(site, problems),
    )


def local_codes(
    source: Source, word: str, texts: Iterable[str], problems: list[Problem]
) -> dict[str, Coding | None]:
    """`https://lab.example.org/tests|MG-S` -> the code; None with a problem where it is none of
    a system of the site's own."""
    return {text: _local_code(source, (word, text), text, problems) for text in texts}


def _local_code(source: Source, at: At, text: str, problems: list[Problem]) -> Coding | None:
    system, _, code = text.partition("|")
    if ":" not in system or not code or text != text.strip():
        fix = "Write the address of the code system, a bar, and the code: `https://x.example|MG-S`."
        problems.append(source.problem(at, f"`{text}` is not a system and a code.", fix))
    elif system_of(system) in _STANDARD:
        message = f"the codes of `{system}` mean the same at every site."
        fix = "They stand in `rules/code_sets`; a site names codes of its own systems only."
        problems.append(source.problem(at, message, fix))
    else:
        return Coding(system, code)
    return None


def _lab(source: Source, at: At, data: SiteLab, problems: list[Problem]) -> LabCode | None:
    try:
        analyte = words.analyte(data.analyte)
    except ValueError as error:
        fix = suggest(data.analyte, [item.value for item in Analyte])
        problems.append(source.problem((*at, "analyte"), f"{error}.", fix))
        return None
    return LabCode(analyte, data.display, property=data.property or "")
