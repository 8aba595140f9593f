"""Hourly counts stay right when a run dies, meets another, or has an event come in the middle."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.conftest import RECORDER
from tests.integration.events.rolled_up import (
    FIRST,
    NOW,
    SHORT,
    Crash,
    Overtaken,
    Tapped,
    catch_up,
    counted,
    crash,
    event_at,
    some_events,
    store,
    there,
    wrong_hours,
)
from tocsin.events.model import Event
from tocsin.events.search import rollups
from tocsin.events.search.rollup_hours import HOUR, HOUR_FORMAT, hour_of
from tocsin.events.search.rollups import Rollups
from tocsin.events.store import event_key
from tocsin.ids import id_time


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_write_of_a_run_leaves_no_wrong_count_and_is_made_good(stack: Any, after: bool) -> None:
    events = some_events(40)
    store(stack, events)
    late = event_at(FIRST + timedelta(minutes=1), "late")
    step = 0
    while True:
        _forget(stack)
        catch_up(stack.dynamodb, NOW - timedelta(minutes=50))
        store(stack, [late])
        Rollups(stack.dynamodb, "events").mark([late.id])
        step += 1
        client = Tapped(stack.dynamodb, crash, step, after=after, writes=True)
        try:
            catch_up(client)
        except Crash:
            assert not wrong_hours(stack), f"after a crash at write {step}"
        else:
            break
        catch_up(stack.dynamodb)
        assert counted(stack) == there(stack), f"after a crash at write {step}"
    assert step > 8


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_call_of_marking_is_made_good_by_the_replay(stack: Any, after: bool) -> None:
    store(stack, some_events(20))
    catch_up(stack.dynamodb)
    crashes = 0
    for step in range(1, 6):
        late = event_at(FIRST + timedelta(minutes=step), f"late{step}")
        store(stack, [late])
        client = Tapped(stack.dynamodb, crash, step, after=after)
        try:
            Rollups(client, "events").mark([late.id])
        except Crash:
            crashes += 1
            catch_up(stack.dynamodb)
            Rollups(stack.dynamodb, "events").mark([late.id])
        catch_up(stack.dynamodb)

        assert counted(stack) == there(stack)
    assert crashes >= (2 if after else 3)  # nothing comes after a call that is refused


def test_an_event_that_comes_at_any_moment_of_a_count_is_not_lost(stack: Any) -> None:
    """Between any two calls of a run an event is stored and marked, or stored now and marked after the run."""
    two_hours = timedelta(minutes=30)
    store(stack, [each for each in some_events(20) if id_time(each.id) >= hour_of(FIRST) + HOUR])
    for marked_at_once in (True, False):
        step = 0
        while True:
            step += 3  # the sixteen queries of an hour are alike
            _forget(stack)
            late = event_at(hour_of(FIRST) + HOUR, f"late{step}")

            def arrive(late: Event = late, now: bool = marked_at_once) -> None:
                with RECORDER.aside():
                    store(stack, [late])
                    if now:
                        Rollups(stack.dynamodb, "events").mark([late.id])

            client = Tapped(stack.dynamodb, arrive, step)
            catch_up(client, history=two_hours)
            if client.calls < step:
                break
            if not marked_at_once:
                Rollups(stack.dynamodb, "events").mark([late.id])
            assert not wrong_hours(stack), f"arrived before call {step}"
            catch_up(stack.dynamodb, history=two_hours)
            assert counted(stack) == there(stack), f"arrived before call {step}"
            stack.dynamodb.delete_item(TableName="events", Key=event_key(late.id))


def test_two_runs_at_once_agree(stack: Any) -> None:
    store(stack, some_events(40))
    step = 0
    while True:
        step += 7
        _forget(stack)
        client = Tapped(stack.dynamodb, lambda: catch_up(stack.dynamodb, NOW + timedelta(minutes=3)), step)

        catch_up(client)

        assert not wrong_hours(stack)
        if client.calls < step:
            break
        catch_up(stack.dynamodb, NOW + timedelta(minutes=4))
        assert not wrong_hours(stack)


def test_a_run_that_has_no_more_time_at_any_moment_leaves_the_rest_to_the_next(
    stack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "_SLICE", 3)  # an hour is read in several steps
    store(stack, some_events(40))
    # At the end of its day: what is before it of the way back is counted by the hour.
    early, late = event_at(hour_of(NOW) - timedelta(days=1, hours=12.5)), event_at(FIRST + timedelta(minutes=1), "late")
    store(stack, [early])

    def lately() -> Counter[Any]:
        return Counter({of: number for of, number in there(stack).items() if of[0] >= hour_of(NOW - SHORT)})

    looks, parts = -1, set()
    while True:
        _forget(stack)
        catch_up(stack.dynamodb, NOW - timedelta(minutes=50))
        store(stack, [late])
        Rollups(stack.dynamodb, "events").mark([late.id, early.id])
        looks += 1
        left = iter([True] * looks)

        run = Rollups(stack.dynamodb, "events").catch_up(NOW, has_time=lambda: next(left, False), history=SHORT)  # noqa: B023

        assert not wrong_hours(stack), f"after {looks} looks at the time"
        if not run.left:
            break
        parts.add(Rollups(stack.dynamodb, "events").known(FIRST, FIRST).of(hour_of(FIRST)).covered - hour_of(FIRST))
        catch_up(stack.dynamodb)
        assert counted(stack) == lately(), f"after {looks} looks at the time"
    assert looks > 5
    assert any(timedelta(0) < part < HOUR for part in parts), "none ended within an hour"
    assert counted(stack) == lately()


@pytest.mark.parametrize("has_time", [True, False])
@pytest.mark.parametrize("ago", [timedelta(0), timedelta(hours=1), timedelta(days=2)], ids=["now", "late", "long ago"])
def test_an_hour_in_which_events_come_faster_than_they_are_counted_is_left_to_the_next_run(
    stack: Any, ago: timedelta, has_time: bool
) -> None:
    busy = hour_of(NOW) - ago
    store(stack, some_events(10))
    catch_up(stack.dynamodb, NOW - timedelta(minutes=20))

    def another() -> None:
        late = event_at(busy, f"late{client.times}")
        store(stack, [late])
        Rollups(stack.dynamodb, "events").mark([late.id])

    client = Overtaken(stack.dynamodb, "SET counts", another, sk=f"{busy:{HOUR_FORMAT}}")
    another()

    run = Rollups(client, "events").catch_up(NOW, has_time=lambda: has_time or not client.times, history=SHORT)

    assert run.left > 0
    assert not wrong_hours(stack)
    assert client.times in ({3, 6} if has_time else {1})
    known_from = Rollups(stack.dynamodb, "events").known(NOW, NOW).known_from
    assert known_from is not None
    assert known_from > busy or ago < SHORT
    catch_up(stack.dynamodb)
    counts = Rollups(stack.dynamodb, "events").known(busy, busy + HOUR).of(busy).counts
    assert len([action for action in counts if action.startswith("late")]) == client.times + 1


@pytest.mark.parametrize("has_time", [True, False])
def test_a_run_whose_clock_is_behind_has_nothing_to_count_and_changes_nothing(stack: Any, has_time: bool) -> None:
    store(stack, some_events(20))
    catch_up(stack.dynamodb)
    before = counted(stack)

    run = Rollups(stack.dynamodb, "events").catch_up(NOW - timedelta(hours=1), has_time=lambda: has_time, history=SHORT)

    assert (run.hours, run.events, run.left) == (0, 0, 0)
    assert counted(stack) == before == there(stack)


def _forget(stack: Any) -> None:
    """As if no roll-up had ever been made."""
    stack.put_back("events", [item for item in stack.items("events") if not item["pk"]["S"].startswith("rollup#")])
