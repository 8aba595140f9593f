"""Allowances of capacity units."""

import pytest

from local.corrections.capacity import Capacity, Throttle, Use
from tests.clocks import Clock


@pytest.fixture
def clock():
    return Clock(100.0)


@pytest.fixture
def capacity(clock):
    return Capacity(clock)


def use(units=1.0, *, table="events", index=None, partition="a", kind="Write"):
    return Use(table, index, partition, kind, units)


def taken(capacity, *uses):
    """Whether each of these uses is taken, one after the other."""
    found = []
    for each in uses:
        found.append(capacity.refuses([each]) is None)
        if found[-1]:
            capacity.charge([each])
    return found


def test_without_a_limit_everything_is_taken(capacity):
    assert taken(capacity, *[use(1_000_000)] * 3) == [True] * 3


def test_a_partition_takes_a_seconds_worth_and_then_its_rate(capacity, clock):
    capacity.throttles.append(Throttle("events", writes_per_s=2))

    assert taken(capacity, *[use()] * 3) == [True, True, False]
    clock.now += 0.5
    assert taken(capacity, *[use()] * 2) == [True, False]
    clock.now += 60
    assert taken(capacity, *[use()] * 3) == [True, True, False]


def test_what_overdraws_an_allowance_is_taken_and_paid_off(capacity, clock):
    capacity.throttles.append(Throttle("events", writes_per_s=10))

    assert taken(capacity, use(100), use()) == [True, False]
    clock.now += 9
    assert taken(capacity, use()) == [False]
    clock.now += 0.1
    assert taken(capacity, use()) == [True]


def test_partitions_tables_indexes_and_reads_have_allowances_of_their_own(capacity):
    capacity.throttles += [
        Throttle("events", writes_per_s=1, reads_per_s=1),
        Throttle("*", index="by-*", writes_per_s=1),
    ]

    taken(capacity, use(), use(index="by-user"))

    assert taken(capacity, use(), use(index="by-user")) == [False, False]
    assert taken(capacity, use(partition="b"), use(table="config"), use(kind="Read")) == [True] * 3
    assert taken(capacity, use(index="by-ip"), use(index="other"), use(index="other")) == [True] * 3


def test_a_limit_of_the_whole_is_shared_by_its_partitions(capacity):
    capacity.throttles.append(Throttle("events", per_partition=False, writes_per_s=1))

    assert taken(capacity, use(partition="a"), use(partition="b")) == [True, False]


def test_a_limit_can_be_for_some_partitions(capacity):
    capacity.throttles.append(Throttle("events", partition="hot*", writes_per_s=1))

    assert taken(capacity, *[use(partition="hot-1")] * 2, *[use()] * 2) == [True, False, True, True]


@pytest.mark.parametrize(
    ("throttle", "wanted", "reason"),
    [
        (Throttle("*", writes_per_s=0), use(), "TableWriteKeyRangeThroughputExceeded"),
        (Throttle("*", reads_per_s=0), use(kind="Read"), "TableReadKeyRangeThroughputExceeded"),
        (Throttle("*", index="*", writes_per_s=0), use(index="i"), "IndexWriteKeyRangeThroughputExceeded"),
        (Throttle("*", per_partition=False, writes_per_s=0), use(), "TableWriteAccountLimitExceeded"),
    ],
)
def test_a_refusal_has_the_reason_that_aws_gives_and_is_counted(capacity, throttle, wanted, reason):
    capacity.throttles.append(throttle)

    refused = capacity.refuses([wanted])

    assert (refused.reason, refused.use, throttle.hits) == (reason, wanted, 1)


def test_limits_can_be_taken_back(capacity):
    capacity.throttles.append(Throttle("*", writes_per_s=0))

    capacity.forget()

    assert capacity.refuses([use()]) is None
