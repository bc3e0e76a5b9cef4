"""A site's own products for the orders a card offers.

The JSON file lies in the folder of the site, beside its site file, and must pass the checks of
`rules/orders`. What makes an order dangerous (ingredient, stops, high alert) stays as it is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cds.errors import Problem
from cds.facts.terminology import Product, Terminology
from cds.kernel.codes import LOINC, Coding, RxNorm
from cds.kernel.units import UNITS
from cds.rulebook import words
from cds.rulebook.model import OrderTemplate
from cds.rulebook.orders import OrderData, read_template
from cds.rulebook.schema import suggest
from cds.rulebook.site.file import Site, SiteOrder
from cds.rulebook.source import At, Source

STANDARD = "{}, standard product"


def with_site_orders(
    templates: Mapping[str, OrderTemplate],
    terms: Terminology,
    site: Site,
    directory: Path,
    problems: list[Problem],
) -> dict[str, OrderTemplate]:
    """The order templates with those of the site in the place of the standard ones.

    The standard one stays under another name: a draft of the standard product is still edited in
    its own words (clinical pack R14).
    """
    found = dict(templates)
    folder = directory / "sites" / site.name
    shown = f"{directory.name}/sites/{site.name}"
    for source, change in site.parts:
        for name, data in change.orders.items():
            at: At = ("orders", name)
            base = templates.get(name)
            if base is None:
                message = f"`{name}` is not an order template."
                problems.append(source.problem(at, message, suggest(name, list(templates))))
                continue
            problems.extend(_product_problems(source, at, base, data, terms))
            new = read_template(name, _merged(base, data), source, folder, shown, problems)
            if new is not None:
                problems.extend(_form_problems(source, at, base, new))
                found[name] = new
                found[STANDARD.format(name)] = base
    problems.extend(_unlisted(site, folder))
    return found


def _merged(base: OrderTemplate, data: SiteOrder) -> OrderData:
    """The index entry as the site wants it; fine print goes with the product, so it is its own."""
    per_unit = base.per_unit and f"{base.per_unit.value:f} {base.per_unit.unit}"
    elemental = f"{base.elemental_mg:f} mg" if base.elemental_mg is not None else None
    return OrderData(
        file=data.file,
        display=data.display,
        code=data.code,
        ingredient=base.ingredient,
        of=base.analyte.value if base.analyte else None,
        per_unit=data.per_unit or per_unit,
        elemental=data.elemental or elemental,
        unit=data.unit or base.unit,
        fills=base.fills,
        high_alert=base.high_alert,
        required_stops=base.required_stops,
        fine_print=data.fine_print,
    )


def _product_problems(
    source: Source, at: At, base: OrderTemplate, data: SiteOrder, terms: Terminology
) -> Iterator[Problem]:
    """Only a product of verified strength, of the same substance, is ever suggested."""
    if base.kind == "ServiceRequest":
        yield from _test_problems(source, (*at, "code"), base, data, terms)
        return
    standard = terms.products.get(RxNorm(base.code))
    product = terms.products.get(RxNorm(data.code))
    if product is None or standard is None or product.ingredient != standard.ingredient:
        fit = [
            str(item.rxnorm)
            for item in terms.products.values()
            if item.suggestable and standard and item.ingredient == standard.ingredient
        ]
        message = f"`{data.code}` is no product of the substance of `{base.name}`."
        yield source.problem((*at, "code"), message, f"It may be {', '.join(fit) or 'no other'}.")
    elif not product.suggestable:
        message = f"`{data.code}` is known, but may not be suggested."
        yield source.problem((*at, "code"), message, "See `suggestable` in `products.yaml`.")
    elif not _agrees(product, _merged(base, data)):
        number = f"{product.per_unit:f} {UNITS[product.analyte].canonical}"
        message = f"one `{product.unit}` of `{data.code}` holds {number}."
        yield source.problem((*at, "per_unit"), message, "State `per_unit` and `unit` like that.")


def _agrees(product: Product, data: OrderData) -> bool:
    try:
        stated = words.quantity(data.per_unit or "", product.analyte)
    except ValueError:
        return True  # the reader of the template says what is wrong with it
    amount = stated.to(UNITS[product.analyte].canonical).value
    return (amount, data.unit) == (product.per_unit, product.unit)


def _test_problems(
    source: Source, at: At, base: OrderTemplate, data: SiteOrder, terms: Terminology
) -> Iterator[Problem]:
    standard, lab = (terms.labs.get(Coding(LOINC, code)) for code in (base.code, data.code))
    if lab is None or lab.refused or standard is None or lab.analyte is not standard.analyte:
        message = f"`{data.code}` is not a code of the same test as `{base.code}` in `labs.yaml`."
        yield source.problem(at, message)


def _form_problems(
    source: Source, at: At, base: OrderTemplate, new: OrderTemplate
) -> Iterator[Problem]:
    """The file must not turn an infusion into something else."""
    if _routes(new) != _routes(base):
        yield source.problem((*at, "file"), f"the route must be that of `{base.name}`.")


def _routes(template: OrderTemplate) -> list[Any]:
    """The route of each instruction, by code."""
    dosages = template.resource.get("dosageInstruction") or []
    codings = [(item.get("route") or {}).get("coding") or [] for item in dosages]
    return [[(code.get("system"), code.get("code")) for code in found] for found in codings]


def _unlisted(site: Site, folder: Path) -> Iterator[Problem]:
    """A file nobody names would be believed to be in use."""
    named = {data.file for _, change in site.parts for data in change.orders.values()}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in named:
            message = f"`{site.name}/{path.name}` is not named here."
            yield site.source.problem((), message, "Name it under `orders` or remove it.")
