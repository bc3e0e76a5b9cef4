"""Decisions may go to the spool first where it is as safe there as in the database."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cds.keeping import on_one_disk


def test_a_database_file_beside_the_spool_is_on_its_disk(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "audit.sqlite3").touch()
    assert on_one_disk(tmp_path / "audit.sqlite3", tmp_path / "spool")


def test_neither_need_be_there_yet(tmp_path: Path) -> None:
    assert on_one_disk(tmp_path / "new" / "audit.sqlite3", tmp_path / "also new" / "spool")


def test_a_path_that_is_not_whole_is_looked_up_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert on_one_disk(Path("state/audit.sqlite3"), tmp_path / "spool")


def test_a_server_is_on_no_disk_of_ours(tmp_path: Path) -> None:
    assert not on_one_disk("postgresql://audit@db/audit", tmp_path / "spool")


def test_a_file_on_another_disk_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Path.stat

    def on_a_mount(path: Path, **named: bool) -> os.stat_result:
        found = plain(path, **named)
        if "mounted" not in path.parts:
            return found
        return os.stat_result((*found[:2], found.st_dev + 1, *found[3:]))

    (tmp_path / "mounted").mkdir()
    monkeypatch.setattr(Path, "stat", on_a_mount)
    assert not on_one_disk(tmp_path / "mounted" / "audit.sqlite3", tmp_path / "spool")
    assert on_one_disk(tmp_path / "mounted" / "audit.sqlite3", tmp_path / "mounted" / "spool")
