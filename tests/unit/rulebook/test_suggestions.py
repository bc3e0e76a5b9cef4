"""Suggestions: what may be offered at all is settled when the rulebook loads (law 9)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import rulefiles

from cds.kernel.units import Analyte
from cds.rulebook.model import DoseSpec, Holds, Rulebook, Suggestion
from cds.rulebook.schema import SuggestionData
from cds.rulebook.scope import Scope
from cds.rulebook.source import Source
from cds.rulebook.suggestions import compile_suggestion
from tests.unit.facts.standin import mg_rate, quantity

TABLE = (
    "  {name}:\n    by: [renal_band]\n    of: {of}\n    unit: {unit}\n    why: x\n"
    "    cite: [paper]\n    rows: {{full: 2, half: 1, low: none, hold: none, unknown: none}}\n"
)
SHARED = (
    rulefiles.SHARED.replace(
        "define:",
        TABLE.format(name="grams", of="magnesium_sulfate_dose", unit="g")
        + "define:\n"
        + "".join(
            f"  {name}: {{when: {{epilepsy: present}}}}\n"
            for name in ("mg_stop", "iv_stop", "magnesium_covered", "test_open")
        ),
    )
    .replace(
        "  epilepsy:",
        "  magnesium_24h: {derived: magnesium_24h, in_cases: 0 g}\n  epilepsy:",
    )
    .replace(
        "bands:",
        "  daily_limit: {of: magnesium_sulfate_dose, value: [8 g], why: x, cite: [paper]}\nbands:",
    )
)
STOPS = ["mg_stop", "iv_stop", "magnesium_covered"]
BAG: dict[str, Any] = {
    "label": "Magnesium {dose} over {duration}",
    "create": "magnesium-sulfate-bag",
    "dose": {"table": "grams", "rate": "1 g/h"},
    "unless": STOPS,
}
TEST = {"label": "Order magnesium", "create": "magnesium-level"}


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return rulefiles.load(Path(tmp_path_factory.mktemp("suggestions")), shared=SHARED)


def compiled(book: Rulebook, data: dict[str, Any]) -> tuple[Suggestion | None, list[str]]:
    scope = Scope(
        book.terminology,
        book.templates,
        facts=dict(book.facts),
        thresholds=dict(book.thresholds),
        tables=dict(book.tables),
        definition_names=set(book.definitions),
    )
    shape = SuggestionData.model_validate(data)
    found = compile_suggestion(scope, Source("rule.yaml", {}, {}), ("suggestions",), "it", shape)
    return found, [f"{item.message} {item.fix}".strip() for item in scope.problems]


def test_a_high_alert_infusion_with_its_stops_loads(book: Rulebook) -> None:
    total = {"fact": "magnesium_24h", "at_most": "daily_limit"}
    found, problems = compiled(book, {**BAG, "total": total, "if": {"holds": "child"}})
    assert problems == []
    assert found is not None
    assert (found.action, found.template) == ("create", "magnesium-sulfate-bag")
    assert found.dose == DoseSpec("grams", mg_rate("1"))
    assert [item.name for item in found.unless] == STOPS
    assert found.total == ("magnesium_24h", "daily_limit")
    assert isinstance(found.if_, Holds)


def test_a_dose_may_run_over_a_time_instead_of_at_a_rate(book: Rulebook) -> None:
    found, problems = compiled(book, {**BAG, "dose": {"table": "grams", "over": "15 min"}})
    assert problems == []
    assert found is not None
    assert found.dose == DoseSpec("grams", None, quantity(Analyte.DURATION, "15 min"))


@pytest.mark.parametrize(
    "data", [{"update": "order", "dose": {"table": "grams"}}, {"delete": "order"}]
)
def test_an_edit_needs_no_template(book: Rulebook, data: dict[str, Any]) -> None:
    found, problems = compiled(book, {"label": "{order}", **data})
    assert problems == []
    assert found is not None
    assert (found.template, found.action) == (None, next(iter(data)))


def test_an_update_needs_its_dose(book: Rulebook) -> None:
    _, problems = compiled(book, {"label": "{order}", "update": "order"})
    assert problems == ["an update needs a `dose`. To take the order off, `delete`."]


def test_a_table_of_grams_never_writes_a_tablet_order(book: Rulebook) -> None:
    data = {"label": "x", "create": "magnesium-oxide-tablet", "dose": {"table": "grams"}}
    _, problems = compiled(book, data)
    assert "`grams` gives a magnesium_sulfate_dose; this order takes a frequency." in problems


def test_a_test_needs_no_stops_and_names_its_duplicate(book: Rulebook) -> None:
    found, problems = compiled(book, {**TEST, "duplicate_of": "test_open"})
    assert problems == []
    assert found is not None
    assert (found.duplicate_of, found.unless) == ("test_open", ())


@pytest.mark.parametrize("missing", STOPS)
def test_no_high_alert_suggestion_lacks_one_of_its_stops(book: Rulebook, missing: str) -> None:
    _, problems = compiled(book, {**BAG, "unless": [n for n in STOPS if n != missing]})
    assert problems == [
        f"`magnesium-sulfate-bag` may only be suggested with its stops; `unless` lacks `{missing}`."
    ]


KINDS = "a suggestion has exactly one of create, update and delete."
NOT_ONE_KIND = "`total` needs a fact and a threshold of one kind with the dose."
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"label": "x"}, KINDS),
    ({"label": "x", "create": "magnesium-level", "delete": "order"}, KINDS),
    ({"label": "x", "create": "magnesium-levle"},
     "`magnesium-levle` is not a declared order template. Did you mean `magnesium-level`?"),
    ({**BAG, "dose": None}, "`magnesium-sulfate-bag` is a drug order and needs a `dose`."),
    ({**BAG, "dose": {"table": "gramms"}},
     "`gramms` is not a declared table. Did you mean `grams`?"),
    ({**BAG, "dose": {"table": "grams", "rate": "fast"}}, "`fast` is not a number with a unit."),
    ({**BAG, "dose": {"table": "grams", "rate": "10 meq/h"}},
     "`meq/h` is not a unit of magnesium_sulfate_rate (accepted: `g/h`)."),
    ({**BAG, "dose": {"table": "grams", "over": "15 g"}}, "`g` is not a unit of duration"),
    ({**BAG, "dose": {"table": "grams", "rate": "1 g/h", "over": "15 min"}},
     "give `rate` or `over`, not both."),
    ({"label": "x", "create": "magnesium-oxide-tablet", "unless": ["mg_stop"],
      "dose": {"table": "tablets", "rate": "1 g/h"}}, "a frequency has no rate."),
    ({**BAG, "unless": [*STOPS, "mg_stopp"]},
     "`mg_stopp` is not a declared definition. Did you mean `mg_stop`?"),
    ({**TEST, "duplicate_of": "test_opne"},
     "`test_opne` is not a declared definition. Did you mean `test_open`?"),
    ({**TEST, "if": {"holds": "chil"}},
     "`chil` is not a declared definition. Did you mean `child`?"),
    ({**TEST, "label": "{dos}"}, "`{dos}` names no fact or threshold. Did you mean `dose`?"),
    ({**BAG, "total": {"fact": "magnesium", "at_most": "daily_limit"}}, NOT_ONE_KIND),
    ({**BAG, "total": {"fact": "magnesium_24h", "at_most": "k_low"}}, NOT_ONE_KIND),
    ({**BAG, "total": {"fact": "magnesium_24", "at_most": "daily_limit"}}, NOT_ONE_KIND),
    ({**BAG, "total": {"fact": "magnesium_24h", "at_most": "daily_limits"}}, NOT_ONE_KIND),
]  # fmt: skip


@pytest.mark.parametrize(("data", "words"), REFUSED)
def test_a_suggestion_that_cannot_be_meant_is_refused(
    book: Rulebook, data: dict[str, Any], words: str
) -> None:
    _, problems = compiled(book, data)
    assert problems == [words] or (len(problems) == 1 and words in problems[0])
