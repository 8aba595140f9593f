"""Moments as bounds on ids, and where an event's partition is."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tocsin.events.search.reader import bucket_of
from tocsin.events.search.timeline import AFTER, Budget, time_of
from tocsin.events.store import SHARDS, event_key, partition
from tocsin.ids import first_id, id_time, new_id, parse_id

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
)


@given(MOMENTS)
def test_a_bound_lies_at_or_below_every_id_of_its_moment_and_above_all_before(moment: datetime) -> None:
    earlier = max(moment - timedelta(milliseconds=1), datetime(1970, 1, 1, tzinfo=UTC))

    assert first_id(moment) <= new_id(moment)
    assert earlier == moment or new_id(earlier) < first_id(moment)
    assert id_time(parse_id(first_id(moment))) == moment


@given(MOMENTS)
def test_what_is_after_an_id_is_above_it_and_below_the_next(moment: datetime) -> None:
    first, second = new_id(moment), new_id(moment)

    assert first < first + AFTER < second
    assert time_of(first + AFTER) == time_of(first) == moment


@given(MOMENTS)
def test_an_event_lies_in_one_of_its_days_partitions(moment: datetime) -> None:
    key = event_key(new_id(moment))

    assert key["pk"]["S"] in {partition(moment, shard) for shard in range(SHARDS)}


@given(MOMENTS, st.integers(1, 24 * 90))
def test_a_bucket_begins_at_or_before_what_is_in_it(moment: datetime, hours: int) -> None:
    width = timedelta(hours=hours)

    start = bucket_of(moment, width)

    assert start <= moment < start + width
    assert bucket_of(start, width) == start


def test_buckets_of_six_hours_begin_at_midnight() -> None:
    assert bucket_of(datetime(2026, 11, 23, 5, 59, tzinfo=UTC), timedelta(hours=6)).hour == 0


def test_a_budget_is_used_up_by_items_queries_size_or_time() -> None:
    clock = iter([0.0, 1.0, 7.0])
    late = Budget(clock=lambda: next(clock))
    read = Budget(items=2)
    large = Budget(size=5)
    busy = Budget(queries=1)

    read.spend([{}, {}])
    large.spend([{"event": {"S": "123456"}}])
    busy.spend([])

    assert [late.is_used_up, late.is_used_up] == [False, True]
    assert read.is_used_up
    assert large.is_used_up
    assert busy.is_used_up
