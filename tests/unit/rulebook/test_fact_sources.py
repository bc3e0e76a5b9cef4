"""`facts:` declarations: what each word makes of a chart, and what does not load."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import rulefiles

from cds.kernel.codes import Loinc
from cds.kernel.units import Analyte
from cds.rulebook.fact_sources import declare_fact
from cds.rulebook.model import (
    AllergySource,
    DerivedSource,
    FactSource,
    FactSpec,
    FactType,
    LabOrderSource,
    LabSource,
    MedicationSource,
    OrderSource,
    PatientSource,
    ProblemSource,
    ProcedureSource,
    ReferenceLowSource,
    Rulebook,
    SetAsideReasonSource,
    SetAsideSource,
    SuppliedSource,
    TwoResultsSource,
)
from cds.rulebook.scope import Scope
from cds.rulebook.source import Source
from tests.unit.facts.standin import quantity

HOURS, DAYS = timedelta(hours=1), timedelta(days=1)
MG, PRESENCE = Analyte.MAGNESIUM, FactType("presence")
ASIDE = SetAsideSource(MG, "day", "day", True)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return rulefiles.load(Path(tmp_path_factory.mktemp("facts")))


def declared(book: Rulebook, data: dict[str, Any], name: str = "it") -> tuple[Scope, list[str]]:
    scope = Scope(
        book.terminology, book.templates, windows=dict(book.windows), facts=dict(book.facts)
    )
    scope.origin["magnesium"] = "rules/shared/base.yaml:9"
    declare_fact(scope, Source("base.yaml", {}, {("facts", name): 7}), name, data)
    return scope, [str(item) for item in scope.problems]


def made(book: Rulebook, data: dict[str, Any]) -> FactSpec:
    scope, problems = declared(book, data)
    assert problems == []
    return scope.facts["it"]


BETWEEN = (quantity(MG, "1.2 mg/dL"), quantity(MG, "2.2 mg/dL"))
WORDS: list[tuple[dict[str, Any], FactSource, FactType]] = [
    ({"lab": "magnesium", "newest_within": "day"},
     LabSource(MG, "day"), FactType("quantity", MG)),
    ({"derived": "creatinine_clearance"},
     DerivedSource("creatinine_clearance"), FactType("quantity", Analyte.CRCL)),
    ({"problem": "epilepsy"}, ProblemSource(("epilepsy",)), PRESENCE),
    ({"problem": ["dka", "hhs"], "onset_within": "7 d", "undated": "does-not-count"},
     ProblemSource(("dka", "hhs"), 7 * DAYS, False), PRESENCE),
    ({"problem": "myocardial-infarction", "onset_within": "28 d", "undated": "counts"},
     ProblemSource(("myocardial-infarction",), 28 * DAYS, True), PRESENCE),
    ({"procedure": "dialysis", "within": "30 d"},
     ProcedureSource(("dialysis",), 30 * DAYS), PRESENCE),
    ({"medication": "ppi", "which": "active"},
     MedicationSource(("ppi",), frozenset({"active"})), PRESENCE),
    ({"medication": ["magnesium oxide"], "which": ["active", "draft", "given"], "route": "oral"},
     MedicationSource(("magnesium oxide",), frozenset({"active", "draft", "given"}), False),
     PRESENCE),
    ({"medication": "ppi", "which": ["given"], "route": "parenteral"},
     MedicationSource(("ppi",), frozenset({"given"}), True), PRESENCE),
    ({"medication": "ppi", "which": "active", "running": "365 d"},
     MedicationSource(("ppi",), frozenset({"active"}), None, 365 * DAYS), PRESENCE),
    ({"allergy": ["magnesium"]}, AllergySource(("magnesium",)), PRESENCE),
    ({"lab_order": ["19123-9", "2601-3"], "within": "24 h"},
     LabOrderSource((Loinc("19123-9"), Loinc("2601-3")), 24 * HOURS), PRESENCE),
    ({"lab_set_aside": "magnesium", "beyond": "day", "within": "day"},
     ASIDE, FactType("quantity", MG)),
    ({"lab_set_aside": "magnesium", "beyond": "day", "within": "day", "newer_than_used": "false"},
     SetAsideSource(MG, "day", "day", False), FactType("quantity", MG)),
    ({"reference_low": "magnesium", "between": ["1.2 mg/dL", "2.2 mg/dL"]},
     ReferenceLowSource("magnesium", BETWEEN), FactType("quantity", MG)),
    ({"patient": "age"}, PatientSource("age"), FactType("quantity", Analyte.AGE)),
    ({"patient": "setting"}, PatientSource("setting"),
     FactType("category", None, ("inpatient", "outpatient"))),
    ({"two_results": "magnesium"}, TwoResultsSource("magnesium"), PRESENCE),
    ({"patient": "encounter"}, PatientSource("encounter"), PRESENCE),
    ({"patient": "icu"}, PatientSource("icu"), PRESENCE),
    ({"supplied": "lab_orders"}, SuppliedSource("lab_orders"), PRESENCE),
    ({"failed": "problems"}, SuppliedSource("problems", failed=True), PRESENCE),
    ({"order": "rate", "of": "potassium_rate"},
     OrderSource("rate", (), Analyte.POTASSIUM_RATE), FactType("quantity", Analyte.POTASSIUM_RATE)),
    ({"order": "route"}, OrderSource("route"),
     FactType("category", None, ("parenteral", "oral", "unknown"))),
    ({"order": "editable"}, OrderSource("editable"), PRESENCE),
    ({"order": "product", "one_of": ["829757"]}, OrderSource("product", ("829757",)), PRESENCE),
    ({"order": "roles", "one_of": "ppi"}, OrderSource("roles", ("ppi",)), PRESENCE),
]  # fmt: skip


@pytest.mark.parametrize(("data", "source", "kind"), WORDS)
def test_a_declaration_says_where_the_fact_comes_from_and_what_may_be_asked(
    book: Rulebook, data: dict[str, Any], source: FactSource, kind: FactType
) -> None:
    spec = made(book, data)
    assert (spec.name, spec.source, spec.type) == ("it", source, kind)
    assert str(spec.where) == "base.yaml:7"


def test_the_reason_of_a_set_aside_result_has_a_label_for_every_reason(book: Rulebook) -> None:
    data = {"lab_set_aside_reason": "magnesium", "beyond": "day", "within": "day"}
    spec = made(book, data)
    assert spec.source == SetAsideReasonSource(ASIDE)
    assert {"stale", "haemolysed", "unit", "preliminary"} <= set(spec.type.labels)


def test_what_cases_leave_out_stands_with_the_declaration(book: Rulebook) -> None:
    scope, problems = declared(book, {"patient": "age", "in_cases": "50 a"})
    assert problems == []
    assert scope.case_defaults == {"it": "50 a"}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "`` is not a kind of fact. Kinds: lab, derived, problem,"),
    ({"labs": "magnesium"}, "`labs` is not a kind of fact. Did you mean `lab`?"),
    ({"lab": "magnesium", "newest": "day"},
     "`newest` is not a word of a `lab` fact. Did you mean `newest_within`?"),
    ({"lab": "magnesium"}, "`newest_within` is missing here."),
    ({"lab": "sodium", "newest_within": "day"}, "`sodium` is not something this service measures."),
    ({"lab": "magnesium", "newest_within": "week"}, "`week` is not a declared window."),
    ({"derived": "renal_bnad"}, "`renal_bnad` is not a derived fact. Did you mean `renal_band`?"),
    ({"problem": "ckdd"}, "no code set has the problem `ckdd`. Did you mean `ckd`?"),
    ({"problem": "ckd", "onset_within": "a week", "undated": "counts"},
     "`a week` is not a span of time such as `24 h` or `7 d`."),
    ({"problem": "ckd", "onset_within": "7 d"},
     "`undated` says whether an entry without a date `counts`, `does-not-count`, or counts"),
    ({"problem": "ckd", "undated": "maybe"}, "`undated` says whether"),
    ({"procedure": "dialisis", "within": "30 d"},
     "no code set has the procedure `dialisis`. Did you mean `dialysis`?"),
    ({"procedure": "dialysis"}, "`within` is missing here."),
    ({"medication": "ppis", "which": "active"},
     "no code set has the role or ingredient `ppis`. Did you mean `ppi`?"),
    ({"medication": "ppi"}, "`which` is missing here."),
    ({"medication": "ppi", "which": ["active", "past"]},
     "`past` is not one of active, draft, selected, given."),
    ({"medication": "ppi", "which": "active", "route": "iv"},
     "`route` is `parenteral` or `oral`."),
    ({"medication": "ppi", "which": ["active", "given"], "running": "365 d"},
     "`running` asks active orders only: write `which: [active]`."),
    ({"medication": "ppi", "which": "active", "running": "a year"},
     "`a year` is not a span of time"),
    ({"lab_order": "19123-9", "within": "day"}, "`day` is not a span of time"),
    ({"lab_set_aside": "magnesium", "beyond": "day", "within": "week"},
     "`week` is not a declared window."),
    ({"lab_set_aside": "magnesium", "beyond": "day", "within": "day", "newer_than_used": "no"},
     "`newer_than_used` is `true` or `false`."),
    ({"reference_low": "epilepsy", "between": ["1 mg/dL", "2 mg/dL"]},
     "`epilepsy` is not a declared lab fact."),
    ({"reference_low": "sodium", "between": ["1 mg/dL", "2 mg/dL"]},
     "`sodium` is not a declared lab fact."),
    ({"reference_low": "magnesium", "between": ["1 mg/dL", "2 meq"]},
     "`meq` is not a unit of magnesium"),
    ({"patient": "sex"}, "`sex` is not one of age, setting, encounter, icu."),
    ({"supplied": "results"}, "`results` is not one of observations, medications,"),
    ({"failed": "results"}, "`results` is not one of observations, medications,"),
    ({"two_results": "epilepsy"}, "`epilepsy` is not a declared lab fact."),
    ({"two_results": "sodium"}, "`sodium` is not a declared lab fact."),
    ({"order": "colour"}, "`colour` is not one of dose, daily, rate, route, product, roles,"),
    ({"order": "dose"}, "`of` is missing here."),
    ({"order": "roles"}, "`one_of` is missing here."),
]  # fmt: skip


@pytest.mark.parametrize(("data", "words"), REFUSED)
def test_a_wrong_declaration_does_not_load_and_says_how_to_mend_it(
    book: Rulebook, data: dict[str, Any], words: str
) -> None:
    scope, problems = declared(book, data)
    assert "it" not in scope.facts
    assert len(problems) == 1
    assert problems[0].startswith("base.yaml:7: ")
    assert words in problems[0]


def test_a_name_that_is_taken_is_refused_and_the_first_declaration_stays(book: Rulebook) -> None:
    scope, problems = declared(book, {"patient": "age"}, "magnesium")
    assert problems == [
        "base.yaml:7: `magnesium` is already declared in rules/shared/base.yaml:9. "
        "Give one of the two another name."
    ]
    assert scope.facts["magnesium"] == book.facts["magnesium"]
