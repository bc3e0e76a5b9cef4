"""Reading JSON that a client sent, part by part, and refusing it in words a client can use.

A refusal names the field and never repeats its value, which may be patient data.
"""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from cds.errors import BadRequest

T = TypeVar("T")

# The value of a member that was not there. A member is typed `Raw`, never `Raw | None`: in a union
# msgspec no longer takes Raw for "anything" and refuses objects.
ABSENT = msgspec.Raw()

# msgspec writes "Expected `str`, got `int` - at `$.context.userId`": types and paths, never values.
_SHAPE = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in )?\$\.?(?P<path>[^`]*)`)?$")
_MISSING = re.compile(r"Object missing required field `(?P<name>\w+)`")
_TYPES = {"str": "text", "`": "", " | null": ""}


def utf8(body: bytes) -> bytes:
    """The body, known to be UTF-8 and not empty. Raises BadRequest."""
    if not body.strip():
        raise BadRequest("the body is empty; a JSON object is expected", code="structure")
    try:
        # Undecoded resources are only skipped over, so bad bytes in them would surface late.
        if not body.isascii():
            body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("the body is not UTF-8", code="structure") from None
    return body


def decode(decoder: msgspec.json.Decoder[T], raw: bytes | msgspec.Raw, at: str) -> T:
    """`raw` in the shape of the decoder. `at` is its path in the body, "" for the body itself.

    Raises BadRequest naming the field.
    """
    try:
        return decoder.decode(raw)
    except RecursionError:
        raise BadRequest("the JSON is nested too deeply", where=at, code="structure") from None
    except msgspec.ValidationError as error:
        raise _refused(str(error), at) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        name = f"`{at}`" if at else "the body"
        raise BadRequest(f"{name} is not well-formed JSON", where=at, code="structure") from None


def given(raw: msgspec.Raw) -> msgspec.Raw | None:
    """A member as it was sent, or None where it was left out or null."""
    return None if bytes(raw) in (b"", b"null") else raw


def missing(where: str) -> BadRequest:
    """The refusal of a call without the member `where`."""
    return BadRequest(f"`{where}` is missing", where=where, code="required")


def _refused(message: str, at: str) -> BadRequest:
    """msgspec's finding in our words, with the path from the top of the body."""
    found = _SHAPE.match(message)
    what, path = (found["what"], found["path"] or "") if found else ("", "")
    where = ".".join(part for part in (at, path) if part).replace(".[", "[")
    if absent := _MISSING.match(what):
        return missing(".".join(part for part in (where, absent["name"]) if part))
    for old, new in _TYPES.items():
        what = what.replace(old, new)
    name = f"`{where}`" if where else "the body"
    return BadRequest(f"{name} has the wrong type: {what.lower()}", where=where, code="structure")
