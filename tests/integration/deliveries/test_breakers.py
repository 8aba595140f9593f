"""What one process knows of breakers: for two seconds of the wall clock, and written once a second."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.clocks import Clock
from tests.integration.conftest import Stack
from tests.integration.handler_calls import failing
from tocsin.aws import clients
from tocsin.deliveries.breaker import HANGS_AFTER, Breaker, BreakerState
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


# ── what a process makes of an attempt ───────────────────────────────────────


@pytest.mark.parametrize(
    ("mode", "reason", "failures", "hangs"),
    [
        (TransportMode.WEBHOOK, "timeout", HANGS_AFTER, True),
        (TransportMode.WEBHOOK, "timeout", HANGS_AFTER - 1, False),
        (TransportMode.WEBHOOK, "http_500", HANGS_AFTER, False),
        (TransportMode.LOCAL, "timeout", HANGS_AFTER, False),
        (TransportMode.WEBHOOK, "timeout", 0, False),
    ],
)
def test_whether_a_transport_hangs_is_known_of_its_breaker(
    store: BreakerStore, clock: Clock[datetime], mode: TransportMode, reason: str, failures: int, hangs: bool
) -> None:
    transport = replace(HOOK, mode=mode)
    for _ in range(failures):
        store.failed(transport.name, transport.fingerprint, reason, now=clock.now)

    assert Breakers(store, clock=clock).hangs(transport) == hangs
    assert not Breakers(store, clock=clock).hangs(replace(transport, url="https://example.com/anew"))


@pytest.mark.parametrize("state", ["closed", "open", "draining", "draining, and failing again", "disabled"])
def test_a_success_ends_an_outage_or_forgets_a_few_failures(
    store: BreakerStore, clock: Clock[datetime], state: str
) -> None:
    store.failed(HOOK.name, HOOK.fingerprint, "http_500", now=clock.now)
    if state == "open":
        store.open(HOOK.name, now=clock.now)
    elif state == "disabled":
        store.disable(HOOK.name, HOOK.fingerprint, "http_410", now=clock.now)
    elif state != "closed":
        store.recover(HOOK.name, HOOK.fingerprint, now=clock.now)
    if state == "draining, and failing again":
        store.failed(HOOK.name, HOOK.fingerprint, "http_500", now=clock.now)
    clock.now += timedelta(minutes=1)

    ended = Breakers(store, clock=clock).succeeded(HOOK)

    found = store.get(HOOK.name)
    assert ended == (state not in {"closed", "draining"})
    if state == "closed":
        assert found is None
        return
    changed_at = clock.now if ended else clock.now - timedelta(minutes=1)
    assert found == Breaker(HOOK.name, HOOK.fingerprint, BreakerState.DRAINING, changed_at=changed_at)


@pytest.mark.parametrize("retried", [True, False])
def test_the_success_of_what_was_retried_ends_a_count_that_another_process_made(
    store: BreakerStore, clock: Clock[datetime], retried: bool
) -> None:
    breakers = Breakers(store, clock=clock)
    breakers.state(HOOK)
    store.failed(HOOK.name, HOOK.fingerprint, "http_500", now=clock.now)

    assert not breakers.succeeded(HOOK, retried=retried)

    assert (store.get(HOOK.name) is None) == retried


def test_successes_of_what_works_cost_a_read_now_and_then(store: BreakerStore, clock: Clock[datetime]) -> None:
    store.failed(HOOK.name, HOOK.fingerprint, "http_500", now=clock.now)
    breakers = Breakers(store, clock=clock)

    with failing(lambda _: None) as calls:
        for _ in range(3):
            assert not breakers.succeeded(HOOK)

    assert calls == ["GetItem", "DeleteItem"]


def test_what_a_process_learns_it_knows_at_once(store: BreakerStore, clock: Clock[datetime]) -> None:
    breakers = Breakers(store, clock=clock)
    breakers.state(HOOK)

    assert breakers.gone(HOOK, "http_410")
    assert (breakers.state(HOOK), breakers.reason(HOOK)) == (BreakerState.DISABLED, "http_410")
    assert not breakers.gone(HOOK, "http_410")
    assert breakers.succeeded(HOOK)
    assert breakers.state(HOOK) is BreakerState.DRAINING


def test_a_process_knows_the_failures_that_it_noted_itself(store: BreakerStore, clock: Clock[datetime]) -> None:
    for _ in range(HANGS_AFTER - 1):
        store.failed(HOOK.name, HOOK.fingerprint, "timeout", now=clock.now)
    breakers = Breakers(store, clock=clock)
    before = breakers.hangs(HOOK)

    assert not breakers.failed(HOOK, "timeout")

    assert (before, breakers.hangs(HOOK)) == (False, True)


def test_an_inbox_is_never_held_and_asks_nothing(store: BreakerStore, clock: Clock[datetime]) -> None:
    inbox, breakers = replace(HOOK, mode=TransportMode.LOCAL), Breakers(store, clock=clock)
    store.failed(inbox.name, inbox.fingerprint, "timeout", now=clock.now)
    store.open(inbox.name, now=clock.now)

    with failing(lambda _: None) as calls:
        state, learned = breakers.state(inbox), breakers.succeeded(inbox)

    assert (state, learned, calls) == (BreakerState.CLOSED, False, [])
