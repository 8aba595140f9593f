"""What a read that is behind sees."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.corrections.late_reads import LateReads
from local.corrections.late_tables import LateTables
from tests.clocks import Clock


@pytest.fixture
def clock():
    return Clock(100.0)


@pytest.fixture
def reads(clock):
    return LateReads(clock, bound_s=10.0)


def test_within_half_the_bound_no_read_sees_a_write(reads, clock):
    reads.wrote("t", "k", "old")
    clock.now += 4.9

    assert [reads.seen_instead("t") for _ in range(50)] == [{"k": "old"}] * 50


def test_between_half_the_bound_and_the_bound_some_reads_see_it_and_later_ones_may_not(reads, clock):
    reads.wrote("t", "k", "old")
    clock.now += 7.5

    seen = ["k" not in reads.seen_instead("t") for _ in range(50)]

    assert {True, False} == set(seen)
    assert (True, False) in set(pairwise(seen))


def test_after_the_bound_every_read_sees_it(reads, clock):
    reads.wrote("t", "k", "old")
    clock.now += 10

    assert [reads.seen_instead("t") for _ in range(50)] == [{}] * 50


def test_of_several_writes_a_read_sees_the_state_before_the_first_that_it_misses(reads, clock):
    reads.wrote("t", "k", None)
    clock.now += 11
    reads.wrote("t", "k", "first")
    reads.wrote("t", "k", "second")
    reads.wrote("t", "other", None)

    assert reads.seen_instead("t") == {"k": "first", "other": None}


def test_other_tables_are_not_behind(reads):
    reads.wrote("t", "k", "old")

    assert reads.seen_instead("u") == {}


def test_without_a_bound_nothing_is_late(clock):
    reads = LateReads(clock)

    reads.wrote("t", "k", "old")

    assert reads.seen_instead("t") == {}


def test_replicas_can_be_let_catch_up(reads):
    reads.wrote("t", "k", "old")

    reads.catch_up()

    assert reads.seen_instead("t") == {}


def test_the_same_seed_gives_the_same_lateness():
    def seen(seed):
        clock = Clock(100.0)
        reads = LateReads(clock, bound_s=10, seed=seed)
        reads.wrote("t", "k", "old")
        clock.now += 7.5
        return [len(reads.seen_instead("t")) for _ in range(30)]

    assert seen(1) == seen(1) != seen(2)


steps = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from([None, "x", "y"]), st.floats(0, 3)), min_size=1, max_size=12
)


def set_item(table, hash_value, range_value, item):
    """As the emulator's own: gives what was there before."""
    before = table["items"].get((hash_value, range_value))
    table["items"][hash_value, range_value] = item
    return before


def remove_item(table, hash_value, range_value):
    return table["items"].pop((hash_value, range_value), None)


@given(steps)
def test_a_late_read_sees_a_state_that_there_was_and_leaves_the_present_as_it_is(writes):
    clock = Clock(100.0)
    table = {"TableArn": "t", "items": {}}
    late = LateTables(
        LateReads(clock, bound_s=4), set_item=set_item, remove_item=remove_item, table_named=lambda _name: table
    )
    states = [{}]
    for key, value, pause in writes:
        if value is None:
            late.remove_item(table, key, "1")
        else:
            late.set_item(table, key, "1", {"value": value})
        states.append(dict(table["items"]))
        seen = late.reading(lambda _request: dict(table["items"]))({"TableName": "t"})
        consistent = late.reading(lambda _request: dict(table["items"]))({"TableName": "t", "ConsistentRead": True})
        assert seen in states
        assert consistent == table["items"] == states[-1]
        clock.now += pause
