"""New rules for a running service: loaded, checked and proved before they replace the old ones in
one step. Whatever is wrong with them changes nothing, and is told.

The work is done in a process of its own: it takes seconds of computing, and hook calls go on being
answered meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from cds.errors import CdsError, Problem
from cds.proofrecord import recorded
from cds.rulebook.load import RECORD, load_rulebook
from cds.rulebook.model import Rulebook

MOST_TOLD = 20  # findings named in one answer; `cds check` and `cds prove` name all
CHANGED = "the rule files changed while they were checked; reload once more"


class NotReplaced(CdsError):
    """The new rules are not good enough; the old ones stay. `findings` says why."""

    def __init__(self, findings: tuple[str, ...]) -> None:
        self.findings = findings
        super().__init__("the rules in force stay as they are:\n" + "\n".join(findings))


class Busy(CdsError):
    """Another reload is under way."""


@dataclass(frozen=True, slots=True)
class Vetted:
    """What the checks said of a rules directory; no findings = it may decide."""

    digest: str
    findings: tuple[str, ...] = ()


def vet(directory: Path, site: str | None) -> Vetted:
    """Load, check and prove one set of rules. A review that is overdue does not count: it must not
    stand in the way of switching a rule off."""
    from cds.check import check  # with the trial of every rule: only this process needs it

    report = check(directory, site)
    if report.findings:
        return Vetted("", _some(report.findings))
    book = load_rulebook(directory, site)
    return Vetted(book.digest, _some(_unproved(directory, site, book)))


def _unproved(directory: Path, site: str | None, book: Rulebook) -> tuple[str, ...]:
    """What is not proved of them: by proof where the prover is installed, else by its record."""
    if find_spec("z3") is None:
        if recorded(directory, site or "", book):
            return ()
        where = Problem(
            f"{directory.name}/{RECORD}",
            1,
            "holds no proof of these rules, and the theorem prover is not installed.",
            "Run `cds prove --record` where it is.",
        )
        return (str(where),)
    from cds.prove.prover import Prover
    from cds.prove.report import Proved, in_words
    from cds.rulebook.laws import load_laws

    proofs = tuple(Prover(load_laws(directory, book)).prove())
    bad = tuple(proof for proof in proofs if not proof.good)
    return tuple(in_words(Proved(site or "", bad)).splitlines()) if bad else ()


def _some(findings: tuple[str, ...]) -> tuple[str, ...]:
    more = len(findings) - MOST_TOLD
    return (*findings[:MOST_TOLD], f"and {more} more") if more > 0 else findings


class RulesInForce:
    """The rules that decide now. `current` is read once a call, so a call sees one set only."""

    def __init__(self, directory: Path, site: str | None, vetting: Callable[..., Vetted] = vet):
        """Raises RulebookError listing every problem of the rule files."""
        self.directory, self.site = directory, site
        self.current = load_rulebook(directory, site)
        self._vetting = vetting
        self._busy = False

    async def reload(self) -> bool:
        """Put the rules as they stand in the directory in force; False where they are those.

        Raises NotReplaced, and Busy while another reload is under way.
        """
        if self._busy:
            raise Busy("a reload is under way already; wait for it to end")
        self._busy = True
        try:
            return await self._reload()
        finally:
            self._busy = False

    async def _reload(self) -> bool:
        vetted = await _elsewhere(self._vetting, self.directory, self.site)
        if vetted.findings:
            raise NotReplaced(vetted.findings)
        if vetted.digest == self.current.digest:
            return False
        book = await asyncio.to_thread(load_rulebook, self.directory, self.site)
        if book.digest != vetted.digest:
            raise NotReplaced((CHANGED,))
        self.current = book
        return True


async def _elsewhere(vetting: Callable[..., Vetted], directory: Path, site: str | None) -> Vetted:
    """In a fresh process: one that is forked would carry the sockets and threads of a server."""
    # Seldom used, and a start should not wait for it.
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return await loop.run_in_executor(pool, vetting, directory, site)
        except BrokenProcessPool:
            raise NotReplaced(("the checks were killed; is there enough memory?",)) from None
