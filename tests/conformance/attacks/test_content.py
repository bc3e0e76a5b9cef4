"""Attacks by way of the content: text of the chart that wants to be a link, a picture, HTML or a
table on a card, and bodies that readers of JSON take differently.

Cards are parsed with a real CommonMark parser: nothing but our own citations may become a link.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bench.bodies import NOW as BENCH_NOW
from bench.bodies import body as bench_body
from cds import bootstrap
from cds.rulebook.load import load_rulebook
from cds.sample import Sample, samples
from cds.settings import Settings
from cds.web.app import create_app

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HARM = "evil.example"

PAYLOADS = (
    f"[click](https://{HARM}/a)",
    f"![x](https://{HARM}/b.png)",
    f"<img src=https://{HARM}/c>",
    f"<script>fetch('//{HARM}')</script>",
    f"<https://{HARM}/d>",
    f"https://{HARM}/e and www.{HARM} and who@{HARM}",
    f"[x][1]\n\n[1]: https://{HARM}/f",
    "`code` ```fence``` ~~struck~~ **strong** _em_ __strong__",
    "# heading\n## heading\n---\n===\n> quote\n1. one\n- item\n",
    "| a | b |\n| - | - |\n| 1 | 2 |",
    "&lt;b&gt;&#60;i&#62; <!-- x --> <![CDATA[x]]> <?php ?>",
    "\\[x\\](y) \\<b> \\`",
    "\u202egnp.exe\u202c \u2066x\u2069 \u200b\x00\x1b[31m",
    f"javascript:alert(1) data:text/html,x ftp://{HARM} mailto:a@{HARM}",
    f"</p><p onclick=x> [{HARM}]() [a]<b>(c)",
    "{magnesium} {{context.patientId}} {potassium.why}",
)
# What our own cards are made of; everything else came from somewhere else.
OURS = {
    "paragraph_open", "paragraph_close", "inline", "text", "text_special", "softbreak",
    "strong_open", "strong_close", "bullet_list_open", "bullet_list_close", "list_item_open",
    "list_item_close", "link_open", "link_close",
}  # fmt: skip
TEXTS = {"display", "text", "unit", "family", "valueString", "patientInstruction", "sig", "title"}

FIRING = [item for item in samples(ROOT / "fhir_fixtures") if item.folder in ("firing", "broken")]


@pytest.fixture
def every_emitted_resource_is_valid() -> None:
    """Not here: an update keeps the hostile text of the draft, which R4 may forbid."""


@cache
def app(now: datetime) -> Any:
    return create_app(bootstrap.build(Settings(rules=ROOT / "rules", sandbox=True), now))


def post(call: Any, now: datetime = NOW, service: str = "electrolytes-order-select") -> Any:
    body = call if isinstance(call, bytes) else json.dumps(call).encode()

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app(now)), base_url="http://test"
        ) as client:
            return await client.post(f"/cds-services/{service}", content=body)

    return asyncio.run(ask())


def poisoned(value: Any, payload: str, spoil_units: bool) -> Any:
    """The call with the payload in every text that is not a code; names stay recognisable, so that
    the rules still fire."""
    if isinstance(value, list):
        return [poisoned(item, payload, spoil_units) for item in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, item in value.items():
        hit = isinstance(item, str) and name in TEXTS and (spoil_units or name != "unit")
        found[name] = f"{item} {payload}" if hit else poisoned(item, payload, spoil_units)
    return found


PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def nodes(markdown: str) -> Iterator[Token]:
    waiting = PARSER.parse(markdown)
    while waiting:
        token = waiting.pop(0)
        yield token
        waiting = [*(token.children or ()), *waiting]


@cache
def citations() -> frozenset[str]:
    book = load_rulebook(ROOT / "rules", None)
    return frozenset(parser_form(citation.url) for citation in book.citations.values())


def parser_form(url: str) -> str:
    return MarkdownIt("commonmark").normalizeLink(url)


def faults(card: dict[str, Any]) -> list[str]:
    """What of a card is not ours."""
    found = []
    for token in nodes(card.get("detail", "")):
        if token.type not in OURS:
            found.append(f"{token.type}: {token.content!r}")
        if token.type == "link_open" and token.attrs["href"] not in citations():
            found.append(f"link to {token.attrs['href']!r}")
    labels = [suggestion["label"] for suggestion in card.get("suggestions", ())]
    for text in (card["summary"], *labels, card.get("detail", "")):
        plain = re.sub(r"\]\(<[^>]*>\)", "", text)  # our own citations, checked above
        # what GitHub makes a link without being asked to, and what reverses or hides text
        found += re.findall(r"(?i)https?://\S*evil\S*|www\.\S+|\S+@\S+\.\S+|ftp://\S*", plain)
        found += re.findall(r"[\u202a-\u202e\u2066-\u2069\u200b\x00-\x08\x1b]", plain)
        found += re.findall(r"<(?=[A-Za-z/!?])\S*", plain)
    return found


def test_our_own_cards_are_made_of_plain_blocks_and_cited_links() -> None:
    cards = [card for item in FIRING for card in cards_of(item, item.request)]
    assert len(cards) > 50
    assert [found for found in map(faults, cards) if found] == []
    kinds = {token.type for card in cards for token in nodes(card.get("detail", ""))}
    assert "link_open" in kinds


def cards_of(item: Sample, call: Any) -> list[dict[str, Any]]:
    reply = post(call, item.now, f"electrolytes-{item.request['hook']}")
    assert reply.status_code in (200, 400, 412), reply.text
    found: list[dict[str, Any]] = reply.json().get("cards", [])
    return found


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("spoil_units", [False, True], ids=["units kept", "units spoilt"])
def test_no_text_of_a_chart_becomes_anything_but_text(payload: str, spoil_units: bool) -> None:
    cards = []
    for item in FIRING[PAYLOADS.index(payload) % 3 :: 3]:
        cards += cards_of(item, poisoned(item.request, payload, spoil_units))
    assert len(cards) > 20, "the rules still fire, so that there is something to look at"
    assert [found for found in map(faults, cards) if found] == []


def test_the_hostile_text_does_reach_the_cards() -> None:
    """Else the test above would look at nothing."""
    marker = "zzmarkerzz"
    said = [
        card
        for item in FIRING[::3]
        for card in cards_of(item, poisoned(item.request, marker, True))
    ]
    assert sum(marker in json.dumps(card) for card in said) > 10


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_ids_stay_out_of_the_markdown(payload: str) -> None:
    for item in FIRING[::9]:
        text = json.dumps(item.request)
        for name in set(re.findall(r'"id": "([^"]+)"', text)):
            text = text.replace(f'"{name}"', json.dumps(f"{name}{payload}"))
            text = text.replace(f'/{name}"', f"/{name}{json.dumps(payload)[1:]}")
        cards = cards_of(item, json.loads(text))
        assert [found for found in map(faults, cards) if found] == []


# Bodies that readers of JSON take differently: what this service does with each is stated here.

GOOD = bench_body("5k")


def changed(old: bytes, new: bytes) -> bytes:
    assert GOOD.count(old) >= 1
    return GOOD.replace(old, new, 1)


STATED: dict[str, tuple[Callable[[], bytes], int]] = {
    "the same name twice in the envelope: the last one counts": (
        lambda: b'{"hook": "patient-view", ' + GOOD.lstrip()[1:], 200),
    "NaN": (lambda: changed(b'"hook"', b'"x": NaN, "hook"'), 400),
    "Infinity": (lambda: changed(b'"hook"', b'"x": -Infinity, "hook"'), 400),
    "a number of a thousand digits is skipped over": (
        lambda: changed(b'"hook"', b'"x": ' + b"9" * 1000 + b', "hook"'), 200),
    "an exponent nobody can hold is skipped over": (
        lambda: changed(b'"hook"', b'"x": 1e999999, "hook"'), 200),
    "a byte order mark": (lambda: b"\xef\xbb\xbf" + GOOD, 400),
    "UTF-16": (lambda: GOOD.decode().encode("utf-16"), 400),
    "a comment": (lambda: changed(b'"hook"', b'/* x */ "hook"'), 400),
    "a comma at the end": (lambda: GOOD.rstrip()[:-1] + b",}", 400),
    "two bodies": (lambda: GOOD + GOOD, 400),
    "a NUL behind the body": (lambda: GOOD + b"\x00", 400),
    "a raw line break in a text": (lambda: changed(b'"hook"', b'"x": "a\nb", "hook"'), 400),
    "nested seventy deep": (
        lambda: changed(b'"hook"', b'"x": ' + b"[" * 70 + b"]" * 70 + b', "hook"'), 400),
    "half a surrogate in any text, since no text is meant by it": (
        lambda: re.sub(rb'("display": ?")', lambda found: found[1] + rb"\ud800", GOOD), 400),
    "half a surrogate where text is read": (
        lambda: re.sub(rb'"hookInstance": ?"[^"]*"', rb'"hookInstance": "\\ud800"', GOOD), 400),
}  # fmt: skip


@pytest.mark.parametrize("name", STATED)
def test_a_body_that_readers_take_differently_has_a_stated_answer(name: str) -> None:
    make, status = STATED[name]
    reply = post(make(), BENCH_NOW)
    assert reply.status_code == status, reply.text
    if status == 400:
        assert reply.json()["issue"][0]["code"] == "structure"


@pytest.mark.parametrize("value", ["1e999", "1e-999", "9" * 5000, "-0", "1.0e+2", "0.1e400"])
def test_a_result_with_an_absurd_number_ends_no_call_and_counts_for_nothing(value: str) -> None:
    text = GOOD.decode()
    spoilt = re.sub(r'("valueQuantity": ?\{"value": ?)[\d.]+', lambda found: found[1] + value, text)
    assert spoilt != text
    reply = post(spoilt.encode(), BENCH_NOW)
    assert reply.status_code == 200
    summaries = " ".join(card["summary"] for card in reply.json()["cards"])
    assert "9" * 200 not in reply.text, "what is shown is cut short"
    if value == "1e999":
        assert "could not be used" in summaries
        assert "evere" not in summaries


@pytest.mark.parametrize("mark", ["\\u0000", "\\uffff", "\\u202e", "\\ud83d\\ude00"])
def test_marks_nobody_can_see_end_no_call_and_reach_no_card(mark: str) -> None:
    text = re.sub(r'("(?:display|text)": ?")', lambda found: found[1] + mark, GOOD.decode())
    reply = post(text.encode(), BENCH_NOW)
    assert reply.status_code == 200
    details = "".join(card.get("detail", "") for card in reply.json()["cards"])
    assert not re.search(r"[\x00\u202e\ud800-\udfff\uffff]", details)
