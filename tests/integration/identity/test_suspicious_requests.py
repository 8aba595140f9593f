"""The event that tells of an address whose keys and tokens are all unknown."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.conftest import Stack
from tocsin.config.settings import Settings
from tocsin.events.store import EventStore
from tocsin.events.system import SystemEvents
from tocsin.identity.suspicious_requests import report
from tocsin.ids import id_time

NOW = datetime(2026, 3, 1, 12, 59, 59, tzinfo=UTC)


def process(stack: Stack) -> SystemEvents:
    """What one process reports with: it remembers what it reported."""
    return SystemEvents(EventStore(stack.dynamodb, "events"))


@pytest.mark.parametrize(
    ("network", "client_ip"), [("203.0.113.9", "203.0.113.9"), ("2001:db8:1:2::/64", "2001:db8:1:2::"), ("?", None)]
)
def test_the_event_says_what_came_from_where_and_when(stack: Stack, network: str, client_ip: str | None) -> None:
    report(process(stack), Settings(), network, 10, NOW)

    (event,) = stack.events()
    assert (event["action"], event["client_ip"], id_time(event["id"])) == ("suspicious_request", client_ip, NOW)
    assert event["context"] == {
        "message": f"10 requests with unknown keys or bad access tokens came from {network} in one hour",
        "failures": 10,
    }


def test_each_count_of_each_address_is_told_once_an_hour_whoever_counts(stack: Stack) -> None:
    for system_events in (process(stack), process(stack)):
        for address in ("203.0.113.9", "203.0.113.10"):
            for failures in (10, 100, 10):
                report(system_events, Settings(), address, failures, NOW)
    report(process(stack), Settings(), "203.0.113.9", 10, NOW + timedelta(seconds=1))

    told = sorted((event["client_ip"], event["context"]["failures"]) for event in stack.events())
    assert told == [
        ("203.0.113.10", 10),
        ("203.0.113.10", 100),
        ("203.0.113.9", 10),
        ("203.0.113.9", 10),
        ("203.0.113.9", 100),
    ]
