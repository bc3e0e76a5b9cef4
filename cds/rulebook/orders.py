"""Order templates from `rules/orders`: an index and one complete R4 resource per order.

Checked when they load, because nobody looks at them again before a prescriber does: the resource
is valid R4 with its holes filled, it is a draft and a proposal, every amount is UCUM, the patient
is a hole, and what the index says (code, product unit) is what the file says. R4 means the
`R4B` models of fhir.resources; they do not check required codes, so this module does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from cds.errors import Problem, RulebookError
from cds.kernel.codes import LOINC, RXNORM
from cds.kernel.quantity import Quantity
from cds.rulebook import words
from cds.rulebook.holes import HOLES, fill, holes
from cds.rulebook.model import OrderTemplate
from cds.rulebook.reading import read_source
from cds.rulebook.schema import Strict, check_shape, suggest
from cds.rulebook.source import At, Source

UCUM = "http://unitsofmeasure.org"
_KINDS = {"MedicationRequest": RXNORM, "ServiceRequest": LOINC}
_NEEDED = {
    "": frozenset({"subject"}),
    "units": frozenset({"subject", "dose", "rate", "duration", "duration_unit", "units"}),
    "frequency": frozenset({"subject", "dose", "per_day"}),
}
_SAMPLE: dict[str, Any] = {
    "subject": {"reference": "Patient/example"},
    "encounter": {"reference": "Encounter/example"},
    "reasons": [{"reference": "Observation/example"}],
    "dose": Decimal(1),
    "rate": {"value": Decimal(1), "unit": "g/h", "system": UCUM, "code": "g/h"},
    "duration": Decimal(1),
    "duration_unit": "h",
    "units": Decimal(1),
    "per_day": 1,
} | {name: "words" for name in HOLES if name.endswith("_words")}


class OrderData(Strict):
    """One line of the index."""

    file: str = Field(pattern=r"^[a-z][a-z0-9-]*\.json$")
    display: str = Field(min_length=1)
    code: str = Field(min_length=1)
    ingredient: str = ""
    of: str | None = None
    per_unit: str | None = None
    elemental: str | None = Field(default=None, pattern=r"^\d+(\.\d+)? mg$")
    unit: str = ""
    fills: Literal["", "units", "frequency"] = ""
    high_alert: bool = False
    required_stops: tuple[str, ...] = ()
    fine_print: tuple[str, ...] = ()


class IndexFile(Strict):
    """`rules/orders/index.yaml`."""

    orders: dict[str, OrderData]


def load_orders(folder: Path, shown: str = "rules/orders") -> dict[str, OrderTemplate]:
    """All order templates by name. Raises RulebookError with every problem found."""
    index = read_source(folder / "index.yaml", f"{shown}/index.yaml")
    problems: list[Problem] = []
    shape = check_shape(IndexFile, index, problems)
    if shape is None:
        raise RulebookError(tuple(problems))
    found: dict[str, OrderTemplate] = {}
    for name, data in shape.orders.items():
        template = read_template(name, data, index, folder, shown, problems)
        if template is not None:
            found[name] = template
    _unlisted(folder, shape, index, problems)
    if problems:
        raise RulebookError(tuple(problems))
    return found


def _unlisted(folder: Path, shape: IndexFile, index: Source, problems: list[Problem]) -> None:
    listed = {data.file for data in shape.orders.values()}
    for path in sorted(folder.glob("*.json")):
        if path.name not in listed:
            problems.append(
                index.problem(
                    ("orders",), f"`{path.name}` is not listed here.", "List it or remove the file."
                )
            )


def read_template(
    name: str,
    data: OrderData,
    index: Source,
    folder: Path,
    shown: str,
    problems: list[Problem],
) -> OrderTemplate | None:
    """One entry of the index with its JSON file, or None with its problems reported."""
    try:
        source = read_source(folder / data.file, f"{shown}/{data.file}")
        resource = json.loads((folder / data.file).read_text("utf-8"), parse_float=Decimal)
    except RulebookError as error:
        problems.extend(error.problems)
        return None
    except json.JSONDecodeError as error:
        problems.append(Problem(f"{shown}/{data.file}", error.lineno, f"not JSON: {error.msg}."))
        return None
    before = len(problems)
    problems.extend(_resource_problems(resource, data, source))
    problems.extend(_index_problems(name, data, resource, index))
    per_unit = _per_unit(name, data, index, problems)
    if len(problems) > before:
        return None
    problems.extend(_r4_problems(resource, source))
    return _order(name, data, resource, per_unit)


def _order(name: str, data: OrderData, resource: Any, per_unit: Quantity | None) -> OrderTemplate:
    return OrderTemplate(
        name=name,
        kind=resource["resourceType"],
        resource=resource,
        display=data.display,
        ingredient=data.ingredient,
        high_alert=data.high_alert,
        analyte=per_unit.analyte if per_unit else None,
        per_unit=per_unit,
        unit=data.unit,
        fills=data.fills,
        required_stops=data.required_stops,
        code=data.code,
        fine_print=data.fine_print,
        elemental_mg=Decimal(data.elemental.split()[0]) if data.elemental else None,
    )


def _resource_problems(resource: Any, data: OrderData, source: Source) -> Iterator[Problem]:
    kind = resource.get("resourceType")
    if kind not in _KINDS:
        yield source.problem(("resourceType",), f"`{kind}` cannot be ordered.", _accepted(_KINDS))
        return
    for member, wanted in (("status", "draft"), ("intent", "proposal")):
        if resource.get(member) != wanted:
            yield source.problem((member,), f"`{member}` must be `{wanted}`.")
    if resource.get("subject") != "${subject}":
        yield source.problem(("subject",), "the patient must be a hole.", 'Write "${subject}".')
    if "authoredOn" in resource:
        yield source.problem(("authoredOn",), "a template cannot know when it is authored.")
    yield from _code_problems(resource, kind, data, source)
    yield from _hole_problems(resource, data, source)
    yield from _unit_problems(resource, source)


def _code_problems(resource: Any, kind: str, data: OrderData, source: Source) -> Iterator[Problem]:
    member = "code" if kind == "ServiceRequest" else "medicationCodeableConcept"
    at = (member, "coding", 0)
    if _inside(resource, *at, "system") != _KINDS[kind]:
        yield source.problem((*at, "system"), f"the code must be of `{_KINDS[kind]}`.")
    if _inside(resource, *at, "code") != data.code:
        yield source.problem((*at, "code"), f"the index says `{data.code}` for this order.")
    if not _inside(resource, *at, "display") or not _inside(resource, member, "text"):
        yield source.problem(at, "a code needs both `display` and `text` to be read by people.")


def _hole_problems(resource: Any, data: OrderData, source: Source) -> Iterator[Problem]:
    found = dict.fromkeys(name for _, name in holes(resource))
    for path, name in holes(resource):
        if name not in HOLES:
            yield source.problem(path, f"`{name}` is not a hole.", suggest(name, sorted(HOLES)))
    for name in sorted(_NEEDED[data.fills] - set(found)):
        yield source.problem((), f"the hole `{name}` is missing.")


def _unit_problems(node: Any, source: Source, at: At = ()) -> Iterator[Problem]:
    """Every amount says its unit in words and as a UCUM code."""
    if isinstance(node, dict):
        if "value" in node and (node.get("system") != UCUM or not node.get("code")):
            yield source.problem(at, f"an amount needs `system` {UCUM} and a `code`.")
        for key, value in node.items():
            yield from _unit_problems(value, source, (*at, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _unit_problems(value, source, (*at, index))


def _index_problems(name: str, data: OrderData, resource: Any, index: Source) -> Iterator[Problem]:
    at = ("orders", name)
    drug = resource.get("resourceType") == "MedicationRequest"
    if drug and not (data.ingredient and data.fills and data.unit and data.per_unit and data.of):
        yield index.problem(
            at, "a drug needs `ingredient`, `of`, `per_unit`, `unit` and `fills` here."
        )
    if drug and not data.required_stops:
        yield index.problem(at, "a drug needs `required_stops` (design law 9).")
    if data.high_alert and not drug:
        yield index.problem((*at, "high_alert"), "only a drug is high-alert.")
    unit = _inside(resource, "dispenseRequest", "quantity", "code")
    if unit is not None and unit != data.unit:
        yield index.problem((*at, "unit"), f"the file dispenses `{unit}`.")
    dose = _inside(resource, "dosageInstruction", 0, "doseAndRate", 0, "doseQuantity", "code")
    if drug and data.per_unit and not data.per_unit.endswith(f" {dose}"):
        yield index.problem((*at, "per_unit"), f"the file doses in `{dose}`.")


def _inside(node: Any, *path: str | int) -> Any:
    """What stands at a path, or None where the file has another shape."""
    for step in path:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            return None
    return node


def _per_unit(
    name: str, data: OrderData, index: Source, problems: list[Problem]
) -> Quantity | None:
    if data.of is None or data.per_unit is None:
        return None
    try:
        return words.quantity(data.per_unit, words.analyte(data.of))
    except ValueError as error:
        problems.append(index.problem(("orders", name, "per_unit"), f"{error}."))
        return None


def _r4_problems(resource: Any, source: Source) -> Iterator[Problem]:
    # Imported here: these models take longer to import than everything else together.
    from fhir.resources.R4B.medicationrequest import MedicationRequest
    from fhir.resources.R4B.servicerequest import ServiceRequest

    model = MedicationRequest if resource["resourceType"] == "MedicationRequest" else ServiceRequest
    try:
        model.model_validate(fill(resource, _SAMPLE))
    except ValidationError as error:
        for item in error.errors():
            yield source.problem(tuple(item["loc"]), f"not valid R4: {item['msg']}.")


def _accepted(values: dict[str, str]) -> str:
    return f"Use {' or '.join(f'`{value}`' for value in values)}."
