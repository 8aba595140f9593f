"""The body of POST /events as events, or as the error that it is."""

import json
import tracemalloc

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.errors import Invalid, MalformedBody, TocsinError, TooLarge
from tocsin.http.json_body import JSON_TYPE, MAX_BODY, MAX_DEPTH, wrong_values
from tocsin.ingest.body import MAX_EVENT, MAX_EVENTS, NDJSON_TYPE, Body, read_body
from tocsin.types import Json

INT64 = st.integers(-(2**63), 2**64 - 1)
PLAIN_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
PLAIN_JSON = st.recursive(
    st.none() | st.booleans() | INT64 | st.floats(allow_nan=False, allow_infinity=False) | PLAIN_TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(PLAIN_TEXT, inner, max_size=5),
    max_leaves=20,
)


def refused(body: bytes | str, content_type: str = JSON_TYPE) -> TocsinError:
    """The error that `body` is answered with."""
    with pytest.raises(TocsinError) as caught:
        read_body(body.encode() if isinstance(body, str) else body, content_type)
    return caught.value


def paths(error: TocsinError) -> list[str]:
    assert isinstance(error, Invalid)
    return [violation.path for violation in error.violations]


# ── what is taken ────────────────────────────────────────────────────────────


def test_an_object_is_a_single_event() -> None:
    assert read_body(b'{"action": "login"}', JSON_TYPE) == Body(single=True, items=({"action": "login"},))


def test_a_list_is_a_batch_also_of_one() -> None:
    assert read_body(b'[{"action": "login"}]', JSON_TYPE) == Body(single=False, items=({"action": "login"},))


def test_each_line_is_an_event_and_blank_lines_are_none() -> None:
    body = read_body(b'{"action": "a"}\r\n\n  \n{"action": "b"}', NDJSON_TYPE)

    assert body == Body(single=False, items=({"action": "a"}, {"action": "b"}))


@given(context=st.dictionaries(PLAIN_TEXT, PLAIN_JSON, max_size=5))
def test_what_is_plain_json_is_taken_as_it_is(context: dict[str, Json]) -> None:
    sent = {"action": "a", "context": context}

    assert read_body(json.dumps(sent).encode(), JSON_TYPE).items == (sent,)
    assert read_body(orjson.dumps(sent), JSON_TYPE).items == (sent,)


def test_the_largest_numbers_that_fit_are_kept_to_the_digit() -> None:
    sent = '{"n": [18446744073709551615, -9223372036854775808, 1.7976931348623157e308]}'

    (event,) = read_body(sent.encode(), JSON_TYPE).items

    assert event == {"n": [2**64 - 1, -(2**63), 1.7976931348623157e308]}


def test_a_batch_of_the_most_events_is_taken() -> None:
    body = b"[" + b",".join([b"{}"] * MAX_EVENTS) + b"]"

    assert len(read_body(body, JSON_TYPE).items) == MAX_EVENTS


def test_an_event_of_the_most_bytes_is_taken() -> None:
    frame = b'{"a":""}'
    body = b'{"a":"' + b"x" * (MAX_EVENT - len(frame)) + b'"}'

    assert read_body(body, JSON_TYPE).single


def test_a_body_of_the_most_bytes_is_taken() -> None:
    assert read_body(b"{}".ljust(MAX_BODY), JSON_TYPE).single


def test_an_event_of_the_most_levels_is_taken() -> None:
    body = b'{"a":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}"

    assert read_body(body, JSON_TYPE).single


# ── what is refused as a whole ───────────────────────────────────────────────


@pytest.mark.parametrize(
    "body",
    ["", "{", "hello", "{'action': 'a'}", '{"action": "a",}', '{"a": NaN}', '{"a": 1e999, "b": Infinity}', "\ufeff{}"],
)
def test_what_is_no_json_is_malformed(body: str) -> None:
    error = refused(body)

    assert isinstance(error, MalformedBody)
    assert "not JSON" in error.detail


@pytest.mark.parametrize("body", [b"\xff", b'{"a": "\xed\xa0\x80"}', b'{"n": 1e999, "a": "\xff"}'])
def test_what_is_no_utf_8_is_malformed(body: bytes) -> None:
    assert isinstance(refused(body), MalformedBody)


@pytest.mark.parametrize(("body", "given_type"), [("5", "a number"), ('"x"', "a string"), ("null", "null")])
def test_what_is_no_object_says_what_it_is(body: str, given_type: str) -> None:
    error = refused(body)

    assert paths(error) == [""]
    assert given_type in error.detail


def test_a_number_of_400_digits_alone_is_no_event() -> None:
    assert "a number" in refused("9" * 400).detail


@pytest.mark.parametrize(("body", "content_type"), [("[]", JSON_TYPE), ("", NDJSON_TYPE), ("\n \n", NDJSON_TYPE)])
def test_an_empty_batch_is_refused(body: str, content_type: str) -> None:
    error = refused(body, content_type)

    assert paths(error) == [""]
    assert "empty" in error.detail


@pytest.mark.parametrize(
    ("body", "content_type"), [(b"[" + b"{}," * 500 + b"{}]", JSON_TYPE), (b"{}\n" * 501, NDJSON_TYPE)]
)
def test_one_event_too_many_is_too_large(body: bytes, content_type: str) -> None:
    error = refused(body, content_type)

    assert isinstance(error, TooLarge)
    assert "501" in error.detail


def test_one_byte_too_many_is_too_large() -> None:
    error = refused(b" " * (MAX_BODY + 1))

    assert isinstance(error, TooLarge)
    assert f"{MAX_BODY + 1:,}" in error.detail


def test_an_event_of_one_byte_too_many_is_too_large() -> None:
    frame = b'{"a":""}'

    error = refused(b'{"a":"' + b"x" * (MAX_EVENT - len(frame) + 1) + b'"}')

    assert isinstance(error, TooLarge)
    assert f"{MAX_EVENT + 1:,}" in error.detail


# ── what is wrong in an event ────────────────────────────────────────────────


@pytest.mark.parametrize(("opening", "closing", "path"), [("[", "]", "a[0][0]"), ('{"b":', "}", "a.b.b")])
@pytest.mark.parametrize("levels", [MAX_DEPTH, 1_000])
@pytest.mark.parametrize("innermost", ["0", r'"\u0000"'])
def test_an_event_that_nests_too_deeply_says_where(
    opening: str, closing: str, path: str, levels: int, innermost: str
) -> None:
    error = refused('{"a":' + opening * levels + innermost + closing * levels + "}")

    assert "deeper than 64 levels" in error.detail
    assert paths(error)[0].startswith(path)


@pytest.mark.parametrize("opening", ["[", '{"b":'])
@pytest.mark.parametrize("first", ["", '"n": 1e999, '])
def test_an_event_that_nests_100_000_deep_is_refused_as_such(opening: str, first: str) -> None:
    error = refused("{" + first + '"a":' + opening * 100_000)

    assert isinstance(error, Invalid)
    assert "nests too deeply" in error.detail


@pytest.mark.parametrize(
    "number",
    [
        "9" * 400,
        "-" + "9" * 400,
        "9" * 5_000,
        "1" + "0" * 400 + ".5",
        "1e400",
        "-1E+0400",
        str(2**64),
        str(-(2**63) - 1),
    ],
)
def test_a_number_that_does_not_fit_is_refused_where_it_stands(number: str) -> None:
    error = refused('{"context": {"list": [1, {"n": ' + number + "}]}}")

    assert paths(error) == ["context.list[1].n"]
    assert "64 bits" in error.detail


@pytest.mark.parametrize(
    ("sent", "stored", "count"),
    [
        ("\\ud800", "\ufffd", 1),
        ("\\uDFFF", "\ufffd", 1),
        ("\\udc00\\ud800", "\ufffd\ufffd", 2),
        ("\\u0000", "\ufffd", 1),
        ("\\u0000\\ud83d\\ude00\\u0000", "\ufffd😀\ufffd", 2),
    ],
)
def test_what_is_no_text_is_replaced_and_counted(sent: str, stored: str, count: int) -> None:
    """Whoever is watched may send it, and must not keep an event out of the log."""
    (event,) = read_body(f'{{"context": {{"agent": "x{sent}"}}}}'.encode(), JSON_TYPE).items

    assert event == {"context": {"agent": f"x{stored}", "_replaced": count}}


def test_what_is_replaced_is_counted_all_over_the_event() -> None:
    body = rb'{"user": {"username": "a\u0000", "b\ud800": [["\u0000"]]}, "action": "login"}'

    (event,) = read_body(body, JSON_TYPE).items

    assert event == {
        "user": {"username": "a\ufffd", "b\ufffd": [["\ufffd"]]},
        "action": "login",
        "context": {"_replaced": 3},
    }


@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]")])
def test_what_is_no_text_is_replaced_at_the_deepest_level_that_is_taken(opening: str, closing: str) -> None:
    levels = MAX_DEPTH - 1  # the event is one itself
    body = f'{{"user": {opening * levels}"\\ud800"{closing * levels}}}'

    (event,) = read_body(body.encode(), JSON_TYPE).items

    assert isinstance(event, dict)
    assert event["context"] == {"_replaced": 1}
    assert orjson.dumps(event["user"]).decode() == f'{opening * levels}"\ufffd"{closing * levels}'


@pytest.mark.parametrize(("before", "count"), [("2", 3), ("0", 1), ("true", 1), ('"2"', 1), ("null", 1)])
def test_what_the_client_has_replaced_is_counted_with_it(before: str, count: int) -> None:
    body = f'{{"context": {{"_replaced": {before}, "m": "\\u0000"}}}}'

    (event,) = read_body(body.encode(), JSON_TYPE).items

    assert event == {"context": {"m": "\ufffd", "_replaced": count}}


def test_names_that_are_alike_once_they_are_replaced_are_both_kept() -> None:
    (event,) = read_body(rb'{"context": {"a\u0000": 1, "a\ud800": 2, "a\ufffd": 3}}', JSON_TYPE).items

    assert event == {"context": {"a\ufffd": 1, "a\ufffd\ufffd": 2, "a\ufffd\ufffd\ufffd": 3, "_replaced": 2}}


@pytest.mark.parametrize("content_type", [JSON_TYPE, NDJSON_TYPE])
def test_an_event_says_nothing_of_what_is_replaced_in_its_neighbours(content_type: str) -> None:
    lines = [r'{"context": {"m": "\u0000"}}', '{"context": {"m": "x"}}']
    body = f"[{','.join(lines)}]" if content_type == JSON_TYPE else "\n".join(lines)

    read = read_body(body.encode(), content_type)

    assert read.items == ({"context": {"m": "\ufffd", "_replaced": 1}}, {"context": {"m": "x"}})


@given(
    st.recursive(
        st.none() | st.integers(0, 9) | st.text('ab":,{}[]\\é', max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab":\\', max_size=3), inner, max_size=3),
        max_leaves=12,
    )
)
def test_no_event_whose_names_stand_once_is_taken_for_one_with_a_name_twice(value: Json) -> None:
    event = {"v": value}
    for text in (json.dumps(event), json.dumps(event, indent=1), json.dumps(event, ensure_ascii=False)):
        assert read_body(text.encode(), JSON_TYPE).items == (event,)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ('{"a": 1, "a": 1}', "a"),
        ('{"context": {"x": {"k": 1, "k": 2}}}', "context.x.k"),
        ('{"context": {"x": [1, {"k" : {}, "j": 1, "k"\n:{}}]}}', "context.x[1].k"),
        ('{"a\\u0062": 1, "ab": 2}', "ab"),
        ('{"context": {"k": 1, "k": 1e400}}', "context.k"),
        ('{"context": {"k": {"j": 1}, "k": {"j": "\\u0000"}}}', "context.k"),
    ],
)
def test_a_name_that_stands_twice_is_refused_with_its_path(body: str, path: str) -> None:
    """The last would win, and the log would not show what another reader of the same text shows."""
    assert path in paths(refused(body))


@pytest.mark.parametrize("content_type", [JSON_TYPE, NDJSON_TYPE])
def test_a_name_that_stands_twice_is_refused_in_its_own_event_of_a_batch(content_type: str) -> None:
    one, other = '{"a": {"b": 1}}', '{"a": {"b": 1, "b": 2}}'
    body = f"[{one},{other}]" if content_type == JSON_TYPE else f"{one}\n{other}"

    first, second = read_body(body.encode(), content_type).items

    assert first == {"a": {"b": 1}}
    assert isinstance(second, Invalid)
    assert paths(second) == ["a.b"]


def test_a_whole_surrogate_pair_is_a_character() -> None:
    (event,) = read_body(b'{"m": "\\ud83d\\ude00"}', JSON_TYPE).items

    assert event == {"m": "😀"}


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    (event,) = read_body(b'{"m": "\\\\u0000"}', JSON_TYPE).items

    assert event == {"m": "\\u0000"}


def test_a_bad_value_is_named_in_a_form_that_can_be_answered() -> None:
    error = refused('{"context": {"\\u0000\\ud800": 1e400}}')

    assert paths(error) == ["context.��"]
    json.dumps(error.problem()).encode()


def test_ten_violations_are_told_in_the_order_of_the_text() -> None:
    error = refused('{"n": [' + ",".join(["1e400"] * 10_000) + "]}")

    assert paths(error) == [f"n[{i}]" for i in range(10)]


def test_a_long_path_is_cut() -> None:
    error = refused('{"' + "k" * 100_000 + '": {"b": 1e400}}')

    assert len(paths(error)[0]) < 250


def test_a_long_key_over_many_values_takes_no_memory_for_their_paths() -> None:
    body = b'{"' + b"k" * 10_000 + b'": [' + b",".join([b"0"] * 150_000) + b"]}"
    tracemalloc.start()

    try:
        refused(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 60_000_000


# ── one bad event of many ────────────────────────────────────────────────────


def test_a_bad_item_of_a_list_is_an_error_in_its_place() -> None:
    body = read_body(b'[{"a": 1}, 5, {"n": 1e400}, {"b": 2}]', JSON_TYPE)

    assert [type(item) for item in body.items] == [dict, Invalid, Invalid, dict]


def test_a_bad_line_is_an_error_in_its_place() -> None:
    body = read_body(b'{"a": 1}\n{"a":\n\xff\n{"b": 2}', NDJSON_TYPE)

    assert [type(item) for item in body.items] == [dict, MalformedBody, MalformedBody, dict]


def test_a_large_event_of_a_batch_is_too_large_alone() -> None:
    body = read_body(orjson.dumps([{"a": "x" * MAX_EVENT}, {"b": 2}]), JSON_TYPE)

    assert [type(item) for item in body.items] == [TooLarge, dict]


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_body_or_an_error_of_ours(body: bytes) -> None:
    for content_type in (JSON_TYPE, NDJSON_TYPE):
        try:
            read_body(body, content_type)
        except TocsinError as error:
            assert 400 <= error.status < 500


# ── values that no JSON can hold, as YAML has them ───────────────────────────


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), 2**64, b"x", {1, 2}, (1,), object()])
def test_a_value_that_json_does_not_have_is_wrong_where_it_stands(value: object) -> None:
    assert [wrong.path for wrong in wrong_values({"a": [0, value]})] == ["a[1]"]


@pytest.mark.parametrize("key", [1, None, True, 1.5, b"x"])
def test_a_key_that_is_no_string_is_wrong(key: object) -> None:
    assert [wrong.path for wrong in wrong_values({"a": {key: 0}})] == [f"a.{key}"]


@given(PLAIN_JSON)
def test_nothing_is_wrong_with_plain_json(value: Json) -> None:
    assert list(wrong_values(value)) == []
