"""The commands about the audit as a whole: is it what was written (verify), and retention (purge).

Exit codes as everywhere: 0 good, 1 findings, 2 unusable input. Neither prints values of patients.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cds import bootstrap, variables
from cds.audit.chain import PUBLIC_KEY, key_of
from cds.audit.findings import Finding
from cds.audit.purge import Plan, plan, purge
from cds.audit.store import AuditStore
from cds.audit.verify import inspect
from cds.errors import SettingsError
from cds.keeping import database_of, heads_of, spool_of
from cds.rule_commands import FINDINGS, told
from cds.settings import Settings

# Seconds for a lock or an answer. While the log of an SQLite file is emptied nobody can write, so
# that wait is short; a server may take its time to delete.
_FILE_PATIENCE, _SERVER_PATIENCE = 5.0, 60.0

app = typer.Typer()

MoreHeads = Annotated[
    list[Path] | None,
    typer.Option("--heads", help="The head file of another machine; may be given several times."),
]


@app.command("verify")
def verify_records(heads: MoreHeads = None) -> None:
    """Say whether every record stands as it was written, in its place, with nothing cut off."""
    with told():
        settings = Settings.from_environment()
        key = key_of(settings.audit_key)
        with closing(AuditStore.read_only(database_of(settings))) as store:
            done = inspect(store, key, _heads(settings, heads), spool_of(settings))
    _say(done.findings)
    for line in done.remarks:
        typer.echo(line)
    if key == PUBLIC_KEY:
        typer.echo("CDS_AUDIT_KEY is not set: anybody could have sealed changed records anew")
    typer.echo(done.summary)
    if done.findings:
        raise typer.Exit(FINDINGS)


@app.command("purge")
def purge_records(
    before: Annotated[
        str, typer.Option(help="Delete what is older than this time, ISO 8601 with offset.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would.")] = False,
    heads: MoreHeads = None,
) -> None:
    """Delete old decisions and feedback for good; `cds audit verify` still proves the rest.

    Deletes nothing where `cds audit verify` has findings, but for chains of another key, which
    stay.
    """
    with told():
        now = bootstrap.real_now()
        moment = _past(before, now)
        settings = Settings.from_environment()
        key, files = key_of(settings.audit_key), _heads(settings, heads)
        place = database_of(settings)
        with closing(AuditStore.read_only(place)) as store:
            planned = plan(store, key, files, spool_of(settings), moment)
        _announce(planned, dry_run=dry_run)
        if planned.findings:
            raise typer.Exit(FINDINGS)
        if not dry_run:
            wait = _FILE_PATIENCE if isinstance(place, Path) else _SERVER_PATIENCE
            with closing(AuditStore.open(place, wait=wait)) as store:
                gone = sum(one.last - one.first + 1 for one in purge(store, key, planned, now))
            typer.echo(f"purged {gone} records")
    if planned.left:
        raise typer.Exit(FINDINGS)


def _announce(planned: Plan, *, dry_run: bool) -> None:
    _say(planned.findings)
    for chain in planned.left:
        typer.echo(f"chain {chain}: stays, it was sealed with another key than the one given")
    if planned.findings:
        typer.echo("nothing was purged: it would cover up what was found here")
        return
    for run in planned.runs:
        typer.echo(str(run))
    typer.echo(f"{'would delete' if dry_run else 'deleting'} {planned.summary}")


def _past(text: str, now: datetime) -> datetime:
    try:
        moment = variables.read_instant(text)
    except ValueError as error:
        raise SettingsError(f"--before: {error}") from None
    if moment > now:
        raise SettingsError("--before: must not lie in the future")
    return moment


def _heads(settings: Settings, more: list[Path] | None) -> list[Path]:
    """The one of this machine first. A machine that only looks at the records of others has none,
    and is given theirs."""
    own, others = heads_of(settings), more or []
    if others and not own.exists():
        typer.echo("this machine has no head file of its own; only those given are read")
        return others
    return [own, *others]


def _say(findings: Iterable[Finding]) -> None:
    for found in findings:
        typer.echo(str(found))
