"""R4 datatypes as far as the chart reads them, decoded by msgspec; unknown members are skipped.

Resources are decoded one by one from `msgspec.Raw` (see `bundle`), so that one broken resource is
set aside with a reason and never silences the rest.
"""

from __future__ import annotations

import msgspec

from cds.kernel import codes


class FhirStruct(msgspec.Struct, frozen=True, gc=False):
    """Base: unknown members are ignored, every member is optional unless a resource says so."""


class Coding(FhirStruct, frozen=True):
    """A code in a system."""

    system: str | None = None
    code: str | None = None
    display: str | None = None

    def canonical(self) -> codes.Coding | None:
        """The code with the canonical URI of its system; None when either is absent."""
        if not self.system or not self.code:
            return None
        return codes.Coding(codes.system_of(self.system), self.code)


class CodeableConcept(FhirStruct, frozen=True):
    """Codings that mean the same, and text."""

    coding: tuple[Coding, ...] = ()
    text: str | None = None

    def codings(self) -> tuple[codes.Coding, ...]:
        """All codings that carry a system and a code: never only the first."""
        found = [item.canonical() for item in self.coding]
        return tuple([item for item in found if item is not None])

    def words(self) -> str:
        """The best display text, or ""."""
        if self.text:
            return self.text
        return next((item.display for item in self.coding if item.display), "")


class Reference(FhirStruct, frozen=True):
    """A reference; `reference` may be relative, absolute or `#contained`."""

    reference: str | None = None
    display: str | None = None

    def relative(self) -> str:
        """`Type/id`, also for absolute URLs and versioned references; "" if there is none."""
        if not self.reference or self.reference.startswith("#"):
            return ""
        parts = self.reference.split("/_history/")[0].split("/")
        return "/".join(parts[-2:]) if len(parts) >= 2 else ""


class Period(FhirStruct, frozen=True):
    """Start and end as received."""

    start: str | None = None
    end: str | None = None


class Identifier(FhirStruct, frozen=True):
    """Business identifier."""

    system: str | None = None
    value: str | None = None


class Annotation(FhirStruct, frozen=True):
    """A note."""

    text: str | None = None


class Meta(FhirStruct, frozen=True):
    """Only what orders results in time."""

    lastUpdated: str | None = None
