"""What goes out again or no more: who is given up, what is gone meanwhile, what is released in the same run."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count, islice

import pytest

from local.sinks import Sinks
from tests.clocks import Clock
from tests.integration.conftest import Stack
from tests.integration.deliveries.test_lost_races import LEASE, NOW, Table
from tests.integration.delivery_world import World
from tests.integration.handler_calls import failing, items_read, just_before, throttled
from tocsin.deliveries.backoff import PAUSES
from tocsin.deliveries.breaker import OPENS_AFTER, OPENS_OVER, BreakerState
from tocsin.deliveries.breaker_store import WRITTEN_EVERY, Breakers, BreakerStore
from tocsin.deliveries.items import listed
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.redrive_store import GivenUp, Span
from tocsin.ids import new_id
from tocsin.notifications.outcome import State
from tocsin.notifications.transport import NotificationTransport, TransportMode

HOOK = NotificationTransport(name="hook", mode=TransportMode.WEBHOOK, url="https://example.com/hook")
INBOX = NotificationTransport(name="inbox", mode=TransportMode.LOCAL)


@pytest.fixture
def table(stack: Stack) -> Table:
    return Table(stack)


def ids(table: Table, state: State) -> list[str]:
    return [place.delivery_id for place in table.mine.newest(Span(("hook",), (state,)), before=None, limit=9)]


@pytest.mark.parametrize("tries_left", [1, 0])
def test_whose_function_died_in_its_last_attempt_is_given_up_and_sent_no_more(table: Table, tries_left: int) -> None:
    table.deliveries.take(table.message, now=NOW, lease=LEASE, keep=timedelta(days=30))
    for _ in range(len(PAUSES) - tries_left):
        table.noted(State.RETRYING, NOW)
    again = replace(table.message, again=True)
    assert table.deliveries.take(again, now=NOW, lease=LEASE, keep=timedelta(days=30)) is not State.DELIVERING
    (place,) = table.due(NOW + LEASE)
    told = list[GivenUp]()

    claimed = table.mine.claim(place, now=NOW + LEASE, give_up=told.append)

    if tries_left:
        assert isinstance(claimed, DeliveryMessage)
        assert (claimed.delivery_id, told) == (table.message.delivery_id, [])
        assert (ids(table, State.QUEUED), ids(table, State.FAILED)) == ([table.message.delivery_id], [])
    else:
        assert isinstance(claimed, GivenUp)
        assert [(each.message.delivery_id, each.outcome) for each in told] == [
            (table.message.delivery_id, claimed.outcome)
        ]
        assert (claimed.outcome.state, claimed.outcome.reason) == (State.FAILED, "interrupted")
        assert (ids(table, State.QUEUED), ids(table, State.FAILED)) == ([], [table.message.delivery_id])
        assert table.due(NOW + timedelta(days=9)) == []


def test_what_is_gone_while_somebody_sends_it_again_is_not_made_anew(table: Table) -> None:
    place = table.retried()

    def erase() -> None:
        table.stack.dynamodb.delete_item(TableName="deliveries", Key=place.key)

    with just_before(erase):
        found = table.mine.requeue(place, now=NOW, skip=())

    assert found is State.RETRYING
    assert table.deliveries.get(table.message.delivery_id) is None


def test_what_is_sent_again_by_hand_is_listed_as_queued(table: Table) -> None:
    place = table.retried()

    table.mine.requeue(place, now=NOW, skip=())

    assert (ids(table, State.RETRYING), ids(table, State.QUEUED)) == ([], [table.message.delivery_id])


def test_between_two_ids_of_which_the_first_is_the_later_there_is_nothing(table: Table) -> None:
    """As on the page after the last one. DynamoDB is not asked: it refuses a range that ends before its beginning."""
    place = table.held()
    span = Span(("hook",), (State.HELD,), since=f"{place.delivery_id}0")

    with failing(throttled(), "Query") as asked:
        newest = table.mine.newest(span, before=place.delivery_id, limit=9)
        oldest = table.mine.oldest(replace(span, until=place.event_id[:8]), after=None, limit=9)

    assert (newest, oldest, asked) == ([], [], [])


def test_a_delivery_is_between_its_own_id_and_itself(table: Table) -> None:
    place = table.held()
    span = Span(("hook",), (State.HELD,), since=place.delivery_id, until=place.delivery_id)

    assert [each.delivery_id for each in table.mine.newest(span, before=None, limit=9)] == [place.delivery_id]


def test_the_newest_and_the_oldest_are_found_by_reading_no_more_of_a_list_than_one_further(table: Table) -> None:
    """That one may be the delivery whose id the page begins behind."""
    listed_at = listed("hook", State.HELD, table.message.delivery_id)["listed"]
    minutely = (replace(table.message, event_id=new_id(NOW + timedelta(minutes=minute))) for minute in count(1))
    same_list = (each for each in minutely if listed("hook", State.HELD, each.delivery_id)["listed"] == listed_at)
    messages = [table.message, *islice(same_list, 3)]
    for message in messages:
        table.deliveries.hold(message, now=NOW, lease=LEASE, keep=timedelta(days=30))
    span = Span(("hook",), (State.HELD,))

    with items_read(table.stack.dynamodb) as read:
        found = [
            table.theirs.newest(span, before=None, limit=1),
            table.theirs.newest(span, before=messages[3].delivery_id, limit=1),
            table.theirs.oldest(span, after=None, limit=1),
            table.theirs.oldest(span, after=messages[0].delivery_id, limit=1),
        ]

    assert [[each.delivery_id for each in some] for some in found] == [
        [messages[3].delivery_id],
        [messages[2].delivery_id],
        [messages[0].delivery_id],
        [messages[1].delivery_id],
    ]
    assert max(read) == 2


def test_what_a_transport_held_is_released_in_the_run_that_finds_it_configured_anew(world: World, sinks: Sinks) -> None:
    hook = world.hook(f"{sinks.url}/webhook/x")
    world.open_breaker(hook)
    message = world.message()
    world.send(message)
    world.pump(world.worker())
    world.hook(f"{sinks.url}/webhook/y")
    world.later(minutes=1)

    released = world.redrive()["released"]

    found = world.breakers.get("hook")
    assert found is not None
    assert (released, found.state, found.changed_at, found.failures) == (1, BreakerState.DRAINING, world.now, 0)
    assert [place.delivery_id for place in world.redeliveries.newest(
        Span(("hook",), (State.QUEUED,)), before=None, limit=9
    )] == [message.delivery_id]  # fmt: skip


# ── what one process says of breakers ────────────────────────────────────────


@pytest.fixture
def clock() -> Clock[datetime]:
    return Clock(NOW)


@pytest.fixture
def store(stack: Stack) -> BreakerStore:
    return BreakerStore(stack.dynamodb, "deliveries")


def test_a_failure_opens_a_breaker_once_and_those_within_the_same_second_say_nothing(
    store: BreakerStore, clock: Clock[datetime]
) -> None:
    for _ in range(OPENS_AFTER - 1):
        store.failed(HOOK.name, HOOK.fingerprint, "http_500", now=NOW - OPENS_OVER)
    breakers = Breakers(store, clock=clock)

    opened = [breakers.failed(HOOK, "http_500"), breakers.failed(HOOK, "http_500")]
    clock.now += WRITTEN_EVERY
    opened.append(breakers.failed(HOOK, "http_500"))

    found = store.get(HOOK.name)
    assert opened == [True, False, False]
    assert found is not None
    assert (found.state, found.changed_at, found.failures) == (BreakerState.OPEN, NOW, OPENS_AFTER + 1)
    assert breakers.state(HOOK) is BreakerState.OPEN


def test_the_inbox_has_no_breaker_that_a_failure_could_open(store: BreakerStore, clock: Clock[datetime]) -> None:
    breakers = Breakers(store, clock=clock)

    assert not breakers.failed(INBOX, "unavailable")
    assert store.all() == []


def test_that_an_event_says_of_a_disabled_transport_is_noted_of_its_configuration(
    store: BreakerStore, clock: Clock[datetime]
) -> None:
    breakers = Breakers(store, clock=clock)
    breakers.gone(HOOK, "http_410")
    before = store.get(HOOK.name)

    breakers.told(replace(HOOK, url="https://example.com/another"))
    of_another = store.get(HOOK.name)
    breakers.told(HOOK)

    after = store.get(HOOK.name)
    assert before is not None and of_another is not None and after is not None
    assert (before.told, of_another.told, after.told) == (False, False, True)
    assert breakers.reason(HOOK) == "http_410"


def test_without_a_breaker_there_is_no_reason(store: BreakerStore, clock: Clock[datetime]) -> None:
    assert Breakers(store, clock=clock).reason(HOOK) == ""
