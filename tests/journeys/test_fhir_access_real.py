"""FHIR access over real connections, on this machine only: what a server does to a socket, and
certificates that are checked for the name while the connection goes to the address."""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cds.fhir.access import Fetched, FetchLimits, FhirAccess
from cds.fhir.network import guarded_http
from cds.hooks.discovery import templates
from cds.hooks.request import FhirAuthorization, HookCall

NAME = "fhir.hospital.example"
EMPTY = json.dumps({"resourceType": "Bundle", "type": "searchset"}).encode()
DEADLINE = 0.4
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def http(body: bytes, status: str = "200 OK", length: int | None = None, **headers: str) -> bytes:
    fields = {"Content-Type": "application/fhir+json", **headers}
    fields["Content-Length"] = str(len(body) if length is None else length)
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{lines}Connection: close\r\n\r\n".encode() + body


def sending(*parts: bytes, pause: float = 0.0) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)

    return answer


async def resetting(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def bomb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A thousand times more than it looks, and more of it after the end."""
    await reader.readuntil(b"\r\n\r\n")
    body = gzip.compress(b" " * 1_000_000) * 1000
    writer.write(http(body, Content_Encoding="gzip"))
    await writer.drain()


async def served(
    answer: Answer, ask: Callable[[int], Awaitable[Fetched]], tls: ssl.SSLContext | None = None
) -> tuple[Fetched, int, float]:
    """(what was fetched, connections made, seconds) with a server on a port of its own."""
    count = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        try:
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left first, as it should
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    async with server:
        port = server.sockets[0].getsockname()[1]
        started = time.monotonic()
        found = await ask(port)
        seconds = time.monotonic() - started
    return found, count, seconds


async def loopback(_host: str, _port: int) -> Sequence[str]:
    return ["127.0.0.1"]


def asking(scheme: str, host: str, **options: Any) -> Callable[[int], Awaitable[Fetched]]:
    async def ask(port: int) -> Fetched:
        base = f"{scheme}://{host}:{port}/fhir"
        call = HookCall(
            service="electrolytes-patient-view",
            hook="patient-view",
            hook_instance="i",
            user_id="Practitioner/u",
            patient_id="p1",
            fhir_server=base,
            authorization=FhirAuthorization("token", 300, "patient/*.read", "cds"),
        )
        networks = [ip_network("127.0.0.0/8")]
        async with guarded_http(networks, scheme == "http", loopback, **options) as client:
            limits = FetchLimits(max_bytes=200_000)
            access = FhirAccess(client, templates([]), time.monotonic, limits)
            deadline = time.monotonic() + DEADLINE
            return await access.fetch(call, ["problems"], [base], deadline)

    return ask


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (sending(http(EMPTY)), "ok"),
        (sending(http(gzip.compress(EMPTY), Content_Encoding="gzip")), "ok"),
        (sending(b"", pause=5), "slow"),
        (sending(http(EMPTY)[:-5], pause=5), "slow"),
        (sending(*([b"HTTP/1.1 200 OK\r\n"] + [b"X-Drip: 1\r\n"] * 500), pause=0.01), "slow"),
        (sending(http(EMPTY, length=5000)), "cut"),
        (sending(b""), "cut"),
        (sending(b"SSH-2.0-OpenSSH\r\n\r\n"), "cut"),
        (resetting, "cut"),
        (sending(http(b"", "302 Found", Location="/fhir/elsewhere")), "redirect"),
        (sending(http(b"<html/>", Content_Type="text/html")), "wrong-type"),
        (sending(http(EMPTY[:-1])), "not-json"),
        (sending(http(b" " * 300_000)), "too-large"),
        (bomb, "too-large"),
        (sending(http(b"{}", "401 Unauthorized")), "unauthorized"),
        (sending(http(b"{}", "503 Service Unavailable")), "server-error"),
    ],
    ids=[
        *("fine", "fine and zipped", "silent", "body never ends", "header never ends", "cut body"),
        *("no answer", "another protocol", "reset", "redirect", "html", "cut json", "too large"),
        *("bomb", "token refused", "busy"),
    ],
)
def test_whatever_happens_on_the_wire_has_its_outcome_in_time(answer: Answer, word: str) -> None:
    found, count, seconds = asyncio.run(served(answer, asking("http", "127.0.0.1")))
    assert [note.outcome for note in found.calls] == [word]
    assert count == 1
    # the deadline, and time for a busy machine to notice it
    assert seconds < DEADLINE + 1.0


def test_a_port_where_nobody_listens_cannot_be_reached() -> None:
    found, _, _ = asyncio.run(served(resetting, lambda _port: asking("http", "127.0.0.1")(9)))
    assert [note.outcome for note in found.calls] == ["unreachable"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for one name, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    places = folder / "certificate.pem", folder / "key.pem"
    places[0].write_bytes(built.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    places[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    return places


@pytest.mark.parametrize(
    ("host", "trusted", "word"),
    [
        (NAME, True, "ok"),
        ("other.hospital.example", True, "unreachable"),
        ("127.0.0.1", True, "unreachable"),
        (NAME, False, "unreachable"),
    ],
    ids=["the name", "another name", "the bare address", "a certificate nobody vouches for"],
)
def test_the_certificate_is_checked_for_the_name(
    certificate: tuple[Path, Path], host: str, trusted: bool, word: str
) -> None:
    here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    here.load_cert_chain(*certificate)
    verify = ssl.create_default_context(cafile=certificate[0]) if trusted else True
    ask = asking("https", host, verify=verify)
    found, _, _ = asyncio.run(served(sending(http(EMPTY)), ask, here))
    assert [note.outcome for note in found.calls] == [word]
