"""One frame into a spool file, down to the disk, by whichever process does it."""

from __future__ import annotations

import os

from cds.audit import spoolfile
from cds.audit.spoolfile import Place
from cds.errors import CdsError

GONE = "the file where decisions wait for the database was moved or removed"


class NotPut(CdsError):
    """The frame is not there; the text says why, without any path or value. `broken`: nobody can
    tell any more what stands in the file."""

    def __init__(self, why: str, *, broken: bool) -> None:
        super().__init__(why)
        self.broken = broken


def put_frame(handle: int, path: str, place: Place, frame: bytes) -> None:
    """Return when it is on the disk. `path`: the name the open file should still have. Raises
    NotPut."""
    if not spoolfile.is_at(handle, path):
        raise NotPut(GONE, broken=True)
    written = False
    try:
        parts = spoolfile.framed(place.generation, place.index, frame)
        spoolfile.write_frame(handle, parts, place.offset)
        written = True
        os.fdatasync(handle)
    except OSError as error:
        erased = _erased(handle, place)
        # After a failed sync the system may call these pages clean: no later one is proof.
        raise NotPut(failed(error), broken=written or not erased) from None


def failed(error: OSError) -> str:
    """In words without the name of the file, which an OSError would tell."""
    why = error.strerror or error
    return f"the file where decisions wait for the database cannot be written ({why})"


def _erased(handle: int, place: Place) -> bool:
    """All of a frame may stand there but the zeros at its end."""
    try:
        spoolfile.erase(handle, place.offset)
    except OSError:
        return False
    return True
