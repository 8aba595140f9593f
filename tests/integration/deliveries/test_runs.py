"""Runs of the schedule: how much one of them does, and when it ends."""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from local.sinks import Misbehaviour, Sinks
from tests.integration.deliveries.test_run_lines import due, escalates, waiting
from tests.integration.delivery_world import World
from tests.integration.handler_calls import failing, heard, throttled
from tocsin.deliveries import digests, due_steps, redrive
from tocsin.deliveries.breaker import GIVES_UP_AFTER
from tocsin.deliveries.escalation_store import ESCALATION_SHARDS
from tocsin.deliveries.items import DUE_SHARDS
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.waiting_store import DIGEST_SHARDS, KeptBack, WaitingStore
from tocsin.errors import Unavailable
from tocsin.identity.directory import User
from tocsin.identity.store import PeopleStore
from tocsin.telling.decision import Cause, Decision, Kind

MANY = DUE_SHARDS + 4
"""So many deliveries that some shard has several."""


def overdue(world: World, sinks: Sinks) -> list[DeliveryMessage]:
    """Deliveries that failed once, and whose messages the queue has lost: only the schedule brings them back."""
    sinks.misbehave(Misbehaviour("/webhook/x", status=503, times=MANY))
    world.hook(f"{sinks.url}/webhook/x")
    messages = [world.message() for _ in range(MANY)]
    world.send(*messages)
    world.pump(world.worker())
    world.forget_messages()
    world.later(hours=1)
    return messages


def test_a_run_takes_page_after_page_of_a_shard(world: World, sinks: Sinks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redrive, "PAGE", 1)
    overdue(world, sinks)

    assert world.redrive()["due"] == MANY


def test_a_run_tells_page_after_page_of_digests(world: World, sinks: Sinks, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (redrive, digests):
        monkeypatch.setattr(module, "HEADS_AT_ONCE", 1)
    world.hook(f"{sinks.url}/webhook/x")
    people = [User(f"person-{number}") for number in range(DIGEST_SHARDS + 1)]
    PeopleStore(world.stack.dynamodb, "config").write(users=people)
    ends = Decision(Kind.HOLD, Cause.QUIET_HOURS, "held until now", world.now)
    event = world.event()
    waiting = [KeptBack(world.message(event_id=event.id, user=person), event, ends) for person in people]
    WaitingStore(world.stack.dynamodb, "deliveries").keep_back(waiting, now=world.now, keep=timedelta(days=1))
    world.later(minutes=1)

    assert world.redrive()["digests"] == len(people)


def test_a_run_hands_on_page_after_page_of_steps(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (redrive, due_steps):
        monkeypatch.setattr(module, "MATTERS_AT_ONCE", 1)
    abouts = [str(number) for number in range(2 * ESCALATION_SHARDS + 1)]
    escalates(world, *abouts)

    assert world.redrive()["steps"] == len(abouts)
    assert world.redrive()["steps"] == 0


@pytest.mark.parametrize("fails", [False, True], ids=["all is done", "nothing of a full page"])
def test_a_run_asks_a_shard_once_where_there_is_no_more_or_nothing_could_be_done(
    world: World, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    due(world)
    waiting(world)
    escalates(world, "a")
    if fails:
        for module, page in ((redrive, "PAGE"), *((each, "HEADS_AT_ONCE") for each in (redrive, digests))):
            monkeypatch.setattr(module, page, 1)
        for module in (redrive, due_steps):
            monkeypatch.setattr(module, "MATTERS_AT_ONCE", 1)
    looks, began, asked = count(), world.now, Counter[str]()
    monkeypatch.setattr(world, "clock", lambda: began + timedelta(seconds=next(looks) / 10))

    def ask(params: dict[str, Any], **_: Any) -> None:
        shard = json.loads(params["body"])["ExpressionAttributeValues"].get(":shard")
        asked.update([] if shard is None or "#" in shard["S"] else [shard["S"]])

    asking = heard(world.stack.dynamodb, "before-call.dynamodb.Query", ask)
    writing = failing(throttled(), "UpdateItem", client=world.stack.dynamodb, at=lambda _: fails)
    with asking, writing, pytest.raises(Unavailable) if fails else nullcontext():
        world.redrive()

    assert len(asked) == DUE_SHARDS + DIGEST_SHARDS + ESCALATION_SHARDS
    assert set(asked.values()) == {1}


def late(now: datetime) -> Callable[[], datetime]:
    """A clock that is an hour ahead from its second look on: a run begins at the first."""
    looks = iter([now])
    return lambda: next(looks, now + timedelta(hours=1))


def test_a_run_whose_time_is_over_leaves_the_rest_to_the_next(
    world: World, sinks: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = overdue(world, sinks)
    with monkeypatch.context() as patched:
        patched.setattr(world, "clock", late(world.now))
        done = world.redrive()

    assert (done["due"], done["digests"], done["steps"]) == (0, 0, 0)
    world.go_on(world.worker())
    assert [world.delivery(message)["state"] for message in messages] == ["delivered"] * MANY


def test_that_a_transport_is_disabled_is_said_by_the_next_run_where_this_one_can_not_store_it(
    world: World, sinks: Sinks
) -> None:
    hook = world.hook(f"{sinks.url}/webhook/x")
    world.open_breaker(hook)
    world.now += GIVES_UP_AFTER + timedelta(minutes=1)

    with failing(throttled(), table="events", client=world.stack.dynamodb):
        world.redrive()
    reported, (untold,) = world.reported(), world.breakers.all()
    for _ in range(2):
        world.redrive()

    assert (reported, untold.state, untold.told) == ([], "disabled", False)
    (event,) = world.reported()
    assert "hook is disabled: its endpoint failed, the last time with http_500" in event["context"]["message"]


def test_two_runs_at_once_disable_a_transport_that_is_given_up_and_one_of_them_says_so(
    world: World, sinks: Sinks, caplog: pytest.LogCaptureFixture
) -> None:
    hook = world.hook(f"{sinks.url}/webhook/x")
    world.open_breaker(hook)
    world.now += GIVES_UP_AFTER + timedelta(minutes=1)
    breakers = world.breakers.stored()
    world.redrive()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(world.breakers, "stored", lambda: breakers)  # as the second run has read it before
        world.redrive()

    (breaker,) = world.breakers.all()
    assert breaker.state == "disabled"
    assert len([event for event in world.reported() if "is disabled" in event["context"]["message"]]) == 1
    assert [getattr(line, "code", None) for line in caplog.records].count("TRANSPORT_DISABLED") == 1
