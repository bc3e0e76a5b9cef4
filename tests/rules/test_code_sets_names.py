"""Drug names as hospitals write them: recognised as the last resort, and false friends left alone.

A code settles a drug; these are orders that carry none.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from cds.chart.drugs import BY_NAME, of_texts
from cds.facts.terminology import Terminology
from cds.rulebook.codesets import load_terminology
from cds.rulebook.reading import read_source

RULES = Path(__file__).parents[2] / "rules" / "code_sets"


@cache
def terms() -> Terminology:
    return load_terminology(RULES)


def roles(name: str) -> set[str]:
    return {role for item in of_texts((name,), terms()).substances for role in item.roles}


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Amino Acids 4.25%-Dextrose 5%", "tpn"),
        ("Clinimix E 5/15", "tpn"),
        ("CLINIMIX 4.25/10", "tpn"),
        ("Travasol 10 %", "tpn"),
        ("Fat Emulsion 20% / amino acids", "tpn"),
        ("Phosphorus", "k-containing"),
        ("K-Phos Neutral", "k-containing"),
        ("Phospha 250 Neutral", "k-containing"),
        ("Neutra-Phos", "k-replacement"),
        ("Potassium Phosphate", "k-replacement"),
        ("Potassium Chloride (Powder)", "k-replacement"),
        ("Magnesium Sulfate 2 g in 50 mL", "mg-replacement-iv"),
        ("Magnesium Oxide", "mg-replacement-oral"),
        ("Milk of Magnesia", "mg-containing-antacid"),
        ("Digox 125 mcg", "digoxin"),
        ("Fluconazole", "qt-prolonging"),
        ("Erythromycin Lactobionate", "qt-prolonging"),
        ("Clarithromycin 500 mg tablet", "qt-prolonging"),
        ("Azithromycin", "qt-prolonging"),
        ("LevoFLOXacin", "qt-prolonging"),
        ("Ciprofloxacin IV", "qt-prolonging"),
        ("Moxifloxacin", "qt-prolonging"),
        ("Haloperidol", "qt-prolonging"),
        ("Ondansetron ODT", "qt-prolonging"),
        ("Methadone", "qt-prolonging"),
        ("Citalopram", "qt-prolonging"),
        ("Escitalopram Oxalate", "qt-prolonging"),
        ("Amiodarone", "qt-prolonging"),
        ("Sotalol", "qt-prolonging"),
        ("Dofetilide", "qt-prolonging"),
        ("Hydroxychloroquine Sulfate", "qt-prolonging"),
        ("Methadone", "opioid"),
        ("HYDROmorphone (Dilaudid)", "opioid"),
        ("Fentanyl Citrate", "opioid"),
        ("Oxycodone-Acetaminophen", "opioid"),
        ("TraMADol (Ultram)", "opioid"),
        ("Lorazepam", "cns-depressant"),
        ("Propofol", "cns-depressant"),
        ("Dexmedetomidine", "cns-depressant"),
        ("Ketamine", "cns-depressant"),
        ("Zolpidem Tartrate", "cns-depressant"),
        ("Cisatracurium Besylate", "neuromuscular-blocker"),
        ("Rocuronium", "neuromuscular-blocker"),
        ("Atracurium", "neuromuscular-blocker"),
        ("Ketorolac", "nsaid"),
        ("Ibuprofen Suspension", "nsaid"),
        ("Enoxaparin Sodium", "heparin"),
        ("Sulfameth/Trimethoprim DS", "trimethoprim"),
        ("Quinapril", "acei"),
        ("Telmisartan", "arb"),
        ("Entresto", "arni"),
        ("Eplerenone", "mra"),
        ("Finerenone", "mra"),
        ("Tacrolimus", "calcineurin-inhibitor"),
    ],
)
def test_a_name_a_hospital_writes_has_its_role(name: str, role: str) -> None:
    assert role in roles(name)
    assert BY_NAME in of_texts((name,), terms()).flags


@pytest.mark.parametrize(
    "name",
    [
        "magnesium stearate",
        "penicillin G potassium 20 million units",
        "Penicillin V Potassium",
        "potassium iodide",
        "sodium polystyrene sulfonate",
        "Antithrombin III",
        "heparin flush (10 units/ml)",
        "Fondaparinux",
        "Naloxone",
        "Methylnaltrexone",
        "Baclofen",
        "Cyclobenzaprine",
        "Aspirin 81 mg",
        "choline magnesium trisalicylate",
        "Digoxin Immune Fab",
        "erythromycin 0.5% ophthalmic ointment",
        "gentamicin 0.3% eye drops",
        "tacrolimus 0.1% ointment",
        "cyclosporine 0.05% ophthalmic emulsion",
        "diclofenac 1% gel",
        "ketoconazole 2% cream",
        "Quetiapine Fumarate",
        "Ziprasidone Hydrochloride",
        "Voriconazole",
        "Dextrose 50%",
        "Lactated Ringers",
        "Sodium Chloride 0.9%",
        "Glucose tablets",
    ],
)
def test_a_false_friend_has_no_role_at_all(name: str) -> None:
    assert roles(name) == set()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("losartan potassium 50 mg", {"arb"}),
        ("diclofenac potassium 50 mg", {"nsaid"}),
        ("esomeprazole magnesium 40 mg", {"ppi"}),
        ("amoxicillin-clavulanate potassium", set()),
        ("raltegravir potassium", set()),
        ("K-Phos Neutral", {"k-containing"}),
        ("Olmesartan Medoxomil-Hydrochlorothiazide", {"arb", "thiazide"}),
        ("Lisinopril / Hydrochlorothiazide", {"acei", "thiazide"}),
    ],
)
def test_a_counter_ion_adds_no_role_and_a_combination_has_each_of_its_own(
    name: str, expected: set[str]
) -> None:
    assert roles(name) == expected


@pytest.mark.parametrize(
    "name", ["xfentanyl", "digoxinase", "ketaminex", "prophenytoin propofolate"]
)
def test_a_name_is_never_found_inside_another_word(name: str) -> None:
    assert roles(name) == set()


def phrases() -> list[tuple[str, set[str]]]:
    drugs = read_source(RULES / "drugs.yaml", "drugs.yaml").data["drugs"].values()
    return [
        (phrase.strip(), set(drug.get("roles", "").split()))
        for drug in drugs
        for phrase in drug.get("words", "").split(";")
        if phrase.strip()
    ]


def test_every_phrase_of_the_code_set_finds_its_own_drug() -> None:
    """A decoy that swallowed the name itself would leave the drug unrecognised for ever."""
    assert len(phrases()) > 400
    assert [phrase for phrase, meant in phrases() if not meant <= roles(phrase)] == []
