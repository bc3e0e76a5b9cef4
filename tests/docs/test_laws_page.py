"""The page on laws is complete, and its examples load and are proved on the real rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import ROOT, blocks
from pydantic import BaseModel

from cds.prove.prover import Prover, Standing
from cds.rulebook import lawschema
from cds.rulebook.laws import load_laws
from cds.rulebook.load import load_rulebook
from cds.rulebook.model.laws import LawBook
from cds.rulebook.schema import Strict

PAGE = (ROOT / "docs" / "LAWS.md").read_text(encoding="utf-8")


def words() -> Iterator[str]:
    for value in vars(lawschema).values():
        own = isinstance(value, type) and issubclass(value, BaseModel) and value is not Strict
        if own and value.__module__ == lawschema.__name__:
            for name, field in value.model_fields.items():
                yield field.alias or name


@pytest.fixture(scope="module")
def laws(tmp_path_factory: pytest.TempPathFactory) -> LawBook:
    folder: Path = tmp_path_factory.mktemp("laws")
    (example,) = blocks(PAGE, "yaml laws")
    (folder / "laws.yaml").write_text(example.text, encoding="utf-8")
    return load_laws(folder, load_rulebook(ROOT / "rules"))


@pytest.mark.parametrize("word", sorted(set(words())))
def test_every_word_of_a_law_is_explained_and_shown(word: str) -> None:
    (example,) = blocks(PAGE, "yaml laws")
    assert f"{word}:" in example.text
    assert f"`{word}`" in PAGE.replace(example.text, "")


@pytest.mark.parametrize("standing", Standing)
def test_every_word_of_the_prover_is_explained(standing: Standing) -> None:
    assert f"| {standing.value} |" in PAGE


def test_the_laws_of_the_page_hold_for_the_real_rules(laws: LawBook) -> None:
    found = {proof.law.name: proof.standing for proof in Prover(laws).prove()}
    assert found.pop("no-potassium") is Standing.VACUOUS
    assert found
    assert set(found.values()) == {Standing.PROVED}
