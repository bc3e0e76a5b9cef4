"""The house keeps its own rules: layers, sizes, clocks; its README mentions every setting."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cds.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "cds").rglob("*.py"))
LONGEST_MODULE = 300
LONGEST_FUNCTION = 40


def functions(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def name(module: Path) -> str:
    return str(module.relative_to(ROOT))


def test_there_are_modules_to_look_at() -> None:
    assert len(MODULES) > 20


def test_a_line_imports_only_what_stands_below_it() -> None:
    found = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "4 kept, 0 broken" in found.stdout


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_a_module_fits_in_a_head(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_a_function_fits_on_a_screen(module: Path) -> None:
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in functions(module)
        if node.end_lineno and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    ]
    assert long == []


def called(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_nothing_prints_and_only_the_bootstrap_reads_the_clock(module: Path) -> None:
    calls = set(called(module))
    assert "print" not in calls
    clock = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time"}
    if name(module) != "cds/bootstrap.py":
        assert not calls & clock
    if name(module) != "cds/settings.py":
        assert "os.environ" not in module.read_text()
        assert "getenv" not in module.read_text()


@pytest.mark.parametrize("setting", Settings.model_fields)
def test_the_readme_mentions_every_setting(setting: str) -> None:
    assert f"{PREFIX}{setting.upper()}" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("lock", ["build.txt", "run.txt", "dev.txt"])
def test_a_lock_file_names_no_place_and_has_a_hash_for_everything(lock: str) -> None:
    lines = (ROOT / "requirements" / lock).read_text().splitlines()
    assert not [line for line in lines if "://" in line or line.startswith(("-", "/"))]
    pinned = [i for i, line in enumerate(lines) if "==" in line]
    assert pinned
    assert all("--hash=sha256:" in lines[i + 1] for i in pinned)


SKIPS = """
import pytest

def test_in_words():
    pytest.skip("no")

def test_by_a_module():
    pytest.importorskip("no_such_module")
"""


def test_where_everything_is_required_a_skip_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SKIPS)
    for name in ("conftest.py", "r4_checks.py"):
        (tmp_path / name).write_text((ROOT / "tests" / name).read_text())
    for require, code, said in (("all", 1, "2 failed in"), ("", 0, "2 skipped in")):
        found = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
            cwd=ROOT,
            env={
                "CDS_REQUIRE": require,
                "PYTHONPATH": str(ROOT),
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # a skip needs none of them
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == code, found.stdout
        assert said in found.stdout
