"""Two independent readings of the rules, and their translation for proofs, say the same.

`CDS_NIGHTLY=100000` in the environment asks for that many rule x patient pairs.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import pytest
from differences import Comparison
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from made_rules import make
from patients import asked_first, patient, pools
from sides import Answer, Given, Rules, engine, naive, read_rules, said, translation
from vocabulary import RULES

from cds.given import in_words
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Case, Rule
from cds.trial import run_case
from cds.trial.given import unknown

NIGHTLY = int(os.environ.get("CDS_NIGHTLY", "0"))
PAIRS = (NIGHTLY or 2800) // 2  # for the real rules, and as many for random ones
TRANSLATED = 10  # the translation is slow: it is asked about every tenth pair
RULES_OF_A_PATIENT, MADE_RULES, MADE_PATIENTS = 4, 8, 20
EVALUATORS = {"naive": naive, "engine": engine}
ALL_EVALUATORS = {**EVALUATORS, "translation": translation}
ENOUGH = {"fires", "silent", "cannot-tell", "withheld", "dose offered", "test or edit offered"}


@pytest.fixture(scope="module")
def real() -> Rules:
    return read_rules(RULES, load_rulebook(RULES))


def run_seeds(examples: int, trial: Callable[[Random], None]) -> None:
    """Hypothesis deals the seeds: always the same ones, new ones every night. A patient that shows
    a difference is made small by `Comparison`, because a smaller seed is no smaller patient."""

    @given(st.integers(0, 2**64 - 1))
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=not NIGHTLY,
        phases=[Phase.explicit, Phase.generate],
    )
    def seeded(seed: int) -> None:
        trial(Random(seed))

    seeded()


class Compared:
    """Every pair with both evaluators, every tenth with the translation as well."""

    def __init__(self, name: str) -> None:
        self.two = Comparison(name, EVALUATORS)
        self.three = Comparison(f"{name}, with the translation", ALL_EVALUATORS)

    def __call__(self, random: Random, rules: Rules, rule_id: str, given: Given) -> None:
        chosen = self.three if random.randrange(TRANSLATED) == 0 else self.two
        chosen.compare(rules, rule_id, given)


def answered(answer: Answer, *_: object) -> Answer:
    return answer


def about(case: Case, rule: Rule) -> bool:
    return case.role is None or rule.for_each is None or case.role in rule.for_each.roles


def test_the_naive_evaluator_is_short_enough_to_read_aloud() -> None:
    for name, most in (("naive.py", 100), ("states.py", 130)):
        assert len((Path(__file__).parent / name).read_text().splitlines()) <= most


def test_the_naive_evaluator_uses_nothing_of_the_engine() -> None:
    for name in ("naive.py", "states.py"):
        tree = ast.parse((Path(__file__).parent / name).read_text())
        froms = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert {name for name in froms if name and name.startswith("cds")} == {"cds.kernel.units"}
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
        assert not [alias.name for node in imports for alias in node.names if "cds" in alias.name]


def test_every_case_of_every_rule_gets_the_answer_of_the_engine(real: Rules) -> None:
    for rule in real.book.rules:
        for case in (case for case in rule.cases if about(case, rule)):
            decision = run_case(real.book, rule, case).decision
            assert decision is not None
            run = partial(answered, said(decision))
            told = Comparison("cases of the rules", {"engine, run as a case": run, **EVALUATORS})
            rest = unknown(real.book) if case.otherwise else {}
            others = {name: in_words(fact.state) for name, fact in rest.items()}
            told.compare(real, rule.id, {**others, **case.given})


def test_random_patients_get_one_answer_from_the_real_rules(real: Rules) -> None:
    compared, pool, likely = Compared("real rules"), pools(real), asked_first(real)
    cases = [(rule, case) for rule in real.book.rules for case in rule.cases]

    def trial(random: Random) -> None:
        rule, case = random.choice(cases)
        near = dict(case.given) if random.random() < 0.8 else {}
        given = patient(random, pool, likely, near)
        others = random.sample(real.book.rules, RULES_OF_A_PATIENT - 1)
        for item in (rule, *others):
            compared(random, real, item.id, given)

    run_seeds(PAIRS // RULES_OF_A_PATIENT, trial)
    assert set(compared.two.seen) >= ENOUGH


def test_random_rules_give_random_patients_one_answer() -> None:
    compared = Compared("random rules")

    def trial(random: Random) -> None:
        rules = make(random.getrandbits(64), MADE_RULES)
        pool, likely = pools(rules), asked_first(rules)
        for _ in range(MADE_PATIENTS):
            given = patient(random, pool, likely, {})
            for rule_id in rules.rules:
                compared(random, rules, rule_id, given)

    run_seeds(PAIRS // (MADE_RULES * MADE_PATIENTS) + 1, trial)
    assert set(compared.two.seen) >= ENOUGH
