"""The patient as a reader could know them at an earlier moment, from what the chart tells today.

It is asked for one reason: whether what is found now was already so when a clinician overrode a
card. So where it is in doubt whether something was known, it was not, and the card is shown.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cds.facts.record import (
    Administration,
    LabResult,
    MedicationOrder,
    ProblemEntry,
    Record,
)

_DAY = timedelta(days=1)


def as_of(record: Record, at: datetime) -> Record:
    """Without the results, orders, doses given and problems that came after `at` (aware).

    An order counts from the time it was written, else from its start; one that tells neither was
    not known. A problem that does not say when it was recorded was known. What has ended or was
    taken off a list since then cannot be brought back.
    """
    return replace(
        record,
        labs=replace(record.labs, items=tuple(x for x in record.labs.items if _reported(x, at))),
        medications=replace(
            record.medications,
            items=tuple(x for x in record.medications.items if _ordered(x, at)),
        ),
        drafts=tuple(x for x in record.drafts if _ordered(x, at)),
        administrations=replace(
            record.administrations,
            items=tuple(x for x in record.administrations.items if _given(x, at)),
        ),
        problems=replace(
            record.problems, items=tuple(x for x in record.problems.items if _recorded(x, at))
        ),
    )


def _reported(item: LabResult, at: datetime) -> bool:
    """Issued by then, else written by then into the record; where neither is told, drawn by then.
    A result without any time is never used, so it may stay."""
    text = at.astimezone(UTC).isoformat(timespec="microseconds")  # as `LabResult.order` spells it
    told = next((moment for moment in item.order[1:3] if moment), "")
    return told <= text if told else item.effective is None or item.effective <= at


def _ordered(item: MedicationOrder, at: datetime) -> bool:
    written = item.authored or item.start
    return written is not None and _over(written) <= at


def _over(moment: datetime) -> datetime:
    """A bare date is read as its midnight: it may have been any time of that day."""
    return moment + _DAY if (moment.hour, moment.minute, moment.second) == (0, 0, 0) else moment


def _given(item: Administration, at: datetime) -> bool:
    return item.start is not None and item.start <= at


def _recorded(item: ProblemEntry, at: datetime) -> bool:
    return item.recorded is None or item.recorded <= at
