"""What one process knows of breakers: for two seconds of the wall clock, and written once a second."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.clocks import Clock
from tests.integration.conftest import Stack
from tests.integration.handler_calls import failing
from tocsin.aws import clients
from tocsin.deliveries.breaker import BreakerState
from tocsin.deliveries.breaker_store import REMEMBERED, WRITTEN_EVERY, Breakers, BreakerStore
from tocsin.notifications.transport import NotificationTransport, TransportMode

HOOK = NotificationTransport(name="hook", mode=TransportMode.WEBHOOK, url="https://example.com/hook")
JUMPS = [REMEMBERED, timedelta(hours=9), timedelta(seconds=-5)]


@pytest.fixture
def clock() -> Clock[datetime]:
    return Clock(datetime(2026, 3, 1, 12, tzinfo=UTC))


@pytest.fixture
def store(stack: Stack) -> BreakerStore:
    return BreakerStore(clients.dynamodb(), "deliveries")


@pytest.mark.parametrize("jump", JUMPS)
def test_a_breaker_is_read_again_after_two_seconds_and_when_the_clock_jumps(
    store: BreakerStore, clock: Clock[datetime], jump: timedelta
) -> None:
    breakers = Breakers(store, clock=clock)
    before = breakers.state(HOOK)
    store.disable(HOOK.name, HOOK.fingerprint, "http_410", now=clock.now)
    held = breakers.state(HOOK)

    clock.now += jump

    assert (before, held) == (BreakerState.CLOSED, BreakerState.CLOSED)
    assert breakers.state(HOOK) is BreakerState.DISABLED


def test_that_a_transport_has_no_breaker_is_remembered_too(store: BreakerStore, clock: Clock[datetime]) -> None:
    breakers = Breakers(store, clock=clock)

    with failing(lambda _: None, "GetItem") as reads:
        states = {breakers.state(HOOK) for _ in range(5)}

    assert states == {BreakerState.CLOSED}
    assert len(reads) == 1


def test_an_open_breaker_is_read_before_each_delivery(store: BreakerStore, clock: Clock[datetime]) -> None:
    store.failed(HOOK.name, HOOK.fingerprint, "timeout", now=clock.now)
    store.open(HOOK.name, now=clock.now)
    breakers = Breakers(store, clock=clock)
    before = breakers.state(HOOK)

    store.recover(HOOK.name, HOOK.fingerprint, now=clock.now)

    assert (before, breakers.state(HOOK)) == (BreakerState.OPEN, BreakerState.DRAINING)


@pytest.mark.parametrize("jump", [WRITTEN_EVERY, timedelta(hours=9), timedelta(seconds=-5)])
def test_a_failure_is_written_once_a_second_and_when_the_clock_jumps(
    store: BreakerStore, clock: Clock[datetime], jump: timedelta
) -> None:
    breakers = Breakers(store, clock=clock)
    for _ in range(5):
        breakers.failed(HOOK, "http_500")
    (once,) = store.all()

    clock.now += jump
    breakers.failed(HOOK, "http_500")

    (twice,) = store.all()
    assert (once.failures, twice.failures) == (1, 2)


def test_a_failure_of_a_transport_that_was_changed_begins_a_breaker_of_its_own(
    store: BreakerStore, clock: Clock[datetime]
) -> None:
    store.failed(HOOK.name, "before", "http_500", now=clock.now)
    store.open(HOOK.name, now=clock.now)
    opened = store.get(HOOK.name)

    begun = store.failed(HOOK.name, HOOK.fingerprint, "timeout", now=clock.now)

    assert opened is not None
    assert (opened.state, opened.changed_at) == (BreakerState.OPEN, clock.now)
    assert begun.to_json() == {
        "transport": "hook",
        "state": "draining",
        "failures_in_a_row": 1,
        "failing_since": "2026-03-01T12:00:00.000Z",
        "changed_at": None,
        "last_failure": "timeout",
    }
    assert store.get(HOOK.name) == begun
