"""Public keys of clients (JWK, RFC 7517): which may verify a token at all.

Two kinds only, those CDS Hooks 2.0.1 recommends: ES384 with an EC key on P-384, RS384 with an RSA
key. The kind of key settles the algorithm; a token only says which of the two it claims to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from jwt import PyJWK, PyJWTError

ALGORITHMS = {"EC": "ES384", "RSA": "RS384"}
CURVE = "P-384"
LEAST_BITS, MOST_BITS = 2048, 8192  # a larger RSA key only makes every call slow
_EXPONENTS = range(65537, 1 << 32, 2)
_SECRET = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_LONGEST_KID = 255


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that may verify tokens of one `algorithm` and one `kid`."""

    kid: str
    algorithm: str
    _jwk: PyJWK = field(repr=False)

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        """Whether the signature over `signed` was made with this key's private half."""
        return bool(self._jwk.Algorithm.verify(signed, self._jwk.key, signature))


def public_key(jwk: Mapping[str, Any]) -> PublicKey:
    """The key of one JWK. Raises ValueError saying what is wrong, without any of its values."""
    kind, kid = jwk.get("kty"), jwk.get("kid")
    if kind not in ALGORITHMS:
        raise ValueError("must be an EC or an RSA key (`kty`)")
    if not is_kid(kid):
        raise ValueError("must have a `kid` of 1 to 255 printable characters")
    if _SECRET & jwk.keys():
        raise ValueError("holds private members; give the public half, and replace this key pair")
    algorithm = ALGORITHMS[kind]
    _check_purpose(jwk, algorithm)
    if kind == "EC" and jwk.get("crv") != CURVE:
        raise ValueError(f"must be on the curve {CURVE}, for ES384")
    try:
        key = PyJWK(dict(jwk), algorithm)
    except (PyJWTError, ValueError, TypeError, AttributeError):
        raise ValueError("is not a well-formed public key") from None
    if kind == "RSA":
        _check_size(key)
    return PublicKey(kid, algorithm, key)


def is_kid(value: object) -> TypeGuard[str]:
    """Whether it can be the name of a key."""
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_KID and value.isprintable()


def _check_purpose(jwk: Mapping[str, Any], algorithm: str) -> None:
    if jwk.get("use", "sig") != "sig":
        raise ValueError("is not for signatures (`use`)")
    if jwk.get("alg", algorithm) != algorithm:
        raise ValueError(f"is for another algorithm (`alg`); {algorithm} is the one accepted")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list | tuple) or "verify" not in operations:
        raise ValueError("is not for verifying (`key_ops`)")


def _check_size(key: PyJWK) -> None:
    if not LEAST_BITS <= key.key.key_size <= MOST_BITS:
        raise ValueError(f"must be an RSA key of {LEAST_BITS} to {MOST_BITS} bits")
    if key.key.public_numbers().e not in _EXPONENTS:
        raise ValueError("must have the usual RSA exponent 65537, or a larger odd one")
