"""A changed dose changes nothing else in the order."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds.cards.dosing import NotOrderable
from cds.cards.order_tree import readable
from cds.cards.update import Updated, updated
from cds.facts.record import Unclear

ALLOWED = {
    "dosageInstruction[0].text",
    "dosageInstruction[0].timing.repeat.duration",
    "dosageInstruction[0].doseAndRate[0].doseQuantity.value",
    "dosageInstruction[0].doseAndRate[0].rateQuantity.value",
    "dosageInstruction[0].doseAndRate[0].rateRatio.numerator.value",
    "dosageInstruction[0].doseAndRate[0].rateRatio.denominator.value",
    "dispenseRequest.quantity.value",
}
TEXT = "1 g (4.06 mmol, 8.12 meq) IV over 1 h at 1 g/h (1 bag of 1 g/100 mL)"


def change(make: Any, resource: Any, offer: Any = None, product: Any = "bag") -> Updated | None:
    template = make.context().template_of("829757")
    found = make.bag if product == "bag" else product
    return updated(make.raw(resource), offer or make.update(), template, found)


def changed(make: Any, resource: Any, offer: Any = None) -> dict[str, Any]:
    found = change(make, resource, offer)
    assert found is not None
    return found.resource


def dosage_of(resource: Any) -> Any:
    return resource["dosageInstruction"][0]


def amounts_of(resource: Any) -> Any:
    return dosage_of(resource)["doseAndRate"][0]


def differences(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Paths at which two trees differ, order of members included."""
    if isinstance(old, dict) and isinstance(new, dict):
        if [key for key in new if key in old] != list(old):
            yield f"{path} (order or loss of members)"
        for key in new:
            at = f"{path}.{key}" if path else key
            if key not in old:
                yield at
            else:
                yield from differences(old[key], new[key], at)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, pair in enumerate(zip(old, new, strict=True)):
            yield from differences(*pair, f"{path}[{index}]")
    elif old != new or str(old) != str(new):
        yield path


def test_dose_rate_duration_text_and_quantity_change_together(make: Any) -> None:
    new = changed(make, make.raw_draft())
    make.r4(new)
    assert dosage_of(new)["text"] == TEXT
    assert amounts_of(new)["doseQuantity"]["value"] == 1
    assert amounts_of(new)["rateQuantity"]["value"] == 1
    assert dosage_of(new)["timing"]["repeat"] == {"count": 1, "duration": 1, "durationUnit": "h"}
    assert new["dispenseRequest"]["quantity"]["value"] == 1


def test_the_named_changes_are_the_ones_made(make: Any) -> None:
    old = make.raw_draft()
    found = change(make, old)
    assert found is not None
    assert set(differences(old, found.resource)) <= set(found.changed) <= ALLOWED


@pytest.mark.parametrize(
    ("unit", "old", "new"),
    [
        ("g", "4", "1"),
        ("mg", "4000", "1000"),
        ("meq", "32.48", "8.12"),
        ("mmol", "16.24", "4.06"),
        ("{bag}", "4", "1"),
        ("mL", "400", "100"),
    ],
)
def test_the_order_keeps_the_unit_of_its_own_dose(make: Any, unit: str, old: str, new: str) -> None:
    resource = make.raw_draft()
    amounts_of(resource)["doseQuantity"] = {"value": Decimal(old), "unit": unit, "code": unit}
    found = amounts_of(changed(make, resource))["doseQuantity"]
    assert found == {"value": Decimal(new), "unit": unit, "code": unit}


@pytest.mark.parametrize("unit", ["gm", "mEq", "bags", "Gram"])
def test_unit_words_of_the_field_are_read(make: Any, unit: str) -> None:
    value = {"gm": "4", "mEq": "32.48", "bags": "4", "Gram": "4"}[unit]
    resource = make.raw_draft()
    amounts_of(resource)["doseQuantity"] = {"value": Decimal(value), "unit": unit}
    assert amounts_of(changed(make, resource))["doseQuantity"]["unit"] == unit


@pytest.mark.parametrize(
    ("unit", "old", "new"),
    [
        ("g/h", "2", "1"),
        ("g/hr", "2", "1"),
        ("mg/min", "33.33", "16.67"),
        ("mL/h", "200", "100"),
        ("meq/h", "16.24", "8.12"),
    ],
)
def test_the_rate_keeps_its_own_unit(make: Any, unit: str, old: str, new: str) -> None:
    resource = make.raw_draft()
    amounts_of(resource)["rateQuantity"] = {"value": Decimal(old), "unit": unit}
    assert amounts_of(changed(make, resource))["rateQuantity"]["value"] == Decimal(new)


def test_a_rate_ratio_becomes_dose_over_duration(make: Any) -> None:
    resource = make.raw_draft()
    del amounts_of(resource)["rateQuantity"]
    amounts_of(resource)["rateRatio"] = {
        "numerator": {"value": 4000, "unit": "mg"},
        "denominator": {"value": 240, "unit": "min"},
    }
    ratio = amounts_of(changed(make, resource))["rateRatio"]
    assert (ratio["numerator"]["value"], ratio["denominator"]["value"]) == (1000, 60)


def test_a_duration_in_minutes_stays_in_minutes(make: Any) -> None:
    resource = make.raw_draft()
    dosage_of(resource)["timing"]["repeat"] |= {"duration": 240, "durationUnit": "min"}
    assert dosage_of(changed(make, resource))["timing"]["repeat"]["duration"] == 60


def test_an_order_of_little_more_than_a_dose_is_edited_and_gets_a_text(make: Any) -> None:
    resource = make.raw_draft()
    amounts = {"doseQuantity": {"value": 4, "unit": "g"}}
    resource["dosageInstruction"] = [{"doseAndRate": [amounts]}]
    del resource["dispenseRequest"]
    new = changed(make, resource)
    assert set(differences(resource, new)) == {
        "dosageInstruction[0].text",
        "dosageInstruction[0].doseAndRate[0].doseQuantity.value",
    }


def test_one_dose_a_day_stays_one_dose_a_day_and_the_text_says_so(make: Any) -> None:
    resource = make.raw_draft()
    repeat = {"frequency": 1, "period": 24, "periodUnit": "h"}
    dosage_of(resource)["timing"] = {"repeat": repeat}
    new = dosage_of(changed(make, resource))
    assert new["text"] == f"{TEXT}, once every 24 h"
    assert new["timing"] == {"repeat": repeat}


def test_a_coded_timing_is_edited_only_where_the_chart_has_read_it(make: Any) -> None:
    resource = make.raw_draft()
    dosage_of(resource)["timing"] = {"code": {"text": "ONCE"}}
    assert change(make, resource) is None
    once = make.update(order=make.order(once=True))
    assert dosage_of(changed(make, resource, once))["text"] == TEXT
    daily = make.update(order=make.order(per_day=Decimal(1)))
    assert dosage_of(changed(make, resource, daily))["text"] == f"{TEXT}, once every 24 h"


def put(path: str, value: Any) -> Any:
    """A function that sets one member of a draft; None removes it."""

    def apply(resource: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        node: Any = resource
        for step in parents:
            node = node[int(step)] if step.isdigit() else node[step]
        if value is None:
            del node[last]
        else:
            node[int(last) if last.isdigit() else last] = value

    return apply


DOSAGE = "dosageInstruction.0"
AMOUNTS = f"{DOSAGE}.doseAndRate.0"
REPEAT = f"{DOSAGE}.timing.repeat"
NOT_UNDERSTOOD = [
    ("another resource", put("resourceType", "ServiceRequest")),
    ("no id", put("id", None)),
    ("a modifier extension", put("modifierExtension", [{"url": "u", "valueBoolean": True}])),
    ("do not perform", put("doNotPerform", True)),
    ("no dosage", put("dosageInstruction", None)),
    ("two dosages", put("dosageInstruction", [{}, {}])),
    ("dosage is an object", put("dosageInstruction", {"text": "4 g"})),
    ("two amounts", put(f"{DOSAGE}.doseAndRate", [{}, {}])),
    ("no dose", put(f"{AMOUNTS}.doseQuantity", None)),
    ("a dose range", put(f"{AMOUNTS}.doseRange", {"low": {"value": 2}})),
    ("a dose without unit", put(f"{AMOUNTS}.doseQuantity", {"value": 4})),
    ("a dose in puffs", put(f"{AMOUNTS}.doseQuantity", {"value": 4, "unit": "puff"})),
    ("code against unit", put(f"{AMOUNTS}.doseQuantity", {"value": 4, "code": "g", "unit": "mg"})),
    ("a dose as text", put(f"{AMOUNTS}.doseQuantity.value", "4")),
    ("a dose that is true", put(f"{AMOUNTS}.doseQuantity.value", True)),
    ("no value", put(f"{AMOUNTS}.doseQuantity.value", None)),
    ("zero", put(f"{AMOUNTS}.doseQuantity.value", 0)),
    ("a comparator", put(f"{AMOUNTS}.doseQuantity.comparator", "<")),
    ("an extended value", put(f"{AMOUNTS}.doseQuantity._value", {"extension": []})),
    ("another dose than judged", put(f"{AMOUNTS}.doseQuantity.value", 3)),
    ("a rate range", put(f"{AMOUNTS}.rateRange", {"low": {"value": 1}})),
    ("a rate in drops", put(f"{AMOUNTS}.rateQuantity", {"value": 20, "unit": "gtt/min"})),
    ("a rate as text", put(f"{AMOUNTS}.rateQuantity.value", "1")),
    ("two rates", put(f"{AMOUNTS}.rateRatio", {"numerator": {}, "denominator": {}})),
    ("an unreadable duration", put(f"{REPEAT}.durationUnit", "wk")),
    ("a duration as text", put(f"{REPEAT}.duration", "4")),
    ("four doses", put(f"{REPEAT}.count", 4)),
    ("every 6 h", put(REPEAT, {"frequency": 1, "period": 6, "periodUnit": "h"})),
    ("bounds", put(f"{REPEAT}.boundsDuration", {"value": 4, "code": "h"})),
    ("times of day", put(f"{REPEAT}.timeOfDay", ["08:00:00"])),
    ("events", put(f"{DOSAGE}.timing.event", ["2026-11-21"])),
    ("as needed", put(f"{DOSAGE}.asNeededBoolean", True)),
    ("a maximum", put(f"{DOSAGE}.maxDosePerAdministration", {"value": 4, "unit": "g"})),
    ("words for the patient", put(f"{DOSAGE}.patientInstruction", "you get 4 g")),
    ("a translated text", put(f"{DOSAGE}._text", {"extension": [{"url": "t"}]})),
    ("into the muscle", put(f"{DOSAGE}.route", {"text": "IM"})),
    ("a push", put(f"{DOSAGE}.route", {"text": "IV push"})),
    ("a bolus", put(f"{DOSAGE}.method", {"text": "bolus"})),
    ("an unreadable quantity", put("dispenseRequest.quantity", {"value": 4, "unit": "kit"})),
    ("two doses dispensed", put("dispenseRequest.quantity.value", 8)),
    ("a first fill", put("dispenseRequest.initialFill", {"quantity": {"value": 4}})),
]


@pytest.mark.parametrize(("what", "spoil"), NOT_UNDERSTOOD, ids=[n for n, _ in NOT_UNDERSTOOD])
def test_an_order_with_something_not_understood_is_not_edited(
    make: Any, what: str, spoil: Any
) -> None:
    resource = make.raw_draft()
    assert change(make, resource) is not None
    spoil(resource)
    assert change(make, resource) is None, what


def test_an_order_is_not_edited_where_the_offer_itself_is_unclear(make: Any) -> None:
    spoiled = {
        "dose of the draft not readable": make.update(order=make.order(dose=Unclear("?"))),
        "no rate and no duration": make.update(rate=None),
        "a draft rate the offer has no answer to": make.update(rate=None, hours=make.hours("1")),
        "half a bag": make.update(dose=make.sulfate("0.5")),
        "no draft": make.update(order=None),
        "a higher dose": make.update("8"),
        "the same dose": make.update("4"),
    }
    edited = [name for name, offer in spoiled.items() if change(make, make.raw_draft(), offer)]
    assert edited == []


def test_an_order_of_a_product_without_a_template_is_not_edited(make: Any) -> None:
    raw = make.raw(make.raw_draft())
    assert updated(raw, make.update(), None, make.bag) is None
    template = make.context().template_of("829757")
    for spoiled in (replace(template, per_unit=None), replace(template, fills="frequency")):
        assert updated(raw, make.update(), spoiled, make.bag) is None


def test_millilitres_of_a_product_of_unknown_strength_are_not_read(make: Any) -> None:
    resource = make.raw_draft()
    amounts_of(resource)["doseQuantity"] = {"value": 400, "unit": "mL"}
    assert change(make, resource, product=None) is None
    other = replace(make.bag, per_unit=Decimal(2))
    assert change(make, resource, product=other) is None


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"null", b"{", b'{"resourceType":"MedicationRequest","id":1E99999999999}']
)
def test_an_order_that_cannot_be_read_is_not_edited(make: Any, raw: bytes) -> None:
    template = make.context().template_of("829757")
    assert updated(msgspec.Raw(raw), make.update(), template, make.bag) is None


def test_a_hostile_exponent_is_not_edited_and_does_no_harm(make: Any) -> None:
    resource = make.raw_draft()
    amounts_of(resource)["doseQuantity"]["value"] = Decimal("1E+999999")
    assert change(make, resource) is None


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from nodes(value)


NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-99, max_value=99)
LEAVES = st.none() | st.booleans() | st.integers() | NUMBERS | st.text(max_size=8)
PLANTS = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.sampled_from(["extension", "identifier", "x-vendor", "contained", "note", "_unknown"]),
        st.recursive(
            LEAVES,
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(st.text(min_size=1, max_size=4), inner, max_size=2)
            ),
            max_leaves=4,
        ),
    ),
    max_size=6,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(plants=PLANTS, first=st.booleans())
def test_whatever_is_planted_anywhere_comes_back_as_it_was(
    make: Any, plants: list[tuple[int, str, Any]], first: bool
) -> None:
    resource = make.raw_draft()
    for index, member, value in plants:
        places = list(nodes(resource))
        place = places[index % len(places)]
        if first:  # in front of the known members, so that their order is tested too
            known = dict(place)
            place.clear()
            place[member] = copy.deepcopy(value)
            place.update({key: item for key, item in known.items() if key != member})
        else:
            place[member] = copy.deepcopy(value)
    sent = msgspec.json.Decoder(float_hook=Decimal).decode(make.raw(resource))
    found = change(make, resource)
    assert found is not None
    assert set(differences(sent, found.resource)) <= ALLOWED


def test_an_order_without_a_quantity_to_dispense_gets_none(make: Any) -> None:
    resource = make.raw_draft()
    resource["dispenseRequest"] = {"numberOfRepeatsAllowed": 0}
    assert changed(make, resource)["dispenseRequest"] == {"numberOfRepeatsAllowed": 0}


def test_bags_are_read_only_where_the_product_comes_in_bags(make: Any) -> None:
    template = replace(make.context().template_of("829757"), unit="{vial}")
    resource = make.raw_draft()
    del resource["dispenseRequest"]
    assert updated(make.raw(resource), make.update(), template, make.bag) is not None
    amounts_of(resource)["doseQuantity"] = {"value": 4, "unit": "bag"}
    assert updated(make.raw(resource), make.update(), template, make.bag) is None


def test_a_rate_too_small_to_be_written_is_not_written() -> None:
    assert readable(Decimal("16.6666667")) == Decimal("16.67")
    assert readable(Decimal("0.0166667")) == Decimal("0.0167")
    with pytest.raises(NotOrderable):
        readable(Decimal("0.00001"))
