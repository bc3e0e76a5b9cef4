"""The rules themselves, kept beside the decisions they made: one archive for each digest.

A decision of last year is re-run with the rules of last year, whatever became of their directory.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from cds.errors import CdsError
from cds.rulebook.load import DECIDES_NOTHING, LAWS, digest, load_rulebook
from cds.rulebook.model import Rulebook

NAME = "rules"
SITES = "sites"


class ArchiveError(CdsError):
    """A kept rulebook that cannot be used, or rules that changed while they were being kept."""


def archive(directory: Path, site: str | None = None) -> bytes:
    """A tar file of exactly the files that the digest counts, and of the laws. The same files give
    the same bytes. `site`: the site whose files belong to it; None or "" = none."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in _files(directory, site or None):
            content = path.read_bytes()
            item = tarfile.TarInfo(path.relative_to(directory).as_posix())
            item.size, item.mode, item.mtime = len(content), 0o644, 0
            tar.addfile(item, io.BytesIO(content))
    return packed.getvalue()


def archive_of(book: Rulebook, directory: Path) -> bytes:
    """The archive of a rulebook that is in force, from the directory it was loaded from.

    Raises ArchiveError when the files there are no longer the ones that were loaded.
    """
    packed = archive(directory, book.site)
    with unpacked(packed) as found:
        if digest(found, book.site or None) != book.digest:
            raise ArchiveError(
                f"{directory}: the rule files changed since they were loaded, so the rules in "
                "force cannot be kept from there; reload the rules"
            )
    return packed


@contextmanager
def unpacked(packed: bytes) -> Iterator[Path]:
    """A directory with the files of an archive, there until the block ends; `load_rulebook` takes
    it. Raises ArchiveError for what is not an archive of rules."""
    with TemporaryDirectory(prefix="cds-rules-") as scratch:
        directory = Path(scratch) / NAME
        directory.mkdir()
        try:
            with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as tar:
                for item in tar:
                    _put(tar, item, directory)
        except tarfile.TarError:
            raise ArchiveError("the kept rulebook is not a tar file") from None
        yield directory


def book_of(packed: bytes, wanted: str, site: str = "") -> Rulebook:
    """The rulebook of an archive, known to be the one of digest `wanted`.

    Raises ArchiveError when it is another one, RulebookError when this version cannot load it.
    """
    with unpacked(packed) as directory:
        if digest(directory, site or None) != wanted:
            raise ArchiveError(f"the kept rulebook is not the one of digest {wanted}")
        return load_rulebook(directory, site or None)


def _files(directory: Path, site: str | None) -> Iterator[Path]:
    for path in sorted(directory.rglob("*")):
        parts = path.relative_to(directory).parts
        if not path.is_file() or path.suffix not in (".yaml", ".json"):
            continue
        if parts[0] in DECIDES_NOTHING and parts != (LAWS,):
            continue
        if parts[0] == SITES and Path(parts[1]).stem != site:
            continue
        yield path


def _put(tar: tarfile.TarFile, item: tarfile.TarInfo, directory: Path) -> None:
    """One file, below the directory and nowhere else: an archive may have been made by anyone."""
    name = PurePosixPath(item.name)
    content = tar.extractfile(item) if item.isreg() else None
    if content is None or name.is_absolute() or ".." in name.parts:
        raise ArchiveError("the kept rulebook holds something else than rule files")
    target = directory.joinpath(*name.parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content.read())
