"""YAML files as plain text trees.

Scalars stay text: a number never passes through float, `no` is never a boolean. Duplicate keys,
anchors, aliases, tags and several documents in one file are refused. The tree is built from the
events of libyaml, since a rule set is read at every start of a worker.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from yaml.events import (
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from cds.errors import Problem, RulebookError
from cds.rulebook.source import At, Source

MAX_DEPTH = 14
_NULLS = frozenset({"", "~", "null"})
_KEPT_FILES = 256  # a rule set has about fifty; a site reads the same ones again


class _Reader:
    """One document; `events` stands behind the event that is being read."""

    def __init__(self, file: str, events: Iterator[Event]) -> None:
        self.file = file
        self.events = events
        self.lines: dict[At, int] = {}
        self.problems: list[Problem] = []

    def value(self, event: Event, path: At) -> Any:
        line = _line(event)
        if path not in self.lines:
            self.lines[path] = line
        if len(path) > MAX_DEPTH:  # not one step further: a file may be nested without end
            self.report(line, "this is nested too deeply")
            raise RulebookError(tuple(self.problems))
        self._refuse(event, line)
        if isinstance(event, ScalarEvent):
            return None if _is_null(event) else event.value
        if isinstance(event, MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(path)
        return None  # an alias, refused above

    def _mapping(self, path: At) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self.events), MappingEndEvent):
            line = _line(event)
            key = self._key(event, path)
            if key in found:
                self.report(line, f"`{key}` stands here twice", "Keep one of the two.")
            at = (*path, key)
            self.lines[at] = line
            found[key] = self.value(next(self.events), at)
        return found

    def _key(self, event: Event, path: At) -> str:
        if isinstance(event, ScalarEvent):
            self._refuse(event, _line(event))
            return str(event.value)
        self.report(_line(event), "a key is a word, not a list or a mapping")
        self.value(event, (*path, "?"))
        return "?"

    def _sequence(self, path: At) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self.events), SequenceEndEvent):
            found.append(self.value(event, (*path, len(found))))
        return found

    def _refuse(self, event: Event, line: int) -> None:
        """Anchors, aliases and tags; nearly no event has one."""
        if getattr(event, "anchor", None) is not None:  # an alias has one too
            self.report(
                line,
                "anchors and aliases are not used in rule files",
                "Write the value out, or give it a name in `rules/shared`.",
            )
        elif getattr(event, "tag", None) is not None:
            self.report(line, "tags are not used in rule files", "Write the value without one.")

    def report(self, line: int, message: str, fix: str = "") -> None:
        """A finding at a line."""
        self.problems.append(Problem(self.file, line, message, fix))


def _line(event: Event) -> int:
    mark: Any = event.start_mark  # there is one in whatever was read from text
    return int(mark.line) + 1


def _is_null(event: ScalarEvent) -> bool:
    return event.value in _NULLS and bool(event.implicit[0])


def read_source(path: Path, shown: str) -> Source:
    """Read one file; `shown` is the name used in messages. Raises RulebookError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RulebookError(
            (Problem(shown, 1, f"the file cannot be read ({type(error).__name__})"),)
        ) from None
    return _parsed(text, shown)


@lru_cache(maxsize=_KEPT_FILES)
def _parsed(text: str, shown: str) -> Source:
    """Kept, because every site reads the same files; nobody changes what was read."""
    try:
        return _document(shown, iter(yaml.CSafeLoader(text).get_event, None))
    except yaml.MarkedYAMLError as error:
        last = max(1, len(text.splitlines()))  # the end of a file is no line of it
        line = min(error.problem_mark.line + 1, last) if error.problem_mark else 1
        raise RulebookError(
            (Problem(shown, line, f"not readable as YAML: {error.problem}"),)
        ) from None
    except yaml.YAMLError:
        raise RulebookError((Problem(shown, 1, "not readable as YAML"),)) from None


def _document(shown: str, events: Iterator[Event]) -> Source:
    next(events)  # the start of the stream
    reader = _Reader(shown, events)
    data = None
    if isinstance(next(events), DocumentStartEvent):
        data = reader.value(next(events), ())
        reader.lines.setdefault((), 1)
        next(events)  # the end of the document
        after = next(events)
        if isinstance(after, DocumentStartEvent):
            reader.report(_line(after), "another document begins here", "Keep one in a file.")
    if reader.problems:
        raise RulebookError(tuple(reader.problems))
    if not isinstance(data, dict):
        raise RulebookError((Problem(shown, 1, "the file is empty or not a mapping"),))
    return Source(shown, data, reader.lines)
