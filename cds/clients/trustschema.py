"""The shape of a trust file, checked as it is read."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from cds.clients.addresses import check_address, check_network
from cds.clients.keys import public_key
from cds.clients.model import Client
from cds.clients.profile import PLAIN, OrderCode, Profile
from cds.clients.profiles import profile_of
from cds.errors import SettingsError

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_MOST_REQUESTS = 1_000_000


def _plain(text: str) -> str:
    if not text or not text.isprintable() or text != text.strip():
        raise ValueError("must be a text of one line, without spaces around it")
    return text


def _sandbox(info: ValidationInfo) -> bool:
    return bool(info.context and info.context["sandbox"])


def _server(text: str, info: ValidationInfo) -> str:
    return check_address(text, sandbox=_sandbox(info))


def _network(text: str, info: ValidationInfo) -> str:
    return check_network(text, sandbox=_sandbox(info))


def _public(jwk: dict[str, Any]) -> dict[str, Any]:
    public_key(jwk)
    return jwk


Plain = Annotated[str, AfterValidator(_plain)]
Server = Annotated[str, AfterValidator(_server)]
Network = Annotated[str, AfterValidator(_network)]
PublicJwk = Annotated[dict[str, Any], AfterValidator(_public)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class OrderCodeText(_Part):
    """The client's own entry for an order."""

    system: Plain
    code: Plain
    display: str = ""
    category: Literal["", "inpatient", "outpatient"] = ""


class ProfileText(_Part):
    """A profile by its name, with what differs at this site."""

    base: str
    prefetch_aliases: dict[Plain, Plain] = Field(default_factory=dict)
    order_codes: dict[Plain, OrderCodeText] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _usable(self) -> ProfileText:
        try:
            self.profile()
        except SettingsError as error:
            raise ValueError(str(error)) from None
        return self

    def profile(self) -> Profile:
        """The named profile with this site's additions. Raises SettingsError."""
        codes = {
            name: OrderCode(code.system, code.code, code.display, code.category)
            for name, code in self.order_codes.items()
        }
        return profile_of(
            self.base, order_codes=codes, prefetch_aliases=dict(self.prefetch_aliases)
        )


class ClientText(_Part):
    """One trusted client, as written."""

    name: str
    issuer: Plain
    audiences: tuple[Plain, ...] = ()
    keys: tuple[PublicJwk, ...] = ()
    jku: str = ""
    fhir_servers: tuple[Server, ...] = ()
    networks: tuple[Network, ...] = ()
    profile: ProfileText = ProfileText(base=PLAIN.name)
    services: tuple[Plain, ...] | None = None
    requests_a_minute: int = 0

    @field_validator("name")
    @classmethod
    def _short(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("must be 1 to 40 small letters, digits and hyphens, a letter first")
        return name

    @field_validator("keys")
    @classmethod
    def _apart(cls, keys: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        kids = [key["kid"] for key in keys]
        if len(set(kids)) < len(kids):
            raise ValueError("two keys have one `kid`; give each its own")
        return keys

    @field_validator("jku")
    @classmethod
    def _key_address(cls, jku: str, info: ValidationInfo) -> str:
        # Kept as written: a token's own `jku` must be this very text.
        return check_address(jku, sandbox=_sandbox(info), query=True)

    @field_validator("profile", mode="before")
    @classmethod
    def _by_name(cls, profile: Any) -> Any:
        return {"base": profile} if isinstance(profile, str) else profile

    @field_validator("requests_a_minute")
    @classmethod
    def _rate(cls, rate: int) -> int:
        if not 0 <= rate <= _MOST_REQUESTS:
            raise ValueError("must be 0 (not limited) to 1000000")
        return rate

    @model_validator(mode="after")
    def _one_source_of_keys(self) -> ClientText:
        if bool(self.keys) == bool(self.jku):
            raise ValueError("a client has either `keys` or a `jku`; write one of the two")
        return self

    def client(self) -> Client:
        """The client it describes."""
        return Client(
            name=self.name,
            issuer=self.issuer,
            audiences=self.audiences,
            keys=tuple(MappingProxyType(key) for key in self.keys),
            jku=self.jku,
            fhir_servers=self.fhir_servers,
            networks=self.networks,
            profile=self.profile.profile(),
            services=None if self.services is None else frozenset(self.services),
            requests_a_minute=self.requests_a_minute,
        )


class TrustText(_Part):
    """The whole file."""

    clients: tuple[ClientText, ...]

    @field_validator("clients")
    @classmethod
    def _some(cls, clients: tuple[ClientText, ...]) -> tuple[ClientText, ...]:
        if not clients:
            raise ValueError("must name at least one client")
        return clients
