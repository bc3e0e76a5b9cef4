"""The same attacks on the service as it is served: over HTTP, through every layer, real clocks.

`test_tokens.py` has them all at the gate; here is one of each kind, and what only a server shows:
two header lines, the order of checks, the reply, workers that share a table, and a key address.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from real_http import RealClient, served, trust_file
from structlog.testing import capture_logs

from bench.bodies import NOW, body
from cds.bootstrap import build
from cds.settings import Settings
from cds.trust.refusal import REASONS
from cds.web.app import create_app
from token_kit import (
    ISSUER,
    KeyAddress,
    Signer,
    compact,
    ec_key,
    hmac_signer,
    jwk,
    key_address,
    pem,
    rsa_key,
)

ROOT = Path(__file__).parents[3]
PUBLIC = "https://cds.example.org"
CALL = "/cds-services/electrolytes-order-select"
SIBLING = "/cds-services/electrolytes-order-sign"
BODY = body("5k")
FIRST = Signer()
RSA = Signer(key=rsa_key(), kid="r1", algorithm="RS384")
OTHER = Signer(key=ec_key(number=1))
SQL = "k1' OR '1'='1"


def now(signer: Signer = FIRST) -> Signer:
    return replace(signer, now=time.time())


def token(signer: Signer = FIRST, header: Any = None, **claims: Any) -> str:
    """A token for a call made now."""
    return now(signer).token(header, **{"aud": PUBLIC + CALL, **claims})


def forged(algorithm: str, sign: Callable[[bytes], bytes]) -> str:
    signer = now(RSA)
    return compact(signer.header(alg=algorithm), signer.claims(aud=PUBLIC + CALL), sign)


@contextmanager
def worker(keys: KeyAddress, folder: Path) -> Iterator[RealClient]:
    """A service of one worker that trusts the client of this key address."""
    client = {"name": "ehr", "issuer": ISSUER, "jku": keys.url, "services": [CALL.split("/")[-1]]}
    settings = Settings(
        rules=ROOT / "rules",
        sandbox=True,  # so that the key address may stand on this machine
        trust=trust_file(folder, client),
        state=folder,
        public_url=PUBLIC,
    )
    with served(create_app(build(settings, NOW))) as found:
        yield found


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyAddress]:
    with key_address(FIRST.jwk(), RSA.jwk()) as address:
        yield address


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def client(keys: KeyAddress, folder: Path) -> Iterator[RealClient]:
    with worker(keys, folder) as found:
        yield found


def post(client: RealClient, *authorization: str, path: str = CALL) -> httpx.Response:
    headers = [("Authorization", value) for value in authorization]
    return client.post(path, content=BODY, headers=[*headers, ("Content-Type", "application/json")])


def reason(reply: httpx.Response) -> str:
    """Which of the reasons a refusal gives."""
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"].startswith("Bearer")
    said = reply.json()["issue"][0]["diagnostics"]
    return next(name for name, text in REASONS.items() if text == said)


@pytest.mark.parametrize("signer", [FIRST, RSA], ids=["ES384", "RS384"])
def test_a_client_that_proves_who_it_is_gets_its_answer(client: RealClient, signer: Signer) -> None:
    reply = post(client, f"Bearer {token(signer)}")
    assert reply.status_code == 200
    assert "cards" in reply.json()


ATTACKS: dict[str, tuple[Callable[[], list[str]], str]] = {
    "no token": (list, "no-token"),
    "alg none": (lambda: [f"Bearer {forged('none', lambda _: b'')}"], "alg"),
    "HMAC with the public key": (
        lambda: [f"Bearer {forged('HS384', hmac_signer(pem(RSA.key)))}"],
        "alg",
    ),
    "another service's audience": (lambda: [f"Bearer {token(aud='https://x.example')}"], "aud"),
    "a sibling's audience": (lambda: [f"Bearer {token(aud=PUBLIC + SIBLING)}"], "sibling"),
    "expired": (
        lambda: [f"Bearer {token(iat=time.time() - 400, exp=time.time() - 100)}"],
        "expired",
    ),
    "from the future": (lambda: [f"Bearer {token(iat=time.time() + 120)}"], "future"),
    "not valid yet": (lambda: [f"Bearer {token(nbf=time.time() + 120)}"], "not-yet"),
    "no jti": (lambda: [f"Bearer {token(jti=None)}"], "jti"),
    "somebody else's signature": (lambda: [f"Bearer {token(OTHER)}"], "signature"),
    "a kid that is a path": (lambda: [f"Bearer {token(header={'kid': '../x'})}"], "key"),
    "a kid that is SQL": (
        lambda: [f"Bearer {token(header={'kid': chr(39) + ' OR 1=1--'})}"],
        "key",
    ),
    "a very long kid": (lambda: [f"Bearer {token(header={'kid': 'k' * 4000})}"], "kid"),
    "a key inside": (
        lambda: [f"Bearer {token(OTHER, header={'jwk': jwk(OTHER.key, 'k1')})}"],
        "own-key",
    ),
    "a large token": (lambda: [f"Bearer {token(sub='x' * 9000)}"], "too-long"),
    "two tokens in a line": (lambda: [f"Bearer {token()} {token()}"], "two-tokens"),
    "two lines": (lambda: [f"Bearer {token()}", f"Bearer {token()}"], "two-tokens"),
    "another scheme": (lambda: ["Basic dXNlcjpwYXNz"], "scheme"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_with_its_reason(client: RealClient, attack: str) -> None:
    headers, expected = ATTACKS[attack]
    assert reason(post(client, *headers())) == expected


def test_a_stranger_with_a_key_address_of_its_own_is_not_asked_there(client: RealClient) -> None:
    stranger = replace(OTHER, issuer="https://evil.example")
    with key_address(OTHER.jwk()) as attacker:
        jku = {"jku": attacker.url}
        assert reason(post(client, f"Bearer {token(stranger, header=jku)}")) == "iss"
        assert reason(post(client, f"Bearer {token(OTHER, header=jku)}")) == "jku"
        assert attacker.requests == 0


def test_a_token_is_good_once_at_whichever_worker(
    client: RealClient, keys: KeyAddress, folder: Path
) -> None:
    with worker(keys, folder) as second:
        used = f"Bearer {token()}"
        assert post(client, used).status_code == 200
        assert reason(post(second, used)) == "replayed"
        assert reason(post(client, used)) == "replayed"
        other = f"Bearer {token()}"
        assert post(second, other).status_code == 200
        assert reason(post(client, other)) == "replayed"


def test_a_service_that_is_none_of_the_clients_is_403(client: RealClient) -> None:
    reply = post(client, f"Bearer {token(aud=PUBLIC + SIBLING)}", path=SIBLING)
    assert reply.status_code == 403


def test_the_caller_is_asked_for_before_the_body_is_read(client: RealClient) -> None:
    reply = client.post(CALL, content=b"{", headers={"Content-Type": "application/json"})
    assert reason(reply) == "no-token"


def test_a_host_header_makes_no_address_ours(client: RealClient) -> None:
    elsewhere = "https://other.example.org"
    reply = client.post(
        CALL,
        content=BODY,
        headers={
            "Authorization": f"Bearer {token(aud=elsewhere + CALL)}",
            "Content-Type": "application/json",
            "Host": "other.example.org",
            "X-Forwarded-Host": "other.example.org",
            "X-Forwarded-Proto": "https",
            "Forwarded": "host=other.example.org;proto=https",
        },
    )
    assert reason(reply) == "aud"


def test_nothing_of_a_token_is_said_or_logged(
    client: RealClient, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    # Lines of the server's thread are taken before they would be written (tests/loopback.py).
    sent = [
        token(sub="SECRETMARK", jti="SECRETMARK"),
        token(aud="https://SECRETMARK.example"),
        token(header={"kid": "SECRETMARK"}),
        token(iss="SECRETMARK"),
        token(OTHER, sub="SECRETMARK"),
    ]
    with caplog.at_level("DEBUG"), capture_logs() as lines:
        replies = [post(client, f"Bearer {text}") for text in sent]
    metrics = client.get("/metrics").text
    assert [reply.status_code for reply in replies] == [200, 401, 401, 401, 401]
    shown = [*capfd.readouterr(), caplog.text, metrics, str(lines)]
    assert "caller refused" in "".join(shown), "so that this test sees the log"
    for text in [*shown, *(f"{reply.text} {reply.headers}" for reply in replies)]:
        assert "SECRETMARK" not in text
        for whole in sent:
            assert not any(part in text for part in whole.split("."))
