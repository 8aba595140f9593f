"""What a decision costs in calls to DynamoDB: nothing for those who say nothing, and little for those who do."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.sinks import Sinks
from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import record
from tests.integration.telling.telling_world import ONCALL, TellingWorld
from tocsin.deliveries import waiting_store
from tocsin.identity.directory import User

CROWD = [f"person-{number:02}" for number in range(40)]


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> TellingWorld:
    world = TellingWorld(stack, monkeypatch, sinks)
    world.people.write(users=[User(name) for name in CROWD], members=[(ONCALL, name) for name in CROWD])
    return world


@contextmanager
def requests(stack: Stack) -> Iterator[Counter[str]]:
    """Counts the requests to DynamoDB, by operation, but for looks at the configuration's version now and then."""
    counted: Counter[str] = Counter()

    def count(model: Any, **_: Any) -> None:
        if model.name != "GetItem":
            counted[model.name] += 1

    stack.dynamodb.meta.events.register("before-call.dynamodb", count)
    yield counted
    stack.dynamodb.meta.events.unregister("before-call.dynamodb", count)


def matched(telling: TellingWorld) -> Counter[str]:
    """What a matcher asks DynamoDB for an event that tells 42 people."""
    worker = telling.matcher()
    (event,) = telling.happened(1)
    with requests(telling.stack) as counted:
        assert worker.stream([record(event)]) == {"batchItemFailures": []}
    return counted


def test_people_who_say_nothing_cost_one_read_of_the_marks(telling: TellingWorld) -> None:
    """The group's members, its users and the marks; the story."""
    assert matched(telling) == {"Query": 1, "BatchGetItem": 2, "UpdateItem": 1}


def test_a_channel_costs_no_look_at_what_people_say(telling: TellingWorld) -> None:
    telling.rules(once=True)

    assert matched(telling) == {"Query": 1, "BatchGetItem": 1, "UpdateItem": 1}


def test_what_somebody_says_costs_one_read_of_all_who_may_have(telling: TellingWorld) -> None:
    telling.say("ana", locale="de")

    assert matched(telling) == {"Query": 1, "BatchGetItem": 3, "UpdateItem": 1}


def test_what_is_dropped_costs_one_write_and_what_waits_one_and_a_head_once(telling: TellingWorld) -> None:
    telling.say("ana", rules={"refunds": {"muted": True}})
    assert matched(telling)["UpdateItem"] == 1 + 1

    telling.say("ana", **telling.quiet())
    assert matched(telling)["UpdateItem"] == 1 + 2
    worker = telling.matcher()
    events = telling.happened(5)
    with requests(telling.stack) as counted:
        worker.stream([record(event, number) for number, event in enumerate(events)])
    # Five stories and five that wait. The head is due already: asking costs two, for each thread that began to ask
    # before another knew.
    assert 5 + 5 + 2 <= counted["UpdateItem"] <= 5 + 5 + 2 * 5


def test_a_process_that_knows_many_heads_forgets_them_and_asks_again(
    telling: TellingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what it knows stays small, whoever is told."""
    monkeypatch.setattr(waiting_store, "_REMEMBERED", 1)
    telling.rules(group={"by": ["context.host"]}, once=True)
    worker = telling.matcher()
    one, other, again = [telling.event(context={"host": host}) for host in ("web-1", "web-2", "web-1")]
    for event in (one, other):
        worker.stream([record(event)])

    with requests(telling.stack) as counted:
        worker.stream([record(again)])

    assert counted["UpdateItem"] == 1 + 1 + 2  # the story, what waits; the head, which is due already
    assert len(telling.heads()) == 2


def test_what_joins_a_group_costs_one_write_and_the_group_one_in_some_minutes(telling: TellingWorld) -> None:
    telling.rules(group={"by": ["context.host"]}, once=True)
    worker = telling.matcher()
    first, *others = [telling.event(context={"host": "web-1"}) for _ in range(9)]

    with requests(telling.stack) as begun:
        worker.stream([record(first)])
    with requests(telling.stack) as counted:
        worker.stream([record(event, number) for number, event in enumerate(others)])

    assert begun["UpdateItem"] == 1 + 1 + 1  # the story, what waits, the head
    assert counted["UpdateItem"] == 8 + 8


def test_a_digest_costs_one_write_for_each_that_joins_and_ten_calls(telling: TellingWorld) -> None:
    telling.say("ana", **telling.quiet())
    telling.match(*telling.happened(10))
    telling.later(hours=8, minutes=1)
    with requests(telling.stack) as counted:
        telling.redrive()
    with requests(telling.stack) as idle:
        telling.redrive()

    cost = counted - idle
    assert cost["UpdateItem"] == 10 + 4  # the head is claimed, marked and let go of; the digest is made
    assert cost["Query"] == 2  # what is due, and what is due next
    assert cost["BatchGetItem"] == 4  # whether its person was deleted; who they are by now, and what they want
    assert sum(cost.values()) == 10 + 10
