"""Where keys come from, how seldom they are asked for, and what happens when there are none.

The key address is a real one on this machine; only the clock is moved by hand.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from socket import socket
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from cds.clients.keys import PublicKey
from cds.clients.model import Client
from cds.errors import Overloaded
from cds.trust import keyset
from cds.trust.jwks import COOLDOWN, STALE, JwksCache
from cds.trust.keyset import FRESH, LARGEST
from token_kit import ISSUER, KeyAddress, Signer, ec_key, jwk, key_address, rsa_key

FIRST = Signer().jwk()
SECOND = jwk(ec_key(number=2), "k2")


@dataclass
class World:
    """One client, its key address, a clock, and the cache that asks."""

    address: KeyAddress
    now: float = 1000.0

    @property
    def client(self) -> Client:
        return Client("ehr", ISSUER, jku=self.address.url)

    def play(self, story: Callable[[JwksCache], Awaitable[None]]) -> None:
        """Run what happens, in one event loop, and close everything behind it."""

        async def run() -> None:
            async with httpx.AsyncClient(trust_env=False, verify=False) as http:
                cache = JwksCache(http, [self.client], clock=lambda: self.now)
                try:
                    await story(cache)
                finally:
                    await cache.close()

        asyncio.run(run())

    async def find(self, cache: JwksCache, kid: str = "k1") -> PublicKey | None:
        return await cache.find(self.client, kid, "ES384")


@pytest.fixture
def world() -> Iterator[World]:
    with key_address(FIRST) as address:
        yield World(address)


def test_keys_are_asked_for_once_while_they_are_fresh(world: World) -> None:
    async def story(cache: JwksCache) -> None:
        assert await world.find(cache)
        world.now += FRESH - 1
        assert await world.find(cache)
        assert world.address.requests == 1
        world.now += 1
        assert await world.find(cache)
        assert world.address.requests == 2

    world.play(story)


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        ("", 300),
        ("max-age=120", 120),
        ("public, max-age=1200, must-revalidate", 1200),
        ('max-age="900"', 900),
        ("MAX-AGE=600", 600),
        ("max-age=1", 60),
        ("max-age=86400", 3600),
        ("no-store", 60),
        ("no-cache, max-age=1200", 60),
        ("s-maxage=9", 300),
        ("max-age=soon", 300),
    ],
)
def test_the_address_says_how_long_its_answer_is_fresh_within_bounds(
    world: World, cache_control: str, seconds: int
) -> None:
    world.address.headers["Cache-Control"] = cache_control

    async def story(cache: JwksCache) -> None:
        await world.find(cache)
        world.now += seconds - 0.5
        await world.find(cache)
        assert world.address.requests == 1
        world.now += 1
        await world.find(cache)
        assert world.address.requests == 2

    world.play(story)


def test_a_new_key_is_found_without_a_restart_and_asked_for_once_in_a_while(world: World) -> None:
    async def story(cache: JwksCache) -> None:
        assert await world.find(cache)
        world.address.gives(FIRST, SECOND)
        for _ in range(50):
            assert await world.find(cache, "k2") is None, "asked a moment ago"
        assert world.address.requests == 1
        world.now += COOLDOWN
        assert await world.find(cache, "k2")
        for number in range(50):
            assert await world.find(cache, f"unknown-{number}") is None
        assert world.address.requests == 2

    world.play(story)


def test_a_key_that_was_taken_back_counts_no_more(world: World) -> None:
    async def story(cache: JwksCache) -> None:
        assert await world.find(cache)
        world.address.gives()
        world.now += FRESH
        assert await world.find(cache) is None

    world.play(story)


def test_a_hundred_calls_at_once_ask_once(world: World) -> None:
    async def story(cache: JwksCache) -> None:
        found = await asyncio.gather(*(world.find(cache) for _ in range(100)))
        assert all(found)
        assert world.address.requests == 1

    world.play(story)


def test_a_slow_answer_is_not_asked_for_again(world: World) -> None:
    world.address.wait = threading.Event()

    async def story(cache: JwksCache) -> None:
        first = asyncio.create_task(world.find(cache))
        await asyncio.sleep(0)
        world.now += COOLDOWN
        second = asyncio.create_task(world.find(cache))
        await asyncio.sleep(0)
        assert world.address.wait
        world.address.wait.set()
        assert await first
        assert await second
        assert world.address.requests == 1

    world.play(story)


def test_a_call_that_leaves_does_not_spoil_the_answer_for_another(world: World) -> None:
    world.address.wait = threading.Event()

    async def story(cache: JwksCache) -> None:
        leaving, staying = (asyncio.create_task(world.find(cache)) for _ in range(2))
        await asyncio.sleep(0.05)
        leaving.cancel()
        assert world.address.wait
        world.address.wait.set()
        assert await staying
        assert world.address.requests == 1

    world.play(story)


def broken(status: int, body: bytes, **headers: str) -> Callable[[KeyAddress], None]:
    def put(address: KeyAddress) -> None:
        address.status, address.body = status, body
        address.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    return put


GOOD = json.dumps({"keys": [FIRST]}).encode()
FAULTS: dict[str, tuple[Callable[[KeyAddress], None], str]] = {
    "500": (broken(500, GOOD), "the key address answered 500"),
    "404": (broken(404, GOOD), "the key address answered 404"),
    "a page of HTML": (broken(200, b"<html>"), "the key set is not JSON"),
    "nothing": (broken(200, b""), "the key set is not JSON"),
    "nested without end": (broken(200, b"[" * 60000), "the key set is not JSON"),
    "a list": (broken(200, b"[]"), "the answer is no JWK Set (`keys`)"),
    "one key": (broken(200, json.dumps(FIRST).encode()), "the answer is no JWK Set (`keys`)"),
    "too large": (broken(200, GOOD + b" " * LARGEST), "the key set is larger than 64 KiB"),
    "compressed": (
        broken(200, GOOD, Content_Encoding="gzip"),
        "the key address answered compressed",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_last_good_keys_count_for_a_day_while_the_address_fails(
    world: World, fault: str
) -> None:
    put, outcome = FAULTS[fault]

    async def story(cache: JwksCache) -> None:
        await world.find(cache)
        put(world.address)
        world.now += FRESH
        assert await world.find(cache)
        assert world.address.requests == 2
        state = cache.state()["ehr"]
        assert (state.age, state.outcome, state.keys) == (FRESH, outcome, 1)
        assert await world.find(cache)
        assert world.address.requests == 2, "not asked again at once"
        world.now += STALE - FRESH
        with pytest.raises(Overloaded):
            await world.find(cache)
        world.address.headers.clear()
        world.address.gives(FIRST)
        world.now += COOLDOWN
        assert await world.find(cache)
        assert cache.state()["ehr"].outcome == "fetched"

    world.play(story)


def test_while_the_address_fails_calls_do_not_wait_for_it(world: World) -> None:
    async def story(cache: JwksCache) -> None:
        await world.find(cache)
        world.address.status = 500
        world.now += FRESH
        await world.find(cache)
        world.address.wait = threading.Event()
        world.now += COOLDOWN
        assert await asyncio.wait_for(world.find(cache), 0.2)
        world.address.status = 200
        world.address.wait.set()
        await cache.warm()
        assert cache.state()["ehr"].outcome == "fetched"

    world.play(story)


def test_without_any_keys_yet_the_answer_is_to_try_again(world: World) -> None:
    world.address.status = 500

    async def story(cache: JwksCache) -> None:
        for _ in range(10):
            with pytest.raises(Overloaded) as caught:
                await world.find(cache)
            assert (caught.value.status, caught.value.retry_after) == (503, 30)
        assert world.address.requests == 1

    world.play(story)


def test_a_redirect_is_not_followed(world: World) -> None:
    with key_address(FIRST) as elsewhere:
        world.address.status = 302
        world.address.headers["Location"] = elsewhere.url

        async def story(cache: JwksCache) -> None:
            with pytest.raises(Overloaded):
                await world.find(cache)
            assert elsewhere.requests == 0

        world.play(story)


def test_an_address_that_does_not_answer_is_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "TIMEOUT", 0.1)
    world.address.wait = threading.Event()

    async def story(cache: JwksCache) -> None:
        with pytest.raises(Overloaded):
            await world.find(cache)
        assert cache.state()["ehr"].outcome == "the key address did not answer in time"

    world.play(story)


def test_an_address_that_answers_byte_by_byte_is_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "TIMEOUT", 0.3)
    world.address.drip = 0.02

    async def story(cache: JwksCache) -> None:
        with pytest.raises(Overloaded):
            await world.find(cache)
        assert cache.state()["ehr"].outcome == "the key address did not answer in time"

    world.play(story)


def test_an_address_where_nobody_listens_is_named_by_kind_only() -> None:
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/jwks.json"
    world = World(KeyAddress(url))

    async def story(cache: JwksCache) -> None:
        await cache.warm()
        assert cache.state()["ehr"].outcome == "the key address could not be reached (ConnectError)"
        assert cache.state()["ehr"].age is None

    world.play(story)


def test_closing_does_not_wait_for_an_address_that_is_silent(world: World) -> None:
    world.address.wait = threading.Event()

    async def story(cache: JwksCache) -> None:
        waiting = asyncio.create_task(world.find(cache))
        await asyncio.sleep(0.05)
        await asyncio.wait_for(cache.close(), 1)
        with pytest.raises(asyncio.CancelledError):
            await waiting

    world.play(story)


PASSED_OVER: dict[str, Any] = {
    "for encryption": {**FIRST, "use": "enc"},
    "for another algorithm": {**FIRST, "alg": "ES256"},
    "not for verifying": {**FIRST, "key_ops": ["sign"]},
    "on another curve": jwk(ec_key(ec.SECP256R1), "k1"),
    "with a curve that is not its own": {**jwk(ec_key(ec.SECP256R1), "k1"), "crv": "P-384"},
    "off the curve": {**FIRST, "y": FIRST["x"]},
    "private": {**FIRST, "d": FIRST["x"]},
    "a shared secret": {"kty": "oct", "kid": "k1", "k": "c2VjcmV0"},
    "an RSA key of the same name": jwk(rsa_key(), "k1"),
    "without a name": {name: value for name, value in FIRST.items() if name != "kid"},
    "with a number": {**FIRST, "x": 7},
    "a text": "k1",
    "nothing": None,
}


@pytest.mark.parametrize("kind", PASSED_OVER)
def test_a_key_that_may_not_verify_is_passed_over(world: World, kind: str) -> None:
    world.address.gives(PASSED_OVER[kind], SECOND)

    async def story(cache: JwksCache) -> None:
        assert await world.find(cache) is None
        assert await world.find(cache, "k2"), "the others count"

    world.play(story)


def test_keys_of_the_trust_file_need_no_address() -> None:
    given = Client("ehr", ISSUER, keys=(FIRST,))

    async def story() -> None:
        async with httpx.AsyncClient(trust_env=False, verify=False) as http:
            cache = JwksCache(http, [given], clock=lambda: 0.0)
            await cache.warm()
            assert await cache.find(given, "k1", "ES384")
            assert await cache.find(given, "k1", "RS384") is None
            assert cache.state()["ehr"].outcome == "given in the trust file"
            assert cache.state()["ehr"].keys == 1

    asyncio.run(story())
