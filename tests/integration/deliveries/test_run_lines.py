"""What a run of the schedule says of itself and of what failed in it, and what it sends for when."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.deliveries.said_lines import said_since
from tests.integration.delivery_world import World
from tests.integration.handler_calls import Failure, failing, throttled
from tocsin.config.model import Configuration
from tocsin.deliveries.breaker import DRAINS_FOR, GIVES_UP_AFTER, RELEASED_A_MINUTE, BreakerState
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.deliveries.items import DUE_SHARDS, Place
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.waiting_store import KeptBack, WaitingStore, head_shard, partition_of
from tocsin.errors import Unavailable
from tocsin.ids import new_id
from tocsin.models import validated
from tocsin.notifications.transport import NotificationTransport, TransportMode
from tocsin.telling.decision import Cause, Decision, Kind
from tocsin.times import iso

type Facts = dict[str, Any]

URL = "https://example.com/x"
DAY = timedelta(days=1)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[Facts]]:
    caplog.set_level(logging.INFO)
    return lambda: said_since(caplog)


def held(world: World, number: int = 1) -> list[DeliveryMessage]:
    """Deliveries of `hook` that an open breaker holds, an event after another."""
    hook = world.hook(URL)
    world.open_breaker(hook)
    messages = []
    for _ in range(number):
        messages.append(world.message())
        world.deliveries.hold(messages[-1], now=world.now, lease=DAY, keep=DAY)
        world.later(milliseconds=2)
    return messages


def due(world: World) -> DeliveryMessage:
    """A delivery that is due, since its message has its turn now."""
    world.hook(URL)
    message = world.message()
    world.deliveries.take(message, now=world.now, lease=DAY, keep=DAY)
    world.deliveries.postpone(message, world.now, by_queue=False, now=world.now)
    return message


def waiting(world: World) -> str:
    """What waits for alice until now; the partition that it waits in."""
    world.hook(URL)
    event = world.event()
    message = world.message(event_id=event.id)
    ends = Decision(Kind.HOLD, Cause.QUIET_HOURS, "held until now", world.now)
    store = WaitingStore(world.stack.dynamodb, "deliveries")
    store.keep_back([KeptBack(message, event, ends)], now=world.now, keep=DAY)
    world.later(minutes=1)
    return partition_of(message)


def escalates(world: World, *abouts: str) -> None:
    """Matters of a rule, a step of each of which is due."""
    configuration = {
        "groups": [{"name": "oncall", "roster": "1"}],
        "policies": [{"name": "shop", "kind": "event_matcher", "app": "shop"}],
        "rules": [
            {
                "name": "down",
                "destination_group": "oncall",
                "bindings": [{"policy": "shop"}],
                "escalate": [{"after": "minutes=15", "destination_group": "oncall"}],
            }
        ],
    }
    replacing = world.configuration.version(fresh=True)
    world.configuration.publish(validated(Configuration, configuration), replacing=replacing, by="test")
    matters = EscalationStore(world.stack.dynamodb, "deliveries")
    due = world.now + timedelta(minutes=15)
    for about in abouts:
        matters.begin("down", about, new_id(world.now), steps=1, due=due, now=world.now, keep=DAY)
    world.later(minutes=15)


def test_a_run_says_how_much_it_did(world: World, said: Callable[[], list[Facts]]) -> None:
    due(world)
    waiting(world)
    held(world, 2)
    said()

    done = world.redrive()

    counts = {"due": 1, "digests": 1, "steps": 0, "probes": 1}
    assert done == counts
    line = {"level": "INFO", "code": "REDRIVE_DONE", "message": "put back on their queues", "failed": 0}
    assert said()[-1] == line | counts


def _of_breakers(call: Facts) -> Any:
    return throttled()(call) if b'"breakers"' in call["body"] else None


def _of_due(call: Facts) -> Any:
    return throttled()(call) if b'{"S": "3"}' in call["body"] else None


@pytest.mark.parametrize(
    ("failure", "operation", "names"),
    [(_of_breakers, "Query", {}), (_of_due, "Query", {"shard": 3}), (throttled(), "UpdateItem", None)],
    ids=["the breakers", "what is due of a shard", "one delivery"],
)
def test_what_fails_in_a_run_is_named_and_the_run_fails_in_the_end(
    world: World, said: Callable[[], list[Facts]], failure: Failure, operation: str, names: Facts | None
) -> None:
    message = due(world)
    said()

    with failing(failure, operation, client=world.stack.dynamodb), pytest.raises(Unavailable):
        world.redrive()

    failed, done = said()
    named = {"delivery_id": message.delivery_id} if names is None else names
    assert failed == {"level": "ERROR", "code": "REDRIVE_FAILED", "message": failed["message"]} | named
    assert (done["code"], done["failed"]) == ("REDRIVE_DONE", 1)


def test_a_digest_that_can_not_be_made_is_named(world: World, said: Callable[[], list[Facts]]) -> None:
    partition = waiting(world)
    said()

    with failing(throttled(), "UpdateItem", client=world.stack.dynamodb), pytest.raises(Unavailable):
        world.redrive()

    failed = said()[0]
    assert (failed["level"], failed["code"], failed["digest"]) == ("ERROR", "REDRIVE_FAILED", partition)


@pytest.mark.parametrize(
    ("operation", "named"),
    [("UpdateItem", {"rule": "down", "about": "a"}), ("Query", {"shard": "escalation-2"})],
    ids=["one step", "a shard of them"],
)
def test_steps_that_can_not_be_handed_on_are_named(
    world: World, said: Callable[[], list[Facts]], operation: str, named: Facts
) -> None:
    escalates(world, "a")
    said()
    fails = b"escalation-2" if operation == "Query" else b""
    of_steps: Failure = lambda call: throttled()(call) if fails in call["body"] else None  # noqa: E731

    with failing(of_steps, operation, client=world.stack.dynamodb), pytest.raises(Unavailable):
        world.redrive()

    failed = said()[0]
    assert failed == {"level": "ERROR", "code": "REDRIVE_FAILED", "message": failed["message"]} | named


def test_a_shard_of_digests_that_can_not_be_read_is_named(world: World, said: Callable[[], list[Facts]]) -> None:
    shard = head_shard(waiting(world))
    said()
    of_shard: Failure = lambda call: throttled()(call) if f'"{shard}"'.encode() in call["body"] else None  # noqa: E731

    with failing(of_shard, "Query", client=world.stack.dynamodb), pytest.raises(Unavailable):
        world.redrive()

    assert said()[0]["shard"] == shard


def test_an_item_that_is_broken_is_named_and_so_is_its_breaker(world: World, said: Callable[[], list[Facts]]) -> None:
    (message,) = held(world)
    world.stack.dynamodb.update_item(
        TableName="deliveries", Key=Place.of(message.delivery_id).key, UpdateExpression="REMOVE severity"
    )
    said()

    with pytest.raises(Unavailable, match="a fault of Tocsin's: ValueError"):
        world.redrive()

    failed, done = said()
    assert (failed["level"], failed["code"], failed["transport"]) == ("ERROR", "REDRIVE_FAILED", "hook")
    assert failed["message"] == "a part of the run failed"
    assert (done["failed"], "probes" in done) == (1, False)


def test_a_breaker_that_can_not_be_read_is_named_and_others_have_their_probes(
    world: World, said: Callable[[], list[Facts]]
) -> None:
    """The fault: no breaker had a probe, and nothing that was held went out, for as long as it was there."""
    ways = two_open(world)
    table, key = world.stack.dynamodb, {"pk": {"S": "breakers"}, "sk": {"S": ways[0].name}}
    table.update_item(
        TableName="deliveries",
        Key=key,
        UpdateExpression="SET #state = :later",
        ConditionExpression="attribute_exists(pk)",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":later": {"S": "of a later version"}},
    )
    said()

    with pytest.raises(Unavailable, match="a fault of Tocsin's: ValueError"):
        world.redrive()

    assert [line["transport"] for line in said() if line["code"] == "REDRIVE_FAILED"] == ["hook"]
    assert {each.transport for each in sent(world)} == {"other"}


def two_open(world: World) -> list[NotificationTransport]:
    """Two transports whose breakers are open, and hold a delivery each."""
    ways = [NotificationTransport(name=name, mode=TransportMode.WEBHOOK, url=URL) for name in ("hook", "other")]
    world.configure(*ways)
    for way in ways:
        world.open_breaker(way)
        world.deliveries.hold(world.message(way.name), now=world.now, lease=DAY, keep=DAY)
    return ways


def sent(world: World) -> list[DeliveryMessage]:
    found = []
    while records := world.waiting():
        found += [DeliveryMessage.from_body(record["body"]) for record in records]
    return found


def test_one_of_what_is_held_tries_the_endpoint_the_oldest_first(world: World) -> None:
    first, _ = held(world, 2)

    assert world.redrive()["probes"] == 1

    (probe,) = sent(world)
    assert (probe.delivery_id, probe.probe) == (first.delivery_id, True)


def test_each_transport_whose_breaker_is_open_has_a_probe_and_nothing_is_told_of_it(world: World) -> None:
    two_open(world)

    assert world.redrive()["probes"] == 2

    assert {each.transport for each in sent(world)} == {"hook", "other"}
    assert world.reported() == []


def test_what_is_released_is_spread_over_the_minute_in_order(world: World) -> None:
    messages = held(world, 21)
    world.service().reset("hook")

    assert world.redrive()["released"] == 21

    spread = []
    for _ in range(3):
        spread.append([each.delivery_id for each in sent(world)])
        world.later(seconds=1)
    each_second = RELEASED_A_MINUTE // 60
    ids = [message.delivery_id for message in messages]
    assert [sorted(some) for some in spread] == [ids[:each_second], ids[each_second : 2 * each_second], ids[20:]]
    assert all(world.delivery(message)["state"] == "queued" for message in messages)


def test_so_many_are_released_a_minute(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.deliveries.redrive.RELEASED_A_MINUTE", 2)
    held(world, 3)
    world.service().reset("hook")

    assert [world.redrive().get("released", 0) for _ in range(3)] == [2, 1, 0]


@pytest.mark.parametrize("early", [timedelta(), timedelta(milliseconds=1)])
def test_a_breaker_that_has_drained_goes_once_nothing_can_be_held_any_more(world: World, early: timedelta) -> None:
    held(world)
    world.service().reset("hook")
    reset_at = world.now
    world.now += DRAINS_FOR
    world.redrive()
    while_it_released = world.breakers.get("hook")
    world.now = reset_at + DRAINS_FOR - early

    world.redrive()

    assert while_it_released is not None
    assert (world.breakers.get("hook") is None) == (not early)


def test_a_transport_that_failed_for_days_is_disabled_and_told_of(
    world: World, said: Callable[[], list[Facts]]
) -> None:
    held(world)
    opened = world.breakers.get("hook")
    assert opened is not None and opened.changed_at is not None
    world.now = opened.changed_at + GIVES_UP_AFTER
    said()

    world.redrive()

    why = "its endpoint failed for 5 days, the last time with http_500"
    line = {"level": "ERROR", "code": "TRANSPORT_DISABLED", "message": why, "transport": "hook"}
    assert [each for each in said() if each["code"] != "REDRIVE_DONE"] == [line]
    disabled = world.breakers.get("hook")
    assert disabled is not None
    assert (disabled.state, disabled.changed_at, disabled.told) == (BreakerState.DISABLED, world.now, True)
    (event,) = world.reported()
    assert event["context"]["message"] == f"Transport hook is disabled: {why}. Mend it, then reset its breaker."
    assert event["created"] == iso(world.now)


@pytest.mark.parametrize(
    ("how", "breaker"),
    [("deleted", "open"), ("configured anew", "open"), ("deleted", "disabled"), ("deleted", "draining, and failed")],
)
def test_what_is_held_of_a_transport_that_is_gone_goes_out_and_its_breaker_goes(
    world: World, how: str, breaker: str
) -> None:
    (message,) = held(world)
    if breaker != "open":
        fingerprint = world.configuration.current()[1].transports_by_name["hook"].fingerprint
        world.breakers.recover("hook", fingerprint, now=world.now)
        if breaker == "disabled":
            world.breakers.disable("hook", fingerprint, "http_410", now=world.now)
        else:
            world.breakers.failed("hook", fingerprint, "http_500", now=world.now)
    if how == "deleted":
        world.configure()
    else:
        world.hook(f"{URL}/anew")

    done = world.redrive()

    assert (done["released"], "probes" in done) == (1, False)
    (released,) = sent(world)
    assert (released.delivery_id, released.probe) == (message.delivery_id, False)
    world.now += DRAINS_FOR
    world.redrive()
    assert world.breakers.get("hook") is None


def test_what_is_due_is_found_in_each_shard(world: World) -> None:
    for _ in range(3 * DUE_SHARDS):
        due(world)

    assert world.redrive()["due"] == 3 * DUE_SHARDS
    assert world.redrive()["due"] == 0
