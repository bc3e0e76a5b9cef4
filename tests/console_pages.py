"""Every page that people open, with something on it: for tests that look at all of them, and for
their pictures (`tests/screenshots.py`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from cds.hooks.services import SERVICES
from cds.links import Links
from cds.sample import sample

LINK_KEY = "a-key-for-the-tests-of-the-links-and-sessions"
FIRST = "first-card"
BY_HOOK = {entry.hook: entry.id for entry in SERVICES.values()}

# Some of the synthetic patients, so that the pages have something to show; the last is the newest.
ASKED = (
    "severe-on-dialysis-no-dose",
    "keys-left-out",
    "low-magnesium-at-discharge",
    "going-home",
    "refractory-and-both-severe",
    "potassium-at-15-meq-per-hour",
    "magnesium-with-morphine",
    "four-grams-with-stage-4-kidneys",
    "severe-without-any-creatinine",
    FIRST,
)


@dataclass(frozen=True)
class Page:
    """A page: `route` as the application knows it, `path` to open (`{decision}` and `{token}` are
    filled in), `shown` a part that stands there once all is loaded, `title` what is said of its
    picture. `status` is what it answers; `tokens` = only where there are tokens to sign in with.
    """

    name: str
    route: str
    path: str
    shown: str
    title: str
    status: int = 200
    tokens: bool = False


PAGES = (
    Page(
        "sandbox", "/console/sandbox", "/console/sandbox", "#found",
        "The synthetic patients to choose from",
    ),
    Page(
        "sandbox-patient", "/console/sandbox/{name}", f"/console/sandbox/{FIRST}",
        "#cards [data-card]", "A chart, a draft order, and the cards that its hooks were answered",
    ),
    Page("rules", "/console/rules", "/console/rules", "[data-verdict]", "All rules by topic"),
    Page(
        "rule", "/console/rules/{rule}", "/console/rules/hypomagnesemia", "[data-verdict]",
        "One rule: its sentences, levels, sources, cases and laws",
    ),
    Page(
        "rules-reading", "/console/rules/reading", "/console/rules/reading", "h1",
        "How to read a rule",
    ),
    Page(
        "rules-terms", "/console/rules/terms", "/console/rules/terms", "h1",
        "Terms, ranges, times and orders that rules share",
    ),
    Page(
        "rules-cases", "/console/rules/cases", "/console/rules/cases", "[data-rule]",
        "The cases of all rules, run anew",
    ),
    Page(
        "whatif", "/console/whatif",
        f"/console/whatif?start=patient:{FIRST}&magnesium.value=2.1", "h1",
        "What if: a value moved, and which rules change",
    ),
    Page(
        "decisions", "/console/decisions", "/console/decisions", "[data-decision]",
        "The decisions that were kept",
    ),
    Page(
        "decision", "/console/decisions/{decision}", "/console/decisions/{decision}",
        "h1", "One decision: its cards, what became of them, and why",
    ),
    Page(
        "why", "/why/{token}", "/why/{token}", "h1",
        "Why this card? The same for somebody who saw it, without identifiers",
    ),
    Page(
        "admin", "/console/admin", "/console/admin", "h1",
        "The rules in force and the state of the record", tokens=True,
    ),
    Page("signin", "/console/signin", "/console/signin", "#token", "Signing in", tokens=True),
    Page(
        "no-such-page", "", "/console/no-such-page", "h1", "A page that is not there", status=404
    ),
)  # fmt: skip

# Read by scripts or shown within a page.
PARTS = {
    "/console/",
    "/console/static/{digest}/{name}",
    "/why/static/{digest}/{name}",
    "/console/sandbox/orders.json",
    "/console/sandbox/{name}/call.json",
    "/console/rules/{rule}/page.css",
    "/console/decisions/{decision}/trace",
}


@dataclass(frozen=True)
class Seeded:
    """The newest decision of a server, and a link to it that is good."""

    decision: str
    token: str

    def path(self, page: Page) -> str:
        """Where the page is opened."""
        return page.path.format(decision=self.decision, token=self.token)


def ask(client: httpx.Client, name: str, now: datetime, hook: str = "") -> httpx.Response:
    """The call of a synthetic patient at that moment."""
    body: dict[str, Any] = sample(name).at(now)
    reply = client.post(f"/cds-services/{BY_HOOK[hook or body['hook']]}", json=body)
    assert reply.status_code == 200, (name, reply.text)
    return reply


def seed(
    url: str, now: datetime, real: datetime, between: Callable[[], None] = lambda: None
) -> Seeded:
    """Ask a sandbox that began with `LINK_KEY` about some patients, and tell it what became of
    some cards. `now` is the clinical moment, `real` the one by which links expire; `between` is
    done after each call."""
    with httpx.Client(base_url=url, timeout=30) as client:
        for name in ASKED:
            reply = ask(client, name, now)
            between()
        service = BY_HOOK[sample(ASKED[-1]).request["hook"]]
        told = client.post(
            f"/cds-services/{service}/feedback",
            json={"feedback": outcomes(reply.json()["cards"], now)},
        )
        assert told.status_code == 200, told.text
        decision = reply.headers["cds-decision"]
    expires = real + timedelta(days=1)
    return Seeded(decision, Links(LINK_KEY.encode()).made(decision, expires))


def outcomes(cards: list[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Feedback: the first card that offers something was accepted, the last overridden."""
    at = now.isoformat()
    offering = next(card for card in cards if card.get("suggestions"))
    last = cards[-1]
    assert last is not offering
    return [
        {
            "card": offering["uuid"],
            "outcome": "accepted",
            "outcomeTimestamp": at,
            "acceptedSuggestions": [{"id": offering["suggestions"][0]["uuid"]}],
        },
        {
            "card": last["uuid"],
            "outcome": "overridden",
            "outcomeTimestamp": at,
            "overrideReason": {"reason": last["overrideReasons"][0]},
        },
    ]
