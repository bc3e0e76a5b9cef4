"""The synthetic patients as kept decisions, each answered once for all tests of the audit, when
the first of them asks about it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from cds.audit.batch import Sealed
from cds.audit.entry import Identity, entry_of
from cds.audit.kept import Entry
from cds.clients.model import Client
from cds.errors import BadRequest
from cds.hooks.request import HookCall, read_call
from cds.hooks.services import SERVICES
from cds.pipeline import Answer, answer
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook
from cds.sample import Sample, samples

ROOT = Path(__file__).parents[1]
RULES = ROOT / "rules"
AT = datetime(2026, 11, 21, 12, 30, 0, 250_000, tzinfo=UTC)
CLIENT = Client("ward-7")
KEYED = Identity(b"a key of the tests")
PLAIN = Identity(b"a key of the tests", plain=True)


@dataclass(frozen=True)
class Answered:
    """A synthetic patient with the call and the answer it got."""

    sample: Sample
    call: HookCall
    answer: Answer

    def entry(self, identity: Identity = KEYED) -> Entry:
        return entry_of(
            self.call, CLIENT, self.answer, book(), self.sample.now, AT, identity, 0.0125
        )

    def sealed(self) -> Sealed:
        return Sealed("chain", 1, b"", b"", self.entry())

    def whole(self) -> Answered:
        """The same with the whole reasoning of every rule, as up to format 2 it was kept."""
        found = answer(self.call, book(), self.sample.now, CLIENT)
        return replace(self, answer=found)

    def body(self, identity: Identity = KEYED) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.entry(identity).body)
        return found


@cache
def book() -> Rulebook:
    return load_rulebook(RULES)


@cache
def answered() -> tuple[Answered, ...]:
    """All that are answered, as a service does; five broken ones are refused."""
    return tuple(found for name in _samples() if (found := _answered(name)) is not None)


def named(name: str) -> Answered:
    found = _answered(name)
    assert found is not None, f"{name} is refused"
    return found


def call_of(item: Sample, **context: Any) -> HookCall:
    """The call of a synthetic patient; keyword arguments replace members of its context."""
    request = {**item.request, "context": {**item.request["context"], **context}}
    service = SERVICES[f"electrolytes-{request['hook']}"]
    return read_call(service, json.dumps(request).encode())


@cache
def _samples() -> dict[str, Sample]:
    return {item.name: item for item in samples(ROOT / "fhir_fixtures")}


@cache
def _answered(name: str) -> Answered | None:
    """None for one that is refused."""
    item = _samples()[name]
    try:
        call = call_of(item)
        return Answered(item, call, answer(call, book(), item.now, CLIENT, whole=False))
    except BadRequest:
        return None
