"""Rules change under a running service only when they load, every case holds and all laws hold."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from cds import reload as reloading
from cds.proofrecord import recorded, write_record
from cds.reload import Busy, NotReplaced, RulesInForce, Vetted, vet
from cds.rulebook.load import load_rulebook
from one_law import LAW, with_one_law

RULES = Path(__file__).parents[2] / "rules"
SWITCHED_OFF = """
site: ward
title: Ward
changes:
  - by: Q. Test, pharmacy
    date: 2026-11-22
    why: too many cards
    status: {qt-risk: silent}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    shutil.copytree(RULES, tmp_path / "rules", dirs_exist_ok=True)
    return tmp_path / "rules"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def good(directory: Path, site: str | None) -> Vetted:
    return Vetted(load_rulebook(directory, site).digest)


def stale(directory: Path, site: str | None) -> Vetted:
    edit(directory / "qt-risk.yaml", "title: ", "title: New ")
    digest = load_rulebook(directory, site).digest
    edit(directory / "qt-risk.yaml", "title: ", "title: Very ")
    return Vetted(digest)


def killed(_directory: Path, _site: str | None) -> Vetted:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def in_force(rules: Path, vetting: Callable[..., Vetted] = good) -> RulesInForce:
    return RulesInForce(rules, None, vetting)


def refused(book: RulesInForce) -> str:
    before = book.current
    with pytest.raises(NotReplaced) as caught:
        asyncio.run(book.reload())
    assert book.current is before
    return str(caught.value)


def test_rules_that_have_not_changed_stay(rules: Path) -> None:
    book = in_force(rules)
    before = book.current
    assert asyncio.run(book.reload()) is False
    assert book.current is before


def test_rules_that_change_while_they_are_checked_do_not_come_into_force(rules: Path) -> None:
    assert "changed while they were checked" in refused(in_force(rules, stale))


def test_checks_that_are_killed_change_nothing(rules: Path) -> None:
    assert "the checks were killed" in refused(in_force(rules, killed))


def test_a_second_reload_waits_for_the_first(rules: Path) -> None:
    async def twice(book: RulesInForce) -> list[object]:
        found = await asyncio.gather(book.reload(), book.reload(), return_exceptions=True)
        return [type(item) for item in found]

    book = in_force(rules)
    assert asyncio.run(twice(book)) == [bool, Busy]
    assert asyncio.run(book.reload()) is False  # and the next one is heard again


def test_a_case_that_does_not_hold_is_named(rules: Path) -> None:
    edit(rules / "lupus-leukopenia.yaml", "expect: fires", "expect: silent")
    found = vet(rules, None).findings
    assert found
    assert len(found) <= reloading.MOST_TOLD + 1
    assert all(line.startswith(("rules/", "and ")) for line in found)


def test_a_law_that_does_not_hold_is_named_with_a_patient(rules: Path) -> None:
    edit(with_one_law(rules) / "laws.yaml", "laws:\n", BROKEN_LAW)
    found = "\n".join(vet(rules, None).findings)
    assert "nobody-is-told" in found
    assert LAW not in found  # what holds is no finding
    assert "a patient who breaks it (the engine agrees)" in found


BROKEN_LAW = """\
laws:
  nobody-is-told:
    title: Nobody is told of a level that is severely low
    why: to show what a law that is not kept looks like
    cite: [design-review]
    never: {fires: {row: [A2]}}
"""


def test_a_rule_is_switched_off_by_the_site_file_alone(rules: Path) -> None:
    with_one_law(rules)
    on = SWITCHED_OFF.replace("qt-risk", "lupus-leukopenia")
    (rules / "sites/ward.yaml").write_text(on, encoding="utf-8")
    book = RulesInForce(rules, "ward")
    assert status(book) == "active"
    (rules / "sites/ward.yaml").write_text(SWITCHED_OFF, encoding="utf-8")
    assert asyncio.run(book.reload()) is True
    assert status(book) == "silent"


def status(book: RulesInForce) -> str:
    return next(rule.status for rule in book.current.rules if rule.id == "qt-risk")


def test_without_the_prover_the_record_of_a_proof_counts(
    rules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (rules / "proof.json").unlink()
    book = load_rulebook(rules)
    monkeypatch.setattr(reloading, "find_spec", lambda _: None)
    (line,) = reloading._unproved(rules, None, book)
    assert line.startswith("rules/proof.json:1: holds no proof of these rules")
    write_record(rules, [("", book.digest, 81)])
    assert reloading._unproved(rules, None, book) == ()


@pytest.mark.parametrize("spoilt", ["{", "[]", '{"engine": "0.0.0"}'])
def test_a_record_of_other_rules_or_of_another_release_does_not_count(
    rules: Path, spoilt: str
) -> None:
    book = load_rulebook(rules)
    path = write_record(rules, [("", book.digest, 81)])
    assert recorded(rules, "", book)
    assert not recorded(rules, "ward", book)
    edit(rules / "laws.yaml", "laws:", "# another\nlaws:")
    assert not recorded(rules, "", book)
    path.write_text(spoilt, encoding="utf-8")
    assert not recorded(rules, "", book)


def test_the_record_is_no_part_of_the_rules(rules: Path) -> None:
    digest = load_rulebook(rules).digest
    write_record(rules, [("", digest, 81)])
    assert load_rulebook(rules).digest == digest
