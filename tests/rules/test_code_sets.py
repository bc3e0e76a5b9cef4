"""The shipped code sets as files: products that may be suggested, sources, and forbidden codes."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cds.facts.terminology import Terminology
from cds.kernel.codes import RXNORM, Coding, RxNorm
from cds.rulebook.codesets import load_terminology
from cds.rulebook.reading import read_source

CODE_SETS = Path(__file__).parents[2] / "rules" / "code_sets"
CITING = re.compile(r" +(beyond_pack|source):")
NEVER_SUGGEST = (
    "204520 1658236 1658264 1658265 1658259 1658262 829734 1658244 628953 198116 2693253"
    " 1860132 1860136 1860139 312504"
)
FILES = ("labs", "drugs", "products", "problems", "procedures", "allergens")


@cache
def terms() -> Terminology:
    return load_terminology(CODE_SETS)


def data(name: str) -> dict[str, Any]:
    return dict(read_source(CODE_SETS / f"{name}.yaml", f"{name}.yaml").data)


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in table.splitlines()]


def test_only_the_five_verified_products_may_be_suggested() -> None:
    suggestable = {code for code, product in terms().products.items() if product.suggestable}
    assert suggestable == {"829757", "1658221", "198741", "1801294", "1801298"}


def test_what_must_never_be_suggested_is_listed_and_none_of_it_is_suggestable() -> None:
    listed = {row[0] for row in cells(data("products")["never_suggest"])}
    assert listed == set(NEVER_SUGGEST.split())
    assert [
        code for code, found in terms().products.items() if found.suggestable and code in listed
    ] == []


@pytest.mark.parametrize(
    "code", ["829734", "628953", "198116", "2693253", "1860132", "1860136", "1860139"]
)
def test_an_unverified_strength_is_known_and_is_no_product(code: str) -> None:
    assert Coding(RXNORM, code) in terms().drugs
    assert RxNorm(code) not in terms().products


@pytest.mark.parametrize("code", ["1658259", "1658262", "1658264", "1658265"])
def test_an_ambiguous_pair_has_only_the_concentration_both_share(code: str) -> None:
    product = terms().products[RxNorm(code)]
    assert (product.per_unit, product.unit) == (Decimal("0.04"), "mL")
    assert product.salt_mg is None
    assert not product.suggestable


@pytest.mark.parametrize("name", FILES)
def test_a_file_cites_every_source_it_declares(name: str) -> None:
    """A source nobody cites would make the list look better founded than it is."""
    body = (CODE_SETS / f"{name}.yaml").read_text(encoding="utf-8").split("\nsources:\n", 1)[1]
    lines = [line for line in body.splitlines() if "|" in line or CITING.match(line)]
    cited = {word for line in lines for word in re.split("[|:]", line)[-1].split()}
    of_all_atc_lines = {"atc"} if name == "drugs" else set()
    assert set(data(name)["sources"]) == cited & set(data(name)["sources"]) | of_all_atc_lines


@pytest.mark.parametrize("name", FILES)
def test_every_file_says_what_was_left_out_and_why(name: str) -> None:
    assert all(len(reason.split()) > 3 for reason in data(name)["left_out"])


@pytest.mark.parametrize("name", ["drugs", "problems", "procedures", "allergens"])
def test_every_code_that_must_not_match_says_what_it_is_and_why(name: str) -> None:
    rows = [row for table in data(name)["must_not_match"].values() for row in cells(table)]
    assert rows
    assert [row for row in rows if len(row) != 4 or not all(row)] == []


def test_a_drug_without_a_source_beyond_the_pack_is_one_the_pack_lists() -> None:
    """NSAIDs, opioids, sedatives and parenteral nutrition are in no table of the pack."""
    beyond = {name for name, drug in data("drugs")["drugs"].items() if "beyond_pack" in drug}
    added = {"nsaid", "opioid", "cns-depressant", "tpn"}
    drugs = data("drugs")["drugs"].items()
    only = {
        name for name, drug in drugs if (r := set(drug.get("roles", "").split())) and r <= added
    }
    assert only
    assert only <= beyond
