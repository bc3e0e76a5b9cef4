"""What the engine answers: for every rule an outcome, and the whole reason for it.

`Judgement` is the explanation tree; card, console, CLI and audit print this one object (law 5).
All texts are final: holes are filled, units converted. `decide` knows no ids and no JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from cds.facts.model import Fact
from cds.facts.record import MedicationOrder
from cds.kernel.quantity import Quantity
from cds.kernel.verdict import Verdict
from cds.rulebook.model import Indicator, Level, Remembers, Rule, Suggestion

Words = str | Callable[[], str]  # a text, or how it is made when somebody reads it


def said(words: Words) -> str:
    """The text. Law 6: of words that cannot be made only they are lost, and not what was found."""
    if isinstance(words, str):
        return words
    try:
        return words()
    except Exception as error:
        return f"({type(error).__name__} while putting this into words)"


class Later:
    """Words that are made once, when somebody reads them."""

    __slots__ = ("_words",)

    def __init__(self, make: Callable[[], str]) -> None:
        self._words: Words = make

    def __str__(self) -> str:
        text = self._words = said(self._words)
        return text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str | Later) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return repr(str(self))


class Judgement:
    """One clause, judged. Written once and then read only.

    `clause` is the clause in words (`magnesium below mg_severe (1.2 mg/dL)`), `why` what decided
    it (`magnesium is 1.0 mg/dL (0.41 mmol/L)`), `fact` what it looked at, `definition` the name
    when the node is a named clause, `say` that definition's sentence with its holes filled,
    `names` the thresholds and tables it was compared with. For `why` another judgement may stand,
    whose reason is its reason.

    Of the hundreds of one call a card shows a few, so their words are made when they are read.
    """

    __slots__ = ("_clause", "_say", "_why", "children", "definition", "fact", "names", "verdict")

    def __init__(
        self,
        verdict: Verdict,
        clause: Words,
        why: Words | Judgement = "",
        fact: Fact | None = None,
        children: tuple[Judgement, ...] = (),
        definition: str = "",
        say: Words = "",
        names: tuple[str, ...] = (),
    ) -> None:
        self.verdict = verdict
        self._clause = clause
        self._why = why
        self.fact = fact
        self.children = children
        self.definition = definition
        self._say = say
        self.names = names

    @property
    def clause(self) -> str:
        """The clause in words."""
        text = self._clause = said(self._clause)
        return text

    @property
    def why(self) -> str:
        """What decided it."""
        why = self._why
        text = self._why = why.why if isinstance(why, Judgement) else said(why)
        return text

    @property
    def say(self) -> str:
        """The sentence of the named clause, its holes filled."""
        text = self._say = said(self._say)
        return text

    def negated(self) -> Judgement:
        """The same with `not` before it. Its sentence said what no longer holds."""
        return Judgement(
            self.verdict.negated(),
            f"not {self.clause}",
            self,
            self.fact,
            self.children,
            self.definition,
            "",
            self.names,
        )

    def _all(self) -> tuple[object, ...]:
        told = (self.clause, self.why, self.say)
        return (self.verdict, *told, self.fact, self.children, self.definition, self.names)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Judgement) and self._all() == other._all())

    def __hash__(self) -> int:
        return hash(self._all())

    def __repr__(self) -> str:
        return f"Judgement({self.verdict}, {self.clause!r}, {self.why!r})"


class Outcome(Enum):
    """Every rule has exactly one per judgement (law 4)."""

    FIRES = "fires"
    SILENT = "silent"
    CANNOT_TELL = "cannot-tell"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class LevelJudged:
    """One level of the rule, as far as it was judged."""

    level: Level
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Offer:
    """A suggestion that passed every check.

    `dose` in the dose dimension of the template (or the new dose of an `update`), `units` = how
    many product units that is, `per_day` for `frequency` templates, `rate` / `hours` for infusions.
    """

    suggestion: Suggestion
    label: str
    ingredient: str = ""
    dose: Quantity | None = None
    dose_text: str = ""
    units: int | None = None
    per_day: int | None = None
    rate: Quantity | None = None
    hours: Quantity | None = None
    order: MedicationOrder | None = None  # the draft an update or delete is about
    because: tuple[str, ...] = ()  # Observation references it rests on
    lines: tuple[str, ...] = ()  # e.g. "open lab orders are not visible"


@dataclass(frozen=True, slots=True)
class Withheld:
    """A suggestion that was not offered, and every reason."""

    suggestion: Suggestion
    reasons: tuple[str, ...]
    codes: tuple[str, ...]  # definition names or `dose`, `total`: for counting
    judgements: tuple[Judgement, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision(Remembers):
    """One rule judged for one patient (and, with `for_each`, one order). It may be handed on more
    than once (`decide`), so what is made of it alone is remembered with it."""

    rule: Rule
    outcome: Outcome
    told: str | Later  # one sentence: why this outcome
    levels: tuple[LevelJudged, ...] = ()
    fired: Level | None = None
    indicator: Indicator | None = None
    order: MedicationOrder | None = None
    summary: str = ""
    detail: tuple[str, ...] = ()  # sentences: level detail, then notes
    offers: tuple[Offer, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    undecided: tuple[str, ...] = ()  # what could not be judged above the fired level, in words
    facts: tuple[Fact, ...] = ()  # what the fired level and its texts looked at
    cites: tuple[str, ...] = ()
    silent_mode: bool = False  # judged and audited, but no card (status or site says silent)
    held_back: str = ""  # why no card although it fires: overridden for a reason not long ago
    ruled_out: bool = False  # silent by the first clauses that said so: its rows are not told

    @property
    def reason(self) -> str:
        """One sentence: why this outcome."""
        return str(self.told)


@dataclass(frozen=True, slots=True)
class Decisions:
    """The whole answer of the engine: one Decision per rule (and order), in rulebook order.

    `facts` holds every declared fact that was looked at, by name; `kidneys` the two lines every
    card prints.
    """

    items: tuple[Decision, ...]
    facts: tuple[Fact, ...] = ()
    fine_print: tuple[str, ...] = field(default=())
    unread: tuple[str, ...] = ()  # resources left out, "Type/id: why", for card and trace
