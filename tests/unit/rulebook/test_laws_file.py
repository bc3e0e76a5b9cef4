"""`rules/laws.yaml`: what it may say, and what is said of a mistake: where, what, how to fix."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from cds.errors import RulebookError
from cds.rulebook.laws import load_laws
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import ExactSource, ForEach, OfferSource, Rulebook
from cds.rulebook.model.laws import Asks, Fires, LawBook, MoreThanOne, Offers, Together

RULES = Path(__file__).parents[3] / "rules"


@cache
def book() -> Rulebook:
    return load_rulebook(RULES)


def load(tmp_path: Path, text: str) -> LawBook:
    """A law file beside the real rules."""
    folder = tmp_path / "rules"
    folder.mkdir(exist_ok=True)
    (folder / "laws.yaml").write_text(text, encoding="utf-8")
    return load_laws(folder, book())


LAW = """
laws:
  a-law:
    title: A law
    why: a reason
    cite: [mgso4-label]
"""


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(RulebookError) as raised:
        load(tmp_path, text)
    return [str(problem) for problem in raised.value.problems]


def test_without_a_file_there_are_no_laws(tmp_path: Path) -> None:
    assert load_laws(tmp_path, book()).laws == ()


DEMANDS = {
    "always: {fires: {rule: [hypomagnesemia], row: [A2]}}": ("always", Fires),
    "never: {offers: {action: [create], kind: drug}}": ("never", Offers),
    "never: {more_than_one_offer: {ingredient: [magnesium]}}": ("never", MoreThanOne),
    "always: {renal_band: {is: full}}": ("always", Asks),
    "always: {not: mg_stop}": ("always", Asks),
    "always: {any: [{renal_band: {is: full}}, {torsades: present}]}": ("always", Asks),
    "always: {all: [{torsades: present}, {fires: {rule: [qt-risk]}}]}": ("always", Together),
    "always: {any: [{all: [{offers: {}}]}]}": ("always", Together),
    "levels_can_fire: [qt-risk]": ("levels-can-fire", type(None)),
    "unknown_never_adds: {kind: drug}": ("unknown-never-adds", type(None)),
    "doubt_never_silences: {fact: renal_band, rule: [qt-risk]}": (
        "doubt-never-silences", type(None)
    ),
}  # fmt: skip


@pytest.mark.parametrize(("demand", "read"), DEMANDS.items(), ids=DEMANDS)
def test_a_demand_is_read(tmp_path: Path, demand: str, read: tuple[str, type]) -> None:
    (law,) = load(tmp_path, f"{LAW}    {demand}\n").laws
    assert (law.kind, type(law.claim)) == read
    assert (law.name, law.title, law.why, law.cite) == (
        "a-law", "A law", "a reason", ("mgso4-label",)
    )  # fmt: skip
    assert str(law.where) == "rules/laws.yaml:3"
    assert law.hook == "order-select"


def test_a_law_about_doubt_knows_its_fact_and_its_rules(tmp_path: Path) -> None:
    demand = "doubt_never_silences: {fact: renal_band, rule: [potassium-order, qt-risk]}"
    (law,) = load(tmp_path, f"{LAW}    {demand}\n").laws
    assert (law.fact, law.rules) == ("renal_band", {"potassium-order", "qt-risk"})


def test_a_law_about_orders_is_about_one_order_with_any_of_the_roles(tmp_path: Path) -> None:
    each = "for_each: {order: [mg-replacement-iv, k-replacement], which: selected}"
    (law,) = load(tmp_path, f"{SOUND}    {each}\n").laws
    assert law.for_each == ForEach(
        ("mg-replacement-iv", "k-replacement"), "mg-replacement-iv or k-replacement"
    )


FACTS = """
facts:
  grams: {offer: dose, of: magnesium_sulfate_dose}
  together: {offer: total, of: magnesium_sulfate_dose, with: magnesium_24h}
  exactly: {exact: magnesium}
thresholds:
  my_low: {of: magnesium, value: [1.7 mg/dL], why: low, cite: [mgso4-label]}
tables:
  my_grams:
    {by: [renal_band], of: magnesium_sulfate_dose, unit: g, why: most, cite: [mgso4-label],
     rows: {full: 4, half: 2, low: 1, hold: none, unknown: none}}
define:
  mine: {when: {magnesium: {below: my_low}}}
"""


def test_a_law_states_facts_numbers_tables_and_definitions_of_its_own(tmp_path: Path) -> None:
    demand = "always: {grams: {at_most: {table: my_grams}}}\n    given: {holds: mine}\n"
    laws = load(tmp_path, f"{FACTS}{LAW}    {demand}")
    sources = {name: type(laws.book.facts[name].source) for name in ("grams", "exactly")}
    assert sources == {"grams": OfferSource, "exactly": ExactSource}
    assert {"my_low", "mg_lln"} <= set(laws.book.thresholds)
    assert "my_grams" in laws.book.tables
    assert "mine" in laws.book.definitions
    assert laws.book.rules == book().rules
    # what decides cards knows nothing of it
    assert "mine" not in book().definitions
    assert "grams" not in book().facts


def test_laws_can_be_put_over_another_version_of_the_rules(tmp_path: Path) -> None:
    laws = load(tmp_path, f"{FACTS}{LAW}    always: {{holds: mine}}\n")
    other = load_rulebook(RULES, "example")
    over = laws.over(other)
    assert over.laws == laws.laws
    assert over.book.rules == other.rules
    assert over.book.thresholds["my_low"] == laws.book.thresholds["my_low"]
    assert over.book.digest == other.digest


LINE = LAW.count("\n") + 1  # the line of the demand
MISTAKES = {
    "always: {fires: {rule: [hypomagnesaemia]}}": (
        "`hypomagnesaemia` is not a declared rule. Did you mean `hypomagnesemia`?"
    ),
    "always: {fires: {row: [A22]}}": "`A22` is not a declared row.",
    "never: {offers: {template: [magnesium-sulfate-bags]}}": (
        "`magnesium-sulfate-bags` is not a declared order template. Did you mean"
    ),
    "always: {renal_bands: {is: full}}": "`renal_bands` is not a declared fact. Did you mean",
    "always: {holds: mg_stopp}": "`mg_stopp` is not a declared definition. Did you mean `mg_stop`?",
    "always: {magnesium: {below: 1.7 kg}}": "`kg` is not a unit of magnesium",
    "always: {magnesium: {below: k_low}}": "potassium",
    "always: {fires: {rules: [qt-risk]}}": "`rules`",
    "never: {offers: {action: [give]}}": "input should be 'create', 'update' or 'delete'",
    "levels_can_fire: [qt-risks]": "`qt-risks` is not a declared rule. Did you mean `qt-risk`?",
    "unknown_never_adds: {kind: pill}": "`kind`: input should be 'drug', 'test' or 'any'",
    "always: {qtc: present, icu: present}": "a clause is one line: `{fact: {operator: value}}`",
    "always: {all: [torsades, {fires: {rule: [qt-risk]}}]}": (
        "a clause is one line: `{fact: {operator: value}}`"
    ),
    "doubt_never_silences: {fact: renal_bands}": (
        "`renal_bands` is not a declared fact with labels. Did you mean `renal_band`?"
    ),
    "doubt_never_silences: {fact: magnesium}": ("`magnesium` is not a declared fact with labels."),
    "doubt_never_silences: {fact: renal_band, rule: [qt-risks]}": (
        "`qt-risks` is not a declared rule. Did you mean `qt-risk`?"
    ),
}


@pytest.mark.parametrize(("demand", "message"), MISTAKES.items(), ids=MISTAKES)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, demand: str, message: str) -> None:
    (problem, *_) = problems(tmp_path, f"{LAW}    {demand}\n")
    assert problem.startswith(f"rules/laws.yaml:{LINE}: ")
    assert message in problem


SOUND = f"{LAW}    always: {{torsades: present}}\n"
OTHER = {
    f"{SOUND}    never: {{torsades: present}}\n": (
        "rules/laws.yaml:3: a law has exactly one of `always`, `never`, "
    ),
    LAW: "rules/laws.yaml:3: a law has exactly one of `always`",
    f"{SOUND}    for_each: {{order: [mg-iv], which: selected}}\n": (
        f"rules/laws.yaml:{LINE + 1}: `mg-iv` is not a declared role."
    ),
    LAW.replace("mgso4-label", "mgso4-labels") + "    always: {torsades: present}\n": (
        "rules/laws.yaml:6: "
    ),
    "laws: {}\n": "rules/laws.yaml:",
    f"facts:\n  both: {{exact: magnesium, offer: dose}}\n{SOUND}": (
        "rules/laws.yaml:2: a fact of a law says either `offer` or `exact`."
    ),
    f"facts:\n  none: {{of: magnesium}}\n{SOUND}": (
        "rules/laws.yaml:2: a fact of a law says either `offer` or `exact`."
    ),
    f"facts:\n  one: {{exact: magnesia}}\n{SOUND}": (
        "rules/laws.yaml:2: `magnesia` is not a declared fact. Did you mean"
    ),
    f"facts:\n  torsades: {{exact: magnesium}}\n{SOUND}": ("rules/laws.yaml:2: "),
    f"define:\n  mg_stop: {{when: {{torsades: present}}}}\n{LAW}    always: {{holds: mg_stop}}\n": (
        "rules/laws.yaml:2: "
    ),
}


@pytest.mark.parametrize(("text", "start"), OTHER.items(), ids=range(len(OTHER)))
def test_another_mistake_is_named_with_its_line(tmp_path: Path, text: str, start: str) -> None:
    assert any(problem.startswith(start) for problem in problems(tmp_path, text))


def test_clauses_nested_too_deep_are_refused_and_not_followed(tmp_path: Path) -> None:
    claim = "{torsades: present}"
    for _ in range(60):
        claim = f"{{any: [{claim}]}}"
    (problem, *_) = problems(tmp_path, f"{LAW}    always: {claim}\n")
    assert problem.startswith("rules/laws.yaml:")
    deep = "{fires: {rule: [qt-risk]}}"
    for _ in range(60):
        deep = f"{{any: [{deep}]}}"
    (problem, *_) = problems(tmp_path, f"{LAW}    always: {deep}\n")
    assert problem.startswith("rules/laws.yaml:")


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    text = f"{LAW}    always: {{holds: nothing_1}}\n    given: {{holds: nothing_2}}\n"
    found = problems(tmp_path, text)
    assert len(found) == 2
