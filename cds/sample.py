"""Synthetic patients as complete hook calls, for a first try of the service and for its tests.

Each stands in `fhir_fixtures/<folder>/<name>.json` with real dates around its own `now`. Laboratory
results go stale, so a call is moved in time as a whole: every date by the same span, ages and
intervals stay what they are. No patient here is a real one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from cds.errors import SettingsError
from cds.fhir.shift import shift
from cds.fhir.store import token_of
from cds.fhir.store_chart import chart_of, renamed, server_names
from cds.fhir.store_kinds import KINDS
from cds.fhir.store_records import Records
from cds.settings import usual_folder

FOLDERS = ("firing", "boundary", "well", "broken")
FIRST = "first-card"

# The OAuth client as which a sandbox call says the service reads, and for how many seconds it may.
_SUBJECT = "electrolyte-cds"
_SECONDS = 300


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
        moved: dict[str, Any] = shift(self.now, now).moved(self.request)
        return moved


def samples(folder: Path | None = None) -> Iterator[Sample]:
    """All of them, folder by folder, in order of their names. Raises SettingsError."""
    base = folder or usual_folder("fhir_fixtures")
    for kind in FOLDERS:
        for path in sorted((base / kind).glob("*.json")):
            yield _read(path)


@cache
def records() -> Records:
    """All of them as the sandbox's FHIR server holds them, read once in a process: that takes half
    a second. Raises SettingsError."""
    return Records(chart_of(item) for item in samples())


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


def sample_request(
    now: datetime, name: str = FIRST, fhir_server: str | None = None
) -> dict[str, Any]:
    """The body of the call, its dates moved to `now` (aware): same moment, same body.

    With `fhir_server`, the address of a sandbox's FHIR server, the call brings no prefetch: the
    service has to fetch, with the token of this one patient. Raises SettingsError when there is no
    synthetic patient of that name, or when the address is none.
    """
    found = sample(name)
    if fhir_server is None:
        return found.at(now)
    if not fhir_server.startswith(("http://", "https://")):
        raise SettingsError(
            "the address of the FHIR server must begin with http:// or https://, "
            "for example http://127.0.0.1:8000/sandbox/fhir"
        )
    return _fetching(found, now, fhir_server.rstrip("/"))


def _fetching(found: Sample, now: datetime, fhir_server: str) -> dict[str, Any]:
    """The call without prefetch, its resources named as the sandbox's server names them."""
    body = renamed(found.at(now), server_names(found))
    patient = body["context"]["patientId"]
    return {
        "hook": body["hook"],
        "hookInstance": body["hookInstance"],
        "fhirServer": fhir_server,
        "fhirAuthorization": {
            "access_token": token_of(patient),
            "token_type": "Bearer",
            "expires_in": _SECONDS,
            "scope": " ".join(f"patient/{kind}.read" for kind in KINDS),
            "subject": _SUBJECT,
            "patient": patient,
        },
        "context": body["context"],
    }


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
