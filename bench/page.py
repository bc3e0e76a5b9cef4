"""`python -m bench.page`: writes the figures of the last run into docs/PERFORMANCE.md and
docs/SCALE.md, between the marks that stand there. The words around them are written by hand."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.__main__ import ABOUT, ROWS
from bench.capacity import capacity
from bench.rounds import Row
from bench.server import KEPT_IN
from bench.stages import KINDS, STAGES
from bench.targets import FLOOR

DOCS = Path(__file__).parent.parent / "docs"
PAGES = ("PERFORMANCE.md", "SCALE.md")
_MARKED = re.compile(r"<!-- figures: ([a-z-]+) -->\n.*?<!-- end -->", re.DOTALL)
_COLUMNS = {
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "rps": "calls/s",
    "ratio_p50": "p50 / floor",
    "ratio_rps": "calls/s / floor",
    "rss_mib": "MiB",
    "ready_s": "ready s",
}

About = dict[str, Any]


def main() -> None:
    """Write both pages anew."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else KEPT_IN
    found, about = (_read(folder / name) for name in (ROWS, ABOUT))
    for name in PAGES:
        page = DOCS / name
        page.write_text(filled(page.read_text(encoding="utf-8"), found, about), encoding="utf-8")


def filled(page: str, found: list[Row], about: About) -> str:
    """The page with the figures of this run. Raises SystemExit for a mark nobody knows."""

    def figures(mark: re.Match[str]) -> str:
        name = mark[1]
        if name not in _FIGURES:
            raise SystemExit(f"bench: no figures are called {name}")
        return f"<!-- figures: {name} -->\n{_FIGURES[name](found, about)}\n<!-- end -->"

    return _MARKED.sub(figures, page)


def _read(path: Path) -> Any:
    if not path.exists():
        raise SystemExit(f"bench: there is no {path.name} yet; `make bench` writes it")
    return json.loads(path.read_text(encoding="utf-8"))


def _markdown(head: Iterable[str], body: Iterable[Iterable[Any]]) -> str:
    lines = [f"| {' | '.join(head)} |"]
    lines.append("|---" + "|---:" * (lines[0].count("|") - 2) + "|")
    lines += [f"| {' | '.join('-' if x is None else str(x) for x in row)} |" for row in body]
    return "\n".join(lines)


def _rows(found: Iterable[Row]) -> str:
    head = ["", *_COLUMNS.values()]
    return _markdown(head, ([f"`{row['target']}`", *(row[x] for x in _COLUMNS)] for row in found))


def _machine(_: list[Row], about: About) -> str:
    unmeasured = "" if about["healthchain"] == "measured" else "; healthchain was not measured"
    return (
        f"{about['cores']} cores for servers and client together, Python {about['python']} "
        f"({about['loop_ms']} ms for a loop of 20,000 plain rounds), "
        f"client: {about['client']}; {about['rounds']} rounds of {about['seconds']} s; one fsync "
        f"of 4 KiB takes {about['fsync_ms']} ms here{unmeasured}."
    )


def _targets(found: list[Row], _: About) -> str:
    parts = []
    mine = [row for row in found if row["table"] == "targets"]
    for body, connections in dict.fromkeys((row["body"], row["connections"]) for row in mine):
        here = [row for row in mine if (row["body"], row["connections"]) == (body, connections)]
        said = "1 connection" if connections == 1 else f"{connections} connections"
        parts.append(f"Body `{body}`, {said}:\n\n{_rows(here)}")
    return "\n\n".join(parts)


def _table(name: str) -> Callable[[list[Row], About], str]:
    return lambda found, _: _rows(row for row in found if row["table"] == name)


def _start(_: list[Row], about: About) -> str:
    started: Mapping[str, Mapping[str, float]] = about["start"]
    head = ["rules", "import s", "rules loaded s", "MiB"]
    return _markdown(head, ([name, *pieces.values()] for name, pieces in started.items()))


def _stages(_: list[Row], about: About) -> str:
    staged = about["stages"]
    head = ["microseconds", *(f"{body} {kind}" for body in staged for kind in KINDS)]
    body = [
        [f"{stage}: {words}", *(staged[b][kind][stage] for b in staged for kind in KINDS)]
        for stage, words in STAGES.items()
    ]
    columns = [staged[b][kind] for b in staged for kind in KINDS]
    total = [round(sum(column[x] for x in STAGES if x != FLOOR.name), 1) for column in columns]
    return _markdown(head, [*body, ["all of ours", *total]])


def _capacity(found: list[Row], about: About) -> str:
    return _markdown(["what", "figure", "how"], capacity(found, about))


_FIGURES: dict[str, Callable[[list[Row], About], str]] = {
    "machine": _machine,
    "targets": _targets,
    "rules": _table("rules"),
    "observations": _table("observations"),
    "workers": _table("workers"),
    "start": _start,
    "stages": _stages,
    "capacity": _capacity,
}

if __name__ == "__main__":
    main()
