"""One law in place of all, for tests of what is done with laws and not of what they say.

All are proved by `tests/rules/test_laws.py`, and on the way to a running service by
`tests/journeys/test_new_rules.py`; each further time costs a quarter of a minute.
"""

from __future__ import annotations

from pathlib import Path

LAW = "torsades-is-critical"
ONE_LAW = f"""\
laws:
  {LAW}:
    title: Torsades is critical
    why: it kills
    cite: [acls-2020]
    given: {{torsades: present}}
    always: {{fires: {{rule: [hypomagnesemia], row: [A3], indicator: [critical]}}}}
"""


def with_one_law(rules: Path) -> Path:
    """The rules directory, which is changed in place."""
    (rules / "laws.yaml").write_text(ONE_LAW, encoding="utf-8")
    return rules
