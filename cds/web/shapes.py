"""Wire shapes of the addresses around the hooks, as documents only: what `/docs` shows."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cds.hooks.openapi import Coding


class AcceptedSuggestion(BaseModel):
    """A suggestion that was taken."""

    id: str = Field(min_length=1, description="`uuid` of the suggestion.")


class OverrideReason(BaseModel):
    """Why a card was not followed: a reason of the card, a comment, or both."""

    reason: Coding | None = None
    userComment: str | None = None


class FeedbackItem(BaseModel):
    """What became of one card (CDS Hooks 2.0.1, Feedback)."""

    card: str = Field(min_length=1, description="`uuid` of the card.")
    outcome: Literal["accepted", "overridden"]
    outcomeTimestamp: str = Field(
        examples=["2026-11-21T09:00:00Z"], description="ISO 8601 date and time with offset."
    )
    acceptedSuggestions: list[AcceptedSuggestion] | None = None
    overrideReason: OverrideReason | None = None


class Feedback(BaseModel):
    """One or many cards, of one call or of several, at once or hours later."""

    feedback: list[FeedbackItem]


class Done(BaseModel):
    """It was taken."""

    status: Literal["ok"]


class Live(BaseModel):
    """The process is up."""

    status: Literal["live"]


class Probe(BaseModel):
    """What one check found; a check may tell more than this."""

    model_config = ConfigDict(extra="allow")

    ok: bool


class Ready(BaseModel):
    """Whether calls can be answered, and by which rules."""

    status: Literal["ready", "not ready"]
    rulebook: str
    rules: int
    site: str | None = None
    checks: dict[str, Probe]


class Reloaded(BaseModel):
    """Which rules are in force after a reload."""

    status: Literal["replaced", "unchanged"]
    rulebook: str
    rules: int
    site: str | None = None


MODELS: tuple[type[BaseModel], ...] = (Feedback, Done, Live, Ready, Reloaded)


def content(model: str, media_type: str = "application/json") -> dict[str, Any]:
    """A body of that shape, as OpenAPI writes it."""
    return {"content": {media_type: {"schema": {"$ref": f"#/components/schemas/{model}"}}}}
