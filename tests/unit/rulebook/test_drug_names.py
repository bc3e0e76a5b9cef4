"""Where a word of a drug's name begins and ends, in any writing of it."""

from __future__ import annotations

import re

import pytest

from cds.rulebook.drugcodes import ALIKE, _pattern


def test_all_signs_that_count_as_a_letter_of_a_name_are_known() -> None:
    letter = re.compile("[a-z0-9]", re.IGNORECASE)
    found = {sign for sign in map(chr, range(0x110000)) if letter.fullmatch(sign)}
    assert {sign for sign in found if not sign.isascii()} == set(ALIKE)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Potassium  chloride 20 mEq", True),
        ("POTASSIUM/CHLORIDE", True),
        ("potassiumchloride", False),
        ("xpotassium chloride", False),
        ("potassium chloride2", False),
        ("pota\u017f\u017fium chloride", True),
        ("\u212apotassium chloride", False),
        ("potassium \u0131 chloride", False),
    ],
)
def test_a_name_is_found_as_whole_words(text: str, named: bool) -> None:
    pattern = _pattern(("potassium chloride", "kcl"))
    assert pattern is not None
    assert bool(pattern.search(text)) == named
