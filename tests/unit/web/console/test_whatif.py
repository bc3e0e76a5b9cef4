"""The page of what-if: its address is what is stated, with and without a script."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from markupsafe import Markup

from cds.bootstrap import Service
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook

PAGE = "/console/whatif"
PART = {"hx-request": "true"}


@cache
def book() -> Rulebook:
    return load_rulebook(Path(__file__).parents[4] / "rules")


@pytest.fixture
def opened(people: Callable[..., Service], browser: Callable[..., Any]) -> Callable[..., Any]:
    """A browser in front of a service with these rules."""
    of = type(browser())
    return lambda rules=book: of(replace(people(), rules=rules))


@pytest.fixture
def client(opened: Callable[..., Any]) -> Any:
    return opened()


def at(**texts: str) -> str:
    return f"{PAGE}?{urlencode({k.replace('__', '.'): v for k, v in texts.items()})}"


def rows(html: str) -> dict[str, str]:
    """The text of each line of the table, by the id of its rule."""
    found = re.findall(r'<tr role="row" data-rule="([^"]+)".*?</tr>', html, re.S)
    parts = re.findall(r'(<tr role="row" data-rule=.*?</tr>)', html, re.S)
    return dict(zip(found, (words(part) for part in parts), strict=True))


def words(html: str) -> str:
    return " ".join(str(Markup(html).striptags()).split())


def summary(html: str) -> str:
    found = re.search(r'<p id="whatif-summary".*?>(.*?)</p>', html, re.S)
    assert found
    return unescape(found[1])


def test_the_page_states_nothing_and_shows_every_rule(client: Any) -> None:
    reply = client.get(PAGE)
    assert reply.status_code == 200
    assert summary(reply.text) == "Nothing is stated yet. At the start 0 of 20 rules fire."
    assert len(rows(reply.text)) == len(book().rules)
    assert 'data-changed="yes"' not in reply.text
    assert not re.search(r"<script>| style=| on\w+=", reply.text)


def test_what_changed_stands_first_and_says_what(client: Any) -> None:
    html = client.get(at(magnesium="1.1 mg/dL", renal_band="full")).text
    first, *others = rows(html).items()
    assert first[0] == "hypomagnesemia"
    assert "changed outcome, row, urgency" in first[1]
    assert "fired row A2, critical" in first[1]
    assert "Magnesium sulfate 4 g" in first[1]
    assert "magnesium level is severe: yes, magnesium 1.1 mg/dL: severe" in first[1]
    assert others
    assert all("changed" not in text for _, text in others)
    assert summary(html) == (
        "1 of 20 rules changes. Low magnesium: cannot tell, now fired (A2, critical)."
    )


def test_a_form_that_sends_all_its_fields_is_led_to_what_was_touched(client: Any) -> None:
    value = {"magnesium": "", "magnesium.value": "1.1", "magnesium.unit": "mg/dL"}
    empty = {"start": "", "hook": "", "rule": "", "ppi": "", "potassium.unit": "mmol/L"}
    sent = at(**value, **empty, sex="male")
    reply = client.get(sent)
    assert reply.status_code == 303
    asked = dict(parse_qsl(urlsplit(reply.headers["location"]).query))
    assert asked == {"magnesium": "1.1 mg/dL", "sex": "male"}
    again = client.get(reply.headers["location"])
    assert again.status_code == 200
    field = re.search(r'<input id="f-magnesium"[^>]*>', again.text)
    assert field
    assert 'value="1.1"' in field[0]


@pytest.mark.parametrize(
    ("value", "unit", "kept"),
    [
        ("1.1", "mmol/L", "1.1 mmol/L"),
        ("1.1 mg/dL", "mmol/L", "1.1 mg/dL"),
        ("1.1", "", "1.1 mg/dL"),
        ("<0.5", "mg/dL", "<0.5 mg/dL"),
        ("1.4 to 1.8", "mg/dL", "1.4 to 1.8 mg/dL"),
    ],
)
def test_a_value_and_its_unit_become_the_words_of_a_case(
    client: Any, value: str, unit: str, kept: str
) -> None:
    reply = client.get(at(magnesium__value=value, magnesium__unit=unit))
    assert dict(parse_qsl(urlsplit(reply.headers["location"]).query)) == {"magnesium": kept}


def test_a_part_brings_the_result_its_address_and_the_faults_of_fields(client: Any) -> None:
    reply = client.get(at(magnesium__value="x", magnesium__unit="mg/dL", renal_band="half"),
                        headers=PART)  # fmt: skip
    assert reply.status_code == 200
    assert "<html" not in reply.text
    address = re.search(r'id="whatif-result" data-address="([^"]*)"', reply.text)
    assert address
    kept = dict(parse_qsl(urlsplit(unescape(address[1])).query))
    assert kept == {"magnesium": "x mg/dL", "renal_band": "half"}
    assert 'id="whatif-summary" class="whatif-summary" role="status" hx-swap-oob' in reply.text
    fault = re.search(r'id="fault-magnesium" hx-swap-oob="true">([^<]*)<', reply.text)
    assert fault
    assert unescape(fault[1]) == "“x mg/dL” is not a number with a unit."
    assert re.search(r'id="fault-potassium" hx-swap-oob="true"></p>', reply.text)
    assert 'data-rule="hypomagnesemia"' in reply.text  # the rest is judged


def test_a_value_and_a_word_at_once_are_told(client: Any) -> None:
    html = client.get(at(magnesium__value="1.1", magnesium="missing"), headers=PART).text
    assert "A value and a word are both stated: the value counts." in html
    assert "fired row A2" in rows(html)["hypomagnesemia"]
    plain = client.get(at(magnesium__value="1.1", magnesium="missing"))
    assert "the value counts" in plain.text


def test_only_what_changed_and_only_one_rule(client: Any) -> None:
    changed = rows(client.get(at(changed="1", magnesium="1.1 mg/dL")).text)
    assert list(changed) == ["hypomagnesemia"]
    alone = client.get(at(rule="qt-risk", magnesium="1.1 mg/dL", ppi="present")).text
    assert list(rows(alone)) == ["qt-risk"]
    assert 'data-fact="qtc"' in alone
    assert 'data-fact="wbc"' not in alone  # it asks no white cells
    assert 'data-fact="ppi"' in alone  # it is stated
    assert "<optgroup" in alone
    assert 'value="case:qt-risk:1"' in alone


def test_each_stated_thing_can_be_reset_and_all_at_once(client: Any) -> None:
    html = client.get(at(start="patient:first-card", magnesium="1.5 mg/dL", ppi="present")).text
    links = [unescape(x) for x in re.findall(r'<a href="([^"]*)">Reset<', html)]
    queries = [dict(parse_qsl(urlsplit(link).query)) for link in links]
    assert queries == [
        {"start": "patient:first-card", "ppi": "present"},
        {"start": "patient:first-card", "magnesium": "1.5 mg/dL"},
    ]
    assert f'<a class="button" href="{PAGE}?start=patient%3Afirst-card" data-reset="all">' in html


def test_the_page_says_what_was_at_the_start_and_what_cannot_be_stated(client: Any) -> None:
    html = client.get(at(start="patient:first-card")).text
    assert re.search(r'id="start-magnesium">At the start: 1\.0 mg/dL \(0\.41 mmol/L\)<', html)
    assert "makes one decision for each selected draft order" in html
    assert "no rule in force asks it" in html


@pytest.mark.parametrize("name", ["<b>bold</b>", "start.value", "__proto__"])
def test_what_an_address_names_wrongly_is_told_as_text(client: Any, name: str) -> None:
    html = client.get(f"{PAGE}?{urlencode({name: '<i>x</i>', 'magnesium': '<s>1 mg/dL'})}").text
    assert "The rules in force know no such fact." in html
    assert not re.search(r"<(b|i|s)>", html)


def test_new_rules_are_asked_as_soon_as_they_are_in_force(opened: Callable[..., Any]) -> None:
    now = [book()]
    client = opened(lambda: now[0])
    assert len(rows(client.get(PAGE).text)) == 20
    now[0] = replace(book(), rules=book().rules[:3])
    assert len(rows(client.get(PAGE).text)) == 3
