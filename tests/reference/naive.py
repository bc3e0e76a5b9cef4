"""A second reading of the rule language to check the real one against: short, slow and plain.

From design sections 3 to 5 and docs/RULE_LANGUAGE.md, not from the compiler. Rules are the data of
the YAML files, patients as cases write them (so nothing is `rising_by`). None is "cannot tell".
"""

from typing import Any, NamedTuple

from states import COMPARE, Amount, add, answer, cell, convert, labels, read, unnamed

from cds.kernel.units import Analyte

NEVER: Any = {"any": []}


class Naive(NamedTuple):
    shared: dict[str, Any]
    rule: dict[str, Any]
    given: dict[str, str]

    def state(self, name: str) -> Any:
        if name in self.shared["bands"]:
            return self.band(**self.shared["bands"][name])
        fact = self.shared["facts"][name]
        return read(self.given.get(name, fact.get("in_cases", unnamed(fact))))

    def band(self, of: str, steps: list[str], contested: Any = None) -> Any:
        if not isinstance(value := self.state(of), Amount):
            return value
        limits = [self.side(step.removeprefix("above "), of, value.unit) for step in steps[1::2]]
        rivals = [self.side(contested[w], of, value.unit) for w in ("threshold", "by") if contested]
        known = all(isinstance(rival, Amount) for rival in rivals)
        found = labels(value, steps, limits, [rival.low for rival in rivals if known])
        return {contested["label"] if label == "contested" else label for label in found}

    def cell(self, name: str) -> str:
        table = self.shared["tables"][name]
        return cell(table, [self.state(fact) for fact in table["by"]])

    def side(self, wanted: Any, fact: str, unit: str) -> Any:
        """What a quantity of this fact, in this unit, is compared with: in the same unit."""
        if isinstance(wanted, dict):
            state = read(self.cell(wanted["table"]))
        elif wanted in self.shared["facts"]:
            state = self.state(wanted)
        else:
            texts = self.shared["thresholds"].get(wanted, {"value": [wanted]})["value"]
            state = read(next((text for text in texts if text.endswith(f" {unit}")), texts[0]))
        measured = self.shared["facts"][fact].values()
        return convert(state, unit, next(a for a in Analyte if a.value in measured))

    def fact(self, name: str, word: str, wanted: Any = None, more: str = "") -> bool | None:
        state = self.state(name)
        finding = unnamed(self.shared["facts"].get(name, {"labels": ()})) == "absent"
        if isinstance(state, Amount) and word in COMPARE:
            wanted = self.side(wanted, name, state.unit)
            state = add(state, self.side(more, name, state.unit)) if more else state
        return answer(state, word, wanted, finding)

    def ask(self, clause: Any) -> bool | None:
        [(word, asked)] = clause.items()
        if word in ("all", "any"):
            answers, settled = [self.ask(part) for part in asked], word == "any"
            return settled if settled in answers else None if None in answers else not settled
        if word in ("holds", "not", "cannot_tell"):
            yes = self.ask(self.shared["define"][asked]["when"])
            return {"holds": yes, "not": None if yes is None else not yes}.get(word, yes is None)
        if "between" in asked:
            low, high = asked["between"]
            return self.ask({"all": [{word: {"at_least": low}}, {word: {"below": high}}]})
        return self.fact(word, *([asked] if isinstance(asked, str) else next(iter(asked.items()))))

    def offer(self, name: str) -> str:
        """`left out`, `withheld`, `offered`, or the dose that is offered."""
        words = {**self.shared["suggestions"], **self.rule.get("suggestions", {})}[name]
        if (wanted := self.ask(words.get("if", {"all": []}))) is False:
            return "left out"
        needs = [wanted, *(self.ask({"not": stop}) for stop in words.get("unless", []))]
        if "duplicate_of" in words:
            needs.append(self.ask({"holds": words["duplicate_of"]}) is not True)
        if "dose" in words or "create" not in words:  # a drug
            needs.append(self.ask(self.rule.get("unless", NEVER)) is False)
        dose = self.cell(words["dose"]["table"]) if "dose" in words else "offered"
        if "total" in words and dose != "none":
            fact, limit = words["total"]["fact"], words["total"]["at_most"]
            needs.append(self.fact(fact, "at_most", limit, more=dose))
        return dose if needs == [True] * len(needs) and dose != "none" else "withheld"

    def judge(self) -> tuple[str, int | None, str | None, dict[str, str]]:
        """Outcome, index of the level that fires, its indicator, what became of its suggestions."""
        answers = [self.ask(level["when"]) for level in self.rule["levels"]]
        if self.ask(self.rule.get("unless", NEVER)) or not {True, None} & {*answers}:
            return "silent", None, None, {}
        if True not in answers:
            return "cannot-tell", None, None, {}
        level = self.rule["levels"][answers.index(True)]
        low, high = (self.ask(level.get(word, NEVER)) for word in ("info_when", "critical_when"))
        indicator = "info" if low else "critical" if high else level["indicator"]
        offers = {name: self.offer(name) for name in level.get("suggest", [])}
        return "fires", answers.index(True), indicator, offers
