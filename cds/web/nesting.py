"""How deep and how long a JSON body is, before anything decodes it.

Deep nesting costs stack and long lists cost time in every reader behind; a hook call needs neither.
Both are looked at with whole-body operations only: no recursion, no step per byte in Python.
"""

from __future__ import annotations

from itertools import accumulate

import msgspec

from cds.errors import BadRequest, TooLarge
from cds.hooks.request import HookCall

_OTHER = bytes(set(range(256)) - set(b'"[]{}'))
_ALIKE = bytes.maketrans(b"{}", b"[]")  # which bracket closes which is the decoder's matter
_ROUNDS = 6  # so many leave nothing of a usual chart
_STEP = {ord("["): 1, ord("]"): -1}


class _Bundle(msgspec.Struct, gc=False):
    entry: list[msgspec.Raw] | None = None


_bundle = msgspec.json.Decoder(_Bundle)


def check_depth(body: bytes, most: int) -> None:
    """Raises BadRequest when arrays and objects stand more than `most` deep (`CDS_MAX_DEPTH`).

    What is not well-formed is left to the decoder, which refuses it: up to its first fault it is
    measured rightly, and behind that nothing is read.
    """
    left = _brackets(body)
    # Each round takes the innermost level away, and with it most of the text.
    for rounds in range(_ROUNDS):
        if left.count(b"[") <= most - rounds:
            return
        left = left.replace(b"[]", b"")
    if max(accumulate(map(_STEP.__getitem__, left)), default=0) > most - _ROUNDS:
        raise BadRequest(
            f"the JSON is nested more than {most} levels deep; CDS_MAX_DEPTH sets the limit",
            code="structure",
        )


def _brackets(body: bytes) -> bytes:
    """Only the brackets that stand outside texts, all of one kind.

    Escapes go first, so that every quotation mark that is left opens or closes a text; two that
    touch go together, since what stands behind them is inside or outside as before.
    """
    marks = body.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in body else body
    marks = marks.translate(_ALIKE, _OTHER).replace(b'""', b"")
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
