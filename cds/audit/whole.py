"""A kept decision told in full: what the rules asked that were ruled out is worked out again.

The record of the patient, the moment and the rules are kept, so it can be. What was sealed is told
as it was sealed; nothing is told where this program would decide otherwise, for then it would put
its own reasons in the place of those there were.
"""

from __future__ import annotations

from dataclasses import replace

from cds.audit.batch import Sealed
from cds.audit.entry import ENGINE
from cds.audit.explain import explain, restored, told, told_as_kept
from cds.audit.rerun import Difference, again_decided, differences, readable
from cds.engine.decision import Decision, Decisions
from cds.errors import CdsError
from cds.rulebook.model import Rulebook


class DecidedOtherwise(CdsError):
    """What was sealed is not what is worked out now. The text may hold values of the patient."""


def explain_whole(sealed: Sealed, book: Rulebook, engine: str = ENGINE) -> str:
    """As `explain`, with the whole reasoning of every rule; `book` is the kept rulebook.

    Raises DecidedOtherwise, and CodecError when the body is not one that this version can read.
    """
    found, remark = whole(sealed, book, engine)
    with told_as_kept():
        return told(sealed, readable(sealed), found, remark) if remark else explain(sealed)


def whole(sealed: Sealed, book: Rulebook, engine: str = ENGINE) -> tuple[Decisions, str]:
    """The decisions with the reasoning of every rule, and a remark on what was worked out again for
    them ("" = nothing). Raises as `explain_whole`."""
    body = readable(sealed)
    with told_as_kept():
        kept = restored(body)
        number = sum(item.ruled_out for item in kept.items)
        if not number:
            return kept, ""
        again = again_decided(sealed, body, book, whole=True)
        found = differences(body, again)
        if found or list(map(_about, kept.items)) != list(map(_about, again.items)):
            raise DecidedOtherwise(_refusal(sealed, found, engine))
        pairs = zip(kept.items, again.items, strict=True)
        items = tuple(new if old.ruled_out else old for old, new in pairs)
        remark = (
            f"What {number} rules asked that were ruled out is not in the record: version {engine} "
            "worked it out again from the sealed record, by the rules of that time."
        )
        return replace(kept, items=items), remark


def _about(item: Decision) -> tuple[str, str]:
    return item.rule.id, item.order.source if item.order else ""


def _refusal(sealed: Sealed, found: tuple[Difference, ...], engine: str) -> str:
    what = f"{found[0]}" if found else "the rules come in another order"
    more = f" ({len(found) - 1} more: `cds rerun`)" if len(found) > 1 else ""
    return (
        f"version {engine} decides otherwise than was sealed by version {sealed.entry.engine}, so "
        f"it cannot tell what was asked then: {what}{more}"
    )
