import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from cds.chart.labs import read_labs
from cds.facts.model import Reason
from cds.facts.record import LabResult
from cds.facts.terminology import LabCode, Terminology
from cds.fhir.bundle import RawResource, Supplied
from cds.kernel.codes import LOINC, Coding
from cds.kernel.quantity import Interval, point
from cds.kernel.units import Analyte

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
UCUM = "http://unitsofmeasure.org"
MIMIC = "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-units"
WRONG = Reason.WRONG_SPECIMEN
TERMS = Terminology(
    labs={
        Coding(LOINC, "19123-9"): LabCode(Analyte.MAGNESIUM, "Mg mass", property="mass"),
        Coding(LOINC, "2601-3"): LabCode(Analyte.MAGNESIUM, "Mg moles", property="substance"),
        Coding(LOINC, "35249-2"): LabCode(Analyte.MAGNESIUM, "Mg either", flag="mass or moles"),
        Coding(LOINC, "19124-7"): LabCode(Analyte.MAGNESIUM, "Mg urine", refused=WRONG),
        Coding(LOINC, "2600-5"): LabCode(
            Analyte.MAGNESIUM, "Mg ionized", refused=Reason.NOT_APPLICABLE, flag="ionized"
        ),
        Coding(LOINC, "2823-3"): LabCode(Analyte.POTASSIUM, "K", property="substance"),
        Coding(LOINC, "51618-7"): LabCode(
            Analyte.POTASSIUM, "K pre dialysis", property="substance", pre_dialysis=True
        ),
        Coding(LOINC, "2160-0"): LabCode(Analyte.CREATININE, "Creatinine", property="mass"),
        Coding(LOINC, "2777-1"): LabCode(Analyte.PHOSPHATE, "Phosphate", property="mass"),
        Coding(LOINC, "29463-7"): LabCode(Analyte.WEIGHT, "Body weight"),
        Coding(LOINC, "8302-2"): LabCode(Analyte.HEIGHT, "Body height"),
        Coding(LOINC, "8636-3"): LabCode(Analyte.QTC, "QTc"),
        Coding("urn:lab", "MG"): LabCode(Analyte.MAGNESIUM, "local Mg", property="mass"),
    }
)
ABSENT = object()


def coded(*codes: str) -> dict[str, Any]:
    return {"coding": [{"system": LOINC, "code": code} for code in codes]}


def quantity(value: Any, unit: str | None = "mg/dL", **members: Any) -> dict[str, Any]:
    stated = {"value": value, "unit": unit, "system": UCUM, "code": unit, **members}
    return {key: item for key, item in stated.items() if item is not None}


def observation(loinc: str = "19123-9", value: Any = ABSENT, **members: Any) -> dict[str, Any]:
    resource = {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": coded(loinc),
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-11-21T08:00:00Z",
        "valueQuantity": quantity(1.6) if value is ABSENT else value,
        **members,
    }
    return {key: item for key, item in resource.items() if item is not None}


def read(*resources: Any, **supplied: Any) -> tuple[Any, tuple[str, ...]]:
    entries = tuple(
        RawResource(
            item.get("resourceType", "Observation"),
            str(item.get("id", "")),
            "",
            msgspec.Raw(json.dumps(item).encode()),
        )
        for item in resources
    )
    return read_labs(Supplied("observations", entries, **supplied), TERMS, NOW, "p1")


def one(*args: Any, **members: Any) -> LabResult:
    listing, _ = read(observation(*args, **members))
    (result,) = listing.items
    assert isinstance(result, LabResult)
    return result


def raw_number(text: str, unit: str = "mg/dL") -> LabResult:
    body = json.dumps(observation(value=quantity(0, unit))).replace(
        '"value": 0', f'"value": {text}'
    )
    raw = RawResource("Observation", "o1", "", msgspec.Raw(body.encode()))
    listing, _ = read_labs(Supplied("observations", (raw,)), TERMS, NOW, "p1")
    return listing.items[0]


def text(words: str, loinc: str = "19123-9", **members: Any) -> LabResult:
    return one(loinc, None, valueString=words, **members)


def test_a_final_result_is_usable_with_its_source_time_and_code() -> None:
    result = one()
    assert (result.analyte, result.source, result.loinc) == (
        Analyte.MAGNESIUM,
        "Observation/o1",
        "19123-9",
    )
    assert result.quantity is not None
    assert (result.quantity.value, result.quantity.unit) == (Decimal("1.6"), "mg/dL")
    assert (result.set_aside, result.flags, result.face) == (None, (), "1.6 mg/dL")
    assert result.effective == datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "face"), [("1.0", "1.0 mg/dL"), ("1.60", "1.60 mg/dL"), ("2e0", "2e0 mg/dL")]
)
def test_the_number_is_exact_and_shown_digit_by_digit(number: str, face: str) -> None:
    result = raw_number(number)
    assert result.quantity is not None
    assert (result.face, result.quantity.value) == (face, Decimal(number))


@pytest.mark.parametrize("number", ["1e400", "1" * 40, "1e-99999"])
def test_an_absurdly_long_number_is_not_a_value(number: str) -> None:
    assert raw_number(number).set_aside is Reason.UNREADABLE


@pytest.mark.parametrize(
    ("status", "kept", "reason", "amended"),
    [
        ("final", True, None, False),
        ("corrected", True, None, True),
        ("amended", True, None, True),
        ("preliminary", True, Reason.PRELIMINARY, False),
        ("entered-in-error", False, None, False),
        ("cancelled", False, None, False),
        ("registered", False, None, False),
        ("unknown", False, None, False),
        ("done", True, Reason.UNREADABLE, False),  # no word of R4: shown, never used
        ("Final", True, Reason.UNREADABLE, False),
        (None, True, Reason.UNREADABLE, False),
    ],
)
def test_the_status_decides_what_is_kept(
    status: str | None, kept: bool, reason: Reason | None, amended: bool
) -> None:
    listing, lines = read(observation(status=status))
    assert lines == ()
    assert [(item.set_aside, item.amended) for item in listing.items] == (
        [(reason, amended)] if kept else []
    )


def test_a_preliminary_result_keeps_its_value() -> None:
    result = one(status="preliminary")
    assert result.quantity is not None
    assert result.quantity.interval == point(Decimal("1.6"))


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            {"coding": [{"system": "urn:x", "code": "9"}, {"system": LOINC, "code": "19123-9"}]},
            None,
        ),
        ({"coding": [{"system": "urn:oid:2.16.840.1.113883.6.1", "code": "19123-9"}]}, None),
        ({"coding": [{"system": "urn:lab", "code": "MG"}]}, None),
        ({"coding": [{"display": "no code"}, {"system": LOINC, "code": "19123-9"}]}, None),
        (coded("19124-7"), WRONG),
        (coded("19123-9", "19124-7"), WRONG),
        (coded("19124-7", "19123-9"), WRONG),
        (coded("19123-9", "2601-3"), None),
    ],
)
def test_any_coding_may_match_and_a_refused_one_sets_the_result_aside(
    code: dict[str, Any], reason: Reason | None
) -> None:
    result = one(code=code)
    assert (result.analyte, result.set_aside) == (Analyte.MAGNESIUM, reason)
    assert (result.quantity is None) == (reason is WRONG)


def test_a_code_refused_for_another_reason_keeps_that_reason_and_no_number() -> None:
    result = one("2600-5", quantity(0.5, "mmol/L"))
    assert (result.set_aside, result.quantity) == (Reason.NOT_APPLICABLE, None)
    assert (result.face, result.flags[0]) == ("0.5 mmol/L", "ionized")


def test_codes_of_two_analytes_are_unreadable_for_both() -> None:
    listing, _ = read(observation(code=coded("19123-9", "2160-0")))
    assert [(item.analyte, item.set_aside, item.quantity) for item in listing.items] == [
        (Analyte.MAGNESIUM, Reason.UNREADABLE, None),
        (Analyte.CREATININE, Reason.UNREADABLE, None),
    ]


@pytest.mark.parametrize("code", [None, {}, {"text": "Magnesium"}, coded("718-7")])
def test_other_observations_are_passed_over(code: Any) -> None:
    listing, lines = read(observation(code=code))
    assert (listing.items, listing.gap, lines) == ((), "", ())


def test_resources_of_other_types_are_passed_over() -> None:
    listing, lines = read({"resourceType": "Patient", "id": "p1"}, observation())
    assert (len(listing.items), lines) == (1, ())


@pytest.mark.parametrize(
    ("subject", "flags"),
    [
        ({"reference": "Patient/p1"}, ()),
        ({"reference": "https://ehr.example/fhir/R4/Patient/p1"}, ()),
        ({"reference": "https://ehr.example/fhir/R4/Patient/p1/_history/3"}, ()),
        ({"reference": "urn:uuid:p1"}, ()),
        (None, ("no subject stated",)),
        ({"display": "somebody"}, ("no subject stated",)),
    ],
)
def test_the_subject_may_be_written_in_many_ways(subject: Any, flags: tuple[str, ...]) -> None:
    result = one(subject=subject)
    assert (result.set_aside, result.flags) == (None, flags)


@pytest.mark.parametrize(
    "reference", ["Patient/p2", "https://ehr.example/fhir/Patient/p2", "Group/p1", "urn:uuid:p2"]
)
def test_a_result_of_another_patient_is_left_out_and_named(reference: str) -> None:
    listing, lines = read(observation(subject={"reference": reference}), observation(id="o2"))
    assert [item.source for item in listing.items] == ["Observation/o2"]
    assert (listing.gap, lines) == ("", ("Observation/o1: belongs to another patient",))


@pytest.mark.parametrize(
    ("comparator", "interval"),
    [
        ("<", Interval(None, Decimal("1.6"), high_open=True)),
        ("<=", Interval(None, Decimal("1.6"))),
        (">", Interval(Decimal("1.6"), None, low_open=True)),
        (">=", Interval(Decimal("1.6"), None)),
    ],
)
def test_a_comparator_makes_an_interval(comparator: str, interval: Interval) -> None:
    result = one(value=quantity(1.6, comparator=comparator))
    assert result.quantity is not None
    assert (result.quantity.interval, result.set_aside) == (interval, None)
    assert result.face == f"{comparator}1.6 mg/dL"


@pytest.mark.parametrize("comparator", ["ad", "~", "=", "less than"])
def test_an_unknown_comparator_is_set_aside_with_its_face(comparator: str) -> None:
    result = one(value=quantity(1.6, comparator=comparator))
    assert (result.set_aside, result.quantity) == (Reason.COMPARATOR, None)
    assert result.face == f"{comparator}1.6 mg/dL"


def test_a_number_sent_as_json_text_is_no_number() -> None:
    result = one(value=quantity("1.6"))
    assert (result.set_aside, result.quantity) == (Reason.UNREADABLE, None)
    assert (result.face, result.flags) == ("1.6 mg/dL", ("number sent as text",))


@pytest.mark.parametrize(
    ("words", "interval", "unit"),
    [
        ("1.6 mg/dL", point(Decimal("1.6")), "mg/dL"),
        ("1.6mg/dL", point(Decimal("1.6")), "mg/dL"),
        ("<0.5 mg/dL", Interval(None, Decimal("0.5"), high_open=True), "mg/dL"),
        (">= 2.5 mmol/L", Interval(Decimal("2.5"), None), "mmol/L"),
        ("\u2264 0.5 mg/dl", Interval(None, Decimal("0.5")), "mg/dL"),
    ],
)
def test_a_text_with_its_own_unit_is_read_and_flagged(
    words: str, interval: Interval, unit: str
) -> None:
    result = text(words)
    assert result.quantity is not None
    assert (result.quantity.interval, result.quantity.unit) == (interval, unit)
    assert (result.set_aside, result.face) == (None, words)
    assert "read from text" in result.flags


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("1.6", Reason.UNIT),
        ("<0.5", Reason.UNIT),
        ("1.6 units", Reason.UNIT),
        ("1.6 mg/dL H", Reason.UNIT),
        ("1,6 mg/dL", Reason.UNIT),
        ("1.6-1.8 mg/dL", Reason.UNIT),
        ("see comment", Reason.NO_VALUE),
        ("QNS", Reason.NO_VALUE),
        ("", Reason.NO_VALUE),
        ("Hemolyzed", Reason.HAEMOLYSED),
        ("haemolysed sample", Reason.HAEMOLYSED),
    ],
)
def test_a_text_without_unit_or_number_is_set_aside(words: str, reason: Reason) -> None:
    result = text(words)
    assert (result.set_aside, result.quantity) == (reason, None)
    assert result.face == (words or "not measured")


def test_a_haemolysed_text_without_a_value_counts_for_every_analyte() -> None:
    assert text("hemolyzed", "2160-0").set_aside is Reason.HAEMOLYSED


@pytest.mark.parametrize(
    ("members", "face"),
    [
        ({"valueQuantity": None}, "not measured"),
        ({"valueQuantity": None, "dataAbsentReason": {"text": "unknown"}}, "not measured"),
        ({"dataAbsentReason": {"text": "error"}}, "1.6 mg/dL"),
        ({"valueQuantity": {"unit": "mg/dL"}}, "not measured"),
        ({"valueQuantity": None, "valueCodeableConcept": {"text": "low"}}, "low"),
        ({"valueQuantity": None, "valueBoolean": True}, "not measured"),
    ],
)
def test_without_a_value_the_result_stays_only_for_the_trace(
    members: dict[str, Any], face: str
) -> None:
    result = one(**members)
    assert (result.set_aside, result.quantity, result.face) == (Reason.NO_VALUE, None, face)


def test_a_whole_number_without_a_unit_is_set_aside() -> None:
    result = one("2823-3", None, valueInteger=4)
    assert (result.set_aside, result.face) == (Reason.UNIT, "4")


@pytest.mark.parametrize(
    ("stated", "unit", "flags"),
    [
        ({"unit": "mg/dL", "system": UCUM, "code": "mg/dL"}, "mg/dL", ()),
        ({"unit": "milligrams", "system": UCUM, "code": "mg/dL"}, "mg/dL", ()),
        ({"system": UCUM, "code": "mg/dl"}, "mg/dL", ("unit spelled `mg/dl`",)),
        ({"unit": "mg/dL"}, "mg/dL", ("unit not stated in UCUM",)),
        ({"unit": "mg/dL", "system": UCUM}, "mg/dL", ("unit not stated in UCUM",)),
        ({"code": "mg/dL"}, "mg/dL", ("unit not stated in UCUM",)),
        (
            {"unit": "mg/dL", "system": MIMIC, "code": "mg/dL"},
            "mg/dL",
            ("unit not stated in UCUM",),
        ),
        ({"unit": "mg/dL", "system": MIMIC, "code": "17"}, "mg/dL", ("unit not stated in UCUM",)),
        (
            {"unit": "mg%", "system": MIMIC, "code": "17"},
            "mg/dL",
            ("unit spelled `mg%`", "unit not stated in UCUM"),
        ),
    ],
)
def test_a_unit_is_read_from_code_or_text_and_its_spelling_is_flagged(
    stated: dict[str, Any], unit: str, flags: tuple[str, ...]
) -> None:
    result = one(value={"value": 1.6, **stated})
    assert result.quantity is not None
    assert (result.quantity.unit, result.flags, result.set_aside) == (unit, flags, None)


@pytest.mark.parametrize(
    ("stated", "face"),
    [
        ({}, "1.6"),
        ({"unit": ""}, "1.6"),
        ({"unit": "mg"}, "1.6 mg"),
        ({"unit": "furlong", "system": UCUM, "code": "[fur_us]"}, "1.6 furlong"),
        ({"unit": "mg/dL", "system": UCUM, "code": "mmol/L"}, "1.6 mg/dL"),
        ({"unit": "mg/dL", "system": UCUM, "code": "g/L"}, "1.6 mg/dL"),
        ({"unit": "mg/dL", "system": MIMIC, "code": "mmol/L"}, "1.6 mg/dL"),
    ],
)
def test_a_unit_that_is_missing_foreign_or_contradicted_is_never_guessed(
    stated: dict[str, Any], face: str
) -> None:
    result = one(value={"value": 1.6, **stated})
    assert (result.set_aside, result.quantity, result.face) == (Reason.UNIT, None, face)


def test_two_names_of_the_same_unit_do_not_contradict() -> None:
    stated = {"value": 4.1, "unit": "mEq/L", "system": UCUM, "code": "mmol/L"}
    assert one("2823-3", stated).set_aside is None


@pytest.mark.parametrize(
    ("code", "unit", "flags"),
    [
        (coded("2601-3"), "mg/dL", ("the test code expects another kind of unit",)),
        (coded("19123-9"), "mmol/L", ("the test code expects another kind of unit",)),
        (coded("2601-3"), "meq/L", ()),
        (coded("19123-9", "2601-3"), "mmol/L", ()),
        (coded("35249-2"), "mg/dL", ("mass or moles",)),
    ],
)
def test_a_unit_of_the_other_property_is_taken_by_unit_and_flagged(
    code: Any, unit: str, flags: tuple[str, ...]
) -> None:
    result = one(value=quantity(0.9, unit), code=code)
    assert result.quantity is not None
    assert (result.quantity.unit, result.flags, result.set_aside) == (unit, flags, None)


@pytest.mark.parametrize(
    ("loinc", "value", "reason"),
    [
        ("2160-0", quantity(88), Reason.IMPLAUSIBLE),
        ("2160-0", quantity(40.1), Reason.IMPLAUSIBLE),
        ("2160-0", quantity(40), None),
        ("2160-0", quantity(0.1, comparator="<"), None),
        ("2160-0", quantity(0.09), Reason.IMPLAUSIBLE),
        ("2823-3", quantity(12.1, "mmol/L"), Reason.IMPLAUSIBLE),
        ("2823-3", quantity(12, "mmol/L"), None),
        ("2823-3", quantity(-4, "mmol/L"), Reason.IMPLAUSIBLE),
        ("19123-9", quantity(50, comparator=">"), Reason.IMPLAUSIBLE),
        ("29463-7", quantity(70, "kg"), None),
        ("29463-7", quantity(700, "kg"), Reason.IMPLAUSIBLE),
        ("8302-2", quantity(1.7, "m"), None),
        ("8302-2", quantity(170, "m"), Reason.IMPLAUSIBLE),
        ("8636-3", quantity(510, "ms"), None),
        ("8636-3", quantity(0.51, "s"), None),
    ],
)
def test_an_implausible_value_is_set_aside_with_its_value(
    loinc: str, value: Any, reason: Reason | None
) -> None:
    result = one(loinc, value)
    assert result.set_aside is reason
    assert result.quantity is not None


@pytest.mark.parametrize(
    ("times", "expected", "flags", "reason"),
    [
        ({"effectiveInstant": "2026-11-21T08:00:00Z"}, 8, (), None),
        (
            {"effectivePeriod": {"start": "2026-11-21T07:00Z", "end": "2026-11-21T09:00Z"}},
            9,
            (),
            None,
        ),
        ({"effectivePeriod": {"start": "2026-11-21T07:00Z"}}, 7, (), None),
        ({"issued": "2026-11-21T10:00:00Z"}, 10, ("time of reporting, not of draw",), None),
        (
            {"effectiveDateTime": "this morning", "issued": "2026-11-21T10:00:00Z"},
            10,
            ("time of reporting, not of draw",),
            None,
        ),
        ({}, None, (), Reason.NO_TIME),
        ({"effectiveDateTime": "this morning"}, None, (), Reason.NO_TIME),
        ({"effectiveDateTime": "2026-11-21T13:00:00Z"}, 13, (), Reason.FUTURE),
        ({"effectiveDateTime": "2026-11-21T12:00:00Z"}, 12, (), None),
        (
            {"effectiveDateTime": "2026-11-21"},
            0,
            ("time of day not stated, read as start of day",),
            None,
        ),
        (
            {"effectiveDateTime": "2026-11-21T08:00:00"},
            8,
            ("time zone not stated, read as UTC",),
            None,
        ),
    ],
)
def test_the_time_of_the_draw_is_found_or_the_result_set_aside(
    times: dict[str, Any], expected: int | None, flags: tuple[str, ...], reason: Reason | None
) -> None:
    result = one(**{"effectiveDateTime": None, **times})
    hour = result.effective.hour if result.effective else None
    assert (hour, result.flags, result.set_aside) == (expected, flags, reason)
    assert result.quantity is not None


def test_order_is_effective_then_issued_then_updated_then_id() -> None:
    def order(effective: str, issued: str | None, updated: str | None, own: str) -> tuple[str, ...]:
        meta = {"lastUpdated": updated}
        return one(effectiveDateTime=effective, issued=issued, meta=meta, id=own).order

    first, later = "2026-11-21T08:00:00Z", "2026-11-21T10:00:00+01:00"
    rising = [
        order(first, None, None, "a"),
        order(first, None, None, "b"),
        order(first, None, later, "a"),
        order(first, first, None, "a"),
        order(first, later, None, "a"),
        order(later, None, None, "a"),
    ]
    assert rising == sorted(rising)
    assert len(set(rising)) == len(rising)


HAEMOLYSED = [
    {"interpretation": [{"text": "Specimen hemolyzed"}]},
    {"interpretation": {"coding": [{"code": "HEMOLYZED"}]}},
    {"note": [{"text": "Slightly haemolysed; interpret with care."}]},
    {"note": {"text": "HEMOLYSIS FALSELY ELEVATES K."}},
    {"note": [{"text": "probe h\u00e4molytisch"}]},
    {"specimen": {"display": "Blood, hemolysed"}},
    {
        "contained": [
            {
                "resourceType": "Specimen",
                "condition": [
                    {
                        "coding": [
                            {
                                "system": "http://terminology.hl7.org/CodeSystem/v2-0493",
                                "code": "HEM",
                            }
                        ]
                    }
                ],
            }
        ]
    },
    {"component": [{"code": {"text": "Hemolysis"}, "valueString": "moderate"}]},
    {"note": [{"text": "No repeat needed: grossly hemolyzed"}]},
    {"note": [{"text": "hemolyzed, no redraw"}]},
    {"note": [{"text": "hemolysis cannot be excluded"}]},
]
CLEAN = [
    {"note": [{"text": "Not hemolyzed."}]},
    {"note": [{"text": "no visible hemolysis"}]},
    {"note": [{"text": "non-hemolyzed"}]},
    {"note": [{"text": "Nonhemolysed sample"}]},
    {"note": [{"text": "Hemolysis: none"}]},
    {"note": [{"text": "haemolysis index 0"}]},
    {"note": [{"text": "hemolysis was not detected"}]},
    {"note": [{"text": "negative for hemolysis"}]},
    {"note": [{"text": "known hemolytic anemia"}]},
    {"component": [{"code": {"text": "Hemolysis"}, "valueString": "None"}]},
    {"component": [{"code": {"text": "Hemolysis"}}]},
    {"component": [{"code": {"text": "Icterus"}, "valueString": "3+, no hemolysis"}]},
    {"component": [{"code": {"text": "Hemolysis"}, "valueString": "None"}, {"code": 7}]},
    {"component": [7], "note": [{"text": "no hemolysis"}]},
    {"interpretation": [{"coding": [{"code": "L"}]}]},
]


@pytest.mark.parametrize("members", HAEMOLYSED)
@pytest.mark.parametrize(("loinc", "unit"), [("2823-3", "mmol/L"), ("19123-9", "mmol/L")])
def test_haemolysis_sets_potassium_and_magnesium_aside_with_value(
    members: dict[str, Any], loinc: str, unit: str
) -> None:
    result = one(loinc, quantity(3.9, unit), **members)
    assert result.set_aside is Reason.HAEMOLYSED
    assert result.quantity is not None


@pytest.mark.parametrize("members", CLEAN)
def test_denied_haemolysis_sets_nothing_aside(members: dict[str, Any]) -> None:
    result = one("2823-3", quantity(3.9, "mmol/L"), **members)
    assert (result.set_aside, result.flags) == (None, ())


@pytest.mark.parametrize("members", HAEMOLYSED)
def test_haemolysis_only_flags_other_analytes(members: dict[str, Any]) -> None:
    result = one("2160-0", quantity(1.1), **members)
    assert (result.set_aside, result.flags) == (None, ("haemolysis stated",))


def test_a_haemolysis_index_in_numbers_is_flagged_and_not_interpreted() -> None:
    index = [{"code": {"text": "Hemolysis index"}, "valueQuantity": {"value": 40}}]
    result = one("2823-3", quantity(3.9, "mmol/L"), component=index)
    assert (result.set_aside, result.flags) == (None, ("haemolysis index not interpreted",))


@pytest.mark.parametrize(
    "members",
    [
        {"specimen": {"display": "Urine"}},
        {"specimen": {"display": "CSF"}},
        {
            "specimen": {"reference": "#s"},
            "contained": [
                {
                    "resourceType": "Specimen",
                    "id": "s",
                    "type": {"coding": [{"display": "Pleural fluid"}]},
                }
            ],
        },
        {"code": {**coded("19123-9"), "text": "Magnesium, 24 hour urine"}},
        {"code": {"coding": [{"system": LOINC, "code": "19123-9", "display": "Mg dialysate"}]}},
    ],
)
def test_a_foreign_specimen_under_a_serum_code_is_set_aside(members: dict[str, Any]) -> None:
    result = one(**members)
    assert (result.set_aside, result.quantity) == (WRONG, None)
    assert result.face == "1.6 mg/dL"


@pytest.mark.parametrize(
    "specimen",
    ["Blood", "Serum", "Plasma", "Serum or plasma", "Fluid: blood, venous", "Whole blood"],
)
def test_blood_serum_and_plasma_are_the_right_specimen(specimen: str) -> None:
    assert one(specimen={"display": specimen}).set_aside is None


def test_a_measurement_of_the_body_has_no_specimen_to_be_wrong() -> None:
    code = {**coded("29463-7"), "text": "Weight, fluid status adjusted"}
    assert one(value=quantity(70, "kg"), code=code).set_aside is None


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([{"low": quantity(1.8)}], "1.8"),
        ([{"low": {"value": 1.8, "unit": "mg/dl"}}], "1.8"),
        ([{"low": quantity(1.8), "type": {"coding": [{"code": "normal"}]}}], "1.8"),
        ([{"low": quantity(1.8)}, {"low": quantity(1.8)}], "1.8"),
        ([{"low": quantity(1.8)}, {"low": quantity(1.7)}], None),
        ([{"low": quantity(1.8), "type": {"coding": [{"code": "treatment"}]}}], None),
        ([{"low": quantity(1.8), "appliesTo": [{"text": "pregnant"}]}], None),
        ([{"low": {"value": 1.8}}], None),
        ([{"low": quantity(0.74, "mmol/L")}], None),
        ([{"low": quantity("1.8")}], None),
        ([{"low": quantity(1.8, comparator="<")}], None),
        ([{"high": quantity(2.4)}], None),
        ([{"text": "1.8-2.4"}], None),
        ({"low": quantity(1.8)}, None),
    ],
)
def test_the_lower_limit_is_taken_from_one_normal_range_in_the_same_unit(
    ranges: Any, expected: str | None
) -> None:
    result = one(referenceRange=ranges)
    assert result.set_aside is None
    low = result.reference_low.value if result.reference_low else None
    assert low == (Decimal(expected) if expected else None)


def test_a_pre_dialysis_code_marks_the_result() -> None:
    assert one("51618-7", quantity(5.1, "mmol/L")).pre_dialysis
    assert not one("2823-3", quantity(5.1, "mmol/L")).pre_dialysis


def test_one_unreadable_observation_is_named_and_never_silences_the_rest() -> None:
    listing, lines = read(observation(id="bad", issued=7), observation(id="good"))
    assert lines == ("Observation/bad: could not be read",)
    assert [(item.source, item.set_aside) for item in listing.items] == [
        ("Observation/bad", Reason.UNREADABLE),
        ("Observation/good", None),
    ]
    assert listing.items[0].effective == datetime(2026, 11, 21, 8, tzinfo=UTC)
    assert listing.gap == ""


@pytest.mark.parametrize(
    "members", [{"code": "magnesium"}, {"status": "entered-in-error", "issued": 7}]
)
def test_an_unreadable_observation_without_code_or_in_error_is_only_named(
    members: dict[str, Any],
) -> None:
    listing, lines = read(observation(**members))
    assert (listing.items, listing.gap, lines) == ((), "", ("Observation/o1: could not be read",))


def test_odd_status_and_time_of_an_unreadable_observation_do_not_hide_it() -> None:
    listing, _ = read(observation(status=["final"], effectiveDateTime=7))
    assert [(item.set_aside, item.effective) for item in listing.items] == [
        (Reason.UNREADABLE, None)
    ]


def test_the_gap_of_the_search_is_passed_on_and_broken_entries_are_named() -> None:
    listing, lines = read(observation(), gap="more pages of `observations` exist", broken=2)
    assert (listing.gap, listing.supplied) == ("more pages of `observations` exist", True)
    assert lines == ("observations: 2 without a readable resource",)


def test_a_key_that_was_not_supplied_stays_so() -> None:
    listing, _ = read(supplied=False, gap="`observations` was not supplied")
    assert (listing.supplied, listing.gap) == (False, "`observations` was not supplied")


def test_no_depth_of_nesting_ends_the_call() -> None:
    start = json.dumps(observation("2823-3", quantity(3.9, "mmol/L")))[:-1]
    usable, unreadable = 0, 0
    for depth in range(700, 1100):
        body = f'{start}, "note": {"[" * depth}"moly"{"]" * depth}}}'
        raw = RawResource("Observation", "o1", "", msgspec.Raw(body.encode()))
        listing, lines = read_labs(Supplied("observations", (raw,)), TERMS, NOW, "p1")
        usable += len(listing.items)
        unreadable += len(lines)
    assert usable + unreadable == 400
    assert unreadable > 0
