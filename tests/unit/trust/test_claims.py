"""When two addresses are one, and what clocks that differ may do."""

from __future__ import annotations

import pytest

from cds.errors import BadRequest
from cds.trust.claims import Address, check_times, same_address
from cds.trust.gate import service_of
from cds.trust.refusal import REASONS, Refused
from cds.trust.tokens import one_header

BASE = "https://cds.example.org/base"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://CDS.example.org/base/x", "https://cds.example.org/base/x"),
        ("https://cds.example.org:443/base/x/", "https://cds.example.org/base/x"),
        ("HTTP://localhost:80/x", "http://localhost/x"),
        ("http://[::1]:8000/x", "http://[::1]:8000/x/"),
    ],
)
def test_two_ways_to_write_one_address(one: str, other: str) -> None:
    assert same_address(one) == same_address(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://cds.example.org/base/x", "https://cds.example.org/base/X"),
        ("https://cds.example.org/base/x", "http://cds.example.org/base/x"),
        ("https://cds.example.org/base/x", "https://cds.example.org:8443/base/x"),
        ("https://cds.example.org/base/x", "https://cds.example.org/base/%78"),
        ("http://[::1]:8000/x", "http://[::1:8000]/x"),
    ],
)
def test_two_addresses(one: str, other: str) -> None:
    assert same_address(one) != same_address(other)


NO_ADDRESS = [
    "",
    "cds.example.org",
    "urn:x",
    "file:///etc/passwd",
    "https://",
    "https://cds.example.org/x?y",
    "https://cds.example.org/x#y",
    "https://user@cds.example.org/x",
    "https://cds.example.org/x\n",
    "https://cds.example.org/\ud800",
    "https://[x",
    "https://cds.example.org:port/x",
]


@pytest.mark.parametrize("text", NO_ADDRESS)
def test_what_is_no_address_is_equal_to_nothing(text: str) -> None:
    assert same_address(text) == ""
    assert not Address(text, BASE).is_called(text)
    assert not Address(text, None).is_called(text)


@pytest.mark.parametrize(
    ("called", "public_url", "ours"),
    [
        (f"{BASE}/cds-services", BASE, True),
        (f"{BASE}ment/cds-services", BASE, False),
        ("https://other.example/base/cds-services", BASE, False),
        ("http://127.0.0.1:8000/cds-services", None, True),
        ("http://localhost:8000/cds-services", None, True),
        ("http://[::1]:8000/cds-services", None, True),
        ("http://localhost.evil.example/cds-services", None, False),
        ("https://cds.example.org/cds-services", None, False),
        ("http://10.0.0.1/cds-services", None, False),
    ],
)
def test_the_address_called_counts_only_where_it_is_ours(
    called: str, public_url: str | None, ours: bool
) -> None:
    assert Address(called, public_url).is_called(called) is ours


NOW = 1000.0
USUAL = {"iat": NOW, "exp": NOW + 300}


@pytest.mark.parametrize(
    ("claims", "until"),
    [
        (USUAL, NOW + 360),
        ({"iat": NOW - 359, "exp": NOW - 59}, NOW + 1),
        ({"iat": NOW + 60, "exp": NOW + 360}, NOW + 420),
        ({"iat": NOW - 60, "exp": NOW + 300}, NOW + 360),
        ({**USUAL, "nbf": NOW + 60}, NOW + 360),
        ({"iat": NOW + 0.5, "exp": NOW + 10.25}, NOW + 70.25),
    ],
)
def test_clocks_may_differ_by_a_minute(claims: dict[str, float], until: float) -> None:
    assert check_times(claims, NOW) == until


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iat": NOW - 360, "exp": NOW - 60}, "expired"),
        ({"iat": NOW + 60.5, "exp": NOW + 300}, "future"),
        ({"iat": NOW - 60.5, "exp": NOW + 300}, "too-durable"),
        ({**USUAL, "nbf": NOW + 60.5}, "not-yet"),
        ({**USUAL, "nbf": None}, "not-yet"),
        ({**USUAL, "exp": float("inf")}, "times-missing"),
        ({**USUAL, "iat": False}, "times-missing"),
        ({**USUAL, "iat": 10**5000}, "times-missing"),
    ],
)
def test_and_by_no_more(claims: dict[str, float], reason: str) -> None:
    with pytest.raises(Refused) as caught:
        check_times(claims, NOW)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/cds-services", ""),
        ("/cds-services/", ""),
        ("/cds-services/a", "a"),
        ("/cds-services/a/", "a"),
        ("/cds-services/a/feedback", "a"),
        ("/base/cds-services/a", "a"),
        ("/cds-services/%61", "%61"),
        ("/health/ready", ""),
    ],
)
def test_the_service_an_address_is_of(path: str, service: str) -> None:
    assert service_of(f"https://cds.example.org{path}") == service


@pytest.mark.parametrize("reason", REASONS)
def test_a_refusal_is_a_401_with_a_challenge(reason: str) -> None:
    error = Refused(reason)
    assert isinstance(error, BadRequest)
    assert (error.status, error.code) == (401, "login")
    assert error.challenge.startswith("Bearer")
    assert ("invalid_token" in error.challenge) is (reason != "no-token")


def test_several_headers_become_one_that_is_refused_later() -> None:
    assert one_header([]) is None
    assert one_header(["Bearer a"]) == "Bearer a"
    assert one_header(["Bearer a", "Basic b"]) == "Bearer a, Basic b"
