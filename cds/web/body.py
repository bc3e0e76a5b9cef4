"""Reading a request body with a limit that holds whatever the client announces."""

from __future__ import annotations

from starlette.requests import Request

from cds.errors import TooLarge


async def read_body(request: Request, limit: int) -> bytes:
    """The body, at most `limit` bytes (`CDS_MAX_BODY`). Raises TooLarge.

    An announced length is believed only when it is too much; the bytes are counted as they come.
    """
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
    return b"".join(chunks)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit} bytes; CDS_MAX_BODY sets the limit")
