"""Random rules over the small vocabulary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from sides import Data, Rules
from vocabulary import (
    ANALYTES,
    CITE,
    CONSTANTS,
    FACTS,
    FINDINGS,
    LABELS,
    TEMPLATES,
    compiled,
    rule_file,
    shared_file,
)


@dataclass
class Maker:
    """Makes one set of shared names, then rules over them."""

    random: Random
    bands: dict[str, Data] = field(default_factory=dict)
    tables: dict[str, Data] = field(default_factory=dict)
    define: dict[str, Data] = field(default_factory=dict)
    labels: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(LABELS))

    def shared(self) -> Data:
        """A shared file. A definition uses only those before it."""
        for i in range(2):
            self._band(f"band_{i}")
        for i in range(4):
            self._table(f"table_{i}", "magnesium_sulfate_dose", i)
        self._table("tablets", "frequency", 1)
        for i in range(12):
            when = self.clause(self.random.choice((0, 1, 2)))
            self.define[f"define_{i}"] = {"when": when, "say": f"definition {i}"}
        for name in ("mg_stop", "iv_stop", "magnesium_covered"):
            when = self.clause(self.random.choice((0, 0, 1)))
            self.define[name] = {"when": when, "say": name}
        return shared_file(self.bands, self.tables, self.define)

    def _band(self, name: str) -> None:
        chosen = sorted(self.random.sample(range(4), self.random.choice((1, 2, 3))))
        steps = [f"{name}-0"]
        for i in chosen:
            steps += [self.random.choice(("", "above ")) + f"magnesium_{i}", f"{name}-{i + 1}"]
        self.bands[name] = {
            "of": self.random.choice(("magnesium", "magnesium_old")),
            "steps": steps,
        }
        self.labels[name] = tuple(steps[::2])
        # A limit that stands with `above` cannot be contested: such a band does not load.
        if "magnesium_1" in steps and self.random.random() < 0.7:
            contested = {"threshold": "magnesium_1", "by": "magnesium_lab_low"}
            self.bands[name]["contested"] = {"label": f"{name}-contested", **contested}
            self.labels[name] += (f"{name}-contested",)

    def _table(self, name: str, of: str, axes: int) -> None:
        axis = sorted(set(self.labels) - {"magnesium_aside_why"})
        by = self.random.sample(axis, 1 + (axes % 2))
        cells = ("1", "2", "none") if of == "frequency" else ("1", "2", "4", "6", "none", "1.0")
        unit = "/d" if of == "frequency" else "g"
        rows = self._rows(by, cells)
        if of != "frequency" and axes == 3:
            unit, rows = "mg", _thousandfold(rows)
        self.tables[name] = {"by": by, "of": of, "unit": unit, "rows": rows, **CITE}

    def _rows(self, by: list[str], cells: tuple[str, ...]) -> Any:
        if not by:
            return self.random.choice(cells)
        labels = dict.fromkeys((*self.labels[by[0]], "unknown"))
        return {label: self._rows(by[1:], cells) for label in labels}

    def clause(self, depth: int) -> Data:
        """A clause with at most `depth` of all and any in one another."""
        if depth and self.random.random() < 0.8:
            size = self.random.choice((1, 2, 2, 3))
            return {
                self.random.choice(("all", "any")): [self.clause(depth - 1) for _ in range(size)]
            }
        if self.define and self.random.random() < 0.3:
            word = self.random.choice(("holds", "holds", "not", "cannot_tell"))
            return {word: self.random.choice(sorted(self.define))}
        make: Callable[[], Data] = self.random.choice(
            (self._compared, self._compared, self._compared, self._labelled, self._labelled,
             self._found, self._found, self._stated)
        )  # fmt: skip
        return make()

    def _compared(self) -> Data:
        name = self.random.choice(sorted(ANALYTES))
        word = self.random.choice(("below", "at_least", "above", "at_most", "between"))
        if word != "between":
            return {name: {word: self._operand(name)}}
        i, j = sorted(self.random.sample(range(len(CONSTANTS[ANALYTES[name]])), 2))
        ends: list[Any] = [self._constant(ANALYTES[name], i), self._constant(ANALYTES[name], j)]
        others = [n for n, a in ANALYTES.items() if a == ANALYTES[name] and n != name]
        if others and self.random.random() < 0.2:
            ends[self.random.choice((0, 1))] = self.random.choice(others)
        if ANALYTES[name] == "magnesium_sulfate_dose" and self.random.random() < 0.3:
            ends[self.random.choice((0, 1))] = {"table": f"table_{self.random.randrange(4)}"}
        return {name: {word: ends}}

    def _constant(self, analyte: str, i: int) -> str:
        literal = self.random.random() < 0.3
        return self.random.choice(CONSTANTS[analyte][i]) if literal else f"{analyte}_{i}"

    def _operand(self, name: str) -> Any:
        analyte, chance = ANALYTES[name], self.random.random()
        tabled = analyte == "magnesium_sulfate_dose"
        if tabled and chance < 0.5:
            return {"table": f"table_{self.random.randrange(4)}"}
        others = [n for n, a in ANALYTES.items() if a == analyte and n != name]
        if others and chance > 0.8:
            return self.random.choice(others)
        return self._constant(analyte, self.random.randrange(len(CONSTANTS[analyte])))

    def _labelled(self) -> Data:
        name = self.random.choice(sorted(self.labels))
        labels = self.labels[name]
        if self.random.random() < 0.5:
            return {name: {"is": self.random.choice(labels)}}
        return {name: {"in": self.random.sample(labels, self.random.randint(1, len(labels)))}}

    def _found(self) -> Data:
        return {self.random.choice(FINDINGS): self.random.choice(("present", "absent"))}

    def _stated(self) -> Data:
        name = self.random.choice(sorted(FACTS) + sorted(self.bands))
        reasons = ["stale", "unit", "none-found", "dose-unclear"]
        some = self.random.sample(reasons, self.random.choice((1, 2)))
        return {name: self.random.choice(("present", "missing", {"missing": some}))}

    def rule(self, number: int) -> Data:
        """A rule; every second one is about one order."""
        self.random.shuffle(names := ["a", "b", "c", "d"])
        about_order = number % 2 == 1
        suggestions = {name: self._suggestion(about_order) for name in names}
        levels = [self._level(i, names) for i in range(self.random.choice((1, 2, 3, 4)))]
        more: Data = {"suggestions": suggestions}
        if about_order:
            more["for_each"] = {"order": ["mg-replacement-iv"], "which": "selected"}
        if self.random.random() < 0.5:
            more["unless"] = self.clause(self.random.choice((0, 1, 2)))
        return rule_file(f"rule-{number}", levels, more)

    def _level(self, i: int, names: list[str]) -> Data:
        level = {
            "row": f"X{i}",
            "indicator": self.random.choice(("info", "warning", "critical")),
            "when": self.clause(self.random.choice((0, 1, 2))),
            "summary": "made up",
            "suggest": self.random.sample(names, self.random.choice((1, 2, 4))),
        }
        for word in ("info_when", "critical_when"):
            if self.random.random() < 0.4:
                level[word] = self.clause(self.random.choice((0, 1, 2)))
        return level

    def _suggestion(self, about_order: bool) -> Data:
        kinds = ("iv", "iv", "tablet", "test", *(("update", "delete") if about_order else ()))
        kind = self.random.choice(kinds)
        made: Data = {"label": "made up"}
        table = f"table_{self.random.randrange(4)}"
        stops = self.random.sample(sorted(self.define), self.random.choice((0, 0, 1, 2)))
        if kind == "iv":
            made |= {"create": "magnesium-sulfate-bag", "dose": {"table": table, "rate": "1 g/h"}}
            stops += ["mg_stop", "iv_stop", "magnesium_covered"]
        elif kind == "tablet":
            made |= {"create": "magnesium-oxide-tablet", "dose": {"table": "tablets"}}
            stops += ["mg_stop"]
        elif kind == "test":
            made["create"] = self.random.choice(TEMPLATES)
        else:
            made[kind] = "order"
        if kind == "update":
            made["dose"] = {"table": table, "over": "4 h"}
        if "dose" in made and kind != "tablet" and self.random.random() < 0.5:
            limit = f"magnesium_sulfate_dose_{self.random.randrange(4)}"
            made["total"] = {"fact": "sofar", "at_most": limit}
        if self.random.random() < 0.5:
            made["if"] = self.clause(self.random.choice((0, 1, 2)))
        if self.random.random() < (0.6 if kind == "test" else 0.1):
            made["duplicate_of"] = self.random.choice(sorted(self.define))
        return {**made, **({"unless": sorted({*stops})} if stops else {})}


def _thousandfold(rows: Any) -> Any:
    if isinstance(rows, dict):
        return {label: _thousandfold(row) for label, row in rows.items()}
    return rows if rows == "none" else str(int(float(rows)) * 1000)


def make(seed: int, count: int) -> Rules:
    """`count` random rules over one random vocabulary."""
    maker = Maker(Random(seed))
    shared = maker.shared()
    return compiled(shared, [maker.rule(number) for number in range(count)])
