"""The drug catalogue of a site: its codes and names as drugs of `rules/code_sets/drugs.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cds.errors import Problem, RulebookError
from cds.facts.terminology import DrugCode, DrugName, Product, Terminology
from cds.kernel.codes import RXNORM, Coding, RxNorm
from cds.rulebook.codetables import Sheet
from cds.rulebook.drugcodes import FORMS, tokens
from cds.rulebook.reading import read_source
from cds.rulebook.schema import suggest
from cds.rulebook.site import products
from cds.rulebook.site.file import Site, SiteDrug
from cds.rulebook.source import At, Source

Parts = tuple[tuple[str, frozenset[str]], ...]
_SHORTEST_NAME = 3  # letters and digits; a shorter word stands in too many texts


def known_drugs(directory: Path) -> dict[str, Parts]:
    """The drugs of `drugs.yaml` by heading: ingredients with their roles. {} where the file is
    unreadable: the loader of the code sets has said why."""
    try:
        sheet = Sheet(read_source(directory / "code_sets" / "drugs.yaml", "code_sets/drugs.yaml"))
    except RulebookError:
        return {}
    found: dict[str, Parts] = {}
    for drug in sheet.sections("drugs"):
        roles = frozenset(sheet.words(None, "drugs", drug, "roles"))
        ingredients = sheet.words(";", "drugs", drug, "ingredients") or (drug,)
        found[drug] = tuple((ingredient, roles) for ingredient in ingredients)
    return found


@dataclass(slots=True)
class Catalogue:
    """What a site adds to the drugs of the code sets."""

    terms: Terminology
    drugs: Mapping[str, Parts]
    problems: list[Problem]
    codes: dict[Coding, DrugCode] = field(default_factory=dict)
    products: dict[RxNorm, Product] = field(default_factory=dict)
    names: list[DrugName] = field(default_factory=list)
    by_word: dict[str, tuple[DrugName, ...]] = field(default_factory=dict)

    def add_code(self, source: Source, text: str, key: Coding | None, data: SiteDrug) -> None:
        """A code of the catalogue. `key` is None where the code itself could not be read."""
        at: At = ("drug_codes", text)
        parts = self._parts(source, at, data.drug)
        if not parts:
            return
        ingredients = tuple(name for name, _ in parts)
        product = self._product(source, at, text, data, ingredients)
        if key is None:
            return
        systemic, parenteral = FORMS[data.form or ""]
        known = self.terms.drugs.get(Coding(RXNORM, product)) if product else None
        if known is not None and data.form is None:  # the listed product settles how it is given
            systemic, parenteral = known.systemic, known.parenteral
        roles = frozenset(role for _, own in parts for role in own)
        self.codes[key] = DrugCode(
            ingredients, roles, data.display, systemic, parenteral, parts, product
        )

    def add_name(self, source: Source, text: str, drug: str) -> None:
        """A name of the catalogue, recognised as whole words wherever a drug has no known code."""
        at: At = ("drug_names", text)
        parts, spelled = self._parts(source, at, drug), tokens(text)
        if len("".join(spelled)) < _SHORTEST_NAME:
            message = f"`{text}` is too short to be recognised as a name."
            self.problems.append(source.problem(at, message, "Map its code under `drug_codes`."))
            return
        phrase = r"[^a-z0-9]+".join(map(re.escape, spelled))
        pattern = re.compile(rf"(?<![a-z0-9])(?:{phrase})(?![a-z0-9])", re.IGNORECASE)
        for ingredient, roles in parts:
            name = DrugName(ingredient, roles, pattern)
            known = self.by_word.get(spelled[0], self.terms.names_by_word.get(spelled[0], ()))
            self.names.append(name)
            self.by_word[spelled[0]] = (*known, name)

    def _parts(self, source: Source, at: At, drug: str) -> Parts:
        if drug not in self.drugs:
            fix = suggest(drug, list(self.drugs)) or "A drug is named by its heading there."
            message = f"`{drug}` is not a drug of `drugs.yaml`."
            self.problems.append(source.problem(at, message, fix))
        return self.drugs.get(drug, ())

    def _product(
        self, source: Source, at: At, text: str, data: SiteDrug, ingredients: tuple[str, ...]
    ) -> RxNorm | None:
        if data.product is not None:
            found = (source, at, data, ingredients, self.terms, self.problems)
            return products.listed(*found)
        if not (data.per_unit or data.unit or data.millilitres):
            return None
        product = products.own(source, at, RxNorm(text), data, ingredients, self.problems)
        if product is None:
            return None
        self.products[product.rxnorm] = product
        return product.rxnorm


def read_catalogue(
    terms: Terminology,
    site: Site,
    directory: Path,
    problems: list[Problem],
    keys: Mapping[str, Coding | None],
) -> Catalogue:
    """Every drug code and name of a site file. `keys`: the codes as they were read."""
    wanted = any(change.drug_codes or change.drug_names for _, change in site.parts)
    catalogue = Catalogue(terms, known_drugs(directory) if wanted else {}, problems)
    for source, change in site.parts:
        for text, data in change.drug_codes.items():
            catalogue.add_code(source, text, keys.get(text), data)
        for text, drug in change.drug_names.items():
            catalogue.add_name(source, text, drug)
    return catalogue
