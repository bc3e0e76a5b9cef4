"""What every rule came to, counted from kept bodies: silent mode is never taken for a card."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import astuple
from typing import Any

import pytest

from cds.audit.columns import as_csv, table
from cds.audit.outcomes import Outcomes, Summary, csv_lines, lines, outcomes, remarks
from cds.audit.stored import WORTH, closed
from kept_decisions import answered, named

RULE = ("magnesium", "1.0.0")


def body(*rules: dict[str, Any], cards: tuple[str, ...] = ()) -> bytes:
    """A kept body; `cards` are the rules that the cards name."""
    tree: dict[str, Any] = {"rules": [{"rule": RULE[0], "version": RULE[1], **r} for r in rules]}
    if cards:
        tree["cards"] = [{"uuid": "x", "extension": {"rule": name}} for name in cards]
    return json.dumps(tree).encode()


FIRES = {"outcome": "fires"}
SILENCED = {"outcome": "fires", "silent": True}
OWN = "magnesium@1.0.0"


@pytest.mark.parametrize(
    ("kept", "column"),
    [
        (body(FIRES, cards=(OWN,)), "carded"),
        (body(FIRES), "folded"),
        (body(FIRES, cards=("potassium@1.0.0",)), "folded"),
        (body(FIRES, cards=("magnesium@1.0.1",)), "folded"),
        (body({**FIRES, "held_back": "overridden 3 h ago"}), "held_back"),
        (body(SILENCED), "would_fire"),
        (body({**SILENCED, "held_back": "overridden 3 h ago"}), "would_fire"),
        (body({"outcome": "silent"}), "quiet"),
        (body({"outcome": "silent", "silent": True}), "quiet"),
        (body({"outcome": "cannot-tell"}), "cannot_tell"),
        (body({"outcome": "cannot-tell", "silent": True}), "cannot_tell"),
        (body({"outcome": "error"}), "broken"),
    ],
)
def test_each_outcome_has_a_column_of_its_own(kept: bytes, column: str) -> None:
    assert outcomes([kept]).rules == ((RULE, Outcomes(judged=1, **{column: 1})),)


def test_rules_that_were_ruled_out_are_counted_as_judged_and_quiet() -> None:
    kept = json.loads(body(FIRES))
    about = {"source": "MedicationRequest/1", "name": "x"}
    kept["ruled_out"] = ["potassium@2.0.0", {"rule": OWN, "order": about}]
    assert outcomes([json.dumps(kept).encode()]).rules == (
        (RULE, Outcomes(judged=2, folded=1, quiet=1)),
        (("potassium", "2.0.0"), Outcomes(judged=1, quiet=1)),
    )


@pytest.mark.parametrize("pack", [closed, zlib.compress], ids=["now", "by an older version"])
def test_a_body_that_was_compressed_is_counted_like_any(pack: Callable[[bytes], bytes]) -> None:
    long = json.dumps({**json.loads(body(FIRES)), "more": "x" * WORTH}).encode()
    assert pack(long) != long
    assert outcomes([pack(long)]) == outcomes([body(FIRES)])


def test_a_rule_with_several_orders_has_as_many_cards_as_were_shown() -> None:
    kept = body(FIRES, FIRES, FIRES, cards=(OWN, OWN))
    assert outcomes([kept]).rules == ((RULE, Outcomes(judged=3, carded=2, folded=1)),)


def test_versions_of_a_rule_are_counted_apart_and_calls_together() -> None:
    other = body({"outcome": "silent", "version": "1.1.0"})
    found = outcomes([body(SILENCED), other, body(FIRES, cards=(OWN,))])
    assert found == Summary(
        (
            (RULE, Outcomes(2, carded=1, would_fire=1)),
            (("magnesium", "1.1.0"), Outcomes(1, quiet=1)),
        ),
        calls=3,
        unreadable=0,
    )
    assert found.total() == Outcomes(judged=3, carded=1, would_fire=1, quiet=1)


@pytest.mark.parametrize(
    "raw", [b"", b"\xff", b"{", b"[]", b"{}", b'{"rules": 7}', body({"outcome": "perhaps"}), None]
)
def test_a_body_that_cannot_be_read_is_told_and_the_others_count(raw: Any) -> None:
    found = outcomes([raw, body(FIRES)])
    assert (found.calls, found.unreadable) == (1, 1)
    assert found.total() == Outcomes(judged=1, folded=1)
    assert remarks(found) == ("1 calls; 1 decisions cannot be read: run `cds audit verify`",)


def test_bodies_are_read_one_by_one() -> None:
    held: list[int] = []

    def many() -> Iterator[bytes]:
        for number in range(3):
            held.append(number)
            yield body(FIRES)

    assert outcomes(many()).calls == 3
    assert held == [0, 1, 2]


def test_the_table_has_a_row_of_sums_and_csv_has_none() -> None:
    found = outcomes([body(SILENCED), body(FIRES, cards=(OWN,))])
    heads, row, total = lines(found)
    assert heads.split("  ")[:1] == ["rule"]
    assert "would have fired (silent mode)" in heads
    assert row.split() == ["magnesium", "1.0.0", "2", "1", "0", "0", "1", "0", "0", "0"]
    assert total.split() == ["all", "rules", "-", "2", "1", "0", "0", "1", "0", "0", "0"]
    assert remarks(found) == ("2 calls",)
    heads, row = csv_lines(found).split("\n")
    assert heads.startswith("rule,version,judged,with a card,")
    assert row == "magnesium,1.0.0,2,1,0,0,1,0,0,0"


def test_without_decisions_there_is_no_table() -> None:
    found = outcomes([])
    assert (lines(found), remarks(found)) == ((), ("0 calls",))
    assert csv_lines(found).count("\n") == 0


def test_the_parts_add_up_for_all_synthetic_patients_and_every_card_is_counted() -> None:
    kept = answered()
    found = outcomes(item.entry().body for item in kept)
    assert (found.calls, found.unreadable) == (len(kept), 0)
    for _, counts in found.rules:
        judged, *parts = astuple(counts)
        assert judged == sum(parts)
    total = found.total()
    assert total.carded == sum(len(item.answer.cards) for item in kept) > 100
    assert total.judged == sum(len(item.answer.decisions.items) for item in kept)
    assert (total.would_fire, total.held_back, total.broken) == (0, 0, 0)
    assert total.folded > 0


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@sum", "\tx", "\rx"])
def test_no_cell_of_csv_is_a_formula(start: str) -> None:
    assert (
        as_csv(("a", "b"), [(start, -1)]).split("\n", 1)[1].strip('"').startswith(f"'{start}"[:2])
    )
    assert as_csv(("a",), [(f"x{start}",)]).count("'") == 0


def test_numbers_stand_right_and_what_is_empty_is_a_dash() -> None:
    assert table(("count", "who"), [(7, ""), (12, "me")]) == (
        "count  who",
        "    7  -",
        "   12  me",
    )


def test_what_is_no_text_any_more_does_not_stop_the_table() -> None:
    broken = b"A\xff".decode("utf-8", "surrogateescape")
    assert table(("row",), [(broken,)]) == ("row", "A?")
    assert as_csv(("row",), [(broken,)]) == "row\nA?"


def test_a_record_from_before_silent_mode_was_counted_reads_the_same() -> None:
    kept = json.loads(named("first-card").entry().body)
    assert not any("silent" in rule for rule in kept["rules"])  # left out where it is false
    assert outcomes([json.dumps(kept).encode()]).total().would_fire == 0
