"""Data that a call did not bring: fetched from the client's FHIR server, over real HTTP."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from ehr_server import TOKEN, Ehr, ehr_server
from orders import BENCH, PATIENT, rows, without_ids
from real_http import RealClient, served, trust_file

from bench.bodies import NOW
from cds import bootstrap
from cds.settings import Settings
from cds.web.app import create_app
from token_kit import BASE, ISSUER, Signer

ROOT = Path(__file__).parents[2]
GIVEN = BENCH["prefetch"]
FAILED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
ACCESS = {
    "access_token": TOKEN,
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "patient/*.read",
    "subject": "cds-service",
    "patient": PATIENT,
}
CALL = "/cds-services/electrolytes-order-select"

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RealClient, Ehr, str]]:
    """The service, a FHIR server that it may ask, and one that it may ask and that is down."""
    folder = tmp_path_factory.mktemp("fhir")
    with ExitStack() as stack:
        ehr = stack.enter_context(ehr_server(GIVEN))
        nobody = stack.enter_context(socket.socket())
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        closed = f"http://127.0.0.1:{nobody.getsockname()[1]}/fhir"
        trust = trust_file(
            folder,
            {
                "name": "hospital",
                "issuer": ISSUER,
                "keys": [Signer().jwk()],
                "fhir_servers": [ehr.base, closed],
                "networks": ["127.0.0.0/8"],
            },
        )
        settings = Settings(
            rules=ROOT / "rules", sandbox=True, trust=trust, state=folder, deadline_ms=20_000
        )
        app = create_app(bootstrap.build(settings, NOW))
        yield stack.enter_context(served(app)), ehr, closed


@pytest.fixture
def ehr(running: tuple[RealClient, Ehr, str]) -> Ehr:
    """The FHIR server, as it was at first."""
    server = running[1]
    server.answers, server.status, server.paged, server.wait = GIVEN, {}, frozenset(), 0.0
    server.asked.clear()
    return server


@pytest.fixture
def ask(running: tuple[RealClient, Ehr, str], ehr: Ehr) -> Ask:
    """Call the service as the hospital does; keyword arguments replace members of the body."""
    client, *_ = running

    def post(prefetch: dict[str, Any] | None, **members: Any) -> Any:
        usual = {**BENCH, "fhirServer": ehr.base, "fhirAuthorization": ACCESS, "prefetch": prefetch}
        body = {name: value for name, value in {**usual, **members}.items() if value is not None}
        token = Signer(now=time.time()).token(aud=f"{client.base}{CALL}")
        return client.post(CALL, json=body, headers={"Authorization": f"Bearer {token}"})

    return post


def without(*keys: str) -> dict[str, Any]:
    return {key: value for key, value in GIVEN.items() if key not in keys}


def refusal(reply: Any) -> tuple[int, list[str]]:
    """Status and field of a refusal, which has no cards."""
    assert "cards" not in reply.json()
    return reply.status_code, reply.json()["issue"][0]["expression"]


@pytest.mark.requirement("PRE-12", "FHIR-02")
@pytest.mark.parametrize("missing", [("observations",), ("allergies", "problems"), tuple(GIVEN)])
def test_exactly_what_is_missing_is_asked_for_with_the_token(
    ask: Ask, ehr: Ehr, missing: tuple[str, ...]
) -> None:
    assert ask(without(*missing)).status_code == 200
    assert ehr.keys == sorted(missing)
    assert {question.authorization for question in ehr.asked} == {f"Bearer {TOKEN}"}


@pytest.mark.requirement("PRE-12", "REQ-04")
def test_with_everything_there_nobody_is_asked(ask: Ask, ehr: Ehr) -> None:
    assert ask(GIVEN).status_code == 200
    assert ask(GIVEN, fhirServer=None, fhirAuthorization=None).status_code == 200
    assert ehr.asked == []


@pytest.mark.requirement("PRE-20")
def test_prefetched_and_fetched_data_give_the_same_cards(ask: Ask) -> None:
    brought = without_ids(ask(GIVEN))
    assert brought
    assert without_ids(ask({})) == brought
    assert without_ids(ask(None)) == brought


@pytest.mark.requirement("PRE-19", "FHIR-02")
@pytest.mark.parametrize("prefetched", [True, False], ids=["prefetched", "fetched"])
def test_the_next_page_is_read_with_the_token(ask: Ask, ehr: Ehr, prefetched: bool) -> None:
    whole = without_ids(ask(GIVEN))
    ehr.paged = frozenset({"observations"})
    first = {"observations": ehr.page("observations", 1)} if prefetched else {}
    reply = ask({**without("observations"), **first})
    assert without_ids(reply) == whole
    assert ehr.keys == ["observations"] * (1 if prefetched else 2)
    assert {question.authorization for question in ehr.asked} == {f"Bearer {TOKEN}"}


@pytest.mark.requirement("PRE-13", "RESP-05", "FHIR-07")
@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize("key", ["patient", "observations"])
def test_required_data_that_the_server_refuses_is_412(
    ask: Ask, ehr: Ehr, key: str, status: int
) -> None:
    ehr.status[key] = status
    assert refusal(ask(without(key))) == (412, [f"prefetch.{key}"])


@pytest.mark.requirement("PRE-13", "RESP-05")
def test_required_data_of_a_server_that_is_down_is_412(
    ask: Ask, running: tuple[RealClient, Ehr, str]
) -> None:
    reply = ask(without("observations"), fhirServer=running[2])
    assert refusal(reply) == (412, ["prefetch.observations"])
    assert "cannot be reached" in reply.json()["issue"][0]["diagnostics"]


@pytest.mark.requirement("PRE-13", "RESP-05")
def test_required_data_with_nowhere_to_fetch_it_is_412(ask: Ask, ehr: Ehr) -> None:
    nowhere = ask({}, fhirServer=None, fhirAuthorization=None)
    no_token = ask({}, fhirAuthorization=None)
    assert refusal(nowhere) == refusal(no_token) == (412, ["prefetch.patient"])
    assert ehr.asked == []


@pytest.mark.requirement("PRE-18")
def test_a_failed_query_of_the_client_is_asked_once_more(ask: Ask, ehr: Ehr) -> None:
    reply = ask({**GIVEN, "observations": FAILED})
    assert without_ids(reply) == without_ids(ask(GIVEN))
    assert ehr.keys == ["observations"]
    ehr.status["observations"] = 500
    assert refusal(ask({**GIVEN, "observations": FAILED})) == (412, ["prefetch.observations"])


@pytest.mark.requirement("PRE-14", "PRE-20")
def test_optional_data_that_cannot_be_fetched_is_unknown(ask: Ask, ehr: Ehr) -> None:
    ehr.status["allergies"] = 500
    reply = ask(without("allergies"))
    assert "could not be checked: allergy to magnesium" in reply.text
    assert not any(card.get("suggestions") for card in reply.json()["cards"])


@pytest.mark.requirement("PRE-24")
def test_another_patient_from_the_server_is_no_patient(ask: Ask, ehr: Ehr) -> None:
    ehr.answers = {**GIVEN, "patient": {**GIVEN["patient"], "id": "somebody-else"}}
    assert refusal(ask(without("patient")))[0] == 412


MISSHAPEN = [
    *({name: None} for name in ("access_token", "token_type", "expires_in", "scope", "subject")),
    {"token_type": "mac"},
    {"expires_in": "300"},
    {"access_token": ""},
    {"access_token": 7},
    {"scope": ["patient/*.read"]},
]


@pytest.mark.requirement("FHIR-03")
@pytest.mark.parametrize("change", MISSHAPEN, ids=str)
def test_an_authorization_that_is_misshapen_is_refused_and_not_used(
    ask: Ask, ehr: Ehr, change: dict[str, Any]
) -> None:
    members = {name: value for name, value in {**ACCESS, **change}.items() if value is not None}
    status, (field,) = refusal(ask({}, fhirAuthorization=members))
    assert (status, field.partition(".")[0]) == (400, "fhirAuthorization")
    assert ehr.asked == []


@pytest.mark.requirement("FHIR-04")
def test_a_token_for_another_patient_is_not_used(ask: Ask, ehr: Ehr) -> None:
    other = ask({}, fhirAuthorization={**ACCESS, "patient": "somebody-else"})
    assert refusal(other) == (400, ["fhirAuthorization.patient"])
    assert ehr.asked == []


@pytest.mark.requirement("FHIR-04", "VER-01")
def test_a_token_that_names_no_patient_is_used(ask: Ask) -> None:
    unbound = {name: value for name, value in ACCESS.items() if name != "patient"}
    assert rows(ask({}, fhirAuthorization=unbound)) == rows(ask(GIVEN))


@pytest.mark.requirement("FHIR-05")
def test_a_token_is_forgotten_after_its_call(ask: Ask, ehr: Ehr) -> None:
    assert ask({}).status_code == 200
    ehr.asked.clear()
    assert refusal(ask({}, fhirAuthorization=None))[0] == 412
    assert ehr.asked == []


@pytest.mark.requirement("FHIR-05", "FHIR-09")
def test_a_token_is_in_no_log_no_file_and_no_reply(
    ask: Ask, ehr: Ehr, tmp_path_factory: pytest.TempPathFactory, logged: Callable[[int], str]
) -> None:
    ehr.status["observations"] = 500
    replies = [ask({}), ask(without("allergies"))]
    assert TOKEN not in logged(2) + "".join(reply.text for reply in replies)
    files = [path for path in tmp_path_factory.getbasetemp().rglob("*") if path.is_file()]
    assert files
    assert not any(TOKEN.encode() in path.read_bytes() for path in files)


@pytest.mark.requirement("FHIR-06")
@pytest.mark.parametrize(
    "scope",
    ["user/Patient.rs", "user/Patient.read", "patient/*.* launch", "vendor.scope|of-its-own", ""],
)
def test_every_form_of_scope_is_the_same(ask: Ask, scope: str) -> None:
    reply = ask({}, fhirAuthorization={**ACCESS, "scope": scope})
    assert rows(reply) == rows(ask(GIVEN))


@pytest.mark.requirement("FHIR-07")
@pytest.mark.parametrize("seconds", [0, -1])
def test_a_token_that_is_over_is_not_used(ask: Ask, ehr: Ehr, seconds: int) -> None:
    reply = ask({}, fhirAuthorization={**ACCESS, "expires_in": seconds})
    assert refusal(reply) == (412, ["prefetch.patient"])
    assert ehr.asked == []


@pytest.mark.requirement("SEC-21")
def test_only_the_servers_of_the_client_are_asked(ask: Ask, ehr: Ehr) -> None:
    with ehr_server(GIVEN) as other:
        for address in (other.base, other.base.replace("127.0.0.1", "localhost"),
                        "http://169.254.169.254/latest", f"{ehr.base}.evil.example/fhir",
                        ehr.base.replace("//", "//good@"), f"{ehr.base}/../admin"):  # fmt: skip
            assert refusal(ask({}, fhirServer=address)) == (412, ["prefetch.patient"]), address
        assert other.asked == []
    assert ehr.asked == []


@pytest.mark.requirement("REQ-05", "SEC-21")
def test_in_production_a_server_without_https_is_not_asked(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        address = f"127.0.0.1:{listening.getsockname()[1]}/fhir"
        trust = trust_file(
            tmp_path,
            {
                "name": "hospital",
                "issuer": ISSUER,
                "keys": [Signer().jwk()],
                "fhir_servers": [f"https://{address}"],
            },
        )
        settings = Settings(rules=ROOT / "rules", trust=trust, state=tmp_path, public_url=BASE)
        with served(create_app(bootstrap.build(settings, NOW))) as client:
            token = Signer(now=time.time()).token(aud=f"{BASE}{CALL}")
            body = {**BENCH, "prefetch": {}, "fhirAuthorization": ACCESS}
            reply = client.post(
                CALL,
                json={**body, "fhirServer": f"http://{address}"},
                headers={"Authorization": f"Bearer {token}"},
            )
        assert refusal(reply) == (412, ["prefetch.patient"])
        with pytest.raises(TimeoutError):
            listening.accept()
