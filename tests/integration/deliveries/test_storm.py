"""The worst hour: endpoints that fail, hang, drip, drop, redirect and babble, and functions that die at random.

Endpoints are real HTTP servers; the hours between retries are simulated. What must hold: every delivery ends
delivered or failed with a reason, none is lost, and an id is repeated only where its answer was never received.
"""

import json
import os
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from tests.bad_endpoints import ENDPOINTS, Storm, raging
from tests.integration.conftest import Stack
from tests.integration.delivery_world import POLICY, SECRET, World
from tocsin.aws.logging import logger
from tocsin.deliveries.breaker import BreakerState
from tocsin.deliveries.items import DUE_SHARDS
from tocsin.deliveries.store import DeliveryStore
from tocsin.deliveries.worker import DeliveryWorker
from tocsin.notifications.transport import NotificationTransport, TransportMode, TransportSecrets
from tocsin.notifications.webhook import webhook_delivery
from tocsin.outbound import Timeout

DELIVERIES = int(os.environ.get("STORM_DELIVERIES", "360"))
"""How many. moto looks at each item of a table for each query, so 2,000 of them take minutes."""
WAVE = 250
"""Sent at once; moto's queues are slow where much waits in them."""
KILLED = 0.02
"""Share of attempts after which the function dies before it can note what came of them."""


class Killed(BaseException):
    """A function's process ends here."""


class Mortal(DeliveryStore):
    """The store as a function sees it that may die just before it notes an attempt."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.random = random.Random(5)
        self.killed: set[str] = set()

    def note(self, message: Any, *outcome: Any, **more: Any) -> None:
        if self.random.random() < KILLED:
            self.killed.add(message.delivery_id)
            raise Killed
        super().note(message, *outcome, **more)


def surviving(worker: DeliveryWorker, records: list[dict[str, Any]]) -> list[str]:
    """Deliver a batch as Lambda does; which messages are done with. Who dies takes the rest of the batch along."""
    try:
        back = worker.run(records)["batchItemFailures"]
    except Killed:
        return []
    failed = {item["itemIdentifier"] for item in back}  # type: ignore[index,call-overload,union-attr]
    return [record["receiptHandle"] for record in records if record["messageId"] not in failed]


def test_a_storm_loses_nothing_and_repeats_only_what_was_never_answered(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    world = World(stack, monkeypatch)
    monkeypatch.setattr(logger, "disabled", True)
    mortal = Mortal(stack.dynamodb, "deliveries")
    world.deliveries = mortal
    with raging() as storm:
        transports = [
            NotificationTransport(
                name=name, mode=TransportMode.WEBHOOK, url=f"{storm.url}/{name}", secrets_ref="signing"
            )
            for name in ENDPOINTS
        ]
        world.configure(*transports, signing=TransportSecrets(signing=(SECRET,)))
        events = [world.event() for _ in range(DELIVERIES // 10)]
        messages = [
            world.message(ENDPOINTS[number % len(ENDPOINTS)], event_id=event.id, event=event, rule=f"rule-{number}")
            for number, event in enumerate(each for each in events for _ in range(10))
        ]
        deliver = webhook_delivery(world.secrets.of, POLICY, clock=world.clock, timeout=Timeout(connect=0.4, total=0.4))
        workers = [world.worker(deliver=deliver) for _ in range(3)]

        for start in range(0, DELIVERIES, WAVE):
            world.send(*messages[start : start + WAVE])
            _work(world, workers)
        _rage(world, workers)
        took = time.monotonic() - began

        items = {item["listed_at"]["S"]: item for item in world.all()}
        states = Counter(item["state"]["S"] for item in items.values())
        repeats = {id_ for id_, item in items.items() if id_ not in mortal.killed and _repeated(item, storm)}

    assert set(items) == {message.delivery_id for message in messages}
    assert set(states) == {"delivered", "failed"}
    assert all(_reason(item) for item in items.values())
    assert repeats == set()
    assert {name: states_of(items, name) for name in ("well", "endless", "redirects", "forbids")} == {
        "well": {"delivered"},
        "endless": {"delivered"},
        "redirects": {"failed"},
        "forbids": {"failed"},
    }
    with capsys.disabled():
        requests = sum(map(len, storm.received.values()))
        print(f"\n  storm: {DELIVERIES} deliveries, {requests} requests, {len(mortal.killed)} functions killed,")
        print(f"  {dict(states)}, simulated {world.now - events[0].created}, took {took:.0f} s")


def _work(world: World, workers: list[DeliveryWorker]) -> None:
    """Deliver what waits, as several functions do at once."""

    def work(worker: DeliveryWorker) -> None:
        while records := world.waiting():
            for receipt in surviving(worker, records):
                world.stack.sqs.delete_message(QueueUrl=world.urls[TransportMode.WEBHOOK], ReceiptHandle=receipt)

    with ThreadPoolExecutor(len(workers)) as pool:
        list(pool.map(work, workers))


def _rage(world: World, workers: list[DeliveryWorker]) -> None:
    """Deliver until nothing is left to be delivered, letting ten minutes and more pass whenever nothing waits."""

    for _ in range(300):
        _work(world, workers)
        at_any_time = world.now + timedelta(days=10)
        due = [
            float(place.due_at)
            for shard in range(DUE_SHARDS)
            for place in world.redeliveries.due(shard, now=at_any_time, limit=1)
        ]
        # A closed one holds nothing: it counts failures in a row until somebody is told again.
        if (
            not due
            and not world.under_way()
            and all(breaker.state is BreakerState.CLOSED for breaker in world.breakers.all())
        ):
            return
        ahead = min(due, default=0) - world.now.timestamp()
        world.now += timedelta(seconds=max(ahead, 600) + 1)
        world.redrive()
    standing = Counter((item["transport"]["S"], item["state"]["S"]) for item in world.all())
    raise AssertionError(f"the storm does not end: {standing}, {world.breakers.all()}")


def states_of(items: dict[str, Any], transport: str) -> set[str]:
    return {item["state"]["S"] for item in items.values() if item["transport"]["S"] == transport}


def _attempts(item: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(attempt["S"]) for attempt in item["attempts"]["L"]]


def _reason(item: dict[str, Any]) -> str:
    return str(_attempts(item)[-1]["reason"])


def _repeated(item: dict[str, Any], storm: Storm) -> bool:
    """Whether an id was sent without an attempt that tells of it, or again after an answer that settled it.

    That the endpoint says 200 and nobody hears it in time is no such answer: the attempt says `timeout`.
    """
    attempts = _attempts(item)
    settled = [attempt for attempt in attempts[:-1] if attempt["state"] != "retrying"]
    return bool(settled) or len(storm.received[item["listed_at"]["S"]]) > len(attempts)
