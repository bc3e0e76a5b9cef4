"""A trusted client: its key pair, made anew for every run, the trust file that names it, and its
tokens. A token is good for one call (docs/TRUST.md), so each call has its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ISSUER = "https://ehr.example.org"
_KID = "bench"
_LIFE = 300  # seconds, the longest that is accepted


@cache
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP384R1())


def write_trust(path: Path) -> None:
    """A trust file with this client alone; JSON is YAML too."""
    public: dict[str, Any] = ECAlgorithm.to_jwk(_key().public_key(), as_dict=True)
    client = {"name": "bench", "issuer": ISSUER, "keys": [{**public, "kid": _KID}]}
    path.write_text(json.dumps({"clients": [client]}), encoding="utf-8")


def tokens(address: str) -> Callable[[], str]:
    """What makes the tokens for calls to this address, signed with ES384."""
    numbers = count()

    def token() -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": address,
            "iat": now,
            "exp": now + _LIFE,
            "jti": f"{now}-{next(numbers)}",
        }
        return jwt.encode(claims, _key(), algorithm="ES384", headers={"kid": _KID})

    return token
