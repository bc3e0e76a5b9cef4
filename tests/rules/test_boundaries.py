"""Limits and doses agree with two lists that were copied by hand from the clinical pack."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from cds.check import check
from cds.kernel.quantity import Quantity
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import BandSource, Rulebook
from cds.rulebook.mutate.clauses import nudged
from cds.trial.limits import BOUNDARIES, DOSES, Frozen, differing, limit_faults, read_frozen

RULES = Path(__file__).parents[2] / "rules"


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return load_rulebook(RULES)


@pytest.fixture(scope="module")
def frozen() -> Frozen:
    return read_frozen(RULES)


def lines(name: str) -> list[dict[str, str]]:
    with (RULES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_limit_and_every_dose_is_what_the_pharmacist_read(
    book: Rulebook, frozen: Frozen
) -> None:
    assert limit_faults(book, frozen) == ()
    assert len(frozen.boundaries) == sum(len(t.values) for t in book.thresholds.values())
    assert len(frozen.doses) == sum(len(t.rows) for t in book.tables.values())


@pytest.mark.parametrize("name", [BOUNDARIES, DOSES])
def test_every_line_names_its_place_in_the_clinical_pack(name: str) -> None:
    assert [line for line in lines(name) if not line["source"].startswith("clinical pack ")] == []


def test_the_two_values_of_a_line_enclose_one_limit() -> None:
    for line in lines(BOUNDARIES):
        assert Decimal(line["lower_value"]) < Decimal(line["upper_value"]), line
        assert line["lower_means"] != line["upper_means"], line


def test_a_limit_moved_by_its_last_digit_in_one_unit_is_noticed(
    book: Rulebook, frozen: Frozen
) -> None:
    """By the lines of that very limit, whatever the others say."""
    unnoticed = []
    for threshold in book.thresholds.values():
        own = Frozen(tuple(x for x in frozen.boundaries if x.threshold == threshold.name))
        for unit, value in threshold.values.items():
            for other in nudged(value):
                values = {**threshold.values, unit: other}
                moved = replace(threshold, values=values)
                changed = replace(book, thresholds={**book.thresholds, threshold.name: moved})
                if not any(differing(changed, own)):
                    unnoticed.append((threshold.name, unit, other))
    assert unnoticed == []


def test_a_dose_that_is_raised_is_noticed_and_named(book: Rulebook, frozen: Frozen) -> None:
    table = book.tables["mg_iv_severe_dose"]
    raised = replace(
        table, rows={**table.rows, ("half",): Quantity.of(table.analyte, Decimal(4), "g")}
    )
    changed = replace(book, tables={**book.tables, table.name: raised})
    (fault,) = limit_faults(changed, frozen)
    assert fault.startswith(
        "rules/doses.csv:3: `mg_iv_severe_dose` for half gives 4 g, expected 2 g"
    )


def test_a_value_that_equals_a_limit_of_a_band_has_its_side(book: Rulebook, frozen: Frozen) -> None:
    spec = book.facts["mg_class"]
    assert isinstance(spec.source, BandSource)
    plain = replace(spec, source=replace(spec.source, inclusive=frozenset()))
    faults = limit_faults(replace(book, facts={**book.facts, "mg_class": plain}), frozen)
    assert any("at 2.60 mg/dL `mg_class` is high, expected normal" in fault for fault in faults)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """All limits and doses, and one rule: the lists are held against the shared files, so the
    cases of the other rules would be run for nothing."""
    target = Path(shutil.copytree(RULES, tmp_path / "rules"))
    for path in target.glob("*.yaml"):
        if path.stem not in ("laws", "lupus-leukopenia"):
            path.unlink()
    return target


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (BOUNDARIES, "k_low,mmol/L,3.49", "k_lowest,mmol/L,3.49", "there is no `k_lowest` in"),
        (BOUNDARIES, "k_low,mmol/L,3.49", "k_low,mg/dL,3.49", "`k_low` in mmol/L has no line in"),
        (BOUNDARIES, "qtc_long,ms,499.9,not long", "qtc_long,ms,,not long", "a line has 7 cells"),
        (DOSES, "mg_emergency_dose,low,1 g", "mg_emergency_dose,lower,1 g", "has no cell lower"),
        (DOSES, "mg_emergency_dose,low,1 g", "mg_emergency_dose,hold,none", "low has no line in"),
        (DOSES, "mg_emergency_dose,low,1 g", "mg_emergency_dose,low,2 g", "1 g, expected 2 g"),
    ],
)  # fmt: skip
def test_check_says_where_a_list_and_the_rules_differ(
    copy: Path, name: str, old: str, new: str, said: str
) -> None:
    path = copy / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    found = [line for line in check(copy).findings if said in line]
    assert len(found) == 1
    assert found[0].startswith("rules/")


def test_without_its_list_no_number_of_the_rules_is_checked_and_check_says_so(copy: Path) -> None:
    (copy / DOSES).unlink()
    found = [line for line in check(copy).findings if f"has no line in {DOSES}" in line]
    assert len(found) == len(lines(DOSES))
