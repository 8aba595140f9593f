"""What Tocsin itself reports, on moto: when it happens, under ids that nobody knows before, once an hour if asked."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import PRODUCER, Client, Killed, failing, raising, throttled
from tocsin.aws import clients
from tocsin.config.changes import ChangeEvents, Teller
from tocsin.config.settings import Settings
from tocsin.errors import Unavailable
from tocsin.events.model import EventAction
from tocsin.events.store import EventStore
from tocsin.events.system import SystemEvents
from tocsin.identity import suspicious_requests
from tocsin.identity.principal import Principal
from tocsin.ids import id_prefix, new_id
from tocsin.times import iso

NOW = datetime(2026, 11, 28, 14, 22, 27, 739_000, tzinfo=UTC)
ADMIN = Principal("admin", "admin", frozenset())


@pytest.fixture
def system_events(stack: Stack) -> SystemEvents:
    return SystemEvents(EventStore(clients.dynamodb(), "events"))


def report(system_events: SystemEvents, now: datetime = NOW, about: str = "hook", **fields: Any) -> None:
    given: dict[str, Any] = {"hourly": ("deliveries-fail", about)} | fields
    system_events.report(
        EventAction.CONFIGURATION_ERROR, {"message": "it fails"}, cause=None, settings=Settings(), now=now, **given
    )


def taken_ids(*ids: str) -> Iterator[str]:
    """These ids, then fresh ones: what the random source gives to somebody who can't be lucky so often."""
    yield from ids
    while True:
        yield new_id()


def test_an_event_is_created_when_it_happens_not_at_the_start_of_its_hour(
    stack: Stack, system_events: SystemEvents
) -> None:
    report(system_events)

    (event,) = stack.events()
    assert event["created"] == iso(NOW)
    assert event["expires"] == iso(NOW + timedelta(days=365))


def test_of_one_thing_only_the_first_of_an_hour_is_stored_whatever_the_number_of_processes(stack: Stack) -> None:
    processes = [SystemEvents(EventStore(clients.dynamodb(), "events")) for _ in range(3)]

    for process in processes:
        for minutes in (0, 10, 30):
            report(process, NOW + timedelta(minutes=minutes))

    assert len(stack.events()) == 1


@pytest.mark.parametrize("other", [{"now": NOW + timedelta(hours=1)}, {"about": "another"}])
def test_the_next_hour_and_another_thing_have_an_event_of_their_own(
    stack: Stack, system_events: SystemEvents, other: dict[str, Any]
) -> None:
    report(system_events)

    report(system_events, **other)

    assert len(stack.events()) == 2


def test_a_process_that_has_said_it_asks_no_table_again_in_that_hour(system_events: SystemEvents) -> None:
    report(system_events)

    with failing(throttled()) as calls:
        report(system_events, NOW + timedelta(minutes=20))
        with pytest.raises(Unavailable):
            report(system_events, NOW + timedelta(hours=1))

    assert set(calls) == {"TransactWriteItems"}


def test_the_id_of_the_same_report_is_another_in_each_stack(stack: Stack) -> None:
    """Ids that follow from what is reported can be worked out and taken by a producer, who mutes an alarm so."""
    report(SystemEvents(EventStore(clients.dynamodb(), "events")))
    (first,) = stack.events()
    for item in stack.items("events"):
        stack.dynamodb.delete_item(TableName="events", Key={"pk": item["pk"], "sk": item["sk"]})

    report(SystemEvents(EventStore(clients.dynamodb(), "events")))

    (second,) = stack.events()
    assert first["id"] != second["id"]
    assert {e["id"][:13] for e in (first, second)} == {id_prefix(NOW)}


def test_a_producer_takes_no_marker_of_ours(stack: Stack, system_events: SystemEvents) -> None:
    """The keys of markers are known; a producer's lie under the id of its API key."""
    key = '["configuration_error","deliveries-fail","hook","2026-11-28T14"]'
    taken = {"action": "noise", "once": {"key": key, "window": "days=1"}}
    assert Client(stack, "ingest").post(taken, key=PRODUCER).status == 201

    report(system_events)

    assert sorted(event["action"] for event in stack.events()) == ["configuration_error", "custom_noise"]


@pytest.mark.parametrize("hourly", [None, ("deliveries-fail", "hook")])
def test_an_event_whose_id_is_taken_gets_another_and_says_so(
    stack: Stack,
    system_events: SystemEvents,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    hourly: tuple[str, ...] | None,
) -> None:
    mine = new_id()
    assert Client(stack, "ingest").post({"action": "noise", "id": mine}).status == 201
    ids = taken_ids(mine)
    monkeypatch.setattr("tocsin.events.system.new_id", lambda _: next(ids))

    report(system_events, hourly=hourly)

    assert "ID_TAKEN" in [getattr(record, "code", None) for record in caplog.records]
    assert sorted(event["action"] for event in stack.events()) == ["configuration_error", "custom_noise"]


def test_an_event_whose_ids_are_all_taken_is_not_taken_for_stored(
    stack: Stack, system_events: SystemEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = new_id()
    assert Client(stack, "ingest").post({"action": "noise", "id": mine}).status == 201
    monkeypatch.setattr("tocsin.events.system.new_id", lambda _: mine)

    with pytest.raises(Unavailable, match="taken"):
        report(system_events)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("hourly", [None, ("deliveries-fail", "hook")])
def test_a_report_that_is_tried_again_is_stored_once(
    stack: Stack, system_events: SystemEvents, hourly: tuple[str, ...] | None
) -> None:
    with failing(throttled("InternalServerError", 500), at=lambda number: number < 3) as calls:
        report(system_events, hourly=hourly, tries=3)

    assert len(calls) >= 3
    assert len(stack.events()) == 1


def test_a_report_that_dies_leaves_no_marker_without_its_event(stack: Stack, system_events: SystemEvents) -> None:
    with failing(raising(Killed())), pytest.raises(Killed):
        report(system_events)

    report(SystemEvents(EventStore(clients.dynamodb(), "events")))

    assert len(stack.events()) == 1


def test_what_is_not_said_once_an_hour_is_said_each_time(stack: Stack, system_events: SystemEvents) -> None:
    report(system_events, hourly=None)
    report(system_events, hourly=None)

    assert len(stack.events()) == 2


def test_a_suspicious_request_is_created_when_its_failures_are_counted(
    stack: Stack, system_events: SystemEvents
) -> None:
    suspicious_requests.report(system_events, Settings(), "203.0.113.9", 10, NOW)
    suspicious_requests.report(system_events, Settings(), "203.0.113.9", 100, NOW + timedelta(seconds=1))

    created = sorted((event["created"], event["context"]["failures"]) for event in stack.events())
    assert created == [(iso(NOW), 10), (iso(NOW + timedelta(seconds=1)), 100)]


@pytest.mark.parametrize(
    ("network", "client_ip"),
    [("203.0.113.9", "203.0.113.9"), ("2001:db8:0:1::/64", "2001:db8:0:1::"), ("unknown", None)],
)
def test_a_suspicious_request_says_the_address_where_there_is_one(
    stack: Stack, system_events: SystemEvents, network: str, client_ip: str | None
) -> None:
    suspicious_requests.report(system_events, Settings(), network, 10, NOW)

    (event,) = stack.events()
    assert event["client_ip"] == client_ip
    assert f"came from {network} in one hour" in event["context"]["message"]


def test_changes_are_told_in_their_order(stack: Stack) -> None:
    changes: list[Any] = [{"kind": "rules", "name": f"r{number}", "change": "create"} for number in range(20)]

    store = ChangeEvents(EventStore(clients.dynamodb(), "events")).store
    for event in reversed(Teller(ADMIN, Settings()).events(changes)):
        store(event)

    told = sorted(stack.events(), key=lambda event: str(event["id"]))
    assert [event["context"]["model"]["name"] for event in told] == [f"r{number}" for number in range(20)]
    assert all(first["id"] < second["id"] for first, second in pairwise(told))
