"""Why something was withheld or could not be judged, in as few sentences as a reader needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cds.engine.decision import Judgement
from cds.facts.model import Fact
from cds.kernel.verdict import Verdict

ALL_OF, ANY_OF = "all of", "any of"  # how a group of clauses is called


def stops(judgement: Judgement) -> tuple[str, ...]:
    """Names of the innermost named clauses that make it hold; () when it does not."""
    if judgement.verdict is not Verdict.YES:
        return ()
    return tuple(dict.fromkeys(node.definition for node in _innermost(judgement, Verdict.YES)))


def decisive(judgement: Judgement) -> tuple[Judgement, ...]:
    """The leaves that settled it: every yes of a yes, what is open of a "cannot tell"; of an
    `all` that is no, its first no suffices."""
    found: list[Judgement] = []
    _settling(judgement, found)
    return tuple(found)


def _settling(judgement: Judgement, found: list[Judgement]) -> None:
    if not judgement.children:
        found.append(judgement)
    for child in deciding(judgement):
        _settling(child, found)


def deciding(judgement: Judgement) -> tuple[Judgement, ...]:
    """The children that settled it; of the only one, whatever it says (`not`, "cannot be told")."""
    children = judgement.children
    if len(children) < 2:
        return children
    verdict = judgement.verdict
    same = tuple([child for child in children if child.verdict is verdict])
    return same[:1] if verdict is Verdict.NO and judgement.clause == ALL_OF else same


def sentences(judgements: Iterable[Judgement]) -> tuple[str, ...]:
    """What the named clauses say; what could not be told is gathered by its cause."""
    said: list[str] = []
    open_: dict[str, list[str]] = {}  # cause -> what it keeps open
    for judgement in judgements:
        if judgement.verdict is Verdict.YES:
            said += [n.say or n.clause for n in _innermost(judgement, Verdict.YES)]
        if judgement.verdict is Verdict.CANNOT_TELL:
            for node in _innermost(judgement, Verdict.CANNOT_TELL):
                for why in causes(node):
                    open_.setdefault(why, []).append(node.clause)
    for why, clauses in open_.items():
        names = ", ".join(dict.fromkeys(clauses))
        named = why.startswith(names)  # the cause says itself what it is about
        said.append(
            f"could not be checked: {why}" if named else f"could not be checked: {names} ({why})"
        )
    return tuple(dict.fromkeys(said))


def causes(judgement: Judgement) -> tuple[str, ...]:
    """The reasons at the leaves that keep it open."""
    return tuple(
        dict.fromkeys(
            leaf.why
            for leaf in decisive(judgement)
            if leaf.verdict is Verdict.CANNOT_TELL and leaf.why
        )
    )


def facts_of(judgements: Iterable[Judgement]) -> tuple[Fact, ...]:
    """Facts looked at by the leaves, each once, in reading order."""
    found: dict[str, Fact] = {}
    gather(judgements, found)
    return tuple(found.values())


def gather(judgements: Iterable[Judgement], found: dict[str, Fact]) -> None:
    """The same, put with those that were found before."""
    _gather(judgements, found, set())


def _gather(judgements: Iterable[Judgement], found: dict[str, Fact], seen: set[int]) -> None:
    """Named clauses are shared by many others: what was seen once brings nothing new."""
    for judgement in judgements:
        if judgement.children:
            if id(judgement) not in seen:
                seen.add(id(judgement))
                _gather(judgement.children, found, seen)
        elif judgement.fact is not None:
            found.setdefault(judgement.fact.name, judgement.fact)


def _innermost(judgement: Judgement, verdict: Verdict) -> Iterator[Judgement]:
    """Named nodes with this verdict that have no named node with it below them."""
    below = [node for child in judgement.children for node in _innermost(child, verdict)]
    if below:
        yield from below
    elif judgement.verdict is verdict and judgement.definition:
        yield judgement
