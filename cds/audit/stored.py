"""The body of a record as it lies in the database: JSON, compressed where it is long.

A long body compressed is written in less time than it takes to compress it; a short one is not.
The seal is over what is stored: so nothing is opened that was not sealed, and to verify all records
none has to be.
"""

from __future__ import annotations

import zlib
from contextlib import suppress

from cds.audit.names import CodecError

LONG = 64 * 1024  # bytes from which compression pays
LARGEST = 64 * 1024 * 1024  # bytes of one body, opened
_FAST = 1  # zlib: more time makes it little smaller
_JSON = b"{"  # no compressed body begins with it


def closed(body: bytes) -> bytes:
    """JSON as it is stored."""
    return body if len(body) < LONG else zlib.compress(body, _FAST)


def opened(body: bytes) -> bytes:
    """The JSON of a stored body. Raises CodecError where it is none."""
    if body.startswith(_JSON):
        return body
    flow, found = zlib.decompressobj(), b""
    with suppress(zlib.error):
        found = flow.decompress(body, LARGEST)
    if not flow.eof or flow.unused_data:
        raise CodecError("the stored body is not a JSON object")
    return found
