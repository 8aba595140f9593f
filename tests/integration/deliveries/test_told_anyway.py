"""Functions that die between any two calls to AWS: what administrators are to hear of is told all the same, once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.sinks import Misbehaviour, Sinks
from tests.integration.delivery_world import World
from tests.integration.handler_calls import Killed, failing, heard, throttled
from tocsin.aws import clients
from tocsin.deliveries.backoff import PAUSES
from tocsin.deliveries.breaker import GIVES_UP_AFTER, BreakerState
from tocsin.deliveries.items import Place
from tocsin.deliveries.worker import LEASE
from tocsin.notifications.email.suppressions import Suppressions

MOST_CALLS = 30
HIDDEN = {"minutes": 4}
"""After which a message that a function died with is given out again, and its lease is over."""


@contextmanager
def dies(world: World, number: int, when: str, client: Any = None) -> Iterator[list[str]]:
    """Within, the process ends before or after the call to DynamoDB of that number is done. Gives the calls."""
    calls: list[str] = []

    def die(model: Any, **_: Any) -> None:
        calls.append(model.name)
        if len(calls) == number:
            raise Killed

    with heard(client or world.stack.dynamodb, f"{when}-call.dynamodb", die), suppress(Killed):
        yield calls


def said(world: World, words: str) -> int:
    return sum(words in event["context"]["message"] for event in world.reported())


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("status", [404, 410])
def test_a_failure_is_told_wherever_the_function_dies(world: World, sinks: Sinks, status: int, when: str) -> None:
    """The fault: who died between noting a failure, or disabling a transport, and telling of it had told nobody."""
    sinks.misbehave(Misbehaviour("/webhook/x", status=status))
    begun = world.now
    for number in range(1, MOST_CALLS):
        world.now = begun  # what is told is told once an hour
        world.hook(f"{sinks.url}/webhook/x?{number}", name=f"hook-{number}")
        message = world.message(f"hook-{number}")
        world.send(message)

        with dies(world, number, when) as calls:
            world.pump(world.worker())
        for _ in range(2):
            world.go_on(world.worker(), **HIDDEN)

        assert world.delivery(message)["state"] == "failed", calls
        breaker = world.breakers.get(f"hook-{number}")
        is_disabled = breaker is not None and breaker.state is BreakerState.DISABLED
        assert said(world, f"hook-{number} fail: ") == 1, calls
        assert said(world, f"hook-{number} is disabled: ") == is_disabled, calls
        if len(calls) < number:
            return
    pytest.fail("there are more calls")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_transport_that_is_given_up_is_told_wherever_the_schedule_dies(world: World, sinks: Sinks, when: str) -> None:
    for number in range(1, MOST_CALLS):
        for breaker in world.breakers.all():  # of transports that are configured no more
            world.breakers.forget(breaker)
        hook = world.hook(f"{sinks.url}/webhook/x", name=f"hook-{number}")
        world.open_breaker(hook)
        world.later(days=GIVES_UP_AFTER.days)

        with dies(world, number, when) as calls:
            world.redrive()
        world.later(minutes=1)
        world.redrive()

        assert said(world, f"hook-{number} is disabled: ") == 1, calls
        if len(calls) < number:
            return
    pytest.fail("there are more calls")


def test_a_transport_whose_end_no_table_took_is_told_of_by_the_schedule(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=410))
    world.hook(f"{sinks.url}/webhook/x")
    world.send(world.message())

    with failing(throttled(), table="events", client=world.stack.dynamodb, at=lambda call: call > 1):
        world.pump(world.worker())
    untold = said(world, "is disabled")
    for _ in range(2):
        world.go_on(world.worker(), minutes=1)

    assert (untold, said(world, "is disabled")) == (0, 1)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_delivery_that_kills_its_function_is_told_wherever_the_schedule_dies(
    world: World, sinks: Sinks, when: str
) -> None:
    begun = world.now
    for number in range(1, MOST_CALLS):
        world.now = begun
        world.hook(f"{sinks.url}/webhook/x", name=f"hook-{number}")
        message = world.message(f"hook-{number}")
        world.deliveries.take(replace(message, again=True), now=world.now, lease=LEASE, keep=timedelta(days=30))
        world.stack.dynamodb.update_item(
            TableName="deliveries",
            Key=Place.of(message.delivery_id).key,
            UpdateExpression="SET tries = :most",
            ExpressionAttributeValues={":most": {"N": str(len(PAUSES))}},
        )
        world.later(**HIDDEN)

        with dies(world, number, when) as calls:
            world.redrive()
        world.later(minutes=1)
        world.redrive()

        assert world.delivery(message)["state"] == "failed", calls
        assert said(world, f"hook-{number} fail: ") == 1, calls
        if len(calls) < number:
            return
    pytest.fail("there are more calls")


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_address_that_gets_no_more_mail_is_told_wherever_the_function_dies(
    world: World, load: Callable[[str], dict[str, Any]], when: str
) -> None:
    """The fault: what had died before it told of the stop found the address stopped, and told nobody."""
    for number in range(1, MOST_CALLS):
        address = f"u{number}@example.com"
        event = load("feedback-bounce")
        event["detail"]["bounce"]["bouncedRecipients"] = [{"emailAddress": address}]

        with dies(world, number, when, clients.dynamodb()) as calls:
            world.stack.call("feedback", event)
        world.stack.call("feedback", event)
        again = world.stack.call("feedback", event)

        told = [each for each in world.reported("configuration_warning") if each["context"]["address"] == address]
        assert (len(told), again) == (1, {"stopped": 0}), calls
        assert Suppressions(world.stack.dynamodb, "deliveries").get(address) is not None
        if len(calls) < number:
            return
    pytest.fail("there are more calls")


def test_a_stop_that_can_not_be_told_of_is_tried_again(world: World, load: Callable[[str], dict[str, Any]]) -> None:
    event = load("feedback-bounce")

    with failing(throttled(), table="events"), pytest.raises(Exception, match="could not be stored"):
        world.stack.call("feedback", event)
    stopped = world.stack.call("feedback", event)["stopped"]

    assert stopped == 1
    assert len(world.reported("configuration_warning")) == 1
