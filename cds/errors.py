"""Every error this project raises on purpose, as one tree.

CdsError
+-- UnitMismatch        two quantities that must never be compared
+-- UnknownUnit         a unit text that is not in the table of its dimension
+-- RulebookError       rule files that do not load, all problems listed
+-- BadRequest          a hook call that cannot be read (HTTP 4xx)
|   +-- UnknownService  no such service id (404)
|   +-- TooLarge        the body is larger than allowed (413)
|   +-- Precondition    required data is neither supplied nor fetchable (412)
|   +-- Unauthorized    who is calling is not proved (401)
|   +-- Forbidden       this client may not do that (403)
|   +-- TooMany         more requests than this client may send (429)
|   +-- Overloaded      no room for one more request right now (503)
|   +-- NoDecision, CannotLook  a look at kept decisions finds none, or no database (cds/desk)
+-- SettingsError       the environment asks for something impossible
+-- StoreError          the records of decisions cannot be read or written (cds/audit)
+-- SpoolError          decisions cannot wait for the database (cds/audit)
+-- BatchError          what waits for the database is not what was put there (cds/audit)
+-- CodecError          a record of a decision is not one that can be read or kept (cds/audit)
+-- ArchiveError        kept rules are not the ones that were asked for (cds/audit)
+-- LinkRefused, LinkExpired  a link that opens nothing (cds/links)
+-- NotReplaced, Busy   new rules did not come into force (cds/reload)
"""

from __future__ import annotations

from dataclasses import dataclass


class CdsError(Exception):
    """Base of all errors that are written for a reader."""


class UnitMismatch(CdsError):
    """A comparison across analytes or dimensions (design section 5, law 8)."""


class UnknownUnit(CdsError):
    """A unit text that is not understood for the analyte it stands with."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding in a rule file: where it is, what is wrong, how to mend it."""

    file: str
    line: int
    message: str
    fix: str = ""

    def __str__(self) -> str:
        tail = f" {self.fix}" if self.fix else ""
        return f"{self.file}:{self.line}: {self.message}{tail}"


class RulebookError(CdsError):
    """The rule files do not load. `problems` lists every finding, in file order."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class BadRequest(CdsError):
    """A hook call that cannot be answered.

    `status` is the HTTP status, `code` the OperationOutcome issue type, `where` the JSON path.
    Messages never repeat patient data: they name fields, not values.
    """

    status = 400
    code = "invalid"

    def __init__(self, message: str, *, where: str = "", code: str = "") -> None:
        super().__init__(message)
        self.where = where
        if code:
            self.code = code


class UnknownService(BadRequest):
    """No service with that id (404)."""

    status = 404
    code = "not-found"


class TooLarge(BadRequest):
    """The body is larger than `CDS_MAX_BODY` (413)."""

    status = 413
    code = "too-long"


class Precondition(BadRequest):
    """Required data is neither in `prefetch` nor fetchable (412)."""

    status = 412
    code = "required"


class Unauthorized(BadRequest):
    """Who is calling is not proved (401). The text says what was wrong, never the token."""

    status = 401
    code = "login"


class Forbidden(BadRequest):
    """A known client asks for what it may not have (403)."""

    status = 403
    code = "forbidden"


class TooMany(BadRequest):
    """More requests than this client may send (429); `retry_after` in seconds."""

    status = 429
    code = "throttled"

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Overloaded(BadRequest):
    """No room for one more request right now (503); `retry_after` in seconds."""

    status = 503
    code = "throttled"

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SettingsError(CdsError):
    """A setting whose value cannot be used; names the variable and the accepted values."""
