"""Clinical pack R11 and R12: how much magnesium, and what is needed to know it."""

from __future__ import annotations

import json
import re
from typing import Any

import pack_kit as kit
import pytest

BAG, TABLET = "829757", "198741"
BANDS = ("full", "half", "low", "hold", "unknown")
CROHN = kit.problem("34000006")
TORSADES = kit.problem("31722008", onset=1)
LOW_K = [kit.lab("k", 3.2)]
REFRACTORY_K = [kit.lab("k", 3.0), kit.lab("k", 3.0, hours=30)]
REFRACTORY_CA = [kit.lab("ica", 1.0), kit.lab("ica", 1.0, hours=20)]
GIVEN = [
    kit.given("potassium chloride", "40 meq", hours=20),
    kit.given("calcium gluconate", "1 g", hours=12),
]
# row: magnesium, other results, problems, and the dose for each band (g IV, or tablets a day)
DOSES: dict[str, tuple[float, list[Any], list[Any], tuple[int, ...]]] = {
    "A1": (1.5, [], [], (2, 1, 0, 0, 0)),
    "A1-iv": (1.5, [], [CROHN], (2, 1, 1, 0, 0)),
    "A2": (1.0, [], [], (4, 2, 1, 0, 0)),
    "A3": (1.0, [], [TORSADES], (2, 2, 1, 0, 0)),
    "B0": (1.5, LOW_K, [CROHN], (2, 1, 1, 0, 0)),
    "B1": (1.5, REFRACTORY_K, [], (2, 1, 1, 0, 0)),
    "B3": (1.5, REFRACTORY_CA, [], (2, 1, 1, 0, 0)),
}
IV_ROWS = [row for row in DOSES if row != "A1"]


def answer(row: str, band: str, ask: Any) -> list[dict[str, Any]]:
    mg, labs, problems, _ = DOSES[row]
    request = kit.chart(
        *(kit.lab("mg", mg), *labs), kidneys=band, problems=problems, administrations=GIVEN
    )
    found: list[dict[str, Any]] = ask(request)
    assert row in kit.rows(found)
    return found


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("row", IV_ROWS)
def test_r11_the_infusion_of_each_row_and_band(row: str, band: str, ask: Any) -> None:
    grams = DOSES[row][3][BANDS.index(band)]
    offered = kit.offered(answer(row, band, ask))
    assert offered == ([(BAG, f"{grams} g")] if grams else [])


@pytest.mark.parametrize("band", BANDS)
def test_r11_the_tablets_of_each_band(band: str, ask: Any) -> None:
    a_day = DOSES["A1"][3][BANDS.index(band)]
    found = kit.drugs(answer("A1", band, ask))
    assert [(kit.code_of(item), kit.dose_of(item)) for item in found] == (
        [(TABLET, "400 mg")] if a_day else []
    )
    for item in found:
        repeat = item["dosageInstruction"][0]["timing"]["repeat"]
        assert repeat == {"frequency": a_day, "period": 1, "periodUnit": "d"}


@pytest.mark.parametrize("band", ["full", "half", "low"])
@pytest.mark.parametrize("row", [row for row in IV_ROWS if row != "A3"])
def test_r11_every_infusion_runs_at_1_gram_an_hour(row: str, band: str, ask: Any) -> None:
    cards = answer(row, band, ask)
    (found,) = kit.drugs(cards)
    dosage = found["dosageInstruction"][0]
    grams = DOSES[row][3][BANDS.index(band)]
    rate = dosage["doseAndRate"][0]["rateQuantity"]
    assert (rate["value"], rate["code"]) == (1, "g/h")
    length = dosage["timing"]["repeat"]
    assert (length["duration"], length["durationUnit"]) == (grams, "h")
    assert "1 g/h" in kit.words(*cards)


@pytest.mark.parametrize("band", ["full", "half", "low"])
def test_r11_the_emergency_order_is_the_whole_dose_over_15_minutes(band: str, ask: Any) -> None:
    cards = answer("A3", band, ask)
    (found,) = kit.drugs(cards)
    dosage = found["dosageInstruction"][0]
    length = dosage["timing"]["repeat"]
    assert (length["duration"], length["durationUnit"]) == (15, "min")
    step = dosage["doseAndRate"][0]
    assert step["doseQuantity"]["value"] * 1000 / 15 <= 150  # mg/min, label
    assert "rateQuantity" not in step


@pytest.mark.parametrize("band", ["full", "half", "low"])
def test_r11_5_minutes_are_quoted_and_never_in_an_order(band: str, ask: Any) -> None:
    cards = answer("A3", band, ask)
    labels = [item["label"] for card in cards for item in card["suggestions"]]
    orders = json.dumps([labels, kit.actions(cards)])
    assert re.search(r"(?<!\d)5[ -]*min", orders) is None
    assert "5-15 min" in kit.words(*cards)


@pytest.mark.parametrize("row", IV_ROWS)
def test_r11_the_product_is_so_many_bags_of_1_gram(row: str, ask: Any) -> None:
    (found,) = kit.drugs(answer(row, "full", ask))
    amount = found["dispenseRequest"]["quantity"]
    assert (amount["value"], amount["code"]) == (DOSES[row][3][0], "{bag}")


@pytest.mark.parametrize("grams", [1, 4, 5, 8, 9])
def test_r11_no_suggestion_ever_takes_the_day_above_8_grams(grams: int, ask: Any) -> None:
    day = kit.order("magnesium sulfate bag", f"{grams} g", route="iv", repeat={"count": 1})
    dose = kit.given("magnesium sulfate bag", f"{grams} g", hours=20)
    for more in ({"medications": [day]}, {"administrations": [dose]}):
        cards = ask(kit.chart(kit.lab("mg", 1.0), **more))
        assert kit.drugs(cards) == []


@pytest.mark.parametrize("row", DOSES)
def test_r12_without_kidney_function_no_magnesium_but_a_creatinine(row: str, ask: Any) -> None:
    cards = answer(row, "unknown", ask)
    assert kit.drugs(cards) == []
    if row != "A3":
        assert "2160-0" in kit.ordered_tests(cards)


@pytest.mark.parametrize("mg", [1.0, 1.5])
def test_r12_a_creatinine_outside_its_window_is_ordered_again(mg: float, ask: Any) -> None:
    stale = kit.lab("cr", 0.9, hours=48.1)
    cards = ask(kit.chart(kit.lab("mg", mg), stale))
    assert kit.drugs(cards) == []
    assert kit.ordered_tests(cards) == ["2160-0"]


@pytest.mark.parametrize("who", [{"age": None}, {"sex": ""}, {"sex": "other"}], ids=str)
@pytest.mark.parametrize("mg", [1.0, 1.5])
def test_r12_without_age_or_sex_the_kidneys_are_unknown(
    mg: float, who: dict[str, Any], ask: Any
) -> None:
    cards = ask(kit.chart(kit.lab("mg", mg), **who))
    assert kit.drugs(cards) == []
    assert kit.ordered_tests(cards) == []  # the creatinine is there
    assert "kidney function not known" in kit.withheld(*cards)


@pytest.mark.parametrize("who", [{"kidneys": "unknown"}, {"sex": ""}], ids=str)
def test_r12_an_emergency_is_then_text(who: dict[str, Any], ask: Any) -> None:
    cards = ask(kit.chart(kit.lab("mg", 1.0), problems=[TORSADES], **who))
    assert kit.rows(cards)["A3"] == "critical"
    assert kit.drugs(cards) == []
    assert "acls" in kit.words(*cards)
