"""Why a caller is not believed: one fixed text per reason.

The texts are constants, so that nothing of a token can come into a reply or a log by way of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cds.errors import Unauthorized

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "no-token": "no token was sent; send `Authorization: Bearer` and a JWT, once",
        "scheme": "the Authorization header is not of the scheme Bearer; send `Bearer` and a JWT",
        "two-tokens": "more than one token was sent; send one",
        "too-long": "the token is longer than 8 KiB",
        "not-a-jwt": "the token is no signed JWT of three parts",
        "typ": "the token's `typ` must be JWT",
        "crit": "the token asks for an extension (`crit`) that is not known here",
        "own-key": "the token brings its own key (`jwk`, `x5c` or `x5u`); keys are agreed before",
        "alg": "the token's `alg` must be ES384 or RS384",
        "kid": "the token's `kid` must be a text of 1 to 255 printable characters",
        "jku": "the token's `jku` is not the key address this issuer is trusted with",
        "iss": "the token's issuer (`iss`) is not trusted here",
        "key": "no key of this issuer has the token's `kid` and fits its `alg`",
        "signature": "the token's signature is not the issuer's",
        "times-missing": "the token must have `exp` and `iat`, as numbers of seconds",
        "expired": "the token has expired; make a new one for every call",
        "future": "the token's `iat` lies in the future; check the clocks",
        "not-yet": "the token is not valid yet (`nbf`); check the clocks",
        "too-durable": "the token is valid for more than five minutes; make it shorter",
        "aud-missing": "the token must have an audience (`aud`), the address that is called",
        "aud": "the token's audience (`aud`) is not the address that is called",
        "sibling": "the token is for another address of this service; `aud` is the one called",
        "jti": "the token must have a `jti`, a text of 1 to 255 characters",
        "replayed": "the token was used before; make a new one, with a new `jti`, for every call",
    }
)


class Refused(Unauthorized):
    """A caller who is not believed (401). `reason` is a key of `REASONS`: fit for a log or metric.

    `challenge` is the value of the reply's `WWW-Authenticate` header (RFC 6750 section 3).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(REASONS[reason])
        self.reason = reason

    @property
    def challenge(self) -> str:
        """The header's value: without an error code where no token was sent."""
        return "Bearer" if self.reason == "no-token" else 'Bearer error="invalid_token"'
