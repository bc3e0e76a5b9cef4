"""The wire shapes as documents: what `/docs` shows. Nothing here runs on the way of a call.

The hot path reads with msgspec and writes bytes; a test holds these models against real requests
and answers, so that the documentation cannot drift (CDS Hooks 2.0.1).
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Context(BaseModel):
    """What the clinician is doing (hook `order-select`)."""

    userId: str = Field(examples=["Practitioner/example"])
    patientId: str = Field(examples=["example"], description="A bare id, not a reference.")
    encounterId: str | None = None
    selections: list[str] = Field(min_length=1, examples=[["MedicationRequest/draft-1"]])
    draftOrders: dict[str, Any] = Field(description="FHIR Bundle of the unsigned orders.")


class HookRequest(BaseModel):
    """A hook call. Members not named here are ignored."""

    hook: str = Field(examples=["order-select"])
    hookInstance: str = Field(description="Unique id of this call, a UUID.")
    context: Context
    prefetch: dict[str, dict[str, Any] | None] | None = Field(
        default=None, description="Answers to the templates of discovery; null = asked, no data."
    )
    fhirServer: str | None = None
    fhirAuthorization: dict[str, Any] | None = None


class Coding(_Shape):
    """A code in a system."""

    system: str | None = None
    code: str
    display: str | None = None


class Source(_Shape):
    """Whose advice it is. `topic.code` is the family of the card."""

    label: str
    url: str | None = None
    icon: str | None = None
    topic: Coding | None = None


class Link(_Shape):
    """A page or app to open."""

    label: str
    url: str
    type: Literal["absolute", "smart"]
    appContext: str | None = None


class Action(_Shape):
    """One change to the orders. `resource` for create and update, `resourceId` for delete."""

    type: Literal["create", "update", "delete"]
    description: str
    resource: dict[str, Any] | None = None
    resourceId: str | None = None
    extension: dict[str, Any] | None = None


class Suggestion(_Shape):
    """A set of actions to accept together."""

    label: str
    uuid: str
    isRecommended: bool | None = None
    actions: list[Action] | None = None
    extension: dict[str, Any] | None = None


class Why(BaseModel):
    """Where the card came from: decision id, rule and version, rulebook digest, rows."""

    decision: str
    rule: str
    rulebook: str
    rows: list[str]


class Card(_Shape):
    """One piece of advice."""

    uuid: str
    summary: str = Field(max_length=139)
    detail: str | None = Field(default=None, description="GitHub-flavoured markdown.")
    indicator: Literal["info", "warning", "critical"]
    source: Source
    suggestions: list[Suggestion] | None = None
    selectionBehavior: Literal["at-most-one", "any"] | None = None
    overrideReasons: list[Coding] | None = None
    links: list[Link] | None = None
    extension: Why


class Cards(_Shape):
    """The answer of a call; an empty list when there is nothing to say."""

    cards: list[Card]


class ServiceDescription(_Shape):
    """One service of discovery."""

    id: str
    hook: str
    title: str
    description: str
    prefetch: dict[str, str]
    usageRequirements: str
    version: str
    hookVersion: str


class Discovery(_Shape):
    """What is offered here."""

    services: list[ServiceDescription]


class Issue(_Shape):
    """One problem. `expression` is the path of the field it is about."""

    severity: Literal["fatal", "error", "warning", "information"]
    code: str
    diagnostics: str
    expression: list[str] | None = None


class OperationOutcome(_Shape):
    """Every answer that is not 2xx (FHIR R4). Values of the request are never repeated."""

    resourceType: Literal["OperationOutcome"]
    issue: list[Issue] = Field(min_length=1)
