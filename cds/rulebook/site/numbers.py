"""Thresholds and windows of a site.

A changed number takes the place of the shared one and is declared by the same code, so whatever
is checked in `rules/shared` is checked here.
"""

from __future__ import annotations

from cds.rulebook.schema import CitationData, SharedFile, ThresholdData, WindowData
from cds.rulebook.scope import Scope
from cds.rulebook.site.file import Site, SiteChange
from cds.rulebook.source import Source

Shared = list[tuple[Source, SharedFile]]


def with_site_numbers(scope: Scope, site: Site, files: Shared) -> Shared:
    """The shared files with the numbers of the site in the place of their own."""
    thresholds = {name: data for _, file in files for name, data in file.thresholds.items()}
    windows = {name: data for _, file in files for name, data in file.windows.items()}
    cited = {
        site.cite: CitationData(title=f"Site file {site.name}: {site.title}", standing="design")
    }
    own: Shared = [(site.source, SharedFile(citations=cited))]
    for source, change in site.parts:
        _refuse_unknown(scope, source, "thresholds", set(change.thresholds), set(thresholds))
        _refuse_unknown(scope, source, "windows", set(change.windows), set(windows))
        data = SharedFile(
            thresholds={
                name: _threshold(scope, source, name, change, thresholds[name], site.cite)
                for name in change.thresholds
                if name in thresholds
            },
            windows={
                name: _window(scope, source, name, change, windows[name], site.cite)
                for name in change.windows
                if name in windows
            },
        )
        own.append((source, data))
    return [*(_without(source, file, own) for source, file in files), *own]


def _refuse_unknown(
    scope: Scope, source: Source, word: str, names: set[str], known: set[str]
) -> None:
    for name in sorted(names - known):
        scope.unknown(source, (word, name), word.removesuffix("s"), name, sorted(known))


def _without(source: Source, file: SharedFile, own: Shared) -> tuple[Source, SharedFile]:
    thresholds = {name for _, data in own for name in data.thresholds}
    windows = {name for _, data in own for name in data.windows}
    kept = {
        "thresholds": {n: data for n, data in file.thresholds.items() if n not in thresholds},
        "windows": {n: data for n, data in file.windows.items() if n not in windows},
    }
    return source, file.model_copy(update=kept)


def _threshold(
    scope: Scope, source: Source, name: str, change: SiteChange, base: ThresholdData, cite: str
) -> ThresholdData:
    values = change.thresholds[name]
    plain = [text for text in values if text[:1] not in "<>"]
    if plain != values:
        scope.report(source, ("thresholds", name), "a limit is a plain number with its unit.")
    absent = sorted(_units(base.value) - _units(values))
    if absent:
        scope.report(
            source,
            ("thresholds", name),
            f"the list of values of `{name}` lacks {', '.join(f'`{unit}`' for unit in absent)}.",
            "State the whole list: a constant is compared in the unit of the result.",
        )
    return base.model_copy(update={"value": plain or base.value, "why": change.why, "cite": [cite]})


def _units(values: list[str]) -> set[str]:
    return {text.partition(" ")[2].strip() for text in values}


def _window(
    scope: Scope, source: Source, name: str, change: SiteChange, base: WindowData, cite: str
) -> WindowData:
    data = change.windows[name]
    if base.shorter_when is not None and data.shorter_when is None:
        scope.report(
            source,
            ("windows", name),
            f"`{name}` has a `shorter_when`; state the whole window.",
            f"Say how long it is while `{base.shorter_when.problem}` is on the problem list.",
        )
    return WindowData(
        inpatient=data.inpatient,
        outpatient=data.outpatient,
        shorter_when=data.shorter_when,
        why=change.why,
        cite=[cite],
    )
