"""Which decisions a reader asks for: fields of a form, and back into an address.

What is kept of a patient is a keyed hash, which may stand in an address. Where a site keeps plain
references (`CDS_AUDIT_IDENTITY=plain`) one says who the patient is: then it goes in the body of a
POST and never into an address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from cds.audit.browse import Filter
from cds.audit.marks import CANNOT_TELL, ERROR, FIRES, HELD_BACK, SILENT, WOULD_FIRE
from cds.errors import BadRequest

PSEUDONYM = re.compile("hmac:[0-9a-f]{32}")  # as `cds.audit.entry.Identity` writes it
SPANS = {
    "": ("any time", None),
    "hour": ("the last hour", timedelta(hours=1)),
    "day": ("the last 24 hours", timedelta(days=1)),
    "week": ("the last 7 days", timedelta(days=7)),
    "month": ("the last 30 days", timedelta(days=30)),
    "own": ("from ... to ...", None),
}
OUTCOMES = {
    FIRES: "fired",
    WOULD_FIRE: "would have fired (silent mode)",
    HELD_BACK: "fired, card held back",
    CANNOT_TELL: "could not be judged",
    ERROR: "broke",
    SILENT: "stayed silent",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The fields as they were sent. `since` and `before` count with the span `own` only."""

    span: str = ""
    since: str = ""
    before: str = ""
    rule: str = ""
    row: str = ""
    outcome: str = ""
    patient: str = ""
    client: str = ""
    cursor: str = ""

    @classmethod
    def of(cls, sent: Mapping[str, str]) -> Asked:
        """What is not a field is left out."""
        return cls(**{x.name: sent.get(x.name, "").strip() for x in fields(cls)})

    @property
    def narrowed(self) -> bool:
        """Whether anything but all decisions is asked for."""
        return self != Asked(cursor=self.cursor)

    @property
    def names_somebody(self) -> bool:
        """Whether the patient is given by anything but a pseudonym: no address may hold that."""
        return bool(self.patient) and not PSEUDONYM.fullmatch(self.patient)

    def filled(self) -> dict[str, str]:
        """The fields that say something."""
        return {x.name: getattr(self, x.name) for x in fields(self) if getattr(self, x.name)}

    def query(self) -> str:
        """For an address: `?rule=...`, or "" for all decisions."""
        found = urlencode(self.filled())
        return f"?{found}" if found else ""

    def behind(self, cursor: str) -> Asked:
        """The same, from another place on."""
        return replace(self, cursor=cursor)

    def filter(self, now: datetime) -> Filter:
        """What to look for, `now` by the clock on the wall. Raises BadRequest."""
        since, before = self._moments(now)
        return Filter(
            since=since,
            before=before,
            rule=self.rule,
            row=self.row,
            outcome=self.outcome,
            patient=self.patient,
            client=self.client,
        )

    def _moments(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        if self.span not in SPANS:
            raise BadRequest("there is no such time span; choose one of the list")
        if self.span == "own":
            since, before = _moment(self.since, "From"), _moment(self.before, "To")
            if since is not None and before is not None and since >= before:
                raise BadRequest("the time in `From` must be earlier than the one in `To`")
            return since, before
        span = SPANS[self.span][1]
        return (None if span is None else now - span), None


def _moment(text: str, field: str) -> datetime | None:
    """A moment without an offset is one of UTC, as the label of the field says."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRequest(
            f"the time in `{field}` cannot be read; write it like 2026-11-21T09:00"
        ) from None
