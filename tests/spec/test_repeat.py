"""What does `repeat` mean? One table: what was told of the card, what is found now, is it shown.

The rule has three levels: T1, a warning, for a low magnesium; T1 again, info, for a low potassium
without a magnesium; T2, critical, for a high magnesium. A dash is a card that is held back.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import rulefiles

from cds.engine.decide import decide
from cds.facts.record import Overridden
from cds.rulebook.model import Rulebook
from tests.unit.facts.standin import NOW, ago, k, mg, view

RULE = rulefiles.RULE.replace(
    "cases:",
    """  - row: T1
    indicator: info
    when: {all: [{magnesium: missing}, {potassium: {below: k_low}}]}
    summary: "Potassium {potassium}, no magnesium"
  - row: T2
    indicator: critical
    when: {mg_class: {is: high}}
    summary: "Magnesium {magnesium}"
repeat: {after: 12 h, unless: {any: [{magnesium: {falling_by: 0.2 mg/dL}}, {epilepsy: present}]}}
cases:
  - {name: high fires, given: {magnesium: 2.8 mg/dL}, expect: fires, row: T2}""",
)

# told: row, indicator, reason, hours ago; found: magnesium before it, magnesium after it.
TABLE = [
    ("T1 warning  busy  1", "1.6", "",    "-"),
    ("",                    "1.6", "",    "T1"),  # nothing was told
    ("T1 warning  busy 11", "1.6", "",    "-"),
    ("T1 warning  busy 12", "1.6", "",    "T1"),  # over
    ("T1 warning  busy -1", "1.6", "",    "T1"),  # in the future
    ("T1 info     busy  1", "1.6", "",    "T1"),  # it was less urgent
    ("T1 critical busy  1", "1.6", "",    "-"),
    ("T2 critical busy  1", "1.6", "",    "T1"),  # another row
    ("T2 critical busy  1", "2.8", "",    "T2"),  # critical
    ("T1 warning  busy  1", "2.8", "",    "T2"),
    ("T1 warning  busy  1", "2.0", "",    ""),    # nothing is found
    ("T1 warning  busy  1", "1.6", "1.6", "-"),
    ("T1 warning  busy  1", "1.6", "1.5", "-"),
    ("T1 warning  busy  1", "1.6", "1.4", "T1"),  # it has fallen since then
    ("T1 warning  busy  1", "",    "1.6", "T1"),  # another level spoke for the row
    ("T1 warning  busy  1", "2.0", "1.6", "T1"),  # no level did
    ("T1 info     busy  1", "",    "",    "T1"),  # `unless` cannot be told: no magnesium
]  # fmt: skip


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return rulefiles.load(tmp_path_factory.mktemp("repeat"), RULE)


def told(words: str) -> tuple[Overridden, ...]:
    if not words:
        return ()
    row, indicator, reason, hours = words.split()
    return (Overridden("test-rule", row, indicator, reason, ago(float(hours))),)


@pytest.mark.parametrize(("past", "before", "since", "shown"), TABLE)
def test_repeat(book: Rulebook, past: str, before: str, since: str, shown: str) -> None:
    labs = [k("3.0", 13)]
    labs += [mg(f"{before} mg/dL", 12.5)] if before else []
    labs += [mg(f"{since} mg/dL", 0.5)] if since else []
    record = replace(view(labs=tuple(labs)).record, overridden=told(past))
    record = replace(record, problems=replace(record.problems, gap="", supplied=True))
    (found,) = decide(book, record, NOW, "order-select").items
    row = found.fired.row if found.fired else ""
    assert ("-" if found.held_back else row) == shown
