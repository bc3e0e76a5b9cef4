"""Files of the audit that only the service may read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

OWNER_FILE, OWNER_FOLDER = 0o600, 0o700


def own(path: Path) -> bool:
    """Make the file, or take it over, with access for its owner only; True where it was made.

    Makes the folder too. Raises OSError, also where the path is a link or no plain file. A file
    that is there is not opened: closing it would let go of the locks SQLite holds in this process.
    """
    for folder in reversed([one for one in path.parents if not one.exists()]):
        folder.mkdir(mode=OWNER_FOLDER, exist_ok=True)  # `parents=True` would leave them open
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        os.close(os.open(path, flags, OWNER_FILE))
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise OSError("it is not a plain file") from None
        if stat.S_IMODE(found.st_mode) != OWNER_FILE:
            path.chmod(OWNER_FILE)
        return False
    _keep_name(path.parent)
    return True


def _keep_name(folder: Path) -> None:
    """Without this a machine that loses power may forget that the file was ever made."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
