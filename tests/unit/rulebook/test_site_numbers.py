"""Thresholds, windows and reference ranges of a site."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from rulefiles import RULE
from sitefiles import FILE, SHARED, load, problems, site

from cds.kernel.units import Analyte
from cds.trial import run_cases


def test_a_threshold_takes_the_place_of_the_shared_one(tmp_path: Path) -> None:
    book = load(tmp_path, site("    thresholds: {mg_low: [1.5 mg/dL, 0.62 mmol/L]}\n"))
    found = book.thresholds["mg_low"]
    assert found.values == {"mg/dL": Decimal("1.5"), "mmol/L": Decimal("0.62")}
    assert (found.why, found.cite) == ("decided here", ("site-north",))
    assert (found.where.file, found.where.line) == (FILE, 7)
    assert book.citations["site-north"].title == "Site file north: A hospital"
    assert [item.case.name for item in run_cases(book) if item.faults] == ["low fires"]


def test_what_the_site_does_not_name_stays(tmp_path: Path) -> None:
    book = load(tmp_path, site("    thresholds: {mg_low: [1.5 mg/dL, 0.62 mmol/L]}\n"))
    assert book.thresholds["mg_high"].values == {"mg/dL": Decimal("2.6")}
    assert book.windows["day"].inpatient == timedelta(hours=24)


def test_a_window_is_stated_whole(tmp_path: Path) -> None:
    book = load(tmp_path, site("    windows: {day: {inpatient: 12 h, outpatient: 2 d}}\n"))
    found = book.windows["day"]
    assert (found.inpatient, found.outpatient) == (timedelta(hours=12), timedelta(days=2))
    assert found.why == "decided here"


SHORTER = SHARED.replace(
    "outpatient: 7 d,", "outpatient: 7 d, shorter_when: {problem: ckd, outpatient: 3 d},"
)


def test_a_shorter_window_must_be_stated_again(tmp_path: Path) -> None:
    bare = site("    windows: {day: {inpatient: 12 h, outpatient: 2 d}}\n")
    (found,) = problems(tmp_path / "a", bare, shared=SHORTER)
    assert f"{FILE}:7: `day` has a `shorter_when`; state the whole window." in found
    whole = bare.replace("2 d}", "2 d, shorter_when: {problem: ckd, outpatient: 1 d}}")
    book = load(tmp_path / "b", whole, shared=SHORTER)
    assert book.windows["day"].shorter == ("ckd", timedelta(days=1))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("thresholds: {mg_lo: [1.5 mg/dL]}", "`mg_lo` is not a declared threshold. Did you mean"),
        ("windows: {days: {inpatient: 1 h, outpatient: 1 d}}",
         "`days` is not a declared window. Did you mean `day`?"),
        ("thresholds: {mg_low: [1.5 mg/dL]}", "the list of values of `mg_low` lacks `mmol/L`."),
        ("thresholds: {mg_low: []}", "the list of values of `mg_low` lacks `mg/dL`, `mmol/L`."),
        ("thresholds: {mg_low: [1.5 mg/dL, 0.70 mmol/L]}", "`0.70 mmol/L` is not `1.5 mg/dL`"),
        ("thresholds: {mg_low: [1.5, 0.62 mmol/L]}", "is not a number with a unit"),
        ("thresholds: {mg_low: [<1.5 mg/dL, 0.62 mmol/L]}", "a limit is a plain number"),
        ("thresholds: {mg_low: [1.5 mg/dL, 0.62 kg]}", "`kg` is not a unit of magnesium"),
        ("windows: {day: {inpatient: soon, outpatient: 1 d}}", "is not a span of time"),
        ("reference_ranges: {magnesum: {low: 1 mg/dL, high: 2 mg/dL}}", "`magnesum` is not "
         "something this service measures. Did you mean `magnesium`?"),
        ("reference_ranges: {magnesium: {low: 1.9 mg, high: 2.9 mg/dL}}", "`mg` is not a unit"),
        ("reference_ranges: {magnesium: {low: 1.9 mg/dL, high: 1.2 mmol/L}}", "in one unit"),
        ("reference_ranges: {magnesium: {low: <1.9 mg/dL, high: 2.9 mg/dL}}", "two plain numbers"),
        ("reference_ranges: {magnesium: {low: 2.9 mg/dL, high: 1.9 mg/dL}}", "`low` must be below"),
        ("reference_ranges: {magnesium: {low: 1.1 mg/dL, high: 2.9 mg/dL}}",
         "a lower limit of magnesium is used only from 1.2 mg/dL to 2.2 mg/dL."),
        ("reference_ranges: {potassium: {low: 3.5 mmol/L, high: 5.1 mmol/L}}",
         "no rule reads the reference range of `potassium`. Ranges that are read: `magnesium`."),
    ],
)  # fmt: skip
def test_a_number_that_cannot_be_used_is_refused_with_its_line(
    tmp_path: Path, body: str, words: str
) -> None:
    found = problems(tmp_path, site(f"    {body}\n"))
    assert any(words in item and item.startswith(f"{FILE}:7: ") for item in found), found


def test_a_range_gives_the_lower_limit_of_the_laboratory(tmp_path: Path) -> None:
    text = site("    reference_ranges: {magnesium: {low: 1.9 mg/dL, high: 2.9 mg/dL}}\n")
    low = load(tmp_path, text).terminology.reference_lows[Analyte.MAGNESIUM]
    assert (low.value, low.unit) == (Decimal("1.9"), "mg/dL")


# --- stops ---------------------------------------------------------------------------------------

STOPS = (
    SHARED.replace(
        "thresholds:\n",
        "thresholds:\n"
        "  heavy: {of: weight, value: [40 kg], why: adult doses, cite: [paper]}\n"
        "  most: {of: magnesium_sulfate_dose, value: [8 g], why: a day, cite: [paper]}\n"
        "  k_high: {of: potassium, value: [5.0 mmol/L], why: high, cite: [paper]}\n",
    )
    .replace(
        "define:\n",
        "  grams:\n    by: [renal_band]\n    of: magnesium_sulfate_dose\n    unit: g\n"
        "    why: grams\n    cite: [paper]\n"
        "    rows: {full: 2, half: 1, low: none, hold: none, unknown: none}\n"
        "define:\n"
        "  too_high: {when: {mg_class: {is: high}}}\n"
        "  light: {when: {all: [{weight: present}, {weight: {below: heavy}}]}}\n"
        "  potassium_fine: {when: {potassium: {between: [k_low, k_high]}}}\n"
        "  mg_stop: {when: {any: [{holds: too_high}, {holds: light}, {renal_band: {is: hold}}]}}\n"
        "  iv_stop: {when: {not: potassium_fine}}\n"
        "  magnesium_covered: {when: {total: {at_least: most}}}\n",
    )
    .replace("  epilepsy:", "  total: {derived: magnesium_24h}\n  epilepsy:")
)
OFFER = RULE.replace('    summary: "', '    suggest: [bag]\n    summary: "').replace(
    "cases:",
    """suggestions:
  bag:
    label: "Magnesium {dose}"
    create: magnesium-sulfate-bag
    dose: {table: grams, rate: 1 g/h}
    unless: [mg_stop, iv_stop, magnesium_covered]
    total: {fact: total, at_most: most}
cases:""",
)


@pytest.mark.parametrize(
    ("body", "way", "stop"),
    [
        ("mg_high: [2.8 mg/dL]", "raised", "mg_stop"),  # between a label that stops and one not
        ("heavy: [30 kg]", "lowered", "mg_stop"),
        ("most: [10 g]", "raised", "bag"),  # the daily limit
        ("k_low: [3.3 mmol/L]", "lowered", "iv_stop"),  # the stop is the negation of an interval
        ("k_high: [5.5 mmol/L]", "raised", "iv_stop"),
    ],
)
def test_a_number_under_a_stop_moves_only_so_that_the_stop_reaches_as_far(
    tmp_path: Path, body: str, way: str, stop: str
) -> None:
    (found,) = problems(tmp_path, site(f"    thresholds: {{{body}}}\n"), rule=OFFER, shared=STOPS)
    name = body.split(":")[0]
    assert f"{FILE}:7: `{name}` may not be {way} here: `{stop}` would stop less." in found


@pytest.mark.parametrize(
    "body",
    [
        "mg_high: [2.4 mg/dL]",
        "heavy: [50 kg]",
        "k_low: [3.7 mmol/L]",
        "k_high: [4.8 mmol/L]",
        "mg_low: [1.6 mg/dL, 0.66 mmol/L]",  # below both labels that matter to a stop
        "mg_low: [1.8 mg/dL, 0.74 mmol/L]",
    ],
)
def test_a_stop_may_reach_further_at_a_site(tmp_path: Path, body: str) -> None:
    assert problems(
        tmp_path, site(f"    thresholds: {{{body}}}\n"), rule=OFFER, shared=STOPS
    ) == []  # fmt: skip


def test_a_daily_limit_under_two_stops_may_not_move_at_all(tmp_path: Path) -> None:
    text = site("    thresholds: {most: [6 g]}\n")
    flipped = STOPS.replace("{at_least: most}", "{at_most: most}")
    assert problems(tmp_path / "a", text, rule=OFFER, shared=STOPS) == []
    (found,) = problems(tmp_path / "b", text, rule=OFFER, shared=flipped)
    assert "`most` may not be lowered here: `magnesium_covered` would stop less." in found


def test_a_number_that_is_read_inside_a_derived_fact_under_a_stop_is_fixed(tmp_path: Path) -> None:
    shared = STOPS.replace(
        "{not: potassium_fine}", "{stuck: present}"
    ).replace("  epilepsy:", "  stuck: {derived: refractory_hypokalemia}\n  epilepsy:")  # fmt: skip
    for i, value in enumerate(("3.4", "3.6")):
        text = site(f"    thresholds: {{k_low: [{value} mmol/L]}}\n")
        (found,) = problems(tmp_path / str(i), text, rule=OFFER, shared=shared)
        assert "`iv_stop` would stop less" in found


CONTESTED = STOPS.replace(
    "mg_high, high]}",
    "mg_high, high],\n"
    "    contested: {label: borderline, threshold: mg_low, by: magnesium_lab_low}}",
)


@pytest.mark.parametrize("value", ["1.6 mg/dL, 0.66 mmol/L", "1.8 mg/dL, 0.74 mmol/L"])
@pytest.mark.parametrize(
    ("labels", "held"),
    [
        ("[borderline, high]", True),  # which values are contested decides who is stopped
        ("[low, high]", True),
        ("[normal, high]", True),
        ("[low, borderline, normal]", False),  # whatever the limit is, all beside it are stopped
        ("[high]", False),
    ],
)
def test_a_limit_that_the_laboratory_contests_may_not_move_where_a_stop_asks_beside_it(
    tmp_path: Path, labels: str, held: bool, value: str
) -> None:
    shared = CONTESTED.replace("{mg_class: {is: high}}", f"{{mg_class: {{in: {labels}}}}}")
    text = site(f"    thresholds: {{mg_low: [{value}]}}\n")
    found = problems(tmp_path, text, rule=OFFER, shared=shared)
    way = "lowered" if value.startswith("1.6") else "raised"
    words = f"{FILE}:7: `mg_low` may not be {way} here: `mg_stop` would stop less."
    assert [item[: len(words)] for item in found] == ([words] if held else [])


def test_a_limit_that_no_suggestion_adds_up_to_and_no_stop_asks_may_move(tmp_path: Path) -> None:
    rule = OFFER.replace("    total: {fact: total, at_most: most}\n", "")
    shared = STOPS.replace("{total: {at_least: most}}", "{total: present}")
    text = site("    thresholds: {most: [10 g]}\n")
    assert problems(tmp_path, text, rule=rule, shared=shared) == []


def test_a_stop_with_a_part_that_does_not_load_is_told_by_that_part_alone(tmp_path: Path) -> None:
    shared = STOPS.replace("{mg_class: {is: high}}", "{mg_class: {is: hihg}}")
    text = site("    thresholds: {heavy: [30 kg]}\n")
    found = problems(tmp_path, text, rule=OFFER, shared=shared)
    assert len([item for item in found if "`hihg` is not a label of `mg_class`" in item]) == 1
    (held,) = [item for item in found if "would stop less" in item]
    assert "`heavy` may not be lowered here" in held  # the other parts are judged all the same


def test_the_rules_of_these_tests_load_without_a_change(tmp_path: Path) -> None:
    text = site("    status: {test-rule: silent}\n")
    assert problems(tmp_path, text, rule=OFFER, shared=STOPS) == []
