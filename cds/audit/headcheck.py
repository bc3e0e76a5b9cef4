"""What the head files say of each chain, and whether they were edited or cut themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from cds.audit.chain import other_key
from cds.audit.findings import CUT, HEADS, Finding, Inspection, some
from cds.audit.heads import GROUP_RECORDS, HeadFile, HeadLine, read_heads

Lines = dict[str, list[HeadLine]]


def known_heads(paths: Sequence[Path], key: bytes, done: Inspection) -> Lines:
    """The lines of each chain that can be trusted; what is wrong with others goes into `done`.
    Raises OSError."""
    found: Lines = {}
    for path in paths:
        name, file = _name(paths, path), read_heads(path, key)
        if file is None:
            continue
        done.remarks += [
            f"line {number} of {name} stops short, as on a full disk" for number in file.torn
        ]
        for number in sorted([*file.bad, *_forged(file, key)]):
            words = f"line {number} of {name} was edited"
            done.findings.append(Finding("", None, HEADS, words))
        for chain, lines in _by_chain(file).items():
            done.findings += _gaps(chain, lines, name)
            found.setdefault(chain, []).extend(lines)
    return found


def missing_heads(paths: Sequence[Path]) -> list[Finding]:
    """Those of the files that are not there, once it is known that there are records."""
    words = [f"{_name(paths, path)} is missing" for path in paths if not path.exists()]
    return [Finding("", None, HEADS, one) for one in words]


def reached(lines: Sequence[HeadLine]) -> int:
    """The last record these lines know."""
    return max((line.last for line in lines), default=0)


def compare(
    paths: Sequence[Path], key: bytes, chain: str, good: int, lines: list[HeadLine],
    done: Inspection,
) -> None:  # fmt: skip
    """The chain holds `good` records; how many do its lines know of? `done` hears of it."""
    if reached(lines) > good:
        words = f"the tail was cut: it lacks {some(good + 1, reached(lines))}"
        if len(paths) > 1:
            words += ", unless they wait in the spool of another machine"
        done.findings.append(Finding(chain, good + 1, CUT, words))
        return
    if good - reached(lines) > GROUP_RECORDS:
        with suppress(OSError):  # the service has written since
            lines = _now(paths, key, chain)
    if good > reached(lines):
        _beyond(chain, good, lines, done)


def _beyond(chain: str, good: int, lines: list[HeadLine], done: Inspection) -> None:
    """There are more records than the head files know."""
    last = reached(lines)
    said = f"the head file says nothing of {some(last + 1, good)}"
    if not lines:
        said = "no head file knows it; give that of its machine with --heads"
    if good - last > GROUP_RECORDS or any(line.final for line in lines):
        words = f"{said}: it was cut, or the machine lost power"
        done.findings.append(Finding(chain, None, HEADS, words))
    else:
        done.remarks.append(
            f"chain {chain}: {said}: it is being written, its process was killed, or the file "
            "was cut"
        )


def _name(paths: Sequence[Path], path: Path) -> str:
    return "the head file" if len(paths) == 1 else f"the head file {path}"


def _now(paths: Sequence[Path], key: bytes, chain: str) -> list[HeadLine]:
    files = [read_heads(path, key) for path in paths]
    return [line for file in files if file for line in _by_chain(file).get(chain, [])]


def _by_chain(file: HeadFile) -> Lines:
    found: Lines = {}
    for line in file.lines:
        if line.good:
            found.setdefault(line.chain, []).append(line)
    return found


def _forged(file: HeadFile, key: bytes) -> Iterator[int]:
    for line in file.lines:
        if not line.good and not other_key(line.chain, key):
            yield line.number


def _gaps(chain: str, lines: list[HeadLine], name: str) -> Iterator[Finding]:
    last = 0
    for line in lines:
        if line.first > last + 1:
            words = (
                f"{name} was cut or edited: what it said of {some(last + 1, line.first - 1)} is "
                f"gone (before line {line.number})"
            )
            yield Finding(chain, None, HEADS, words)
        last = max(last, line.last)
