"""Settings: the environment variables that start with `CDS_`, read once and checked.

This is the only module that may look at the environment.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cds import variables
from cds.errors import SettingsError

PREFIX = "CDS_"

# What an installed package carries along; a checkout has no such folder.
BUNDLED = Path(__file__).parent / "_bundled"

# Read by the test suite, not by the service: no typing error either.
ELSEWHERE = ("CDS_REQUIRE",)


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
    database_url: str | None = Field(
        None,
        repr=False,  # it may hold a password
        description="Where decisions are kept; unset: `audit.sqlite3` in `CDS_STATE`.",
    )
    spool_mb: int = Field(
        64, description="MiB each worker reserves for decisions while the database is away."
    )
    audit_key: str | None = Field(
        None, repr=False, description="Secret that seals the records of decisions."
    )
    audit_identity: Literal["keyed", "plain"] = Field(
        "keyed", description="What is kept of references to patients: a keyed hash, or themselves."
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
        None,
        repr=False,
        description="Bearer token for `POST /admin/reload` and all of the console; unset = off.",
    )
    console: bool | None = Field(
        None, description="1 = pages for people at `/console`; unset: on in the sandbox, else off."
    )
    viewer_token: str | None = Field(
        None, repr=False, description="Bearer token for the console: rules and what-if."
    )
    reviewer_token: str | None = Field(
        None, repr=False, description="Bearer token for the console: decisions too."
    )
    link_key: str | None = Field(
        None, repr=False, description="Secret that signs sessions and `Why this card?` links."
    )
    workers: int = Field(1, description="Processes that serve.")
    telemetry: bool = Field(False, description="1 = spans and metrics by OpenTelemetry.")
    log_level: str = Field("info", description="debug, info, warning or error.")

    @property
    def console_on(self) -> bool:
        """Whether there is a console."""
        return self.sandbox if self.console is None else self.console

    @property
    def console_tokens(self) -> dict[str, str]:
        """The token of each role of the console that has one: viewer, reviewer, admin."""
        named = {
            "viewer": self.viewer_token,
            "reviewer": self.reviewer_token,
            "admin": self.admin_token,
        }
        return {role: token for role, token in named.items() if token is not None}

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


def cautions(settings: Settings) -> tuple[str, ...]:
    """One warning line per thing that works less well than whoever set this may expect."""
    if settings.link_key is not None:
        return ()
    found = []
    if settings.public_url is not None and not settings.sandbox:
        found.append("CDS_LINK_KEY is not set: cards carry no link `Why this card?`")
    signing = settings.sandbox or (settings.console_on and settings.console_tokens)
    if settings.workers > 1 and signing:
        found.append(
            "CDS_LINK_KEY is not set: sessions and links count only in the worker that made them"
        )
    return tuple(found)


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
    _check_console(settings)


def _check_console(settings: Settings) -> None:
    """Pages with data of patients need a door, and who comes in must be one person's role."""
    tokens = settings.console_tokens
    if settings.console and not settings.sandbox and not tokens:
        raise SettingsError(
            "CDS_CONSOLE: outside the sandbox visitors must sign in; set CDS_REVIEWER_TOKEN, "
            "CDS_VIEWER_TOKEN or CDS_ADMIN_TOKEN, or unset CDS_CONSOLE"
        )
    if len(set(tokens.values())) < len(tokens):
        named = ", ".join(f"{PREFIX}{role.upper()}_TOKEN" for role in tokens)
        raise SettingsError(f"{named}: each role needs a token of its own; make another")


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


_READERS: dict[str, Callable[[str], Any]] = {
    "rules": variables.folder,
    "site": variables.site,
    "sandbox": variables.switch("CDS_SANDBOX=1"),
    "now": variables.read_instant,
    "max_body": variables.size,
    "cors_origins": variables.origins,
    "public_url": variables.address,
    "trust": variables.file("CDS_TRUST=trust.yaml"),
    "ca_file": variables.file("CDS_CA_FILE=hospital-ca.pem"),
    "state": Path,
    "database_url": variables.database,
    "spool_mb": variables.whole(1, 100_000, "CDS_SPOOL_MB=64"),
    "audit_key": variables.secret,
    "audit_identity": variables.identity,
    "deadline_ms": variables.whole(50, 60_000, "CDS_DEADLINE_MS=400"),
    "max_depth": variables.whole(16, 500, "CDS_MAX_DEPTH=64"),
    "max_entries": variables.whole(100, 1_000_000, "CDS_MAX_ENTRIES=20000"),
    "request_timeout_ms": variables.whole(100, 600_000, "CDS_REQUEST_TIMEOUT_MS=10000"),
    "max_concurrent": variables.whole(1, 10_000, "CDS_MAX_CONCURRENT=64"),
    "requests_a_minute": variables.whole(0, 1_000_000, "CDS_REQUESTS_A_MINUTE=600"),
    "admin_token": variables.secret,
    "console": variables.switch("CDS_CONSOLE=1"),
    "viewer_token": variables.secret,
    "reviewer_token": variables.secret,
    "link_key": variables.secret,
    "workers": variables.whole(1, 64, "CDS_WORKERS=2"),
    "telemetry": variables.switch("CDS_TELEMETRY=1"),
    "log_level": variables.level,
}
