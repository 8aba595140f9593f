"""What a delivery costs in write units, by table and index; and that what it no longer pays for is not missed."""

from typing import Any

import pytest

from local.cost.bill import Prices
from local.cost.meter import Meter
from local.sinks import Misbehaviour, Sinks
from tests.integration.delivery_world import World
from tests.integration.handler_calls import failing, throttled

ITEM, DUE, STATE = "deliveries", "deliveries/by-due", "deliveries/by-state"


def written(world: World) -> dict[str, float]:
    """The write units of delivering what waits."""
    worker = world.worker()
    world.configuration.current()
    meter = Meter(world.stack.dynamodb, Prices.read().assumed)
    with meter.running():
        world.pump(worker)
    kind = "dynamodb.write:"
    return {name.removeprefix(kind): units for name, units in meter.usage.items() if name.startswith(kind) and units}


def test_a_delivery_whose_first_attempt_succeeds_takes_three_write_units(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    world.send(world.message())

    assert written(world) == {ITEM: 2, STATE: 1}
    assert world.states() == {"delivered": 1}


def test_a_first_attempt_that_fails_pays_for_its_place_among_what_waits(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=503, times=1))
    world.hook(f"{sinks.url}/webhook/x")
    world.send(world.message())

    found = written(world)

    assert {name: units for name, units in found.items() if name != ITEM} == {DUE: 1, STATE: 1}


def test_a_copy_that_is_dropped_while_the_first_is_delivered_leaves_the_delivery_to_be_found(
    world: World, sinks: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQS gives a message out twice; the second copy is dropped, which deletes both; then the function dies."""
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)
    records = world.waiting()

    def copy_comes_then_die(*_: object) -> None:
        assert world.worker().run(records) == {"batchItemFailures": []}
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(world.deliveries, "note", copy_comes_then_die)
        with pytest.raises(SystemExit):
            world.worker().run(records)
    world.forget_messages()
    world.go_on(world.worker(), seconds=36)

    assert [attempt["reason"] for attempt in world.delivery(message)["attempts"]] == ["interrupted", "http_200"]


def test_a_copy_that_can_not_leave_word_of_its_delivery_comes_back(
    world: World, sinks: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)
    records = world.waiting()
    world.attempt_unnoted(records)

    with failing(throttled(), "UpdateItem", table="deliveries", client=world.stack.dynamodb, at=lambda call: call > 2):
        back: Any = world.worker().run(records)

    assert back == {"batchItemFailures": [{"itemIdentifier": records[0]["messageId"]}]}


def test_a_copy_of_what_is_done_or_watched_writes_nothing_more(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)
    records = world.waiting()
    world.worker().run(records)
    before = world.all()

    world.worker().run(records)

    assert world.all() == before
    assert len(sinks.received()) == 1
