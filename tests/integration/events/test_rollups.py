"""Hourly counts equal the events, whatever is replayed, comes late, or dies in the middle."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import RECORDER
from tocsin.errors import Unavailable
from tocsin.events.model import Event
from tocsin.events.search.query import Search
from tocsin.events.search.reader import LogReader
from tocsin.events.search.rollup_hours import HOUR, hour_of
from tocsin.events.search.rollups import Rollups
from tocsin.events.store import EventStore, Submission, event_key
from tocsin.ids import id_time, new_id

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
FIRST = NOW - timedelta(hours=2)
SHORT = timedelta(hours=2)


class Crash(Exception):
    """The process ends here."""


class Tapped:
    """A DynamoDB client that does something before or after its n-th call (or write); all else is moto's."""

    def __init__(
        self, client: Any, act: Callable[[], None], at: int, *, after: bool = False, writes: bool = False
    ) -> None:
        self._client = client
        self._act = act
        self._at = at
        self._after = after
        self._writes = writes
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if self._writes and name in {"query", "get_item"}:
            return call

        def tapped(**arguments: Any) -> Any:
            self.calls += 1
            mine = self.calls
            if mine == self._at and not self._after:
                self._act()
            answer = call(**arguments)
            if mine == self._at and self._after:
                self._act()
            return answer

        return tapped


def crash() -> None:
    raise Crash


def event_at(moment: datetime, action: str = "login", app: str = "shop", expires: datetime | None = None) -> Event:
    return Event(new_id(moment), action, app, {}, {}, None, "default", expires)


def some_events(count: int, seed: int = 1) -> list[Event]:
    chance = random.Random(seed)
    span = (NOW - FIRST).total_seconds()
    return [
        event_at(
            FIRST + timedelta(seconds=chance.random() * span),
            chance.choice(["login", "logout", "custom_x"]),
            chance.choice(["shop", "wiki"]),
        )
        for _ in range(count)
    ]


def store(stack: Any, events: list[Event]) -> None:
    results = EventStore(stack.dynamodb, "events").add([Submission(each, None) for each in events])
    assert not [result for result in results if isinstance(result, Unavailable)]


def catch_up(client: Any, now: datetime = NOW, history: timedelta = SHORT) -> None:
    run = RECORDER.in_role_of("rollup", Rollups(client, "events").catch_up)
    run(now, has_time=lambda: True, history=history)


def counted(stack: Any) -> Counter[tuple[datetime, str, str]]:
    """What the roll-ups say, of hours and the parts of hours that they know."""
    known = Rollups(stack.dynamodb, "events").known(NOW - SHORT, NOW + HOUR)
    found: Counter[tuple[datetime, str, str]] = Counter()
    hour = hour_of(NOW - SHORT)
    while hour <= NOW:
        for action, by_app in known.of(hour).counts.items():
            for app, number in by_app.items():
                found[hour, action, app] = number
        hour += HOUR
    return found


def there(stack: Any) -> Counter[tuple[datetime, str, str]]:
    """What is in the table, of the time that is counted at NOW."""
    until = NOW - timedelta(minutes=2)
    return Counter(
        (hour_of(id_time(each["id"])), each["action"], each["app"])
        for each in stack.events()
        if id_time(each["id"]) < until
    )


def wrong_hours(stack: Any) -> list[datetime]:
    """Hours whose counts are said to hold and do not."""
    known = Rollups(stack.dynamodb, "events").known(NOW - SHORT, NOW + HOUR)
    ids = [each["id"] for each in stack.events()]
    hour, wrong = hour_of(NOW - SHORT), []
    while hour <= NOW:
        count = known.of(hour)
        held = sum(hour <= id_time(each) < count.covered for each in ids)
        if sum(sum(by_app.values()) for by_app in count.counts.values()) != held:
            wrong.append(hour)
        hour += HOUR
    return wrong


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
    store(stack, [event_at(FIRST, expires=datetime.now(UTC) - timedelta(days=1))])

    catch_up(stack.dynamodb)

    assert not counted(stack)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.no_cover
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
    assert crashes >= 3


@pytest.mark.no_cover
def test_an_event_that_comes_at_any_moment_of_a_count_is_not_lost(stack: Any) -> None:
    """Between any two calls of a run an event is stored and marked, or stored now and marked after the run."""
    two_hours = timedelta(minutes=30)
    store(stack, [each for each in some_events(20) if id_time(each.id) >= hour_of(FIRST) + HOUR])
    for marked_at_once in (True, False):
        step = 0
        while True:
            step += 1
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


def test_a_run_without_time_leaves_the_rest_to_the_next(stack: Any) -> None:
    store(stack, some_events(40))
    left = iter([True])

    first = Rollups(stack.dynamodb, "events").catch_up(NOW, has_time=lambda: next(left, False), history=SHORT)
    catch_up(stack.dynamodb)

    assert first.left
    assert counted(stack) == there(stack)


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


def _forget(stack: Any) -> None:
    """As if no roll-up had ever been made."""
    for item in stack.items("events"):
        if item["pk"]["S"].startswith("rollup#"):
            stack.dynamodb.delete_item(TableName="events", Key={"pk": item["pk"], "sk": item["sk"]})
