"""The schema for editors: clauses and declarations of facts, line by line."""

from __future__ import annotations

from typing import Any

import pytest
import rulefiles
from schemafiles import SHARED, books, data, fits

from cds.rulebook.jsonschema import schema


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return schema(*books(tmp_path_factory.mktemp("clauses")))


CLAUSES = {
    "magnesium: present": True,
    "magnesium: missing": True,
    "magnesium: absent": False,  # a result is missing, never absent
    "magnesium: {missing: [stale, unit]}": True,
    "magnesium: {missing: stale}": True,
    "magnesium: {missing: [old]}": False,
    "magnesium: {below: mg_low}": True,
    "magnesium: {below: own_limit}": True,
    "magnesium: {below: 1.7 mg/dL}": True,
    "magnesium: {below: 1.7}": False,
    "magnesium: {below: 1.7 kg}": False,
    "magnesium: {below: k_low}": False,
    "magnesium: {below: mg_loww}": False,
    "magnesium: {below: {table: tablets}}": False,
    "magnesium: {between: [mg_low, 2.6 mg/dL]}": True,
    "magnesium: {between: [mg_low]}": False,
    "magnesium: {between: [mg_low, mg_high, mg_high]}": False,
    "magnesium: {falling_by: 0.2 mg/dL}": True,
    "magnesium: {falling_by: mg_low}": False,
    "magnesium: {is: low}": False,
    "magnesium: {above: mg_low, below: mg_high}": False,
    "total: {above: {table: grams}}": True,
    "total: {above: {table: tablets}}": False,
    "total: {rising_by: 1 g}": False,  # only a laboratory result has one before it
    "mg_class: {is: low}": True,
    "mg_class: {in: [low, high]}": True,
    "mg_class: {is: lowest}": False,
    "mg_class: present": True,
    "mg_class: {below: mg_low}": False,
    "icu: present": True,
    "icu: absent": True,
    "icu: {missing: unreadable}": True,
    "icu: {is: present}": False,
    "age: {below: 18 a}": True,
    "aged: {below: 18 a}": False,
    "holds: child": True,
    "not: child": True,
    "cannot_tell: child": True,
    "holds: children": False,
    "holds: [child]": False,
    "all: [{holds: child}, {any: [{icu: present}, {not: child}]}]": True,
    "all: [{any: [{all: [{icu: present}]}]}]": False,  # nested too deeply
    "all: []": False,
    "any: {icu: present}": False,
    "{}": False,
    "{icu: present, age: present}": False,
    "given_grams: present": False,  # only a law may ask for the offer
}


@pytest.mark.parametrize(("clause", "wanted"), CLAUSES.items(), ids=CLAUSES)
def test_a_clause_fits_as_far_as_the_language_goes(made: Any, clause: str, wanted: bool) -> None:
    rule = data(rulefiles.RULE)
    rule["levels"][0]["when"] = data(clause)
    assert fits(made, rule) is wanted


FACTS = {
    "{lab: magnesium, newest_within: day}": True,
    "{lab: magnesium}": False,
    "{lab: magnesia, newest_within: day}": False,
    "{lab: magnesium, newest_within: week}": False,
    "{lab: magnesium, newest_within: day, in_cases: 2 mg/dL}": True,
    "{lab: magnesium, newest_within: day, colour: red}": False,
    "{lab_order: [19123-9], within: 24 h}": True,
    "{lab_order: 19123-0, within: 24 h}": False,
    "{lab_order: 19123-9, within: 24}": False,
    "{lab_set_aside: magnesium, beyond: day, within: day, newer_than_used: false}": True,
    "{lab_set_aside: magnesium, beyond: day}": False,
    "{lab_set_aside_reason: magnesium, beyond: day, within: day}": True,
    "{lab_set_aside_reason: magnesium, within: day}": False,
    "{two_results: magnesium}": True,
    "{two_results: magnesia}": False,
    "{reference_low: magnesium, between: [1.2 mg/dL, 2.2 mg/dL]}": True,
    "{reference_low: magnesium, between: [1.2 mg/dL]}": False,
    "{reference_low: magnesium}": False,
    "{derived: renal_band}": True,
    "{derived: renal_bands}": False,
    "{problem: epilepsy}": True,
    "{problem: [epilepsy, sepsis], onset_within: 28 d, undated: counts}": True,
    "{problem: epilepsie}": False,
    "{problem: epilepsy, undated: perhaps}": False,
    "{procedure: dialysis, within: 30 d}": True,
    "{procedure: dialysis}": False,
    "{medication: [loop-diuretic], which: [active, draft], route: oral}": True,
    "{medication: ppi, which: active, running: 365 d}": True,
    "{medication: ppi}": False,
    "{medication: ppi, which: [stopped]}": False,
    "{medication: ppis, which: active}": False,
    "{allergy: magnesium}": True,
    "{allergy: dust}": False,
    "{patient: setting}": True,
    "{patient: name}": False,
    "{supplied: medications}": True,
    "{failed: medications}": True,
    "{failed: patients}": False,
    "{order: roles, one_of: [mg-replacement-iv]}": True,
    "{order: dose, of: magnesium_sulfate_dose}": True,
    "{order: colour}": False,
    "{}": False,
}


@pytest.mark.parametrize(("fact", "wanted"), FACTS.items(), ids=FACTS)
def test_a_fact_says_where_it_comes_from_and_what_that_needs(
    made: Any, fact: str, wanted: bool
) -> None:
    shared = data(SHARED)
    shared["facts"]["magnesium"] = data(fact)
    assert fits(made, shared) is wanted
