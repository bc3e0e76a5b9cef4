"""Whose a resource is, told from its `subject` or `patient` before anything else is read of it.

The chart leaves out what belongs to somebody else and names it. Here it is counted, because a list
that holds another patient's data is not to be trusted as complete (clinical pack R32). Results are
the exception: a stranger's result is named, and takes no result of the patient out of sight.
"""

from __future__ import annotations

from cds.fhir.address import Address, read_address
from cds.fhir.bundle import RawResource

RESULTS = "observations"


def is_foreign(resource: RawResource, patient_id: str, base: Address | None = None) -> bool:
    """Whether a resource says that it is about somebody else."""
    return is_foreign_owner(resource.owner, patient_id, base)


def is_foreign_owner(owner: str, patient_id: str, base: Address | None = None) -> bool:
    """Whether the literal reference of an owner is to somebody else.

    References may be relative, absolute, versioned or `urn:uuid:`. With `base`, an absolute one
    must lie on that server. One that states nobody is not foreign: the chart judges it.
    """
    if not owner or owner.startswith("#") or owner == f"urn:uuid:{patient_id}":
        return False
    plain = owner.partition("/_history/")[0]
    wanted = f"Patient/{patient_id}"
    if "://" not in plain:
        return plain != wanted
    if base is None:
        return not plain.endswith(f"/{wanted}")
    found = read_address(plain)
    return found is None or not base.has(found) or not found.path.endswith(f"/{wanted}")


def foreign_gap(key: str, count: int) -> str:
    """Why a list with so many resources of somebody else proves nothing by what it lacks."""
    return "" if key == RESULTS else left_out(key, count)


def left_out(key: str, count: int) -> str:
    """The sentence about `count` resources of somebody else, "" for none."""
    if not count:
        return ""
    if count == 1:
        return f"1 resource of `{key}` belongs to another patient and was left out"
    return f"{count} resources of `{key}` belong to another patient and were left out"
