"""The numbers of one offer that laws speak of: dose, rate, duration."""

from __future__ import annotations

from collections.abc import Mapping

from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte

_RATES = {
    Analyte.MAGNESIUM_SULFATE_DOSE: (Analyte.MAGNESIUM_SULFATE_RATE, "g/h"),
    Analyte.POTASSIUM_DOSE: (Analyte.POTASSIUM_RATE, "meq/h"),
}


def numbers_of(
    dose: Quantity, rate: Quantity | None, hours: Quantity | None
) -> Mapping[str, Quantity]:
    """By what `offer:` facts ask. A rate that is not stated is the dose over its duration."""
    found = {"dose": dose}
    if hours is not None:
        found["duration"] = hours
    if rate is None and hours is not None and dose.analyte in _RATES:
        analyte, unit = _RATES[dose.analyte]
        rate = Quantity.of(analyte, dose.value / hours.to("h").value, unit)
    if rate is not None:
        found["rate"] = rate
    return found
