"""The parameter EventIndexes: what entries save, and that nothing is lost of what has none, however it was changed."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import pytest

from local.cost.bill import Prices
from local.cost.meter import Meter
from tests.integration.events.filled_log import NOW, Log, some_events
from tocsin.events.model import Event
from tocsin.events.search.entries_store import IndexEntries
from tocsin.events.search.rollup_hours import HOUR, hour_of
from tocsin.events.store import EventStore, Submission
from tocsin.times import iso

BOTH = "user_pk,client_ip"
USER, ADDRESS = {"user_pk": "3"}, {"client_ip": "10.0.0.7"}


def units(stack: Any, call: Any) -> dict[str, float]:
    """The write units of `call`, by table and index."""
    meter = Meter(stack.dynamodb, Prices.read().assumed)
    with meter.running():
        call()
    kind = "dynamodb.write:"
    return {name.removeprefix(kind): each for name, each in meter.usage.items() if name.startswith(kind) and each}


def store(log: Log, events: list[Event], indexed: str) -> None:
    """Store events as a stack with this parameter does, and let the stream bring them."""
    store = EventStore(log.stack.dynamodb, "events", indexed.split(","))
    store.add([Submission(each, None) for each in events])
    log.events += events
    log.roll_up([each.id for each in events])
    answer = log.stack.function("rollup").handler({"Records": records(log, events)}, log.stack.context)
    assert answer == {"batchItemFailures": []}


def records(log: Log, events: Collection[Event]) -> list[dict[str, Any]]:
    ids = {each.id for each in events}
    return [
        {
            "eventName": "INSERT",
            "dynamodb": {
                "Keys": {"pk": item["pk"], "sk": item["sk"]},
                "NewImage": item,
                "SequenceNumber": str(number),
            },
        }
        for number, item in enumerate(log.stack.items("events"))
        if item["sk"]["S"] in ids
    ]


def spread(count: int, start: datetime, end: datetime) -> list[Event]:
    """Events between two moments."""
    days = (NOW - start) / timedelta(days=1)
    return [each for each in some_events(count, days) if start <= each.created < end]


@pytest.mark.parametrize(
    ("indexed", "expected"),
    [
        (BOTH, {"events": 1, "events/by-user": 1, "events/by-client-ip": 1}),
        ("user_pk", {"events": 1, "events/by-user": 1}),
        ("client_ip", {"events": 1, "events/by-client-ip": 1}),
        ("none", {"events": 1}),
    ],
)
def test_an_event_is_a_write_unit_and_one_for_each_index_that_is_asked_for(
    stack: Any, load: Any, indexed: str, expected: dict[str, int]
) -> None:
    stack.monkeypatch.setenv("EVENT_INDEXES", indexed)
    ingest = stack.function("ingest")
    payload = load("ingest-single")
    ingest.handler(payload, stack.context)  # reads the configuration

    taken = units(stack, lambda: ingest.handler(payload, stack.context))

    assert taken == expected


@pytest.mark.parametrize("indexed", [BOTH, "user_pk", "client_ip", "none"])
@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_a_search_finds_the_same_whatever_has_entries(log: Log, indexed: str, order: str) -> None:
    store(log, some_events(120), indexed)

    for query in (USER, ADDRESS, USER | ADDRESS, {"client_ip": "10.0.0.0/28"}, USER | {"action": "logout"}):
        wanted = log.expected(**query)[:: 1 if order == "newest" else -1]
        assert log.ids(**query, order=order, limit="7") == wanted, query


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_a_search_goes_from_the_index_to_the_timeline_where_entries_end(log: Log, order: str) -> None:
    day = hour_of(NOW) - timedelta(hours=10)
    store(log, spread(120, day, day + 3 * HOUR), BOTH)
    store(log, spread(120, day + 3 * HOUR, day + 5 * HOUR), "none")
    store(log, spread(200, day + 5 * HOUR, NOW), BOTH)

    for query in (USER, ADDRESS, USER | {"until": iso(NOW - HOUR)}, ADDRESS | {"since": iso(day + HOUR)}):
        for limit in ("3", "1000"):
            wanted = log.expected(**query)[:: 1 if order == "newest" else -1]
            assert log.ids(**query, order=order, limit=limit) == wanted, (query, limit)


def test_an_answer_says_which_filter_has_no_index_and_what_is_read_instead(log: Log) -> None:
    store(log, some_events(40, days=0.1), "client_ip")
    last = hour_of(max(each.created for each in log.events if "pk" in each.user))

    by_user, by_both = log.get("/events", **USER)[1], log.get("/events", **USER, **ADDRESS)[1]

    before = iso(last + 2 * HOUR)
    assert by_user["unindexed"] == [{"filter": "user_pk", "before": before, "instead": "time"}]
    assert by_both["unindexed"] == [{"filter": "user_pk", "before": before, "instead": "client_ip"}]
    assert log.get("/events", **ADDRESS)[1]["unindexed"] == []
    assert log.get("/events", **USER, since=before)[1]["unindexed"] == []


def test_where_all_have_entries_the_timeline_is_not_read(log: Log) -> None:
    store(log, some_events(60), BOTH)

    page = log.get("/events", **USER)[1]

    assert page["unindexed"] == []
    assert page["scanned"] == 2 * len(log.expected(**USER))  # keys, and the events themselves


def test_it_is_noted_once_an_hour_that_entries_are_left_out(log: Log) -> None:
    events = spread(60, hour_of(NOW - HOUR), hour_of(NOW))
    EventStore(log.stack.dynamodb, "events", ()).add([Submission(each, None) for each in events])
    images = [record["dynamodb"]["NewImage"] for record in records(log, events)]
    entries = IndexEntries(log.stack.dynamodb, "events")

    first = units(log.stack, lambda: entries.note(images))
    second = units(log.stack, lambda: entries.note(images))

    assert (first, second) == ({"events": 2}, {})
    assert entries.complete_from() == dict.fromkeys(("user_pk", "client_ip"), hour_of(NOW) + HOUR)


def test_an_event_without_user_and_address_is_no_reason_to_read_the_timeline(log: Log) -> None:
    nobody = Event(some_events(1)[0].id, "login", "shop", {}, {}, None, "default", None)

    store(log, [nobody], "none")

    assert IndexEntries(log.stack.dynamodb, "events").complete_from() == {}
