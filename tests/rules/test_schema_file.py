"""rule.schema.json, for editors: every file of rules/ fits it, broken files do not."""

from __future__ import annotations

import copy
import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

jsonschema = pytest.importorskip("jsonschema")

RULES = Path(__file__).parents[2] / "rules"
# The same, written in C where it was built: ten times as quick.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
FILES = sorted(path.relative_to(RULES).as_posix() for path in RULES.rglob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json.loads((RULES / "rule.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def read(name: str) -> Any:
    """A file as an editor reads it: numbers are numbers, dates are text."""
    return _text(yaml.load((RULES / name).read_text(encoding="utf-8"), LOADER))


def _text(node: Any) -> Any:
    if isinstance(node, dict):
        return {str(key): _text(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_text(item) for item in node]
    return node.isoformat() if isinstance(node, dt.date) else node


@pytest.mark.parametrize("name", FILES)
def test_the_file_fits(validator: Any, name: str) -> None:
    errors = [
        f"{list(e.absolute_path)}: {e.message[:200]}" for e in validator.iter_errors(read(name))
    ]
    assert errors == []


def put(*path: Any, value: Any) -> Callable[[Any], None]:
    """An edit: this value at this path."""

    def edit(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        data[path[-1]] = value

    return edit


def drop(*path: Any) -> Callable[[Any], None]:
    """An edit: nothing at this path."""

    def edit(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        del data[path[-1]]

    return edit


RULE, SHARED, SITE = "hypomagnesemia.yaml", "shared/labs.yaml", "sites/example.yaml"
THREE_DEEP = {"all": [{"any": [{"all": [{"torsades": "present"}]}]}]}


def _untitled(laws: Any) -> None:
    for law in laws["laws"].values():
        del law["title"]


def when(value: Any) -> Callable[[Any], None]:
    """An edit: row A2 comes on this clause."""
    return put("levels", 1, "when", value=value)


BROKEN = [
    ("a word that is none", RULE, put("colour", value="red")),
    ("a missing word", RULE, drop("owner")),
    ("an unknown state", RULE, put("status", value="on")),
    ("an unknown hook", RULE, put("hooks", value=["order-sing"])),
    ("an unknown definition", RULE, when({"holds": "magnesium_sever"})),
    ("an unknown fact", RULE, when({"magnesum": "present"})),
    ("an unknown operator", RULE, when({"magnesium": {"under": "mg_lln"}})),
    ("another analyte", RULE, when({"magnesium": {"below": "k_low"}})),
    ("no unit", RULE, when({"magnesium": {"below": "1.7"}})),
    ("a unit of another", RULE, when({"magnesium": {"below": "1.7 kg"}})),
    ("a number", RULE, when({"magnesium": {"below": 1.7}})),
    ("an unknown label", RULE, when({"mg_class": {"is": "sever"}})),
    ("a lab that is absent", RULE, when({"magnesium": "absent"})),
    ("an unknown reason", RULE, when({"magnesium": {"missing": ["old"]}})),
    ("two questions in one", RULE, when({"holds": "child", "not": "child"})),
    ("no question", RULE, when({})),
    ("an empty list", RULE, when({"all": []})),
    ("nested too deeply", RULE, when(THREE_DEEP)),
    ("an unknown stop", RULE, put("suggestions", "severe-dose", "unless", value=["mg_stopp"])),
    ("an unknown table", RULE, put("suggestions", "severe-dose", "dose", "table", value="mg_dose")),
    ("an unknown order", RULE, put("suggestions", "severe-dose", "create", value="bag")),
    ("an unknown source", RULE, put("cite", value=["somebody"])),
    ("an unknown fact of a case", RULE, put("cases", 0, "given", value={"magnesum": "1 mg/dL"})),
    ("an unknown outcome", RULE, put("cases", 0, "expect", value="maybe")),
    ("an unknown kind of fact", SHARED, put("facts", "magnesium", value={"labs": "magnesium"})),
    ("an unknown window", SHARED, put("facts", "magnesium", "newest_within", value="week")),
    ("an unknown analyte", SHARED, put("thresholds", "mg_lln", "of", value="magnesia")),
    ("a span without a unit", SHARED, put("windows", "qtc_window", "inpatient", value="48")),
    ("a limit without a source", SHARED, drop("thresholds", "mg_lln", "cite")),
    ("a hole in a meaning", SHARED, put("define", "magnesium_high", "means", value="{magnesium}")),
    ("a stop of a site", SITE, put("changes", 0, "stops", value={})),
    ("an unknown limit of a site", SITE, put("changes", 0, "thresholds", value={"x": []})),
    ("a law without a title", "laws.yaml", _untitled),
    ("a statement without words", "sources/s4.yaml", drop("statements", 0, "says")),
    ("an order without a code", "orders/index.yaml", drop("orders", "magnesium-level", "code")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "edit"), [x[1:] for x in BROKEN], ids=[x[0] for x in BROKEN])
def test_a_broken_file_does_not_fit(validator: Any, name: str, edit: Callable[[Any], None]) -> None:
    data = copy.deepcopy(read(name))
    edit(data)
    assert not validator.is_valid(data)
