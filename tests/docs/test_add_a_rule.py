"""`Add a rule in ten minutes`, done literally: each command and edit, in the order they stand."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import README, ROOT, Block, blocks, flat

NAME = "low-magnesium-exercise"
STEPS = [block for block in blocks(README) if block.info.endswith(" new rule")]
MEMBER = re.compile(r"(?m)^(?=[a-z_]+:)")


def copy(folder: Path) -> Path:
    """The rules of this project and the first call, where they may be changed."""
    shutil.copytree(ROOT / "rules", folder / "rules")
    shutil.copytree(ROOT / "docs", folder / "docs")
    return folder


def give(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    words = [word.removeprefix(".venv/bin/") for word in shlex.split(command)]
    assert words[0] == "cds"
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def members(text: str) -> dict[str, str]:
    """The members of a rule file, each with its lines."""
    parts = [part for part in MEMBER.split(text) if MEMBER.match(part)]
    return {part.partition(":")[0]: f"{part.rstrip()}\n" for part in parts}


def edit(rule: Path, shown: str) -> None:
    """What is shown, in place of the members of the same name."""
    before = members(rule.read_text(encoding="utf-8"))
    assert members(shown).keys() <= before.keys()
    rule.write_text("".join((before | members(shown)).values()), encoding="utf-8")


def follow(step: Block, folder: Path) -> str:
    """What the commands of a step print; an edit prints nothing."""
    if step.info.startswith("yaml "):
        edit(folder / "rules" / f"{NAME}.yaml", step.text)
        return ""
    printed = ""
    for command in step.text.splitlines():
        done = give(command, folder)
        assert (done.returncode, done.stderr) == (0, ""), (command, done.stdout)
        printed += done.stdout
    return printed


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder after the last step, and what each step printed."""
    folder = copy(tmp_path_factory.mktemp("exercise"))
    return folder, [follow(step, folder) for step in STEPS[:-1]]


def test_each_step_of_the_page_does_what_it_says(followed: tuple[Path, list[str]]) -> None:
    assert [step.info.split()[0] for step in STEPS] == ["sh", "yaml", "sh", "yaml", "sh", "text"]
    _, printed = followed
    assert ["clean: " in text for text in printed] == [True, False, True, False, True]
    real = {flat(line) for line in printed[-1].splitlines()}
    assert [line for line in STEPS[-1].text.splitlines() if flat(line) not in real] == []


def test_in_silent_mode_no_card_leaves_and_turned_on_one_does(
    followed: tuple[Path, list[str]],
) -> None:
    folder, printed = followed
    card = f'"rule":"{NAME}@0.1.0"'
    assert card not in printed[-1].replace(" ", "")
    edit(folder / "rules" / f"{NAME}.yaml", "status: active\n")
    evaluate = STEPS[-2].text.splitlines()[-1]
    assert card in give(evaluate, folder).stdout.replace(" ", "")


def test_a_name_that_is_not_declared_is_told_with_the_nearest_one_that_is(tmp_path: Path) -> None:
    folder = copy(tmp_path)
    command, *_ = STEPS[0].text.splitlines()
    assert give(command, folder).returncode == 0
    wrong = STEPS[1].text.replace("wasting_drugs: present}", "wasting_drug: present}")
    edit(folder / "rules" / f"{NAME}.yaml", wrong)
    told = give(".venv/bin/cds check", folder)
    assert told.returncode == 1
    assert f"rules/{NAME}.yaml:" in told.stdout
    assert "Did you mean `wasting_drugs`?" in told.stdout
