"""A small rule directory with a file of each kind, and whether a value fits its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import rulefiles
import yaml
from jsonschema import Draft202012Validator

from cds.rulebook.laws import load_laws
from cds.rulebook.model import Rulebook

SHARED = rulefiles.SHARED.replace(
    "thresholds:\n",
    """
  own_limit: {reference_low: magnesium, between: [1.2 mg/dL, 2.2 mg/dL]}
  icu: {patient: icu}
  total: {derived: magnesium_24h}
thresholds:
""".lstrip("\n"),
).replace(
    "tables:\n",
    """
tables:
  grams:
    {by: [renal_band], of: magnesium_sulfate_dose, unit: g, why: usual, cite: [paper],
     rows: {full: 4, half: 2, low: 1, hold: none, unknown: none}}
""".lstrip("\n"),
)
LAWS = """
facts:
  given_grams: {offer: dose, of: magnesium_sulfate_dose}
define:
  law_much: {when: {given_grams: {above: 4 g}}}
laws:
  a-law:
    title: A law
    why: a reason
    cite: [paper]
    given: {given_grams: {above: {table: grams}}}
    always: {any: [{fires: {rule: [test-rule]}}, {all: [{offers: {kind: drug}}, {icu: present}]}]}
"""
SITE = """
site: north
title: A hospital
changes:
  - {by: A. Person, date: 2026-11-01, why: decided here, thresholds: {mg_low: [1.6 mg/dL]}}
"""
SOURCE = """
source: paper
title: A paper
standing: guideline
statements: [{id: a, says: severe below 1.2 mg/dL, names: [mg_low, tablets, child, magnesium]}]
"""
ORDERS = """
orders:
  test: {file: test.json, display: a test, code: 19123-9}
"""
FILES = {
    "rule": rulefiles.RULE,
    "shared": SHARED,
    "laws": LAWS,
    "site": SITE,
    "source": SOURCE,
    "orders": ORDERS,
    "codes": "date: 2026-01-01\nsources: {}\nconcepts: {}\n",
}


def data(text: str) -> Any:
    """A file as an editor reads it: numbers are numbers, dates are text."""
    return json.loads(json.dumps(yaml.safe_load(text), default=str))


def books(folder: Path) -> tuple[Rulebook, Rulebook]:
    """The small rulebook, and the same with the names its laws declare."""
    book = rulefiles.load(folder, shared=SHARED)
    (folder / "rules" / "laws.yaml").write_text(LAWS, encoding="utf-8")
    return book, load_laws(folder / "rules", book).book


def fits(made: Any, value: Any) -> bool:
    """Whether an editor would find nothing wrong with the value."""
    return bool(Draft202012Validator(made).is_valid(value))
