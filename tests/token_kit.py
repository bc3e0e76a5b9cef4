"""Keys, tokens and key addresses for tests, made here: nothing in this file trusts anything."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

BASE = "https://cds.example.org"
CALLED = f"{BASE}/cds-services/electrolytes-order-sign"
ISSUER = "https://ehr.example.org"
NOW = 1_800_000_000.0

Sign = Callable[[bytes], bytes]
_numbers = count()


@cache
def ec_key(curve: type[ec.EllipticCurve] = ec.SECP384R1, number: int = 0) -> Any:  # noqa: ARG001 - tells keys apart
    """A key pair; the same one for the same arguments."""
    return ec.generate_private_key(curve())


@cache
def rsa_key(bits: int = 2048) -> Any:
    """A key pair; the same one for the same size."""
    return rsa.generate_private_key(65537, bits)


def jwk(key: Any, kid: str, **more: Any) -> dict[str, Any]:
    """The public half as a JWK."""
    kind = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**kind.to_jwk(key.public_key(), as_dict=True), "kid": kid, **more}


def pem(key: Any) -> bytes:
    """The public half as text, as it is often handed round."""
    found: bytes = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return found


def signer(key: Any, algorithm: str) -> Sign:
    """What signs with that key, for ES or RS of any length."""
    length = getattr(RSAAlgorithm, f"SHA{algorithm[2:]}")
    maker = RSAAlgorithm(length) if algorithm.startswith("RS") else ECAlgorithm(length)
    return lambda signed: maker.sign(signed, key)


def hmac_signer(secret: bytes) -> Sign:
    """What signs with a shared secret."""
    return lambda signed: hmac.new(secret, signed, hashlib.sha384).digest()


def coded(data: bytes) -> str:
    """base64url as tokens have it."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(header: Any, claims: Any, sign: Sign) -> str:
    """A token of any header and claims: bytes as they are, anything else as JSON."""
    head, body = (
        coded(part if isinstance(part, bytes) else json.dumps(part).encode())
        for part in (header, claims)
    )
    return f"{head}.{body}.{coded(sign(f'{head}.{body}'.encode()))}"


@dataclass(frozen=True)
class Signer:
    """A client's side: what it would send. Members given as None are left out."""

    key: Any = field(default_factory=ec_key)
    kid: str = "k1"
    algorithm: str = "ES384"
    issuer: str = ISSUER
    now: float = NOW

    def header(self, **other: Any) -> dict[str, Any]:
        """The header, with other members."""
        return _without_none({"alg": self.algorithm, "typ": "JWT", "kid": self.kid, **other})

    def claims(self, **other: Any) -> dict[str, Any]:
        """The claims of a good call, each time with a new `jti`, with other members."""
        usual = {
            "iss": self.issuer,
            "aud": CALLED,
            "iat": int(self.now),
            "exp": int(self.now) + 300,
            "jti": f"jti-{next(_numbers)}",
        }
        return _without_none({**usual, **other})

    def token(self, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """A token signed by this client."""
        sign = signer(self.key, self.algorithm)
        return compact(self.header(**(header or {})), self.claims(**claims), sign)

    def jwk(self, **more: Any) -> dict[str, Any]:
        """The public key a trust file or a key address gives."""
        return jwk(self.key, self.kid, **more)


def _without_none(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


@dataclass
class KeyAddress:
    """A real address that gives keys, and counts who asks."""

    url: str = ""
    requests: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    wait: threading.Event | None = None
    drip: float = 0.0  # seconds between one byte of the answer and the next

    def gives(self, *jwks: Mapping[str, Any]) -> None:
        """These keys, from now on."""
        self.status, self.body = 200, json.dumps({"keys": list(jwks)}).encode()


def _bytes(body: bytes) -> Iterator[bytes]:
    return (body[i : i + 1] for i in range(len(body)))


@contextmanager
def key_address(*jwks: Mapping[str, Any]) -> Iterator[KeyAddress]:
    """A key address on this machine, as long as the block lasts."""
    address = KeyAddress()
    address.gives(*jwks)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address.requests += 1
            if address.wait is not None:
                address.wait.wait(10)
            try:
                self.send_response(address.status)
                for name, value in address.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(address.body)))
                self.end_headers()
                for piece in [address.body] if not address.drip else _bytes(address.body):
                    self.wfile.write(piece)
                    time.sleep(address.drip)
            except OSError:
                pass  # who asked has left

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address.url = f"http://127.0.0.1:{server.server_port}/jwks.json"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield address
    finally:
        if address.wait is not None:
            address.wait.set()
        server.shutdown()
        thread.join()
        server.server_close()
