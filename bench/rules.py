"""Rule folders of any size, made from the shipped rules, to see what many rules cost.

Rule 1 to 20 are the shipped ones. After them come copies, package by package: each package of 20
has its own limits and its own definitions, as the rules of another ward or another topic would, so
that nothing a copy needs is worked out already because the original was judged. The limits are
moved away from the patient of `bodies`: of a thousand rules of a hospital nearly all are silent for
one patient. Facts (results, drugs, problems) are shared, as they are between real rules.
"""

from __future__ import annotations

import json
import re
import shutil
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml

SHIPPED = Path(__file__).parent.parent / "rules"
# These decide about the patient of `bodies`: they are in every folder, so that the cards are alike.
_FIRST = ("hypomagnesemia", "low-potassium", "wasting-drugs")
_PARTS = ("shared", "code_sets", "orders")
_WHOM = ("a", "kg")  # ages and weights say whom a rule is about
_BETWEEN = "borderline"
_LABEL = "outpatient"  # a definition, and what a fact may be as well
_OWN = ("thresholds", "bands", "define")
_LOW = re.compile(r"\b(low|below)\b")


def write_rules(folder: Path, count: int) -> None:
    """A rules folder with `count` rules that loads clean."""
    for part in _PARTS:
        shutil.copytree(SHIPPED / part, folder / part)
    shipped = _shipped()
    for number in range(count):
        package, place = divmod(number, len(shipped))
        stem, rule = shipped[place]
        if package and not place:
            _write(folder / "shared" / f"copy{package}.yaml", _shared(package))
        made = _copy(rule, package) if package else _short(rule)
        _write(folder / f"{stem}-{package}.yaml", made)


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), yaml.CBaseLoader)
    return found


def _write(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=1), encoding="utf-8")


def _shipped() -> list[tuple[str, dict[str, Any]]]:
    stems = sorted(path.stem for path in SHIPPED.glob("*.yaml") if path.stem != "laws")
    ordered = sorted(stems, key=lambda stem: (stem not in _FIRST, stem))
    return [(stem, _read(SHIPPED / f"{stem}.yaml")) for stem in ordered]


def _short(rule: dict[str, Any]) -> dict[str, Any]:
    """The rule with as few test patients as it may have: they cost reading and decide nothing."""
    wanted = [("fires", row) for row in dict.fromkeys(level["row"] for level in rule["levels"])]
    kept = []
    for expect, row in [*wanted, ("silent", None)]:
        kept.append(next(x for x in rule["cases"] if x["expect"] == expect and x.get("row") == row))
    return {**rule, "cases": kept}


def _copy(rule: dict[str, Any], package: int) -> dict[str, Any]:
    """The same rule under another id and rows, with the limits and definitions of its package."""
    # A result between two laboratories' limits would fire in every copy: that row stays behind.
    levels = [level for level in rule["levels"] if _BETWEEN not in json.dumps(level["when"])]
    copied = _renamed(_short({**rule, "levels": levels}), package)
    for part in (*copied["levels"], *copied["cases"]):
        if "row" in part:
            part["row"] = f"{part['row']}-{package}"
    copied["id"] = f"{rule['id']}-{package}"
    copied["use"] = [*rule["use"], f"copy{package}"]
    return copied


def _shared(package: int) -> dict[str, Any]:
    found: dict[str, Any] = {part: {} for part in _OWN}
    for data in _shared_files():
        for name, limit in data.get("thresholds", {}).items():
            found["thresholds"][name] = {**limit, "value": [_moved(limit, package)]}
        found["bands"].update(data.get("bands", {}))
        found["define"].update(data.get("define", {}))
    own = {part: {n: x for n, x in found[part].items() if n in _names()} for part in found}
    return _renamed(own, package)


def _moved(limit: dict[str, Any], package: int) -> str:
    """The value of a limit, further out: lower where it tells what is low, else higher."""
    number, unit = limit["value"][0].split(" ", 1)
    if unit in _WHOM:
        return str(limit["value"][0])
    step = Decimal(package % 20) / 100
    factor = Decimal("0.4") + step if _LOW.search(limit["why"]) else Decimal("1.6") + step
    return f"{Decimal(number) * factor} {unit}"


def _renamed(data: dict[str, Any], package: int) -> dict[str, Any]:
    whole = _whole_name()
    found: dict[str, Any] = json.loads(whole.sub(rf"\g<1>_{package}", json.dumps(data)))
    return found


@cache
def _whole_name() -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])({'|'.join(sorted(_names()))})(?![\w-])")


@cache
def _names() -> frozenset[str]:
    """The limits and definitions of which every package has its own. The stops that an order must
    have belong to the order and stay the same."""
    found = {name for data in _shared_files() for part in _OWN for name in data.get(part, {})}
    orders = (SHIPPED / "orders" / "index.yaml").read_text(encoding="utf-8")
    return frozenset(found - {_LABEL} - set(re.findall(r"\w+", orders)))


@cache
def _shared_files() -> tuple[dict[str, Any], ...]:
    return tuple(_read(path) for path in sorted((SHIPPED / "shared").glob("*.yaml")))
