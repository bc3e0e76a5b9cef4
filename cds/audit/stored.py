"""The body of a record as it lies in the database: JSON as an LZ4 frame, a very short one as it is.

The frame of a usual body has a fourth to a half of its bytes, and to make it takes less time than
the seal, the disk and the database need for the rest. Older versions stored bodies as they were,
long ones by zlib; both are read.

The seal is over what is stored: so nothing has to be opened before it is known to be ours.
"""

from __future__ import annotations

import zlib
from contextlib import suppress

import lz4.frame

from cds.audit.names import CodecError

WORTH = 1024  # bytes from which compression pays
LARGEST = 64 * 1024 * 1024  # bytes of one body, opened
_JSON = b"{"  # no compressed body begins with it
_LZ4 = b"\x04\x22\x4d\x18"  # so every LZ4 frame begins, and nothing else that is stored
_NONE = "the stored body is not a JSON object"


def closed(body: bytes) -> bytes:
    """JSON as it is stored."""
    if len(body) < WORTH:
        return body
    # No checksum, for there is the seal. Its size, so that `opened` knows how much memory it takes.
    frame: bytes = lz4.frame.compress(body, content_checksum=False, store_size=True)
    return frame if len(frame) < len(body) else body


def opened(body: bytes) -> bytes:
    """The JSON of a stored body. Raises CodecError where it is none."""
    if body.startswith(_JSON):
        return body
    return _from_lz4(body) if body.startswith(_LZ4) else _from_zlib(body)


def _from_lz4(frame: bytes) -> bytes:
    """It must hold what it announces, to the byte: so no more than that is ever opened."""
    with suppress(RuntimeError):  # comes of whatever is wrong with a frame
        size = lz4.frame.get_frame_info(frame)["content_size"]
        flow = lz4.frame.LZ4FrameDecompressor()  # never one of before: an error spoils it
        found: bytes = flow.decompress(frame, size) if size <= LARGEST else b""
        if flow.eof and not flow.unused_data:
            return found
    raise CodecError(_NONE)


def _from_zlib(body: bytes) -> bytes:
    """As older versions stored a long body."""
    flow, found = zlib.decompressobj(), b""
    with suppress(zlib.error):
        found = flow.decompress(body, LARGEST)
    if not flow.eof or flow.unused_data:
        raise CodecError(_NONE)
    return found
