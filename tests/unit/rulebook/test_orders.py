"""Order templates load complete or not at all."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.errors import RulebookError
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.rulebook.holes import HOLES, fill, filling, holes
from cds.rulebook.orders import load_orders

ORDERS = Path(__file__).parents[3] / "rules" / "orders"
BAG = "magnesium-sulfate-bag.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ORDERS, tmp_path / "orders"))


def problems(folder: Path) -> list[str]:
    with pytest.raises(RulebookError) as caught:
        load_orders(folder)
    return [str(problem) for problem in caught.value.problems]


def change(folder: Path, name: str, apply: Callable[[Any], object]) -> None:
    path = folder / name
    resource = json.loads(path.read_text("utf-8"))
    apply(resource)
    path.write_text(json.dumps(resource, indent=2), "utf-8")


def replace(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_the_orders_of_this_rulebook_load() -> None:
    found = load_orders(ORDERS)
    bag = found["magnesium-sulfate-bag"]
    assert (bag.kind, bag.code, bag.unit) == ("MedicationRequest", "829757", "{bag}")
    assert bag.per_unit == Quantity.of(Analyte.MAGNESIUM_SULFATE_DOSE, 1, "g")
    assert found["magnesium-oxide-tablet"].elemental_mg == Decimal(241)
    assert {item.code for item in found.values() if item.kind == "ServiceRequest"} == {
        "19123-9", "2160-0", "2823-3", "17861-6", "1995-0",
    }  # fmt: skip


def test_every_drug_has_its_stops_and_the_infusion_is_high_alert() -> None:
    found = load_orders(ORDERS)
    drugs = {name: item for name, item in found.items() if item.kind == "MedicationRequest"}
    assert all("mg_stop" in item.required_stops for item in drugs.values())
    assert {item.ingredient for item in drugs.values()} == {"magnesium"}
    bag = drugs["magnesium-sulfate-bag"]
    assert bag.high_alert
    assert bag.required_stops == ("mg_stop", "iv_stop", "magnesium_covered")
    assert any("off-label" in line for line in bag.fine_print)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (BAG, '"status": "draft"', '"status": "active"', f"{BAG}:3: `status` must be `draft`"),
        (BAG, '"intent": "proposal"', '"intent": "order"', ":4: `intent` must be `proposal`"),
        (BAG, '"${subject}"', '{"reference": "Patient/1"}', ":15: the patient must be a hole"),
        (BAG, '"${dose}"', "4", "the hole `dose` is missing"),
        (BAG, '"${rate}"', '"${rat}"', "`rat` is not a hole. Did you mean `rate`?"),
        (BAG, '"code": "829757"', '"code": "829758"', ":9: the index says `829757`"),
        (BAG, "umls/rxnorm", "umls/other", "the code must be of"),
        (BAG, '"unit": "g",\n            "system"', '"unit": "g",\n            "x"', "needs"),
        (BAG, '"resourceType": "MedicationRequest"', '"resourceType": "Task"', "cannot be ordered"),
        (BAG, '"intent"', '"status"', "stands here twice"),
        (BAG, '"status": "draft",', '"status": "draft"', "not readable"),
        (BAG, '"status": "draft",', '"status": draft,', f"{BAG}:3: not JSON"),
        (BAG, '"text": "Intravenous infusion"', '"texts": "x"', ":37: not valid R4"),
        (BAG, '"status": "draft",', '"status": "draft", "authoredOn": "2026-01-01",', "authored"),
        (BAG, '"code": "{bag}"', '"code": "{vial}"', "the file dispenses `{vial}`"),
        ("index.yaml", "per_unit: 1 g", "per_unit: 1 meq", "the file doses in `g`"),
        ("index.yaml", "per_unit: 1 g", "per_unit: one g", "is not a number with a unit"),
        ("index.yaml", "of: magnesium_sulfate_dose", "of: magic", "not something this service"),
        ("index.yaml", "fills: units", "fills: buckets", "`fills`: input should be"),
        ("index.yaml", "ingredient: magnesium ", "ingredients: magnesium ", "not a word"),
        ("index.yaml", "    required_stops: [mg_stop]\n", "", "needs `required_stops`"),
        ("index.yaml", "    fills: units\n", "", "a drug needs"),
        ("index.yaml", "file: potassium-level.json", "file: nothing.json", "cannot be read"),
        ("index.yaml", "code: 2823-3", "code: 2823-3\n    high_alert: true", "only a drug"),
        ("potassium-level.json", '"display": "Potassium', '"displays": "Potassium', "`display`"),
    ],
)  # fmt: skip
def test_a_template_that_is_not_right_does_not_load(
    folder: Path, file: str, old: str, new: str, said: str
) -> None:
    replace(folder, file, old, new)
    found = problems(folder)
    assert any(said in line for line in found), found
    assert all(line.startswith("rules/orders/") for line in found)


def test_all_problems_are_listed_at_once(folder: Path) -> None:
    replace(folder, BAG, '"status": "draft"', '"status": "active"')
    change(folder, "calcium-level.json", lambda resource: resource.pop("subject"))
    assert len(problems(folder)) >= 3


def test_a_file_the_index_does_not_name_does_not_pass_unseen(folder: Path) -> None:
    (folder / "more.json").write_text("{}", "utf-8")
    assert problems(folder)[0].startswith("rules/orders/index.yaml:")
    assert "`more.json` is not listed" in problems(folder)[0]


def test_an_index_that_cannot_be_read_is_a_problem_of_its_own(folder: Path) -> None:
    (folder / "index.yaml").unlink()
    assert "cannot be read" in problems(folder)[0]


def test_holes_are_found_where_they_stand() -> None:
    tree = {"a": "${dose}", "b": [{"c": "x ${units} y ${rate}"}], "d": 1, "e": "{bag}"}
    assert list(holes(tree)) == [
        (("a",), "dose"),
        (("b", 0, "c"), "units"),
        (("b", 0, "c"), "rate"),
    ]


def test_a_hole_is_filled_by_structure_and_an_empty_one_takes_its_member_with_it() -> None:
    tree = {"n": "${dose}", "r": "${subject}", "t": "${units} x", "gone": {"v": ["${rate}"]}}
    values = {"dose": Decimal(4), "subject": {"reference": "P/1"}, "units": 2, "rate": None}
    filled = fill(tree, values)
    assert filled == {"n": Decimal(4), "r": {"reference": "P/1"}, "t": "2 x"}
    assert filled["r"] is not values["subject"]


def test_false_and_zero_are_values_and_stay() -> None:
    assert fill({"a": False, "b": 0}, {}) == {"a": False, "b": 0}


def test_a_hole_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        fill({"a": "${dose}"}, {})


NAMES = st.sampled_from(sorted(HOLES))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 2),
    st.sampled_from(["", "x", "{bag}", "$", "${"]),
    NAMES.map("${{{}}}".format),
    st.tuples(NAMES, NAMES).map("${{{0[0]}}} of ${{{0[1]}}}".format),
)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner)
)
VALUES = st.sampled_from([None, "", [], {}, 0, False, Decimal("1.50"), "4 g", {"a": [{"b": 1}]}])


def filled_in(node: Any, values: dict[str, Any]) -> Any:
    """What `fill` says of itself, word for word."""
    if isinstance(node, dict):
        members = {key: filled_in(value, values) for key, value in node.items()}
        return {key: value for key, value in members.items() if not nothing(value)} or None
    if isinstance(node, list):
        items = [filled_in(value, values) for value in node]
        return [value for value in items if not nothing(value)] or None
    named = re.fullmatch(r"\$\{([^}]*)\}", node) if isinstance(node, str) else None
    if named:
        return values[named[1]]
    if isinstance(node, str):
        return re.sub(r"\$\{([^}]*)\}", lambda found: str(values[found[1]]), node)
    return node


def nothing(value: Any) -> bool:
    return value is None or any(value == empty for empty in ("", [], {}))


@given(TREES, st.fixed_dictionaries(dict.fromkeys(HOLES, VALUES)))
def test_every_tree_is_filled_as_it_is_said(tree: Any, values: dict[str, Any]) -> None:
    expected = filled_in(tree, values)
    filled = fill(tree, values)
    assert repr(filled) == repr(expected)  # the order of members too


def test_a_resource_that_is_filled_twice_gives_two_that_share_nothing() -> None:
    make = filling({"fixed": {"list": [{"a": 1}]}, "whose": "${subject}"})
    values = {"subject": {"reference": "Patient/1"}}
    first = make(values)
    first["fixed"]["list"][0]["a"] = 2
    first["fixed"]["list"].append("more")
    first["whose"]["reference"] = "Patient/2"
    first["new"] = True
    assert make(values) == {"fixed": {"list": [{"a": 1}]}, "whose": {"reference": "Patient/1"}}


def test_what_can_never_stay_is_left_out_of_every_copy() -> None:
    tree = {"a": [{"b": None}, []], "c": {"d": [{}]}, "e": ["", "x"]}
    assert fill(tree, {}) == {"e": ["x"]}
    assert fill({}, {}) is None
