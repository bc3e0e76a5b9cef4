"""A long body is compressed, and whatever lies in the database is opened or refused."""

from __future__ import annotations

import zlib

import pytest

from cds.audit import stored
from cds.audit.codec import CodecError, parse
from cds.audit.stored import LONG, closed, opened

SHORT_BODY = b'{"rules":[]}'
LONG_BODY = b'{"rules":["%s"]}' % (b"silent " * LONG)


def test_a_short_body_is_stored_as_it_was_written() -> None:
    assert closed(SHORT_BODY) == SHORT_BODY
    assert opened(SHORT_BODY) == SHORT_BODY


def test_a_long_body_is_stored_small_and_comes_back_as_it_was() -> None:
    assert len(closed(LONG_BODY)) * 10 < len(LONG_BODY)
    assert opened(closed(LONG_BODY)) == LONG_BODY
    assert parse(closed(LONG_BODY)) == parse(LONG_BODY)


def test_a_long_body_that_was_stored_before_any_was_compressed_is_read() -> None:
    assert opened(LONG_BODY) == LONG_BODY


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        closed(LONG_BODY)[:-1],
        closed(LONG_BODY) + b"x",
        closed(LONG_BODY)[:-1] + b"x",
    ],
)
def test_what_cannot_be_opened_is_refused(body: bytes) -> None:
    with pytest.raises(CodecError, match="not a JSON object"):
        opened(body)


def test_a_body_that_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "LARGEST", 1000)
    with pytest.raises(CodecError, match="not a JSON object"):
        opened(zlib.compress(b"{" + b" " * 1001))
