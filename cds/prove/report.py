"""`cds prove`: every law, over the rules as they are and under every site file, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cds.prove.prover import Proof, Prover, Standing
from cds.rulebook.laws import load_laws
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook
from cds.rulebook.site.file import sites_of

_WIDTH = max(len(item.value) for item in (Standing.PROVED, Standing.VACUOUS, Standing.BROKEN))
_MEANT = {
    Standing.NOTHING_TO_SAY: "no patient is one it is about: give `vacuous` a reason, or mend it",
    Standing.NO_LONGER_VACUOUS: "patients are affected now: remove `vacuous`",
    Standing.UNCONFIRMED: "the engine decides otherwise: the translation in cds/prove is wrong",
    Standing.UNDECIDED: "the solver gave up: say the law in simpler words",
}


@dataclass(frozen=True, slots=True)
class Proved:
    """One rulebook: the site (or ""), what became of each law, and the digest of the rules."""

    site: str
    proofs: tuple[Proof, ...]
    digest: str = ""

    @property
    def good(self) -> bool:
        """Nothing to mend."""
        return all(proof.good for proof in self.proofs)


def prove(directory: Path, site: str | None = None, law: str | None = None) -> Iterator[Proved]:
    """All laws (or one), for the rules as they are and under each site (or only under `site`).

    Raises RulebookError where rules or laws do not load.
    """
    names: tuple[str | None, ...] = (None, *sites_of(directory)) if site is None else (site,)
    for name in names:
        book = load_rulebook(directory, name)
        laws = load_laws(directory, book)
        wanted = None if law is None else (lambda item: item.name == law)
        yield Proved(name or "", tuple(Prover(laws).prove(wanted)), book.digest)


def noticing(directory: Path, site: str | None = None) -> Callable[[Rulebook], bool]:
    """Whether some law notices a change: asked with another version of the same rules."""
    laws = load_laws(directory, load_rulebook(directory, site))

    def notices(book: Rulebook) -> bool:
        return any(not proof.good for proof in Prover(laws.over(book)).prove())

    return notices


def in_words(proved: Proved) -> str:
    """One line a law, with the patient who breaks it; then the sum."""
    lines = [line for proof in proved.proofs for line in _lines(proof)]
    counts = Counter(proof.standing.value for proof in proved.proofs)
    told = ", ".join(f"{number} {word}" for word, number in counts.items())
    where = f"at site {proved.site}" if proved.site else "for the rules as they are"
    return "\n".join((*lines, f"{len(proved.proofs)} laws {where}: {told or 'none'}"))


def _lines(proof: Proof) -> Iterator[str]:
    law = proof.law
    shown = proof.standing.value.ljust(_WIDTH)
    yield f"{shown}  {law.name}: {law.title}"
    if proof.standing is Standing.VACUOUS:
        yield f"    because {law.vacuous}"
    elif not proof.good:
        yield f"    {law.where}: {_MEANT.get(proof.standing, law.why)}"
    for line in proof.said:
        yield f"    {line}"
    if proof.patient is not None:
        yield from _patient(proof)


def _patient(proof: Proof) -> Iterator[str]:
    if proof.patient is None:
        return
    given = ", ".join(f"{name}: {_quoted(text)}" for name, text in proof.patient.given().items())
    agrees = "the engine agrees" if proof.standing is Standing.BROKEN else "the engine does not"
    yield f"    a patient who breaks it ({agrees}), as a case states one:"
    yield f"      given: {{{given}}}"
    if proof.patient.tags:
        yield f"      the selected order holds: {', '.join(sorted(proof.patient.tags))}"


def _quoted(text: str) -> str:
    """In quotes where YAML would read a sign or a bracket of a unit as its own."""
    return f'"{text}"' if set(text) & set("<>{}[]") else text
