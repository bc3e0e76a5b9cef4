"""Seals: nothing of a record can change without its seal, and no place can be skipped."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from audit_kit import KEY, NOW, chain_in, entry
from cds.audit import schema
from cds.audit.chain import PUBLIC_KEY, chain_name, digest, genesis, key_name, key_of, seal
from cds.audit.heads import SYNC_EVERY, HeadWriter, read_heads

OTHER = key_of("another secret for tests, long enough too")


def test_the_key_is_made_of_the_secret() -> None:
    assert key_of("secret") == hashlib.sha256(b"secret").digest()
    assert key_of(None) == key_of("") == PUBLIC_KEY


def test_a_chain_is_named_after_its_writer_and_the_name_of_its_key() -> None:
    name = chain_name("ward 7/äöü.example", 42, NOW, KEY)
    assert name == f"ward-7-.example-42-20261122T120000.000000Z-k{key_name(KEY)}"
    assert chain_name("", 42, NOW, KEY).startswith("host-42-")
    assert key_name(KEY) != key_name(OTHER)
    assert KEY.hex()[:8] != key_name(KEY)


def test_a_chain_needs_the_offset_of_its_start() -> None:
    with pytest.raises(ValueError, match="offset"):
        chain_name("host", 1, datetime(2026, 1, 1), KEY)  # noqa: DTZ001 - on purpose


def test_each_chain_begins_with_a_seal_of_its_own() -> None:
    begins = {genesis(KEY, "a"), genesis(KEY, "b"), genesis(OTHER, "a")}
    assert len(begins) == 3


@pytest.mark.parametrize("name", schema.ENTRY_COLUMNS)
def test_the_seal_covers_every_field_of_an_entry(name: str) -> None:
    one = entry(1)
    value = getattr(one, name)
    changed = value + timedelta(microseconds=1) if isinstance(value, datetime) else value * 2
    assert digest(replace(one, **{name: changed})) != digest(one)


def test_the_same_moment_has_one_seal_whatever_its_offset() -> None:
    one = entry(1)
    assert one.at.tzinfo is UTC
    east = one.at.astimezone(datetime.fromisoformat("2026-01-01T00:00:00+09:00").tzinfo)
    assert digest(replace(one, at=east)) == digest(one)


def test_fields_do_not_run_into_each_other() -> None:
    one = replace(entry(1), client="ab", service="c")
    two = replace(entry(1), client="a", service="bc")
    assert digest(one) != digest(two)


def test_the_seal_covers_the_place_and_the_record_before() -> None:
    said = digest(entry(1))
    seals = {
        seal(KEY, "a", 1, b"p", said),
        seal(OTHER, "a", 1, b"p", said),
        seal(KEY, "b", 1, b"p", said),
        seal(KEY, "a", 2, b"p", said),
        seal(KEY, "a", 1, b"q", said),
        seal(KEY, "a", 1, b"p", digest(entry(2))),
    }
    assert len(seals) == 6


def test_each_record_holds_the_seal_of_the_one_before(tmp_path: Path) -> None:
    chain = chain_in(tmp_path)
    items = chain.sealed([entry(1), entry(2), entry(3)])
    assert [item.seq for item in items] == [1, 2, 3]
    assert [item.previous for item in items] == [
        genesis(KEY, chain.name), items[0].mac, items[1].mac,
    ]  # fmt: skip


def test_sealing_alone_does_not_move_the_chain(tmp_path: Path) -> None:
    chain = chain_in(tmp_path)
    tried = chain.sealed([entry(1), entry(2)])
    assert chain.sealed([entry(1)])[0] == tried[0]
    chain.advance(tried[-1])
    assert chain.sealed([entry(3)])[0].seq == 3


def test_a_chain_goes_on_where_the_database_says_it_ends(tmp_path: Path) -> None:
    chain = chain_in(tmp_path)
    name = chain.name
    chain.resume(None)
    assert chain.seq == 0
    chain.resume((4, b"m" * 32))
    (fifth,) = chain.sealed([entry(5)])
    assert (chain.name, fifth.seq, fifth.previous) == (name, 5, b"m" * 32)


def test_where_it_is_not_known_how_a_chain_ends_a_new_one_begins(tmp_path: Path) -> None:
    chain = chain_in(tmp_path)
    name = chain.name
    chain.advance(chain.sealed([entry(1), entry(2)])[-1])
    chain.begin_anew()
    (first,) = chain.sealed([entry(3)])
    assert (first.chain, first.seq) == (f"{name}.2", 1)
    assert first.previous == genesis(KEY, f"{name}.2")
    chain.begin_anew()
    assert chain.name == f"{name}.3"


class Ticking:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def heads(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit-heads.log"


def test_a_line_of_the_head_file_says_what_was_written(heads: Path) -> None:
    writer = HeadWriter(heads, KEY, Ticking())
    writer.note("chain-a", 1, 7, b"m" * 32)
    writer.note("chain-a", 8, 7, b"m" * 32, final=True)
    writer.close()
    read = read_heads(heads, KEY)
    assert read is not None
    kept, closed = read.lines
    assert (kept.chain, kept.first, kept.last, kept.mac) == ("chain-a", 1, 7, b"m" * 32)
    assert (kept.number, kept.good, kept.final) == (1, True, False)
    assert (closed.number, closed.good, closed.final) == (2, True, True)
    assert read.bad == read.torn == ()
    assert heads.stat().st_mode & 0o777 == 0o600


def test_lines_are_not_good_under_another_key(heads: Path) -> None:
    writer = HeadWriter(heads, KEY, Ticking())
    writer.note("chain-a", 1, 7, b"m" * 32)
    writer.close()
    read = read_heads(heads, OTHER)
    assert read is not None
    assert [line.good for line in read.lines] == [False]


def test_lines_are_on_the_disk_one_second_later(heads: Path) -> None:
    clock = Ticking()
    writer = HeadWriter(heads, KEY, clock)
    assert writer.due() is None
    writer.note("chain-a", 1, 1, b"m" * 32)
    clock.now += SYNC_EVERY / 4
    assert writer.due() == SYNC_EVERY * 3 / 4
    clock.now += SYNC_EVERY
    assert writer.due() == 0.0
    writer.sync()
    assert writer.due() is None
    writer.close()


def test_what_a_full_disk_left_of_a_line_does_not_spoil_the_next(heads: Path) -> None:
    first = HeadWriter(heads, KEY, Ticking())
    first.note("chain-a", 1, 1, b"m" * 32)
    first.close()
    whole = heads.read_bytes()
    for stop in range(1, len(whole)):
        heads.write_bytes(whole + whole[:stop])
        second = HeadWriter(heads, KEY, Ticking())
        second.note("chain-a", 2, 2, b"n" * 32)
        second.close()
        read = read_heads(heads, KEY)
        assert read is not None
        assert [line.last for line in read.lines if line.good][-1] == 2
        assert read.bad == ()
        assert len(read.torn) == (stop < len(whole) - 1)


def test_a_head_file_that_was_moved_away_is_not_written_on(heads: Path) -> None:
    writer = HeadWriter(heads, KEY, Ticking())
    heads.rename(heads.with_suffix(".1"))
    heads.touch()
    with pytest.raises(OSError, match="moved or removed"):
        writer.note("chain-a", 1, 1, b"m" * 32)
    writer.close()


def test_where_there_is_no_head_file_nothing_is_read(heads: Path) -> None:
    assert read_heads(heads, KEY) is None
