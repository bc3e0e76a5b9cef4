"""A client of the service: who it is, what it may ask for, and where its data may be fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cds.clients.profile import PLAIN, Profile


@dataclass(frozen=True, slots=True)
class Client:
    """One client that is trusted, as the trust file (`CDS_TRUST`) names it.

    `name` goes into ids, logs and the audit record: a word of the site's, never a secret.
    `issuer` is the `iss` of its tokens. `audiences`: the `aud` it writes, where that is not the
    address called. `keys` are public keys (JWK), or `jku` is where they are fetched; never both.
    `fhir_servers`: the base addresses its `fhirServer` may have; no other is ever contacted.
    `networks`: private networks (CIDR) in which those may stand.
    `services`: ids it may see and call; None = all. `requests_a_minute`: 0 = not limited.
    """

    name: str
    issuer: str = ""
    audiences: tuple[str, ...] = ()
    keys: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    jku: str = ""
    fhir_servers: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    profile: Profile = PLAIN
    services: frozenset[str] | None = None
    requests_a_minute: int = 0

    def may_call(self, service: str) -> bool:
        """Whether it may see and call the service of this id."""
        return self.services is None or service in self.services
