"""Reading a request body with limits that hold whatever the client announces."""

from __future__ import annotations

from starlette.requests import Request

from cds.errors import TooLarge
from cds.web.errors import Unsupported
from cds.web.nesting import check_depth


async def read_body(request: Request, limit: int, depth: int = 64) -> bytes:
    """The body, at most `limit` bytes (`CDS_MAX_BODY`) and `depth` levels (`CDS_MAX_DEPTH`).

    Raises TooLarge, Unsupported, BadRequest. An announced length is believed only when it is too
    much; the bytes are counted as they come. Nothing is ever unpacked: a body that grows on
    reading is refused unread.
    """
    encodings = ",".join(request.headers.getlist("content-encoding")).lower().split(",")
    if any(encoding.strip() not in ("", "identity") for encoding in encodings):
        raise Unsupported("the body is compressed; send it without Content-Encoding")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    body = b"".join(chunks)
    check_depth(body, depth)
    return body


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit} bytes; CDS_MAX_BODY sets the limit")
