"""Small rule directories for tests, on top of the real code sets and order templates."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cds.errors import Problem, RulebookError
from cds.rulebook.codesets import load_terminology
from cds.rulebook.load import assemble
from cds.rulebook.model import Rulebook
from cds.rulebook.orders import load_orders

ROOT = Path(__file__).parents[3]

SHARED = """
citations:
  paper: {title: A paper, url: "https://example.org/paper", standing: guideline}
windows:
  day: {inpatient: 24 h, outpatient: 7 d, why: a day, cite: [paper]}
facts:
  magnesium: {lab: magnesium, newest_within: day}
  potassium: {lab: potassium, newest_within: day}
  age: {patient: age, in_cases: 50 a}
  epilepsy: {problem: epilepsy}
  renal_band: {derived: renal_band, in_cases: full}
thresholds:
  mg_low: {of: magnesium, value: [1.7 mg/dL, 0.70 mmol/L], why: low, cite: [paper]}
  mg_high: {of: magnesium, value: [2.6 mg/dL], why: high, cite: [paper]}
  k_low: {of: potassium, value: [3.5 mmol/L], why: low, cite: [paper]}
bands:
  mg_class: {of: magnesium, steps: [low, mg_low, normal, mg_high, high]}
tables:
  tablets:
    by: [renal_band]
    of: frequency
    unit: /d
    why: tablets
    cite: [paper]
    rows: {full: 2, half: 1, low: none, hold: none, unknown: none}
define:
  low_magnesium: {when: {mg_class: {is: low}}, say: "magnesium is {magnesium}"}
  child: {when: {age: {below: 18 a}}, say: a child}
"""

RULE = """
id: test-rule
family: hypomagnesemia
title: Test rule
version: 1.0.0
status: active
owner: Test
reviewed: {by: pending, date: 2026-01-01, due: 2027-01-01}
hooks: [order-select]
use: [base]
purpose: a test
cite: [paper]
levels:
  - row: T1
    indicator: warning
    when: {holds: low_magnesium}
    summary: "Magnesium {magnesium}"
cases:
  - {name: low fires, given: {magnesium: 1.6 mg/dL}, expect: fires, row: T1}
  - {name: normal is silent, given: {magnesium: 2.0 mg/dL}, expect: silent}
"""


@cache
def _parts():  # type: ignore[no-untyped-def]
    return load_terminology(ROOT / "rules/code_sets"), load_orders(ROOT / "rules/orders")


def write(directory: Path, rule: str = RULE, shared: str = SHARED) -> Path:
    """A rules directory with one shared file `base` and one rule."""
    rules = directory / "rules"
    (rules / "shared").mkdir(parents=True, exist_ok=True)
    (rules / "shared" / "base.yaml").write_text(shared, encoding="utf-8")
    (rules / "test-rule.yaml").write_text(rule, encoding="utf-8")
    return rules


def load(directory: Path, rule: str = RULE, shared: str = SHARED) -> Rulebook:
    """The rulebook of such a directory."""
    terms, templates = _parts()
    return assemble(write(directory, rule, shared), terms, templates, [])


def problems(directory: Path, rule: str = RULE, shared: str = SHARED) -> tuple[Problem, ...]:
    """What is wrong with it; () when nothing is."""
    try:
        load(directory, rule, shared)
    except RulebookError as error:
        return error.problems
    return ()
