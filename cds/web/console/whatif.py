"""The page `/console/whatif`: what is stated stands in its address, so it can be shared and kept.

The address holds only what was touched: a form that sends all its fields is led to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from cds.bootstrap import Service
from cds.rulebook.model import BandSource, Rule, Rulebook
from cds.rulebook.prose.facts import noun
from cds.rulebook.prose.words import HOOKS, bare, capital
from cds.sample import samples
from cds.web.console.access import Access, Role
from cds.web.console.frame import Frame
from cds.web.console.whatif_form import Question, question
from cds.web.console.whatif_view import Fields, fields, lines, result
from cds.whatif.answer import Answer, WhatIf
from cds.whatif.starts import CASE, NOBODY, PATIENT

PAGE = "/console/whatif"
_FOLDERS = {
    "firing": "gets cards",
    "boundary": "on a limit, or one step beside it",
    "well": "gets no card",
    "broken": "data as it should not be",
}


def routes(service: Service, frame: Frame, access: Access) -> list[BaseRoute]:
    """The page, for viewers."""
    of = _keeping(service)

    def told(request: Request) -> Response:
        asked = question(request.query_params, of().controls)
        if _part(request):
            return frame.page(request, "whatif_part.html", **_result(of(), asked))
        if not asked.plain and not asked.doubts:
            return RedirectResponse(address(asked), 303)
        return frame.page(request, "whatif.html", **_page(of(), asked))

    async def whatif(request: Request) -> Response:
        return await asyncio.to_thread(told, request)

    return [Route("/whatif", access.needs(Role.VIEWER, whatif))]


def address(asked: Question, **changes: str) -> str:
    """Where this question is asked; `changes` of `start`, `hook`, `rule`, `changed`."""
    around = {
        "start": asked.asked.start,
        "hook": asked.asked.hook,
        "rule": asked.rule,
        "changed": "1" if asked.changed else "",
        **changes,
    }
    said = [(name, text) for name, text in around.items() if text]
    found = urlencode([*said, *asked.asked.texts.items()])
    return f"{PAGE}?{found}" if found else PAGE


def _part(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"


def _keeping(service: Service) -> Callable[[], WhatIf]:
    """One for the rules in force: what was worked out of others is let go."""
    kept: list[WhatIf] = []

    def of() -> WhatIf:
        assert service.rules is not None  # noqa: S101 - a service that serves has rules
        book = service.rules()
        if not kept or kept[0].book is not book:
            kept[:] = [WhatIf(book)]
        return kept[0]

    return of


def _page(whatif: WhatIf, asked: Question) -> dict[str, Any]:
    values = _result(whatif, asked)
    return values | {
        "starts": _starts(whatif.book, asked),
        "hooks": [("", "the usual one of the start"), *HOOKS.items()],
        "rules": [(rule.id, rule.title) for rule in whatif.book.rules],
        "without": sorted(whatif.controls.without.items()),
    }


def _result(whatif: WhatIf, asked: Question) -> dict[str, Any]:
    answer = whatif.answer(asked.asked)
    rule = _rule(whatif.book, asked.rule)
    shown = fields(whatif, asked, answer)
    labels = {control.name: control.label for control in whatif.controls.all()}
    return {
        "asked": asked,
        "answer": answer,
        "rule": rule,
        "open_why": rule is not None,
        "address": address(asked),
        "everything": address(asked, rule="", changed=""),
        "only": lambda rule_id: address(asked, rule=rule_id),
        "nothing": address(asked.without_all()),
        "groups": shown,
        "said": _said(whatif, asked, answer),
        "hook_words": HOOKS.get(answer.start.hook, answer.start.hook),
        "result": result(answer, asked),
        "lines": lines(answer, asked),
        "labels": labels,
        "worked": [replace(x, label=_range_of(whatif.book, x.label)) for x in answer.worked],
        "quiet_words": _quiet(answer),
        "unshown": _unshown(asked, shown),
        "faults": [(name, text) for name, text in {**asked.doubts, **answer.faults}.items()],
    }


def _range_of(book: Rulebook, name: str) -> str:
    """What a worked-out fact is called: the kidneys by their name, a range by its result."""
    source = book.facts[name].source
    of = source.of if isinstance(source, BandSource) else name
    return capital(bare(noun(book.facts[of], book)))


def _quiet(answer: Answer) -> str:
    count = len(answer.quiet)
    return f"{count} rules are not asked then" if count else ""


def _unshown(asked: Question, shown: Sequence[Fields]) -> list[tuple[str, str]]:
    """What is stated and has no field on this page: it is handed on all the same."""
    known = {item.control.name for group in shown for item in group.fields}
    return [(name, text) for name, text in asked.asked.texts.items() if name not in known]


def _said(whatif: WhatIf, asked: Question, answer: Answer) -> list[dict[str, str]]:
    """What is stated, each with the address of the same question without it."""
    labels = {control.name: control for control in whatif.controls.all()}
    found = []
    for name, text in asked.asked.texts.items():
        control = labels.get(name)
        words = dict(control.choices).get(text, text) if control else text
        label = control.label if control else name
        fault = answer.faults.get(name, "")
        reset = address(asked.without(name))
        found.append({"label": label, "words": words, "reset": reset, "fault": fault})
    return found


def _rule(book: Rulebook, rule_id: str) -> Rule | None:
    return next((rule for rule in book.rules if rule.id == rule_id), None)


def _starts(book: Rulebook, asked: Question) -> list[tuple[str, list[tuple[str, str]]]]:
    """What one may start from, in groups; of cases those of the rule that is looked at."""
    found = [("", [(NOBODY, "a patient about whom nothing is recorded")])]
    for folder, title in _FOLDERS.items():
        known = [(name, said) for where, name, said in _patients() if where == folder]
        found.append((f"Synthetic patient: {title}", known))
    rule = _rule(book, asked.rule or _rule_of(asked.asked.start))
    if rule is not None:
        cases = [(f"{CASE}{rule.id}:{at}", x.name) for at, x in enumerate(rule.cases, 1)]
        found.append((f"Case of “{rule.title}”", cases))
    return found


@cache
def _patients() -> tuple[tuple[str, str, str], ...]:
    """Folder, start and title of each: they are part of the program."""
    return tuple((x.folder, f"{PATIENT}{x.name}", x.title) for x in samples())


def _rule_of(start: str) -> str:
    return start.removeprefix(CASE).rpartition(":")[0] if start.startswith(CASE) else ""
