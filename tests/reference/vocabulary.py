"""A small vocabulary for rules that are made up, and the way from data through the real loader."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sides import Data, Rules

from cds.facts.terminology import Terminology
from cds.rulebook.codesets import load_terminology
from cds.rulebook.load import assemble
from cds.rulebook.model import OrderTemplate
from cds.rulebook.orders import load_orders

RULES = Path(__file__).parents[2] / "rules"
CITE = {"why": "made up", "cite": ["paper"]}
FACTS: dict[str, Data] = {
    "magnesium": {"lab": "magnesium", "newest_within": "day"},
    "magnesium_old": {"lab": "magnesium", "newest_within": "month"},
    "magnesium_aside": {"lab_set_aside": "magnesium", "beyond": "day", "within": "month"},
    "magnesium_aside_why": {
        "lab_set_aside_reason": "magnesium",
        "beyond": "day",
        "within": "month",
    },
    "magnesium_lab_low": {"reference_low": "magnesium", "between": ["1.2 mg/dL", "2.2 mg/dL"]},
    "potassium": {"lab": "potassium", "newest_within": "day"},
    "age": {"patient": "age", "in_cases": "50 a"},
    "setting": {"patient": "setting", "in_cases": "inpatient"},
    "icu": {"patient": "icu"},
    "epilepsy": {"problem": "epilepsy"},
    "loop_diuretic": {"medication": "loop-diuretic", "which": ["active"]},
    "magnesium_allergy": {"allergy": "magnesium"},
    "magnesium_test": {"lab_order": ["19123-9"], "within": "24 h"},
    "order_dose": {"order": "dose", "of": "magnesium_sulfate_dose"},
    "order_route": {"order": "route", "in_cases": "parenteral"},
    "order_push": {"order": "push"},
    "sofar": {"order": "daily", "of": "magnesium_sulfate_dose", "in_cases": "0 g"},
}
FINDINGS = ("icu", "epilepsy", "loop_diuretic", "magnesium_allergy", "magnesium_test", "order_push")
LABELS = {
    "setting": ("inpatient", "outpatient"),
    "order_route": ("parenteral", "oral", "unknown"),
    "magnesium_aside_why": ("stale", "haemolysed", "unit", "preliminary"),
}
ANALYTES = {
    "magnesium": "magnesium",
    "magnesium_old": "magnesium",
    "magnesium_aside": "magnesium",
    "potassium": "potassium",
    "age": "age",
    "order_dose": "magnesium_sulfate_dose",
    "sofar": "magnesium_sulfate_dose",
}
# Constants of one threshold in its units, and literal quantities, by analyte.
CONSTANTS = {
    "magnesium": (
        ["1.2 mg/dL", "0.494 mmol/L", "0.987 meq/L"],
        ["1.7 mg/dL", "0.70 mmol/L", "1.4 meq/L"],
        ["2.6 mg/dL", "1.07 mmol/L"],
        ["4.0 mg/dL"],
        ["2.00 mmol/L", "4.86 mg/dL"],
    ),
    "potassium": (["2.5 mmol/L", "2.5 meq/L"], ["3.5 mmol/L"], ["5.0 meq/L", "5.0 mmol/L"]),
    "age": (["18 a"], ["65 a"]),
    "magnesium_sulfate_dose": (["2 g"], ["4 g", "4000 mg"], ["6000 mg"], ["8 g"]),
}
TEMPLATES = ("magnesium-level", "creatinine-level")


def shared_file(bands: Data, tables: Data, define: Data) -> Data:
    """The vocabulary, with these bands, tables and definitions."""
    day = {"inpatient": "24 h", "outpatient": "7 d", **CITE}
    month = {"inpatient": "30 d", "outpatient": "30 d", **CITE}
    return {
        "citations": {"paper": {"title": "A paper", "standing": "guideline"}},
        "windows": {"day": day, "month": month},
        "facts": FACTS,
        "thresholds": {
            f"{analyte}_{i}": {"of": analyte, "value": value, **CITE}
            for analyte, constants in CONSTANTS.items()
            for i, value in enumerate(constants)
        },
        "bands": bands,
        "tables": tables,
        "define": define,
    }


def rule_file(name: str, levels: list[Data], more: Data) -> Data:
    """A rule with what every rule needs. Whether its cases hold is nobody's question here."""
    fires = [{"name": x["row"], "expect": "fires", "row": x["row"]} for x in levels]
    return {
        "id": name,
        "family": "hypomagnesemia",
        "title": "Made up",
        "version": "1.0.0",
        "status": "active",
        "owner": "Test",
        "reviewed": {"by": "pending", "date": "2026-01-01", "due": "2027-01-01"},
        "hooks": ["order-select"],
        "use": ["base"],
        "purpose": "made up",
        "cite": ["paper"],
        "levels": levels,
        "cases": [{"name": "silent", "expect": "silent"}, *fires],
        **more,
    }


@cache
def _orders_and_codes() -> tuple[Mapping[str, OrderTemplate], Terminology]:
    return load_orders(RULES / "orders"), load_terminology(RULES / "code_sets")


def compiled(shared: Data, rules: list[Data]) -> Rules:
    """Rules from data, by way of files and the real loader. JSON is YAML 1.2."""
    templates, terms = _orders_and_codes()
    with TemporaryDirectory() as folder:
        directory = Path(folder) / "rules"
        (directory / "shared").mkdir(parents=True)
        (directory / "shared" / "base.yaml").write_text(json.dumps(shared), "utf-8")
        for rule in rules:
            (directory / f"{rule['id']}.yaml").write_text(json.dumps(rule), "utf-8")
        return Rules.of([shared], rules, assemble(directory, terms, templates, []))
