"""Synthetic patients as complete hook calls, for a first try of the service and for its tests.

Each stands in `fhir_fixtures/<folder>/<name>.json` with real dates around its own `now`. Laboratory
results go stale, so a call is moved in time as a whole: every date by the same span, ages and
intervals stay what they are. No patient here is a real one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cds.errors import SettingsError
from cds.settings import usual_folder

FOLDERS = ("firing", "boundary", "well", "broken")
FIRST = "first-card"

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Sample:
    """One synthetic patient: `request` is a hook call whose dates lie around `now`.

    `folder` says what it is for: `firing` gets cards, `boundary` lies exactly on a limit or one
    step beside it, `well` gets no card, `broken` is data as it should not be. `expect` is the
    answer that the clinical pack asks for.
    """

    name: str
    folder: str
    title: str
    now: datetime
    request: dict[str, Any]
    expect: dict[str, Any]

    def at(self, now: datetime) -> dict[str, Any]:
        """The call as it would be at `now` (aware), to the second."""
        later = now.astimezone(UTC).replace(microsecond=0)
        days = later.date() - self.now.astimezone(UTC).date()
        moved: dict[str, Any] = _moved(self.request, later - self.now, days)
        return moved


def samples(folder: Path | None = None) -> Iterator[Sample]:
    """All of them, folder by folder, in order of their names. Raises SettingsError."""
    base = folder or usual_folder("fhir_fixtures")
    for kind in FOLDERS:
        for path in sorted((base / kind).glob("*.json")):
            yield _read(path)


def sample(name: str, folder: Path | None = None) -> Sample:
    """The one of that name. Raises SettingsError naming the nearest ones."""
    base = folder or usual_folder("fhir_fixtures")
    known = {path.stem: path for kind in FOLDERS for path in (base / kind).glob("*.json")}
    if name not in known:
        near = get_close_matches(name, known, n=3, cutoff=0.4)
        hint = f"; near to it: {', '.join(near)}" if near else ""
        raise SettingsError(
            f"no synthetic patient of that name in {base}{hint}; `cds sample --list` names them all"
        )
    return _read(known[name])


def sample_request(now: datetime, name: str = FIRST) -> dict[str, Any]:
    """The body of the call, its dates moved to `now` (aware): same moment, same body.

    Raises SettingsError when there is no synthetic patient of that name.
    """
    return sample(name).at(now)


def _read(path: Path) -> Sample:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        now = datetime.fromisoformat(found["now"])
        title, request, expect = found["title"], found["request"], found["expect"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{path}: cannot be read as a synthetic patient ({type(error).__name__}); "
            "it needs `title`, `now`, `expect` and `request`"
        ) from None
    return Sample(path.stem, path.parent.name, title, now, request, expect)


def _moved(value: Any, span: timedelta, days: timedelta) -> Any:
    """A tree with every full date and instant moved; what only looks like a date stays."""
    if isinstance(value, dict):
        return {key: _moved(item, span, days) for key, item in value.items()}
    if isinstance(value, list):
        return [_moved(item, span, days) for item in value]
    if not isinstance(value, str):
        return value
    try:
        if _DATE.fullmatch(value):
            return (date.fromisoformat(value) + days).isoformat()
        if _INSTANT.fullmatch(value):
            moment = (datetime.fromisoformat(value) + span).isoformat()
            return moment.removesuffix("+00:00") + "Z" if value.endswith("Z") else moment
    except (ValueError, OverflowError):  # 30 February, or past the end of the calendar
        pass
    return value
