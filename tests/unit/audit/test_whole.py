"""What rules asked that were ruled out is worked out again, or nothing is told."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from audit_kit import chain_in, keep
from cds.audit.batch import Archive, Batch, Sealed
from cds.audit.codec import CodecError, canonical
from cds.audit.entry import ENGINE
from cds.audit.explain import explain
from cds.audit.rulebooks import archive
from cds.audit.store import AuditStore
from cds.audit.whole import DecidedOtherwise, explain_whole
from cds.cli import app
from cds.trace import prose
from kept_decisions import CLIENT, KEYED, RULES, answered, book, named

NAME = "first-card"


def changed(change: Callable[[dict[str, Any]], Any]) -> Sealed:
    item = named(NAME)
    body = item.body()
    change(body)
    sealed = item.sealed()
    return replace(sealed, entry=replace(sealed.entry, body=canonical(body)))


@pytest.mark.parametrize("folder", ["firing", "boundary", "well", "broken"])
def test_every_decision_is_told_as_the_whole_reasoning_was(folder: str) -> None:
    found = [item for item in answered() if item.sample.folder == folder]
    assert found
    for item in found:
        told = prose(item.whole().answer.decisions)
        stay = item.call.encounter_id or ""
        told = told.replace(stay, KEYED.encounter(CLIENT.name, stay)) if stay else told
        assert explain_whole(item.sealed(), book()).endswith(f"\n\n{told}"), item.sample.name


def test_the_head_says_what_was_not_in_the_record_and_who_worked_it_out() -> None:
    item = named(NAME)
    number = sum(one.ruled_out for one in item.answer.decisions.items)
    head = explain_whole(item.sealed(), book(), "9.9.9").split("\n\n")[0].splitlines()
    assert head[-1] == (
        f"What {number} rules asked that were ruled out is not in the record: version 9.9.9 worked "
        "it out again from the sealed record, by the rules of that time."
    )
    assert head[:-1] == explain(item.sealed()).splitlines()[: len(head) - 1]


def test_a_record_that_tells_every_rule_is_told_as_it_was_sealed() -> None:
    sealed = named(NAME).whole().sealed()
    assert explain_whole(sealed, replace(book(), rules=())) == explain(sealed)


REFUSED: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda body: body["rules"][0].update(outcome="error"), "outcome was: error"),
    (lambda body: body["rules"][0].update(row="A9"), "row was: A9"),
    (lambda body: body["rules"][0].update(summary="Another"), "headline was: Another"),
    (lambda body: body.update(kidneys=["none"]), "every card: the lines on kidney function"),
    (lambda body: body["ruled_out"].reverse(), "the rules come in another order"),
    (lambda body: body["ruled_out"].append("new@1.0.0"), "outcome was: silent; is now: (not ju"),
]


@pytest.mark.parametrize(("change", "words"), REFUSED, ids=[x[1][:20] for x in REFUSED])
def test_nothing_is_told_where_it_would_be_decided_otherwise(
    change: Callable[[dict[str, Any]], Any], words: str
) -> None:
    with pytest.raises(DecidedOtherwise) as refused:
        explain_whole(changed(change), book())
    said = str(refused.value)
    assert said.startswith(f"version {ENGINE} decides otherwise than was sealed by version ")
    assert words in said


def test_how_much_else_is_different_is_said() -> None:
    def change(body: dict[str, Any]) -> None:
        body["rules"][0].update(row="A9", summary="Another")

    with pytest.raises(DecidedOtherwise, match=r"\(1 more: `cds rerun`\)"):
        explain_whole(changed(change), book())


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.update(format=9),
        lambda body: body.pop("ruled_out"),
        lambda body: body.pop("record"),
        lambda body: body.update(nodes=[]),
    ],
)
def test_a_body_that_cannot_be_told_is_refused(change: Callable[[dict[str, Any]], Any]) -> None:
    with pytest.raises(CodecError):
        explain_whole(changed(change), book())


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a good decision and one whose sealed body says something else."""
    folder = tmp_path_factory.mktemp("state")
    entry = named(NAME).entry()
    body = canonical({**named(NAME).body(), "kidneys": ["none"]})
    with closing(AuditStore.open(folder / "audit.sqlite3")) as store:
        keep(store, chain_in(folder), (entry, replace(entry, id="otherwise", body=body)))
        store.add(Batch(archives=(Archive(book().digest, archive(RULES)),)))
    return folder


def explained(state: Path, *words: str) -> Result:
    environment = {"CDS_STATE": str(state), "CDS_DATABASE_URL": None}
    return CliRunner().invoke(app, ["explain", *words], env=environment)


def test_the_command_tells_it_by_the_kept_rulebook(state: Path) -> None:
    entry = named(NAME).entry()
    said = explained(state, entry.id, "--whole")
    assert said.exit_code == 0, said.output
    assert said.stdout == f"{explain_whole(named(NAME).sealed(), book())}\n"
    assert explained(state, entry.id).stdout == f"{explain(named(NAME).sealed())}\n"


def test_the_command_ends_with_a_finding_where_it_is_decided_otherwise(state: Path) -> None:
    said = explained(state, "otherwise", "--whole")
    assert said.exit_code == 1
    assert said.stdout.startswith(f"otherwise: version {ENGINE} decides otherwise than was sealed")
    assert explained(state, "otherwise").exit_code == 0


def test_the_command_says_that_the_rules_are_not_kept(tmp_path: Path) -> None:
    entry = named(NAME).entry()
    with closing(AuditStore.open(tmp_path / "audit.sqlite3")) as store:
        keep(store, chain_in(tmp_path), (entry,))
    said = explained(tmp_path, entry.id, "--whole")
    assert (said.exit_code, said.stdout) == (2, "")
    assert "the rules of this decision are not kept" in said.stderr
