"""The trust file (`CDS_TRUST`): which clients are trusted, and for what (docs/TRUST.md).

Whatever is not in this file is not trusted: no issuer, no key address, no FHIR server.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from cds.clients.model import Client
from cds.clients.text import At, Text, read_text
from cds.clients.trustschema import ClientText, TrustText
from cds.errors import SettingsError

_MESSAGES = {
    "missing": "this is missing; write it",
    "extra_forbidden": "this word is not known here; docs/TRUST.md lists those that are",
    "string_type": "must be a text",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "literal_error": "must be inpatient or outpatient, or left out",
    "int_parsing": "must be a whole number",
}


@dataclass(frozen=True, slots=True)
class Trust:
    """The clients that are trusted, by the issuer (`iss`) of their tokens."""

    clients: Mapping[str, Client]


def load_trust(path: Path, *, sandbox: bool = False) -> Trust:
    """The trust file at `path`. With the sandbox, http addresses and loopback networks too.

    Raises SettingsError with one line per finding: `CDS_TRUST file:line: what; how to mend`.
    """
    text = read_text(path)
    try:
        found = TrustText.model_validate(text.data, context={"sandbox": sandbox})
    except ValidationError as error:
        for detail in error.errors(include_input=False, include_url=False):
            text.report(_place(detail["loc"]), _words(detail["loc"], detail["type"], detail["msg"]))
        raise SettingsError("\n".join(text.problems)) from None
    _refuse_twins(found.clients, text)
    text.refuse()
    clients = {client.issuer: client.client() for client in found.clients}
    return Trust(MappingProxyType(clients))


def refuse_unknown_services(trust: Trust, known: Collection[str]) -> None:
    """Raises SettingsError where a client is given a service that does not exist."""
    for client in trust.clients.values():
        unknown = sorted((client.services or frozenset()) - set(known))
        if unknown:
            raise SettingsError(
                f"CDS_TRUST client {client.name}: no service is called `{unknown[0]}`; "
                f"there are {', '.join(sorted(known))}"
            )


def _refuse_twins(clients: tuple[ClientText, ...], text: Text) -> None:
    for what in ("issuer", "name"):
        counts = Counter(getattr(client, what) for client in clients)
        for i, client in enumerate(clients):
            if counts[getattr(client, what)] > 1:
                text.report(
                    ("clients", i, what), f"two clients have this `{what}`; give each its own"
                )


def _place(loc: At) -> At:
    """Without the names pydantic gives to the branches of a union."""
    return tuple(part for part in loc if part not in ("str", "ProfileText"))


def _words(loc: At, kind: str, message: str) -> str:
    place = ".".join(str(part) for part in _place(loc)) or "the file"
    if kind == "value_error":
        return f"`{place}`: {message.removeprefix('Value error, ')}"
    return f"`{place}`: {_MESSAGES.get(kind, 'has a form that is not accepted; see docs/TRUST.md')}"
