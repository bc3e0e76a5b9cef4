"""Local codes, names and products of a site, and whole rules that are silent or accepted there."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from rulefiles import RULE
from sitefiles import FILE, load, problems, site

from cds.chart.drugs import of_concept, of_texts
from cds.facts.terminology import Terminology
from cds.fhir.datatypes import CodeableConcept
from cds.fhir.datatypes import Coding as Received
from cds.kernel.codes import RXNORM, Coding
from cds.kernel.units import Analyte
from cds.rulebook.site.drugs import known_drugs

PLACE = "https://x.example/drugs"


def terms(tmp_path: Path, body: str) -> Terminology:
    return load(tmp_path, site(body)).terminology


def drug(tmp_path: Path, body: str, code: str = "1"):  # type: ignore[no-untyped-def]
    found = terms(tmp_path, body)
    concept = CodeableConcept((Received(PLACE, code, "as received"),))
    return of_concept(concept, found), found


def test_a_local_laboratory_code_means_its_analyte(tmp_path: Path) -> None:
    found = terms(
        tmp_path,
        '    lab_codes: {"urn:lab|MG": {analyte: magnesium, display: Mg, property: mass}}\n',
    )
    code = found.labs[Coding("urn:lab", "MG")]
    assert (code.analyte, code.display, code.property) == (Analyte.MAGNESIUM, "Mg", "mass")
    assert Coding("http://loinc.org", "19123-9") in found.labs


def test_a_local_drug_code_that_is_a_listed_product_has_its_strength_and_route(
    tmp_path: Path,
) -> None:
    found, _ = drug(
        tmp_path,
        f'    drug_codes: {{"{PLACE}|1": {{drug: magnesium sulfate, display: a bag, '
        'product: "829757"}}\n',
    )
    assert (found.product, found.parenteral, found.systemic) == ("829757", True, True)
    (substance,) = found.substances
    assert (substance.name, substance.by) == ("magnesium sulfate", "local")
    assert "mg-replacement-iv" in substance.roles


def test_a_local_product_of_its_own_strength_is_read_and_never_suggested(tmp_path: Path) -> None:
    found, known = drug(
        tmp_path,
        f'    drug_codes: {{"{PLACE}|1": {{drug: magnesium sulfate, display: a bag, '
        'form: parenteral, per_unit: 2 g, unit: "{bag}", millilitres: "50"}}\n',
    )
    product = known.products[found.product]
    assert (product.per_unit, product.unit, product.millilitres) == (Decimal(2), "{bag}", 50)
    assert product.analyte is Analyte.MAGNESIUM_SULFATE_DOSE
    assert not product.suggestable


def test_a_local_drug_code_without_a_strength_is_recognised(tmp_path: Path) -> None:
    found, _ = drug(
        tmp_path,
        f'    drug_codes: {{"{PLACE}|1": {{drug: furosemide, display: F 40, form: oral}}}}\n',
    )
    assert (found.identified, found.product, found.parenteral) == (True, None, False)
    assert "loop-diuretic" in found.substances[0].roles


def test_a_name_of_the_catalogue_is_recognised_as_whole_words(tmp_path: Path) -> None:
    known = terms(tmp_path, "    drug_names: {Kalinova-Infusion: potassium chloride}\n")
    for text in ("KALINOVA infusion 20 mmol", "kalinova-infusion"):
        (substance,) = of_texts((text,), known).substances
        assert (substance.name, substance.by) == ("potassium chloride", "text")
        assert "k-replacement" in substance.roles
    assert of_texts(("kalinova", "Kalinova infusionset"), known).substances == ()


def test_names_that_were_known_stay_known(tmp_path: Path) -> None:
    known = terms(tmp_path, "    drug_names: {Magnesium forte: magnesium oxide}\n")
    (substance,) = of_texts(("magnesium sulfate 2 g",), known).substances
    assert substance.name == "magnesium sulfate"


def test_without_the_drugs_of_the_rules_no_drug_is_known(tmp_path: Path) -> None:
    assert known_drugs(tmp_path) == {}


SULFATE = "drug: magnesium sulfate, display: x"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('lab_codes: {"MG": {analyte: magnesium, display: Mg}}', "`MG` is not a system and a code"),
        ('lab_codes: {"urn:lab|": {analyte: magnesium, display: Mg}}', "not a system and a code"),
        ('lab_codes: {"http://loinc.org|2601-3": {analyte: potassium, display: K}}',
         "the codes of `http://loinc.org` mean the same at every site."),
        ('lab_codes: {"urn:oid:2.16.840.1.113883.6.1|2601-3": {analyte: potassium, display: K}}',
         "mean the same at every site."),
        ('lab_codes: {"urn:lab|MG": {analyte: magnesia, display: Mg}}', "mean `magnesium`?"),
        ('lab_codes: {"urn:lab|MG": {analyte: magnesium, display: ""}}', "`display`"),
        ('lab_codes: {"urn:lab|MG": {analyte: magnesium}}', "`display` is missing here."),
        (f'drug_codes: {{"{RXNORM}|1": {{{SULFATE}}}}}', "mean the same at every site."),
        ('drug_codes: {"urn:d|1": {drug: magnesium sulfat, display: x}}',
         "`magnesium sulfat` is not a drug of `drugs.yaml`. Did you mean `magnesium sulfate`?"),
        (f'drug_codes: {{"urn:d|1": {{{SULFATE}, product: "829758"}}}}',
         "`829758` is not a product of `products.yaml`. Did you mean `829757`?"),
        (f'drug_codes: {{"urn:d|1": {{{SULFATE}, product: "198741"}}}}',
         "`198741` is magnesium oxide, which `magnesium sulfate` is not."),
        (f'drug_codes: {{"urn:d|1": {{{SULFATE}, product: "829757", per_unit: 1 g}}}}',
         "`product` has its strength in `products.yaml`: state none here."),
        (f'drug_codes: {{"urn:d|1": {{{SULFATE}, per_unit: 16 meq, unit: "{{bag}}"}}}}',
         "the strength of this product cannot be read."),
        (f'drug_codes: {{"urn:d|1": {{{SULFATE}, per_unit: 2 g, unit: bag}}}}', "cannot be read"),
        (f'drug_codes: {{"urn:d|1": {{{SULFATE}, per_unit: 0 g, unit: "{{bag}}"}}}}',
         "cannot be read"),
        (f'drug_codes: {{"urn:d|1": {{{SULFATE}, unit: "{{bag}}"}}}}', "cannot be read"),
        (f'drug_codes: {{"urn:d|1": {{{SULFATE}, per_unit: 2 g, unit: "{{bag}}", '
         'millilitres: fifty}}', "cannot be read"),
        ('drug_codes: {"urn:d|1": {drug: furosemide, display: x, per_unit: 40 mg, '
         'unit: "{tbl}"}}', "cannot be read"),
        ("drug_names: {K: potassium chloride}", "`K` is too short to be recognised as a name."),
        ("drug_names: {Kalinova: potasium chloride}", "Did you mean `potassium chloride`?"),
    ],
)  # fmt: skip
def test_a_code_that_cannot_be_used_is_refused_with_its_line(
    tmp_path: Path, body: str, words: str
) -> None:
    found = problems(tmp_path, site(f"    {body}\n"))
    assert any(words in item and item.startswith(f"{FILE}:7: ") for item in found), found


# --- whole rules ---------------------------------------------------------------------------------


def test_a_rule_can_be_silent_at_a_site(tmp_path: Path) -> None:
    book = load(tmp_path, site("    status: {test-rule: silent}\n"))
    assert [rule.status for rule in book.rules] == ["silent"]


def test_who_accepted_a_rule_stands_with_the_day(tmp_path: Path) -> None:
    book = load(tmp_path, site("    accepted: [test-rule]\n"))
    assert book.accepted == {"test-rule": "A. Person, 2026-11-01"}


BARE = RULE[: RULE.index("cases:")]


@pytest.mark.parametrize(
    ("body", "rule", "words"),
    [
        ("status: {test-rul: silent}", RULE, "`test-rul` is not a declared rule. Did you mean"),
        ("accepted: [test-rul]", RULE, "`test-rul` is not a declared rule. Did you mean"),
        ("status: {test-rule: silent}", RULE.replace("status: active", "status: silent"),
         "`test-rule` is silent; only an active rule can be made silent."),
        ("status: {test-rule: silent}", BARE.replace("status: active", "status: draft"),
         "`test-rule` is draft; only an active rule can be made silent."),
        ("accepted: [test-rule]", RULE.replace("by: pending", "by: B. Expert"),
         "`test-rule` was reviewed; there is nothing to accept."),
        ("accepted: [test-rule]", BARE.replace("status: active", "status: draft"),
         "`test-rule` is draft: not judged at all."),
        ("accepted: [test-rule, test-rule]", RULE, "`test-rule` is changed on line 7 already."),
    ],
)  # fmt: skip
def test_a_word_about_a_rule_that_has_no_effect_is_refused(
    tmp_path: Path, body: str, rule: str, words: str
) -> None:
    found = problems(tmp_path, site(f"    {body}\n"), rule=rule)
    assert any(words in item and item.startswith(f"{FILE}:7: ") for item in found), found
