"""The wire shapes as documents: what `/docs` shows. Nothing here runs on the way of a call.

The hot path reads with msgspec and writes bytes; a test holds these models against real requests
and answers, so that the documentation cannot drift (CDS Hooks 2.0.1).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from cds.hooks.services import HOOKS


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _user(hook: str) -> str:
    return f"Type/id, Type being one of {', '.join(HOOKS[hook].users)}."


class _Context(BaseModel):
    userId: str = Field(examples=["Practitioner/example"], description=_user("order-select"))
    patientId: str = Field(examples=["example"], description="A bare id, not a reference.")
    encounterId: str | None = Field(
        default=None,
        examples=["visit"],
        description="A bare id, not a reference. Left out: an outpatient visit.",
    )


class OrderSelectContext(_Context):
    """An order is being chosen."""

    selections: list[str] = Field(
        min_length=1,
        examples=[["MedicationRequest/draft-1"]],
        description="The orders just selected, as Type/id of entries of `draftOrders`.",
    )
    draftOrders: dict[str, Any] = Field(description="FHIR Bundle of the unsigned orders.")


class OrderSignContext(_Context):
    """Orders are about to be signed: every one of them counts as selected."""

    draftOrders: dict[str, Any] = Field(
        description="FHIR Bundle of the orders to sign, new and revised."
    )


class PatientViewContext(_Context):
    """A patient's record is being opened."""

    userId: str = Field(examples=["Practitioner/example"], description=_user("patient-view"))


class EncounterDischargeContext(_Context):
    """A patient is being discharged."""

    encounterId: str = Field(examples=["visit"], description="A bare id, not a reference.")


class _HookRequest(BaseModel):
    hookInstance: str = Field(description="Unique id of this call, a UUID.")
    prefetch: dict[str, dict[str, Any] | None] | None = Field(
        default=None, description="Answers to the templates of discovery; null = asked, no data."
    )
    fhirServer: str | None = None
    fhirAuthorization: dict[str, Any] | None = None


class OrderSelectRequest(_HookRequest):
    """A call of `electrolytes-order-select`."""

    hook: Literal["order-select"]
    context: OrderSelectContext


class OrderSignRequest(_HookRequest):
    """A call of `electrolytes-order-sign`."""

    hook: Literal["order-sign"]
    context: OrderSignContext


class PatientViewRequest(_HookRequest):
    """A call of `electrolytes-patient-view`."""

    hook: Literal["patient-view"]
    context: PatientViewContext


class EncounterDischargeRequest(_HookRequest):
    """A call of `electrolytes-encounter-discharge`."""

    hook: Literal["encounter-discharge"]
    context: EncounterDischargeContext


class HookRequest(
    RootModel[
        Annotated[
            OrderSelectRequest | OrderSignRequest | PatientViewRequest | EncounterDischargeRequest,
            Field(discriminator="hook"),
        ]
    ]
):
    """A hook call; `hook` says which. Members not named here are ignored."""


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
