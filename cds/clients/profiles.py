"""The profiles this service knows, and one of them with what a site adds.

Each line rests on a public page of the vendor or on the client's source; docs/CLIENTS.md says
which, and what has not been seen in a running system.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from cds.clients.profile import PLAIN, OrderCode, Profile
from cds.errors import SettingsError
from cds.kernel.codes import RXNORM

NDC = "http://hl7.org/fhir/sid/ndc"

PREFETCH_KEYS = (
    "patient",
    "observations",
    "medications",
    "administrations",
    "problems",
    "allergies",
    "encounter",
    "lab_orders",
    "procedures",
)

EPIC = Profile(
    "epic",
    # an `update` of an unsigned order is not among the suggestions the vendor lists
    actions=frozenset({"create", "delete"}),
    selection_behavior="any",
    topic_per_row=True,
    coding_systems=MappingProxyType(
        {
            RXNORM: "urn:oid:2.16.840.1.113883.6.88",
            NDC: "urn:oid:2.16.840.1.113883.6.69",
        }
    ),
    # keys are typed in by the analysts of a site; the vendor's sample writes one as `-user`
    prefetch_aliases=MappingProxyType({f"-{key}": key for key in PREFETCH_KEYS}),
    # details of a created order come from the site's list, whatever the suggestion says
    mapped_creates=frozenset({"MedicationRequest", "ServiceRequest"}),
)

SANDBOX_APP = Profile("sandbox-app", medication_text=True)

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {profile.name: profile for profile in (PLAIN, EPIC, SANDBOX_APP)}
)


def profile_of(
    name: str,
    *,
    order_codes: Mapping[str, OrderCode] | None = None,
    prefetch_aliases: Mapping[str, str] | None = None,
) -> Profile:
    """The profile of that name with the orders and prefetch keys of one site.

    Raises SettingsError where the name is unknown, an alias leads to no prefetch key, one of our
    own keys is made to mean another, or order codes are given to a profile that reads none.
    """
    known = PROFILES.get(name)
    if known is None:
        raise SettingsError(f"`profile` is not one of {', '.join(PROFILES)}")
    for alias, key in (prefetch_aliases or {}).items():
        _check_alias(alias, key)
    if order_codes and not known.mapped_creates:
        raise SettingsError(
            f"`order_codes` are of no use with the profile {name}, whose clients read the order "
            "itself; leave them out"
        )
    return replace(
        known,
        order_codes=MappingProxyType(dict(order_codes or {})),
        # what the site says of its own keys comes before what the profile supposes
        prefetch_aliases=MappingProxyType(
            {**(prefetch_aliases or {}), **_left(known.prefetch_aliases, prefetch_aliases or {})}
        ),
    )


def _left(usual: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    return {alias: key for alias, key in usual.items() if alias not in given}


def _check_alias(alias: str, key: str) -> None:
    if key not in PREFETCH_KEYS:
        raise SettingsError(
            f"`prefetch_aliases`: `{alias}` leads to `{key}`, which is no prefetch key; use one of "
            f"{', '.join(PREFETCH_KEYS)}"
        )
    if alias in PREFETCH_KEYS and alias != key:
        raise SettingsError(
            f"`prefetch_aliases`: `{alias}` is a prefetch key itself and cannot stand for `{key}`; "
            "rename it at the client"
        )
