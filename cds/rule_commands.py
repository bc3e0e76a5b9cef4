"""The commands for those who own the rules: check, prove, book, diff, new-rule.

Exit codes as everywhere: 0 good, 1 findings, 2 unusable input.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from cds import bootstrap
from cds.errors import CdsError, SettingsError
from cds.newrule import FAMILIES, NOBODY_YET, Wish, next_steps, write_rule
from cds.proofrecord import write_record
from cds.rulebook.load import LAWS, load_rulebook
from cds.rulebook.mutate import Mutant
from cds.settings import Settings

FINDINGS = 1
UNUSABLE = 2
NO_PROVER = "the theorem prover is not installed: pip install 'electrolyte-cds[prove]'"

app = typer.Typer()


@contextmanager
def told() -> Iterator[None]:
    """Our own errors as text and exit code 2."""
    try:
        yield
    except CdsError as error:
        typer.echo(f"cds: {error}", err=True)
        raise typer.Exit(UNUSABLE) from None


@app.command("check")
def check_rules(
    mutate: Annotated[
        bool, typer.Option(help="Also change the rules in every small way: does a test notice?")
    ] = False,
    rule: Annotated[
        str | None, typer.Option(help="With --mutate: only changes that reach this rule.")
    ] = None,
) -> None:
    """Load the rules, run every embedded case, and print what is wrong with file and line."""
    from cds.check import check

    with told():
        settings = Settings.from_environment()
        report = check(settings.rules, settings.site, _today(settings))
        found, closing = list(report.findings), [report.summary]
        if mutate and report.loads:
            survivors, counts = _mutated(settings, rule)
            found += survivors
            closing.append(counts)
    _say([*found, *closing], found)


def _mutated(settings: Settings, rule: str | None) -> tuple[list[str], str]:
    from cds.mutation import mutate
    from cds.trial.limits import read_frozen

    book = load_rulebook(settings.rules, settings.site)
    if rule is not None and rule not in {item.id for item in book.rules}:
        raise SettingsError(f"--rule: there is no rule `{rule}` in {settings.rules}")
    report = mutate(book, read_frozen(settings.rules), _noticed_by_laws(settings), rule)
    return list(report.findings), report.summary


def _noticed_by_laws(settings: Settings) -> Callable[[Mutant], bool]:
    notices = _prover().noticing(settings.rules, settings.site)
    return lambda mutant: notices(mutant.book)


@app.command("prove")
def prove_laws(
    law: Annotated[str | None, typer.Option(help="Only this law, by name.")] = None,
    record: Annotated[
        bool, typer.Option(help="Keep the result for services without the prover.")
    ] = False,
) -> None:
    """Prove the safety laws over all possible patients, or show a patient who breaks one."""
    with told():
        settings, report = Settings.from_environment(), _prover()
        if record and (law is not None or settings.site is not None):
            raise SettingsError("--record: keeps all laws at every site; no --law, no CDS_SITE")
        found = []
        for proved in report.prove(settings.rules, settings.site, law):
            if proved.proofs:
                typer.echo(report.in_words(proved))
            found.append(proved)
        if law is not None and not found[-1].proofs:
            raise SettingsError(f"--law: there is no law `{law}` in {settings.rules / LAWS}")
    if not all(proved.good for proved in found):
        raise typer.Exit(FINDINGS)
    if record:
        held = ((one.site, one.digest, len(one.proofs)) for one in found)
        typer.echo(f"wrote {write_record(settings.rules, held)}")


@app.command("book")
def rule_book(
    check: Annotated[bool, typer.Option(help="Write nothing; say whether it is fresh.")] = False,
) -> None:
    """Write the rules as a book to read aloud and sign, and the schema for editors."""
    from cds.book.files import stale, write_book

    with told():
        rules = Settings.from_environment().rules
        if not check:
            _say([f"wrote {path}" for path in write_book(rules)], ())
            return
        found = [str(problem) for problem in stale(rules)]
    _say(found or ["fresh: BOOK.md and rule.schema.json"], found)


@app.command("diff")
def rule_diff(
    old: Annotated[Path, typer.Argument(help="A rules directory.")],
    new: Annotated[Path, typer.Argument(help="The same, later.")],
    site: Annotated[str | None, typer.Option(help="Under this site file of both.")] = None,
) -> None:
    """Say in clinical words what differs between two rules directories, worst harm first."""
    from cds.diff.compare import differences
    from cds.diff.compare import told as in_words

    with told():
        found = differences(old, new, site)
    _say([in_words(found)], found)


@app.command("new-rule")
def new_rule(
    name: Annotated[str, typer.Argument(metavar="ID", help="For example low-magnesium-review.")],
    family: Annotated[
        str, typer.Option(help=f"Topic of its cards: {', '.join(FAMILIES)}.")
    ] = "hypomagnesemia",
    row: Annotated[str, typer.Option(help="Row of the decision table, for example A5.")] = "X1",
    owner: Annotated[str, typer.Option(help="Who answers for the rule.")] = NOBODY_YET,
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Folder of rule files; without it, CDS_RULES.")
    ] = None,
) -> None:
    """Write the draft of a rule, with its own test patients, and say what to do with it."""
    with told():
        settings = Settings.from_environment()
        wish = Wish(name, family, row, owner)
        path = write_rule(directory or settings.rules, wish, _today(settings))
    typer.echo(next_steps(path))


def _today(settings: Settings) -> dt.date:
    return bootstrap.clinical_now(settings).date()


def _prover() -> ModuleType:
    """The proofs, which need the extra `prove`."""
    try:
        from cds.prove import report
    except ModuleNotFoundError as error:
        if error.name != "z3":
            raise
        raise SettingsError(NO_PROVER) from None
    return report


def _say(lines: Iterable[str], findings: Iterable[object]) -> None:
    for line in lines:
        typer.echo(line)
    if any(True for _ in findings):
        raise typer.Exit(FINDINGS)
