"""The text of a setting -> its value; each refusal says what form it must have, and a value that
works."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

LEAST_SECRET = 24  # characters; a token that can be guessed opens the service to everybody
_ON = ("1", "true", "on")
_OFF = ("0", "false", "off", "")
_LEVELS = ("debug", "info", "warning", "error")


def folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise ValueError("must be a folder that exists, for example CDS_RULES=rules")
    return path


def site(text: str) -> str | None:
    if text and not re.fullmatch(r"[a-z][a-z0-9-]*", text):
        raise ValueError(
            "must be the name of a file in `rules/sites` without `.yaml` (small letters, digits, "
            "hyphens), for example CDS_SITE=example"
        )
    return text or None


def switch(example: str) -> Callable[[str], bool]:
    def read(text: str) -> bool:
        if text.lower() in _ON:
            return True
        if text.lower() in _OFF:
            return False
        raise ValueError(f"must be 1 or 0, for example {example}")

    return read


def read_instant(text: str) -> datetime:
    """A moment with its offset, ISO 8601. Raises ValueError saying what form it must have."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(
            "must be a date and time with offset, for example 2026-11-21T09:00:00+00:00"
        )
    return moment


def size(text: str) -> int:
    if not text.isdecimal() or int(text) < 1024:
        raise ValueError(
            "must be a whole number of bytes, at least 1024, for example CDS_MAX_BODY=5242880"
        )
    return int(text)


def origins(text: str) -> tuple[str, ...]:
    origins = tuple(item.strip().rstrip("/") for item in text.split(",") if item.strip())
    for origin in origins:
        if origin != "*" and (
            not origin.startswith(("https://", "http://")) or origin.count("/") != 2
        ):
            raise ValueError(
                "must be origins (scheme and host, no path) separated by commas, "
                "for example CDS_CORS_ORIGINS=https://ehr.example.org"
            )
    return origins


def file(example: str) -> Callable[[str], Path]:
    def read(text: str) -> Path:
        if not Path(text).is_file():
            raise ValueError(f"must be a file that exists, for example {example}")
        return Path(text)

    return read


def whole(least: int, most: int, example: str) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number, {least} to {most}, for example {example}")
        return int(text)

    return read


def secret(text: str) -> str | None:
    if text and len(text) < LEAST_SECRET:
        raise ValueError(
            f"must have at least {LEAST_SECRET} characters; "
            "`python3 -c 'import secrets; print(secrets.token_urlsafe(32))'` makes one"
        )
    return text or None


def database(text: str) -> str | None:
    """The value is never repeated: it may hold a password."""
    if text.startswith("postgres://"):
        raise ValueError("must begin with postgresql://, not postgres://")
    if text.startswith("postgresql://"):
        return _postgres(text)
    if text and not re.fullmatch(r"sqlite:///.+", text):
        raise ValueError(
            "must be sqlite:/// and a path, for example CDS_DATABASE_URL=sqlite:///state/audit.db, "
            "or postgresql:// and where the database is, for example "
            "CDS_DATABASE_URL=postgresql://cds:PASSWORD@db.example.org/cds"
        )
    return text or None


def _postgres(text: str) -> str:
    how = (
        "must be postgresql://USER:PASSWORD@HOST/DATABASE, for example "
        "CDS_DATABASE_URL=postgresql://cds:PASSWORD@db.example.org/cds; in user and password "
        "write %40 for @, %2F for /, %3A for :, %3F for ?, %23 for #, %25 for %"
    )
    try:
        parts = urlsplit(text)
        hosts = [urlsplit(f"//{one}") for one in parts.netloc.rpartition("@")[2].split(",")]
        named = all(host.hostname and host.port != 0 for host in hosts)
    except ValueError:  # a port that is no number, a bracket that is not closed
        raise ValueError(how) from None
    asked = parse_qs(parts.query)
    whole = (named or "host" in asked) and (parts.path.strip("/") or "dbname" in asked)
    if not whole or parts.fragment or parts.netloc.count("@") > 1 or re.search(r"\s", text):
        raise ValueError(how)
    return text


def identity(text: str) -> str:
    if text not in ("keyed", "plain"):
        raise ValueError("must be keyed or plain, for example CDS_AUDIT_IDENTITY=keyed")
    return text


def address(text: str) -> str | None:
    if text and not text.startswith(("https://", "http://")):
        raise ValueError(
            "must be an http or https address, for example CDS_PUBLIC_URL=https://cds.example.org"
        )
    return text.rstrip("/") or None


def level(text: str) -> str:
    if text.lower() not in _LEVELS:
        raise ValueError(f"must be one of {', '.join(_LEVELS)}, for example CDS_LOG_LEVEL=info")
    return text.lower()
