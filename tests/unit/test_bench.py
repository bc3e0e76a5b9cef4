"""The measuring stick itself: bodies a service would accept, figures read correctly, a run that
shows every row, and pages that say what was measured."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml

from bench.bodies import OBSERVATIONS, body, edited, patients, renamed
from bench.calls import Calls
from bench.capacity import capacity
from bench.client import parse_wrk
from bench.page import PAGES, filled
from bench.rules import write_rules
from bench.stages import STAGES
from bench.targets import targets, without_healthchain
from bench.tokens import tokens, write_trust
from cds.clients.trustfile import load_trust
from cds.hooks.request import read_call
from cds.hooks.services import ORDER_SELECT, PREFETCH_KEYS
from cds.rulebook.load import load_rulebook

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "least", "most"), [("5k", 4, 8), ("40k", 36, 48), ("400k", 360, 440)]
)
def test_a_body_has_the_size_of_its_name_and_is_a_full_call(
    name: str, least: int, most: int
) -> None:
    payload = body(name)
    assert least * 1000 <= len(payload) <= most * 1000
    call = read_call(ORDER_SELECT, payload)
    assert set(call.prefetch) == set(PREFETCH_KEYS)
    observations = json.loads(bytes(call.prefetch["observations"]))["entry"]
    assert len(observations) == OBSERVATIONS[name]


def test_a_body_is_the_same_every_time() -> None:
    assert body("40k") == body("40k")


def resources(payload: bytes) -> list[str]:
    """Every resource of the prefetch, as text."""
    prefetch = json.loads(payload)["prefetch"].values()
    bundled = [entry["resource"] for x in prefetch for entry in x.get("entry", [])]
    alone = [x for x in prefetch if x["resourceType"] != "Bundle"]
    return [json.dumps(resource) for resource in (*bundled, *alone)]


def test_another_patient_shares_no_resource_no_id_and_no_call_with_the_first() -> None:
    one, other = renamed(body("5k"), 1), renamed(body("5k"), 2)
    assert len(resources(one)) > 5
    assert not set(resources(one)) & set(resources(other))
    calls = [read_call(ORDER_SELECT, payload) for payload in (one, other)]
    assert len({call.patient_id for call in calls}) == 2
    assert len({call.encounter_id for call in calls}) == 2
    assert len({call.hook_instance for call in calls}) == 2


def test_an_edit_is_the_same_patient_with_another_draft_order() -> None:
    one, other = (json.loads(edited(body("5k"), number)) for number in (1, 2))
    assert one["prefetch"] == other["prefetch"] == json.loads(body("5k"))["prefetch"]
    (draft,), (next_draft,) = (
        [entry["resource"] for entry in call["context"]["draftOrders"]["entry"]]
        for call in (one, other)
    )
    for part in ("id", "authoredOn", "dosageInstruction"):
        assert draft[part] != next_draft[part]
    assert {**draft, "id": 0, "authoredOn": 0, "dosageInstruction": 0} == {
        **next_draft, "id": 0, "authoredOn": 0, "dosageInstruction": 0,
    }  # fmt: skip
    assert one["context"]["selections"] == [f"MedicationRequest/{draft['id']}"]
    assert one["hookInstance"] != other["hookInstance"]
    assert read_call(ORDER_SELECT, edited(body("5k"), 3)).patient_id == "bench-patient"


def test_patients_to_begin_with_differ_in_values_and_times() -> None:
    found = patients(3)
    assert found[0] == body("5k")
    assert len(set(found)) == len(found) > 8


def test_calls_are_the_same_bytes_unless_each_is_one_of_its_own() -> None:
    same = Calls(1, "/a", (body("5k"),))
    same.prepare()
    assert same.next() == same.next()
    fresh = Calls(1, "/a", patients(3), renamed)
    fresh.prepare()
    found = [fresh.next() for _ in range(300)]  # more than were prepared
    assert len(set(found)) == 300


def test_every_request_of_a_client_with_tokens_has_a_token_of_its_own(tmp_path: Path) -> None:
    write_trust(tmp_path / "trust.yaml")
    (client,) = load_trust(tmp_path / "trust.yaml").clients.values()
    calls = Calls(1, "/a", (b"{}",), token=tokens("http://127.0.0.1:1/a"))
    head = re.compile(rb"\r\nAuthorization: Bearer (\S+)\r\n")
    sent = [match[1].decode() for match in map(head.search, calls.many(1, 0.01)) if match]
    key = jwt.PyJWK(dict(client.keys[0]) | {"alg": "ES384"})
    said = [
        jwt.decode(token, key, algorithms=["ES384"], audience="http://127.0.0.1:1/a")
        for token in sent
    ]
    assert len(said) > 10
    assert {claims["iss"] for claims in said} == {client.issuer}
    assert len({claims["jti"] for claims in said}) == len(said)


def test_what_wrk_prints_is_read_in_milliseconds() -> None:
    found = parse_wrk(
        "  Latency Distribution\n     50%  812.00us\n     75%    1.04ms\n     90%    1.60ms\n"
        "     99%    1.20s \n  1034 requests in 1.00s\nRequests/sec:   1031.97\n"
    )
    assert (found.p50_ms, found.p99_ms, found.rps) == (0.812, 1200.0, 1031.97)


def test_output_without_figures_is_refused() -> None:
    with pytest.raises(SystemExit, match="no 50% latency"):
        parse_wrk("Requests/sec: 1\n")
    with pytest.raises(SystemExit, match="no Requests/sec"):
        parse_wrk("50% 1.00ms\n99% 2.00ms\n")


def test_rules_in_number_load_clean_with_limits_of_their_own(tmp_path: Path) -> None:
    write_rules(tmp_path, 41)
    book = load_rulebook(tmp_path)
    assert len({rule.id for rule in book.rules}) == len(book.rules) == 41
    lows = {book.thresholds[name].values["mg/dL"] for name in ("mg_lln", "mg_lln_1", "mg_lln_2")}
    assert len(lows) == 3
    copied = next(rule for rule in book.rules if rule.id == "hypomagnesemia-1")
    assert {level.row for level in copied.levels} >= {"A1-1", "A2-1"}


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[dict[str, Any]], Any]:
    """The whole program, everything once: what it prints, the rows, and the rest."""
    folder = tmp_path_factory.mktemp("bench")
    words = [sys.executable, "-m", "bench", "--quick", "--out", str(folder)]
    run = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    rows = json.loads((folder / "latest.json").read_text())
    return run.stdout, rows, json.loads((folder / "about.json").read_text())


Quick = tuple[str, list[dict[str, Any]], Any]


def test_a_run_prints_and_writes_every_row(quick: Quick) -> None:
    printed, rows, _ = quick
    wanted = [target.name for target in targets()]
    wanted += ["ours, first call", "ours+audit, first call", "ours, 10 rules"]
    wanted += ["ours, edit", "ours+audit, edit"]
    wanted += ["ours, 10 observations", "ours, 20 observations, first call", "ours+audit, 1 worker"]
    assert {"floor", "ours+audit+jwt", "ours+fetch"} <= set(wanted)
    assert set(wanted) <= {row["target"] for row in rows}
    shown = {line[:40].strip() for line in printed.splitlines()}
    assert {row["target"] for row in rows} <= shown
    assert set(STAGES) <= {line[:24].strip() for line in printed.splitlines()}


def test_a_row_has_the_fields_it_always_had(quick: Quick) -> None:
    _, rows, _ = quick
    fields = {"target", "body", "connections", "p50_ms", "p99_ms", "rps", "rss_mib", "fsync_ms"}
    assert all(fields | {"ratio_p50", "ratio_rps", "ready_s"} <= set(row) for row in rows)
    keys = [(row["table"], row["target"], row["body"], row["connections"]) for row in rows]
    assert len(set(keys)) == len(keys)
    assert all(row["p50_ms"] > 0 and row["rps"] > 0 for row in rows)


def test_a_run_says_aloud_whether_the_other_package_is_measured(quick: Quick) -> None:
    printed, _, about = quick
    assert (without_healthchain() or "healthchain: measured too") in printed
    assert about["healthchain"] == (without_healthchain() or "measured")


def test_the_figures_of_a_run_go_between_the_marks_of_a_page(quick: Quick) -> None:
    _, rows, about = quick
    page = "before\n<!-- figures: targets -->\nold\n<!-- end -->\nafter"
    found = filled(page, rows, about)
    assert found.startswith("before\n<!-- figures: targets -->\nBody `5k`, 1 connection:\n")
    assert found.endswith("<!-- end -->\nafter")
    assert "| `ours+audit, first call` |" in found
    assert "old" not in found
    assert filled(found, rows, about) == found
    with pytest.raises(SystemExit, match="no figures are called colours"):
        filled("<!-- figures: colours -->\n<!-- end -->", rows, about)


def marks(page: str) -> list[str]:
    return re.findall(r"<!-- figures: ([a-z-]+) -->", (ROOT / "docs" / page).read_text())


def test_the_pages_have_a_place_for_all_that_is_measured() -> None:
    wanted = {"machine", "targets", "rules", "observations", "workers", "start", "stages"}
    assert wanted <= set(marks("PERFORMANCE.md"))
    assert {"machine", "capacity"} <= set(marks("SCALE.md"))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_figures_at_every_mark(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    shown = re.findall(r"<!-- figures: [a-z-]+ -->\n(.*?)<!-- end -->", text, re.DOTALL)
    assert len(shown) == len(marks(page)) == text.count("<!-- end -->")
    assert all(re.search(r"\d", part) for part in shown)


def test_every_target_is_explained_on_the_page() -> None:
    text = (ROOT / "docs" / "PERFORMANCE.md").read_text()
    assert all(f"| `{target.name}` |" in text for target in targets())


RATES = {"ours+audit, first call": 100.0, "ours+audit": 200.0, "ours+audit+jwt": 100.0}


def busy(rates: dict[str, float]) -> list[dict[str, Any]]:
    about = {"table": "targets", "body": "40k", "connections": 8, "rss_mib": 128.0}
    return [{"target": name, "rps": rps, **about} for name, rps in rates.items()]


def test_capacity_is_counted_for_new_patients_with_a_token() -> None:
    about = {"fsync_ms": 0.5, "stages": {"40k": {"bytes": {"kept": 30_000, "record": 25_000}}}}
    found = {what: figure for what, figure, _ in capacity(busy(RATES), about)}
    # 10 ms for a new patient, and the 5 ms that a token added to one seen before
    assert found["one worker, calls a second"] == "67"
    assert found["workers"] == "5"  # 166.7 a second, each worker at half of 66.7: exactly 5
    assert found["written a second"] == "5.0 MB"
    assert found["a day"] == "216 GB"
    assert found["fsyncs a second at most"] == "2000"


def test_a_run_too_short_for_the_arithmetic_is_refused() -> None:
    with pytest.raises(SystemExit, match="no row ours\\+audit\\+jwt with several connections"):
        list(capacity(busy(dict(islice(RATES.items(), 2))), {}))


def test_a_written_rules_folder_is_plain_yaml_that_others_can_read(tmp_path: Path) -> None:
    write_rules(tmp_path, 21)
    found = yaml.safe_load((tmp_path / "hypomagnesemia-1.yaml").read_text())
    assert found["id"] == "hypomagnesemia-1"
