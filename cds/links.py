"""Links that let somebody without a token look at one decision, for a while: "Why this card?".

The token in the address is all there is: nothing is kept of it, and nothing can be read with it but
the decision it names. Whoever has the address may look, so it does not last.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from cds.errors import CdsError

LASTS = timedelta(days=7)  # by the clock on the wall, from the moment a link is made
WHY = "/why"  # where such links lead

_LENGTH = 32  # bytes of a seal
_LONGEST = 512  # characters of a token: what is longer is not ours and is not looked at


class LinkRefused(CdsError):
    """This is no link of this service, or its key was changed."""


class LinkExpired(CdsError):
    """The link was good once."""


class Links:
    """Makes and reads the tokens of such links. `key` is a secret of the service."""

    def __init__(self, key: bytes) -> None:
        # A key for this purpose alone: what is signed elsewhere with the secret is no link.
        own = derived(key, "links")
        self._mac = hmac.new(own, digestmod=hashlib.sha256)

    def made(self, decision: str, expires: datetime) -> str:
        """The token of a link to a decision, good until `expires` (aware; whole seconds count)."""
        told = f"{int(expires.timestamp())}.{decision}".encode()
        return base64.urlsafe_b64encode(self._seal(told) + told).rstrip(b"=").decode()

    def read(self, token: str, now: datetime) -> str:
        """The id of the decision it opens. Raises LinkRefused, and LinkExpired from `now` on."""
        whole = _bytes(token)
        seal, told = whole[:_LENGTH], whole[_LENGTH:]
        # The seal first: what nobody vouches for is not read.
        if not hmac.compare_digest(seal, self._seal(told)):
            raise _refused()
        until, _, decision = told.decode().partition(".")
        if now >= datetime.fromtimestamp(int(until), UTC):
            raise LinkExpired(
                "this link has expired; the card brings a new one when it is shown again"
            )
        return decision

    def _seal(self, told: bytes) -> bytes:
        mac = self._mac.copy()
        mac.update(told)
        return mac.digest()


def derived(key: bytes, purpose: str) -> bytes:
    """A key for one purpose, of which nothing follows for the others."""
    return hmac.digest(key, f"electrolyte-cds {purpose}".encode(), "sha256")


def _bytes(token: str) -> bytes:
    """Only the one spelling that is made: other letters, or bits too many at the end, are another
    token."""
    if len(token) > _LONGEST or not token.isascii():
        raise _refused()
    padded = token + "=" * (-len(token) % 4)
    try:
        whole = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _refused() from None
    if base64.urlsafe_b64encode(whole).rstrip(b"=").decode() != token:
        raise _refused()
    return whole


def _refused() -> LinkRefused:
    return LinkRefused("this is no link of this service; copy the whole address from the card")
