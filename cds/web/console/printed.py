"""What stands at the edge of each printed page of a rule: a loose page tells where it belongs."""

from __future__ import annotations

import datetime as dt

from cds.book.introduction import short_digest
from cds.rulebook.model import Rule, Rulebook

_STYLE = """\
@page {{
  margin: 16mm 14mm 18mm;
  @bottom-left {{ content: {left}; font: 8pt system-ui, sans-serif; color: #444; width: 80%; }}
  @bottom-right {{ content: counter(page) " / " counter(pages); font: 8pt system-ui, sans-serif; }}
}}
"""


def page_style(rule: Rule, book: Rulebook, today: dt.date) -> str:
    """A stylesheet: name and version of the rule, the digest of the rules, the day, the page."""
    site = f", site {book.site}" if book.site else ""
    left = f"{rule.title}, version {rule.version} · rule set {short_digest(book)}{site} · {today}"
    return _STYLE.format(left=_string(left))


def _string(text: str) -> str:
    """A text as CSS writes it; what could end it is written by its number."""
    said = "".join(x if x.isalnum() or x in " .,:()-·" else f"\\{ord(x):x} " for x in text)
    return f'"{said}"'
