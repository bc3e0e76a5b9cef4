"""How deep and how long a JSON body is, before anything decodes what is in it.

Deep nesting costs stack and long lists cost time in every reader behind; a hook call needs neither.
Both are looked at with whole-body operations only: no recursion, no step per byte in Python.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

import msgspec

from cds.errors import BadRequest, TooLarge
from cds.fhir.memo import Memory
from cds.hooks.request import HookCall

_OTHER = bytes(set(range(256)) - set(b'"[]{}'))
_ALIKE = bytes.maketrans(b"{}", b"[]")  # which bracket closes which is the decoder's matter
_ROUNDS = 6  # so many leave nothing of a usual chart
_STEP = {ord("["): 1, ord("]"): -1}
_ABOVE = 2  # levels of a call that a value of its prefetch stands in
_LONG = 1024  # bytes of a value from which it is quicker to know it again than to look through it
_LOOKS = 4
_shallow: Memory[bool] = Memory(4096)
_WEIGHT = 200  # bytes that one takes there, about


class _Bundle(msgspec.Struct, gc=False):
    entry: list[msgspec.Raw] | None = None


_bundle = msgspec.json.Decoder(_Bundle)


def check_depth(body: bytes, most: int) -> None:
    """Raises BadRequest when arrays and objects stand more than `most` deep (`CDS_MAX_DEPTH`).

    What is not well-formed is left to the decoder, which refuses it: up to its first fault it is
    measured rightly, and behind that nothing is read.
    """
    if not _is_shallow(_brackets(_marks(body)), most):
        raise BadRequest(
            f"the JSON is nested more than {most} levels deep; CDS_MAX_DEPTH sets the limit",
            code="structure",
        )


def check_call(call: HookCall, body: bytes, most: int) -> None:
    """The same for `body`, the text the call was read from. An EHR sends the same lists with every
    edit of an order: one that was looked through is known again by its digest."""
    lists = [(raw, bytes(raw)) for raw in call.prefetch.values() if memoryview(raw).nbytes >= _LONG]
    around = _around(body, [text for _, text in lists])
    if around is None or not _is_shallow(around, most):
        check_depth(body, most)
        return
    for raw, text in lists:
        name = (call.digests.of(raw), most)
        if not _shallow.recalled(name):
            if not _is_shallow(_brackets(_marks(text)), most - _ABOVE):
                check_depth(body, most)
            _shallow.keep(name, True, _WEIGHT)


def _around(body: bytes, parts: Iterable[bytes]) -> bytes | None:
    """The brackets of the body without these parts, in the order they stand in. None where they are
    not found so, as with a member that came twice, or where their like stands in a text or at
    another depth."""
    found, done, level = [], 0, 0
    for part in parts:
        place = _found(body, part, done)
        if place < 0:
            return None
        marks = _marks(body[done:place])
        if marks.count(b'"') % 2:  # it is within a text
            return None
        found.append(_brackets(marks))
        level += found[-1].count(b"[") - found[-1].count(b"]")
        if level != _ABOVE:
            return None
        done = place + len(part)
    return b"".join([*found, _brackets(_marks(body[done:]))])


def _found(body: bytes, part: bytes, start: int) -> int:
    """Where a long part stands, -1 where that cannot be told soon: what begins alike is passed over
    a few times only, however often it stands there."""
    place = start - 1
    for _ in range(_LOOKS):
        place = body.find(part[:_LONG], place + 1)
        if place < 0 or body.startswith(part, place):
            return place
    return -1


def _is_shallow(left: bytes, most: int) -> bool:
    """Whether these brackets, all of one kind, stand no more than `most` deep."""
    # Each round takes the innermost level away, and with it most of the text.
    for rounds in range(_ROUNDS):
        if left.count(b"[") <= most - rounds:
            return True
        left = left.replace(b"[]", b"")
    return max(accumulate(map(_STEP.__getitem__, left)), default=0) <= most - _ROUNDS


def _marks(text: bytes) -> bytes:
    """Only brackets, all of one kind, and quotation marks.

    Escapes go first, so that every quotation mark that is left opens or closes a text; two that
    touch go together, since what stands behind them is inside or outside as before.
    """
    marks = text.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in text else text
    return marks.translate(_ALIKE, _OTHER).replace(b'""', b"")


def _brackets(marks: bytes) -> bytes:
    """Those that stand outside texts."""
    return b"".join(marks.split(b'"')[::2])


def check_entries(call: HookCall, body: bytes, most: int) -> None:
    """Raises TooLarge when a Bundle of the call has more than `most` entries
    (`CDS_MAX_ENTRIES`), naming the Bundle. `body` is the text the call was read from."""
    if _holds_few(body, most):
        return
    drafts = [] if call.draft_orders is None else [("context.draftOrders", call.draft_orders)]
    for where, raw in (*drafts, *(("a Bundle of `prefetch`", x) for x in call.prefetch.values())):
        if memoryview(raw).nbytes > 2 * most and _length(raw) > most:
            raise TooLarge(f"{where} has more than {most} entries; CDS_MAX_ENTRIES sets the limit")


def _holds_few(body: bytes, most: int) -> bool:
    """Whether no list in it can have more than `most` entries. Each takes a byte at least and all
    but one a comma: so it is enough to count those in twice as much as is beyond that size."""
    beyond = len(body) - 2 * most
    if beyond <= 0:
        return True
    counted = min(len(body), 2 * beyond)
    return body.count(b",", 0, counted) + (len(body) - counted) // 2 + 1 < most


def _length(raw: msgspec.Raw) -> int:
    try:
        return len(_bundle.decode(raw).entry or ())
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return 0  # no Bundle: whoever reads it says so
