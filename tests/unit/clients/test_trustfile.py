"""The trust file: what it may say, and how it is told that it says it wrongly."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from cds.clients.model import Client
from cds.clients.profile import PLAIN
from cds.clients.trustfile import load_trust, refuse_unknown_services
from cds.errors import SettingsError
from token_kit import Signer, ec_key, jwk, rsa_key

ROOT = Path(__file__).parents[3]
GOOD = Signer().jwk()
JKU = "https://ehr.example.org/jwks.json"
LEAST = {"name": "ehr", "issuer": "https://ehr.example.org", "jku": JKU}
LOCAL = {
    "jku": "http://127.0.0.1:9000/jwks.json",
    "fhir_servers": ["http://localhost:8080/fhir"],
    "networks": ["127.0.0.0/8", "::1/128"],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "trust.yaml"


def write(file: Path, *clients: dict[str, Any]) -> Path:
    """JSON is YAML too."""
    file.write_text(json.dumps({"clients": list(clients)}, indent=1))
    return file


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in LEAST.items() if key != name}


def test_the_example_of_the_documents_loads() -> None:
    trust = load_trust(ROOT / "docs" / "trust.example.yaml")
    north, west = trust.clients.values()
    assert (north.name, north.profile.name, north.networks) == (
        "north-hospital",
        "epic",
        ("10.20.0.0/16",),
    )
    assert north.profile.prefetch_aliases["north-labs"] == "observations"
    assert north.requests_a_minute == 600
    assert north.may_call("anything")
    assert (west.profile, west.jku, len(west.keys)) == (PLAIN, "", 1)
    assert west.may_call("electrolytes-order-sign")
    assert not west.may_call("electrolytes-order-select")
    assert list(trust.clients) == [north.issuer, west.issuer]


def test_what_is_left_out_is_the_safe_thing(file: Path) -> None:
    (client,) = load_trust(write(file, LEAST)).clients.values()
    assert client == Client("ehr", "https://ehr.example.org", jku=JKU)
    assert client.fhir_servers == ()


def test_everything_can_be_said(file: Path) -> None:
    more: dict[str, Any] = {
        "audiences": ["urn:x", "https://cds.example.org"],
        "fhir_servers": ["https://ehr.example.org/r4/", "https://ehr.example.org:8443"],
        "networks": ["10.0.0.0/8", "fd00:1::/32", "100.64.0.0/16", "192.168.1.7/32"],
        "profile": {
            "base": "epic",
            "prefetch_aliases": {"labs": "observations"},
            "order_codes": {"mg-2g": {"system": "urn:s", "code": "1", "display": "Mg 2 g"}},
        },
        "services": ["a", "b"],
        "requests_a_minute": 60,
    }
    (client,) = load_trust(write(file, LEAST | more)).clients.values()
    found = {**asdict(client.profile.order_codes["mg-2g"])}
    assert (found["system"], found["code"], found["display"]) == ("urn:s", "1", "Mg 2 g")
    assert client.profile.prefetch_aliases["labs"] == "observations"
    assert client.fhir_servers == ("https://ehr.example.org/r4", "https://ehr.example.org:8443")
    assert client.networks == tuple(more["networks"])
    assert client.services == frozenset({"a", "b"})
    assert client.requests_a_minute == 60


def test_keys_are_public_and_of_the_two_kinds(file: Path) -> None:
    given = [GOOD, jwk(rsa_key(), "r1", use="sig", alg="RS384", key_ops=["verify"])]
    (client,) = load_trust(write(file, {**without("jku"), "keys": given})).clients.values()
    assert [key["kid"] for key in client.keys] == ["k1", "r1"]
    assert GOOD["x"] not in repr(client)


def test_an_empty_list_of_services_is_none_of_them(file: Path) -> None:
    (client,) = load_trust(write(file, LEAST | {"services": []})).clients.values()
    assert not client.may_call("electrolytes-order-sign")


def test_http_and_loopback_are_for_the_sandbox(file: Path) -> None:
    (client,) = load_trust(write(file, LEAST | LOCAL), sandbox=True).clients.values()
    assert client.jku == LOCAL["jku"]
    for name, value in LOCAL.items():
        with pytest.raises(SettingsError):
            load_trust(write(file, LEAST | {name: value}))


PRIVATE = ECAlgorithm.to_jwk(ec_key(), as_dict=True)
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no name": (without("name"), r"`clients.0.name`: this is missing; write it"),
    "no issuer": (without("issuer"), r"`clients.0.issuer`: this is missing; write it"),
    "no keys at all": (without("jku"), r"either `keys` or a `jku`; write one of the two"),
    "keys and jku": (LEAST | {"keys": [GOOD]}, r"either `keys` or a `jku`"),
    "an unknown word": (LEAST | {"isuer": "x"}, r"`clients.0.isuer`: this word is not known here"),
    "a capital in the name": (LEAST | {"name": "EHR"}, r"`clients.0.name`: must be 1 to 40 small"),
    "an empty issuer": (LEAST | {"issuer": ""}, r"`clients.0.issuer`: must be a text of one line"),
    "a spaced issuer": (LEAST | {"issuer": " x"}, r"`clients.0.issuer`: must be a text"),
    "no text": (LEAST | {"issuer": None}, r"`clients.0.issuer`: must be a text"),
    "two jkus": (LEAST | {"jku": [JKU]}, r"`clients.0.jku`: must be a text"),
    "http": (LEAST | {"jku": "http://e.example/x"}, r"`clients.0.jku`: must be an https address"),
    "a file": (LEAST | {"jku": "file:///etc/x"}, r"`clients.0.jku`: must be an https address"),
    "no host": (LEAST | {"jku": "https:///x"}, r"`clients.0.jku`: must have a host"),
    "a user": (LEAST | {"jku": "https://u:p@e.example/x"}, r"`clients.0.jku`: must have a host"),
    "a space": (LEAST | {"jku": "https://e.example/ x"}, r"`clients.0.jku`: must be an address of"),
    "a backslash": (
        LEAST | {"jku": "https://e.example\\@evil.example/x"},
        r"`clients.0.jku`: must be an address of plain characters",
    ),
    "a bad port": (LEAST | {"jku": "https://e.example:x/"}, r"must be a well-formed address"),
    "a server with a query": (
        LEAST | {"fhir_servers": ["https://e.example/r4?x"]},
        r"`clients.0.fhir_servers.0`: must be an address without query",
    ),
    "a server that moves": (
        LEAST | {"fhir_servers": ["https://e.example/r4/../x"]},
        r"`clients.0.fhir_servers.0`: must be an address without `..`",
    ),
    "a server over http": (
        LEAST | {"fhir_servers": ["https://e.example", "http://e.example"]},
        r"`clients.0.fhir_servers.1`: must be an https address",
    ),
    "one server as text": (
        LEAST | {"fhir_servers": "https://e.example"},
        r"`clients.0.fhir_servers`: must be a list",
    ),
    "no network": (LEAST | {"networks": ["x"]}, r"`clients.0.networks.0`: must be a network in"),
    "host bits": (LEAST | {"networks": ["10.0.0.1/8"]}, r"must be a network in CIDR form"),
    "everywhere": (LEAST | {"networks": ["0.0.0.0/0"]}, r"must lie within 10.0.0.0/8"),
    "everywhere in v6": (LEAST | {"networks": ["::/0"]}, r"must lie within 10.0.0.0/8"),
    "link-local": (LEAST | {"networks": ["169.254.0.0/16"]}, r"must lie within 10.0.0.0/8"),
    "this machine": (LEAST | {"networks": ["127.0.0.1/32"]}, r"must lie within 10.0.0.0/8"),
    "an unknown profile": (LEAST | {"profile": "epik"}, r"`clients.0.profile`: .*is not one of"),
    "an unknown profile word": (
        LEAST | {"profile": {"base": "plain", "x": "y"}},
        r"`clients.0.profile.x`: this word is not known here",
    ),
    "an alias to nowhere": (
        LEAST | {"profile": {"base": "plain", "prefetch_aliases": {"a": "b"}}},
        r"`clients.0.profile`: .*no prefetch key",
    ),
    "an order in half": (
        LEAST | {"profile": {"base": "epic", "order_codes": {"t": {"system": "urn:s"}}}},
        r"`clients.0.profile.order_codes.t.code`: this is missing",
    ),
    "a third setting": (
        LEAST
        | {
            "profile": {
                "base": "epic",
                "order_codes": {"t": {"system": "urn:s", "code": "1", "category": "home"}},
            }
        },
        r"order_codes.t.category`: must be inpatient or outpatient",
    ),
    "no number": (LEAST | {"requests_a_minute": "many"}, r"must be a whole number"),
    "a negative one": (LEAST | {"requests_a_minute": -1}, r"must be 0 \(not limited\)"),
    "a key that is no mapping": (
        {**without("jku"), "keys": ["x"]},
        r"`clients.0.keys.0`: must be a mapping",
    ),
}
for what, (key, words) in {
    "a private key": ({**PRIVATE, "kid": "k"}, "holds private members"),
    "a shared secret": ({"kty": "oct", "kid": "k", "k": "c2VjcmV0"}, "must be an EC or an RSA key"),
    "another curve": (jwk(ec_key(ec.SECP256R1), "k"), "must be on the curve P-384"),
    "a small key": (jwk(rsa_key(1024), "k"), "must be an RSA key of 2048 to 8192 bits"),
    "an exponent of 3": (
        {**jwk(rsa_key(), "k"), "e": "Aw"},
        "must have the usual RSA exponent",
    ),
    "a key without kid": (jwk(ec_key(), ""), "must have a `kid`"),
    "a key for encryption": (jwk(ec_key(), "k", use="enc"), "is not for signatures"),
    "a key for another algorithm": (jwk(ec_key(), "k", alg="ES256"), "is for another algorithm"),
    "a key for signing": (jwk(ec_key(), "k", key_ops=["sign"]), "is not for verifying"),
    "half a key": ({"kty": "RSA", "kid": "k", "n": "AQAB"}, "is not a well-formed public key"),
}.items():
    WRONG[what] = ({**without("jku"), "keys": [GOOD, key]}, rf"`clients.0.keys.1`: {words}")


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_told_with_its_place(file: Path, what: str) -> None:
    client, words = WRONG[what]
    with pytest.raises(SettingsError, match=words) as caught:
        load_trust(write(file, client))
    for line in str(caught.value).splitlines():
        assert re.match(r"CDS_TRUST trust\.yaml:\d+: ", line)
    assert PRIVATE["d"] not in str(caught.value)


def test_the_line_is_the_one_to_mend(file: Path) -> None:
    file.write_text(
        "clients:\n  - name: ehr\n    issuer: https://ehr.example.org\n    jku: http://e.example/\n"
        "    services: x\n"
    )
    with pytest.raises(SettingsError) as caught:
        load_trust(file)
    assert [line.split(":")[1] for line in str(caught.value).splitlines()] == ["4", "5"]


def test_every_finding_is_told_at_once(file: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_trust(write(file, LEAST | {"name": "E", "networks": ["x", "y"]}, without("issuer")))
    assert len(str(caught.value).splitlines()) == 4


@pytest.mark.parametrize("member", ["issuer", "name"])
def test_two_clients_with_one_issuer_or_name_are_refused(file: Path, member: str) -> None:
    other = {"name": "other", "issuer": "https://other.example.org", "jku": JKU}
    assert len(load_trust(write(file, LEAST, other)).clients) == 2
    with pytest.raises(SettingsError, match=f"two clients have this `{member}`") as caught:
        load_trust(write(file, LEAST, other | {member: LEAST[member]}))
    assert len(str(caught.value).splitlines()) == 2


def test_two_keys_of_one_name_are_refused(file: Path) -> None:
    twins = [GOOD, jwk(ec_key(number=1), "k1")]
    with pytest.raises(SettingsError, match="two keys have one `kid`"):
        load_trust(write(file, {**without("jku"), "keys": twins}))


TEXTS: dict[str, tuple[str, str]] = {
    "nothing": ("", r":1: `clients`: this is missing"),
    "no clients": ("clients: []\n", r":1: `clients`: must name at least one client"),
    "null": ("clients:\n", r":1: `clients`: must be a list"),
    "a list": ("- x\n", r":1: `the file`: must be a mapping"),
    "a word": ("x\n", r":1: `the file`: must be a mapping"),
    "a key twice": ("clients: []\nclients: []\n", r":2: `clients` stands here twice"),
    "an anchor": ("clients: &a []\n", r":1: anchors and aliases are not used here"),
    "an alias": ("a: &a x\nb: *a\n", r":1: anchors .*\n.*:2: anchors and aliases are not used"),
    "a tag": ("clients: !!python/object:os.system []\n", r":1: tags are not used here"),
    "a tag directive": ("%TAG ! tag:x,2020:\n---\na: b\n", r":1: tags are not used here"),
    "a list as a key": ("[a]: b\n", r":1: a key is a word"),
    "not YAML": ("clients: [\n", r":\d: this is not readable as "),
    "two documents": ("a: b\n---\nc: d\n", r":\d: this is not readable as "),
    "a control character": ("a: \x07\n", r":\d: this is not readable as "),
    "a deep nest": ("[" * 5000, r":1: this is nested too deeply"),
    "a bomb": ("a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", r":1: anchors and aliases"),
}


@pytest.mark.parametrize("what", TEXTS)
def test_a_text_that_cannot_be_read_plainly_is_refused(file: Path, what: str) -> None:
    text, words = TEXTS[what]
    file.write_text(text)
    with pytest.raises(SettingsError, match=rf"^CDS_TRUST trust\.yaml{words}"):
        load_trust(file)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "the file cannot be read"),
        (b"\xff\xfe", "the file cannot be read"),
        (b"#" * (1024 * 1024 + 1), "larger than 1 MiB"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    file: Path, content: bytes | None, words: str
) -> None:
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=words):
        load_trust(file)


def test_scalars_are_texts_whatever_they_look_like(file: Path) -> None:
    file.write_text(
        f"clients:\n- name: 'on'\n  issuer: 2026-01-01\n  jku: {JKU}\n  audiences: [no, 1e3]\n"
    )
    (client,) = load_trust(file).clients.values()
    assert (client.issuer, client.audiences) == ("2026-01-01", ("no", "1e3"))


def test_a_service_that_does_not_exist_is_told(file: Path) -> None:
    trust = load_trust(write(file, LEAST | {"services": ["electrolytes-order-sing"]}))
    refuse_unknown_services(trust, {"electrolytes-order-sing"})
    with pytest.raises(SettingsError, match=r"client ehr: no service is called `electrolytes-ord"):
        refuse_unknown_services(trust, {"electrolytes-order-sign"})
