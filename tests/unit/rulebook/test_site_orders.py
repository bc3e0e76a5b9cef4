"""A site's own products for the orders a card offers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sitefiles import FILE, REAL, load, problems, site

VIAL = REAL / "sites" / "example" / "magnesium-sulfate-vial.json"
BAG = "magnesium-sulfate-bag"
LINE = (
    "    orders:\n      magnesium-sulfate-bag:\n        file: magnesium-sulfate-vial.json\n"
    '        display: a vial\n        code: "1658221"\n        per_unit: 1 g\n'
    '        unit: "{vial}"\n        fine_print: [Dilute it.]\n'
)


def changed(folder: Path, change: Any) -> Path:
    """The vial with something changed in its JSON."""
    data = json.loads(VIAL.read_text("utf-8"))
    change(data)
    folder.mkdir()
    path = folder / VIAL.name
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def test_a_site_offers_its_own_product_with_the_stops_of_the_standard_one(tmp_path: Path) -> None:
    book = load(tmp_path, site(LINE), files=(VIAL,))
    standard = load(tmp_path / "plain", site("    status: {test-rule: silent}\n")).templates[BAG]
    found = book.templates[BAG]
    assert (found.code, found.unit, found.display) == ("1658221", "{vial}", "a vial")
    assert found.fine_print == ("Dilute it.",)
    for member in ("required_stops", "high_alert", "ingredient", "fills", "analyte"):
        assert getattr(found, member) == getattr(standard, member)
    assert found.required_stops
    assert found.high_alert


def test_the_standard_product_keeps_a_template_for_drafts_that_name_it(tmp_path: Path) -> None:
    book = load(tmp_path, site(LINE), files=(VIAL,))
    assert sorted(item.code for name, item in book.templates.items() if BAG in name) == [
        "1658221",
        "829757",
    ]


def test_the_code_of_a_test_may_be_another_one_of_the_same_test(tmp_path: Path) -> None:
    data = json.loads((REAL / "orders" / "magnesium-level.json").read_text("utf-8"))
    data["code"]["coding"][0]["code"] = "2601-3"
    (tmp_path / "own").mkdir()
    own = tmp_path / "own" / "magnesium-moles.json"
    own.write_text(json.dumps(data), encoding="utf-8")
    line = (
        "    orders:\n      magnesium-level:\n        file: magnesium-moles.json\n"
        "        display: magnesium, moles\n        code: 2601-3\n"
    )
    book = load(tmp_path, site(line), files=(own,))
    assert book.templates["magnesium-level"].code == "2601-3"
    found = problems(tmp_path / "b", site(line.replace("2601-3", "2823-3")), files=(own,))
    assert any("`2823-3` is not a code of the same test as `19123-9`" in item for item in found)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (BAG, "magnesium-sulfate-bags", "is not an order template. Did you mean"),
        ('code: "1658221"', 'code: "999"', "`999` is no product of the substance of `magnesium-"),
        ('code: "1658221"', 'code: "198741"', "It may be 829757, 1658221."),
        ('code: "1658221"', 'code: "1801294"', "is no product of the substance"),
        ('code: "1658221"', 'code: "1658236"', "`1658236` is known, but may not be suggested."),
        ("per_unit: 1 g", "per_unit: 2 g", "one `{vial}` of `1658221` holds 1 g."),
        ('unit: "{vial}"', 'unit: "{bag}"', "one `{vial}` of `1658221` holds 1 g."),
        ("per_unit: 1 g", "per_unit: 1 meq", "`meq` is not a unit of magnesium_sulfate_dose"),
        ("file: magnesium-sulfate-vial", "file: magnesium-vial", "the file cannot be read"),
    ],
)
def test_an_order_that_is_not_safe_to_offer_does_not_load(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert old in LINE
    found = problems(tmp_path, site(LINE.replace(old, new)), files=(VIAL,))
    assert any(words in item for item in found), found


def _route(data: Any) -> None:
    data["dosageInstruction"][0]["route"]["coding"][0]["code"] = "78421000"


def _status(data: Any) -> None:
    data["status"] = "active"


def _hole(data: Any) -> None:
    data["dosageInstruction"][0]["doseAndRate"][0]["rateQuantity"] = None


def _kind(data: Any) -> None:
    data["resourceType"] = "ServiceRequest"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_route, "the route must be that of `magnesium-sulfate-bag`."),
        (_status, "`status` must be `draft`."),
        (_hole, "the hole `rate` is missing."),
        (_kind, "north/magnesium-sulfate-vial.json"),
    ],
)
def test_the_file_of_a_site_passes_the_checks_of_every_order(
    tmp_path: Path, change: Any, words: str
) -> None:
    own = changed(tmp_path / "own", change)
    found = problems(tmp_path, site(LINE), files=(own,))
    assert any(words in item for item in found), found


def test_a_file_that_is_named_nowhere_is_refused(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, site("    status: {test-rule: silent}\n"), files=(VIAL,))
    assert found.startswith(f"{FILE}:1: `north/magnesium-sulfate-vial.json` is not named here.")
