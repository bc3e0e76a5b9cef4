"""The wheel is the whole service: installed anywhere, it answers by the rules it carries."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest

from cds.rulebook.load import digest

ROOT = Path(__file__).parents[2]
CARRIED = ("rules", "fhir_fixtures")
SERVICE = "/cds-services/electrolytes-order-select"


def run(*words: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command with nothing of this process's environment but the path."""
    return subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def build(kind: str, source: Path, into: Path) -> Path:
    built = run(sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", into, cwd=source)
    assert built.returncode == 0, built.stderr
    (found,) = into.iterdir()
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def bin_folder(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel, and the packages it depends on lent by this one.

    Lent by a path file, whose folder is searched for packages but not for further path files: what
    makes this repository importable here stays out.
    """
    env = tmp_path_factory.mktemp("env")
    bare = run(sys.executable, "-m", "venv", "--without-pip", env, cwd=env)
    assert bare.returncode == 0, bare.stderr
    python = env / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    done = run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=env)
    assert done.returncode == 0, done.stderr
    (site,) = env.glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(f"{Path(httpx.__file__).parents[1]}\n")
    return python.parent


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A folder with nothing in it, far from the repository."""
    assert not tmp_path.is_relative_to(ROOT)
    return tmp_path


def installed_rules(bin_folder: Path) -> Path:
    (rules,) = bin_folder.parent.glob("lib/python*/site-packages/cds/_bundled/rules")
    return rules


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", CARRIED)
def test_the_wheel_carries_every_file_of_the_folder_and_no_other(wheel: Path, name: str) -> None:
    prefix = f"cds/_bundled/{name}/"
    with ZipFile(wheel) as archive:
        carried = {
            item.removeprefix(prefix): archive.read(item)
            for item in archive.namelist()
            if item.startswith(prefix)
        }
    assert len(carried) > 1
    assert carried == files(ROOT / name)


def test_the_wheel_holds_the_package_and_its_licence_and_nothing_else(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        package = {name for name in names if name.startswith("cds/")}
        about = {name.partition("/")[2] for name in names if name not in package}
    modules = {f"cds/{name}" for name in files(ROOT / "cds") if "__pycache__" not in name}
    assert {name for name in package if not name.startswith("cds/_bundled/")} == modules
    licences = {"licenses/LICENSE", "licenses/NOTICE"}
    assert about == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", *licences}


def test_the_source_archive_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    source = build("sdist", ROOT, tmp_path / "sdist")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    again = build("wheel", unpacked, tmp_path / "again")
    with ZipFile(wheel) as one, ZipFile(again) as other:
        assert {item.filename: item.CRC for item in one.infolist()} == {
            item.filename: item.CRC for item in other.infolist()
        }


def test_the_readme_installs_this_wheel(wheel: Path) -> None:
    named = re.search(r"(?m)^pip install dist/(\S+)$", (ROOT / "README.md").read_text())
    assert named is not None
    assert fnmatch(wheel.name, named[1])


def test_the_folders_stand_once_in_the_repository() -> None:
    assert not (ROOT / "cds" / "_bundled").exists()


def test_what_runs_is_the_installed_package(bin_folder: Path, empty: Path) -> None:
    found = run(bin_folder / "python", "-c", "import cds; print(cds.__file__)", cwd=empty)
    assert found.stdout.startswith(str(bin_folder.parent))


def test_the_installed_rules_are_clean(bin_folder: Path, empty: Path) -> None:
    found = run(bin_folder / "cds", "check", cwd=empty)
    assert (found.returncode, found.stderr) == (0, ""), found.stdout
    assert found.stdout.strip().endswith(digest(installed_rules(bin_folder), None))


def test_rules_in_the_working_folder_go_before_the_installed_ones(
    bin_folder: Path, empty: Path
) -> None:
    (empty / "rules").mkdir()
    found = run(bin_folder / "cds", "check", cwd=empty)
    assert found.returncode == 1
    assert "the rules do not load" in found.stdout


def test_a_rule_is_not_drafted_into_the_installed_package(bin_folder: Path, empty: Path) -> None:
    found = run(bin_folder / "cds", "new-rule", "a-rule", cwd=empty)
    assert found.returncode == 2
    assert "copy the folder to ./rules" in found.stderr


def test_a_sample_is_answered_from_a_file(bin_folder: Path, empty: Path) -> None:
    sample = run(bin_folder / "cds", "sample", cwd=empty)
    (empty / "call.json").write_text(sample.stdout)
    answer = run(bin_folder / "cds", "evaluate", "call.json", "--trace", cwd=empty)
    assert answer.returncode == 0, answer.stderr
    assert '"A2"' in answer.stdout
    assert "hypomagnesemia@" in answer.stdout


@contextmanager
def served(command: Path, cwd: Path) -> Iterator[str]:
    """The address of a service on a free port, until the block ends."""
    with subprocess.Popen(
        [str(command), "serve", "--port", "0"],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "CDS_SANDBOX": "1", "CDS_LOG_LEVEL": "error"},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        try:
            line = process.stderr.readline()
            assert "listening on http://" in line, line
            yield line.split()[-1]
        finally:
            process.terminate()


def test_an_empty_folder_is_enough_to_serve_a_real_call(bin_folder: Path, empty: Path) -> None:
    call = run(bin_folder / "cds", "sample", cwd=empty).stdout
    with served(bin_folder / "cds", empty) as address, httpx.Client(base_url=address) as client:
        ready = client.get("/health/ready").json()
        reply = client.post(SERVICE, content=call, headers={"content-type": "application/json"})
    assert ready["rulebook"] == digest(installed_rules(bin_folder), None)
    assert reply.status_code == 200
    card = reply.json()["cards"][0]
    assert (card["indicator"], card["extension"]["rows"]) == ("critical", ["A2"])
    assert "2 g" in card["suggestions"][0]["label"]
    assert json.loads(call)["hook"] == "order-select"
    assert [path.name for path in empty.iterdir()] == ["state"]  # where decisions are kept
