"""What stands beside the rules and goes into the book: changes, open questions, declined points."""

from __future__ import annotations

import re
from pathlib import Path

History = dict[str, tuple[tuple[str, str, str], ...]]
_RELEASE = re.compile(r"^## (\S+)", re.MULTILINE)
_ENTRY = re.compile(r"^\|\s*`([a-z][a-z0-9-]*)`\s*\|([^|]*)\|[^|]*\|(.*)\|\s*$", re.MULTILINE)
_WAS = re.compile(r"was `([a-z][a-z0-9-]*)`")
_POINT = re.compile(r"^- ([^:]+):", re.MULTILINE)


def history(changelog: Path) -> History | None:
    """Rule id -> (release, version of the rule, patients it touches), newest first.

    An entry that says ``was `old-name` `` takes over what is told of the old name. None where there
    is no changelog: an installed package does not carry it.
    """
    if not changelog.is_file():
        return None
    found: dict[str, list[tuple[str, str, str]]] = {}
    names: dict[str, str] = {}  # old name -> the present one
    parts = _RELEASE.split(changelog.read_text(encoding="utf-8"))
    for release, text in zip(parts[1::2], parts[2::2], strict=True):
        for rule, version, patients in _ENTRY.findall(text):
            now = names.get(rule, rule)
            for old in _WAS.findall(patients):
                names[old] = now
            told = _plain(patients)
            found.setdefault(now, []).append((release, version.strip(), told))
    return {rule: tuple(entries) for rule, entries in found.items()}


def _plain(text: str) -> str:
    """Without code marks, and with rules called as people would: by their name in words."""
    return re.sub(r"`([^`]*)`", lambda m: f"“{m.group(1).replace('-', ' ')}”", text).strip()


def declined(path: Path) -> tuple[str, ...]:
    """The points of `DECLINED.md`, each in half a sentence."""
    if not path.is_file():
        return ()
    points = _POINT.findall(path.read_text(encoding="utf-8"))
    return tuple(" ".join(point.split()).replace("`", "") for point in points)


def questions(path: Path) -> str:
    """`QUESTIONS.md` without its own title."""
    if not path.is_file():
        return ""
    text = path.read_text(encoding="utf-8")
    return re.sub(r"\A# .*\n", "", text).strip()
