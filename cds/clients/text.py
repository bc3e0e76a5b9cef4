"""The trust file as plain text: a YAML tree that remembers its lines.

Scalars stay text. Duplicate keys, anchors, aliases, tags and a second document are refused, so that
what a reader sees is what is trusted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml

from cds.errors import SettingsError

At = tuple[str | int, ...]

_LARGEST = 1024 * 1024
_DEEPEST = 8


@dataclass(slots=True)
class Text:
    """What one file holds. `lines` says where each place of the tree stands."""

    file: str
    data: Any = None
    lines: dict[At, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def report(self, path: At, message: str) -> None:
        """A finding at a place of the tree, or at the nearest one above it that stands there."""
        while path and path not in self.lines:
            path = path[:-1]
        self.report_line(self.lines.get(path, 1), message)

    def report_line(self, line: int, message: str) -> None:
        """A finding at a line."""
        self.problems.append(f"CDS_TRUST {self.file}:{line}: {message}")

    def refuse(self) -> None:
        """Raises SettingsError with every finding so far, if there is one."""
        if self.problems:
            raise SettingsError("\n".join(self.problems))


def read_text(path: Path) -> Text:
    """The tree of a file. Raises SettingsError."""
    found = Text(path.name)
    try:
        content = path.read_bytes()
        text = content.decode("utf-8") if len(content) <= _LARGEST else None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"CDS_TRUST {path.name}: the file cannot be read ({type(error).__name__}); "
            "give a file in UTF-8 that the service may read"
        ) from None
    if text is None:
        raise SettingsError(f"CDS_TRUST {path.name}: the file is larger than 1 MiB; shorten it")
    _parse(text, found)
    return found


def _parse(text: str, found: Text) -> None:
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            _refuse(event, depth, found)
        found.refuse()
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        found.report_line(line, "this is not readable as one YAML document; check indentation")
    except yaml.YAMLError:
        found.report_line(1, "this is not readable as YAML; give plain text")
    found.refuse()
    found.data = {} if node is None else _value(node, (), found)
    found.refuse()


def _refuse(event: yaml.Event, depth: int, found: Text) -> None:
    line = cast(yaml.Mark, event.start_mark).line + 1
    if depth > _DEEPEST:
        found.report_line(line, "this is nested too deeply; see docs/TRUST.md")
        found.refuse()  # not one step further
    if getattr(event, "anchor", None) is not None:  # an alias has one too
        found.report_line(line, "anchors and aliases are not used here; write the value out")
    elif not isinstance(event, yaml.DocumentStartEvent) and getattr(event, "tag", None) is not None:
        found.report_line(line, "tags are not used here; write the value without one")
    elif isinstance(event, yaml.DocumentStartEvent) and event.tags:
        found.report_line(line, "tags are not used here; leave the directive out")


def _value(node: yaml.Node, path: At, found: Text) -> Any:
    found.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, found)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, i), found) for i, item in enumerate(node.value)]
    return None if node.tag == "tag:yaml.org,2002:null" else node.value


def _mapping(node: yaml.MappingNode, path: At, found: Text) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            found.report_line(line, "a key is a word, not a list or a mapping; write a word")
            continue
        if key.value in tree:
            found.report_line(line, f"`{key.value}` stands here twice; keep one of the two")
        found.lines[(*path, key.value)] = line
        tree[key.value] = _value(value, (*path, key.value), found)
    return tree
