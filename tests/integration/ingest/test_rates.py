"""POST /events on moto by keys that may send so many events a minute, and what stands beside the events for that."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import PRODUCER, Client, failing, throttled
from tocsin.aws import clients
from tocsin.events import store as event_store
from tocsin.ids import new_id

LOGIN: dict[str, Any] = {"action": "login"}
BATCH: list[dict[str, Any]] = [LOGIN] * 40


@pytest.fixture
def producer(stack: Stack) -> Client:
    return Client(stack, "ingest")


def limited(limit: int) -> dict[str, str]:
    return PRODUCER | {"events_per_minute": str(limit)}


@pytest.fixture
def in_one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """All requests come at 20 s past noon."""
    noon = datetime(2026, 3, 1, 12, 0, 20, tzinfo=UTC)
    monkeypatch.setattr("tocsin.ingest.service.new_id", lambda: new_id(noon))


@pytest.mark.usefixtures("in_one_minute")
def test_more_events_than_a_key_may_send_in_a_minute_are_refused(stack: Stack, producer: Client) -> None:
    first = producer.post(BATCH[:3], key=limited(4))
    second = producer.post(BATCH[:2], key=limited(4))

    assert (first.status, len(stack.events())) == (200, 3)
    assert second.is_problem(429)
    assert "may send 4 events a minute, and this request has 2" in second.body["detail"]
    assert second.headers["retry-after"] == "40"


@pytest.mark.usefixtures("in_one_minute")
def test_a_request_of_more_events_than_a_whole_minute_has_is_refused_and_counts_nothing(
    stack: Stack, producer: Client
) -> None:
    too_many = producer.post(BATCH[:3], key=limited(2))
    all_of_them = producer.post(BATCH[:2], key=limited(2))

    assert too_many.is_problem(429)
    assert (all_of_them.status, len(stack.events())) == (200, 2)


def test_the_next_minute_is_a_new_one(producer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    noon = datetime(2026, 3, 1, 12, 0, 59, tzinfo=UTC)
    moments = iter([noon, noon, noon + timedelta(seconds=1)])
    monkeypatch.setattr("tocsin.ingest.service.new_id", lambda: new_id(next(moments)))

    statuses = [producer.post(LOGIN, key=limited(1)).status for _ in range(3)]

    assert statuses == [201, 429, 201]


def test_bad_events_do_not_count(producer: Client) -> None:
    bodies: list[Any] = [[{}] * 3, {}, [LOGIN, {}]]

    statuses = [producer.post(body, key=limited(1)).status for body in bodies]

    assert statuses == [422, 422, 200]


def test_one_keys_excess_is_not_anothers(producer: Client) -> None:
    producer.post(BATCH, key=limited(len(BATCH)))

    assert producer.post(LOGIN, key=limited(1) | {"key_id": "ffffffffffffffff"}).status == 201


def test_where_the_count_can_not_be_made_nothing_is_taken(stack: Stack, producer: Client) -> None:
    with failing(throttled(), "UpdateItem"):
        answer = producer.post(LOGIN, key=limited(10))

    assert answer.is_problem(503)
    assert stack.events() == []


@pytest.mark.usefixtures("in_one_minute")
def test_the_records_beside_events_are_not_events(stack: Stack, producer: Client) -> None:
    """The stream's filter goes by the key's prefix: what guards the way in must not look like an event."""
    producer.post(LOGIN, key=limited(10), idempotency_key="k1")

    items = {item["pk"]["S"].split("#")[0]: item for item in stack.items("events")}
    assert items.keys() == {"event", "idempotency", "rate"}
    assert (items["idempotency"]["sk"], items["rate"]["sk"]) == ({"S": "request"}, {"S": "2026-03-01T12:00"})
    ends = {name: datetime.fromtimestamp(int(item["expires_at"]["N"]), UTC) for name, item in items.items()}
    noon = datetime(2026, 3, 1, 12, 0, 20, tzinfo=UTC)
    assert (ends["idempotency"], ends["rate"]) == (noon + timedelta(hours=24), noon + timedelta(hours=1))
    assert ends["event"] > noon
    assert clients.dynamodb().get_item(TableName="events", Key=event_store.event_key(stack.events()[0]["id"]))["Item"]
