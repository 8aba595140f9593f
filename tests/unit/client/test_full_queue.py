"""A queue that is full: what is dropped, and who is told."""

import queue

import pytest

from tests.unit.client.api_server import under_way, waits


def test_where_the_queue_is_full_the_oldest_events_are_dropped_aloud(api, make, caplog):
    api.faults.append(waits)
    told: list[tuple[str, str]] = []
    sender = make(queue_size=3, on_lost=lambda event, reason: told.append((event["action"], str(reason))))
    under_way(api, sender)

    ids = [sender.emit(f"e{number}") for number in range(5)]

    assert None not in ids
    assert told == [(f"e{number}", "the queue is full") for number in range(3)]
    assert (sender.lost, sender.dropped) == (3, 3)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    api.released.set()
    assert sender.flush()
    assert [event.action for event in api.stored.values()] == ["custom_first", "custom_e3", "custom_e4"]


def test_the_queue_is_full_by_its_bytes_too(api, make):
    api.faults.append(waits)
    sender = make(queue_bytes=10_000)
    under_way(api, sender)

    for _ in range(20):
        sender.emit("large", context={"text": "x" * 1_000})

    api.released.set()
    assert sender.flush()
    assert sender.dropped + len(api.stored) == 21
    assert sender.dropped == 11


def test_an_event_larger_than_the_queue_is_lost_and_nothing_else(api, make):
    api.faults.append(waits)
    sender = make(queue_bytes=5_000)
    under_way(api, sender)

    sender.emit("large", context={"text": "x" * 10_000})

    api.released.set()
    assert sender.flush()
    assert (sender.lost, sender.dropped, len(api.stored)) == (1, 1, 1)


def test_an_event_larger_than_the_queue_drops_none_that_wait(api, make):
    """The fault: all that waited was dropped first, and then the event, for which there is no room at all."""
    api.faults.append(waits)
    sender = make(queue_bytes=5_000)
    under_way(api, sender)
    waiting = sender.emit("waiting")

    sender.emit("large", context={"text": "x" * 10_000})

    api.released.set()
    assert sender.flush()
    assert waiting in api.stored
    assert (sender.lost, sender.dropped, len(api.stored)) == (1, 1, 2)


@pytest.mark.parametrize(
    "settings", [{"queue_size": 1}, {"queue_bytes": 5_000}], ids=["all are being sent", "it is larger than the queue"]
)
def test_an_event_that_is_itself_dropped_has_no_id(api, make, settings):
    """The fault: its id was returned, though it was lost at once."""
    api.faults.append(waits)
    told = []
    sender = make(on_lost=lambda event, reason: told.append(event["action"]), **settings)
    under_way(api, sender)

    event_id = sender.emit("large", context={"text": "x" * 10_000})

    assert event_id is None
    assert (told, sender.lost, sender.dropped) == (["large"], 1, 1)
    api.released.set()
    assert sender.flush()
    assert [event.action for event in api.stored.values()] == ["custom_first"]


def test_losses_are_logged_once_a_minute_with_their_number(api, make, caplog, monkeypatch):
    api.faults.append(waits)
    sender = make(queue_size=2)
    under_way(api, sender)
    for number in range(1_001):
        sender.emit(f"e{number}")
    assert [record.getMessage() for record in caplog.records] == ["events lost: 1; in all: 1: the queue is full"]
    monkeypatch.setattr("tocsin_client.sender._QUIET", 0.0)  # as if a minute had passed

    sender.emit("last")

    assert caplog.records[-1].getMessage() == "events lost: 1000; in all: 1001: the queue is full"
    assert len(caplog.records) == 2


def test_an_event_that_does_not_fit_into_the_queue_raises_where_that_is_wished(api, make):
    api.faults.append(waits)
    sender = make(queue_size=1, when_full="raise")
    under_way(api, sender)

    with pytest.raises(queue.Full):
        sender.emit("second")

    assert sender.lost == 0
