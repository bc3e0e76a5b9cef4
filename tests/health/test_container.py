"""The container files, read as text: no engine is needed to see what they promise."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cds.settings import unknown_variables

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
LINES = [line for line in re.sub(r"\\\n", " ", DOCKERFILE).splitlines() if line and line[0] != "#"]
STAGES = DOCKERFILE.split("FROM ")[1:]


def said(word: str) -> list[str]:
    """What follows an instruction, each time it is given."""
    return [line.partition(" ")[2].strip() for line in LINES if line.startswith(f"{word} ")]


def pinned(image: str) -> bool:
    """Whether the tag is a version: what is built next month is what was built today."""
    return (
        re.search(r":v?\d+\.\d+(\.\d+)?(-[a-z0-9-]+)?(@sha256:[0-9a-f]{64})?$", image) is not None
    )


def ignored(path: str) -> bool:
    """Whether the build never sees the path, by `.dockerignore`: all but what it lets in."""
    first, *let_in = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line]
    assert first == "*"
    return f"!{Path(path).parts[0]}" not in let_in


def copied() -> list[str]:
    return [
        source
        for line in said("COPY")
        if not line.startswith("--from=")
        for source in line.split()[:-1]
    ]


@pytest.mark.parametrize(
    ("image", "good"),
    [
        ("python:3.12.12-slim-bookworm", True),
        ("hapiproject/hapi:v8.4.0", True),
        ("postgres:17.6", True),
        ("postgres:17", False),
        ("python:3-slim", False),
        ("hapiproject/hapi:latest", False),
        ("postgres", False),
    ],
)
def test_only_a_version_is_a_pin(image: str, good: bool) -> None:
    assert pinned(image) == good


def test_every_image_is_pinned() -> None:
    images = [line.split()[0] for line in said("FROM")]
    images += [service["image"] for service in SERVICES.values() if "image" in service]
    assert len(images) == 4
    assert [image for image in images if not pinned(image)] == []
    assert len(set(images[:2])) == 1


def test_what_is_copied_exists_and_is_let_in() -> None:
    assert {"cds", "rules", "fhir_fixtures", "requirements/run.txt"} <= set(copied())
    assert [path for path in copied() if path != "./" and not (ROOT / path).exists()] == []
    assert [path for path in copied() if ignored(path)] == []


def test_what_is_let_in_is_used() -> None:
    let_in = re.findall(r"(?m)^!(\S+)$", (ROOT / ".dockerignore").read_text())
    assert set(let_in) == {Path(path).parts[0] for path in copied()}


def test_every_package_is_installed_by_its_hash() -> None:
    installs = [part for line in said("RUN") for part in line.split("&&") if "pip" in part]
    installs = [part for part in installs if " install " in part]
    assert len(installs) == 3
    for part in installs:
        assert "--require-hashes" in part or ("--no-deps" in part and "--no-index" in part)


def test_the_lock_of_the_build_has_a_hash_for_everything_and_shares_nothing_with_the_run() -> None:
    pins: dict[str, set[str]] = {}
    for name in ("run", "build"):
        lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
        assert not [line for line in lines if "://" in line or line.startswith(("-", "/"))]
        at = [i for i, line in enumerate(lines) if "==" in line]
        assert at
        assert all("--hash=sha256:" in lines[i + 1] for i in at)
        pins[name] = {lines[i].split("==")[0] for i in at}
    assert "hatchling" in pins["build"]
    assert pins["run"] & pins["build"] == set()


def test_what_runs_holds_nothing_that_builds() -> None:
    last = STAGES[-1]
    assert "pip uninstall" in last
    assert " install" not in last
    assert re.findall(r"(?m)^COPY (\S+) (\S+)", last) == [("--from=build", "/opt/cds")]
    assert "venv --without-pip /opt/cds" in DOCKERFILE


def test_the_user_is_a_number_and_not_root() -> None:
    (user,) = re.findall(r"(?m)^USER (\d+):(\d+)$", STAGES[-1])
    assert all(int(number) >= 1000 for number in user)
    assert STAGES[-1].index("USER") < STAGES[-1].index('CMD ["cds"')


def test_the_health_check_asks_whether_the_rules_are_loaded() -> None:
    (check,) = said("HEALTHCHECK")
    words = json.loads(check[check.index("[") :])
    assert words[:2] == ["python", "-c"]
    compile(words[2], "health check", "exec")
    assert "http://127.0.0.1:8000/health/ready" in words[2]
    assert "timeout=" in words[2]


def test_the_command_serves_on_the_port_that_is_exposed_and_published() -> None:
    command = json.loads(said("CMD")[-1])
    assert command[:2] == ["cds", "serve"]
    assert said("EXPOSE") == [command[command.index("--port") + 1]] == ["8000"]
    assert all(port.endswith(":8000") for port in SERVICES["cds"]["ports"])


def test_the_three_parts_come_with_one_command() -> None:
    assert set(SERVICES) == {"cds", "fhir", "database"}
    assert all("profiles" not in service for service in SERVICES.values())
    assert SERVICES["fhir"]["image"].startswith("hapiproject/hapi:")
    assert SERVICES["fhir"]["environment"]["hapi.fhir.fhir_version"] == "R4"
    assert SERVICES["database"]["image"].startswith("postgres:")


def test_the_service_waits_for_neither_of_the_others() -> None:
    assert "depends_on" not in SERVICES["cds"]
    assert SERVICES["fhir"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert "pg_isready" in SERVICES["database"]["healthcheck"]["test"]


def test_the_fhir_server_and_its_database_agree() -> None:
    fhir, database = SERVICES["fhir"]["environment"], SERVICES["database"]["environment"]
    assert fhir["SPRING_DATASOURCE_URL"].endswith(f"database:5432/{database['POSTGRES_DB']}")
    assert fhir["SPRING_DATASOURCE_USERNAME"] == database["POSTGRES_USER"]
    assert fhir["SPRING_DATASOURCE_PASSWORD"] == database["POSTGRES_PASSWORD"]
    assert all(
        volume.split(":")[0] in COMPOSE["volumes"] for volume in SERVICES["database"]["volumes"]
    )


@pytest.mark.parametrize("name", SERVICES)
def test_only_this_machine_can_call(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))
    assert "no-new-privileges:true" in SERVICES[name]["security_opt"]


def test_the_service_writes_to_its_volume_only_and_may_do_nothing_special() -> None:
    assert SERVICES["cds"]["read_only"] is True
    (state,) = re.findall(r"^ENV CDS_STATE=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert f"mkdir -m 0700 {state} && chown 65532:65532 {state}" in DOCKERFILE
    assert SERVICES["cds"]["volumes"] == [f"decisions:{state}"]
    assert SERVICES["cds"]["tmpfs"] == ["/tmp"]
    assert SERVICES["cds"]["cap_drop"] == ["ALL"]


def test_every_variable_of_the_service_is_a_setting() -> None:
    named = re.findall(r"\bCDS_[A-Z_]+", DOCKERFILE + (ROOT / "docker-compose.yml").read_text())
    assert set(SERVICES["cds"]["environment"]) == {"CDS_SANDBOX"}
    assert set(named) == {"CDS_SANDBOX", "CDS_STATE"}
    assert unknown_variables(named) == ()
