"""Events of more than a KB are compressed where they are stored: what it saves, and that nobody sees it."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from local.corrections.item_size import item_bytes
from tests.integration.conftest import ROOT
from tests.integration.events.filled_log import Log, some_events
from tocsin.events.model import Event
from tocsin.events.store import PACKED_FROM, EventStore, Submission, event_item, event_of, event_text
from tocsin.ids import new_id

RECORDS = ROOT / "tests" / "data" / "audit_logs.jsonl"


def event_with(context: dict[str, Any]) -> Event:
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=365)
    return Event(new_id(), "custom_record", "shop", {"username": "al", "pk": 7}, context, None, "default", expires)


def write_units(item: dict[str, Any]) -> int:
    return -(-item_bytes(item) // 1024)


def test_audit_records_take_less_than_two_thirds_of_the_write_units() -> None:
    events = [event_with(orjson.loads(line)["log"]) for line in RECORDS.read_bytes().splitlines()]
    packed = [event_item(event, None) for event in events]
    plain = [
        item | {"event": {"S": orjson.dumps(event.to_json()).decode()}}
        for item, event in zip(packed, events, strict=True)
    ]

    before, after = (sum(map(write_units, items)) for items in (plain, packed))

    assert after < 0.65 * before
    assert all(write_units(ours) <= write_units(theirs) for ours, theirs in zip(packed, plain, strict=True))
    assert [event_of(item).to_json() for item in packed] == [event.to_json() for event in events]


def test_a_short_event_is_stored_as_it_reads() -> None:
    short, long = event_with({}), event_with({"note": "x" * PACKED_FROM})

    assert event_item(short, None)["event"] == {"S": orjson.dumps(short.to_json()).decode()}
    assert [*event_item(long, None)["event"]] == ["B"]


def test_an_event_that_is_as_long_compressed_is_stored_as_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.events.store.zlib.compress", lambda text: text)

    assert [*event_item(event_with({"note": "x" * PACKED_FROM}), None)["event"]] == ["S"]


def test_a_stream_brings_it_in_base64() -> None:
    event = event_with({"note": "é" * PACKED_FROM})
    item = event_item(event, None)

    streamed = item | {"event": {"B": base64.b64encode(item["event"]["B"]).decode()}}

    assert event_of(streamed) == event


def test_what_is_no_event_is_said_to_be_none() -> None:
    with pytest.raises(ValueError, match="not readable"):
        event_text({"event": {"B": b"nothing of ours"}})


def test_long_and_short_events_are_found_counted_and_repeated_alike(log: Log) -> None:
    events = [
        Event(each.id, each.action, each.app, each.user, {"note": "x" * size}, each.client_ip, each.brand, each.expires)
        for each, size in zip(some_events(12), [10, 5_000] * 6, strict=True)
    ]
    log.fill(events)

    assert log.ids() == log.expected()
    assert log.ids(user_pk="3") == log.expected(user_pk="3")
    assert log.ids(search="x" * 400) == log.expected(search="x" * 400)
    assert log.get("/events/volume")[1]["total"] == 12
    again = EventStore(log.stack.dynamodb, "events")
    own = event_with({"note": "y" * 5_000})
    assert again.add([Submission(own, "d")]) == again.add([Submission(own, "d")]) == [own]
