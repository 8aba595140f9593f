"""What a storm is made of: deliveries to raging endpoints, functions that are killed, and hours that pass at once.

Time is simulated in the table: all that waits there is moved into the past, as if so many hours had gone by. What is
bounded in seconds is waited for: an endpoint that hangs costs a function its 15 s, and only a tenth of that endpoint's
requests hang; a batch whose function was killed is given out again after `VISIBLE_AGAIN_S` rather than 180 s.
"""

import contextlib
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from local.stack import LocalStack
from local.waiting import until
from tests.bad_endpoints import ENDPOINTS as RAGING
from tests.bad_endpoints import SETTLING, SILENT, Storm
from tocsin.notifications.model import delivery_id

ENDPOINTS = (*RAGING, "silent")
"""Beside the others one that never answers: it is given up by its breaker, after days."""
APP = "storm"
RULE = "storm"
PERSON = "farah"  # the one member of the group
VISIBLE_AGAIN_S = 17
"""Longer than an attempt may take, so that a queue from which nothing is out is one that no function works for."""
WAITS = timedelta(hours=13)
"""Longer than any pause between two attempts."""
FINAL = frozenset({"delivered", "failed", "discarded"})

type Item = dict[str, Any]


@dataclass(frozen=True)
class Ended:
    """A delivery at its end: where it stands, its attempts as the API shows them, and what its endpoint answered."""

    id: str
    transport: str
    state: str
    attempts: list[dict[str, Any]]
    answers: list[str]

    @property
    def reasons(self) -> list[str]:
        """Each attempt's word."""
        return [str(attempt["reason"]) for attempt in self.attempts]

    @property
    def story(self) -> str:
        """All of it in a line."""
        return f"{self.id} by {self.transport}: {self.reasons}, answered {self.answers}, {self.state}"

    @property
    def unheard(self) -> int:
        """Attempts of which we heard no answer: those of killed functions too."""
        return sum("status" not in attempt for attempt in self.attempts)

    @property
    def repeats(self) -> Counter[str]:
        """Why the id was sent again, each time: asked to, nothing heard, or heard by a function that was killed."""
        return Counter(
            "function killed" if answer in SETTLING else "no answer" if answer in SILENT else "asked to"
            for answer in self.answers[:-1]
        )

    @property
    def justified(self) -> bool:
        """Whether each request is told of by an attempt, and none followed an answer that somebody lived to hear."""
        silent = sum(answer in SILENT for answer in self.answers)
        settled = sum(answer in SETTLING for answer in self.answers)
        return len(self.answers) <= len(self.attempts) and settled - 1 <= self.unheard - silent


class Killer:
    """Kills processes of the stack's functions (SIGKILL) at random, while endpoints are being told something."""

    def __init__(self, stack: LocalStack, storm: Storm, *, strikes: int, every_s: tuple[float, float]) -> None:
        """Strikes so often, with a pause in `every_s`: first all processes that deliver, then some of any function."""
        self.killed: Counter[str] = Counter()
        self._stack, self._storm = stack, storm
        self._every = every_s
        self._random = random.Random(6)
        # Who has a batch out at its endpoints loses most; the others are stages of the same way.
        self._victims = ["webhook", *self._random.choices(["webhook", "matcher", "redrive"], [6, 1, 1], k=strikes - 1)]
        self._over = threading.Event()

    @contextlib.contextmanager
    def about(self) -> Iterator[None]:
        """Kills until the block ends."""
        thread = threading.Thread(target=self._kill, name="killer", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _kill(self) -> None:
        for function in self._victims:
            self._over.wait(self._random.uniform(*self._every))
            while not self._storm.busy and not self._over.wait(0.02):
                pass
            if self._over.is_set():
                return
            processes = self._stack.emulator.function_processes(f"{self._stack.deployed.stack_name}-{function}")
            how_many = self._random.randint(min(1, len(processes)), len(processes)) if self.killed else len(processes)
            for pid in self._random.sample(processes, how_many):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    self.killed[function] += 1


@dataclass
class Weather:
    """The deliveries of a storm's rule on a stack."""

    stack: LocalStack
    storm: Storm
    passed: timedelta = field(default=timedelta(0))
    """How much time was simulated."""
    earlier: frozenset[str] = frozenset()
    """The ids of an earlier storm's deliveries."""

    @contextlib.contextmanager
    def configured(self) -> Iterator[None]:
        """A rule that tells one person by each endpoint, in force for every function; and no trace of it afterwards."""
        api = self.stack.api()
        self.earlier = frozenset(self._items())
        entries: list[tuple[str, object]] = [
            (f"transports/storm-{name}", {"mode": "webhook", "url": f"{self.storm.url}/{name}"}) for name in ENDPOINTS
        ]
        entries += [
            ("policies/storm", {"kind": "event_matcher", "app": APP}),
            (
                f"rules/{RULE}",
                {
                    "transports": [f"storm-{name}" for name in ENDPOINTS],
                    "destination_group": "identity",
                    "bindings": [{"policy": "storm"}],
                },
            ),
        ]
        queue, attribute = self.queue("WebhookQueue"), "VisibilityTimeout"
        usual = self.stack.aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])
        self.stack.aws.sqs.set_queue_attributes(QueueUrl=queue, Attributes={attribute: str(VISIBLE_AGAIN_S)})
        try:
            for path, entry in entries:
                answer = api.ask("PUT", f"/{path}", json=entry)
                assert answer.ok, answer.text
            for function in ("matcher", "webhook", "redrive"):  # what starts anew reads the configuration anew
                for pid in self.stack.emulator.function_processes(f"{self.stack.deployed.stack_name}-{function}"):
                    os.kill(pid, signal.SIGKILL)
            yield
        finally:
            for path, _ in reversed(entries):
                api.ask("DELETE", f"/{path}")
            self.stack.aws.sqs.set_queue_attributes(
                QueueUrl=queue, Attributes={attribute: usual["Attributes"]["VisibilityTimeout"]}
            )

    def post(self, events: int) -> set[str]:
        """Posts so many events; the ids of the deliveries that have to come of them."""
        api, ids = self.stack.api(), []
        for start in range(0, events, 100):
            batch = [{"action": "rehearsal", "app": APP} for _ in range(min(100, events - start))]
            ids += [str(result["id"]) for result in api.post_events(batch)]
        return {delivery_id(event_id, RULE, f"storm-{name}", PERSON) for event_id in ids for name in ENDPOINTS}

    def rage(self, expected: set[str], *, deadline_s: float) -> None:
        """Lets half a day pass whenever nothing is on its way, until all that is expected has ended."""
        ends = time.monotonic() + deadline_s
        until(lambda: self._begun(expected), deadline_s, of="a first attempt of each delivery", pause_s=2)
        while time.monotonic() < ends:
            self._age_breakers(WAITS)
            quiet_at = until(self._quiet, deadline_s, of="a quiet queue", pause_s=0.3)
            items = self._items()
            if all(items[id_]["state"]["S"] in FINAL for id_ in expected):
                return
            self._let_pass(items, WAITS, since=quiet_at)
            self._redrive()
        raise TimeoutError(f"the storm does not end within {deadline_s:g} s: {self.states()}")

    def ended(self) -> dict[str, Ended]:
        """The deliveries by their ids."""
        return {
            id_: Ended(
                id=id_,
                transport=item["transport"]["S"],
                state=item["state"]["S"],
                attempts=[json.loads(attempt["S"]) for attempt in item["attempts"]["L"]],
                answers=list(self.storm.received[id_]),
            )
            for id_, item in self._items().items()
        }

    def states(self) -> Counter[str]:
        """How many deliveries stand where."""
        return Counter(item["state"]["S"] for item in self._items().values())

    def queue(self, logical_name: str) -> str:
        """The URL of a queue of the template."""
        found = self.stack.aws.cloudformation.describe_stack_resource(
            StackName=self.stack.deployed.stack_name, LogicalResourceId=logical_name
        )
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def depth(self, logical_name: str, *kinds: str) -> int:
        """How many messages a queue has: those that wait, and `kinds` (`NotVisible`, `Delayed`)."""
        names: Any = ["ApproximateNumberOfMessages", *(f"ApproximateNumberOfMessages{kind}" for kind in kinds)]
        found = self.stack.aws.sqs.get_queue_attributes(QueueUrl=self.queue(logical_name), AttributeNames=names)
        return sum(map(int, found["Attributes"].values()))

    def _items(self) -> dict[str, Item]:
        pages = self.stack.aws.dynamodb.get_paginator("scan").paginate(
            TableName=self.stack.deployed.deliveries_table,
            FilterExpression="begins_with(sk, :delivery) AND #rule = :rule",
            ExpressionAttributeNames={"#rule": "rule"},
            ExpressionAttributeValues={":delivery": {"S": "delivery#"}, ":rule": {"S": RULE}},
        )
        found = {
            f"{item['pk']['S'].removeprefix('event#')}-{item['sk']['S'].removeprefix('delivery#')}": item
            for page in pages
            for item in page["Items"]
        }
        return {delivery: item for delivery, item in found.items() if delivery not in self.earlier}

    def _begun(self, expected: set[str]) -> bool:
        """Whether each delivery is in the table. What fails meanwhile fails for minutes rather than seconds."""
        self._age_breakers(timedelta(minutes=5))
        return expected <= self._items().keys()

    def _quiet(self) -> datetime | None:
        """The time, where no function works for the queue. What SQS holds back counts if all that is left is there."""
        now = datetime.now(UTC)
        if self.storm.busy or self.depth("WebhookQueue", "NotVisible"):
            return None
        left = self.states().keys() - FINAL
        return None if left == {"queued"} and self.depth("WebhookQueue", "Delayed") else now

    def _let_pass(self, items: dict[str, Item], time_: timedelta, *, since: datetime) -> None:
        """Moves all that waits into the past, and what functions had that are gone; nothing that goes on meanwhile."""
        self.passed += time_
        for item in items.values():
            taken = item["state"]["S"] == "delivering" and datetime.fromisoformat(item["taken_at"]["S"]) >= since
            if "due_at" in item and not taken:
                self._move(item, ("due_at", "not_before"), time_, unless_changed="due_at")

    def _age_breakers(self, time_: timedelta) -> None:
        """Makes as if endpoints that fail now had done so for longer: no function works on that."""
        for name in ENDPOINTS:
            key = {"pk": {"S": "breakers"}, "sk": {"S": f"storm-{name}"}}
            breaker = self.stack.aws.dynamodb.get_item(TableName=self._table, Key=key).get("Item")
            if breaker is not None:
                self._move(breaker, ("since", "changed_at"), time_, unless_changed="failures")

    def _move(self, item: Item, names: tuple[str, ...], time_: timedelta, *, unless_changed: str) -> None:
        held = [name for name in names if name in item]
        moved = {f":{name}": {"N": f"{float(item[name]['N']) - time_.total_seconds():.3f}"} for name in held}
        if not held:
            return
        with contextlib.suppress(self.stack.aws.dynamodb.exceptions.ConditionalCheckFailedException):
            self.stack.aws.dynamodb.update_item(
                TableName=self._table,
                Key={"pk": item["pk"], "sk": item["sk"]},
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in held),
                ConditionExpression="#seen = :seen",
                ExpressionAttributeNames={f"#{name}": name for name in held} | {"#seen": unless_changed},
                ExpressionAttributeValues=moved | {":seen": item[unless_changed]},
            )

    def _redrive(self) -> None:
        """One run of the schedule, which may be killed as well: the next one goes on."""
        self.stack.aws.awslambda.invoke(FunctionName=f"{self.stack.deployed.stack_name}-redrive", Payload=b"{}")

    @property
    def _table(self) -> str:
        return self.stack.deployed.deliveries_table


def report(
    weather: Weather, killer: Killer, ended: dict[str, Ended], took_s: float, say: Callable[[str], None]
) -> None:
    """Says in numbers what happened."""
    killed = ", ".join(f"{count} of {function}" for function, count in sorted(killer.killed.items()))
    every = [attempt for delivery in ended.values() for attempt in delivery.attempts]
    interrupted = sum(attempt["reason"] == "interrupted" for attempt in every)
    repeats: Counter[str] = sum((delivery.repeats for delivery in ended.values()), Counter())
    say(f"\n  {len(ended)} deliveries, {len(every)} attempts, {weather.storm.requests} requests in {took_s:.0f} s")
    say(f"  simulated {weather.passed}; killed {killed or 'nothing'}: {interrupted} attempts of unknown outcome")
    say(f"  states {dict(Counter(delivery.state for delivery in ended.values()))}")
    say(f"  last reasons {dict(Counter(delivery.reasons[-1] for delivery in ended.values()))}")
    say(f"  all reasons {dict(Counter(attempt['reason'] for attempt in every))}")
    say(f"  ids sent again {dict(repeats)}")
