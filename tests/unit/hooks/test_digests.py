"""The digests of the parts of a call."""

from __future__ import annotations

import gc
import hashlib

import msgspec

from cds.hooks.digests import Digests


def test_each_part_has_its_own_sha_256_however_often_it_is_asked() -> None:
    digests = Digests()
    parts = [msgspec.Raw(text) for text in (b"[]", b"{}", b"[]")]
    for _ in range(2):
        assert [digests.of(part) for part in parts] == [
            hashlib.sha256(part).digest() for part in parts
        ]


def test_a_part_that_is_gone_lends_its_digest_to_no_other() -> None:
    digests = Digests()
    for number in range(1000):
        text = str(number).encode()
        assert digests.of(msgspec.Raw(text)) == hashlib.sha256(text).digest()
        gc.collect(0)
