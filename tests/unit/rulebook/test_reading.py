"""YAML files are read as plain text with their lines; whatever could mean two things is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cds.errors import RulebookError
from cds.rulebook.load import load_rulebook
from cds.rulebook.reading import MAX_DEPTH, read_source
from cds.rulebook.source import Source


def read(directory: Path, text: str | bytes) -> Source:
    path = directory / "a.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_source(path, "rules/a.yaml")


def refused(directory: Path, text: str | bytes) -> list[str]:
    with pytest.raises(RulebookError) as caught:
        read(directory, text)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("1.70", "1.70"),  # the last digit is kept: 1.70 is not 1.7
        ("no", "no"),
        ("true", "true"),
        ("2026-01-01", "2026-01-01"),
        ("0x10", "0x10"),
        ("1e3", "1e3"),
        ('"null"', "null"),
        ("'~'", "~"),
        ('""', ""),
        ("null", None),
        ("~", None),
        ("", None),
        ("[1, no, ~]", ["1", "no", None]),
        ("{b: 1.0}", {"b": "1.0"}),
    ],
)
def test_a_scalar_stays_the_text_that_was_written(
    tmp_path: Path, written: str, read_as: Any
) -> None:
    assert read(tmp_path, f"a: {written}\n").data == {"a": read_as}


def test_every_path_knows_its_line_and_an_unknown_one_the_line_of_its_parent(
    tmp_path: Path,
) -> None:
    source = read(tmp_path, "a:\n  b:\n    - x\n    - y\nc: z\n")
    lines = {path: source.where(*path).line for path in [("a",), ("a", "b"), ("a", "b", 1), ("c",)]}
    assert lines == {("a",): 1, ("a", "b"): 2, ("a", "b", 1): 4, ("c",): 5}
    assert source.where("a", "b", 7, "deeper").line == 2
    assert source.where("nowhere").line == 1
    assert str(source.problem(("c",), "wrong.", "Mend it.")) == "rules/a.yaml:5: wrong. Mend it."


@pytest.mark.parametrize("text", ["", "\n# only a comment\n", "- a\n- b\n", "just words\n", "~\n"])
def test_a_file_without_members_is_refused(tmp_path: Path, text: str) -> None:
    assert refused(tmp_path, text) == ["rules/a.yaml:1: the file is empty or not a mapping"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "rules/a.yaml:1: not readable as YAML: "),
        ("a: 1\n b: 2\n", "rules/a.yaml:2: not readable as YAML: "),
        ("a: 1\n---\nb: 2\n", "rules/a.yaml:2: another document begins here Keep one in a file."),
        ("a: *nobody\n", "rules/a.yaml:1: anchors and aliases are not used in rule files"),
        ("a: !!int 1\n", "rules/a.yaml:1: tags are not used in rule files"),
        ("a: 1\n? [b]\n: 2\n", "rules/a.yaml:2: a key is a word, not a list or a mapping"),
        ("a: 1\nb: 2\na: 3\n", "rules/a.yaml:3: `a` stands here twice Keep one of the two."),
        ("a: &x 1\n", "rules/a.yaml:1: anchors and aliases are not used in rule files"),
        (b"a: \xff\n", "rules/a.yaml:1: the file cannot be read (UnicodeDecodeError)"),
    ],
)
def test_what_could_mean_two_things_or_nothing_is_refused_with_its_line(
    tmp_path: Path, text: str | bytes, said: str
) -> None:
    assert any(line.startswith(said) for line in refused(tmp_path, text))


def test_a_file_that_cannot_be_opened_is_named_without_its_place(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    for path, kind in (("folder.yaml", "IsADirectoryError"), ("gone.yaml", "FileNotFoundError")):
        with pytest.raises(RulebookError) as caught:
            read_source(tmp_path / path, f"rules/{path}")
        (problem,) = caught.value.problems
        assert str(problem) == f"rules/{path}:1: the file cannot be read ({kind})"
        assert str(tmp_path) not in str(problem)


def test_nesting_that_nobody_can_follow_is_refused(tmp_path: Path) -> None:
    def nested(depth: int) -> str:
        return "a: " + "[" * depth + "]" * depth + "\n"

    assert read(tmp_path, nested(MAX_DEPTH)).data["a"] != []
    assert refused(tmp_path, nested(MAX_DEPTH + 1)) == ["rules/a.yaml:1: this is nested too deeply"]


def test_all_faults_of_one_file_are_listed(tmp_path: Path) -> None:
    found = refused(tmp_path, "a: &x 1\nb: {c: 1, c: 2}\nd: &y 2\n")
    assert [line.split(":")[1] for line in found] == ["1", "2", "3"]


def test_a_file_read_again_is_read_from_what_is_written_now(tmp_path: Path) -> None:
    assert read(tmp_path, "a: 1\n").data == {"a": "1"}
    assert read(tmp_path, "a: 2\n").data == {"a": "2"}


def test_loading_a_rule_set_changes_nothing_of_what_was_read() -> None:
    rules = Path(__file__).parents[3] / "rules"
    load_rulebook(rules, "example")
    for path in sorted(rules.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        kept = read_source(path, f"rules/{path.name}").data
        assert kept == yaml.load(text, Loader=yaml.BaseLoader), path.name
