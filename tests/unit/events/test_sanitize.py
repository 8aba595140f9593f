"""Whatever goes in, what comes out is JSON of bounded depth, width and size, and says where it was cut."""

import json
import math
from collections import UserDict, deque
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.events.odd_values import ANYTHING, Raising, Word, depth, size
from tocsin.events.sanitize import Limits, sanitize

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    # Neither NUL nor surrogates: what is JSON already.
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8), inner)
    ),
    max_leaves=20,
)


class RaisingMapping(UserDict):
    def __iter__(self):
        yield from ["a", "b"]
        raise LookupError("no more keys")


class StrangeMeta(type):
    @property
    def __name__(cls):
        raise ValueError("no name")


class Strange(metaclass=StrangeMeta):
    def __str__(self):
        raise ValueError("no text")


class LyingClass:
    @property
    def __class__(self):
        raise ValueError("no class")


def nested(kind: type, levels: int) -> object:
    value: object = "core"
    for _ in range(levels):
        value = {"a": value} if kind is dict else kind([value])
    return value


# What is JSON already
@given(JSON)
def test_json_is_copied_as_it_is(value):
    assert sanitize(value) == value


def test_the_copy_shares_no_container_with_the_original():
    original = {"list": [1], "object": {}}

    copy = sanitize(original)
    original["list"].append(2)

    assert copy == {"list": [1], "object": {}}


def test_falsy_items_of_a_list_are_kept():
    assert sanitize([0, "", None, False, [], {}, 0.0]) == [0, "", None, False, [], {}, 0.0]


def test_the_order_of_keys_is_kept_across_scalars_and_containers():
    assert list(sanitize({"z": [1], "a": 1, "m": {"x": 1}, "b": 2})) == ["z", "a", "m", "b"]


def test_a_value_that_is_shared_but_not_cyclic_is_copied_at_each_place():
    shared = [1]

    assert sanitize({"a": shared, "b": shared}) == {"a": [1], "b": [1]}


# Numbers
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity")]
)
def test_what_json_has_no_number_for_is_null(value):
    assert sanitize([value]) == [None]


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63)])
def test_an_integer_of_64_bits_stays_a_number(value):
    assert sanitize(value) == value


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**400])
def test_a_greater_integer_becomes_its_digits(value):
    assert sanitize(value) == str(value)


def test_an_integer_that_python_would_not_write_in_decimal_becomes_hexadecimal():
    assert sanitize(16**5_000) == "0x1" + "0" * 5_000


def test_the_sign_of_zero_is_kept():
    assert math.copysign(1, sanitize(-0.0)) == -1


# Strings, bytes and keys
def test_nul_characters_are_replaced():
    assert sanitize({"a\0b": "c\0\0d"}) == {"a\ufffdb": "c\ufffd\ufffdd"}


def test_lone_surrogates_are_replaced_in_values_and_keys():
    assert sanitize({"\udc00k": "a\ud800b é"}) == {"\ufffdk": "a\ufffdb é"}


@pytest.mark.parametrize("value", [b"caf\xc3\xa9", bytearray(b"caf\xc3\xa9"), memoryview(b"caf\xc3\xa9")])
def test_bytes_in_utf8_become_their_text(value):
    assert sanitize(value) == "café"


def test_other_bytes_become_base64():
    assert sanitize(b"\xff\x00\x10") == "/wAQ"


@pytest.mark.parametrize(
    ("key", "name"),
    [
        *((None, "null"), (True, "true"), (7, "7"), (1.5, "1.5"), (2**70, str(2**70)), (Word.YES, "yes")),
        *((b"k", "k"), ((1, "a"), "(1, 'a')"), (UUID(int=5), f"{5:032x}"), (date(2026, 1, 2), "2026-01-02")),
    ],
)
def test_a_key_that_is_no_string_becomes_one(key, name):
    assert sanitize({key: 1}) == {name: 1}


def test_keys_that_come_out_alike_are_kept_apart():
    assert sanitize({1: "a", "1": "b", "1\0": "c", "1\ud800": "d", "1 (2)": "e"}) == {
        "1": "a",
        "1 (2)": "b",
        "1\ufffd": "c",
        "1\ufffd (2)": "d",
        "1 (2) (2)": "e",
    }


def test_keys_that_are_alike_once_cut_are_kept_apart_within_the_limit():
    keys = sanitize({"k" * 300 + str(n): n for n in range(20)})

    assert len(keys) == 20
    assert max(map(len, keys)) <= 256


def test_a_key_that_cannot_be_read_is_marked():
    assert sanitize({Raising(): 1}) == {"… [unreadable: Raising raised ValueError]": 1}


# What raises, and what never ends
@pytest.mark.parametrize("kind", ["Raising", "Strange"])
def test_an_object_that_raises_is_marked_as_unreadable(kind):
    value = {"Raising": Raising, "Strange": Strange}[kind]()

    assert sanitize([value, 1]) == [f"… [unreadable: {kind} raised ValueError]", 1]


def test_an_object_that_lies_about_its_class_is_taken_for_what_it_is():
    assert sanitize(LyingClass()) == f"<{__name__}.LyingClass>"


def test_what_an_iterator_gave_before_it_raised_is_kept():
    def failing() -> Iterator[int]:
        yield 1
        yield 2
        raise ConnectionError("gone")

    assert sanitize({"rows": failing(), "user": "alice"}) == {
        "rows": [1, 2, "… [cut: ConnectionError while reading]"],
        "user": "alice",
    }


def test_what_a_mapping_gave_before_it_raised_is_kept():
    assert sanitize(RaisingMapping(a=1, b=2)) == {"a": 1, "b": 2, "…": "… [cut: LookupError while reading]"}


def test_an_endless_iterator_is_cut():
    def endless() -> Iterator[int]:
        while True:
            yield 7

    assert sanitize(endless(), limits=Limits(width=4)) == [7, 7, 7, "… [cut: more items]"]


def test_endless_iterators_of_endless_iterators_are_cut():
    def endless() -> Iterator[object]:
        while True:
            yield endless()

    assert size(sanitize(endless(), limits=Limits(size=3_000))) <= 3_000


@pytest.mark.parametrize(("key", "cyclic"), [(0, [None]), ("self", {"self": None})])
def test_a_cycle_is_marked(key, cyclic):
    cyclic[key] = [1, cyclic]

    assert sanitize(cyclic)[key] == [1, "… [cut: contains itself]"]


@pytest.mark.parametrize("kind", [list, tuple, dict, deque])
def test_ten_thousand_levels_are_cut_at_the_depth(kind):
    copy = sanitize(nested(kind, 10_000))

    assert depth(copy) == 32
    assert "… [cut: nested too deeply]" in json.dumps(copy, ensure_ascii=False)


def test_a_value_at_the_deepest_level_is_kept():
    assert sanitize(nested(list, 32)) == nested(list, 32)


def test_a_value_that_multiplies_by_sharing_is_cut():
    value: object = "ha"
    for _ in range(40):
        value = [value] * 10

    assert size(sanitize(value, limits=Limits(size=5_000))) <= 5_000


@given(ANYTHING)
def test_anything_becomes_json_that_reads_back_as_it_was(value):
    copy = sanitize(value)

    assert json.loads(json.dumps(copy, ensure_ascii=False, allow_nan=False).encode()) == copy
