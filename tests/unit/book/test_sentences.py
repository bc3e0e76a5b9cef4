"""Clauses as sentences: what is read aloud is what the engine judges."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "rulebook"))

import rulefiles

from cds.rulebook.clauses import ClauseCompiler
from cds.rulebook.model import (
    AnyOf,
    CannotTell,
    Clause,
    DerivedSource,
    FactSpec,
    FactType,
    Holds,
    Rulebook,
    Where,
)
from cds.rulebook.prose.clauses import SINCE, Speaker, negated
from cds.rulebook.prose.facts import has_label, noun
from cds.rulebook.prose.texts import filled
from cds.rulebook.reading import read_source
from cds.rulebook.scope import Scope
from cds.rulebook.source import Source

SHARED = rulefiles.SHARED.replace(
    "thresholds:\n",
    """
  magnesium_aside: {lab_set_aside: magnesium, beyond: day, within: day}
  magnesium_aside_why: {lab_set_aside_reason: magnesium, beyond: day, within: day}
  magnesium_week: {lab: magnesium, newest_within: week}
  magnesium_month: {lab: magnesium, newest_within: month}
  own_limit: {reference_low: magnesium, between: [1.2 mg/dL, 2.2 mg/dL]}
  differing: {two_results: magnesium}
  diuretic: {medication: [loop-diuretic, thiazide], which: [active, draft]}
  infusion: {medication: mg-replacement-iv, which: [given], route: parenteral}
  oral_potassium: {medication: k-replacement, which: [active], route: oral}
  long_ppi: {medication: ppi, which: [active], running: 365 d}
  many: {medication: [acei, arb, arni, mra, nsaid], which: [active]}
  infarction: {problem: myocardial-infarction, onset_within: 28 d, undated: counts}
  sepsis: {problem: [sepsis, septic-shock], undated: of-this-stay}
  dialysis: {procedure: dialysis, within: 30 d}
  allergy: {allergy: magnesium}
  magnesium_test: {lab_order: [19123-9], within: 24 h}
  icu: {patient: icu}
  encounter: {patient: encounter}
  setting: {patient: setting}
  drugs_there: {supplied: medications}
  drugs_failed: {failed: medications}
  dilution: {derived: possible_dilution}
  total: {derived: magnesium_24h}
  corrected: {derived: calcium_corrected}
  draft_dose: {derived: magnesium_draft_dose}
  order_dose: {order: dose, of: magnesium_sulfate_dose}
  order_day: {order: daily, of: potassium_dose}
  order_rate: {order: rate, of: potassium_rate}
  order_route: {order: route}
  order_push: {order: push}
  order_undiluted: {order: undiluted}
  order_readable: {order: readable}
  order_editable: {order: editable}
  order_bag: {order: product, one_of: ["829757"]}
  order_injectable: {order: roles, one_of: [mg-replacement-iv]}
  order_laxative: {order: roles, one_of: [mg-containing-laxative]}
thresholds:
  mg_severe: {of: magnesium, value: [1.2 mg/dL], why: severe, cite: [paper]}
""".lstrip("\n"),
).replace(
    "  mg_class: {of",
    "  own_class:\n    of: magnesium\n    steps: [severe, mg_severe, low, mg_low, normal]\n"
    "    contested: {label: borderline, threshold: mg_low, by: own_limit}\n"
    "  mg_class: {of",
).replace(
    "tables:\n",
    "tables:\n  grams:\n    by: [renal_band]\n    of: magnesium_sulfate_dose\n    unit: g\n"
    "    why: most in one dose\n    cite: [paper]\n"
    "    rows: {full: 4, half: 2, low: 1, hold: none, unknown: none}\n",
).replace(
    "windows:\n",
    "windows:\n  week: {inpatient: 7 d, outpatient: 7 d, why: a week, cite: [paper]}\n"
    "  month: {inpatient: 7 d, outpatient: 30 d, why: a month, cite: [paper]}\n",
).replace(
    "  child: {when",
    "  low_aloud: {means: magnesium is low, when: {mg_class: {is: low}}}\n"
    "  either_low: {means: magnesium or potassium is low, when: {potassium: {below: k_low}}}\n"
    "  stop_here: {means: a stop is present, when: {epilepsy: present}}\n"
    "  two_parts: {when: {any: [{epilepsy: present}, {icu: present}]}}\n"
    "  child: {when",
)  # fmt: skip


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return rulefiles.load(tmp_path_factory.mktemp("prose"), shared=SHARED)


def compiled(book: Rulebook, data: Any) -> Clause:
    scope = Scope(
        book.terminology,
        book.templates,
        facts=dict(book.facts),
        thresholds=dict(book.thresholds),
        tables=dict(book.tables),
        definition_names=set(book.definitions),
    )
    clause = ClauseCompiler(scope, Source("prose", {}, {})).compile(data, ())
    assert clause is not None, scope.problems
    return clause


TOTAL = "magnesium sulfate given in the last 24 h plus due in the next 24 h"
EXAMPLES = read_source(Path(__file__).with_name("sentences.yaml"), "sentences").data["clauses"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["said"][:60])
def test_a_clause_is_a_sentence(book: Rulebook, example: Any) -> None:
    assert Speaker(book).sentence(compiled(book, example["clause"])) == example["said"]


def test_what_brings_a_card_back_has_changed_since_then(book: Rulebook) -> None:
    speaker = replace(Speaker(book, {"falls": 7}), against=SINCE)
    falls = compiled(book, {"magnesium": {"falling_by": "0.2 mg/dL"}})
    said = "magnesium has fallen by at least 0.2 mg/dL (0.08 mmol/L) since then"
    assert speaker.sentence(falls) == said
    named = replace(book.definitions["low_magnesium"], name="falls", clause=falls)
    speaker = replace(speaker, book=replace(book, definitions={"falls": named}))
    assert speaker.sentence(Holds("falls", False, Where("test", 1))) == f"{said} (term 7)"


@pytest.mark.parametrize(
    ("sentence", "opposite"),
    [
        ("body is light (5 kg or less)", "body is not light (5 kg or less)"),
        ("an emergency is on the list", "no emergency is on the list"),
        ("x is long, and y is low", "it is not true that x is long, and y is low"),
        ("kidneys fail", "it is not true that kidneys fail"),
    ],
)  # fmt: skip
def test_what_has_parts_is_denied_as_a_whole(sentence: str, opposite: str) -> None:
    assert negated(sentence) == opposite


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Below {mg_low}: {magnesium}", "Below 1.7 mg/dL (0.70 mmol/L): [magnesium value]"),
        ("{magnesium.why}.", "[magnesium: value, time and how old it is, or why there is none]."),
        ("{diuretic} and {many}", "[loop diuretic or thiazide, by name] and [drugs, by name]"),
        ("{epilepsy} {magnesium_aside_why}", "[the problem as recorded] [reason]"),
        ("{dose} over {duration}, {order}", "[dose] over [duration], [name of the order]"),
        ("At most {tablets}", "At most [dose of the table “tablets”]"),
        ("{magnesium.age} ago", "[age of the result] ago"),
        ("Not seen: {drugs_there}", "Not seen: [what happened to the query]"),
        ("{renal_band.explained}", "[kidney function in words, with the estimates at hand]"),
        ("In all {total}", f"In all [{TOTAL}]"),
        ("{total.why}", f"[{TOTAL}, explained]"),
    ],
)  # fmt: skip
def test_holes_of_a_text_are_named_in_words(book: Rulebook, text: str, told: str) -> None:
    assert filled(text, book) == told


def test_numbers_of_the_glossary_follow_the_term(book: Rulebook) -> None:
    speaker = Speaker(book, {"low_aloud": 7})
    clause = Holds("low_aloud", True, book.definitions["low_aloud"].where)
    assert speaker.sentence(clause) == "magnesium is not low (term 7)"


def test_what_is_not_certain_is_one_line_of_a_list(book: Rulebook) -> None:
    low = book.definitions["low_aloud"]
    either = AnyOf(
        (Holds("low_aloud", True, low.where), CannotTell("low_aloud", low.where)), low.where
    )
    assert list(Speaker(book).lines(either)) == [
        (0, "it is not true, or cannot be told, that magnesium is low")
    ]


def test_a_clause_of_several_parts_is_a_list_that_is_read_from_the_top(book: Rulebook) -> None:
    data = {
        "all": [
            {"magnesium": "present"},
            {"magnesium": {"below": "mg_low"}},
            {"any": [{"icu": "present"}, {"epilepsy": "absent"}]},
        ]
    }
    assert list(Speaker(book).lines(compiled(book, data))) == [
        (0, "all of these are true:"),
        (1, "a usable magnesium level is at hand and is below 1.7 mg/dL (0.70 mmol/L)"),
        (1, "at least one of these is true:"),
        (2, "the patient is in intensive care"),
        (2, "no epilepsy is on the problem list"),
    ]


def test_a_group_of_one_is_said_like_its_only_part(book: Rulebook) -> None:
    alone = compiled(book, {"all": [{"any": [{"icu": "present"}]}]})
    assert list(Speaker(book).lines(alone)) == [(0, "the patient is in intensive care")]


NOUNS = {
    "magnesium": "magnesium",
    "magnesium_week": "magnesium of the last 7 days",
    "mg_class": "magnesium",
    "age": "the patient's age",
    "setting": "the setting of the patient",
    "renal_band": "kidney function",
    "order_dose": "the magnesium sulfate in one dose of this order",
    "order_route": "the route of this order",
    "long_ppi": "long ppi",
}


@pytest.mark.parametrize(("name", "called"), NOUNS.items(), ids=NOUNS)
def test_a_fact_is_called_by_words(book: Rulebook, name: str, called: str) -> None:
    assert noun(book.facts[name], book) == called


def test_a_label_without_words_of_its_own_is_said_by_its_name(book: Rulebook) -> None:
    kind = FactType("category", None, ("stage-one", "stage-two"))
    stage = FactSpec("stage", DerivedSource("egfr"), kind, Where("rules/shared/base.yaml", 1))
    said = has_label(stage, ["stage-two", "stage-one"], book)
    assert said == "the estimated GFR (CKD-EPI 2021) is stage one or stage two"
