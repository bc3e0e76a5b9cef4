"""The service judges only rules that may apply: it sends the same bytes as if it judged them all.

The synthetic patients, each several times as an EHR asks while an order is edited, and real orders
(`test_real_hospital` tells which).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from fixtures import ALL
from real.as_of import body
from real.hospital_data import load

from cds.clients.model import Client
from cds.engine.decision import Outcome
from cds.errors import BadRequest
from cds.hooks.request import HookCall, read_call
from cds.hooks.response import encode_cards
from cds.hooks.services import SERVICES
from cds.pipeline import Answer, answer
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook
from tests.unit.engine.alike import answered

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "mimic4-demo-half"
CLIENT = Client("ward")
ORDERS = 160


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return load_rulebook(ROOT / "rules")


@pytest.fixture
def compared(book: Rulebook) -> tuple[Counter[str], Callable[[HookCall, datetime], None]]:
    """Counts what was seen, and answers a call in both ways."""
    seen: Counter[str] = Counter()

    def compare(call: HookCall, now: datetime) -> None:
        try:
            whole = answer(call, book, now, CLIENT)
        except BadRequest:
            seen["refused"] += 1
            return
        for _ in range(2):  # an EHR asks more than once in a minute
            quick = answer(call, book, now, CLIENT, whole=False)
            assert encode_cards(quick.cards) == encode_cards(whole.cards)
            assert told(quick) == told(whole)
        seen["cards"] += len(quick.cards)
        seen["calls"] += 1
        for item in quick.decisions.items:
            assert item.outcome is Outcome.SILENT or not item.ruled_out
            seen[item.outcome.value] += 1
            seen["ruled out"] += item.ruled_out

    return seen, compare


def told(found: Answer) -> tuple[Any, ...]:
    decisions = found.decisions
    items = [answered(item) for item in decisions.items]
    return items, decisions.fine_print, decisions.unread, found.decision_id, found.defects


Compared = tuple[Counter[str], Callable[[HookCall, datetime], None]]


def test_every_synthetic_patient_is_sent_the_same_cards(compared: Compared) -> None:
    """At every hook, again, and a minute later: as they are and with nothing drafted at their own
    hook, at the others in turn. So each patient is asked about at each hook, and each hook with
    half of them either way; the other half would find the same rules ruled out."""
    seen, compare = compared
    for number, item in enumerate(ALL):
        request = item.request
        drafted = {**request["context"], "draftOrders": {"resourceType": "Bundle", "entry": []}}
        for turn, (service, entry) in enumerate(SERVICES.items(), number):
            both = (request["context"], drafted)
            own = entry.hook == request.get("hook")
            for context in both if own else both[turn % 2 : turn % 2 + 1]:
                hooked = {**request, "hook": entry.hook, "context": context}
                try:
                    call = read_call(SERVICES[service], json.dumps(hooked).encode())
                except BadRequest:
                    seen["refused"] += 1
                    continue
                compare(call, item.now)
        compare(call, item.now + timedelta(minutes=1))
    assert seen["calls"] > 3 * len(ALL)
    assert min(seen["cards"], seen["cannot-tell"], seen["ruled out"]) > len(ALL)


def test_real_orders_are_sent_the_same_cards(compared: Compared) -> None:
    if not (DATA / "MedicationRequest.ndjson.gz").is_file():
        pytest.skip("the MIMIC-IV demo half is not at ../shared/data/mimic4-demo-half")
    seen, compare = compared
    hospital = load(DATA)
    orders = ((patient, order) for patient in hospital.patients for order in patient.orders)
    total = sum(len(patient.orders) for patient in hospital.patients)
    for patient, order in islice(orders, 0, None, total // ORDERS):
        call = read_call(SERVICES["electrolytes-order-select"], body(hospital, patient, order))
        compare(call, order.authored)
    assert seen["calls"] > 150
    assert min(seen["cards"], seen["cannot-tell"], seen["ruled out"]) > 50
