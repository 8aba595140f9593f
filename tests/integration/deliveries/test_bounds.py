"""A delivery's item stays small however often it is attempted, and one that can't be changed stops no other."""

import contextlib
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from local.sinks import Misbehaviour, Sinks
from tests.integration.delivery_world import World
from tests.integration.handler_calls import failing, throttled
from tocsin.deliveries.items import FIRST_ATTEMPTS_KEPT, MOST_ATTEMPTS, STATE_SHARDS, Place
from tocsin.deliveries.model import MAX_HOPS, Attempt, DeliveryMessage, Following
from tocsin.deliveries.redrive_store import RedeliveryStore, Span
from tocsin.errors import Unavailable
from tocsin.notifications.outcome import Outcome, State


def attempts_noted(world: World, message: DeliveryMessage, count: int) -> None:
    for number in range(count):
        outcome = Outcome(State.RETRYING, "http_500", f"attempt {number}", answer="x" * 1000)
        following = Following(State.HELD, counted=False)
        world.deliveries.note(message, Attempt(world.now + timedelta(minutes=number), 7, outcome), following)


def hops_of(world: World) -> dict[str, int]:
    """Of the messages that wait in the queue, by their events."""
    bodies = [json.loads(record["body"]) for record in world.waiting()]
    return {body["event_id"]: body.get("hops", 0) for body in bodies}


def due_message(world: World, sinks: Sinks) -> DeliveryMessage:
    """A delivery that failed once and waits to be tried again by the schedule."""
    message = world.message()
    world.send(message)
    world.pump(world.worker())
    return message


def test_an_item_holds_the_first_and_the_last_attempts_and_counts_the_others(world: World, sinks: Sinks) -> None:
    """The fault: each probe of an open breaker added one, to 400 KB, and then nothing could be noted any more."""
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()

    attempts_noted(world, message, 120)

    delivery = world.delivery(message)
    kept = [int(attempt["detail"].split()[1]) for attempt in delivery["attempts"]]
    assert len(kept) <= MOST_ATTEMPTS
    assert kept[:FIRST_ATTEMPTS_KEPT] == list(range(FIRST_ATTEMPTS_KEPT))
    assert kept[FIRST_ATTEMPTS_KEPT:] == list(range(120 - len(kept) + FIRST_ATTEMPTS_KEPT, 120))
    assert delivery["attempts_left_out"] + len(kept) == 120


def test_the_condition_of_a_change_holds_also_where_room_is_made(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    attempts_noted(world, message, MOST_ATTEMPTS)
    delivered = Attempt(world.now, 7, Outcome(State.DELIVERED, "http_200"))
    world.deliveries.note(message, delivered, Following(State.DELIVERED))
    attempts_noted(world, message, MOST_ATTEMPTS)

    delivery = world.delivery(message)
    assert delivery["state"] == "delivered"
    assert delivery["attempts"][-1]["state"] == "delivered"


def test_a_message_goes_through_its_own_queue_so_often_and_then_by_the_schedule(world: World, sinks: Sinks) -> None:
    """Lambda stops no loop of the delivering functions: docs/decisions/0009."""
    sinks.misbehave(Misbehaviour("/webhook/x", status=503))
    world.hook(f"{sinks.url}/webhook/x")
    last, beyond = replace(world.message(), hops=MAX_HOPS - 1), replace(world.message(), hops=MAX_HOPS)

    world.send(last, beyond)
    world.pump(world.worker())
    world.later(minutes=5)

    assert hops_of(world) == {last.event_id: MAX_HOPS}
    world.later(hours=2)
    world.redrive()
    assert hops_of(world)[beyond.event_id] == 0


def test_a_delivery_that_can_not_be_claimed_keeps_no_other_from_going_on(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=503))
    world.hook(f"{sinks.url}/webhook/x")
    worker = world.worker()
    messages = [due_message(world, sinks) for _ in range(8)]
    sinks.behave()
    world.forget_messages()
    throttle = throttled()
    poisoned = messages[0].event_id.encode()

    with failing(
        lambda call: throttle(call) if poisoned in call["body"] else None, "UpdateItem", client=world.stack.dynamodb
    ):
        world.later(hours=2)
        with pytest.raises(Unavailable):
            world.redrive()
        world.pump(worker)

    assert world.states() == {"delivered": 7, "retrying": 1}
    world.go_on(worker, hours=1)
    assert world.states() == {"delivered": 8}


def test_a_delivery_that_can_not_be_read_keeps_no_other_from_going_on(world: World, sinks: Sinks) -> None:
    """The fault: what raised no Unavailable ended the run, and what it had claimed before was sent an hour later."""
    sinks.misbehave(Misbehaviour("/webhook/x", status=503))
    world.hook(f"{sinks.url}/webhook/x")
    worker = world.worker()
    messages = [due_message(world, sinks) for _ in range(8)]
    sinks.behave()
    world.forget_messages()
    for broken in messages[:2]:
        world.stack.dynamodb.update_item(
            TableName="deliveries",
            Key=Place.of(broken.delivery_id).key,
            UpdateExpression="REMOVE severity",
        )

    world.later(hours=2)
    with pytest.raises(Unavailable, match="a fault of Tocsin's: ValueError"):
        world.redrive()
    world.pump(worker)

    assert world.states() == {"delivered": 6, "queued": 2}


def test_a_delivery_that_was_erased_while_it_asked_for_a_turn_is_not_made_anew(world: World, sinks: Sinks) -> None:
    """The fault: an item of which no message can be made, and which nothing ever deletes."""
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.deliveries.take(message, now=world.now, lease=timedelta(seconds=35), keep=timedelta(days=31))
    world.stack.dynamodb.delete_item(TableName="deliveries", Key=Place.of(message.delivery_id).key)

    world.deliveries.postpone(message, world.now + timedelta(minutes=1), by_queue=True, now=world.now)

    assert world.all() == []


@pytest.mark.parametrize("after", [0, 3, MOST_ATTEMPTS])
def test_a_delivery_that_was_erased_during_its_attempt_is_not_made_anew(world: World, sinks: Sinks, after: int) -> None:
    attempt = Attempt(world.now, 7, Outcome(State.RETRYING, "http_500"))
    following = Following(State.RETRYING, world.now + timedelta(minutes=1))

    world.deliveries.note(world.message(), attempt, following, after)

    assert world.all() == []


def test_a_delivery_whose_item_takes_no_more_is_given_up_and_reported(world: World, sinks: Sinks) -> None:
    """The fault: an item of 400 KB broke off the run, each minute, and an eighth of all retries stood still."""
    sinks.misbehave(Misbehaviour("/webhook/x", status=503))
    world.hook(f"{sinks.url}/webhook/x")
    worker = world.worker()
    full, other = due_message(world, sinks), due_message(world, sinks)
    world.forget_messages()
    fill_up(world, full)
    sinks.behave()

    world.go_on(worker, hours=2)

    assert world.states() == {"delivered": 1, "failed": 1}
    assert world.delivery(other)["state"] == "delivered"
    assert [attempt["reason"] for attempt in world.delivery(full)["attempts"]] == ["item_refused"]
    assert any(event["context"]["reason"] == "item_refused" for event in world.reported())
    listed = world.service().list(transport="hook", states=[State.FAILED], since=None, until=None, before=None, limit=9)
    assert [each["id"] for each in listed.items] == [full.delivery_id]


def fill_up(world: World, message: DeliveryMessage) -> None:
    """Have a function that delivers it die, and its item hold as much as an item can, to a few bytes."""
    for size in (408_000, 500, 50, 5):
        with contextlib.suppress(ClientError):
            while True:
                world.stack.dynamodb.update_item(
                    TableName="deliveries",
                    Key=Place.of(message.delivery_id).key,
                    UpdateExpression="SET #state = :delivering, attempts = list_append(attempts, :more)",
                    ExpressionAttributeNames={"#state": "state"},
                    ExpressionAttributeValues={
                        ":delivering": {"S": "delivering"},
                        ":more": {"L": [{"S": "x" * size}]},
                    },
                )


def test_a_state_that_is_asked_for_again_and_again_is_read_once(world: World) -> None:
    """The fault: each time was a read of each list of each transport, a hundred thousand for one request."""
    store = RedeliveryStore(world.stack.dynamodb, "deliveries")
    states = (State.FAILED, State.HELD) * 1_000

    with failing(throttled(), "Query", at=lambda _: False, client=world.stack.dynamodb) as calls:
        store.newest(Span(("hook",), states), before=None, limit=5)
        store.oldest(Span(("hook",), states), after=None, limit=5)

    assert len(calls) == 2 * 2 * STATE_SHARDS
