"""Reading a request body with limits that hold whatever the client announces."""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from cds.errors import TooLarge
from cds.web.errors import Unsupported
from cds.web.nesting import check_depth


async def read_body(request: Request, limit: int, depth: int | None = 64) -> bytes:
    """The body, at most `limit` bytes (`CDS_MAX_BODY`) and `depth` levels (`CDS_MAX_DEPTH`; None
    where whoever reads it looks at that).

    Raises TooLarge, Unsupported, BadRequest. An announced length is believed only when it is too
    much; the bytes are counted as they come. Nothing is ever unpacked: a body that grows on
    reading is refused unread.
    """
    headers = request.headers
    encodings = ",".join(headers.getlist("content-encoding")).lower().split(",")
    if any(encoding.strip() not in ("", "identity") for encoding in encodings):
        raise Unsupported("the body is compressed; send it without Content-Encoding")
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    body = await _received(request.receive, limit)
    if depth is not None:
        check_depth(body, depth)
    return body


async def _received(receive: Receive, limit: int) -> bytes:
    """All parts: nearly always one, so the way of `Request.stream` through a generator for each
    would be the longer one."""
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit} bytes; CDS_MAX_BODY sets the limit")
