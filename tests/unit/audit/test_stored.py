"""A body is compressed, and whatever lies in the database is opened or refused."""

from __future__ import annotations

import random
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from lz4.frame import LZ4FrameCompressor, compress

from cds.audit import stored
from cds.audit.cardcheck import cards_in
from cds.audit.codec import CodecError, parse
from cds.audit.marks import judged_in, marks_in
from cds.audit.outcomes import outcomes
from cds.audit.stored import LARGEST, WORTH, closed, opened
from kept_decisions import named

SHORT_BODY = b'{"rules":[]}'
LONG_BODY = b'{"rules":["%s"]}' % (b"silent " * 64 * 1024)
HEAD = 15  # bytes of a frame before what it holds
FRAME = closed(LONG_BODY)
OLDER = zlib.compress(LONG_BODY, 1)

# How a version stored a body: the first ones all, those before LZ4 short and long ones, this one.
WAYS: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda body: body,
    "by zlib": lambda body: zlib.compress(body, 1),
    "as now": closed,
}


def of_size(size: int) -> bytes:
    return b"{" + b" " * (size - 2) + b"}"


def announcing(size: int, frame: bytes) -> bytes:
    """The frame with another size in its head, which is right but for this; 0 = with none."""
    head: bytes = LZ4FrameCompressor().begin(source_size=size)
    return head + frame[HEAD:]


def test_a_very_short_body_is_stored_as_it_was_written() -> None:
    assert closed(SHORT_BODY) == SHORT_BODY
    assert opened(SHORT_BODY) == SHORT_BODY


@pytest.mark.parametrize(("size", "compressed"), [(WORTH - 1, False), (WORTH, True)])
def test_from_a_thousand_bytes_on_a_body_is_compressed(size: int, compressed: bool) -> None:
    assert (closed(of_size(size)) != of_size(size)) is compressed
    assert opened(closed(of_size(size))) == of_size(size)


def test_the_body_of_a_decision_is_stored_in_half_of_its_bytes_or_less() -> None:
    body = named("first-card").entry().body
    assert len(closed(body)) * 2 < len(body)
    assert opened(closed(body)) == body


def test_a_long_body_is_stored_very_small() -> None:
    assert len(closed(LONG_BODY)) * 10 < len(LONG_BODY)


def test_a_body_that_would_not_get_smaller_is_stored_as_it_is() -> None:
    noise = b"{" + random.Random(1).randbytes(5000)
    assert closed(noise) is noise
    assert opened(noise) == noise


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_every_reader_reads_what_any_version_stored(way: Callable[[bytes], bytes]) -> None:
    entry = named("first-card").entry()
    lies = way(entry.body)
    assert parse(lies) == named("first-card").body()
    assert marks_in(lies) == entry.marks
    assert judged_in(lies) == judged_in(entry.body) != frozenset()
    assert cards_in(lies, entry.patient) == cards_in(entry.body, entry.patient) != frozenset()
    assert outcomes([lies]) == outcomes([entry.body])
    assert outcomes([lies]).unreadable == 0


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_long_body_is_read_whatever_version_stored_it(way: Callable[[bytes], bytes]) -> None:
    assert opened(way(LONG_BODY)) == LONG_BODY


NO_BYTE = b"\x04\x22\x4d\x18\x48\x40" + bytes(8) + b"\x67"  # a right head, which nobody makes
REFUSED = {
    "nothing": b"",
    "a list": b"[]",
    "noise": b"\xff",
    "a frame with more behind it": FRAME + b"x",
    "two frames": FRAME + FRAME,
    "a frame of another kind": b"\x50\x2a\x4d\x18" + FRAME[4:],
    "a frame whose end was changed": FRAME[:-1] + b"x",
    "a frame that announces no size": announcing(0, FRAME),
    "a frame that announces the size 0": NO_BYTE + FRAME[HEAD:],
    "a frame that announces a byte less": announcing(len(LONG_BODY) - 1, FRAME),
    "a frame that announces a byte more": announcing(len(LONG_BODY) + 1, FRAME),
    "a frame that announces more than may be": announcing(LARGEST + 1, FRAME),
    "a frame that announces more than there is": announcing(2**64 - 1, FRAME),
    "zlib cut short": OLDER[:-1],
    "zlib with more behind it": OLDER + b"x",
    "zlib whose end was changed": OLDER[:-1] + b"x",
}  # fmt: skip


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_opened_is_refused(body: bytes) -> None:
    with pytest.raises(CodecError, match="not a JSON object"):
        opened(body)


def test_a_frame_that_was_cut_anywhere_is_refused() -> None:
    frame = closed(named("first-card").entry().body)
    for length in range(len(frame)):
        with pytest.raises(CodecError, match="not a JSON object"):
            opened(frame[:length])


def test_a_frame_of_which_bytes_were_changed_is_refused_or_has_the_size_it_announces() -> None:
    """No checksum is in it: that it says what was written, the seal tells."""
    body, chance = named("first-card").entry().body, random.Random(2)
    good, refused = closed(body), 0
    for _ in range(3000):
        frame = bytearray(good)
        for _ in range(chance.randint(1, 3)):
            frame[chance.randrange(HEAD, len(frame))] = chance.randrange(256)
        try:
            assert len(opened(bytes(frame))) == len(body)
        except CodecError:
            refused += 1
    assert 0 < refused < 3000


@pytest.mark.parametrize("pack", [compress, zlib.compress], ids=["LZ4", "zlib"])
def test_the_largest_body_is_opened_and_no_larger_one(
    pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "LARGEST", 2000)
    assert opened(pack(of_size(2000))) == of_size(2000)
    with pytest.raises(CodecError, match="not a JSON object"):
        opened(pack(of_size(2001)))


BOMB = compress(b" " * (LARGEST + 1))


@pytest.mark.parametrize(
    "body", [BOMB, announcing(2000, BOMB)], ids=["that says so", "that says it is small"]
)
def test_a_body_that_would_fill_the_memory_does_not(body: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(CodecError, match="not a JSON object"):
            opened(body)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1_000_000
