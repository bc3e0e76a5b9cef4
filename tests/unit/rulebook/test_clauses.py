"""Clauses as they are written: what compiles to what, and what is refused with which mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import rulefiles

from cds.facts.model import Reason
from cds.kernel.units import Analyte
from cds.rulebook.clauses import ClauseCompiler
from cds.rulebook.model import (
    All,
    AnyOf,
    Between,
    CannotTell,
    Change,
    Clause,
    Compare,
    Holds,
    IsIn,
    IsMissing,
    IsPresent,
    Rulebook,
    ToFact,
    ToQuantity,
    ToTable,
    ToThreshold,
    Where,
)
from cds.rulebook.scope import Scope
from cds.rulebook.source import Source
from tests.unit.facts.standin import quantity

MG, K = Analyte.MAGNESIUM, Analyte.POTASSIUM
HERE = Where("rule.yaml", 1)
SHARED = rulefiles.SHARED.replace(
    "  epilepsy:",
    "  mg_floor: {reference_low: magnesium, between: [1.2 mg/dL, 2.2 mg/dL]}\n"
    "  daily: {order: daily, of: magnesium_oxide_dose}\n  epilepsy:",
).replace(
    "define:",
    "  allowed:\n    by: [renal_band]\n    of: magnesium_oxide_dose\n    unit: mg\n"
    "    why: tablets\n    cite: [paper]\n"
    "    rows: {full: 800, half: 400, low: none, hold: none, unknown: none}\ndefine:",
)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return rulefiles.load(Path(tmp_path_factory.mktemp("clauses")), shared=SHARED)


def compiled(book: Rulebook, data: Any) -> tuple[Clause | None, list[str]]:
    scope = Scope(
        book.terminology,
        book.templates,
        facts=dict(book.facts),
        thresholds=dict(book.thresholds),
        tables=dict(book.tables),
        definition_names=set(book.definitions),
    )
    clause = ClauseCompiler(scope, Source("rule.yaml", {}, {})).compile(data, ("when",))
    return clause, [f"{item.message} {item.fix}".strip() for item in scope.problems]


EPILEPSY = IsPresent("epilepsy", True, HERE)
WRITTEN: list[tuple[Any, Clause]] = [
    ({"magnesium": {"below": "mg_low"}},
     Compare("magnesium", "below", ToThreshold("mg_low"), HERE)),
    ({"magnesium": {"at_least": "1.7 mg/dL"}},
     Compare("magnesium", "at_least", ToQuantity(quantity(MG, "1.7 mg/dL")), HERE)),
    ({"magnesium": {"above": "mg_floor"}}, Compare("magnesium", "above", ToFact("mg_floor"), HERE)),
    ({"daily": {"at_most": {"table": "allowed"}}},
     Compare("daily", "at_most", ToTable("allowed"), HERE)),
    ({"magnesium": {"between": ["mg_low", "2.6 mg/dL"]}},
     Between("magnesium", ToThreshold("mg_low"), ToQuantity(quantity(MG, "2.6 mg/dL")), HERE)),
    ({"potassium": {"rising_by": "0.3 mmol/L"}},
     Change("potassium", "rising", quantity(K, "0.3 mmol/L"), HERE)),
    ({"potassium": {"falling_by": "0.3 mmol/L"}},
     Change("potassium", "falling", quantity(K, "0.3 mmol/L"), HERE)),
    ({"mg_class": {"is": "low"}}, IsIn("mg_class", frozenset({"low"}), HERE)),
    ({"mg_class": {"in": ["low", "high"]}}, IsIn("mg_class", frozenset({"low", "high"}), HERE)),
    ({"epilepsy": "present"}, EPILEPSY),
    ({"epilepsy": "absent"}, IsPresent("epilepsy", False, HERE)),
    ({"magnesium": "present"}, IsPresent("magnesium", True, HERE)),
    ({"magnesium": "missing"}, IsMissing("magnesium", frozenset(), HERE)),
    ({"magnesium": {"missing": "stale"}}, IsMissing("magnesium", frozenset({Reason.STALE}), HERE)),
    ({"magnesium": {"missing": ["stale", "no-time"]}},
     IsMissing("magnesium", frozenset({Reason.STALE, Reason.NO_TIME}), HERE)),
    ({"holds": "child"}, Holds("child", False, HERE)),
    ({"not": "child"}, Holds("child", True, HERE)),
    ({"cannot_tell": "child"}, CannotTell("child", HERE)),
    ({"all": [{"epilepsy": "present"}]}, All((EPILEPSY,), HERE)),
    ({"any": [{"epilepsy": "present"}, {"all": [{"holds": "child"}]}]},
     AnyOf((EPILEPSY, All((Holds("child", False, HERE),), HERE)), HERE)),
]  # fmt: skip


@pytest.mark.parametrize(("data", "clause"), WRITTEN)
def test_every_word_of_the_language_compiles(book: Rulebook, data: Any, clause: Clause) -> None:
    assert compiled(book, data) == (clause, [])


ONE_LINE = "a clause is one line: `{fact: {operator: value}}`"
REFUSED: list[tuple[Any, str]] = [
    ([], ONE_LINE),
    ("low_magnesium", ONE_LINE),
    ({}, ONE_LINE),
    ({"magnesium": "present", "potassium": "present"}, ONE_LINE),
    ({"all": [{"holds": "child"}, "child"]}, ONE_LINE),
    ({"all": {"holds": "child"}}, "`all` takes a list of clauses."),
    ({"any": []}, "`any` takes a list of clauses."),
    ({"any": [{"all": [{"any": [{"holds": "child"}]}]}]},
     "all / any are nested too deeply to read aloud. Give the inner part a name under `define`"),
    ({"holds": "chil"}, "`chil` is not a declared definition. Did you mean `child`?"),
    ({"cannot_tell": "epilepsy"}, "`epilepsy` is not a declared definition."),
    ({"child": "present"}, "`child` is a definition, not a fact. Write `holds: child`."),
    ({"potasium": "present"}, "`potasium` is not a declared fact. Did you mean `potassium`?"),
    ({"magnesium": "absent"}, "`magnesium` is never `absent`. Write `missing`."),
    ({"magnesium": "low"}, "`magnesium` takes one operator. Operators: below, at_least, above,"),
    ({"magnesium": {"above": "mg_low", "below": "mg_high"}}, "`magnesium` takes one operator."),
    ({"magnesium": None}, "`magnesium` takes one operator."),
    ({"magnesium": {"belov": "mg_low"}}, "`belov` is not an operator. Did you mean `below`?"),
    ({"epilepsy": {"above": "mg_low"}}, "`epilepsy` is not a quantity and has no `above`."),
    ({"epilepsy": {"rising_by": "1 mg/dL"}}, "`epilepsy` is not a quantity"),
    ({"epilepsy": {"is": "low"}}, "`epilepsy` has no labels."),
    ({"mg_class": {"in": ["low", "hihg"]}},
     "`hihg` is not a label of `mg_class` (low, normal, high). Did you mean `high`?"),
    ({"magnesium": {"missing": ["stael"]}}, "`stael` is not a reason. Did you mean `stale`?"),
    ({"magnesium": {"rising_by": "a lot"}}, "`a lot` is not a number with a unit."),
    ({"magnesium": {"falling_by": "0.3 mmHg"}}, "`mmHg` is not a unit of magnesium (accepted:"),
    ({"magnesium": {"falling_by": "0 mg/dL"}},
     "`0 mg/dL` is no step: name one number above zero."),
    ({"magnesium": {"rising_by": "-0.3 mg/dL"}}, "`-0.3 mg/dL` is no step"),
    ({"magnesium": {"rising_by": "<0.3 mg/dL"}}, "`<0.3 mg/dL` is no step"),
    ({"magnesium": {"between": "mg_low"}}, "`between` takes [lower included, upper excluded]."),
    ({"magnesium": {"between": ["mg_low", "k_low"]}}, "a magnesium is compared with `k_low`,"),
    ({"magnesium": {"below": "k_low"}},
     "a magnesium is compared with `k_low`, a potassium. Did you mean `mg_low`?"),
    ({"magnesium": {"below": "epilepsy"}}, "a magnesium is compared with `epilepsy`, a label."),
    ({"age": {"below": "epilepsy"}},
     "a age is compared with `epilepsy`, a label. Thresholds of age: none."),
    ({"magnesium": {"below": "mg_lwo"}},
     "`mg_lwo` is neither a threshold, a fact nor a number with a unit. Did you mean `mg_low`?"),
    ({"magnesium": {"below": "1.7 meq"}}, "`meq` is not a unit of magnesium"),
    ({"daily": {"above": {"table": "alowed"}}},
     "`alowed` is not a declared table. Did you mean `allowed`?"),
    ({"daily": {"above": {"table": "tablets"}}},
     "a magnesium_oxide_dose is compared with `tablets`, a frequency."),
]  # fmt: skip


@pytest.mark.parametrize(("data", "words"), REFUSED)
def test_what_cannot_be_meant_is_refused_with_its_mend(
    book: Rulebook, data: Any, words: str
) -> None:
    clause, problems = compiled(book, data)
    assert clause is None
    assert len(problems) == 1
    assert words in problems[0]


def test_every_fault_in_a_group_is_listed_at_once(book: Rulebook) -> None:
    clause, problems = compiled(
        book, {"all": [{"holds": "chil"}, {"holds": "child"}, {"any": [{"potasium": "present"}]}]}
    )
    assert clause is None
    assert [text.split(" ")[0] for text in problems] == ["`chil`", "`potasium`"]
