"""Who may call: JWTs over real HTTP, at a service that trusts two clients."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from orders import BENCH
from real_http import RealClient, served, trust_file

from bench.bodies import NOW
from cds import bootstrap
from cds.settings import Settings
from cds.web.app import create_app
from token_kit import BASE, ISSUER, Signer, compact, ec_key, hmac_signer, pem, rsa_key

ROOT = Path(__file__).parents[2]
CALL = "/cds-services/electrolytes-order-select"
SIBLING = "/cds-services/electrolytes-order-sign"
FEEDBACK = f"{CALL}/feedback"
RSA = Signer(key=rsa_key(), kid="r1", algorithm="RS384", issuer="https://clinic.example.org")
EC = Signer()
TOLD = {
    "feedback": [
        {
            "card": "0b0f8f5e-6a0f-5a3e-9a55-0d4d5f1c2b3a",
            "outcome": "overridden",
            "outcomeTimestamp": "2026-11-21T09:00:00Z",
        }
    ]
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealClient]:
    folder = tmp_path_factory.mktemp("trust")
    trust = trust_file(
        folder,
        {"name": "hospital", "issuer": ISSUER, "keys": [EC.jwk()]},
        {
            "name": "clinic",
            "issuer": RSA.issuer,
            "keys": [RSA.jwk()],
            "services": [CALL.rpartition("/")[2]],
            "audiences": ["https://agreed.example.org"],
        },
    )
    origins = ("https://ehr.example.org",)
    settings = Settings(
        rules=ROOT / "rules", trust=trust, state=folder, cors_origins=origins, public_url=BASE
    )
    with served(create_app(bootstrap.build(settings, NOW))) as found:
        yield found


def now(signer: Signer = EC) -> Signer:
    return replace(signer, now=time.time())


def bearer(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


@pytest.fixture
def call(client: RealClient) -> Callable[..., Any]:
    """Call the service with a token; without `aud` it is for the address called."""

    def post(signer: Signer = EC, path: str = CALL, header: Any = None, **claims: Any) -> Any:
        token = now(signer).token(header, **{"aud": BASE + path, **claims})
        body = TOLD if path.endswith("feedback") else BENCH
        return client.post(path, json=body, headers=bearer(token))

    return post


@pytest.mark.requirement("SEC-02", "SEC-03", "FB-11")
@pytest.mark.parametrize("path", [CALL, FEEDBACK])
def test_without_a_token_nothing_is_told(client: RealClient, path: str) -> None:
    reply = client.post(path, json=BENCH)
    assert (reply.status_code, reply.json()["issue"][0]["code"]) == (401, "login")
    assert reply.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.requirement("SEC-03", "FB-11")
@pytest.mark.parametrize("path", [CALL, FEEDBACK])
def test_with_a_token_calls_and_feedback_are_answered(call: Callable[..., Any], path: str) -> None:
    assert call(path=path).status_code == 200


@pytest.mark.requirement("SEC-03", "DISC-01")
def test_discovery_is_for_everybody_and_for_a_known_client_shows_what_it_may_call(
    client: RealClient,
) -> None:
    def listed(headers: dict[str, str]) -> list[str]:
        reply = client.get("/cds-services", headers=headers)
        assert reply.status_code == 200
        return [entry["id"] for entry in reply.json()["services"]]

    aud = f"{BASE}/cds-services"
    assert len(listed({})) == len(listed(bearer(now().token(aud=aud)))) == 4
    assert listed(bearer(now(RSA).token(aud=aud))) == [CALL.rpartition("/")[2]]
    assert client.get("/cds-services", headers=bearer("x.y.z")).status_code == 401


@pytest.mark.requirement("SEC-05")
@pytest.mark.parametrize(
    "header",
    [{"kid": None}, {"kid": "k2"}, {"kid": 7}, {"typ": None}, {"typ": "at+jwt"}, {"alg": None}],
    ids=str,
)
def test_a_header_that_is_not_whole_is_401(call: Callable[..., Any], header: Any) -> None:
    assert call(header=header).status_code == 401


@pytest.mark.requirement("SEC-06")
@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "iat", "jti"])
def test_a_token_without_one_of_its_claims_is_401(call: Callable[..., Any], claim: str) -> None:
    assert call(**{claim: None}).status_code == 401


@pytest.mark.requirement("SEC-07", "FB-11")
def test_a_token_is_for_the_very_address_called(call: Callable[..., Any]) -> None:
    base = BASE
    for aud in (base + CALL, [base + CALL], ["https://other.example", base + CALL]):
        assert call(aud=aud).status_code == 200, aud
    for aud in (base, f"{base}/cds-services", base + SIBLING, base + FEEDBACK, [], [base], 7,
                "https://agreed.example.org"):  # fmt: skip
        assert call(aud=aud).status_code == 401, aud
    assert call(path=FEEDBACK, aud=base + CALL).status_code == 401
    assert call(RSA, aud="https://agreed.example.org").status_code == 200


@pytest.mark.requirement("SEC-07")
def test_behind_a_proxy_the_public_address_counts_and_not_the_one_it_calls(
    call: Callable[..., Any], client: RealClient
) -> None:
    assert call(aud=BASE + CALL).status_code == 200
    assert call(aud=client.base + CALL).status_code == 401


@pytest.mark.requirement("SEC-08", "SEC-09")
@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "HS384", "HS512"])
def test_no_signature_and_a_shared_secret_are_401(client: RealClient, algorithm: str) -> None:
    signer = now()
    for sign in (hmac_signer(pem(EC.key)), lambda _: b""):
        token = compact(signer.header(alg=algorithm), signer.claims(aud=BASE + CALL), sign)
        assert client.post(CALL, json=BENCH, headers=bearer(token)).status_code == 401


@pytest.mark.requirement("SEC-10", "SEC-13")
@pytest.mark.parametrize("signer", [EC, RSA], ids=["ES384", "RS384"])
def test_both_recommended_algorithms_are_verified_with_keys_given_beforehand(
    call: Callable[..., Any], signer: Signer
) -> None:
    assert call(signer).status_code == 200


@pytest.mark.requirement("SEC-11")
@pytest.mark.parametrize("algorithm", ["RS256", "RS512"])
def test_other_algorithms_are_401(call: Callable[..., Any], algorithm: str) -> None:
    assert call(replace(RSA, algorithm=algorithm)).status_code == 401


@pytest.mark.requirement("SEC-12")
def test_an_issuer_or_a_key_address_that_is_not_listed_is_401(call: Callable[..., Any]) -> None:
    assert call(replace(EC, issuer="https://unknown.example.org")).status_code == 401
    assert call(header={"jku": "https://unknown.example.org/jwks.json"}).status_code == 401


@pytest.mark.requirement("SEC-14")
def test_a_signature_that_is_not_of_the_named_key_is_401(
    call: Callable[..., Any], client: RealClient
) -> None:
    assert call(replace(EC, key=ec_key(number=1))).status_code == 401
    token = now().token(aud=BASE + CALL)
    spoilt = token[:-8] + ("A" if token[-8] != "A" else "B") + token[-7:]
    assert client.post(CALL, json=BENCH, headers=bearer(spoilt)).status_code == 401


@pytest.mark.requirement("SEC-15")
def test_a_token_past_its_end_is_401(call: Callable[..., Any]) -> None:
    assert call(exp=int(time.time()) - 120, iat=int(time.time()) - 300).status_code == 401


@pytest.mark.requirement("SEC-16")
def test_a_token_is_good_for_one_call(client: RealClient) -> None:
    token = now().token(aud=BASE + CALL)
    statuses = [client.post(CALL, json=BENCH, headers=bearer(token)).status_code for _ in "12"]
    assert statuses == [200, 401]


def test_a_service_that_is_not_the_clients_is_403(call: Callable[..., Any]) -> None:
    assert call(RSA, path=SIBLING).status_code == 403


@pytest.mark.requirement("SEC-19")
def test_the_callers_token_is_in_no_log_and_no_reply(
    client: RealClient, logged: Callable[[int], str]
) -> None:
    good = now().token(aud=BASE + CALL)
    bad = now().token(aud=BASE)
    replies = [client.post(CALL, json=BENCH, headers=bearer(token)) for token in (good, bad)]
    assert [reply.status_code for reply in replies] == [200, 401]
    shown = logged(2) + "".join(reply.text for reply in replies)
    for token in (good, bad):
        assert not any(part in shown for part in token.split("."))


@pytest.mark.requirement("CORS-01", "CORS-02")
@pytest.mark.parametrize("path", ["/cds-services", CALL, FEEDBACK])
def test_a_preflight_needs_no_token(client: RealClient, path: str) -> None:
    reply = client.options(
        path,
        headers={
            "Origin": "https://ehr.example.org",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )
    assert reply.status_code == 204
    assert reply.headers["access-control-allow-origin"] == "https://ehr.example.org"
    assert {"GET", "POST", "OPTIONS"} <= set(
        reply.headers["access-control-allow-methods"].split(", ")
    )
    headers = reply.headers["access-control-allow-headers"].lower()
    assert {"authorization", "content-type"} <= set(headers.split(", "))


@pytest.mark.requirement("CORS-03", "HTTP-11")
def test_a_browser_can_read_that_it_has_no_token(client: RealClient) -> None:
    reply = client.post(CALL, json=BENCH, headers={"Origin": "https://ehr.example.org"})
    assert reply.status_code == 401
    assert reply.headers["access-control-allow-origin"] == "https://ehr.example.org"
