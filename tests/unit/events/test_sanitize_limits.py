"""Depth, width and size are bounded, and what was cut is said where it was cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.events.odd_values import ANYTHING, KEYS, depth, size
from tocsin.events.sanitize import Limits, sanitize

LIMITS = st.builds(
    Limits,
    depth=st.integers(2, 40),
    width=st.integers(1, 20),
    text=st.integers(64, 400),
    key=st.integers(64, 100),
    size=st.integers(2_048, 6_000),
)


# Limits
def test_a_long_string_says_how_much_is_missing():
    copy = sanitize("x" * 40_000)

    assert copy.endswith("x… [cut: 7262 more characters]")
    assert copy.count("x") + 7262 == 40_000


def test_a_string_of_just_the_limit_is_kept():
    assert sanitize("x" * 32_768) == "x" * 32_768


def test_a_long_key_says_how_much_is_missing():
    (key,) = sanitize({"k" * 1_000: 1})

    assert key == "k" * 227 + "… [cut: 773 more characters]"


def test_a_wide_list_says_how_many_items_are_missing():
    assert sanitize(list(range(50)), limits=Limits(width=3)) == [0, 1, "… [cut: 48 more items]"]


def test_a_wide_object_says_how_many_entries_are_missing():
    value = {str(n): n for n in range(50)}

    assert sanitize(value, limits=Limits(width=3)) == {"0": 0, "1": 1, "…": "… [cut: 48 more items]"}


def test_a_list_of_just_the_limit_is_kept():
    assert sanitize([1, 2, 3], limits=Limits(width=3)) == [1, 2, 3]


def test_the_mark_does_not_take_the_place_of_a_key_of_that_name():
    value = {"…": "mine", **{str(n): n for n in range(9)}}

    assert sanitize(value, limits=Limits(width=2)) == {"…": "mine", "… (2)": "… [cut: 9 more items]"}


def test_a_cut_of_a_cut_counts_what_was_missing_before():
    value = sanitize([list(range(5_000)), "x" * 5_000], limits=Limits(width=500, text=1_000))

    copy = sanitize(value, limits=Limits(width=2, text=64))

    assert copy == [[0, "… [cut: 4999 more items]"], "x" * 35 + "… [cut: 4965 more characters]"]


def test_a_cut_of_a_cut_keeps_why_an_iterator_ended():
    value = [1, 2, 3, "… [cut: ConnectionError while reading]"]

    assert sanitize(value, limits=Limits(width=2)) == [1, "… [cut: ConnectionError while reading]"]


def test_where_the_whole_is_too_large_long_strings_are_shortened_first():
    value = {"body": ["x" * 30_000] * 20, "user": {"name": "alice", "groups": ["admins"]}, "numbers": list(range(300))}

    copy = sanitize(value)

    assert (copy["user"], copy["numbers"]) == (value["user"], value["numbers"])
    assert len(copy["body"]) == 20
    assert all(" more characters]" in text for text in copy["body"])


def test_one_swollen_branch_does_not_push_out_what_stands_behind_it():
    value = {"rows": [[["z" * 300] * 100] * 100] * 10, "user": {"name": "alice", "on": {"behalf": {"of": "bob"}}}}

    copy = sanitize(value)

    assert copy["user"] == value["user"]


def test_the_room_is_used_where_something_has_to_be_cut():
    assert size(sanitize(["x" * 30_000] * 20)) > 100_000


def test_control_characters_count_as_what_json_makes_of_them():
    assert size(sanitize(["\x01" * 30_000] * 30)) <= 200_000


@given(ANYTHING, LIMITS)
def test_every_limit_is_held_for_anything(value, limits):
    copy = sanitize(value, limits=limits)

    assert size(copy) <= limits.size
    assert depth(copy) <= limits.depth
    pending = [copy]
    for part in pending:
        if isinstance(part, str):
            assert len(part) <= limits.text
        if isinstance(part, dict):
            assert max(map(len, part), default=0) <= limits.key
            pending.extend(part.values())
        if isinstance(part, list):
            pending.extend(part)
        if isinstance(part, list | dict):
            assert len(part) <= limits.width


@given(ANYTHING, LIMITS)
def test_sanitizing_twice_is_sanitizing_once(value, limits):
    copy = sanitize(value, limits=limits)

    assert sanitize(copy, limits=limits) == copy


@given(st.dictionaries(KEYS, ANYTHING), LIMITS)
def test_a_dict_gives_a_dict(value, limits):
    assert type(sanitize(value, limits=limits)) is dict


@pytest.mark.parametrize(
    "limit", [{"depth": 1}, {"depth": 101}, {"width": 0}, {"text": 63}, {"key": 63}, {"size": 2_047}]
)
def test_limits_without_room_for_a_mark_are_refused(limit):
    with pytest.raises(ValueError, match=next(iter(limit))):
        Limits(**limit)


@pytest.mark.parametrize(
    ("value", "copy"),
    [({"a": 1}, {"…": "… [cut: no memory left to read it]"}), ([1], "… [cut: no memory left to read it]")],
)
def test_without_stack_or_memory_there_is_still_a_copy(value, copy, monkeypatch):
    def exhausted(walk, value):
        raise RecursionError

    monkeypatch.setattr("tocsin.events.sanitize._Walk.copy", exhausted)

    assert sanitize(value) == copy
