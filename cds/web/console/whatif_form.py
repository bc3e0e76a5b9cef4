"""The fields of the what-if page -> a question, and what stands in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from starlette.datastructures import QueryParams

from cds.whatif.answer import Asked
from cds.whatif.controls import Control, Controls

VALUE, UNIT = ".value", ".unit"
AROUND = ("start", "hook", "rule", "changed")
MOST_NAMES = 200  # stated facts; there are not so many
BOTH = "A value and a word are both stated: the value counts."


@dataclass(frozen=True, slots=True)
class Question:
    """`rule`: the id of the one rule to be looked at, `changed`: only what changed. `plain`: the
    address held nothing more than this. `doubts`: sentences about fields, by name."""

    asked: Asked
    rule: str = ""
    changed: bool = False
    plain: bool = True
    doubts: Mapping[str, str] = field(default_factory=dict)

    def without(self, name: str) -> Question:
        """The same, without what is stated of one thing."""
        texts = {key: text for key, text in self.asked.texts.items() if key != name}
        return replace(self, asked=replace(self.asked, texts=texts))

    def without_all(self) -> Question:
        """The start as it is."""
        return replace(self, asked=replace(self.asked, texts={}))


def question(params: QueryParams, controls: Controls) -> Question:
    """What an address or a form asks. A field that is empty states nothing."""
    texts: dict[str, str] = {}
    doubts: dict[str, str] = {}
    read = set(AROUND)
    for control in controls.all():
        word = params.get(control.name, "").strip()
        value = params.get(f"{control.name}{VALUE}", "").strip()
        read |= {control.name, f"{control.name}{VALUE}", f"{control.name}{UNIT}"}
        if value and word:
            doubts[control.name] = BOTH
        if value or word:
            texts[control.name] = _with_unit(control, value, params) if value else word
    for name in list(dict.fromkeys(params))[:MOST_NAMES]:
        if name not in read and params[name]:
            texts[name[:MOST_NAMES]] = params[name]
    around = [params.get(name, "").strip() for name in AROUND]
    found = Question(Asked(around[0], around[1], texts), around[2], bool(around[3]), doubts=doubts)
    return replace(found, plain=_plain(params, found))


def _with_unit(control: Control, value: str, params: QueryParams) -> str:
    """`1.1` with the unit chosen beside it; a unit that was typed too counts."""
    units = [scale.unit for scale in control.scales]
    if not units or any(value.endswith(f" {unit}") for unit in units):
        return value
    unit = params.get(f"{control.name}{UNIT}", "")
    return f"{value} {unit if unit in units else units[0]}"


def _plain(params: QueryParams, found: Question) -> bool:
    """Whether each part of the address says something, in the words that are kept."""
    texts = {**dict.fromkeys(AROUND), **found.asked.texts}
    return len(params.multi_items()) == len(params) and all(
        text and name in texts for name, text in params.items()
    )


def in_field(control: Control, text: str) -> tuple[str, str, str]:
    """Word, value and unit of a stated text, as they stand in the fields."""
    if not text or not control.scales or text in dict(control.choices):
        return text, "", ""
    for scale in control.scales:
        if text.endswith(f" {scale.unit}"):
            return "", text.removesuffix(f" {scale.unit}"), scale.unit
    return "", text, ""
