"""Attacks by way of the token: each is refused, each with its own reason, and none leaves a trace.

The gate, the keys, the table of used tokens and the listeners are real; only the clock is given.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from structlog.testing import capture_logs

from cds.clients.model import Client
from cds.clients.trustfile import Trust
from cds.errors import Forbidden
from cds.trust.gate import Gate
from cds.trust.jwks import JwksCache
from cds.trust.refusal import REASONS, Refused
from cds.trust.replay import MemoryReplay, ReplayTable, SqliteReplay
from cds.trust.tokens import LONGEST, one_header
from token_kit import (
    BASE,
    CALLED,
    ISSUER,
    NOW,
    KeyAddress,
    Signer,
    coded,
    compact,
    ec_key,
    hmac_signer,
    jwk,
    key_address,
    pem,
    rsa_key,
    signer,
)

SIBLING = f"{BASE}/cds-services/electrolytes-order-select"
RSA = Signer(key=rsa_key(), kid="r1", algorithm="RS384")
GOOD = Signer()
OTHER = Signer(key=ec_key(number=1))


@pytest.fixture
def keys() -> Iterator[KeyAddress]:
    """Where the trusted client publishes its keys."""
    with key_address(GOOD.jwk(), RSA.jwk()) as address:
        yield address


def admit(
    client: Client, authorization: str | None, url: str = CALLED, replay: ReplayTable | None = None
) -> Client:
    """One call through a gate that trusts this client only."""

    async def call() -> Client:
        async with httpx.AsyncClient(trust_env=False, verify=False) as http:
            cache = JwksCache(http, [client], clock=lambda: 0.0)
            trust = Trust({client.issuer: client})
            gate = Gate(trust, cache, replay or MemoryReplay(), lambda: NOW, BASE)
            try:
                return await gate.admit(authorization, url)
            finally:
                await cache.close()

    return asyncio.run(call())


def refused(client: Client, authorization: str | None, url: str = CALLED) -> str:
    """The reason for which a call is refused."""
    with pytest.raises(Refused) as caught:
        admit(client, authorization, url)
    assert str(caught.value) == REASONS[caught.value.reason]
    assert caught.value.status == 401
    return caught.value.reason


@pytest.fixture
def client(keys: KeyAddress) -> Client:
    return Client("ehr", ISSUER, jku=keys.url)


def bearer(token: str) -> str:
    return f"Bearer {token}"


@pytest.mark.parametrize("who", [GOOD, RSA], ids=["ES384", "RS384"])
@pytest.mark.requirement("SEC-10")
def test_a_good_token_is_admitted(client: Client, who: Signer) -> None:
    assert admit(client, bearer(who.token())) is client


UNSIGNED: dict[str, Callable[[], str]] = {
    "none": lambda: compact(GOOD.header(alg="none"), GOOD.claims(), lambda _: b""),
    "None": lambda: compact(GOOD.header(alg="None"), GOOD.claims(), lambda _: b""),
    "no alg": lambda: compact(GOOD.header(alg=None), GOOD.claims(), lambda _: b""),
    "none with the signature kept": lambda: GOOD.token(header={"alg": "none"}),
    "HMAC with the public key as PEM": lambda: compact(
        RSA.header(alg="HS384"), RSA.claims(), hmac_signer(pem(RSA.key))
    ),
    "HMAC with the public key as JWK": lambda: compact(
        RSA.header(alg="HS256"), RSA.claims(), hmac_signer(json.dumps(RSA.jwk()).encode())
    ),
    "RS256": lambda: compact(RSA.header(alg="RS256"), RSA.claims(), signer(RSA.key, "RS256")),
    "PS384": lambda: compact(RSA.header(alg="PS384"), RSA.claims(), signer(RSA.key, "RS384")),
    "a list of algorithms": lambda: GOOD.token(header={"alg": ["ES384"]}),
}


@pytest.mark.parametrize("attack", UNSIGNED)
@pytest.mark.requirement("SEC-08", "SEC-09", "SEC-11")
def test_another_algorithm_is_refused_before_a_key_is_touched(
    client: Client, keys: KeyAddress, attack: str
) -> None:
    assert refused(client, bearer(UNSIGNED[attack]())) == "alg"
    assert keys.requests == 0


P256 = Signer(key=ec_key(ec.SECP256R1), kid="p256", algorithm="ES256")
SMALL = Signer(key=rsa_key(1024), kid="small", algorithm="RS384")
CURVE = Signer(key=ec_key(ec.SECP256R1), kid="p256", algorithm="ES384")


def test_a_token_of_the_shorter_curve_is_refused(client: Client, keys: KeyAddress) -> None:
    keys.gives(GOOD.jwk(), P256.jwk())
    assert refused(client, bearer(P256.token())) == "alg"
    assert refused(client, bearer(CURVE.token())) == "key", "the curve decides, not the header"


def test_a_small_rsa_key_is_refused_even_where_the_client_publishes_it(
    client: Client, keys: KeyAddress
) -> None:
    keys.gives(GOOD.jwk(), SMALL.jwk())
    assert refused(client, bearer(SMALL.token())) == "key"


def test_an_rsa_signature_is_not_read_with_an_elliptic_key(client: Client) -> None:
    forged = compact(GOOD.header(alg="RS384"), GOOD.claims(), signer(RSA.key, "RS384"))
    assert refused(client, bearer(forged)) == "key"


@pytest.mark.requirement("SEC-14")
def test_a_signature_of_somebody_else_is_refused(client: Client) -> None:
    assert refused(client, bearer(OTHER.token())) == "signature"


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.requirement("SEC-14")
def test_a_changed_byte_is_refused(client: Client, part: int) -> None:
    parts = GOOD.token().split(".")
    wrong = {0: coded(json.dumps(GOOD.header(x5t="x")).encode()), 1: coded(b"{}"), 2: "A" * 128}
    parts[part] = coded(json.dumps(GOOD.claims(sub="root")).encode()) if part == 1 else wrong[part]
    assert refused(client, bearer(".".join(parts))) == "signature"


CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "another service's address": ({"aud": "https://other.example.org/cds-services/x"}, "aud"),
    "the address with another path behind it": ({"aud": f"{CALLED}/../x"}, "sibling"),
    "a host that begins like ours": ({"aud": f"{BASE}.evil.example/cds-services/x"}, "aud"),
    "our address over http": ({"aud": CALLED.replace("https", "http")}, "aud"),
    "our address with a query": ({"aud": f"{CALLED}?x=1"}, "aud"),
    "a sibling service": ({"aud": SIBLING}, "sibling"),
    "the service as a whole": ({"aud": BASE}, "sibling"),
    "nobody": ({"aud": None}, "aud-missing"),
    "an empty list": ({"aud": []}, "aud-missing"),
    "an empty text": ({"aud": ""}, "aud"),
    "a list with what is no text": ({"aud": [CALLED, 7]}, "aud-missing"),
    "an object": ({"aud": {"0": CALLED}}, "aud-missing"),
    "expired": ({"iat": NOW - 400, "exp": NOW - 100}, "expired"),
    "expired as long ago as clocks may differ": ({"iat": NOW - 300, "exp": NOW - 60}, "expired"),
    "from the future": ({"iat": NOW + 120, "exp": NOW + 300}, "future"),
    "not valid before a later time": ({"nbf": NOW + 120}, "not-yet"),
    "nbf that is no number": ({"nbf": "0"}, "not-yet"),
    "valid for a day": ({"exp": NOW + 86400}, "too-durable"),
    "valid for ever": ({"exp": 1e300}, "times-missing"),
    "valid beyond all numbers": ({"exp": 10**400}, "times-missing"),
    "no exp": ({"exp": None}, "times-missing"),
    "no iat": ({"iat": None}, "times-missing"),
    "exp true": ({"exp": True}, "times-missing"),
    "exp as a text": ({"exp": str(int(NOW) + 300)}, "times-missing"),
    "no jti": ({"jti": None}, "jti"),
    "an empty jti": ({"jti": ""}, "jti"),
    "a number as jti": ({"jti": 7}, "jti"),
    "a very long jti": ({"jti": "x" * 256}, "jti"),
}


@pytest.mark.parametrize("attack", CLAIMS)
@pytest.mark.requirement("SEC-06", "SEC-15")
def test_a_signed_token_that_says_the_wrong_thing_is_refused(client: Client, attack: str) -> None:
    claims, reason = CLAIMS[attack]
    assert refused(client, bearer(GOOD.token(**claims))) == reason


@pytest.mark.parametrize(
    "aud", [CALLED, f"{CALLED}/", [SIBLING, CALLED], CALLED.upper()[:5] + CALLED[5:]]
)
def test_the_address_called_is_the_audience(client: Client, aud: Any) -> None:
    assert admit(client, bearer(GOOD.token(aud=aud))) is client


def test_an_agreed_audience_counts_beside_the_address(keys: KeyAddress) -> None:
    agreed = Client("ehr", ISSUER, jku=keys.url, audiences=(BASE, "urn:agreed"))
    for aud in (BASE, ["urn:other", "urn:agreed"], CALLED):
        assert admit(agreed, bearer(GOOD.token(aud=aud))) is agreed
    assert refused(agreed, bearer(GOOD.token(aud=SIBLING))) == "sibling"


def test_the_host_a_caller_names_is_not_believed(client: Client) -> None:
    """Without CDS_PUBLIC_URL, a token made for another service must not pass by its host."""
    elsewhere = "https://other.example.org/cds-services/electrolytes-order-sign"
    assert refused(client, bearer(GOOD.token(aud=elsewhere)), elsewhere) == "aud"


@pytest.mark.requirement("SEC-16")
def test_a_token_that_was_used_is_refused(client: Client) -> None:
    table = MemoryReplay()
    token = bearer(GOOD.token())
    admit(client, token, replay=table)
    with pytest.raises(Refused) as caught:
        admit(client, token, replay=table)
    assert caught.value.reason == "replayed"


@pytest.mark.requirement("SEC-16")
def test_a_token_that_another_worker_saw_is_refused(client: Client, tmp_path: Path) -> None:
    first, second = (SqliteReplay(tmp_path / "tokens.sqlite") for _ in range(2))
    try:
        token = bearer(GOOD.token())
        admit(client, token, replay=first)
        with pytest.raises(Refused) as caught:
            admit(client, token, replay=second)
        assert caught.value.reason == "replayed"
        again = bearer(GOOD.token(jti="n-1"))
        admit(client, again, replay=second)
        with pytest.raises(Refused):  # a new signature, time and all: the name counts
            admit(client, bearer(GOOD.token(jti="n-1", exp=NOW + 200)), replay=first)
    finally:
        first.close()
        second.close()


def test_a_forged_token_does_not_use_up_the_name_of_a_true_one(client: Client) -> None:
    table = MemoryReplay()
    for forged in (OTHER.token(jti="n-1"), GOOD.token(jti="n-1", aud=SIBLING)):
        with pytest.raises(Refused):
            admit(client, bearer(forged), replay=table)
    assert admit(client, bearer(GOOD.token(jti="n-1")), replay=table) is client


@pytest.mark.requirement("SEC-12")
def test_a_stranger_who_brings_a_key_address_is_not_asked_there(
    client: Client, keys: KeyAddress
) -> None:
    stranger = Signer(key=ec_key(number=1), issuer="https://evil.example")
    with key_address(stranger.jwk()) as attacker:
        token = stranger.token(header={"jku": attacker.url})
        assert refused(client, bearer(token)) == "iss"
        assert attacker.requests == 0
    assert keys.requests == 0


ISSUERS: list[Any] = [None, "", 7, [ISSUER], {"a": 1}, f"{ISSUER}/", ISSUER.upper(), True]


@pytest.mark.parametrize("issuer", ISSUERS, ids=repr)
@pytest.mark.requirement("SEC-06", "SEC-12")
def test_an_issuer_is_the_very_text_of_the_trust_file(
    client: Client, keys: KeyAddress, issuer: Any
) -> None:
    assert refused(client, bearer(GOOD.token(iss=issuer))) == "iss"
    assert keys.requests == 0


@pytest.mark.requirement("SEC-12")
def test_a_key_address_other_than_the_trusted_one_is_not_asked(
    client: Client, keys: KeyAddress
) -> None:
    with key_address(OTHER.jwk()) as attacker:
        for jku in (attacker.url, keys.url + "#", keys.url + "?", "", "file:///etc/passwd", 7):
            assert refused(client, bearer(OTHER.token(header={"jku": jku}))) == "jku"
        assert attacker.requests == 0
    nothing = compact({**GOOD.header(), "jku": None}, GOOD.claims(), signer(GOOD.key, "ES384"))
    assert refused(client, bearer(nothing)) == "jku"
    assert keys.requests == 0


@pytest.mark.requirement("SEC-13")
def test_keys_given_in_the_trust_file_are_used_and_no_address_is_asked(keys: KeyAddress) -> None:
    given = Client("ehr", ISSUER, keys=(GOOD.jwk(),))
    assert admit(given, bearer(GOOD.token())) is given
    assert refused(given, bearer(GOOD.token(header={"jku": keys.url}))) == "jku"
    assert refused(given, bearer(RSA.token())) == "key"
    assert keys.requests == 0


KIDS: dict[str, Any] = {
    "a path": "../../../../dev/null",
    "a file": "file:///dev/null",
    "SQL": "k1' UNION SELECT 'secret' --",
    "a command": "$(touch /tmp/x)",
    "a template": "{{7*7}}",
    "another case": "K1",
    "a space behind": "k1 ",
}
BAD_KIDS: dict[str, Any] = {
    "very long": "k" * 4000,
    "a line break": "k1\r\nX: y",
    "a null byte": "k1\0",
    "a list": ["k1"],
    "a number": 1,
    "empty": "",
    "missing": None,
}


@pytest.mark.parametrize("attack", KIDS)
@pytest.mark.requirement("SEC-05")
def test_a_key_id_is_only_compared(client: Client, keys: KeyAddress, attack: str) -> None:
    assert refused(client, bearer(GOOD.token(header={"kid": KIDS[attack]}))) == "key"
    assert keys.requests == 1


@pytest.mark.parametrize("attack", BAD_KIDS)
@pytest.mark.requirement("SEC-05")
def test_a_key_id_of_odd_form_is_refused_unseen(
    client: Client, keys: KeyAddress, attack: str
) -> None:
    assert refused(client, bearer(GOOD.token(header={"kid": BAD_KIDS[attack]}))) == "kid"
    assert keys.requests == 0


@pytest.mark.parametrize("member", ["jwk", "x5c", "x5u"])
def test_a_key_inside_the_token_is_refused(client: Client, member: str) -> None:
    own = {"jwk": jwk(OTHER.key, "k1"), "x5c": ["MIIB"], "x5u": "https://evil.example"}
    assert refused(client, bearer(OTHER.token(header={member: own[member]}))) == "own-key"


def test_an_extension_that_must_be_understood_is_refused(client: Client) -> None:
    crit = {"crit": ["b64"], "b64": False}
    assert refused(client, bearer(GOOD.token(header=crit))) == "crit"


@pytest.mark.parametrize("typ", [None, "at+jwt", "jose", "", 7])
@pytest.mark.requirement("SEC-05")
def test_a_token_of_another_type_is_refused(client: Client, typ: Any) -> None:
    assert refused(client, bearer(GOOD.token(header={"typ": typ}))) == "typ"


def test_a_large_token_is_refused_before_it_is_decoded(client: Client, keys: KeyAddress) -> None:
    assert refused(client, bearer(GOOD.token(tenant="x" * LONGEST))) == "too-long"
    assert refused(client, bearer("%" * (LONGEST + 1))) == "too-long"
    assert keys.requests == 0


HEADERS: dict[str, tuple[Callable[[], str | None], str]] = {
    "none": (lambda: None, "no-token"),
    "empty": (lambda: "", "no-token"),
    "the scheme only": (lambda: "Bearer ", "no-token"),
    "two tokens in one header": (lambda: f"Bearer {GOOD.token()} {GOOD.token()}", "two-tokens"),
    "two headers": (lambda: one_header([bearer(GOOD.token())] * 2), "two-tokens"),
    "Basic": (lambda: "Basic dXNlcjpwYXNz", "scheme"),
    "the token alone": (GOOD.token, "scheme"),
    "DPoP": (lambda: f"DPoP {GOOD.token()}", "scheme"),
}


@pytest.mark.parametrize("attack", HEADERS)
@pytest.mark.requirement("SEC-03")
def test_anything_but_one_bearer_token_is_refused(client: Client, attack: str) -> None:
    made, reason = HEADERS[attack]
    assert refused(client, made()) == reason


SHAPES: dict[str, Callable[[], str]] = {
    "two parts": lambda: GOOD.token().rpartition(".")[0],
    "five parts, as an encrypted one": lambda: f"{GOOD.token()}.x.y",
    "no base64url": lambda: GOOD.token().replace(".", ".+", 1),
    "padding": lambda: GOOD.token() + "==",
    "a length base64 does not have": lambda: "A." * 2 + "A",
    "not JSON": lambda: compact(b"{", GOOD.claims(), lambda _: b"x"),
    "a list": lambda: compact([], GOOD.claims(), lambda _: b"x"),
    "claims that are a text": lambda: compact(GOOD.header(), "x", lambda _: b"x"),
    "a member twice": lambda: compact(
        b'{"alg":"none","alg":"ES384","typ":"JWT","kid":"k1"}', GOOD.claims(), lambda _: b"x"
    ),
    "NaN": lambda: compact(GOOD.header(), b'{"exp":NaN}', lambda _: b"x"),
    "not UTF-8": lambda: compact(GOOD.header(), b'{"iss":"\xff"}', lambda _: b"x"),
    "nested without end": lambda: compact(GOOD.header(), b"[" * 5900, lambda _: b"x"),
    "a number of thousands of digits": lambda: compact(
        GOOD.header(), b'{"exp":' + b"9" * 5000 + b"}", lambda _: b"x"
    ),
}


@pytest.mark.parametrize("attack", SHAPES)
def test_what_is_no_signed_token_is_refused(client: Client, keys: KeyAddress, attack: str) -> None:
    assert refused(client, bearer(SHAPES[attack]())) == "not-a-jwt"
    assert keys.requests == 0


def test_a_service_that_is_none_of_the_clients_is_forbidden(keys: KeyAddress) -> None:
    limited = Client("ehr", ISSUER, jku=keys.url, services=frozenset({"electrolytes-order-select"}))
    with pytest.raises(Forbidden) as caught:
        admit(limited, bearer(GOOD.token()))
    assert caught.value.status == 403
    for path in ("/cds-services", "/cds-services/electrolytes-order-select/feedback"):
        token = GOOD.token(aud=BASE + path)
        assert admit(limited, bearer(token), BASE + path) is limited


def test_every_reason_has_a_text_of_its_own() -> None:
    assert len(set(REASONS.values())) == len(REASONS)


MARKED: dict[str, Callable[[], str]] = {
    "header": lambda: GOOD.token(header={"kid": "SECRETMARK"}),
    "typ": lambda: GOOD.token(header={"typ": "SECRETMARK"}),
    "alg": lambda: GOOD.token(header={"alg": "SECRETMARK"}),
    "jku": lambda: GOOD.token(header={"jku": "https://SECRETMARK.example"}),
    **{
        claim: (lambda claim=claim: GOOD.token(**{claim: "SECRETMARK"}))
        for claim in ("iss", "aud", "exp", "iat", "nbf", "jti", "sub", "tenant")
    },
    "shape": lambda: "SECRETMARK.SECRETMARK.SECRETMARK",
    "signature": lambda: OTHER.token(sub="SECRETMARK"),
}


@pytest.mark.parametrize("place", MARKED)
@pytest.mark.requirement("SEC-19")
def test_nothing_of_a_token_comes_into_a_log_or_a_text(
    client: Client, place: str, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    token = MARKED[place]()
    said = ""
    table = MemoryReplay()
    with capture_logs() as logs, caplog.at_level("DEBUG"):
        for _ in range(2):  # the second time, a good one is a replayed one
            try:
                admit(client, bearer(token), replay=table)
            except Refused as error:
                said = f"{error!r} {error} {error.reason} {error.challenge} {error.where}"
    assert said, "the second call at the latest is refused"
    assert [line for line in logs if line["event"] == "caller refused"], (
        "so that this test sees logs"
    )
    everything = f"{said} {logs} {caplog.text} {capfd.readouterr()}"
    assert "SECRETMARK" not in everything
    for part in token.split("."):
        assert part not in everything
