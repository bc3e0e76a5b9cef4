"""The sections on site files and sources are complete, and their examples load and hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import LANGUAGE, ROOT, blocks, mentioned
from pydantic import BaseModel
from test_rule_language import examples, keys, merged, plain, write

from cds.check import check
from cds.rulebook import traceability
from cds.rulebook.schema import Strict
from cds.rulebook.site import file as site_file
from cds.rulebook.traceability import LINES

REAL = ROOT / "rules"


def models() -> Iterator[type[BaseModel]]:
    """Every shape a site file or a source document may have."""
    for module in (site_file, traceability):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Strict) and value is not Strict:
                yield value


def words() -> list[str]:
    return sorted({name for model in models() for name in model.model_fields})


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The example of a site file and of a source document."""
    folder = tmp_path_factory.mktemp("examples")
    return {
        kind: plain(text, folder)
        for kind in ("site", "source")
        for text in (block.text for block in blocks(LANGUAGE, f"yaml {kind}"))
    }


@pytest.fixture
def rules(shown: dict[str, Any], tmp_path: Path) -> Path:
    """The examples of the page as one rules directory, with the real codes and orders."""
    data, target = examples(tmp_path), tmp_path / "rules"
    for folder in ("shared", "sites/north", "sources"):
        (target / folder).mkdir(parents=True)
    for folder in ("code_sets", "orders"):
        (target / folder).symlink_to(REAL / folder)
    write(target / "shared" / "example.yaml", merged(data["shared"]))
    write(target / "rule.yaml", data["rule"][0])
    write(target / "order-rule.yaml", data["order rule"][0])
    write(target / "sites" / "north.yaml", shown["site"])
    tablet = (REAL / "orders" / "magnesium-oxide-tablet.json").read_text(encoding="utf-8")
    (target / "sites" / "north" / "tablet.json").write_text(tablet, encoding="utf-8")
    write(target / "sources" / "example.yaml", shown["source"])
    return target


def test_the_examples_load_and_every_case_holds_or_is_named(rules: Path) -> None:
    # an example of a rule has a handful of cases, not one for each answer of each clause
    assert [line for line in check(rules).findings if ": no case shows" not in line] == []


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("sites/north.yaml", '["low"]', '["normal"]', "case `low` of severe-magnesium-example"),
        ("sites/north.yaml", '"6 g"', '"9 g"', "`mg_daily_limit` may not be raised here"),
        ("sources/example.yaml", '"X1"', '"X9"', "`X9` is not among the rows"),
    ],
)
def test_an_example_that_does_not_hold_would_be_noticed(
    rules: Path, file: str, old: str, new: str, words: str
) -> None:
    path = rules / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert any(words in line for line in check(rules).findings)


def test_there_are_words_to_look_for() -> None:
    assert {"reference_ranges", "changes_cases", "millilitres", "declined", "verdict"} <= set(
        words()
    )


@pytest.mark.parametrize("word", words())
def test_every_word_is_explained_and_shown(word: str, shown: dict[str, Any]) -> None:
    assert mentioned(LANGUAGE, word)
    exempt = {"lines"}  # a line needs its row, and the example has rows of its own
    assert word in set(keys(list(shown.values()))) | exempt


@pytest.mark.parametrize("line", sorted(LINES))
def test_every_line_is_named(line: str) -> None:
    assert mentioned(LANGUAGE, line)


def test_the_page_says_what_the_open_citation_is() -> None:
    assert mentioned(LANGUAGE, "open")
