"""Connections go to checked network addresses only, whatever a name resolves to later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from ipaddress import ip_network
from typing import Any

import httpx
import pytest

from cds.fhir.network import AddressRefused, guarded_http, is_reachable, resolve_name

PUBLIC = "8.8.8.8"
URL = "https://ehr.example.org/fhir/Patient/p1"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.127.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "203.0.113.9",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:a9fe:a9fe",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "nonsense",
        "",
    ],
)
def test_an_address_that_is_not_public_is_not_reachable(address: str) -> None:
    assert is_reachable(address, ()) is False


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "100.63.0.1", "2606:4700:4700::1111"])
def test_a_public_address_is_reachable(address: str) -> None:
    assert is_reachable(address, ()) is True


@pytest.mark.parametrize(
    ("address", "network", "reachable"),
    [
        ("10.1.2.3", "10.1.0.0/16", True),
        ("10.2.0.1", "10.1.0.0/16", False),
        ("fd12::7", "fd12::/64", True),
        ("::ffff:10.1.2.3", "10.1.0.0/16", False),
        ("10.1.2.3", "fd12::/64", False),
    ],
)
def test_a_private_network_is_entered_where_it_is_allowed_by_name(
    address: str, network: str, reachable: bool
) -> None:
    assert is_reachable(address, [ip_network(network)]) is reachable


class Inside(httpx.AsyncBaseTransport):
    """Where connections would be made: notes to which address, and for whom."""

    def __init__(self, seen: list[httpx.Request], refusing: Sequence[str] = ()) -> None:
        self._seen = seen
        self._refusing = refusing

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._seen.append(request)
        if request.url.host in self._refusing:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(200, headers={"set-cookie": "session=1"}, request=request)


def ask(
    answers: Sequence[Sequence[str]],
    *urls: str,
    clock: Callable[[], float] = lambda: 0.0,
    refusing: Sequence[str] = (),
    **options: Any,
) -> tuple[list[httpx.Request], list[tuple[str, int]], list[str]]:
    """(requests on the wire, names asked for, how each ended) for some addresses in turn."""
    seen: list[httpx.Request] = []
    asked: list[tuple[str, int]] = []
    ends: list[str] = []
    left = list(answers)

    async def resolver(host: str, port: int) -> Sequence[str]:
        asked.append((host, port))
        return left.pop(0) if len(left) > 1 else left[0]

    async def work() -> None:
        inner = lambda: Inside(seen, refusing)  # noqa: E731
        async with guarded_http(
            resolver=resolver, verify=False, clock=clock, inner=inner, **options
        ) as http:
            for url in urls:
                try:
                    ends.append(str((await http.get(url)).status_code))
                except httpx.TransportError as error:
                    ends.append(type(error).__name__)

    asyncio.run(work())
    return seen, asked, ends


def test_the_connection_goes_to_the_address_and_speaks_to_the_name() -> None:
    seen, asked, ends = ask([[PUBLIC]], f"{URL}?a=b")
    (request,) = seen
    assert (asked, ends) == ([("ehr.example.org", 443)], ["200"])
    assert str(request.url) == f"https://{PUBLIC}/fhir/Patient/p1?a=b"
    assert request.headers["host"] == "ehr.example.org"
    assert request.extensions["sni_hostname"] == "ehr.example.org"


def test_a_port_and_an_ipv6_address_keep_their_form() -> None:
    seen, asked, _ = ask([["2606:4700:4700::1111"]], "https://ehr.example.org:8443/x")
    assert (str(seen[0].url), asked) == (
        "https://[2606:4700:4700::1111]:8443/x",
        [("ehr.example.org", 8443)],
    )


def test_a_name_that_is_an_ipv6_address_is_checked_too() -> None:
    seen, asked, ends = ask([["::1"]], "https://[::1]/x")
    assert (seen, asked, ends) == ([], [("::1", 443)], ["AddressRefused"])


@pytest.mark.parametrize("addresses", [["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["::1", PUBLIC]])
def test_one_forbidden_address_refuses_the_host(addresses: list[str]) -> None:
    seen, _, ends = ask([addresses], URL)
    assert (seen, ends) == ([], ["AddressRefused"])


def test_a_name_keeps_its_address_for_a_while_and_is_then_checked_anew() -> None:
    times = iter([0.0, 29.0, 31.0, 31.0])
    seen, asked, ends = ask([[PUBLIC], ["127.0.0.1"]], URL, URL, URL, clock=lambda: next(times))
    assert [request.url.host for request in seen] == [PUBLIC, PUBLIC]
    assert (len(asked), ends) == (2, ["200", "200", "AddressRefused"])


def test_where_one_address_does_not_answer_the_next_one_is_tried_up_to_three() -> None:
    addresses = ["8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1"]
    seen, _, ends = ask([addresses], URL, refusing=addresses)
    assert [request.url.host for request in seen] == addresses[:3]
    assert ends == ["ConnectError"]
    assert ask([addresses], URL, refusing=addresses[:1])[2] == ["200"]


def test_plain_http_is_spoken_where_it_is_allowed_only() -> None:
    assert ask([[PUBLIC]], "http://ehr.example.org/")[2] == ["AddressRefused"]
    assert ask([[PUBLIC]], "http://ehr.example.org/", allow_http=True)[1:] == (
        [("ehr.example.org", 80)],
        ["200"],
    )


@pytest.mark.parametrize("scheme", ["file", "gopher", "ftp", "unix"])
def test_no_other_scheme_is_spoken_at_all(scheme: str) -> None:
    seen, asked, ends = ask([[PUBLIC]], f"{scheme}://ehr.example.org/x", allow_http=True)
    assert (seen, asked) == ([], [])
    assert ends in (["AddressRefused"], ["UnsupportedProtocol"])


def test_networks_may_be_allowed_by_host() -> None:
    networks = {"ehr.example.org": [ip_network("10.0.0.0/8")]}
    allow: Any = lambda host: networks.get(host, ())  # noqa: E731
    urls = (URL, "https://other.example.org/")
    _, _, ends = ask([["10.1.2.3"]], *urls, allow_private=allow)
    assert ends == ["200", "AddressRefused"]


def test_a_name_that_is_not_known_cannot_be_reached() -> None:
    assert ask([[]], URL)[2] == ["ConnectError"]

    async def unknown(_host: str, _port: int) -> Sequence[str]:
        raise OSError("no such name")

    async def work() -> None:
        async with guarded_http(resolver=unknown, verify=False) as http:
            await http.get(URL)

    with pytest.raises(httpx.ConnectError):
        asyncio.run(work())


def test_a_cookie_is_never_sent_back() -> None:
    seen, _, _ = ask([[PUBLIC]], URL, URL)
    assert all("cookie" not in request.headers for request in seen)


def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask([[PUBLIC]], URL)[2] == ["200"]


def test_addresses_of_patients_reach_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ask([[PUBLIC]], URL)
    assert "Patient" not in caplog.text


def test_a_refusal_names_no_address() -> None:
    async def work() -> str:
        async def resolver(_host: str, _port: int) -> Sequence[str]:
            return ["10.1.2.3"]

        async with guarded_http(resolver=resolver, verify=False) as http:
            with pytest.raises(AddressRefused) as raised:
                await http.get(URL)
        return str(raised.value)

    text = asyncio.run(work())
    assert "10.1.2.3" not in text
    assert "ehr" not in text


@pytest.mark.parametrize("name", ["127.0.0.1", "2130706433", "0x7f000001", "017700000001", "127.1"])
def test_the_system_reads_odd_spellings_of_an_address_and_they_are_caught(name: str) -> None:
    found = asyncio.run(resolve_name(name, 443))
    assert found == ("127.0.0.1",)
    assert not is_reachable(found[0], ())
