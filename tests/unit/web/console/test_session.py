"""Sessions of the console: what stands in a cookie, how long it counts, and for whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cds.errors import TooMany
from cds.web.console.session import IDLE, LONGEST, RENEWED, Sessions
from cds.web.console.tries import MOST, SPAN, Tries

TOKENS = {"viewer": "v" * 24, "admin": "a" * 24}


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(b"secret", TOKENS, clock)


def test_a_cookie_is_the_session_it_was_sealed_from(sessions: Sessions) -> None:
    session = sessions.begin("viewer")
    assert sessions.read(sessions.sealed(session)) == session


def test_no_token_stands_in_a_cookie(sessions: Sessions) -> None:
    assert TOKENS["viewer"] not in sessions.sealed(sessions.begin("viewer"))


@pytest.mark.parametrize("part", range(5))
def test_a_cookie_with_one_part_changed_is_no_session(sessions: Sessions, part: int) -> None:
    one, other = (sessions.sealed(sessions.begin(role)).split(".") for role in ("viewer", "admin"))
    other[2] = str(int(other[2]) + 1)
    other[3] = str(int(other[3]) + 1)
    mixed = [*one[:part], other[part], *one[part + 1 :]]
    assert mixed != one
    assert sessions.read(".".join(mixed)) is None


@pytest.mark.parametrize(
    "cookie", ["", ".", "viewer", "....", "viewer.x.1.2.y", "root." + "0" * 32 + ".1.1." + "0" * 64]
)
def test_what_is_no_cookie_of_ours_is_no_session(sessions: Sessions, cookie: str) -> None:
    assert sessions.read(cookie) is None


@pytest.mark.parametrize(
    ("secret", "token", "read"),
    [(b"secret", "v" * 24, True), (b"other", "v" * 24, False), (b"secret", "w" * 24, False)],
    ids=["the same", "another key", "the token was changed"],
)
def test_a_session_counts_only_for_the_key_and_the_token_it_was_begun_with(
    sessions: Sessions, clock: Clock, secret: bytes, token: str, read: bool
) -> None:
    cookie = sessions.sealed(sessions.begin("viewer"))
    others = Sessions(secret, {**TOKENS, "viewer": token}, clock)
    assert (others.read(cookie) is not None) == read


def test_a_role_without_a_token_has_no_sessions(sessions: Sessions, clock: Clock) -> None:
    cookie = sessions.sealed(sessions.begin("viewer"))
    assert Sessions(b"secret", {"admin": TOKENS["admin"]}, clock).read(cookie) is None


def test_a_session_ends_half_an_hour_after_its_last_request(
    sessions: Sessions, clock: Clock
) -> None:
    assert timedelta(minutes=30) == IDLE
    cookie = sessions.sealed(sessions.begin("viewer"))
    clock.now += IDLE - timedelta(seconds=1)
    assert sessions.read(cookie) is not None
    clock.now += timedelta(seconds=1)
    assert sessions.read(cookie) is None


def test_a_session_in_use_ends_after_eight_hours(sessions: Sessions, clock: Clock) -> None:
    assert timedelta(hours=8) == LONGEST
    session, begun = sessions.begin("viewer"), clock.now
    while clock.now < begun + LONGEST:
        read = sessions.read(sessions.sealed(session))
        assert read is not None
        session = sessions.renewed(read) or read
        clock.now += timedelta(minutes=20)
    assert sessions.read(sessions.sealed(session)) is None


def test_a_cookie_is_not_written_anew_for_every_request(sessions: Sessions, clock: Clock) -> None:
    session = sessions.begin("viewer")
    clock.now += RENEWED - timedelta(seconds=1)
    assert sessions.renewed(session) is None
    clock.now += timedelta(seconds=1)
    renewed = sessions.renewed(session)
    assert renewed is not None
    assert (renewed.begun, renewed.id) == (session.begun, session.id)


def test_a_session_from_the_future_is_none(sessions: Sessions, clock: Clock) -> None:
    cookie = sessions.sealed(sessions.begin("viewer"))
    clock.now -= timedelta(minutes=5)
    assert sessions.read(cookie) is None


def test_each_session_has_its_own_word_for_its_forms(sessions: Sessions, clock: Clock) -> None:
    one, other = sessions.begin("viewer"), sessions.begin("viewer")
    assert sessions.csrf(one) != sessions.csrf(other)
    clock.now += RENEWED
    later = sessions.renewed(one)
    assert later is not None
    assert sessions.csrf(later) == sessions.csrf(one)
    assert sessions.csrf(one) not in sessions.sealed(one)


def test_ten_wrong_tokens_a_minute_are_let_through_and_then_none() -> None:
    seconds = [100.0]
    tries = Tries(lambda: seconds[0])
    for _ in range(MOST):
        tries.check()
        tries.wrong()
        seconds[0] += 1
    with pytest.raises(TooMany) as refused:
        tries.check()
    assert refused.value.retry_after == SPAN - MOST
    seconds[0] += refused.value.retry_after
    tries.check()
    tries.wrong()
    with pytest.raises(TooMany, match="try again in 1 s"):
        tries.check()
