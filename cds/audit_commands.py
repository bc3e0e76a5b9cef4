"""The commands for those who look back: audit verify, audit feedback, explain, rerun.

Exit codes as everywhere: 0 good, 1 findings, 2 unusable input. What they print may hold values of
patients, so it goes to standard output only and never into a log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cds import variables
from cds.audit.chain import PUBLIC_KEY, key_of
from cds.audit.codec import CodecError
from cds.audit.explain import explain
from cds.audit.feedback import counted, lines
from cds.audit.rerun import Difference, remarks, rerun
from cds.audit.rulebooks import ArchiveError, book_of
from cds.audit.store import AuditStore, Sealed
from cds.audit.verify import inspect
from cds.errors import SettingsError
from cds.keeping import database_of, heads_of
from cds.rule_commands import FINDINGS, told
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook
from cds.settings import Settings

MOST_SHOWN = 20  # decisions whose differences are printed one by one

app = typer.Typer()
audit = typer.Typer(help="The records of decisions.", no_args_is_help=True)
app.add_typer(audit, name="audit")


@contextmanager
def _store(settings: Settings) -> Iterator[AuditStore]:
    store = AuditStore.read_only(database_of(settings))
    try:
        yield store
    finally:
        store.close()


@audit.command("verify")
def verify_records() -> None:
    """Say whether every record stands as it was written, in its place, with nothing cut off."""
    with told():
        settings = Settings.from_environment()
        key = key_of(settings.audit_key)
        with _store(settings) as store:
            done = inspect(store, key, heads_of(settings))
    for line in (*done.findings, *done.remarks):
        typer.echo(str(line))
    if key == PUBLIC_KEY:
        typer.echo("CDS_AUDIT_KEY is not set: anybody could have sealed changed records anew")
    words = "whole" if not done.findings else f"{len(done.findings)} findings"
    typer.echo(f"{words}: {done.records} records in {done.chains} chains")
    if done.findings:
        raise typer.Exit(FINDINGS)


@audit.command("feedback")
def count_feedback() -> None:
    """Count what became of cards by rule, row, outcome and reason. Names no patient and no card."""
    with told(), _store(Settings.from_environment()) as store:
        report = counted(store)
    for line in lines(report):
        typer.echo(line)


@app.command("explain")
def explain_decision(
    decision: Annotated[str, typer.Argument(help="The id on a card: `extension.decision`.")],
) -> None:
    """Print why a decision was as it was, from its record alone."""
    with told(), _store(Settings.from_environment()) as store:
        for sealed in _named(store, decision):
            typer.echo(explain(sealed))


@app.command("rerun")
def rerun_decisions(
    decision: Annotated[str | None, typer.Argument(help="The id of one decision.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every decision kept.")] = False,
    since: Annotated[
        str | None, typer.Option(help="With --all: from this time on, ISO 8601 with offset.")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="By these rules instead of the ones of that time.")
    ] = None,
) -> None:
    """Decide again from what was kept, and say what is different."""
    with told():
        if (decision is None) is not every:
            raise SettingsError("give the id of one decision, or --all")
        with _store(Settings.from_environment()) as store:
            wanted = _wanted(store, decision, since)
            same, different, lost = _repeated(store, wanted, rules)
    if lost:
        typer.echo(f"{lost} could not be repeated")
    typer.echo(f"{same} identical, {different} different")
    if different or lost:
        raise typer.Exit(FINDINGS)


def _named(store: AuditStore, decision: str) -> tuple[Sealed, ...]:
    found = store.get(decision)
    if not found:
        raise SettingsError("no decision of this id is kept here; it stands on each card")
    return found


def _wanted(store: AuditStore, decision: str | None, since: str | None) -> Iterable[Sealed]:
    if decision is not None:
        return _named(store, decision)
    if since is None:
        return (item for chain in store.chains() for item in store.read(chain))
    try:
        return store.since(variables.read_instant(since))
    except ValueError as error:
        raise SettingsError(f"--since: {error}") from None


def _repeated(
    store: AuditStore, wanted: Iterable[Sealed], rules: Path | None
) -> tuple[int, int, int]:
    """How many came out the same, how many not, how many could not be repeated; differences and
    remarks are printed as they are found."""
    books: dict[tuple[str, str], Rulebook] = {}
    said: set[str] = set()
    same = different = lost = 0
    for sealed in wanted:
        try:
            book = _book(store, sealed, rules, books)
            found = rerun(sealed, book)
        except (CodecError, ArchiveError) as error:
            lost += 1
            typer.echo(f"{sealed.entry.id}: {error}")
            continue
        for line in remarks(sealed, book):
            if line not in said:
                typer.echo(line)
            said.add(line)
        if found:
            different += 1
            _show(sealed, found, different)
        else:
            same += 1
    return same, different, lost


def _show(sealed: Sealed, found: tuple[Difference, ...], number: int) -> None:
    if number <= MOST_SHOWN:
        typer.echo(f"{sealed.entry.id}:")
        for line in found:
            typer.echo(f"  {line}")


def _book(
    store: AuditStore,
    sealed: Sealed,
    rules: Path | None,
    books: dict[tuple[str, str], Rulebook],
) -> Rulebook:
    """The rules of that time, or those of a directory under the same site."""
    entry = sealed.entry
    key = (entry.rulebook if rules is None else "", entry.site)
    if key not in books:
        if rules is not None:
            books[key] = load_rulebook(rules, entry.site or None)
        else:
            packed = store.rulebook(entry.rulebook)
            if packed is None:
                raise ArchiveError("the rules of this decision are not kept")
            books[key] = book_of(packed, entry.rulebook, entry.site)
    return books[key]
