"""`cds new-rule`: the first draft of a rule, complete enough to load, made to be edited.

The draft is a real rule about low magnesium with its own test patients: just below the limit,
exactly on it, nothing usable, not known. Its source is `open`, which only a draft may cite.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from string import Template
from typing import get_args

from cds.errors import SettingsError
from cds.rulebook.schema import RuleFile, suggest
from cds.settings import BUNDLED

FAMILIES: tuple[str, ...] = get_args(RuleFile.model_fields["family"].annotation)
NOBODY_YET = "to be named"
_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_ROW = re.compile(r"[A-Z][A-Za-z0-9]*(-[A-Za-z0-9]+)*")
_LONGEST = 60

_DRAFT = Template("""\
# A draft: loaded and tested by `cds check`, judged for no patient.
# docs/RULE_LANGUAGE.md explains each word; names of facts and limits stand in the files of `use`.
id: $id
family: $family
title: Magnesium below the lower limit of normal
version: 0.1.0
status: draft
owner: $owner
reviewed: {by: pending, date: $today, due: $due}
hooks: [order-select, order-sign, patient-view]
use: [labs]
purpose: Tell that magnesium is low, so that somebody decides what to do about it.
cite: [open]

levels:
  - row: $row
    indicator: info
    when: {magnesium: {below: mg_lln}}
    summary: "Magnesium {magnesium} is below {mg_lln}"
    detail:
      - "Magnesium {magnesium}, drawn {magnesium.age} ago, is below {mg_lln}."

override_reasons: [already-being-corrected, value-not-believed]
known_false_alarms:
  - a sample diluted by a running infusion reads low

cases:
  - name: just below the limit fires
    given: {magnesium: 1.6 mg/dL}
    expect: fires
    row: $row
    indicator: info
    suggests: []
    because: [magnesium, mg_lln]
  - name: just below the limit in SI units
    given: {magnesium: 0.69 mmol/L}
    expect: fires
    row: $row
  - {name: exactly on the limit, given: {magnesium: 1.7 mg/dL}, expect: silent}
  - {name: exactly on the limit in SI units, given: {magnesium: 0.70 mmol/L}, expect: silent}
  - {name: no result that could be used, given: {magnesium: missing stale}, expect: cannot-tell}
  - {name: results were not supplied, given: {magnesium: not known}, expect: cannot-tell}
""")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the new rule is called, where it belongs, and who answers for it."""

    id: str
    family: str
    row: str
    owner: str


def write_rule(directory: Path, wish: Wish, today: date) -> Path:
    """Write the draft to `directory` and return its path; `today` dates the review, due in a year.

    Raises SettingsError when the wish or the folder cannot be used, or the rule exists already.
    """
    _check(wish)
    _check_folder(directory)
    _check_unused(directory, wish.id)
    path = directory / f"{wish.id}.yaml"
    text = _DRAFT.substitute(
        id=wish.id,
        family=wish.family,
        row=wish.row,
        owner=json.dumps(wish.owner, ensure_ascii=False),
        today=today,
        due=today + timedelta(days=365),
    )
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise SettingsError(f"{path}: is there already; choose another ID") from None
    except OSError as error:
        raise SettingsError(
            f"{path}: cannot be written ({error.strerror}); "
            "name a folder you may write to, with --dir"
        ) from None
    return path


def next_steps(path: Path) -> str:
    """What to do with the draft, in three lines."""
    return (
        f"cds: wrote {path}, a draft that is judged for no patient\n"
        "1. Write its cases and levels, then its title and purpose. `cds check` runs the cases.\n"
        "2. Put a source for `open` under `cite`, and `status: silent`: `cds evaluate REQUEST.json "
        "--trace` shows how it decides, no card leaves.\n"
        "3. A pharmacist reads it and signs under `reviewed`. Then `status: active`, version 1.0.0."
    )


def _check(wish: Wish) -> None:
    if not _ID.fullmatch(wish.id) or len(wish.id) > _LONGEST:
        raise SettingsError(
            "ID: must be words of small letters and digits with `-` between them, at most "
            f"{_LONGEST} characters, for example low-magnesium-review"
        )
    if wish.family not in FAMILIES:
        near = suggest(wish.family, FAMILIES)
        raise SettingsError(
            f"--family: must be one of {', '.join(FAMILIES)}{f'. {near}' if near else ''}"
        )
    if not _ROW.fullmatch(wish.row) or len(wish.row) > _LONGEST:
        raise SettingsError(
            "--row: must be a capital letter, then letters, digits and `-`, for example A5 or C4-iv"
        )
    if not wish.owner.strip() or not wish.owner.isprintable() or len(wish.owner) > _LONGEST:
        raise SettingsError(
            f"--owner: must be one line of at most {_LONGEST} characters, "
            'for example "Inpatient Pharmacy Informatics"'
        )


def _check_folder(directory: Path) -> None:
    if not (directory / "shared").is_dir():
        raise SettingsError(
            f"{directory}: is not a folder of rule files (it has no `shared`); name one with --dir"
        )
    if directory.resolve().is_relative_to(BUNDLED.resolve()):
        raise SettingsError(
            f"{directory}: these rules belong to the installed package and are replaced with it; "
            "copy the folder to ./rules and give the command there"
        )


def _check_unused(directory: Path, name: str) -> None:
    """The file of a rule may be called otherwise than the rule."""
    for path in sorted(directory.glob("*.yaml")):
        if path.stem == name:
            raise SettingsError(f"{path}: is there already; choose another ID")
        text = path.read_text("utf-8", "replace") if path.is_file() else ""
        if re.search(rf"^id:\s*{re.escape(name)}\s*$", text, re.MULTILINE):
            raise SettingsError(f"{path}: is the rule `{name}` already; choose another ID")
