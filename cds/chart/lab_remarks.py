"""What notes, interpretations and specimens say about a result: haemolysis, wrong specimen.

Haemolysis releases potassium and magnesium from red cells, so a haemolysed result of these looks
better than it is; a urine or dialysate value is not a serum value whatever its code says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from typing import Any

import msgspec

from cds.fhir.bundle import ABSENT, UNDECODABLE, is_present
from cds.fhir.resources import Observation

_WORD = re.compile(r"(\w*?)(?:ha?emoly|h\u00e4moly)(?!tic\s+(?:an|ur|dis|trans))\w*", re.IGNORECASE)
_DENIED_BEFORE = re.compile(
    r"\b(?:no|not|non|without|negative\s+for|free\s+of|absence\s+of|kein\w*|nicht|ohne)[\s-]*"
    r"(?:(?:any|visibl[ey]|significant(?:ly)?|gross(?:ly)?|evidence|signs?|of|detectable|apparent"
    r"|appreciable|obvious(?:ly)?|noted)\s+)*$",
    re.IGNORECASE,
)
_DENIED_AFTER = re.compile(
    r"[\s:=()-]*(?:(?:is|was|index|grade)[\s:=()-]+)*"
    r"(?:(?:none|absent|negative|neg|nil|normal|not\s+(?:present|detected|seen|observed|noted"
    r"|visible))\b|0+(?:\.0+)?(?![\d.]))|\s*[:=]\s*no\b",
    re.IGNORECASE,
)
_CLEAN = re.compile(
    r"\s*(?:none|absent|negative|neg|nil|no|normal|not\b.*|0+(?:\.0+)?)\s*", re.IGNORECASE
)
_FOREIGN = re.compile(
    r"\b(?:urin\w*|csf|cerebrospinal|liquor|pleura\w*|ascit\w*|periton\w*|dialysate|amniotic"
    r"|stool|fa?eces|saliva|sweat|synovial|pericardial|fluids?|gastric|drain\w*|bile|sputum)\b",
    re.IGNORECASE,
)
_BLOOD = re.compile(r"\b(?:blood|serum|plasma|blut)\b", re.IGNORECASE)
_LONGEST_NAME = 120  # characters; the names of tests and specimens are remembered up to here
_UNSAID = frozenset({"system", "url", "reference", "id", "resourceType"})
_NO_REMARKS = (ABSENT,) * 7
_any = msgspec.json.Decoder()


class Haemolysis(Enum):
    """What the result says about its sample."""

    STATED = "haemolysis stated"
    INDEX = "haemolysis index not interpreted"
    NONE = ""


def says_haemolysed(text: str) -> bool:
    """Whether a text reports haemolysis; "not hemolyzed" and "hemolysis: none" do not."""
    for clause in re.split(r"[.;,\n](?!\d)", text):
        for word in _WORD.finditer(clause):
            if word[1].lower() in ("non", "un"):
                continue
            if _DENIED_BEFORE.search(clause[: word.start()]):
                continue
            if not _DENIED_AFTER.match(clause[word.end() :]):
                return True
    return False


def haemolysis(observation: Observation, raw: msgspec.Raw) -> Haemolysis:
    """From interpretation, note, specimen, absent reason, value text and index components.

    `raw` is the whole resource: most say nothing of the kind, and are not searched further.
    """
    parts = _remarks(observation)
    nothing = parts == _NO_REMARKS and not observation.valueString
    if nothing or not _hints(bytes(raw)):
        return Haemolysis.NONE
    texts = [text for part in parts[1:] for text in _texts(part)]
    if observation.valueString:
        texts.append(observation.valueString)
    if any(says_haemolysed(text) for text in texts):
        return Haemolysis.STATED
    return _from_components(observation.component)


def _remarks(observation: Observation) -> tuple[msgspec.Raw, ...]:
    return (
        observation.component,
        observation.interpretation,
        observation.note,
        observation.specimen,
        observation.contained,
        observation.dataAbsentReason,
        observation.valueCodeableConcept,
    )


def _hints(raw: bytes) -> bool:
    """Every spelling is among these, also with an escaped umlaut."""
    return b"moly" in raw.lower() or b'"HEM"' in raw


def wrong_specimen(observation: Observation) -> bool:
    """Whether specimen texts name urine, a fluid, a dialysate ... and no blood."""
    if observation.specimen is ABSENT and observation.contained is ABSENT:
        return False
    texts = list(_texts(observation.specimen))
    for item in _objects(observation.contained):
        if item.get("resourceType") == "Specimen":
            texts.extend(_walk(item.get("type")))
    return any(is_foreign(text) for text in set(texts))


def is_foreign(text: str) -> bool:
    """Whether a text names a specimen that is no blood."""
    return (_short_name if len(text) <= _LONGEST_NAME else _names_foreign)(text)


def _names_foreign(text: str) -> bool:
    return _FOREIGN.search(text) is not None and _BLOOD.search(text) is None


_short_name = lru_cache(maxsize=1024)(_names_foreign)


def _from_components(raw: msgspec.Raw) -> Haemolysis:
    found = Haemolysis.NONE
    for item in _objects(raw):
        if not any(_WORD.search(text) for text in _walk(item.get("code"))):
            continue
        words = [
            text for key in ("valueString", "valueCodeableConcept") for text in _walk(item.get(key))
        ]
        if words and not all(_CLEAN.fullmatch(text) for text in words):
            return Haemolysis.STATED
        if not words and any(key.startswith("value") for key in item):
            found = Haemolysis.INDEX
    return found


def _decoded(raw: msgspec.Raw) -> Any:
    try:
        return _any.decode(raw) if is_present(raw) else None
    except UNDECODABLE:  # nested to the very limit, which stands a few frames nearer here
        return None


def _objects(raw: msgspec.Raw) -> Iterator[dict[str, Any]]:
    value = _decoded(raw)
    return (
        (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())
    )


def _texts(raw: msgspec.Raw) -> Iterator[str]:
    return _walk(_decoded(raw))


def _walk(value: Any) -> Iterator[str]:
    """Every text a reader would see, whatever the shape (notes were objects once)."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, dict):
            if item.get("code") == "HEM" and "0493" in str(item.get("system")):
                yield "hemolyzed"  # HL7 v2 table 0493, specimen condition
            waiting.extend(part for key, part in item.items() if key not in _UNSAID)
