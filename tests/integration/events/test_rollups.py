"""Hourly counts equal the events, whatever is replayed, comes late, or dies in the middle."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.events.rolled_up import (
    FIRST,
    NOW,
    SHORT,
    catch_up,
    counted,
    event_at,
    some_events,
    store,
    there,
    wrong_hours,
)
from tocsin.events.model import Event
from tocsin.events.search.query import Search
from tocsin.events.search.reader import LogReader
from tocsin.events.search.rollup_hours import HOUR, hour_of
from tocsin.events.search.rollups import Rollups
from tocsin.events.store import EventStore, event_key
from tocsin.ids import id_time


def records_of(events: list[Event], name: str = "INSERT") -> list[dict[str, Any]]:
    return [
        {"eventName": name, "dynamodb": {"Keys": event_key(each.id), "SequenceNumber": str(number)}}
        for number, each in enumerate(events, 1)
    ]


def test_hours_are_counted_by_action_and_app(stack: Any) -> None:
    store(stack, some_events(200))

    catch_up(stack.dynamodb)

    assert counted(stack) == there(stack)
    assert counted(stack).total() > 150


def test_counting_again_counts_nothing_twice(stack: Any) -> None:
    store(stack, some_events(50))

    for minutes in (0, 0, 1, 2):
        catch_up(stack.dynamodb, NOW + timedelta(minutes=minutes))

    assert not wrong_hours(stack)


def test_the_running_hour_is_counted_on_from_where_it_was(stack: Any) -> None:
    early, later = event_at(NOW - timedelta(minutes=10)), event_at(NOW - timedelta(seconds=30))
    store(stack, [early])
    catch_up(stack.dynamodb)
    store(stack, [later])
    Rollups(stack.dynamodb, "events").mark([later.id])

    catch_up(stack.dynamodb, NOW + timedelta(minutes=5))

    count = Rollups(stack.dynamodb, "events").known(NOW, NOW).of(hour_of(NOW))
    assert count.counts == {"login": {"shop": 2}}
    assert count.covered == NOW + timedelta(minutes=3)


def test_a_late_event_ends_what_its_hour_says_until_it_is_counted_again(stack: Any) -> None:
    store(stack, some_events(50))
    catch_up(stack.dynamodb)
    late = event_at(FIRST + timedelta(minutes=1), "late")
    store(stack, [late])

    Rollups(stack.dynamodb, "events").mark([late.id])
    between = Rollups(stack.dynamodb, "events").known(FIRST, NOW).of(hour_of(FIRST))
    catch_up(stack.dynamodb)

    assert between.covered == hour_of(FIRST)
    assert counted(stack) == there(stack)
    assert counted(stack)[hour_of(FIRST), "late", "shop"] == 1


def test_a_replayed_stream_changes_no_count(stack: Any) -> None:
    events = some_events(60)
    store(stack, events)
    app = stack.function("rollup")
    catch_up(stack.dynamodb)
    before = counted(stack)

    for _ in range(3):
        answer = app.handler({"Records": records_of(events)}, stack.context)
        assert answer == {"batchItemFailures": []}
    catch_up(stack.dynamodb)

    assert counted(stack) == before == there(stack)


def test_a_deleted_event_is_counted_no_longer(stack: Any) -> None:
    events = some_events(60)
    store(stack, events)
    catch_up(stack.dynamodb)
    stack.dynamodb.delete_item(TableName="events", Key=event_key(events[0].id))

    stack.function("rollup").handler({"Records": records_of(events[:1], "REMOVE")}, stack.context)
    catch_up(stack.dynamodb)

    assert counted(stack) == there(stack)


def test_an_expired_event_is_not_counted(stack: Any) -> None:
    store(stack, [event_at(FIRST, expires=NOW - timedelta(minutes=1))])

    catch_up(stack.dynamodb)

    assert not counted(stack)


def test_an_hour_between_those_that_were_counted_had_no_events(stack: Any) -> None:
    store(stack, [event_at(NOW - timedelta(hours=1))])
    Rollups(stack.dynamodb, "events").catch_up(NOW, has_time=lambda: True, history=timedelta(days=3))

    known = Rollups(stack.dynamodb, "events").known(NOW - timedelta(days=4), NOW)

    assert known.of(hour_of(NOW - timedelta(days=2))).is_whole
    assert not known.of(hour_of(NOW - timedelta(days=4))).is_whole
    assert not known.of(hour_of(NOW)).is_whole


def test_an_event_in_an_empty_day_makes_its_hour_unknown_until_it_is_counted(stack: Any) -> None:
    store(stack, [event_at(NOW - timedelta(hours=1))])
    run = Rollups(stack.dynamodb, "events")
    run.catch_up(NOW, has_time=lambda: True, history=timedelta(days=3))
    old = event_at(NOW - timedelta(days=2))
    store(stack, [old])

    run.mark([old.id])
    before = run.known(NOW - timedelta(days=3), NOW).of(hour_of(id_time(old.id)))
    run.catch_up(NOW, has_time=lambda: True)
    after = run.known(NOW - timedelta(days=3), NOW).of(hour_of(id_time(old.id)))

    assert not before.is_whole
    assert after.is_whole
    assert after.counts == {"login": {"shop": 1}}


def test_a_range_is_counted_anew_on_demand(stack: Any) -> None:
    store(stack, some_events(30))
    catch_up(stack.dynamodb)
    store(stack, some_events(30, seed=2))  # and the stream lost them
    app = stack.function("rollup")

    answer = app.handler({"recount": {"since": FIRST.isoformat(), "until": NOW.isoformat()}}, stack.context)
    catch_up(stack.dynamodb)

    assert answer["marked"] == 3
    assert counted(stack) == there(stack)


def test_of_a_range_without_an_hour_nothing_is_counted_anew(stack: Any) -> None:
    rollups = Rollups(stack.dynamodb, "events")

    assert rollups.recount(hour_of(NOW), hour_of(NOW)) == 0
    assert rollups.earliest() is None


def test_the_schedule_counts_and_says_how_much(stack: Any, load: Any) -> None:
    store(stack, [event_at(datetime.now(UTC) - timedelta(hours=3))])
    app = stack.function("rollup")

    answer = app.handler(load("rollup-schedule"), stack.context)

    assert answer["events"] == 1
    assert answer["left"] == 0


def test_the_streams_payload_marks_its_hour(stack: Any, load: Any) -> None:
    answer = stack.call("rollup", load("rollup-stream"))

    assert answer == {"batchItemFailures": []}
    assert Rollups(stack.dynamodb, "events").earliest() == datetime(2025, 11, 26, 15, tzinfo=UTC)


def test_a_table_that_does_not_answer_has_the_batch_come_back(stack: Any, load: Any) -> None:
    app = stack.function("rollup")
    stack.dynamodb.delete_table(TableName="events")

    answer = app.handler(load("rollup-stream"), stack.context)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "4421584500000000017450439091"}]}


def test_a_tally_of_counted_hours_reads_only_what_is_not_counted_yet(stack: Any) -> None:
    store(stack, some_events(300))
    catch_up(stack.dynamodb)
    uncounted = sum(id_time(each["id"]) >= NOW - timedelta(minutes=2) for each in stack.events())

    tally = LogReader(stack.dynamodb, "events").tally(Search(), FIRST.replace(minute=0), NOW, now=NOW)

    assert tally.total == 300
    assert tally.complete_from is None
    assert tally.budget.spent_items == uncounted


def test_an_hour_of_more_actions_than_an_item_holds_is_read_and_keeps_no_other_from_being_counted(stack: Any) -> None:
    """The fault: DynamoDB refused its counts, and so the run, each minute; no later hour was counted any more."""
    first, second = hour_of(FIRST), hour_of(FIRST) + HOUR
    paths = [event_at(first + timedelta(seconds=each / 2), f"GET:/users/{each}/{'x' * 100}") for each in range(4_000)]
    store(stack, [*paths, event_at(second)])
    rollups = Rollups(stack.dynamodb, "events")

    rollups.catch_up(NOW, has_time=lambda: True, history=SHORT)
    known = rollups.known(first, NOW)

    assert (known.of(first).covered, known.of(first).counts) == (first, {})
    assert known.of(second).counts == {"login": {"shop": 1}}
    assert known.through == hour_of(NOW)


def test_an_hour_of_too_many_actions_is_not_read_for_each_event_and_again_by_hand(stack: Any) -> None:
    first = hour_of(FIRST)
    paths = [event_at(first + timedelta(seconds=each / 2), f"GET:/users/{each}/{'x' * 100}") for each in range(4_000)]
    store(stack, paths)
    rollups = Rollups(stack.dynamodb, "events")
    rollups.catch_up(NOW, has_time=lambda: True, history=SHORT)
    for each in paths[10:]:
        EventStore(stack.dynamodb, "events").delete(each.id)

    rollups.mark([paths[0].id])
    again = rollups.catch_up(NOW, has_time=lambda: True, history=SHORT)
    still_unknown = rollups.known(first, NOW).of(first)
    rollups.recount(first, first + HOUR)
    rollups.catch_up(NOW, has_time=lambda: True, history=SHORT)

    assert (again.events, still_unknown.counts) == (0, {})
    assert len(rollups.known(first, NOW).of(first).counts) == 10
