"""The events table on moto: an event that was stored is there, although reads may come late."""

from datetime import UTC, datetime

from local.corrections.late_reads import LateReads
from tests.integration.conftest import Stack
from tests.integration.handler_calls import failing, raising
from tocsin.aws import clients
from tocsin.events.model import Event
from tocsin.events.store import EventStore, Submission
from tocsin.ids import new_id


def stored(store: EventStore) -> Event:
    event = Event(
        id=new_id(),
        action="login",
        app="shop",
        user={},
        context={},
        client_ip=None,
        brand="default",
        expires=datetime(2099, 1, 1, tzinfo=UTC),
    )
    store.add([Submission(event, None)])
    return event


def test_an_event_that_was_stored_just_now_is_not_gone(stack: Stack, late_reads: LateReads) -> None:
    """Whoever misses it discards its deliveries for good."""
    store = EventStore(clients.dynamodb(), "events")
    event = stored(store)

    assert store.get(event.id) == event


def test_an_event_that_is_there_is_read_once(stack: Stack) -> None:
    store = EventStore(clients.dynamodb(), "events")
    event = stored(store)

    with failing(raising(AssertionError("read again")), "GetItem", at=lambda number: number > 1) as calls:
        assert store.get(event.id) == event

    assert calls == ["GetItem"]


def test_an_event_that_is_nowhere_is_none(stack: Stack) -> None:
    assert EventStore(clients.dynamodb(), "events").get(new_id()) is None
