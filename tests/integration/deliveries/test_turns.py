"""Turns of a transport that takes so many messages a time: what has none yet waits in its queue, or in the table."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.sinks import Sinks
from tests.integration.delivery_world import World
from tocsin.deliveries.breaker import BreakerState
from tocsin.deliveries.items import QUEUE_GRACE
from tocsin.deliveries.worker import PATIENCE
from tocsin.notifications.outcome import Outcome, State

MINUTE = timedelta(minutes=1)


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, Any]]:
    return [
        (vars(line)["delivery_id"], vars(line)["next_attempt_s"])
        for line in caplog.records
        if getattr(line, "code", None) == "DELIVERY_POSTPONED"
    ]


def grace(world: World) -> list[timedelta]:
    """How long after a turn the schedule would send what waits for it, if nothing else did."""
    items = [item for item in world.all() if item["state"]["S"] == "queued"]
    return [timedelta(seconds=float(item["due_at"]["N"]) - float(item["not_before"]["N"])) for item in items]


def test_a_message_without_a_turn_is_queued_again_for_it(
    world: World, sinks: Sinks, caplog: pytest.LogCaptureFixture
) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    messages = [world.message() for _ in range(3)]
    world.send(*messages)
    worker = world.worker(pace=MINUTE)

    world.pump(worker)

    assert world.states() == {"delivered": 1, "queued": 2}
    assert sorted(seconds for _, seconds in said(caplog)) == [60, 120]
    assert grace(world) == [QUEUE_GRACE] * 2
    assert world.waiting() == []
    world.later(minutes=1)
    world.pump(worker)
    at_first = world.states()["delivered"]
    world.later(minutes=1)
    world.pump(worker)
    assert (at_first, world.states()) == (2, {"delivered": 3})


def test_a_message_whose_turn_is_further_off_than_a_queue_delays_waits_in_the_table(
    world: World, sinks: Sinks, caplog: pytest.LogCaptureFixture
) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    messages = [world.message() for _ in range(2)]
    world.send(*messages)
    worker = world.worker(pace=timedelta(hours=1))

    world.pump(worker)

    (waiting,) = said(caplog)
    assert waiting[1] == 15 * 60
    assert grace(world) == [timedelta(0)]
    world.later(minutes=14)
    assert world.waiting() == []
    world.later(minutes=47)
    world.go_on(worker)
    assert world.states() == {"delivered": 2}


@pytest.mark.parametrize(("more", "slept"), [(0, [0.0, 3.0]), (1, [0.0])])
def test_a_function_waits_three_seconds_for_a_turn(world: World, more: int, slept: list[float]) -> None:
    world.hook("https://example.com/x")
    world.send(*[world.message() for _ in range(2)])
    pace = PATIENCE + timedelta(seconds=more)

    world.pump(world.worker(pace=pace, parallel=1, deliver=lambda _: Outcome(State.DELIVERED, "http_200")))

    assert world.slept == slept
    assert world.states() == ({"delivered": 1, "queued": 1} if more else {"delivered": 2})


def test_a_breaker_that_drains_is_of_the_same_transport(world: World) -> None:
    hook = world.hook("https://example.com/x")
    world.breakers.failed("hook", hook.fingerprint, "http_500", now=world.now)
    breaker = world.breakers.get("hook")
    assert breaker is not None

    drained = world.breakers.drain(breaker, now=world.now)

    assert (drained.transport, drained.of, drained.state) == ("hook", hook.fingerprint, BreakerState.DRAINING)
    stored = world.breakers.get("hook")
    assert stored is not None and (stored.of, stored.state) == (drained.of, drained.state)


def test_each_transport_has_turns_of_its_own(world: World) -> None:
    hook = world.hook("https://example.com/x")
    world.configure(hook, replace(hook, name="other"))
    world.send(*[world.message(name) for name in ("hook", "other")])

    world.pump(world.worker(pace=MINUTE, deliver=lambda _: Outcome(State.DELIVERED, "http_200")))

    assert world.states() == {"delivered": 2}
