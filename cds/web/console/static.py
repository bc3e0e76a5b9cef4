"""Styles and scripts of the console, from this package and from nowhere else.

An address carries the digest of all of them, so a browser may keep it for good, a new release is
never shown with the styles of the old one, and a script finds its neighbours beside it.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).parent / "static"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOR_GOOD = {"cache-control": "public, max-age=31536000, immutable"}


@cache
def contents() -> dict[str, bytes]:
    """The bytes of every file, by its name."""
    return {
        path.name: path.read_bytes()
        for path in sorted(FOLDER.iterdir())
        if path.suffix in TYPES and path.is_file()
    }


@cache
def digest() -> str:
    """Of all files and their names."""
    whole = hashlib.sha256()
    for name, content in contents().items():
        whole.update(f"{name} {len(content)} ".encode() + content)
    return whole.hexdigest()[:16]


def address_of(name: str, base: str) -> str:
    """Where a browser finds the file, of pages that stand below `base`."""
    if name not in contents():
        raise LookupError(f"there is no static file {name}")
    return f"{base}/static/{digest()}/{name}"


def static_route() -> Route:
    """`/static/{digest}/{name}` of the console."""

    async def static(request: Request) -> Response:
        """One file."""
        content = contents().get(request.path_params["name"])
        if content is None or request.path_params["digest"] != digest():
            raise HTTPException(404)
        kind = TYPES[Path(request.path_params["name"]).suffix]
        return Response(content, media_type=kind, headers=_FOR_GOOD)

    return Route("/static/{digest}/{name}", static)
