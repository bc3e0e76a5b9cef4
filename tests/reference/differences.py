"""Comparing evaluators, and telling a disagreement so that it can be pasted as a case."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sides import Answer, Evaluator, Given, Rules

# How many rule x patient pairs each comparison of this run has made; told at its end.
COMPARED: Counter[str] = Counter()


@dataclass
class Comparison:
    """Evaluators side by side. `seen` counts what the first one answered."""

    name: str
    evaluators: Mapping[str, Evaluator]
    seen: Counter[str] = field(default_factory=Counter)

    def compare(self, rules: Rules, rule_id: str, given: Given) -> None:
        """Raises AssertionError with the smallest patient that shows a difference."""
        answers = self._answers(rules, rule_id, given)
        COMPARED[self.name] += 1
        self._note(next(iter(answers.values())))
        if not _one_mind(answers):
            small = self._smallest(rules, rule_id, given)
            raise AssertionError(self._told(rules, rule_id, small))

    def _answers(self, rules: Rules, rule_id: str, given: Given) -> Mapping[str, Answer]:
        return {name: ask(rules, rule_id, given) for name, ask in self.evaluators.items()}

    def _note(self, answer: Answer) -> None:
        self.seen[answer.outcome] += 1
        self.seen["withheld"] += len(answer.withheld or ())
        for dose in answer.offers.values():
            self.seen["test or edit offered" if dose is None else "dose offered"] += 1

    def _smallest(self, rules: Rules, rule_id: str, given: Given) -> Given:
        for name in list(given):
            fewer = {key: text for key, text in given.items() if key != name}
            if not _one_mind(self._answers(rules, rule_id, fewer)):
                given = fewer
        return given

    def _told(self, rules: Rules, rule_id: str, given: Given) -> str:
        answers = self._answers(rules, rule_id, given)
        case = {"name": "the evaluators disagree", "given": given}
        lines = [f"rule {rule_id}", f"  - {json.dumps(case)}"]
        lines += [f"{name}: {_words(answer)}" for name, answer in answers.items()]
        lines += [f"{name}: {json.dumps(data)}" for name, data in _leaned_on(rules, rule_id)]
        return "\n".join(lines)


def _one_mind(answers: Mapping[str, Answer]) -> bool:
    first, *others = answers.values()
    return all(first.agrees(other) for other in others)


def _words(answer: Answer) -> str:
    offers = {name: str(dose) for name, dose in answer.offers.items()}
    withheld = "" if answer.withheld is None else f", withheld {sorted(answer.withheld)}"
    level = f"level {answer.level}, {answer.indicator}"
    return f"{answer.outcome}, {level}, offers {offers}{withheld}"


def _leaned_on(rules: Rules, rule_id: str) -> list[tuple[str, Any]]:
    """The rule, and the bands, tables and definitions it leans on."""
    rule = {key: rules.rules[rule_id].get(key) for key in ("levels", "suggestions", "unless")}
    found: list[tuple[str, Any]] = [("rule", rule)]
    known = {
        name: data
        for section in ("define", "bands", "tables", "suggestions")
        for name, data in rules.shared[section].items()
    }
    text = json.dumps(rule)
    while named := [name for name in known if f'"{name}"' in text]:
        for name in named:
            data = known.pop(name)
            found.append((name, data))
            text += json.dumps(data)
    return found
