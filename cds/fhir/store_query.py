"""A search as it was asked (FHIR R4, "Search"): parameters read and checked, nothing looked up.

What is not known is ignored and told, or refused if the client prefers that; what is known and
makes no sense is always refused, so that no client takes an unfiltered list for a filtered one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from cds.errors import BadRequest
from cds.fhir.store_kinds import KINDS, Kind

USUAL_COUNT = 50
MOST = 1000
MOST_PARAMETERS = 50

_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,40}")
_COMMA = re.compile(r"(?<!\\),")

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A search of one type. Each of `ids` and `tokens` is one demand: any of its values will do.
    Each of `patients` is a patient id, and all demands hold together.

    `sort` has (date parameter, newest first). `pairs` are the parameters that were understood, for
    links; `ignored` the names of the others. `offset` is where the page begins.
    """

    kind: str
    patients: tuple[str, ...] = ()
    ids: tuple[frozenset[str], ...] = ()
    tokens: tuple[tuple[str, frozenset[str]], ...] = ()
    sort: tuple[tuple[str, bool], ...] = ()
    count: int = USUAL_COUNT
    includes: tuple[str, ...] = ()
    total_only: bool = False
    pairs: Pairs = ()
    ignored: tuple[str, ...] = ()
    offset: int = 0


def read_query(
    kind: str, pairs: Iterable[tuple[str, str]], base: str, strict: bool = False, offset: int = 0
) -> Query:
    """The search for `kind`. `base` is this server's address: a reference may begin with it.

    Raises BadRequest for a value or modifier that cannot be used, and, if `strict`, for a parameter
    that is not known (`Prefer: handling=strict`).
    """
    query = Query(kind, offset=offset)
    for name, value in pairs:
        changed = _with(query, KINDS[kind], name, value, base)
        if changed is None:
            query = replace(query, ignored=(*query.ignored, _shown(name)))
        else:
            query = replace(changed, pairs=(*query.pairs, (name, value)))
    if strict and query.ignored:
        raise BadRequest(
            f"`{query.ignored[0]}` is not a search parameter of {kind} here; "
            "GET metadata lists them",
            code="not-supported",
        )
    return query


def _with(query: Query, kind: Kind, name: str, value: str, base: str) -> Query | None:
    """The search with one more parameter; None when that is not known."""
    plain, _, modifier = name.partition(":")
    known = plain in kind.patient or plain in kind.tokens or plain in _RESULT or plain == "_id"
    if not known:
        return None
    if modifier and not (plain in kind.patient and modifier == "Patient"):
        raise BadRequest(f"`{plain}` is searched without a modifier", code="not-supported")
    if not value.strip():
        raise BadRequest(f"`{plain}` has no value")
    if plain in kind.patient:
        return replace(query, patients=(*query.patients, _patient(value, base)))
    if plain in kind.tokens:
        return replace(query, tokens=(*query.tokens, (plain, _values(value))))
    if plain == "_id":
        return replace(query, ids=(*query.ids, _ids(value)))
    if plain != "_include" and any(plain == named for named, _ in query.pairs):
        raise BadRequest(f"`{plain}` is there twice")
    return _RESULT[plain](query, kind, value)


def _values(text: str) -> frozenset[str]:
    """Values between commas; a backslash lets a comma, a bar or itself stand for itself."""
    return frozenset(re.sub(r"\\([,|$\\])", r"\1", item) for item in _COMMA.split(text))


def _ids(text: str) -> frozenset[str]:
    found = _values(text)
    if len(found) > MOST:
        raise BadRequest(f"`_id` names more than {MOST}", code="too-costly")
    return found


def _patient(text: str, base: str) -> str:
    if "," in text:
        raise BadRequest("one search is about one patient; ask for each", code="too-costly")
    return text.removeprefix(f"{base}/").removeprefix("Patient/")


def _sort(query: Query, kind: Kind, value: str) -> Query:
    keys = [(item.removeprefix("-"), item.startswith("-")) for item in value.split(",")]
    if any(name not in kind.dates for name, _ in keys):
        names = ", ".join(kind.dates) or "nothing"
        raise BadRequest(f"`_sort` here can name {names}, each with `-` for newest first")
    if len({name for name, _ in keys}) < len(keys):
        raise BadRequest("`_sort` names a parameter twice")
    return replace(query, sort=tuple(keys))


def _count(query: Query, _: Kind, value: str) -> Query:
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise BadRequest("`_count` must be a whole number, for example 50")
    count = int(value)
    return replace(query, count=min(count, MOST)) if count else replace(query, total_only=True)


def _summary(query: Query, _: Kind, value: str) -> Query:
    if value not in ("count", "false"):
        raise BadRequest("`_summary` can be `count` or `false` here")
    return replace(query, total_only=query.total_only or value == "count")


def _include(query: Query, kind: Kind, value: str) -> Query:
    able = {f"{query.kind}:{name}{end}": name for name in kind.includes for end in _TARGETS}
    if value not in able:
        names = ", ".join(f"{query.kind}:{name}" for name in kind.includes) or "nothing"
        raise BadRequest(f"`_include` of {query.kind} here can be {names}")
    return replace(query, includes=tuple(dict.fromkeys((*query.includes, able[value]))))


_TARGETS = ("", ":Medication")
_RESULT = {"_sort": _sort, "_count": _count, "_summary": _summary, "_include": _include}


def _shown(name: str) -> str:
    """The name of a parameter as it may be told: a client's free text is not repeated."""
    return name if _NAME.fullmatch(name) else "(unreadable name)"
