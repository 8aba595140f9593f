"""Functions that die anywhere between two calls: each step is told once, and after an acknowledgement none."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

import pytest

from local.sinks import Sinks
from tests.integration.conftest import Stack
from tests.integration.telling.escalation_world import EscalatingWorld
from tests.integration.telling.telling_world import Killed, dying
from tests.integration.telling.test_deaths import SHARE, match_until_done
from tocsin.deliveries.due_steps import LEASE
from tocsin.events.model import Event

STEPS = [
    {"after": "minutes=15", "destination_group": "second"},
    {"after": "hours=6", "destination_group": "oncall"},
]
HIDDEN = {"hours": 1}
"""Longer than SQS hides a message that a function had when it died."""
WRITES = {"UpdateItem", "SendMessage", "SendMessageBatch", "DeleteMessage"}
MOST_WRITES = 20


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> EscalatingWorld:
    world = EscalatingWorld(stack, monkeypatch, sinks)
    world.rules(escalate=STEPS)
    return world


@contextmanager
def dying_at(telling: EscalatingWorld, number: int, when: str) -> Iterator[list[str]]:
    """Has a function die at the write with that number: before it, or when it was done. Reads change nothing."""
    calls, died = 0, []

    def die(model: Any, **_: Any) -> None:
        nonlocal calls
        calls += model.name in WRITES
        if calls == number and not died:
            died.append(model.name)
            raise Killed

    clients = (telling.stack.dynamodb, telling.stack.sqs)
    for client in clients:
        client.meta.events.register(when, die)
    try:
        yield died
    finally:
        for client in clients:
            client.meta.events.unregister(when, die)


def heard(telling: EscalatingWorld, event: Event) -> dict[str, list[int]]:
    """By which steps each person heard of an event, 0 for the rule itself; each message once, by its id."""
    told: dict[str, dict[str, int]] = {"ana": {}, "bob": {}, "eve": {}}
    for name, posted in told.items():
        for body in telling.posted(name):
            if body["id"].startswith(event.id):
                posted[body["id"]] = body.get("step", 0)
    return {name: sorted(posted.values()) for name, posted in told.items()}


@pytest.mark.no_cover
@pytest.mark.parametrize("when", ["before-call", "after-call"])
@pytest.mark.parametrize("where", ["matching", "schedule", "step"])
def test_the_second_group_is_told_once_and_no_third_wherever_a_function_is_killed(
    telling: EscalatingWorld, where: str, when: str
) -> None:
    places = []
    for number in count(1):
        event = telling.event(context={"message": f"case {number}"})
        work: dict[str, Callable[[], Any]] = {
            "matching": lambda event=event: telling.match(event),  # type: ignore[misc]
            "schedule": telling.redrive,
            "step": telling.work_off,
        }
        for place, do in work.items():
            telling.later(**({"minutes": 15} if place == "schedule" else {}))
            if place != where:
                do()
                continue
            with dying_at(telling, number, when) as died, suppress(Killed):
                do()
            if place == "schedule":
                telling.later(seconds=LEASE.total_seconds())
            if place == "step":
                telling.later(**HIDDEN)
            do()
        telling.deliver()
        before = heard(telling, event)
        telling.acknowledge(event)
        telling.minute(hours=6)

        assert before == {"ana": [0], "bob": [0, 1], "eve": [1]}, f"{where} {number} {died}"
        assert heard(telling, event) == before
        assert [step["step"] for step in telling.steps(event)] == [1]
        places += died
        if not died:
            break
        assert number < MOST_WRITES
    assert len(places) >= {"matching": 3, "schedule": 3, "step": 2}[where]


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", range(2))
def test_each_step_is_told_once_whoever_dies_and_none_that_was_acknowledged_before(
    telling: EscalatingWorld, seed: int
) -> None:
    def minutes(number: int) -> None:
        for _ in range(number):
            telling.later(minutes=1)
            for do in (telling.redrive, telling.work_off, telling.deliver):
                with suppress(Killed):
                    do()

    events = [telling.event(context={"message": f"case {number}"}) for number in range(6)]
    with dying(telling, seed, SHARE) as died:
        match_until_done(telling, events)
        minutes(14)
    for event in events[:2]:
        telling.acknowledge(event)
    with dying(telling, seed + 10, SHARE) as died_later:
        minutes(4)
    for _ in range(3):  # what a death left behind: a claimed step, a hidden message, a delivery
        telling.later(**HIDDEN)
        minutes(1)
    for event in events[2:4]:
        telling.acknowledge(event)
    with dying(telling, seed + 20, SHARE):
        telling.later(hours=4)
        minutes(4)
    for _ in range(3):
        telling.later(**HIDDEN)
        minutes(1)

    assert died and died_later
    at_once, first = {"ana": [0], "bob": [0], "eve": []}, {"ana": [0], "bob": [0, 1], "eve": [1]}
    both = {"ana": [0, 2], "bob": [0, 1, 2], "eve": [1]}
    assert [heard(telling, event) for event in events] == [at_once, at_once, first, first, both, both]
