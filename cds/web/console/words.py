"""Markdown of cards and of the rule book as HTML of our own frame.

The text may quote what a client sent, so HTML in it stays text, and nothing is loaded from
elsewhere: no pictures. Links lead away only when somebody follows them.
"""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup

# A table may be wider than a phone: it scrolls by itself, and by keyboard too.
_WIDE = '<div class="wide" tabindex="0" role="region" aria-label="Table">\n<table>\n'


def markdown(text: str) -> Markup:
    """A text of paragraphs, lists, tables and links."""
    return Markup(_READER.render(text))  # noqa: S704 - HTML within the text was escaped


def sentence(text: str) -> str:
    """The text of an error as a page says it: errors begin small and end without a stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _table(
    _self: RendererProtocol, _tokens: list[Token], _at: int, _options: OptionsDict, _env: EnvType
) -> str:
    return _WIDE


def _table_end(
    _self: RendererProtocol, _tokens: list[Token], _at: int, _options: OptionsDict, _env: EnvType
) -> str:
    return "</table>\n</div>\n"


def _reader() -> MarkdownIt:
    found = MarkdownIt("commonmark", {"html": False, "linkify": False})
    found.enable("table").disable("image")
    found.add_render_rule("table_open", _table)
    found.add_render_rule("table_close", _table_end)
    return found


_READER = _reader()
