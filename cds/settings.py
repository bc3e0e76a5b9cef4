"""Settings: the environment variables that start with `CDS_`, read once and checked.

This is the only module that may look at the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cds.errors import SettingsError

PREFIX = "CDS_"

# What an installed package carries along; a checkout has no such folder.
BUNDLED = Path(__file__).parent / "_bundled"

# Read by the test suite, not by the service: no typing error either.
ELSEWHERE = ("CDS_REQUIRE",)

_ON = ("1", "true", "on")
_OFF = ("0", "false", "off", "")
LEAST_SECRET = 24  # characters; a token that can be guessed opens the service to everybody
_LEVELS = ("debug", "info", "warning", "error")


class Settings(BaseModel):
    """What can be set. Each field `x` is the environment variable `CDS_X`."""

    model_config = ConfigDict(frozen=True)

    rules: Path = Field(
        default_factory=lambda: usual_folder("rules"), description="Folder of rule files."
    )
    site: str | None = Field(
        None, description="Name of the site file in `rules/sites` that applies, without `.yaml`."
    )
    sandbox: bool = Field(False, description="1 = synthetic patients, callers not authenticated.")
    now: datetime | None = Field(
        None, description="Fixed clinical clock, ISO 8601 with offset; only with the sandbox."
    )
    max_body: int = Field(5 * 1024 * 1024, description="Largest request body in bytes.")
    cors_origins: tuple[str, ...] = Field(
        (),
        description="Browser origins that may call, separated by commas; `*` only in the sandbox.",
    )
    public_url: str | None = Field(None, description="Address by which clients reach this service.")
    trust: Path | None = Field(
        None, description="File of trusted clients; without the sandbox there must be one."
    )
    ca_file: Path | None = Field(
        None, description="PEM file of certificate authorities to trust beside the public ones."
    )
    state: Path = Field(
        Path("state"), description="Folder for what must outlive a request; the service makes it."
    )
    deadline_ms: int = Field(
        400, description="Milliseconds a whole call may take where data has to be fetched."
    )
    max_depth: int = Field(64, description="How deep the JSON of a request may be nested.")
    max_entries: int = Field(20_000, description="Entries a Bundle of a request may hold.")
    request_timeout_ms: int = Field(
        10_000, description="Milliseconds a client may take to send its request."
    )
    max_concurrent: int = Field(
        64, description="Calls in work at once in one worker; more are answered 503."
    )
    requests_a_minute: int = Field(
        0, description="Calls a client may send in a minute to one worker; 0 = not limited."
    )
    admin_token: str | None = Field(
        None, repr=False, description="Bearer token for `POST /admin/reload`; unset = off."
    )
    workers: int = Field(1, description="Processes that serve.")
    telemetry: bool = Field(False, description="1 = spans and metrics by OpenTelemetry.")
    log_level: str = Field("info", description="debug, info, warning or error.")

    @classmethod
    def from_environment(cls) -> Settings:
        """The settings of this process. Raises SettingsError."""
        return read_settings(os.environ)

    @staticmethod
    def debugging() -> bool:
        """Whether `CDS_LOG_LEVEL` is `debug`, even when other settings cannot be used."""
        return os.environ.get("CDS_LOG_LEVEL", "").strip().lower() == "debug"


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Settings from a mapping of environment variables.

    Raises SettingsError naming the variable, the form its value must have, and a value that works.
    """
    found: dict[str, Any] = {}
    for name, read in _READERS.items():
        variable = PREFIX + name.upper()
        text = environment.get(variable)
        if text is None:
            continue
        try:
            found[name] = read(text.strip())
        except ValueError as error:
            raise SettingsError(f"{variable}: {error}") from None
    settings = Settings(**found)
    _check_together(settings)
    return settings


def unknown_variables(environment: Iterable[str]) -> tuple[str, ...]:
    """One warning line per `CDS_` variable that is no setting, naming the nearest one that is."""
    known = [*(PREFIX + name.upper() for name in Settings.model_fields), *ELSEWHERE]
    lines = []
    for variable in sorted(environment):
        if not variable.startswith(PREFIX) or variable in known:
            continue
        near = get_close_matches(variable, known, n=1, cutoff=0.0)
        lines.append(f"{variable} is not a setting and is ignored; the nearest one is {near[0]}")
    return tuple(lines)


def unknown_variables_here() -> tuple[str, ...]:
    """`unknown_variables` of this process."""
    return unknown_variables(os.environ)


def _check_together(settings: Settings) -> None:
    if settings.now is not None and not settings.sandbox:
        raise SettingsError(
            "CDS_NOW: a fixed clock is for the sandbox only; unset it, or set CDS_SANDBOX=1"
        )
    if "*" in settings.cors_origins and not settings.sandbox:
        raise SettingsError(
            "CDS_CORS_ORIGINS: `*` is for the sandbox only; name each origin, "
            "for example CDS_CORS_ORIGINS=https://ehr.example.org"
        )


def usual_folder(name: str) -> Path:
    """The folder `name` (`rules`, `fhir_fixtures`): where the command is given, else the copy that
    an installed package carries, else the one beside the package, as in a checkout.

    The carried copy goes before the neighbour: beside an installed package stand other people's
    packages, and one of them may be called `rules`.
    """
    here, carried = Path(name), BUNDLED / name
    if here.is_dir():
        return here
    return carried if carried.is_dir() else Path(__file__).parent.parent / name


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise ValueError("must be a folder that exists, for example CDS_RULES=rules")
    return path


def _site(text: str) -> str | None:
    if text and not re.fullmatch(r"[a-z][a-z0-9-]*", text):
        raise ValueError(
            "must be the name of a file in `rules/sites` without `.yaml` (small letters, digits, "
            "hyphens), for example CDS_SITE=example"
        )
    return text or None


def _switch(example: str) -> Callable[[str], bool]:
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


def _bytes(text: str) -> int:
    if not text.isdecimal() or int(text) < 1024:
        raise ValueError(
            "must be a whole number of bytes, at least 1024, for example CDS_MAX_BODY=5242880"
        )
    return int(text)


def _origins(text: str) -> tuple[str, ...]:
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


def _file(example: str) -> Callable[[str], Path]:
    def read(text: str) -> Path:
        if not Path(text).is_file():
            raise ValueError(f"must be a file that exists, for example {example}")
        return Path(text)

    return read


def _whole(least: int, most: int, example: str) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number, {least} to {most}, for example {example}")
        return int(text)

    return read


def _secret(text: str) -> str | None:
    if text and len(text) < LEAST_SECRET:
        raise ValueError(
            f"must have at least {LEAST_SECRET} characters; "
            "`python3 -c 'import secrets; print(secrets.token_urlsafe(32))'` makes one"
        )
    return text or None


def _address(text: str) -> str | None:
    if text and not text.startswith(("https://", "http://")):
        raise ValueError(
            "must be an http or https address, for example CDS_PUBLIC_URL=https://cds.example.org"
        )
    return text.rstrip("/") or None


def _level(text: str) -> str:
    if text.lower() not in _LEVELS:
        raise ValueError(f"must be one of {', '.join(_LEVELS)}, for example CDS_LOG_LEVEL=info")
    return text.lower()


_READERS: dict[str, Callable[[str], Any]] = {
    "rules": _folder,
    "site": _site,
    "sandbox": _switch("CDS_SANDBOX=1"),
    "now": read_instant,
    "max_body": _bytes,
    "cors_origins": _origins,
    "public_url": _address,
    "trust": _file("CDS_TRUST=trust.yaml"),
    "ca_file": _file("CDS_CA_FILE=hospital-ca.pem"),
    "state": Path,
    "deadline_ms": _whole(50, 60_000, "CDS_DEADLINE_MS=400"),
    "max_depth": _whole(16, 500, "CDS_MAX_DEPTH=64"),
    "max_entries": _whole(100, 1_000_000, "CDS_MAX_ENTRIES=20000"),
    "request_timeout_ms": _whole(100, 600_000, "CDS_REQUEST_TIMEOUT_MS=10000"),
    "max_concurrent": _whole(1, 10_000, "CDS_MAX_CONCURRENT=64"),
    "requests_a_minute": _whole(0, 1_000_000, "CDS_REQUESTS_A_MINUTE=600"),
    "admin_token": _secret,
    "workers": _whole(1, 64, "CDS_WORKERS=2"),
    "telemetry": _switch("CDS_TELEMETRY=1"),
    "log_level": _level,
}
