"""What does not load, with the file, the line and the way to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest
import rulefiles
from rulefiles import RULE, SHARED

from cds.errors import RulebookError
from cds.rulebook.load import load_rulebook

RULE_FILE = "rules/test-rule.yaml"
SHARED_FILE = "rules/shared/base.yaml"


def test_the_small_rulebook_of_these_tests_loads(tmp_path: Path) -> None:
    assert rulefiles.problems(tmp_path) == ()


# (what is replaced in the rule, by what, the words of the finding)
RULE_FAULTS = [
    (
        "purpose: a test",
        "purpose: a test\nfor_each: {order: [mg-replacment-iv], which: selected}",
        "`mg-replacment-iv` is not a declared role. Did you mean `mg-replacement-iv`?",
    ),
    (
        "when: {holds: low_magnesium}",
        "when: {age: {rising_by: 1 a}}",
        "`age` is no lab: it has no earlier value.",
    ),
    ("when: {holds: low_magnesium}", "when: {magnesium: {missing: [[stale]]}}", "is not a reason."),
    ("title: Test rule", "title: \x07", "not readable as YAML"),
    (
        "when: {holds: low_magnesium}",
        "when: {holds: low_magnesum}",
        "`low_magnesum` is not a declared definition. Did you mean `low_magnesium`?",
    ),
    (
        "when: {holds: low_magnesium}",
        "when: {magnesum: {below: mg_low}}",
        "`magnesum` is not a declared fact. Did you mean `magnesium`?",
    ),
    (
        "when: {holds: low_magnesium}",
        "when: {low_magnesium: present}",
        "is a definition, not a fact. Write `holds: low_magnesium`.",
    ),
    (
        "when: {holds: low_magnesium}",
        "when: {potassium: {below: mg_low}}",
        "a potassium is compared with `mg_low`, a magnesium. Did you mean",
    ),
    (
        "when: {holds: low_magnesium}",
        "when: {magnesium: {below: potassium}}",
        "a magnesium is compared with `potassium`, a potassium.",
    ),
    (
        "when: {holds: low_magnesium}",
        "when: {magnesium: {below: 1.7}}",
        "`1.7` is neither a threshold, a fact nor a number with a unit.",
    ),
    (
        "when: {holds: low_magnesium}",
        "when: {magnesium: {below: 1.7 mmHg}}",
        "`mmHg` is not a unit of magnesium",
    ),
    (
        "when: {holds: low_magnesium}",
        "when: {magnesium: {under: mg_low}}",
        "`under` is not an operator.",
    ),
    (
        "when: {holds: low_magnesium}",
        "when: {mg_class: {below: mg_low}}",
        "`mg_class` is not a quantity and has no `below`.",
    ),
    (
        "when: {holds: low_magnesium}",
        "when: {mg_class: {is: lo}}",
        "`lo` is not a label of `mg_class` (low, normal, high). Did you mean `low`?",
    ),
    ("when: {holds: low_magnesium}", "when: {magnesium: {is: low}}", "`magnesium` has no labels."),
    ("when: {holds: low_magnesium}", "when: {magnesium: absent}", "Write `missing`."),
    (
        "when: {holds: low_magnesium}",
        "when: {magnesium: {missing: [old]}}",
        "`old` is not a reason.",
    ),
    (
        "when: {holds: low_magnesium}",
        "when: {magnesium: {between: [mg_low]}}",
        "`between` takes [lower included, upper excluded].",
    ),
    ("when: {holds: low_magnesium}", "when: {all: []}", "`all` takes a list of clauses."),
    (
        "when: {holds: low_magnesium}",
        "when: {all: [{any: [{all: [{holds: child}]}]}]}",
        "nested too deeply to read aloud",
    ),
    ("when: {holds: low_magnesium}", "when: yes", "input should be a valid dictionary"),
    ("indicator: warning", "indicator: hard-stop", "`indicator`"),
    (
        "indicator: warning",
        "indicator: warning\n    colour: red",
        "`colour` is not a word of the rule language here.",
    ),
    ("  - row: T1", "  - rows: T1", "`row` is missing here."),
    (
        'summary: "Magnesium {magnesium}"',
        'summary: "Magnesium {magnesum}"',
        "`{magnesum}` names no fact or threshold. Did you mean `magnesium`?",
    ),
    (
        'summary: "Magnesium {magnesium}"',
        'summary: "Magnesium {magnesium.colour}"',
        "`magnesium` has no `.colour`.",
    ),
    (
        'summary: "Magnesium {magnesium}"',
        'summary: "Magnesium {Magnesium"',
        "a brace in a text is not part of a hole.",
    ),
    ("use: [base]", "use: [bass]", "`bass` is not a declared shared file. Did you mean `base`?"),
    ("use: [base]", "use: []", "which `use` does not name"),
    ("cite: [paper]", "cite: [papers]", "Did you mean `paper`?"),
    ("due: 2027-01-01", "due: 2025-01-01", "the review is due before it was made."),
    (
        "given: {magnesium: 2.0 mg/dL}",
        "given: {sodium: 140 mmol/L}",
        "`sodium` is not a declared fact.",
    ),
    ("expect: fires, row: T1", "expect: fires", "a case that fires names its `row`."),
    ("expect: fires, row: T1", "expect: fires, row: T9", "`T9` is not a declared row of this rule"),
    (
        "  - {name: low fires, given: {magnesium: 1.6 mg/dL}, expect: fires, row: T1}\n",
        "",
        "no case shows row T1 firing.",
    ),
    (
        "  - {name: normal is silent, given: {magnesium: 2.0 mg/dL}, expect: silent}\n",
        "",
        "no case shows the rule staying silent.",
    ),
    ("owner: Test", "owner: Test\nowner: Other", "`owner` stands here twice"),
    ("owner: Test", "owner: &who Test", "anchors and aliases are not used in rule files"),
    ("title: Test rule", "title: [", "not readable as YAML"),
]


@pytest.mark.parametrize(("old", "new", "words"), RULE_FAULTS)
def test_a_fault_in_a_rule_is_named_with_its_line_and_its_mend(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert old in RULE
    found = rulefiles.problems(tmp_path, RULE.replace(old, new, 1))
    assert any(words in str(item) for item in found), [str(item) for item in found]
    assert all(item.file == RULE_FILE and item.line >= 1 for item in found)


SHARED_FAULTS = [
    (
        "epilepsy: {problem: epilepsy}",
        "epilepsy: {allergy: magnesum}",
        "no code set has the allergen `magnesum`. Did you mean `magnesium`?",
    ),
    (
        "epilepsy: {problem: epilepsy}",
        "epilepsy: {lab_order: [19123-8], within: 24 h}",
        "no code set has the LOINC code `19123-8`",
    ),
    (
        "epilepsy: {problem: epilepsy}",
        "epilepsy: {order: roles, one_of: [mg-replacment-iv]}",
        "no code set has the role `mg-replacment-iv`. Did you mean `mg-replacement-iv`?",
    ),
    (
        "epilepsy: {problem: epilepsy}",
        "epilepsy: {problem: epilepsy, onset_within: }",
        "has no value, or one of the wrong shape",
    ),
    (
        "why: a day,",
        "why: a day, shorter_when: {problem: ckdd, outpatient: 1 d},",
        "`ckdd` is not a declared problem. Did you mean `ckd`?",
    ),
    (
        "value: [1.7 mg/dL, 0.70 mmol/L]",
        "value: [1.7 mg/dL, 0.80 mmol/L]",
        "`0.80 mmol/L` is not `1.7 mg/dL`",
    ),
    ("value: [1.7 mg/dL, 0.70 mmol/L]", "value: [1.7]", "is not a number with a unit"),
    (
        "of: magnesium, value: [2.6 mg/dL]",
        "of: magnesia, value: [2.6 mg/dL]",
        "`magnesia` is not something this service measures",
    ),
    (
        "steps: [low, mg_low, normal, mg_high, high]",
        "steps: [low, mg_high, normal, mg_low, high]",
        "is not above the step before it",
    ),
    (
        "steps: [low, mg_low, normal, mg_high, high]",
        "steps: [low, mg_low, low, mg_high, high]",
        "each label once",
    ),
    (
        "steps: [low, mg_low, normal, mg_high, high]}",
        "steps: [low, above mg_low, normal, mg_high, high], "
        "contested: {label: borderline, threshold: mg_low, by: potassium}}",
        "`mg_low` stands with `above` among the steps and cannot be contested.",
    ),
    (
        "steps: [low, mg_low, normal, mg_high, high]",
        "steps: [low, k_low, normal]",
        "is not a declared magnesium threshold",
    ),
    (
        "rows: {full: 2, half: 1, low: none, hold: none, unknown: none}",
        "rows: {full: 2, half: 1, low: none, hold: none}",
        "the table has no cell for unknown",
    ),
    ("rows: {full: 2,", "rows: {all: 3, full: 2,", "all is not a cell of this table."),
    (
        "newest_within: day}\n  potassium",
        "newest_within: dag}\n  potassium",
        "`dag` is not a declared window. Did you mean `day`?",
    ),
    (
        "epilepsy: {problem: epilepsy}",
        "epilepsy: {problem: epilepsie}",
        "no code set has the problem `epilepsie`. Did you mean `epilepsy`?",
    ),
    ("epilepsy: {problem: epilepsy}", "epilepsy: {disease: epilepsy}", "is not a kind of fact"),
    (
        "epilepsy: {problem: epilepsy}",
        "epilepsy: {problem: epilepsy, onset_within: 24 h}",
        "`undated` says whether an entry without a date",
    ),
    ("inpatient: 24 h", "inpatient: a day", "is not a span of time"),
    (
        "child: {when: {age: {below: 18 a}}",
        "low_magnesium: {when: {age: {below: 18 a}}",
        "stands here twice",
    ),
    (
        "child: {when: {age: {below: 18 a}}",
        "mg_low: {when: {age: {below: 18 a}}",
        "`mg_low` is already declared in rules/shared/base.yaml:",
    ),
    ("child: {when: {age: {below: 18 a}}", "child: {when: {not: child}", "is defined by itself"),
    (
        "renal_band: {derived: renal_band",
        "renal_band: {derived: renal_bond",
        "`renal_bond` is not a derived fact. Did you mean `renal_band`?",
    ),
]


@pytest.mark.parametrize(("old", "new", "words"), SHARED_FAULTS)
def test_a_fault_in_a_shared_file_is_named_with_its_line_and_its_mend(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert old in SHARED
    found = rulefiles.problems(tmp_path, shared=SHARED.replace(old, new, 1))
    assert any(words in str(item) and item.file == SHARED_FILE for item in found), [
        str(item) for item in found
    ]


def test_every_problem_of_every_file_is_listed_at_once(tmp_path: Path) -> None:
    rule = RULE.replace("holds: low_magnesium", "holds: lowmagnesium").replace("{magnesium}", "{x}")
    shared = SHARED.replace("0.70 mmol/L", "0.90 mmol/L")
    files = {item.file for item in rulefiles.problems(tmp_path, rule, shared)}
    assert files == {RULE_FILE, SHARED_FILE}
    assert len(rulefiles.problems(tmp_path, rule, shared)) == 3


def test_the_line_of_a_finding_is_the_line_of_the_word(tmp_path: Path) -> None:
    found = rulefiles.problems(tmp_path, RULE.replace("holds: low_magnesium", "holds: nothing"))
    line = RULE.splitlines().index("    when: {holds: low_magnesium}") + 1
    assert [item.line for item in found] == [line]


HIGH_ALERT = (
    RULE
    + """
suggestions:
  bag:
    label: "Magnesium {dose}"
    create: magnesium-sulfate-bag
    dose: {table: grams}
"""
)


def test_no_high_alert_suggestion_without_its_stops(tmp_path: Path) -> None:
    shared = SHARED.replace(
        "define:",
        "  grams:\n    by: [renal_band]\n    of: magnesium_sulfate_dose\n    unit: g\n"
        "    why: grams\n    cite: [paper]\n"
        "    rows: {full: 2, half: 1, low: none, hold: none, unknown: none}\ndefine:",
    )
    found = rulefiles.problems(tmp_path, HIGH_ALERT, shared)
    assert any("may only be suggested with its stops" in str(item) for item in found)


def test_a_directory_that_is_not_there_is_said_with_the_setting(tmp_path: Path) -> None:
    with pytest.raises(RulebookError, match="CDS_RULES"):
        load_rulebook(tmp_path / "nowhere")


def test_equal_files_have_equal_digests_and_one_byte_changes_it(tmp_path: Path) -> None:
    first = rulefiles.load(tmp_path / "a").digest
    assert rulefiles.load(tmp_path / "b").digest == first
    assert rulefiles.load(tmp_path / "c", RULE + "# one more byte\n").digest != first


def test_a_file_that_would_be_overlooked_is_refused(tmp_path: Path) -> None:
    (rulefiles.write(tmp_path) / "forgotten.yml").write_text("id: forgotten\n", encoding="utf-8")
    found = rulefiles.problems(tmp_path)
    assert [str(item) for item in found] == [
        "rules/forgotten.yml:1: `.yml` files are not read. Name it `.yaml`."
    ]
