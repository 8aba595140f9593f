"""Where the log begins: an event dated far back makes no later search slow, while it is there nor when it is gone."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.integration.events.rolled_up import NOW, Overtaken, catch_up, event_at, store
from tests.integration.events.test_rollup_interruptions import Tapped
from tocsin.errors import Unavailable
from tocsin.events.model import Event
from tocsin.events.search.earliest_store import EarliestHour
from tocsin.events.search.query import Search
from tocsin.events.search.reader import LogReader
from tocsin.events.search.rollup_hours import HOUR, Known, hour_of
from tocsin.events.search.rollups import Rollups
from tocsin.events.store import event_key

DAY = timedelta(days=1)
FAR = NOW - 40 * DAY
"""In the month before last: far enough to tell, near enough for moto."""


def marked(stack: Any, *events: Event) -> None:
    store(stack, [*events])
    Rollups(stack.dynamodb, "events").mark(event.id for event in events)


def gone(stack: Any, event: Event) -> None:
    """The event is deleted, as TTL does it, and the stream says so."""
    stack.dynamodb.delete_item(TableName="events", Key=event_key(event.id))
    Rollups(stack.dynamodb, "events").mark([event.id])


def earliest(stack: Any) -> datetime | None:
    return Rollups(stack.dynamodb, "events").earliest()


def queries(stack: Any) -> int:
    """How many queries a search costs that finds nothing and names no beginning."""
    page = LogReader(stack.dynamodb, "events").page(Search(username="nobody-at-all"), now=NOW)
    assert page.position is None
    return page.budget.spent_queries


@pytest.fixture
def log(stack: Any) -> Any:
    """A log of three days, counted."""
    marked(stack, *(event_at(NOW - day * DAY) for day in range(3)))
    catch_up(stack.dynamodb)
    return stack


def test_an_event_of_long_ago_makes_no_search_read_the_empty_months_before(log: Any) -> None:
    before = queries(log)
    marked(log, event_at(FAR))

    catch_up(log.dynamodb)

    assert earliest(log) == hour_of(FAR)
    assert queries(log) < before + 60  # the roll-ups of the months, and the event's own hour; not sixteen a day


def test_the_log_begins_where_it_did_when_that_event_is_gone(log: Any) -> None:
    old = event_at(FAR)
    began = earliest(log)
    marked(log, old)
    catch_up(log.dynamodb)

    gone(log, old)
    for _ in range(2):
        catch_up(log.dynamodb)

    assert earliest(log) == began


def test_an_event_that_is_there_is_never_before_the_earliest_hour(log: Any) -> None:
    old, kept = event_at(FAR), event_at(FAR + 20 * DAY)
    marked(log, old, kept)
    catch_up(log.dynamodb)

    gone(log, old)
    catch_up(log.dynamodb)
    catch_up(log.dynamodb)

    assert earliest(log) == hour_of(kept.created)


def test_the_past_is_counted_as_far_as_a_run_has_time_for(log: Any) -> None:
    marked(log, event_at(FAR))
    left = iter([True] * 12)

    Rollups(log.dynamodb, "events").catch_up(NOW, has_time=lambda: next(left, False))
    known = Rollups(log.dynamodb, "events").known(NOW, NOW)
    catch_up(log.dynamodb)

    assert known.known_from is not None
    assert FAR < known.known_from < NOW - 4 * DAY
    assert Rollups(log.dynamodb, "events").known(NOW, NOW).known_from == hour_of(FAR)


def test_events_of_the_past_are_counted_by_looking_back(stack: Any) -> None:
    """Those of a table that is older than its roll-ups, of which the stream tells nothing."""
    old = [event_at(NOW - 5 * DAY + hour * HOUR) for hour in (0, 3, 30)]
    store(stack, old[1:])
    marked(stack, old[0], event_at(NOW))

    catch_up(stack.dynamodb)

    known = Rollups(stack.dynamodb, "events").known(NOW - 6 * DAY, NOW)
    assert [known.of(hour_of(event.created)).counts for event in old] == [{"login": {"shop": 1}}] * 3


def rise(client: Any) -> None:
    """Let the earliest hour rise."""
    rollups = Rollups(client, "events")
    EarliestHour(client, "events").rise(rollups.earliest(), rollups.known)


def test_an_event_that_comes_while_the_hour_is_raised_is_not_lost(stack: Any) -> None:
    """Whenever it comes: before or after each call of raising."""
    old = event_at(NOW - 2 * DAY)
    marked(stack, old, event_at(NOW))
    gone(stack, old)
    catch_up(stack.dynamodb, history=3 * DAY)
    EarliestHour(stack.dynamodb, "events").lower(hour_of(old.created))
    moments = [(at, after) for at in range(1, 12) for after in (False, True)]
    came = 0
    for number, (at, after) in enumerate(moments):
        late = event_at(old.created + (len(moments) - number) * HOUR)  # before those of the moments before
        tapped = Tapped(stack.dynamodb, lambda late=late: marked(stack, late), at, after=after)  # type: ignore[misc]

        rise(tapped)
        rise(stack.dynamodb)

        if tapped.calls >= at:
            came += 1
            assert earliest(stack) <= hour_of(late.created)  # type: ignore[operator]
        EarliestHour(stack.dynamodb, "events").lower(hour_of(old.created))
    assert came >= 12


def test_a_claim_that_an_event_ended_raises_nothing(stack: Any) -> None:
    hours = EarliestHour(stack.dynamodb, "events")
    first, target = hour_of(FAR), hour_of(FAR + 10 * DAY)
    hours.lower(first)

    def meanwhile() -> bool:
        hours.lower(first + HOUR)
        return True

    assert not hours.raise_to(target, of=first, is_empty=meanwhile)
    assert earliest(stack) == first


def test_an_event_that_comes_between_two_looks_keeps_the_hour(stack: Any) -> None:
    old = event_at(NOW - 2 * DAY)
    marked(stack, old, event_at(NOW))
    gone(stack, old)
    Rollups(stack.dynamodb, "events").catch_up(NOW, has_time=lambda: True, history=3 * DAY)
    EarliestHour(stack.dynamodb, "events").lower(hour_of(old.created))
    looks: list[datetime] = []

    def known(start: datetime, end: datetime) -> Known:
        found = Rollups(stack.dynamodb, "events").known(start, end)
        if not looks:
            marked(stack, event_at(old.created))
        looks.append(start)
        return found

    EarliestHour(stack.dynamodb, "events").rise(hour_of(old.created), known)

    assert len(looks) > 1
    assert earliest(stack) == hour_of(old.created)


def test_an_hour_that_is_raised_again_and_again_is_not_taken_for_lowered(stack: Any) -> None:
    hours = EarliestHour(stack.dynamodb, "events")
    first = hour_of(FAR)
    hours.lower(first)

    def raise_again() -> None:
        hours.raise_to(first + (2 + client.times) * DAY, of=first, is_empty=lambda: False)

    client = Overtaken(stack.dynamodb, "REMOVE raising", raise_again)
    raise_again()

    with pytest.raises(Unavailable, match="again and again"):
        EarliestHour(client, "events").lower(first + HOUR)
    assert client.times == 10


def test_events_of_now_do_not_end_a_claim(stack: Any) -> None:
    hours = EarliestHour(stack.dynamodb, "events")
    first, target = hour_of(FAR), hour_of(FAR + 10 * DAY)
    hours.lower(first)

    def meanwhile() -> bool:
        hours.lower(hour_of(NOW))
        return True

    assert hours.raise_to(target, of=first, is_empty=meanwhile)
    assert earliest(stack) == target
