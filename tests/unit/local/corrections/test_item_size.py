"""How large DynamoDB finds an item."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ministack.services import dynamodb as ministack

from local.corrections.item_size import item_bytes, number_bytes, read_units, value_bytes, write_units


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": ""}, 0),
        ({"S": "abc"}, 3),
        ({"S": "ä"}, 2),
        ({"S": "\U0001f600"}, 4),
        ({"B": b"abc"}, 3),
        ({"B": "YWJj"}, 3),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"SS": ["a", "bc"]}, 3),
        ({"NS": ["1", "23"]}, 4),
        ({"L": []}, 3),
        ({"L": [{"S": "a"}, {"S": "b"}]}, 7),
        ({"M": {}}, 3),
        ({"M": {"a": {"S": "b"}}}, 6),
        ({"M": {"a": {"L": [{"N": "1"}]}}}, 11),
    ],
)
def test_a_values_size_is_that_of_its_content_and_of_what_is_around_it(value, size):
    assert value_bytes(value) == size


@pytest.mark.parametrize(
    ("number", "size"),
    [
        ("0", 1),
        ("-0.0", 1),
        ("1", 2),
        ("-1", 3),
        ("12", 2),
        ("123", 3),
        ("1200", 2),
        ("120", 3),
        ("0.12", 2),
        ("0.012", 3),
        ("1e100", 2),
        ("9" * 38, 20),
        ("9" * 37, 20),
    ],
)
def test_a_number_takes_a_byte_for_two_digits_and_one_more(number, size):
    assert number_bytes(number) == size


numbers = st.decimals(allow_nan=False, allow_infinity=False, places=None).map(str).filter(lambda n: len(n) < 30)


@given(numbers)
def test_numbers_have_the_size_that_ministack_finds_too(number):
    assert number_bytes(number) == ministack._number_size_bytes(number)


text = st.text(max_size=20)
values = st.recursive(
    st.one_of(
        text.map(lambda content: {"S": content}),
        st.integers().map(lambda number: {"N": str(number)}),
        st.booleans().map(lambda flag: {"BOOL": flag}),
        st.just({"NULL": True}),
        st.sets(text, min_size=1, max_size=3).map(lambda texts: {"SS": sorted(texts)}),
    ),
    lambda children: st.one_of(
        st.lists(children, max_size=3).map(lambda members: {"L": members}),
        st.dictionaries(text, children, max_size=3).map(lambda members: {"M": members}),
    ),
    max_leaves=20,
)


@given(st.dictionaries(text, values, max_size=5))
def test_items_have_the_size_that_ministack_finds_too(item):
    assert item_bytes(item) == ministack._item_size_bytes(item)


def test_a_write_costs_the_larger_of_both_sizes_in_started_kibibytes():
    small, large = {"pk": {"S": "a"}}, {"pk": {"S": "a" * 1023}}

    assert write_units(None, small) == 1
    assert write_units(small, large) == write_units(large, None) == 2
    assert write_units(None, None) == 1


def test_a_read_that_need_not_be_consistent_costs_half():
    assert read_units(0, consistent=False) == 0.5
    assert read_units(4097, consistent=True) == 2
