"""The rules of a decision are kept with it, and load again as what they were."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

import pytest

from cds.audit.rerun import rerun
from cds.audit.rulebooks import ArchiveError, archive, archive_of, book_of, unpacked
from cds.rulebook.load import digest, load_rulebook
from kept_decisions import RULES, book, named


def names(packed: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as tar:
        return tar.getnames()


def tar_of(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        item = tarfile.TarInfo(name)
        item.size, item.type, item.linkname = len(content), kind, "/etc/passwd"
        tar.addfile(item, io.BytesIO(content))
    return packed.getvalue()


@pytest.mark.parametrize("site", [None, "example"])
def test_kept_rules_have_the_digest_of_the_rules(site: str | None) -> None:
    with unpacked(archive(RULES, site)) as directory:
        assert digest(directory, site) == digest(RULES, site)
        found = load_rulebook(directory, site)
    assert found == load_rulebook(RULES, site)
    assert found.digest == digest(RULES, site)


def test_the_same_files_give_the_same_bytes_wherever_they_stand(tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(RULES, copy)
    for path in copy.rglob("*"):
        path.chmod(0o700)
    assert archive(copy) == archive(RULES) == archive(RULES, "")


def test_the_laws_are_kept_and_what_decides_nothing_is_not() -> None:
    kept = names(archive(RULES, "example"))
    assert {"laws.yaml", "hypomagnesemia.yaml", "sites/example.yaml"} <= set(kept)
    assert len(kept) == len(set(kept))
    assert not [name for name in kept if name.startswith("sources") or name.endswith(".md")]
    assert not {"proof.json", "rule.schema.json"} & set(kept)
    assert not [name for name in names(archive(RULES)) if name.startswith("sites")]


def test_the_scratch_directory_is_gone_afterwards() -> None:
    with unpacked(archive(RULES)) as directory:
        assert (directory / "laws.yaml").is_file()
    assert not directory.exists()


def test_a_kept_rulebook_decides_as_the_one_in_force() -> None:
    kept = book_of(archive_of(book(), RULES), book().digest)
    assert rerun(named("first-card").sealed(), kept) == ()


def test_rules_that_changed_since_they_were_loaded_are_not_kept(tmp_path: Path) -> None:
    copy = tmp_path / "rules"
    shutil.copytree(RULES, copy)
    assert archive_of(book(), copy) == archive(RULES)
    rule = copy / "hypomagnesemia.yaml"
    rule.write_text(rule.read_text("utf-8") + "\n# changed\n", "utf-8")
    with pytest.raises(ArchiveError, match="changed since they were loaded"):
        archive_of(book(), copy)


def test_another_rulebook_under_a_digest_is_noticed() -> None:
    with pytest.raises(ArchiveError, match="is not the one of digest sha256:0000"):
        book_of(archive(RULES), "sha256:0000")
    with pytest.raises(ArchiveError, match="is not the one of digest"):
        book_of(archive(RULES), digest(RULES, "example"), "example")


@pytest.mark.parametrize(
    "packed",
    [
        tar_of("../outside.yaml"),
        tar_of("/outside.yaml"),
        tar_of("a/../../outside.yaml"),
        tar_of("link.yaml", kind=tarfile.SYMTYPE),
        tar_of("hard.yaml", kind=tarfile.LNKTYPE),
        tar_of("pipe.yaml", kind=tarfile.FIFOTYPE),
    ],
    ids=["parent", "absolute", "round about", "symbolic link", "hard link", "pipe"],
)
def test_an_archive_writes_rule_files_and_nothing_else(packed: bytes) -> None:
    with (
        pytest.raises(ArchiveError, match="something else than rule files"),
        unpacked(packed),
    ):
        pass  # pragma: no cover - nothing is unpacked


@pytest.mark.parametrize("packed", [b"", b"not a tar file" * 100, archive(RULES)[:700]])
def test_what_is_no_archive_is_refused(packed: bytes) -> None:
    with pytest.raises(ArchiveError, match="is not a tar file"), unpacked(packed):
        pass  # pragma: no cover - nothing is unpacked
