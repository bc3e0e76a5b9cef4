"""What an accepted suggestion would order: the amounts are read out of the JSON."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from cds.cards.draft import SuggestionDraft
from cds.cards.suggestions import NOT_EDITED, NOT_WRITTEN, as_json, suggestion

GRAM_TEXTS = {
    "1": "1 g (4.06 mmol, 8.12 meq) IV over 1 h at 1 g/h (1 bag of 1 g/100 mL)",
    "2": "2 g (8.12 mmol, 16.24 meq) IV over 2 h at 1 g/h (2 bags of 1 g/100 mL)",
    "4": "4 g (16.24 mmol, 32.48 meq) IV over 4 h at 1 g/h (4 bags of 1 g/100 mL)",
}


def built(make: Any, offer: Any, context: Any = None) -> SuggestionDraft:
    found = suggestion(offer, context or make.context(), "card", 0)
    assert isinstance(found, SuggestionDraft), found
    return found


@pytest.mark.parametrize("grams", ["1", "2", "4"])
def test_every_table_dose_stands_in_the_order_as_dose_rate_duration_text_and_bags(
    make: Any, grams: str
) -> None:
    resource = built(make, make.infusion(grams)).action["resource"]
    make.r4(resource)
    dosage = resource["dosageInstruction"][0]
    amounts = dosage["doseAndRate"][0]
    assert (amounts["doseQuantity"]["value"], amounts["doseQuantity"]["code"]) == (
        Decimal(grams),
        "g",
    )
    assert (amounts["rateQuantity"]["value"], amounts["rateQuantity"]["code"]) == (1, "g/h")
    assert dosage["timing"]["repeat"] == {
        "count": 1,
        "duration": Decimal(grams),
        "durationUnit": "h",
    }
    assert resource["dispenseRequest"]["quantity"]["value"] == int(grams)
    assert resource["dispenseRequest"]["quantity"]["code"] == "{bag}"
    assert dosage["text"] == GRAM_TEXTS[grams]


def test_a_created_order_is_a_draft_proposal_for_this_patient_without_an_invented_date(
    make: Any,
) -> None:
    offer = make.infusion("2", because=("Observation/mg-1", "Observation/", "Observation/mg-1"))
    resource = built(make, offer).action["resource"]
    assert (resource["status"], resource["intent"]) == ("draft", "proposal")
    assert resource["subject"] == {"reference": "Patient/p1"}
    assert resource["encounter"] == {"reference": "Encounter/e1"}
    assert resource["reasonReference"] == [{"reference": "Observation/mg-1"}]
    assert resource["dosageInstruction"][0]["route"]["coding"][0]["code"] == "47625008"
    assert {"authoredOn", "id"}.isdisjoint(resource)


def test_an_unknown_encounter_leaves_the_member_out(make: Any) -> None:
    resource = built(make, make.infusion("2", because=()), make.context(encounter_id=None)).action[
        "resource"
    ]
    make.r4(resource)
    assert {"encounter", "reasonReference"}.isdisjoint(resource)


def test_an_emergency_dose_runs_over_15_minutes_and_states_no_rate(make: Any) -> None:
    offer = make.infusion("2", rate=None, hours=make.hours("15", "min"))
    resource = built(make, offer).action["resource"]
    make.r4(resource)
    dosage = resource["dosageInstruction"][0]
    assert dosage["timing"]["repeat"] == {"count": 1, "duration": 15, "durationUnit": "min"}
    assert "rateQuantity" not in dosage["doseAndRate"][0]
    assert dosage["text"] == ("2 g (8.12 mmol, 16.24 meq) IV over 15 min (2 bags of 1 g/100 mL)")


def test_fifteen_minutes_converted_to_hours_by_the_unit_table_stay_fifteen_minutes(
    make: Any,
) -> None:
    offer = make.infusion("2", rate=None, hours=make.hours("15", "min").to("h"))
    repeat = built(make, offer).action["resource"]["dosageInstruction"][0]["timing"]["repeat"]
    assert (repeat["duration"], repeat["durationUnit"]) == (15, "min")


@pytest.mark.parametrize(
    "case",
    [
        "no dose",
        "a range of doses",
        "half a bag",
        "no rate",
        "no such rate",
        "too fast",
        "disagree",
        "count",
        "negative",
        "other drug",
    ],
)
def test_an_infusion_that_is_not_fully_and_safely_said_becomes_no_order(
    make: Any, case: str
) -> None:
    changes: dict[str, dict[str, Any]] = {
        "no dose": {"dose": None},
        "a range of doses": {"dose": make.below_sulfate("2")},
        "no such rate": {"rate": "0"},
        "half a bag": {"dose": make.sulfate("1.5")},
        "no rate": {"rate": None},
        "too fast": {"rate": None, "hours": make.hours("14", "min")},
        "disagree": {"hours": make.hours("4")},
        "count": {"units": 3},
        "negative": {"dose": make.sulfate("-2")},
        "other drug": {"suggestion": make.suggestion("create", "no-such-template")},
    }
    offer = make.infusion("2", **changes[case])
    assert suggestion(offer, make.context(), "card", 0) == NOT_WRITTEN


@pytest.mark.parametrize(
    ("times", "text"),
    [
        (1, "400 mg PO daily (241 mg elemental/day)"),
        (2, "400 mg PO BID (482 mg elemental/day)"),
    ],
)
def test_oral_magnesium_is_one_tablet_once_or_twice_a_day(make: Any, times: int, text: str) -> None:
    offer = make.infusion(
        "1",
        suggestion=make.suggestion("create", "magnesium-oxide-tablet"),
        dose=None,
        rate=None,
        per_day=times,
    )
    found = built(make, offer)
    resource = found.action["resource"]
    make.r4(resource)
    dosage = resource["dosageInstruction"][0]
    assert dosage["timing"]["repeat"] == {"frequency": times, "period": 1, "periodUnit": "d"}
    assert dosage["doseAndRate"][0]["doseQuantity"]["value"] == 400
    assert dosage["route"]["coding"][0]["code"] == "26643006"
    assert dosage["text"] == text
    assert found.ingredient == "magnesium"


@pytest.mark.parametrize("times", [None, 0, 3])
def test_more_than_two_tablets_a_day_or_an_unknown_number_becomes_no_order(
    make: Any, times: int | None
) -> None:
    offer = make.infusion(
        "1",
        suggestion=make.suggestion("create", "magnesium-oxide-tablet"),
        dose=None,
        per_day=times,
    )
    assert suggestion(offer, make.context(), "card", 0) == NOT_WRITTEN


@pytest.mark.parametrize(
    ("name", "loinc"),
    [
        ("magnesium-level", "19123-9"),
        ("creatinine-level", "2160-0"),
        ("potassium-level", "2823-3"),
        ("calcium-level", "17861-6"),
        ("calcium-ionized-level", "1995-0"),
    ],
)
def test_a_laboratory_test_is_ordered_by_its_loinc(make: Any, name: str, loinc: str) -> None:
    found = built(make, make.test(name))
    resource = found.action["resource"]
    make.r4(resource)
    coding = resource["code"]["coding"][0]
    assert (coding["system"], coding["code"]) == ("http://loinc.org", loinc)
    assert (found.test, found.ingredient) == (loinc, "")


def test_a_delete_names_the_draft_and_carries_no_resource(make: Any) -> None:
    offer = make.update(suggestion=make.suggestion("delete"))
    context = make.context({"MedicationRequest/draft-1": make.raw_draft()})
    action = built(make, offer, context).action
    assert action == {
        "type": "delete",
        "description": "Remove the draft order magnesium sulfate 4 g IV",
        "resourceId": "MedicationRequest/draft-1",
    }


@pytest.mark.parametrize("kind", ["delete", "update"])
def test_an_order_that_is_not_among_the_drafts_is_never_edited(make: Any, kind: str) -> None:
    offer = make.update(suggestion=make.suggestion(kind))
    assert suggestion(offer, make.context(), "card", 0) == NOT_EDITED
    assert suggestion(make.update(order=None), make.context(), "card", 0) == NOT_EDITED


def test_a_draft_without_an_id_is_never_deleted(make: Any) -> None:
    order = make.order(source="MedicationRequest/")
    offer = make.update(suggestion=make.suggestion("delete"), order=order)
    context = make.context({"MedicationRequest/": make.raw_draft()})
    assert suggestion(offer, context, "card", 0) == NOT_EDITED


def test_an_update_never_takes_the_id_of_another_draft(make: Any) -> None:
    context = make.context({"MedicationRequest/draft-1": make.raw_draft() | {"id": "draft-2"}})
    assert suggestion(make.update(), context, "card", 0) == NOT_EDITED


def test_a_description_cannot_be_forged_by_the_name_of_a_drug(make: Any) -> None:
    order = make.order(name="<b>x</b>\n[click](http://evil)")
    offer = make.update(suggestion=make.suggestion("delete"), order=order)
    context = make.context({"MedicationRequest/draft-1": make.raw_draft()})
    text = built(make, offer, context).action["description"]
    assert not set("<[]\n") & set(text)


def test_another_dose_than_the_tablet_becomes_no_order(make: Any) -> None:
    offer = make.infusion(
        "1",
        suggestion=make.suggestion("create", "magnesium-oxide-tablet"),
        dose=make.oxide("500"),
        per_day=1,
    )
    assert suggestion(offer, make.context(), "card", 0) == NOT_WRITTEN
    assert isinstance(
        suggestion(replace(offer, dose=make.oxide("400")), make.context(), "card", 0),
        SuggestionDraft,
    )


def test_a_drug_template_that_takes_no_dose_becomes_no_order(make: Any) -> None:
    context = make.context()
    bag = context.book.templates["magnesium-sulfate-bag"]
    book = replace(context.book, templates={bag.name: replace(bag, fills="")})
    assert suggestion(make.infusion("2"), replace(context, book=book), "card", 0) == NOT_WRITTEN


def test_a_label_is_never_empty(make: Any) -> None:
    found = built(make, make.test(), make.context())
    assert as_json(replace(found, label=""))["label"] == "Order magnesium level"
