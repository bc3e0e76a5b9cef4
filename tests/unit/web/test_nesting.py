"""How deep and how long a body may be, without a decoder and without recursion."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.errors import BadRequest, TooLarge
from cds.hooks.request import read_call
from cds.hooks.services import SERVICES
from cds.web.nesting import check_call, check_depth, check_entries

ORDER_SELECT = SERVICES["electrolytes-order-select"]
PATIENT_VIEW = next(item for item in SERVICES.values() if item.hook == "patient-view")
CALL = (
    '{"hook":"patient-view","hookInstance":"1","context":{"userId":"Practitioner/1",'
    '"patientId":"1"},"prefetch":{}}'
)

TEXTS = st.text('[]{}"\\ax,:\u00e9', max_size=8)
TREES = st.recursive(
    st.none() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=30,
)


def depth(tree: Any) -> int:
    if not isinstance(tree, list | dict):
        return 0
    parts = tree.values() if isinstance(tree, dict) else tree
    return 1 + max((depth(part) for part in parts), default=0)


def passes(body: bytes, most: int) -> bool:
    try:
        check_depth(body, most)
    except BadRequest:
        return False
    return True


@given(tree=TREES, more=st.integers(0, 6), ascii_only=st.booleans())
def test_the_depth_is_that_of_the_decoded_tree(tree: Any, more: int, ascii_only: bool) -> None:
    found = depth(tree)
    for _ in range(more):
        tree, found = [tree], found + 1
    body = json.dumps(tree, ensure_ascii=ascii_only).encode()
    for most in range(4, 12):
        assert passes(body, most) == (found <= most)


@pytest.mark.parametrize("levels", [64, 65])
@pytest.mark.parametrize("pair", ["[]", "{}"])
def test_sixty_four_levels_pass_and_sixty_five_do_not(levels: int, pair: str) -> None:
    opens, closes = ("[", "]") if pair == "[]" else ('{"a":', "}")
    body = (opens * levels + "1" + closes * levels).encode()
    assert json.loads(body)
    assert passes(body, 64) == (levels == 64)


@pytest.mark.parametrize(
    "body",
    [b"[" * 5_000_000, (b"[" * 60 + b"]" * 60 + b",") * 40_000, b'{"a":"' + b'\\"' * 2_400_000],
    ids=["only opened", "sixty levels again and again", "a text without an end"],
)
def test_the_worst_bodies_of_five_megabytes_take_no_long_time(body: bytes) -> None:
    started = perf_counter()
    passes(body, 64)
    assert perf_counter() - started < 5  # a fraction of a second on a quiet machine


def test_brackets_inside_texts_do_not_count() -> None:
    assert passes(json.dumps({"a": '[{"' * 500 + "\\"}).encode(), 64)


LONG = {"resourceType": "Bundle", "text": "a long text. " * 100}
DEEP = ("hook call", "context", "prefetch", "a value", "an ignored member")


def nested(levels: int) -> Any:
    tree: Any = 1
    for _ in range(levels):
        tree = [tree]
    return tree


def call_with(where: str, levels: int, long: Mapping[str, Any]) -> bytes:
    """A call in which something stands `levels` deep."""
    call = json.loads(CALL)
    call["prefetch"] = {"observations": long, "problems": long | {"id": "2"}, "few": [1]}
    if where == "hook call":
        call["more"] = nested(levels - 1)
    elif where == "context":
        call["context"]["more"] = nested(levels - 2)
    elif where == "prefetch":
        call["prefetch"]["short"] = nested(levels - 2)
    elif where == "a value":
        call["prefetch"]["problems"] |= {"more": nested(levels - 3)}
    else:
        call["prefetch"]["more"] = long | {"more": nested(levels - 3)}
    return json.dumps(call).encode()


@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("levels", [64, 65])
@pytest.mark.parametrize("where", DEEP)
def test_wherever_a_call_is_too_deep_it_is_refused_also_when_its_lists_are_known(
    where: str, levels: int, again: bool
) -> None:
    if again:
        before = call_with("a value", 4, LONG)
        check_call(read_call(PATIENT_VIEW, before), before, 64)
    text = call_with(where, levels, LONG)
    assert depth(json.loads(text)) == levels
    call = read_call(PATIENT_VIEW, text)
    for _ in range(2):
        if levels == 64:
            check_call(call, text, 64)
            continue
        with pytest.raises(BadRequest, match="more than 64 levels deep; CDS_MAX_DEPTH"):
            check_call(call, text, 64)


@pytest.mark.parametrize("text", [json.dumps(LONG), f"[{'1,' * 1000}1]"], ids=["texts", "numbers"])
def test_a_list_that_stands_deeper_elsewhere_too_is_looked_at_there(text: str) -> None:
    for levels in (62, 63):
        deeper = "[" * levels + text + "]" * levels
        body = CALL.replace("{", f'{{"more":{deeper},', 1).replace("{}", f'{{"few":{text}}}')
        call = read_call(PATIENT_VIEW, body.encode())
        assert depth(json.loads(body)) == levels + 2
        for _ in range(2):
            if levels == 62:
                check_call(call, body.encode(), 64)
                continue
            with pytest.raises(BadRequest):
                check_call(call, body.encode(), 64)


def test_a_list_whose_like_stands_in_a_text_hides_nothing_behind_it() -> None:
    text = f"[{'1,' * 1000}1]"
    deep = json.dumps(nested(63))
    body = CALL.replace("{}", f'{{"{text}":1,"b":{text},"deep":{deep}}}').encode()
    assert depth(json.loads(body)) == 65
    with pytest.raises(BadRequest):
        check_call(read_call(PATIENT_VIEW, body), body, 64)


def test_a_list_known_under_one_limit_is_looked_through_under_a_lower_one() -> None:
    text = call_with("a value", 40, LONG)
    call = read_call(PATIENT_VIEW, text)
    check_call(call, text, 40)
    with pytest.raises(BadRequest):
        check_call(call, text, 39)


@given(data=st.data())
def test_a_call_is_refused_exactly_when_its_text_is(data: st.DataObject) -> None:
    """Members that come twice, values alike, values that stand in other texts too."""
    long = json.dumps(LONG | {"more": data.draw(TREES)})
    value = st.sampled_from([long, long, "[]", "null", json.dumps(long)])
    names = st.sampled_from(["a", "b", "b", "c"])
    values = data.draw(st.lists(st.tuples(names, value), max_size=5))
    prefetch = "{" + ",".join(f'"{name}":{value}' for name, value in values) + "}"
    more = data.draw(st.sampled_from(["", f'"x":{long},', f'"x":{json.dumps(long)},']))
    text = CALL.replace("{}", prefetch).replace("{", "{" + more, 1).encode()
    call = read_call(PATIENT_VIEW, text)
    for most in (16, depth(json.loads(long)) + 2, depth(json.loads(long)) + 1):
        try:
            check_call(call, text, most)
        except BadRequest:
            assert not passes(text, most)
        else:
            assert passes(text, most)


def test_a_part_that_begins_like_many_others_takes_no_long_time() -> None:
    text = json.dumps('"' * 1_000_000)
    body = CALL.replace('"patientId":"1"', f'"patientId":"1","more":{text}')
    body = body.replace("{}", f'{{"observations":{text[:-1]}.."}}')
    started = perf_counter()
    check_call(read_call(PATIENT_VIEW, body.encode()), body.encode(), 64)
    assert perf_counter() - started < 5  # a fraction of a second on a quiet machine


@pytest.mark.parametrize("where", ["prefetch.observations", "context.draftOrders"])
def test_a_bundle_with_too_many_entries_is_413_and_is_named(
    hook_body: Callable[..., dict[str, Any]], where: str
) -> None:
    body = hook_body()
    part, key = where.split(".")
    (draft,) = body["context"]["draftOrders"]["entry"]
    body[part][key] = {"resourceType": "Bundle", "type": "collection", "entry": [draft] * 101}
    text = json.dumps(body).encode()
    call = read_call(ORDER_SELECT, text)
    check_entries(call, text, 101)
    with pytest.raises(TooLarge) as refused:
        check_entries(call, text, 100)
    assert refused.value.status == 413
    assert "more than 100 entries" in str(refused.value)
    assert where.split(".")[0] in str(refused.value)


@given(
    entry=st.sampled_from(["7", "{}", " 7", '"7,,,"']),
    before=st.integers(0, 500),
    behind=st.integers(0, 500),
    filler=st.sampled_from([",", " ", "x"]),
)
def test_entries_are_counted_however_short_and_wherever_they_stand(
    entry: str, before: int, behind: int, filler: str
) -> None:
    most = 100
    for entries in (most, most + 1):
        listed = ",".join([entry] * entries)
        prefetch = f'{{"a":"{filler * before}","b":{{"entry":[{listed}]}},"c":"{filler * behind}"}}'
        text = CALL.replace("{}", prefetch).encode()
        call = read_call(PATIENT_VIEW, text)
        if entries <= most:
            check_entries(call, text, most)
            continue
        with pytest.raises(TooLarge):
            check_entries(call, text, most)


def test_what_is_no_bundle_is_left_to_its_reader(hook_body: Callable[..., dict[str, Any]]) -> None:
    body = hook_body()
    body["prefetch"] |= {"problems": {"entry": 7}, "more": [1] * 200, "less": None}
    text = json.dumps(body).encode()
    check_entries(read_call(ORDER_SELECT, text), text, 100)
