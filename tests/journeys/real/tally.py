"""What a run over the hospital counts, and how it is printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Counts over all calls. Fields named `unique_*` count a resource once, by its reference."""

    requests: int = 0
    exceptions: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    fold_defects: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    broken_rules: list[str] = field(default_factory=list)
    answers_with_cards: int = 0
    cards: Counter[tuple[str, str]] = field(default_factory=Counter)
    offered: Counter[str] = field(default_factory=Counter)
    withheld: Counter[tuple[str, str]] = field(default_factory=Counter)
    missing: Counter[tuple[str, str]] = field(default_factory=Counter)
    unique_set_aside: dict[str, str] = field(default_factory=dict)
    unique_drugs: dict[str, str] = field(default_factory=dict)
    unique_doses: dict[str, tuple[str, str]] = field(default_factory=dict)
    unique_given_doses: dict[str, tuple[str, str]] = field(default_factory=dict)
    unique_unreadable: set[str] = field(default_factory=set)
    validated: int = 0
    seconds: list[float] = field(default_factory=list)
    bytes_sent: list[int] = field(default_factory=list)
    wall: float = 0.0

    def percentile(self, share: float) -> float:
        """Milliseconds that `share` of the calls stay within."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

    def summary(self) -> str:
        """The numbers as text."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"requests {self.requests}, answers with a card {self.answers_with_cards}"
        yield f"exceptions {len(self.exceptions)}, broken rules {len(self.broken_rules)}"
        yield f"broken promises {len(self.faults)}, resources validated {self.validated}"
        yield f"fold defects: {_of(self.fold_defects)}"
        yield f"outcomes: {_of(self.outcomes)}"
        yield f"cards: {_of(Counter({' '.join(key): n for key, n in self.cards.items()}))}"
        yield f"offered: {_of(self.offered)}"
        yield "withheld:"
        yield from (f"  {n:6} {name}: {code}" for (name, code), n in self.withheld.most_common())
        yield "facts missing, in calls:"
        yield from (f"  {n:6} {name}: {why}" for (name, why), n in self.missing.most_common())
        yield f"labs set aside: {_of(Counter(self.unique_set_aside.values()))}"
        yield f"orders, drug recognised by: {_of(Counter(self.unique_drugs.values()))}"
        yield f"doses of orders: {_pairs(self.unique_doses)}"
        yield f"doses given: {_pairs(self.unique_given_doses)}"
        kinds = Counter(_kind(line) for line in self.unique_unreadable)
        yield f"unreadable: {_of(kinds)}"
        sent = sum(self.bytes_sent) / max(1, len(self.bytes_sent)) / 1000
        yield f"body: mean {sent:.0f} kB, largest {max(self.bytes_sent, default=0) / 1000:.0f} kB"
        yield (
            f"wall {self.wall:.0f} s; per call p50 {self.percentile(0.5):.1f} ms, "
            f"p99 {self.percentile(0.99):.1f} ms"
        )


def _of(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {n}" for name, n in counts.most_common()) or "none"


def _pairs(doses: dict[str, tuple[str, str]]) -> str:
    return _of(Counter(": ".join(pair) for pair in doses.values()))


def _kind(line: str) -> str:
    reference, _, why = line.partition(": ")
    return f"{reference.partition('/')[0]} {why}"
