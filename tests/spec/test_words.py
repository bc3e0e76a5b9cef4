"""What does each word of the rule language mean? One table per word: facts in, verdict out.

Y = yes, N = no, ? = cannot tell.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import rulefiles

from cds.engine.evaluate import judge
from cds.rulebook.clauses import ClauseCompiler
from cds.rulebook.model import Clause, Rulebook
from cds.rulebook.scope import Scope
from cds.rulebook.source import Source
from cds.trial import case_facts, stated

MARKS = {"yes": "Y", "no": "N", "cannot-tell": "?"}
LAB = {"below": "mg_low", "at_least": "mg_low", "above": "mg_low", "at_most": "mg_low"}


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return rulefiles.load(tmp_path_factory.mktemp("spec"))


def compiled(book: Rulebook, data: Any) -> Clause:
    scope = Scope(
        book.terminology,
        book.templates,
        facts=dict(book.facts),
        thresholds=dict(book.thresholds),
        tables=dict(book.tables),
        definition_names=set(book.definitions),
    )
    clause = ClauseCompiler(scope, Source("spec", {}, {})).compile(data, ())
    assert clause is not None, scope.problems
    return clause


def asked(book: Rulebook, data: Any, **given: str) -> str:
    facts = case_facts(book, {k: stated(book.facts[k], v) for k, v in given.items()})
    return MARKS[judge(compiled(book, data), facts).verdict.value]


# mg_low is 1.7 mg/dL and 0.70 mmol/L; every unit is compared with its own constant.
COMPARED = [
    # magnesium            below at_least above at_most
    ("1.6 mg/dL",          "Y",  "N",     "N",  "Y"),
    ("1.7 mg/dL",          "N",  "Y",     "N",  "Y"),
    ("1.8 mg/dL",          "N",  "Y",     "Y",  "N"),
    ("0.69 mmol/L",        "Y",  "N",     "N",  "Y"),
    ("0.70 mmol/L",        "N",  "Y",     "N",  "Y"),
    ("0.71 mmol/L",        "N",  "Y",     "Y",  "N"),
    ("1.39 meq/L",         "Y",  "N",     "N",  "Y"),
    ("1.40 meq/L",         "N",  "Y",     "Y",  "N"),
    ("<1.7 mg/dL",         "Y",  "N",     "N",  "Y"),
    ("<=1.7 mg/dL",        "?",  "?",     "N",  "Y"),
    ("<1.8 mg/dL",         "?",  "?",     "?",  "?"),
    (">1.7 mg/dL",         "N",  "Y",     "Y",  "N"),
    (">=1.7 mg/dL",        "N",  "Y",     "?",  "?"),
    (">1.6 mg/dL",         "?",  "?",     "?",  "?"),
    ("missing",            "?",  "?",     "?",  "?"),
    ("missing stale",      "?",  "?",     "?",  "?"),
    ("not known",          "?",  "?",     "?",  "?"),
]  # fmt: skip


@pytest.mark.parametrize(("value", *LAB), COMPARED)
def test_comparing_with_a_threshold(
    book: Rulebook, value: str, below: str, at_least: str, above: str, at_most: str
) -> None:
    verdicts = [asked(book, {"magnesium": {op: "mg_low"}}, magnesium=value) for op in LAB]
    assert verdicts == [below, at_least, above, at_most]


BETWEEN = [
    ("1.6 mg/dL", "N"),
    ("1.7 mg/dL", "Y"),
    ("2.5 mg/dL", "Y"),
    ("2.6 mg/dL", "N"),
    ("<1.0 mg/dL", "N"),
    ("<2.0 mg/dL", "?"),
    ("missing", "?"),
]


@pytest.mark.parametrize(("value", "verdict"), BETWEEN)
def test_between_includes_the_lower_and_excludes_the_upper(
    book: Rulebook, value: str, verdict: str
) -> None:
    clause = {"magnesium": {"between": ["mg_low", "mg_high"]}}
    assert asked(book, clause, magnesium=value) == verdict


BANDS = [
    ("1.6 mg/dL", "Y", "Y"),
    ("1.7 mg/dL", "N", "Y"),
    ("2.6 mg/dL", "N", "N"),
    ("2.7 mg/dL", "N", "N"),
    ("<2.0 mg/dL", "?", "Y"),
    ("missing", "?", "?"),
    ("not known", "?", "?"),
]


@pytest.mark.parametrize(("value", "is_low", "in_low_or_normal"), BANDS)
def test_is_and_in_ask_for_a_label(
    book: Rulebook, value: str, is_low: str, in_low_or_normal: str
) -> None:
    assert asked(book, {"mg_class": {"is": "low"}}, magnesium=value) == is_low
    both = {"mg_class": {"in": ["low", "normal"]}}
    assert asked(book, both, magnesium=value) == in_low_or_normal


PRESENCE = [
    # fact        value        present absent/- missing missing:[stale]
    ("epilepsy",  "present",   "Y",    "N",     "N",    "N"),
    ("epilepsy",  "absent",    "N",    "Y",     "N",    "N"),
    ("epilepsy",  "not known", "?",    "?",     "?",    "?"),
    ("magnesium", "1.7 mg/dL", "Y",    None,    "N",    "N"),
    ("magnesium", "missing",   "N",    None,    "Y",    "N"),
    ("magnesium", "missing stale", "N", None,   "Y",    "Y"),
    ("magnesium", "not known", "?",    None,    "?",    "?"),
]  # fmt: skip


@pytest.mark.parametrize(("fact", "value", "present", "absent", "missing", "stale"), PRESENCE)
def test_present_absent_and_missing(
    book: Rulebook,
    fact: str,
    value: str,
    present: str,
    absent: str | None,
    missing: str,
    stale: str,
) -> None:
    given = {fact: value}
    assert asked(book, {fact: "present"}, **given) == present
    if absent is not None:
        assert asked(book, {fact: "absent"}, **given) == absent
    assert asked(book, {fact: "missing"}, **given) == missing
    assert asked(book, {fact: {"missing": ["stale"]}}, **given) == stale


LOW, SEIZURES = {"magnesium": {"below": "mg_low"}}, {"epilepsy": "present"}
KLEENE = [
    # magnesium   epilepsy     all  any
    ("1.6 mg/dL", "present",   "Y", "Y"),
    ("1.6 mg/dL", "absent",    "N", "Y"),
    ("1.6 mg/dL", "not known", "?", "Y"),
    ("2.0 mg/dL", "absent",    "N", "N"),
    ("2.0 mg/dL", "not known", "N", "?"),
    ("missing",   "not known", "?", "?"),
    ("missing",   "absent",    "N", "?"),
    ("missing",   "present",   "?", "Y"),
]  # fmt: skip


@pytest.mark.parametrize(("magnesium", "epilepsy", "both", "either"), KLEENE)
def test_all_and_any_are_three_valued(
    book: Rulebook, magnesium: str, epilepsy: str, both: str, either: str
) -> None:
    given = {"magnesium": magnesium, "epilepsy": epilepsy}
    assert asked(book, {"all": [LOW, SEIZURES]}, **given) == both
    assert asked(book, {"any": [LOW, SEIZURES]}, **given) == either


@pytest.mark.parametrize(
    ("magnesium", "holds", "negated", "cannot_tell"),
    [
        ("1.6 mg/dL", "Y", "N", "N"),
        ("2.0 mg/dL", "N", "Y", "N"),
        ("missing", "?", "?", "Y"),
        ("<2.0 mg/dL", "?", "?", "Y"),
    ],
)
def test_holds_not_and_cannot_tell_ask_a_definition(
    book: Rulebook, magnesium: str, holds: str, negated: str, cannot_tell: str
) -> None:
    given = {"magnesium": magnesium}
    assert asked(book, {"holds": "low_magnesium"}, **given) == holds
    assert asked(book, {"not": "low_magnesium"}, **given) == negated
    assert asked(book, {"cannot_tell": "low_magnesium"}, **given) == cannot_tell


@pytest.mark.parametrize(("value", "verdict"), [("17 a", "Y"), ("18 a", "N"), ("missing", "?")])
def test_a_number_with_a_unit_may_stand_in_the_clause(
    book: Rulebook, value: str, verdict: str
) -> None:
    assert asked(book, {"age": {"below": "18 a"}}, age=value) == verdict


@pytest.mark.parametrize(
    ("band", "verdict"),
    [("full", "N"), ("half", "Y"), ("low", "Y"), ("unknown", "Y"), ("not known", "Y")],
)
def test_a_table_is_a_right_hand_side_and_none_allows_nothing(
    tmp_path: Path, band: str, verdict: str
) -> None:
    shared = rulefiles.SHARED.replace(
        "epilepsy:", "daily: {order: daily, of: magnesium_oxide_dose}\n  epilepsy:"
    ).replace(
        "define:",
        "  allowed:\n    by: [renal_band]\n    of: magnesium_oxide_dose\n    unit: mg\n"
        "    why: tablets\n    cite: [paper]\n"
        "    rows: {full: 800, half: 400, low: none, hold: none, unknown: none}\ndefine:",
    )
    book = rulefiles.load(tmp_path, shared=shared)
    clause = {"daily": {"above": {"table": "allowed"}}}
    assert asked(book, clause, daily="800 mg", renal_band=band) == verdict
