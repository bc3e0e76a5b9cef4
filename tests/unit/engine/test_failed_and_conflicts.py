"""Two questions about the data themselves: did a query fail, do two results of a draw differ?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cds.engine.facts import Facts
from cds.facts.draws import TWO_RESULTS
from cds.facts.model import Evidence, Fact, Measured, Missing, NotKnown, Presence, Reason
from cds.facts.record import Listing, Person, Place, Record, Setting, not_supplied
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.rulebook.model import Rulebook

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LEVEL = Quantity.of(Analyte.MAGNESIUM, "1.5", "mg/dL")


def facts(book: Rulebook, problems: Listing[object], magnesium: Fact | None = None) -> Facts:
    record = Record(
        Person("Patient/p"),
        Place(Setting.INPATIENT),
        Listing("observations"),
        Listing("medications"),
        problems=problems,  # type: ignore[arg-type]
    )
    return Facts(book, record, NOW, {"magnesium": magnesium} if magnesium else None)


@pytest.mark.parametrize(
    ("problems", "failed"),
    [
        (Listing("problems"), False),
        (not_supplied("problems"), False),  # a list that nobody sends has not failed
        (Listing("problems", (), "the query failed", supplied=False, failed=True), True),
        (Listing("problems", (), "more pages exist", failed=True), True),
        (Listing("problems", (), "one entry could not be read"), False),
    ],
)
def test_a_query_that_failed_is_told_from_a_list_nobody_sends(
    book: Rulebook, problems: Listing[object], failed: bool
) -> None:
    fact = facts(book, problems).fact("problems_failed")
    assert fact.state == Presence(failed, (problems.gap,) if failed else ())
    assert fact.explained == (problems.gap or "`problems` is complete")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (Measured(LEVEL, "1.5 mg/dL", NOW, (TWO_RESULTS,)), Presence(True)),
        (Measured(LEVEL, "1.5 mg/dL", NOW), Presence(False)),
        (Missing(Reason.STALE), Presence(False)),
        (NotKnown("observations", "more pages"), NotKnown("observations", "more pages")),
    ],
)
def test_two_results_of_one_draw_are_told_from_one(
    book: Rulebook, state: Measured | Missing | NotKnown, expected: Presence | NotKnown
) -> None:
    sources = (Evidence("Observation/1", "1.4 mg/dL"), Evidence("Observation/2", "1.6 mg/dL"))
    magnesium = Fact("magnesium", state, "what the results say", sources)
    fact = facts(book, Listing("problems"), magnesium).fact("magnesium_conflict")
    assert (fact.state, fact.explained) == (expected, "what the results say")
    assert fact.evidence == (() if isinstance(state, NotKnown) else sources)
