"""When a breaker opens, gives up, and has drained: each limit, and a moment before it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tocsin.deliveries.breaker import (
    DRAINS_FOR,
    GIVES_UP_AFTER,
    HANGS_AFTER,
    OPENS_AFTER,
    OPENS_OVER,
    Breaker,
    BreakerState,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)
FAILING = Breaker("hook", "config", failures=OPENS_AFTER, since=NOW - OPENS_OVER, reason="timeout")
OPEN = replace(FAILING, state=BreakerState.OPEN, changed_at=NOW - GIVES_UP_AFTER)
DRAINING = Breaker("hook", "config", BreakerState.DRAINING, changed_at=NOW - DRAINS_FOR)


@pytest.mark.parametrize(
    ("breaker", "opens"),
    [
        (FAILING, True),
        (replace(FAILING, state=BreakerState.DRAINING), True),
        (replace(FAILING, failures=OPENS_AFTER - 1), False),
        (replace(FAILING, since=NOW - OPENS_OVER + MOMENT), False),
        (replace(FAILING, since=None), False),
        (replace(FAILING, state=BreakerState.OPEN), False),
        (replace(FAILING, state=BreakerState.DISABLED), False),
    ],
    ids=["ripe", "draining", "one failure fewer", "a moment sooner", "no failure", "open already", "disabled"],
)
def test_it_opens_after_enough_failures_over_enough_time(breaker: Breaker, opens: bool) -> None:
    assert breaker.ripe(NOW) == opens


@pytest.mark.parametrize(
    ("breaker", "hangs"),
    [
        (replace(FAILING, failures=HANGS_AFTER), True),
        (replace(FAILING, failures=HANGS_AFTER - 1), False),
        (replace(FAILING, reason="http_500"), False),
        (OPEN, True),
        (replace(OPEN, state=BreakerState.DISABLED), False),
    ],
    ids=["three timeouts", "two", "it answers", "open", "disabled"],
)
def test_an_endpoint_hangs_whose_last_attempts_timed_out(breaker: Breaker, hangs: bool) -> None:
    assert breaker.hangs == hangs


@pytest.mark.parametrize(
    ("breaker", "hopeless"),
    [
        (OPEN, True),
        (replace(OPEN, changed_at=NOW - GIVES_UP_AFTER + MOMENT), False),
        (replace(OPEN, changed_at=None), False),
        (replace(OPEN, state=BreakerState.DRAINING), False),
    ],
    ids=["five days", "a moment less", "it is not known since when", "draining"],
)
def test_it_gives_up_what_was_open_for_days(breaker: Breaker, hopeless: bool) -> None:
    assert breaker.hopeless(NOW) == hopeless


@pytest.mark.parametrize(
    ("breaker", "drained"),
    [
        (DRAINING, True),
        (replace(DRAINING, changed_at=NOW - DRAINS_FOR + MOMENT), False),
        (replace(DRAINING, changed_at=None), True),
        (replace(DRAINING, failures=1), False),
        (replace(DRAINING, state=BreakerState.OPEN), False),
    ],
    ids=["five minutes", "a moment less", "of another configuration", "failing again", "open"],
)
def test_it_has_drained_after_some_minutes_without_a_failure(breaker: Breaker, drained: bool) -> None:
    assert breaker.drained(NOW) == drained


def test_it_is_shown_with_its_failures_and_times() -> None:
    assert OPEN.to_json() == {
        "transport": "hook",
        "state": "open",
        "failures_in_a_row": 10,
        "failing_since": "2026-03-01T11:50:00.000Z",
        "changed_at": "2026-02-24T12:00:00.000Z",
        "last_failure": "timeout",
    }
    assert Breaker("hook", "config").to_json() == {
        "transport": "hook",
        "state": "closed",
        "failures_in_a_row": 0,
        "failing_since": None,
        "changed_at": None,
        "last_failure": None,
    }
