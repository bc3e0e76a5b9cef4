"""Facts that come from laboratory results and laboratory orders."""

from __future__ import annotations

from typing import Any

from cds.facts.labs import SET_ASIDE_REASONS
from cds.kernel.codes import LOINC, Loinc
from cds.rulebook import words
from cds.rulebook.model import (
    FactSource,
    FactType,
    LabOrderSource,
    LabSource,
    ReferenceLowSource,
    SetAsideReasonSource,
    SetAsideSource,
    TwoResultsSource,
)
from cds.rulebook.schema import suggest
from cds.rulebook.scope import Scope

PRESENCE = FactType("presence")

Built = tuple[FactSource, FactType]


def listed(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else (str(value),)


def checked(kind: str, names: tuple[str, ...], known: set[str]) -> tuple[str, ...]:
    for name in names:
        if name not in known:
            hint = suggest(name, sorted(known))
            raise ValueError(f"no code set has the {kind} `{name}`. {hint}".rstrip(". "))
    return names


def window(scope: Scope, name: str) -> str:
    if name not in scope.windows:
        raise ValueError(
            f"`{name}` is not a declared window. {suggest(name, list(scope.windows))}".rstrip(". ")
        )
    return name


def lab(scope: Scope, data: dict[str, Any]) -> Built:
    analyte = words.analyte(data["lab"])
    return (
        LabSource(analyte, window(scope, data["newest_within"])),
        FactType("quantity", analyte),
    )


def lab_order(scope: Scope, data: dict[str, Any]) -> Built:
    known = {coding.code for coding in scope.terminology.labs if coding.system == LOINC}
    loincs = tuple(Loinc(c) for c in checked("LOINC code", listed(data["lab_order"]), known))
    return LabOrderSource(loincs, words.span(data["within"])), PRESENCE


def _set_aside_source(scope: Scope, data: dict[str, Any], word: str) -> SetAsideSource:
    newer = data.get("newer_than_used", "true")
    if newer not in ("true", "false"):
        raise ValueError("`newer_than_used` is `true` or `false`")
    return SetAsideSource(
        words.analyte(data[word]),
        window(scope, data["beyond"]),
        window(scope, data["within"]),
        newer == "true",
    )


def set_aside(scope: Scope, data: dict[str, Any]) -> Built:
    found = _set_aside_source(scope, data, "lab_set_aside")
    return found, FactType("quantity", found.analyte)


def set_aside_reason(scope: Scope, data: dict[str, Any]) -> Built:
    found = _set_aside_source(scope, data, "lab_set_aside_reason")
    labels = tuple(reason.name.lower().replace("_", "-") for reason in SET_ASIDE_REASONS)
    return SetAsideReasonSource(found), FactType("category", None, labels)


def reference_low(scope: Scope, data: dict[str, Any]) -> Built:
    of = data["reference_low"]
    analyte = scope.facts[of].type.analyte if of in scope.facts else None
    if analyte is None:
        raise ValueError(f"`{of}` is not a declared lab fact")
    low, high = data["between"]
    limits = (words.quantity(low, analyte), words.quantity(high, analyte))
    return ReferenceLowSource(of, limits), FactType("quantity", analyte)


def two_results(scope: Scope, data: dict[str, Any]) -> Built:
    of = data["two_results"]
    if of not in scope.facts or scope.facts[of].type.analyte is None:
        raise ValueError(f"`{of}` is not a declared lab fact")
    return TwoResultsSource(of), PRESENCE
