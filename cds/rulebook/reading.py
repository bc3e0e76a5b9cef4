"""YAML 1.2 files as plain text trees.

Scalars stay text: a number never passes through float, `no` is never a boolean. Duplicate keys,
anchors, aliases and several documents in one file are refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cds.errors import Problem, RulebookError
from cds.rulebook.source import At, Source

MAX_DEPTH = 14


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[At, int] = {}
        self.problems: list[Problem] = []

    def plain(self, node: Node, path: At) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if len(path) > MAX_DEPTH:
            self.problems.append(Problem(self.file, line, "this is nested too deeply"))
            return None
        if node.anchor is not None:
            self.problems.append(
                Problem(
                    self.file,
                    line,
                    "anchors and aliases are not used in rule files",
                    "Write the value out, or give it a name in `rules/shared`.",
                )
            )
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.plain(item, (*path, i)) for i, item in enumerate(node.value)]
        return None if _is_null(node) else str(node.value)

    def _mapping(self, node: MappingNode, path: At) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in found:
                self.problems.append(
                    Problem(self.file, line, f"`{key}` stands here twice", "Keep one of the two.")
                )
                continue
            self.lines[(*path, key)] = line
            found[key] = self.plain(value_node, (*path, key))
        return found


def _is_null(node: Node) -> bool:
    plain = isinstance(node, ScalarNode) and node.style is None
    return plain and node.value in ("", "~", "null")


def read_source(path: Path, shown: str) -> Source:
    """Read one file; `shown` is the name used in messages. Raises RulebookError."""
    try:
        text = path.read_text(encoding="utf-8")
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RulebookError(
            (Problem(shown, line, f"not readable as YAML: {error.problem}"),)
        ) from None
    except (YAMLError, RecursionError):
        raise RulebookError((Problem(shown, 1, "not readable as YAML"),)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise RulebookError(
            (Problem(shown, 1, f"the file cannot be read ({type(error).__name__})"),)
        ) from None
    if not isinstance(node, MappingNode):
        raise RulebookError((Problem(shown, 1, "the file is empty or not a mapping"),))
    reader = _Reader(shown)
    data = reader.plain(node, ())
    if reader.problems:
        raise RulebookError(tuple(reader.problems))
    return Source(shown, data, reader.lines)
