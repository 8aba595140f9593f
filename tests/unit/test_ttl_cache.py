"""What a process remembers is bounded in age, by the wall clock, and in number."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.clocks import Clock
from tocsin.ttl_cache import TTLCache

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
TTL = timedelta(seconds=4)


@pytest.fixture
def clock() -> Clock[datetime]:
    return Clock(START)


@pytest.fixture
def cache(clock: Clock[datetime]) -> TTLCache[str, int | None]:
    return TTLCache(TTL, most=3, clock=clock)


def value_of(cache: TTLCache[str, int | None], key: str) -> int | None:
    held = cache.get(key)
    assert held is not None
    return held.value


def counting() -> tuple[list[int], Callable[[], int]]:
    """Values that are read, and what reads the next one."""
    read: list[int] = []

    def next_value() -> int:
        read.append(len(read))
        return read[-1]

    return read, next_value


@pytest.mark.parametrize("age", [timedelta(0), timedelta(seconds=3.999)])
def test_a_value_is_held_for_less_than_its_time(
    cache: TTLCache[str, int | None], clock: Clock[datetime], age: timedelta
) -> None:
    cache.put("a", 1)

    clock.now += age

    assert value_of(cache, "a") == 1


@pytest.mark.parametrize("jump", [TTL, timedelta(days=3), timedelta(microseconds=-1), timedelta(days=-3)])
def test_a_value_is_too_old_when_the_clock_jumps_either_way(
    cache: TTLCache[str, int | None], clock: Clock[datetime], jump: timedelta
) -> None:
    cache.put("a", 1)

    clock.now += jump

    assert cache.get("a") is None
    assert cache.get_many(["a"]) == {}


def test_a_value_that_is_put_again_is_held_from_then_on(
    cache: TTLCache[str, int | None], clock: Clock[datetime]
) -> None:
    cache.put("a", 1)
    clock.now += timedelta(seconds=3)
    cache.put("a", 2)

    clock.now += timedelta(seconds=3)

    assert value_of(cache, "a") == 2


def test_none_is_a_value_that_is_held(cache: TTLCache[str, int | None]) -> None:
    cache.put("a", None)

    assert value_of(cache, "a") is None
    assert cache.get("b") is None
    assert cache.get_many(["a", "b"]) == {"a": None}


def test_a_value_is_read_where_none_is_held_and_not_again(
    cache: TTLCache[str, int | None], clock: Clock[datetime]
) -> None:
    read, next_value = counting()

    first, second = cache.get_or_read("a", next_value), cache.get_or_read("a", next_value)
    clock.now += TTL
    third = cache.get_or_read("a", next_value)

    assert (first, second, third) == (0, 0, 1)
    assert read == [0, 1]


def test_what_can_not_be_read_is_not_held(cache: TTLCache[str, int | None]) -> None:
    def fail() -> int:
        raise ValueError

    with pytest.raises(ValueError):
        cache.get_or_read("a", fail)

    assert cache.get("a") is None


def test_a_value_can_be_forgotten(cache: TTLCache[str, int | None]) -> None:
    cache.put("a", 1)

    cache.forget("a")
    cache.forget("b")

    assert cache.get("a") is None


def test_there_are_never_more_values_than_it_may_have(cache: TTLCache[str, int | None]) -> None:
    for number in range(100):
        cache.put(str(number), number)
        assert len(cache) <= 3

    assert value_of(cache, "99") == 99


def test_a_value_that_replaces_another_needs_no_room(cache: TTLCache[str, int | None]) -> None:
    for key in "abc":
        cache.put(key, 1)

    cache.put("b", 2)

    assert cache.get_many("abc") == {"a": 1, "b": 2, "c": 1}


def test_nothing_is_held_for_no_time(clock: Clock[datetime]) -> None:
    cache: TTLCache[str, int] = TTLCache(timedelta(0), clock=clock)

    assert cache.put("a", 1) == 1

    assert cache.get("a") is None
    assert len(cache) == 0
