"""The drug codes of the clinical pack, and the classes section 6 adds: every code with its role."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from cds.chart.drugs import of_concept
from cds.facts.terminology import DrugCode, Terminology
from cds.fhir.datatypes import CodeableConcept
from cds.fhir.datatypes import Coding as FhirCoding
from cds.kernel.codes import ATC, RXNORM, Coding
from cds.rulebook.codesets import load_terminology

# role -> codes, as the medication table and the detection table of the clinical pack list them
PACK_RXNORM = {
    "mg-replacement-iv": (
        "6585 829757 1658221 1658236 1658259 1658262 1658264 1658265 829734 1658244"
    ),
    "mg-replacement-oral": "198741 311430 6574",
    "mg-containing-laxative": "1053346",
    "mg-containing-antacid": "253017 314087",
    "mg-containing-bowel-prep": "1001689 1001690 1120068 1052760 2390767 2390768 2465554 2465556",
    "k-replacement": "8591 1801294 1801298 628953 198116 2693253 312504 204520",
    "k-concentrate": "204520",
    "calcium": "1668250",
    "calcium-binder": "1897 1722689 817958",
    "loop-diuretic": "4603 38413 1808 197417 197418 197419 1727569 1727572",
    "thiazide": "5487 2409 6916 5764 977883 198224 198225 198314 198316 258337 310812 310818",
    "ppi": "7646 283742 40790 17128 816346 114979",
    "aminoglycoside": "1596450 10627 641 10109",
    "platinum": "2555 40048 32592",
    "anti-egfr": "318341 263034 1723738",
    "calcineurin-inhibitor": "3008 42316",
    "digoxin": "3407 104208 197604 197606 204504 245273 393245",
    "qt-prolonging": ("703 9947 9068 8700 6813 5093 2556 321988 26225 18631 82122 139462 7994"),
    "mg-chelated": "82122 139462 2551 3640 10582 46041",
    "mra": "9997 104232 198222 198223 313096 198224 198225 351256 351257 2562816 2562824",
    "k-sparing": "10763 198312 198313 198314 258337 977880 977883",
    "amiloride": "977880 977883",
    "triamterene": "10763 198312 198313 198314 198316 258337 310812 310818",
    "acei": "29046 3827 35296",
    "arb": "52175 69749 214354 1656340 1656349 1656354",
    "arni": "1656328 1656340 1656349 1656354",
    "trimethoprim": "10829",
    "heparin": "5224",
    "mg-wasting": "7994",
    "neuromuscular-blocker": "10154",
    "additive-hypotension": "7417",
}
PACK_ATC = {
    "mg-replacement-iv": "B05XA05 A12CC02",
    "mg-replacement-oral": "A12CC10 A02AA02 A06AD02 A12CC01 A12CC03 A12CC06 A12CC",
    "mg-containing-laxative": "A06AD04",
    "mg-containing-antacid": "A02AA04 A02AA01 A06AD01",
    "mg-containing-bowel-prep": "A06AD19 A12CC04 B05CB03",
    "k-replacement": "A12BA01 B05XA01",
    "calcium": "A12AA03 A12AA07 B05XA07",
    "calcium-binder": "A12AA04 A02AC01 V03AE07",
    "loop-diuretic": "C03CA01 C03CA04 C03CA02 C03CC01",
    "thiazide": "C03AA03 C03BA04 C03BA08 C03BA11",
    "ppi": "A02BC01 A02BC05 A02BC02 A02BC03 A02BC06 A02BC04",
    "aminoglycoside": "J01GB03 J01GB01 J01GB06 J01GA01",
    "platinum": "L01XA01 L01XA02 L01XA03",
    "anti-egfr": "L01FE01 L01XC06 L01FE02 L01XC08 L01FE03 L01XC22",
    "calcineurin-inhibitor": "L04AD01 L04AD02",
    "digoxin": "C01AA05",
    "qt-prolonging": (
        "C01BD01 C07AA07 C01BA01 C01BA02 N07BC02 N05AD01 N06AB04 N06AB10 A04AA01 J01FA10 J01MA12"
        " J01MA14 C01BD04 C01BD05 P01CX01"
    ),
    "mg-chelated": "J01MA12 J01MA14 J01MA02 J01AA02 H03AA01 M05BA04",
    "mra": "C03DA01 C03DA04 C03DA05",
    "k-sparing": "C03DB02 C03DB01",
    "acei": "C09AA03 C09AA02 C09AA05",
    "arb": "C09CA01 C09CA03 C09CA06",
    "arni": "C09DX04",
    "trimethoprim": "J01EA01",
    "mg-wasting": "P01CX01 J05AD01",
    "neuromuscular-blocker": "M03AB01 M03AC09 M03AC03 M03AC11",
    "additive-hypotension": "C08CA05",
    "amphotericin": "J02AA01",
    "ca-lowering": "M05BA08 M05BX04 M05BA03 J05AD01",
}
NOT_SYSTEMIC = "1945074 801442 801445 1314763 1374569 1374570 1661466 1661559 348719 376884 406106"
# role -> codes and classes beyond the pack's table (sources: `beyond_pack` in drugs.yaml)
BEYOND_RXNORM = {
    "nsaid": "5640 7258 3355 5781 41493 140587",
    "opioid": "7052 3423 7804 5489 4337 2670 10689 6754 787390 6813",
    "cns-depressant": "6470 6960 3322 596 2598 10355 8134 8782 39993 6130 10767",
    "qt-prolonging": "2551 2393 2403 21212 4053 4450 5521 6135 8331 10502",
    "neuromuscular-blocker": "68139",
    "heparin": "67108",
    "trimethoprim": "10831",
    "acei": "310796 857166 1299859",
    "arb": "283316 351292 1235144",
}
BEYOND_ATC = {
    "nsaid": "M01AE01 M01AB05 M01AH01 M01AC06 M01AG01",
    "opioid": "N02AA01 N02AB03 N02AE01 N02AX02 N01AH01 N01AH06 R05DA04 N07BC01 N07BC51 N07BC02",
    "cns-depressant": "N05BA06 N05CD08 N05CF02 N05CM18 N05BB01 N01AX10 N01AF03 N03AA02 N01AB08",
    "neuromuscular-blocker": "M03AC01 M03AC04 M03AC10 M03AA02",
    "heparin": "B01AB B01AB05 B01AB04",
    "acei": "C09AA06 C09BA03 C09BB04",
    "arb": "C09CA07 C09DA01 C09DB01",
    "calcineurin-inhibitor": "L04AD03",
    "trimethoprim": "J01EE01",
    "qt-prolonging": "J01MA02 J01FA01 J01FA09 J02AC01 P01BA02 N05AA01 N05AD08 N01AX01 L01XX27",
    "tpn": "B05BA10 B05BA01",
    "k-sparing": "C03EA01 C03EB01",
}


def rows(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(role, code) for role, codes in table.items() for code in codes.split()]


@cache
def terms() -> Terminology:
    return load_terminology(Path(__file__).parents[2] / "rules" / "code_sets")


def drug(code: str) -> DrugCode:
    return terms().drugs[Coding(RXNORM, code)]


def roles(system: str, code: str) -> set[str]:
    """The roles of an order that carries this code; a class is found by its members."""
    concept = CodeableConcept(coding=(FhirCoding(system=system, code=code),))
    found = of_concept(concept, terms())
    return {role for item in found.substances for role in item.roles} if found.systemic else set()


@pytest.mark.parametrize(("role", "code"), rows(PACK_RXNORM))
def test_an_rxnorm_code_of_the_pack_has_its_role(role: str, code: str) -> None:
    assert role in drug(code).roles
    assert drug(code).systemic


@pytest.mark.parametrize(("role", "code"), rows(PACK_ATC))
def test_an_atc_code_of_the_pack_has_its_role(role: str, code: str) -> None:
    assert role in roles(ATC, code)


@pytest.mark.parametrize(("role", "code"), rows(BEYOND_RXNORM))
def test_an_rxnorm_code_beyond_the_pack_has_its_role(role: str, code: str) -> None:
    assert role in drug(code).roles


@pytest.mark.parametrize(("role", "code"), rows(BEYOND_ATC))
def test_an_atc_code_beyond_the_pack_has_its_role(role: str, code: str) -> None:
    assert role in roles(ATC, code)


@pytest.mark.parametrize(
    ("system", "code", "role"),
    [
        (RXNORM, "1945074", "mg-replacement-iv"),  # topical ointment
        (RXNORM, "801442", "mg-replacement-iv"),  # irrigation
        (RXNORM, "801442", "k-replacement"),
        (RXNORM, "1053346", "mg-replacement-iv"),  # granules to drink
        (RXNORM, "1087399", "mg-replacement-oral"),  # a trace in vitamins
        (RXNORM, "1293413", "mg-replacement-oral"),
        (RXNORM, "979480", "k-replacement"),  # losartan potassium
        (RXNORM, "2465554", "k-replacement"),  # a bowel preparation is a source only
        (RXNORM, "348719", "aminoglycoside"),  # inhaled
        (RXNORM, "376884", "qt-prolonging"),  # eye drops
        (RXNORM, "406106", "qt-prolonging"),
        (RXNORM, "1191", "nsaid"),  # aspirin
        (RXNORM, "817958", "nsaid"),
        (ATC, "B01AC06", "nsaid"),
        (ATC, "N02BA01", "nsaid"),
        (ATC, "M02AA15", "nsaid"),
        (ATC, "S01BC03", "nsaid"),
        (ATC, "D11AH01", "calcineurin-inhibitor"),
        (ATC, "S01XA18", "calcineurin-inhibitor"),
        (ATC, "S01AA11", "aminoglycoside"),
        (ATC, "D06AX07", "aminoglycoside"),
        (ATC, "D10AF02", "qt-prolonging"),
        (ATC, "S01AA17", "qt-prolonging"),
        (ATC, "D01AC15", "qt-prolonging"),
        (ATC, "D11AX05", "mg-replacement-iv"),
        (ATC, "A06AD04", "mg-replacement-iv"),
        (ATC, "B01AB02", "heparin"),  # antithrombin
        (ATC, "B01AX05", "heparin"),  # fondaparinux
        (ATC, "C05BA03", "heparin"),
        (ATC, "V03AB15", "opioid"),  # naloxone
        (ATC, "N07BB04", "opioid"),
        (ATC, "M03BX01", "neuromuscular-blocker"),  # baclofen
        (ATC, "M03CA01", "neuromuscular-blocker"),
    ],
)
def test_a_code_that_must_not_match_has_no_such_role(system: str, code: str, role: str) -> None:
    assert role not in roles(system, code)


def test_only_the_concentrate_is_a_concentrate() -> None:
    """The bare ingredient is on every potassium order, tablets too."""
    found = {c.code for c, known in terms().drugs.items() if "k-concentrate" in known.roles}
    assert found == {"204520"}


def test_aspirin_is_in_no_nsaid_however_it_is_written() -> None:
    nsaids = [known for known in terms().drugs.values() if "nsaid" in known.roles]
    assert nsaids
    assert not any("aspirin" in known.ingredients for known in nsaids)
    assert not any("aspirin" in known.display.lower() for known in nsaids)


def test_a_combination_keeps_the_roles_of_each_ingredient_apart() -> None:
    assert dict(drug("977883").parts) == {
        "amiloride": frozenset({"k-sparing", "amiloride"}),
        "hydrochlorothiazide": frozenset({"thiazide"}),
    }


@pytest.mark.parametrize(("word", "role"), [("pril ", "acei"), ("sartan ", "arb")])
def test_a_combination_tablet_carries_the_role_of_every_ingredient(word: str, role: str) -> None:
    """`moexipril / hydrochlorothiazide` is no mere thiazide: it retains potassium."""
    named = [k for k in terms().drugs.values() if word in f"{k.display.lower()} " and k.display]
    assert len(named) > 50
    assert [known.display for known in named if role not in known.roles] == []


def test_what_is_not_systemic_is_known_and_counts_as_no_exposure() -> None:
    found = {c.code for c, known in terms().drugs.items() if not known.systemic}
    assert found == set(NOT_SYSTEMIC.split())


def test_a_vitamin_with_a_trace_of_magnesium_is_known_and_no_magnesium_product() -> None:
    assert drug("1087399").ingredients == ("multivitamin",)
    assert drug("1087399").roles == frozenset()
