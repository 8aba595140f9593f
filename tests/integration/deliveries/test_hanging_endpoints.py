"""An endpoint that keeps us waiting gets one function's time, not all of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from local.sinks import Sinks
from tests.integration.deliveries.said_lines import said_since
from tests.integration.delivery_world import World
from tocsin.deliveries.breaker import HANGS_AFTER
from tocsin.notifications.outcome import Outcome, State


def failed(world: World, sinks: Sinks, reason: str, times: int = HANGS_AFTER) -> None:
    """A webhook whose endpoint has failed so often, each time for that reason."""
    hook = world.hook(f"{sinks.url}/webhook/x")
    for _ in range(times):
        world.breakers.failed("hook", hook.fingerprint, reason, now=world.now)


def test_of_what_waits_for_an_endpoint_that_hangs_one_is_attempted(world: World, sinks: Sinks) -> None:
    failed(world, sinks, "timeout")
    world.hang(sinks, "/webhook/x")
    messages = [world.message() for _ in range(10)]
    world.send(*messages)

    world.pump(world.worker())

    assert len(sinks.received()) == 1
    assert world.states() == {"retrying": 1, "queued": 9}
    assert sum(len(world.delivery(message)["attempts"]) for message in messages) == 1  # waiting costs no try
    assert world.slept == [0.0]  # nor a function's time


@pytest.mark.parametrize(("pace", "turns"), [(2, [2, 4]), (80, [80, 120])])
def test_no_function_waits_for_a_turn_and_what_gets_none_asks_again_in_two_minutes(
    world: World, caplog: pytest.LogCaptureFixture, pace: int, turns: list[int]
) -> None:
    hook = world.hook("https://example.com/x")
    for _ in range(HANGS_AFTER):
        world.breakers.failed("hook", hook.fingerprint, "timeout", now=world.now)
    messages = [world.message() for _ in range(3)]
    world.send(*messages)

    world.pump(
        world.worker(
            deliver=lambda _: Outcome(State.RETRYING, "timeout"), hanging_pace=timedelta(seconds=pace), parallel=1
        )
    )

    assert world.slept == [0.0]
    assert (
        sorted(line["next_attempt_s"] for line in said_since(caplog) if line["code"] == "DELIVERY_POSTPONED") == turns
    )


def test_the_others_come_in_their_turn_and_by_the_schedule(world: World, sinks: Sinks) -> None:
    failed(world, sinks, "timeout")
    world.hang(sinks, "/webhook/x", times=1)
    world.send(*[world.message() for _ in range(20)])

    world.pump(world.worker())
    after_the_first = world.states()
    for _ in range(12):
        world.go_on(world.worker(), seconds=15)

    assert after_the_first == {"retrying": 1, "queued": 19}
    assert world.states() == {"delivered": 20}
    assert len(sinks.received()) == 21


def test_once_it_answers_nothing_waits_any_more(world: World, sinks: Sinks) -> None:
    failed(world, sinks, "timeout")
    world.send(world.message())
    world.pump(world.worker())

    world.send(*[world.message() for _ in range(10)])
    world.pump(world.worker())

    assert world.states() == {"delivered": 11}


@pytest.mark.parametrize(("reason", "times"), [("http_500", 9), ("connect", 9), ("timeout", HANGS_AFTER - 1)])
def test_failures_that_take_no_time_or_are_few_slow_nothing_down(
    world: World, sinks: Sinks, reason: str, times: int
) -> None:
    failed(world, sinks, reason, times)
    world.send(*[world.message() for _ in range(10)])

    world.pump(world.worker())

    assert world.states() == {"delivered": 10}


def test_a_test_by_hand_waits_for_no_turn(world: World, sinks: Sinks) -> None:
    failed(world, sinks, "timeout")
    world.hang(sinks, "/webhook/x", times=1)
    first, tested = world.message(), world.message(test=True)

    world.send(first)
    world.pump(world.worker())
    world.send(tested)
    world.pump(world.worker())

    assert world.delivery(tested)["state"] == "delivered"


def test_once_it_is_disabled_nothing_waits_for_a_turn_that_would_tell_nobody(world: World, sinks: Sinks) -> None:
    """The fault: deliveries that were only to fail had to ask for turns, eight in two minutes."""
    failed(world, sinks, "timeout")
    hook = world.configuration.current(fresh=True)[1].transports_by_name["hook"]
    world.breakers.disable("hook", hook.fingerprint, "timeout", now=world.now)
    world.send(*[world.message() for _ in range(10)])

    world.pump(world.worker())

    assert world.states() == {"failed": 10}
    assert sinks.received() == []


def test_another_endpoint_is_not_slowed_down(world: World, sinks: Sinks) -> None:
    failed(world, sinks, "timeout")
    hook = world.configuration.current(fresh=True)[1].transports_by_name["hook"]
    other = replace(hook, name="other")
    world.configure(hook, other)
    world.send(*[world.message("other") for _ in range(10)])

    world.pump(world.worker())

    assert world.states() == {"delivered": 10}


def test_each_of_two_endpoints_that_hang_has_its_turns(world: World) -> None:
    hook = world.hook("https://example.com/x")
    both = [hook, replace(hook, name="other")]
    world.configure(*both)
    for transport in both:
        for _ in range(HANGS_AFTER):
            world.breakers.failed(transport.name, transport.fingerprint, "timeout", now=world.now)
    world.send(*[world.message(transport.name) for transport in both])

    world.pump(world.worker(deliver=lambda _: Outcome(State.DELIVERED, "http_200")))

    assert world.states() == {"delivered": 2}
