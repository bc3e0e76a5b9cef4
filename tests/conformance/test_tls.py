"""Every address over TLS: discovery, a call, feedback."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from real_http import port_of
from typer.testing import CliRunner
from wire_checks import check

from cds.bootstrap import Service
from cds.cli import app as cli
from cds.web.app import create_app


@dataclass(frozen=True)
class Secured:
    """Where the service answers over TLS, and who vouches for it."""

    port: int
    context: ssl.SSLContext

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        base = f"https://127.0.0.1:{self.port}"
        with httpx.Client(base_url=base, verify=self.context, trust_env=False) as client:
            return check(method, path, client.request(method, path, **more))


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine that nobody else vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def secured(make_service: Callable[..., Service], tmp_path: Path) -> Iterator[Secured]:
    cert, key = certificate(tmp_path)
    app = create_app(make_service(sandbox=False, public_url="https://cds.example.org"))
    with port_of(app, ssl_certfile=str(cert), ssl_keyfile=str(key)) as port:
        yield Secured(port, ssl.create_default_context(cafile=str(cert)))


@pytest.mark.requirement("DISC-17", "SEC-01")
def test_discovery_calls_and_feedback_are_answered_over_tls(
    secured: Secured, hook: str, body_of: Callable[..., Any]
) -> None:
    discovered = secured.request("GET", "/cds-services")
    (name,) = (e["id"] for e in discovered.json()["services"] if e["hook"] == hook)
    called = secured.request("POST", f"/cds-services/{name}", json=body_of(hook))
    item = {"card": "c", "outcome": "overridden", "outcomeTimestamp": "2026-11-21T09:00:00Z"}
    told = secured.request("POST", f"/cds-services/{name}/feedback", json={"feedback": [item]})
    assert {reply.status_code for reply in (discovered, called, told)} == {200}
    for reply in (discovered, called, told):
        assert reply.headers["strict-transport-security"].startswith("max-age=")


@pytest.mark.requirement("DISC-17", "SEC-01")
def test_the_connection_is_of_a_version_that_still_counts_as_safe(secured: Secured) -> None:
    with (
        socket.create_connection(("127.0.0.1", secured.port), timeout=10) as plain,
        secured.context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        assert connection.version() in ("TLSv1.2", "TLSv1.3")


@pytest.mark.requirement("DISC-17", "SEC-01")
def test_the_same_port_does_not_speak_without_tls(secured: Secured) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{secured.port}/cds-services", trust_env=False)


def test_the_command_line_speaks_tls_itself(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    with served_by_command("--tls-cert", str(cert), "--tls-key", str(key)) as address:
        assert address.startswith("https://127.0.0.1:")
        context = ssl.create_default_context(cafile=str(cert))
        reply = httpx.get(f"{address}/cds-services", verify=context, trust_env=False)
        assert reply.status_code == 200


@pytest.mark.parametrize("given", [("--tls-cert",), ("--tls-key",), ("--tls-cert", "--tls-key")])
def test_half_a_certificate_or_none_stops_the_start(
    tmp_path: Path, given: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds.cli.start_quickly", lambda: None)  # this process goes on
    (tmp_path / "x.pem").write_text("no certificate", encoding="utf-8")
    words = [word for option in given for word in (option, str(tmp_path / "x.pem"))]
    found = CliRunner().invoke(cli, ["serve", "--port", "0", *words], env={"CDS_SANDBOX": "1"})
    assert found.exit_code == 2
    assert found.stderr.startswith("cds: --tls-cert and --tls-key: ")


@contextmanager
def served_by_command(*words: str) -> Iterator[str]:
    environment = {**os.environ, "CDS_SANDBOX": "1"}
    command = [sys.executable, "-m", "cds", "serve", "--port", "0", *words]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            line = next(line for line in process.stderr if "listening on" in line)
            yield line.split()[-1]
        finally:
            process.terminate()
            process.stderr.read()
