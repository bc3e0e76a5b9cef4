"""The strength of a product of a site's catalogue: one that is listed already, or its own.

Only a product of a known strength turns bags, vials, tablets or mL into a dose (clinical pack R30).
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal, InvalidOperation

from cds.errors import Problem
from cds.facts.terminology import Product, Terminology
from cds.kernel.codes import RxNorm
from cds.rulebook import words
from cds.rulebook.codesets import DIMENSIONS
from cds.rulebook.schema import suggest
from cds.rulebook.site.file import SiteDrug
from cds.rulebook.source import At, Source

UNITS = ("{bag}", "{vial}", "{tbl}", "{cap}")
_MEASURES = {"magnesium sulfate": "g", "magnesium oxide": "mg"}


def measure_of(ingredient: str) -> str:
    """The unit in which the dose of a substance is counted, or ""."""
    return _MEASURES.get(ingredient, "meq" if ingredient.startswith("potassium ") else "")


def listed(
    source: Source,
    at: At,
    data: SiteDrug,
    ingredients: Collection[str],
    terms: Terminology,
    problems: list[Problem],
) -> RxNorm | None:
    """The product of `products.yaml` that the site's product is, or None with a problem."""
    code = RxNorm(data.product or "")
    product = terms.products.get(code)
    if product is None:
        fix = suggest(code, [str(item) for item in terms.products])
        problems.append(source.problem(at, f"`{code}` is not a product of `products.yaml`.", fix))
    elif product.ingredient not in ingredients:
        message = f"`{code}` is {product.ingredient}, which `{data.drug}` is not."
        problems.append(source.problem(at, message))
    elif data.per_unit or data.unit or data.millilitres:
        message = "`product` has its strength in `products.yaml`: state none here."
        problems.append(source.problem(at, message))
    else:
        return code
    return None


def own(
    source: Source,
    at: At,
    code: RxNorm,
    data: SiteDrug,
    ingredients: Collection[str],
    problems: list[Problem],
) -> Product | None:
    """A product with the strength the site states, never one that may be suggested."""
    ingredient = next(iter(ingredients), "")
    measure = measure_of(ingredient) if len(ingredients) == 1 else ""
    try:
        if not measure or data.unit not in UNITS:
            raise ValueError
        amount = words.quantity(data.per_unit or "", DIMENSIONS[measure])
        volume = _positive(data.millilitres) if data.millilitres else None
        per_unit = _positive(str(amount.to(measure).value))
    except (ValueError, InvalidOperation):
        fix = (
            f"Write `per_unit: 2 g` (g of magnesium sulfate, mg of magnesium oxide, meq of "
            f"potassium), `unit`: {', '.join(UNITS)}, and `millilitres` as a number."
        )
        problems.append(source.problem(at, "the strength of this product cannot be read.", fix))
        return None
    analyte = DIMENSIONS[measure]
    return Product(code, data.display, ingredient, analyte, per_unit, data.unit, volume)


def _positive(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite() or value <= 0:
        raise ValueError(text)
    return value
