"""Whole rules directories: rules, shared files and what holds between them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import rulefiles
from rulefiles import RULE, SHARED

from cds.errors import RulebookError
from cds.rulebook.load import assemble, digest, load_rulebook
from cds.rulebook.model import Change, ForEach, Holds, IsPresent, Level, Rulebook

RULE_FILE, SHARED_FILE = "rules/test-rule.yaml", "rules/shared/base.yaml"
LEVEL = 'summary: "Magnesium {magnesium}"'
WITH_TEST = SHARED + "suggestions:\n  order-it: {label: Order it, create: magnesium-level}\n"


def found(directory: Path, rule: str = RULE, shared: str = SHARED) -> list[str]:
    return [str(item) for item in rulefiles.problems(directory, rule, shared)]


# --- what a rule carries ----------------------------------------------------------------------

FULL = (
    RULE.replace(
        LEVEL,
        LEVEL
        + """
    detail: ["below {mg_low}"]
    critical_when: {magnesium: {below: 1.0 mg/dL}}
    info_when: {epilepsy: absent}
    suggest: [order-it, order-again]
    notes: [{if: {epilepsy: present}, say: "{epilepsy}", unknown: not known}]
    cite: [paper]""",
    )
    + """
for_each: {order: [ppi, thiazide], which: selected}
unless: {holds: child}
suggestions:
  order-again: {label: Order again, create: magnesium-level}
notes: [{say: "Hold {order}"}]
override_reasons: [busy]
known_false_alarms: [a diluted sample]
"""
)
WITH_REASON = WITH_TEST + "override_reasons:\n  busy: {system: 'urn:x', display: Busy}\n"


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return rulefiles.load(tmp_path_factory.mktemp("full"), FULL, WITH_REASON)


def test_a_rule_carries_everything_its_file_says(full: Rulebook) -> None:
    (rule,) = full.rules
    assert (rule.id, rule.status, rule.hooks) == ("test-rule", "active", ("order-select",))
    assert rule.for_each == ForEach(("ppi", "thiazide"), "ppi or thiazide")
    assert isinstance(rule.unless, Holds)
    assert (rule.override_reasons, rule.known_false_alarms) == (("busy",), ("a diluted sample",))
    assert rule.notes[0].if_ is None
    assert [case.expect for case in rule.cases] == ["fires", "silent"]


@pytest.mark.parametrize("unless", ["", ", unless: {magnesium: {falling_by: 0.2 mg/dL}}"])
def test_a_rule_says_when_its_card_may_come_again(tmp_path: Path, unless: str) -> None:
    (rule,) = rulefiles.load(tmp_path, f"{RULE}repeat: {{after: 36 h{unless}}}\n").rules
    assert rule.repeat is not None
    assert rule.repeat.after == timedelta(hours=36)
    assert isinstance(rule.repeat.unless, Change) is bool(unless)


def test_a_row_carries_its_texts_conditions_and_sources(full: Rulebook) -> None:
    level: Level = full.rules[0].levels[0]
    assert (level.row, level.indicator, level.detail) == ("T1", "warning", ("below {mg_low}",))
    assert level.critical_when is not None
    assert isinstance(level.info_when, IsPresent)
    assert (level.notes[0].say, level.notes[0].unknown) == ("{epilepsy}", "not known")
    assert level.cite == ("paper",)
    assert level.where.file == RULE_FILE


def test_a_rule_holds_its_own_suggestions_and_the_shared_ones_it_names(full: Rulebook) -> None:
    assert list(full.rules[0].suggestions) == ["order-it", "order-again"]
    assert str(full.rules[0].suggestions["order-it"].where).startswith(SHARED_FILE)
    assert str(full.rules[0].suggestions["order-again"].where).startswith(RULE_FILE)


def test_a_shared_suggestion_nobody_names_is_not_carried(tmp_path: Path) -> None:
    assert rulefiles.load(tmp_path, RULE, WITH_TEST).rules[0].suggestions == {}


# --- faults of a rule -------------------------------------------------------------------------

NEW = f"{LEVEL}\n    suggest: "
FAULTS = [
    # what stands in the rule        instead of                       said
    (f"{NEW}[order-ti]",             LEVEL,
     "`order-ti` is not a declared suggestion. Did you mean `order-it`?"),
    (f"{RULE}suggestions: {{order-it: {{label: x, create: magnesium-level}}}}\n", RULE,
     "`order-it` is a shared suggestion already."),
    (RULE.replace(LEVEL, f"{NEW}[drop]") + "suggestions: {drop: {label: x, delete: order}}\n", RULE,
     "`drop` edits an order, but this rule has no `for_each`."),
    (RULE.replace(LEVEL, f"{NEW}[cut]") + "suggestions: {cut: {label: x, delete: order}}\n", RULE,
     "`cut` edits an order, but this rule has no `for_each`."),
    (f"{RULE}suggestions: {{bad: {{label: x}}}}\n", RULE,
     "a suggestion has exactly one of create, update and delete."),
    (f"{RULE}override_reasons: [bussy]\n", RULE,
     "`bussy` is not a declared override reason. Did you mean `busy`?"),
    (f"{RULE}repeat: {{after: a day}}\n", RULE, "`a day` is not a span of time"),
    (f"{RULE}repeat: {{after: 24 h, unless: {{holds: chil}}}}\n", RULE, "`chil` is not a declared"),
    (f"{RULE}for_each: {{order: [ppi], which: selected}}\nrepeat: {{after: 24 h}}\n", RULE,
     "feedback names no order: a card for each order cannot stay away. Leave out `repeat`."),
    (f"{RULE}unless: {{holds: chil}}\n", RULE, "`chil` is not a declared definition."),
    (f"{RULE}notes: [{{say: 'Hold {{order}}'}}]\n", RULE, "`{order}` names no fact"),
    (f"{RULE}notes: [{{say: x, unknown: '{{colour}}'}}]\n", RULE, "`{colour}` names no fact"),
    (f"{RULE}notes: [{{if: {{holds: chil}}, say: x}}]\n", RULE, "`chil` is not a declared"),
    (f"{LEVEL}\n    critical_when: {{holds: chil}}", LEVEL, "`chil` is not a declared"),
    (f"{LEVEL}\n    info_when: {{holds: chil}}", LEVEL, "`chil` is not a declared"),
    (f"{LEVEL}\n    detail: ['{{colour}}']", LEVEL, "`{colour}` names no fact or threshold."),
    (f"{LEVEL}\n    cite: [paperr]", LEVEL, "`paperr` is not a declared citation."),
    ("id: Test Rule", "id: test-rule", "`id`: string should match pattern"),
    ("hooks: []", "hooks: [order-select]", "`hooks`: list should have at least 1 item"),
    ("use: [base, bass]", "use: [base]", "`bass` is not a declared shared file."),
]  # fmt: skip


@pytest.mark.parametrize(("new", "old", "said"), FAULTS)
def test_a_rule_with_a_fault_does_not_load(tmp_path: Path, new: str, old: str, said: str) -> None:
    assert old in RULE
    problems = found(tmp_path, RULE.replace(old, new, 1), WITH_REASON)
    assert len(problems) == 1, problems
    assert problems[0].startswith(f"{RULE_FILE}:")
    assert said in problems[0]


# --- faults of shared files -------------------------------------------------------------------

TWICE = {
    "citations": "paper2: {title: x, standing: guideline}",
    "override_reasons": "reason2: {system: 'urn:x', display: x}",
    "windows": "day2: {inpatient: 24 h, outpatient: 7 d, why: x, cite: [paper]}",
    "thresholds": "mg_low2: {of: magnesium, value: [1.7 mg/dL], why: x, cite: [paper]}",
    "facts": "magnesium2: {patient: age}",
    "bands": "band2: {of: magnesium, steps: [low, mg_low, normal]}",
    "tables": "table2: {by: [renal_band], of: frequency, unit: /d, why: x, cite: [paper], rows: "
    "{full: 2, half: 1, low: none, hold: none, unknown: none}}",
    "define": "define2: {when: {holds: child}}",
    "suggestions": "suggestion2: {label: x, create: magnesium-level}",
}


@pytest.mark.parametrize("section", TWICE)
def test_a_name_means_one_thing_in_the_whole_rulebook(tmp_path: Path, section: str) -> None:
    again = f"{section}:\n  {TWICE[section]}\n"
    taken = again.replace(TWICE[section].split(":")[0], "paper", 1)
    rules = rulefiles.write(tmp_path)
    (rules / "shared" / "more.yaml").write_text(again, encoding="utf-8")
    terms, templates = rulefiles._parts()
    assert assemble(rules, terms, templates, []).rules
    (rules / "shared" / "more.yaml").write_text(taken, encoding="utf-8")
    with pytest.raises(RulebookError) as caught:
        assemble(rules, terms, templates, [])
    (clash,) = caught.value.problems
    assert str(clash) == (
        "rules/shared/more.yaml:2: `paper` is already declared in rules/shared/base.yaml:3. "
        "Give one of the two another name."
    )


SHARED_FAULTS = [
    ("mg_class: {of: magnesium,", "mg_class: {of: magnesum,",
     "`magnesum` is not a declared lab fact. Did you mean `magnesium`?"),
    ("mg_class: {of: magnesium,", "mg_class: {of: epilepsy,",
     "`epilepsy` is not a declared lab fact."),
    ("steps: [low, mg_low, normal, mg_high, high]}", "steps: [low, mg_low, normal, mg_high]}",
     "steps are label, threshold, label, ..., label, each label once."),
    ("mg_high, high]}",
     "mg_high, high], contested: {label: borderline, threshold: k_low, by: potassium}}",
     "`contested` names one threshold of the steps and a reference_low fact."),
    ("mg_high, high]}",
     "mg_high, high], contested: {label: borderline, threshold: mg_low, by: nothing}}",
     "`contested` names one threshold of the steps and a reference_low fact."),
    ("by: [renal_band]", "by: [renal_bnad]",
     "`renal_bnad` is not a declared category fact. Did you mean `renal_band`?"),
    ("by: [renal_band]", "by: [magnesium]", "`magnesium` is not a declared category fact."),
    ("of: frequency", "of: often", "`often` is not something this service measures."),
    ("rows: {full: 2,", "rows: {full: twice,", "`twice /d` is not a number with a unit."),
    ("unit: /d", "unit: mg", "`mg` is not a unit of frequency"),
    ("  tablets:\n    by: [renal_band]", "  tablets:\n    by: [mg_class, renal_band]",
     "the table has no cell for low / full."),
    ("cite: [paper]}\nfacts", "cite: [papper]}\nfacts", "`papper` is not a declared citation."),
    ("  child: {when:", "  child: {whne:", "`whne` is not a word of the rule language here."),
    ("say: a child", "say: 'a {chlid}'", "`{chlid}` names no fact or threshold."),
    ("child: {when: {age: {below: 18 a}}", "child: {when: {holds: infant}}\n"
     "  infant: {when: {all: [{holds: low_magnesium}, {holds: low_magnesium}, {holds: child}]}",
     "`child` is defined by itself."),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), SHARED_FAULTS)
def test_a_shared_file_with_a_fault_does_not_load(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in SHARED
    problems = found(tmp_path, shared=SHARED.replace(old, new, 1))
    assert any(line.startswith(f"{SHARED_FILE}:") and said in line for line in problems), problems


def test_two_definitions_may_lean_on_the_same_third_one(tmp_path: Path) -> None:
    shared = SHARED + (
        "  small: {when: {all: [{holds: young}, {holds: tiny}]}}\n"
        "  young: {when: {holds: child}}\n  tiny: {when: {holds: child}}\n"
    )
    assert found(tmp_path, shared=shared) == []


def test_a_suggestion_that_is_refused_is_not_offered_to_rules(tmp_path: Path) -> None:
    shared = (
        SHARED + "suggestions:\n  order-it: {label: x, create: magnesium-level, update: order}\n"
    )
    problems = found(tmp_path, RULE.replace(LEVEL, f"{NEW}[order-it]"), shared)
    assert [line.split(": ", 1)[1] for line in problems] == [
        "a suggestion has exactly one of create, update and delete.",
        "`order-it` is not a declared suggestion.",
    ]


def test_a_clause_in_a_definition_that_is_refused_is_reported_once(tmp_path: Path) -> None:
    shared = SHARED.replace("{age: {below: 18 a}}", "{agee: {below: 18 a}}")
    problems = found(tmp_path, RULE.replace("holds: low_magnesium", "holds: child"), shared)
    assert len(problems) == 1
    assert "`agee` is not a declared fact. Did you mean `age`?" in problems[0]


def test_the_laboratory_limit_may_contest_a_step(tmp_path: Path) -> None:
    shared = SHARED.replace(
        "  age:", "  mg_floor: {reference_low: magnesium, between: [1.2 mg/dL, 2.2 mg/dL]}\n  age:"
    ).replace(
        "mg_high, high]}",
        "mg_high, high], contested: {label: borderline, threshold: mg_low, by: mg_floor}}",
    )
    spec = rulefiles.load(tmp_path, shared=shared).facts["mg_class"]
    assert spec.type.labels == ("low", "normal", "high", "borderline")


def test_a_shorter_window_names_its_problem_and_its_time(tmp_path: Path) -> None:
    shorter = "outpatient: 7 d, shorter_when: {problem: ckd, outpatient: 3 d}, why: a day"
    shared = SHARED.replace("outpatient: 7 d, why: a day", shorter)
    assert rulefiles.load(tmp_path, shared=shared).windows["day"].shorter == (
        "ckd",
        timedelta(days=3),
    )
    wrong = shared.replace("outpatient: 3 d", "outpatient: three days")
    assert "`three days` is not a span of time" in found(tmp_path, shared=wrong)[0]


# --- directories ------------------------------------------------------------------------------


def test_two_rules_of_one_name_do_not_load(tmp_path: Path) -> None:
    rules = rulefiles.write(tmp_path)
    (rules / "z-copy.yaml").write_text(RULE, encoding="utf-8")
    with pytest.raises(RulebookError, match="there is already a rule `test-rule`"):
        assemble(rules, *rulefiles._parts(), [])


def test_a_directory_without_rules_decides_nothing_and_does_not_load(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    with pytest.raises(RulebookError, match="rules:1: there is no rule file here"):
        assemble(tmp_path / "rules", *rulefiles._parts(), [])


def test_a_rule_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    rules = rulefiles.write(tmp_path, RULE.replace("holds: low_magnesium", "holds: nothing"))
    (rules / "broken.yaml").write_text("[", encoding="utf-8")
    (rules / "shared" / "empty.yaml").write_text("", encoding="utf-8")
    (rules / "shared" / "odd.yaml").write_text("colours: {}", encoding="utf-8")
    with pytest.raises(RulebookError) as caught:
        assemble(rules, *rulefiles._parts(), [])
    assert [item.file for item in caught.value.problems] == [
        "rules/broken.yaml",
        "rules/shared/empty.yaml",
        "rules/shared/odd.yaml",
        RULE_FILE,
    ]


def test_missing_code_sets_and_orders_are_listed_with_the_rest(tmp_path: Path) -> None:
    rules = rulefiles.write(tmp_path, RULE.replace("id: test-rule", "id: Test"))
    with pytest.raises(RulebookError) as caught:
        load_rulebook(rules, "north")
    files = {item.file for item in caught.value.problems}
    assert {
        "rules/sites/north.yaml",
        "code_sets/drugs.yaml",
        "rules/orders/index.yaml",
        RULE_FILE,
    } <= files


def test_a_draft_rule_needs_no_cases_yet(tmp_path: Path) -> None:
    bare = RULE[: RULE.index("cases:")]
    assert "no case shows row T1 firing." in found(tmp_path / "a", bare)[0]
    assert found(tmp_path / "b", bare.replace("status: active", "status: draft")) == []


def test_the_digest_counts_what_decides_and_nothing_else(tmp_path: Path) -> None:
    rules = rulefiles.write(tmp_path)
    first = digest(rules, None)
    (rules / "README.md").write_text("words", encoding="utf-8")
    (rules / "sites").mkdir()
    (rules / "sites" / "north.yaml").write_text("site: north", encoding="utf-8")
    assert digest(rules, None) == first
    assert digest(rules, "north") != first
    assert digest(rules, "south") == first
    (rules / "orders").mkdir()
    (rules / "orders" / "x.json").write_text("{}", encoding="utf-8")
    assert digest(rules, None) != first
