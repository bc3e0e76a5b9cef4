"""The commands for those who look back: audit feedback, outcomes and export, explain, rerun.

Exit codes as everywhere: 0 good, 1 findings, 2 unusable input. What they print may hold values of
patients, so it goes to standard output only and never into a log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cds import variables
from cds.audit import feedback, outcomes
from cds.audit.batch import Sealed
from cds.audit.codec import CodecError
from cds.audit.explain import explain
from cds.audit.export import Format, Lost, exported, sink
from cds.audit.lookback import LookBack, look_back
from cds.audit.rerun import Difference, remarks, rerun
from cds.audit.rulebooks import ArchiveError, book_of
from cds.audit.whole import DecidedOtherwise, explain_whole
from cds.chain_commands import app as chain_commands
from cds.errors import SettingsError
from cds.keeping import database_of, spool_of
from cds.rule_commands import FINDINGS, told
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook
from cds.settings import Settings

Books = dict[tuple[str, str], Rulebook]  # by digest and site
MOST_SHOWN = 20  # decisions whose differences are printed one by one
_CUT = (
    "more waits in the spool than is read here, so some is not told; start the service, which "
    "brings it into the database, and ask again"
)

app = typer.Typer()
audit = typer.Typer(help="The records of decisions.", no_args_is_help=True)
app.add_typer(audit, name="audit")
audit.add_typer(chain_commands)


@contextmanager
def _kept(settings: Settings) -> Iterator[LookBack]:
    with closing(look_back(database_of(settings), spool_of(settings))) as store:
        if store.cut:
            typer.echo(f"cds: {_CUT}", err=True)
        yield store


@audit.command("feedback")
def count_feedback(
    since: Annotated[
        str | None, typer.Option(help="Received from this time on, ISO 8601 with offset.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="The table as CSV.")] = False,
) -> None:
    """Count what became of cards by rule, version, row, value band, outcome and reason. Names no
    patient and no card."""
    with told():
        settings = Settings.from_environment()
        first = _moment(since)
        book = load_rulebook(settings.rules, settings.site)
        offered = {(item.system, item.code) for item in book.override_reasons.values()}
        with _kept(settings) as store:
            report = feedback.counted(store.feedback(), offered, first)
    table = [feedback.csv_lines(report)] if as_csv else feedback.lines(report)
    _print(table, feedback.remarks(report), aside=as_csv)


@audit.command("outcomes")
def count_outcomes(
    since: Annotated[
        str | None, typer.Option(help="Decisions from this time on, ISO 8601 with offset.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="The table as CSV.")] = False,
) -> None:
    """Count what every rule came to; what a rule in silent mode would have said stands apart."""
    with told():
        settings = Settings.from_environment()
        first = _moment(since)
        with _kept(settings) as store:
            done = outcomes.outcomes(_bodies(store, first))
    table = [outcomes.csv_lines(done)] if as_csv else outcomes.lines(done)
    _print(table, outcomes.remarks(done), aside=as_csv)


def _bodies(store: LookBack, since: datetime | None) -> Iterator[bytes]:
    if since is not None:
        return (item.entry.body for item in store.since(since))
    return (body for _, body in store.bodies())


def _moment(text: str | None, option: str = "--since") -> datetime | None:
    try:
        return None if text is None else variables.read_instant(text)
    except ValueError as error:
        raise SettingsError(f"{option}: {error}") from None


def _print(table: Iterable[str], remarks: Iterable[str], *, aside: bool) -> None:
    """What goes into a spreadsheet is the table alone; the rest is said on standard error."""
    for line in table:
        typer.echo(line)
    for line in remarks:
        typer.echo(line, err=aside)


@audit.command("export")
def export_records(
    form: Annotated[
        Format, typer.Option("--format", help="Whole decisions, or FHIR R4 resources about them.")
    ] = Format.NDJSON,
    since: Annotated[
        str | None, typer.Option(help="From this time on, ISO 8601 with offset.")
    ] = None,
    before: Annotated[
        str | None, typer.Option(help="Before this time, ISO 8601 with offset.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Into a new file instead of standard output.")
    ] = None,
) -> None:
    """Write all decisions, by time, one JSON object a line."""
    lost = 0
    with told():
        first, end = _moment(since), _moment(before, "--before")
        if first is not None and end is not None and first >= end:
            raise SettingsError("--since: must be earlier than --before")
        with _kept(Settings.from_environment()) as store, sink(out) as write:
            for line in exported(store, form, first, end):
                if isinstance(line, Lost):
                    lost += 1
                    typer.echo(f"cds: {line}", err=True)
                else:
                    write(line + b"\n")
    if lost:
        raise typer.Exit(FINDINGS)


@app.command("explain")
def explain_decision(
    decision: Annotated[str, typer.Argument(help="The id on a card: `extension.decision`.")],
    whole: Annotated[
        bool, typer.Option("--whole", help="Work out again what silent rules asked.")
    ] = False,
) -> None:
    """Print why a decision was as it was, from its record alone.

    With --whole the rules of that time judge the record again, for what is not kept of rules that
    were ruled out; nothing is told where they come to something else than was sealed.
    """
    refused = False
    with told(), _kept(Settings.from_environment()) as store:
        books: Books = {}
        for sealed in _named(store, decision):
            try:
                book = _book(store, sealed, None, books) if whole else None
                typer.echo(explain_whole(sealed, book) if book else explain(sealed))
            except DecidedOtherwise as error:
                typer.echo(f"{sealed.entry.id}: {error}")
                refused = True
    if refused:
        raise typer.Exit(FINDINGS)


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
        with _kept(Settings.from_environment()) as store:
            wanted = _wanted(store, decision, since)
            same, different, lost = _repeated(store, wanted, rules)
    if lost:
        typer.echo(f"{lost} could not be repeated")
    typer.echo(f"{same} identical, {different} different")
    if different or lost:
        raise typer.Exit(FINDINGS)


def _named(store: LookBack, decision: str) -> tuple[Sealed, ...]:
    found = store.get(decision)
    if not found:
        raise SettingsError("no decision of this id is kept here; it stands on each card")
    return found


def _wanted(store: LookBack, decision: str | None, since: str | None) -> Iterable[Sealed]:
    if decision is not None:
        return _named(store, decision)
    first = _moment(since)
    if first is None:
        return (item for chain in store.chains() for item in store.read(chain))
    return store.since(first)


def _repeated(
    store: LookBack, wanted: Iterable[Sealed], rules: Path | None
) -> tuple[int, int, int]:
    """How many came out the same, how many not, how many could not be repeated; differences and
    remarks are printed as they are found."""
    books: Books = {}
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
    store: LookBack,
    sealed: Sealed,
    rules: Path | None,
    books: Books,
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
