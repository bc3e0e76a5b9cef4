"""Addresses are compared part by part, and what two readers may understand differently is none."""

from __future__ import annotations

import httpx
import pytest

from cds.fhir.address import next_address, read_address, read_base

BASE = "https://ehr.example.org/fhir"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("https://ehr.example.org", "https://ehr.example.org"),
        ("HTTPS://EHR.Example.org:443/fhir/", BASE),
        ("http://127.0.0.1:8080/r4", "http://127.0.0.1:8080/r4"),
        ("http://h:80/a?b=c", "http://h/a?b=c"),
        ("https://[::1]:8443/fhir", "https://[::1]:8443/fhir"),
        ("https://[2001:DB8::1]", "https://[2001:db8::1]"),
        ("https://2130706433/", "https://2130706433"),
        (f"{BASE}/Patient/1?x=%7C", f"{BASE}/Patient/1?x=%7C"),
    ],
)
def test_an_address_is_written_in_one_way_and_httpx_reads_the_same(text: str, written: str) -> None:
    found = read_address(text)
    assert found is not None
    assert str(found) == written
    assert httpx.URL(written).host == found.host


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ehr.example.org/fhir",
        "//ehr.example.org/fhir",
        "file:///etc/passwd",
        "gopher://ehr.example.org/1",
        "ftp://ehr.example.org",
        "https:///fhir",
        "https://",
        "https://good.example@evil.example/fhir",
        "https://@evil.example",
        "https://user:secret@evil.example",
        "https://good.example\\@evil.example",
        "https://good.example#@evil.example",
        "https://evil.example/#frag",
        "https://ehr.example.org/a/../b",
        "https://ehr.example.org/a/%2e%2e/b",
        "https://ehr.example.org/a%2fb",
        "https://ehr.example.org/./a",
        "https://ehr.example.org//a",
        "https://ehr.example.org:99999/",
        "https://ehr.example.org:x/",
        "https://ehr example.org/",
        "https://ehr.example.org/\nHost: evil",
        "https://ehr\u3002example.org",
        "https://\u24d4vil.example",
        "https://ev%69l.example",
        "https://[fe80::1%25eth0]/",
        "https://[::1",
        "https://::1/",
        "https://-evil.example",
    ],
)
def test_what_may_be_read_in_two_ways_is_no_address(text: str) -> None:
    assert read_address(text) is None


def test_a_base_has_no_query() -> None:
    assert read_base(BASE) is not None
    assert read_base(f"{BASE}?x=1") is None


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        (BASE, True),
        (f"{BASE}/Patient", True),
        (f"{BASE}?_getpages=1", True),
        (f"{BASE}evil", False),
        ("https://ehr.example.org/", False),
        ("https://ehr.example.org/Fhir", False),
        ("http://ehr.example.org/fhir", False),
        ("https://ehr.example.org:444/fhir", False),
        ("https://www.ehr.example.org/fhir", False),
    ],
)
def test_below_a_base_is_told_by_whole_segments(text: str, inside: bool) -> None:
    base, found = read_base(BASE), read_address(text)
    assert base is not None
    assert found is not None
    assert base.has(found) is inside


def test_a_query_is_encoded_and_a_path_is_not_touched() -> None:
    base = read_base(f"{BASE}/")
    assert base is not None
    assert base.below("A?code=http://x|1,2 3&y=%7C") == f"{BASE}/A?code=http://x%7C1,2%203&y=%7C"
    assert base.below("Patient/a~1") == f"{BASE}/Patient/a~1"


def test_a_link_with_a_character_that_is_not_ascii_leads_nowhere() -> None:
    base = read_base(BASE)
    assert base is not None
    assert next_address(base, BASE, f"{BASE}?page=\u00e9") is None
