"""The stack's functions while something is wrong, what CloudWatch would know of them, and the faults that are known."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from local.sinks import Misbehaviour, Sinks
from tests.expanded_template import ROOT, expanded_template
from tests.integration.conftest import Stack
from tests.integration.delivery_world import World
from tests.integration.handler_calls import Killed, failing, request, throttled
from tests.integration.operations.alarms import STACK, Metrics, embedded, ringing
from tocsin.deliveries.model import DeliveryMessage
from tocsin.notifications.transport import NotificationTransport, TransportMode

TRANSPORTS = {"webhook": "Webhook", "slack": "Slack", "email": "Email", "inbox": "Inbox"}


@dataclass
class Watch:
    """The stack's functions, and what CloudWatch would know of them."""

    stack: Stack
    world: World
    sinks: Sinks
    capture: pytest.CaptureFixture[str]
    metrics: Metrics = field(default_factory=Metrics)
    rang: set[str] = field(default_factory=set)
    scheduled: bool = True
    behind: dict[str, int] = field(default_factory=dict)
    """Minutes since a function took what the stream gave it."""

    def invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any] | None:
        """A cold invocation; None where it fails as a whole."""
        name = f"{function.capitalize()}Function"
        self.metrics.add("AWS/Lambda", "Invocations", 1, FunctionName=name)
        try:
            answer = self.stack.call(function, event)
        except (Exception, Killed):  # noqa: BLE001 - whatever a handler raises is an invocation that failed
            self.metrics.add("AWS/Lambda", "Errors", 1, FunctionName=name)
            return None
        finally:
            self.read()
        self.metrics.add("AWS/Lambda", "Errors", 0, FunctionName=name)
        return answer

    def ask(self, function: str, event: dict[str, Any]) -> None:
        """A request over the HTTP API, which answers 500 where the function fails."""
        answer = self.invoke(function, event)
        failed = answer is None or int(answer.get("statusCode", 200)) >= 500
        self.metrics.add("AWS/ApiGateway", "5xx", int(failed), ApiId="HttpApi")

    def read(self) -> None:
        """Take the metrics that were written, as CloudWatch does from the log."""
        for line in self.capture.readouterr().out.splitlines():
            if '"_aws"' in line:
                for name, values, dimensions in embedded(json.loads(line)):
                    for value in values:
                        self.metrics.add(STACK, name, value, **dimensions)

    def give(self, function: str, body: str) -> None:
        """Have a message given out until it is taken, or is dead, as its queue's policy says."""
        transport = TRANSPORTS[function]
        policy = expanded_template()["Resources"][f"{transport}Queue"]["Properties"]["RedrivePolicy"]
        for received in range(1, policy["maxReceiveCount"] + 1):
            if self.batch(function, [body], received=received) == 0:
                return
        self.dead(f"{transport}DeadLetters")

    def batch(self, function: str, bodies: Sequence[str], *, received: int = 1) -> int:
        """Have messages given out together; how many come back."""
        records = [
            {
                "messageId": str(number),
                "receiptHandle": str(number),
                "body": body,
                "eventSource": "aws:sqs",
                "attributes": {"ApproximateReceiveCount": str(received)},
            }
            for number, body in enumerate(bodies)
        ]
        answer = self.invoke(function, {"Records": records})
        return len(records if answer is None else answer["batchItemFailures"])

    def read_stream(self, function: str, record: dict[str, Any]) -> None:
        """Have a function given a record of the stream, once more in each minute in which it did not take it."""
        answer = self.invoke(function, {"Records": [record]})
        taken = answer is not None and not answer["batchItemFailures"]
        self.behind[function] = 0 if taken else self.behind.get(function, 0) + 1
        age_ms = self.behind[function] * 60_000
        self.metrics.add("AWS/Lambda", "IteratorAge", age_ms, FunctionName=f"{function.capitalize()}Function")

    def dead(self, queue: str, messages: int = 1) -> None:
        """Messages are in a queue that should be empty."""
        self.metrics.add("AWS/SQS", "ApproximateNumberOfMessagesVisible", messages, QueueName=queue)

    @contextmanager
    def throttling(self, table: str, metric: str, *operations: str, index: str = "") -> Iterator[None]:
        """Have a table refuse those operations, and count each refusal as DynamoDB does.

        What an `index` throttles is refused alike, and counted as the index's alone.
        """
        with failing(throttled(), *operations, table=table.removesuffix("Table").lower()) as calls:
            yield
        of_index = {"GlobalSecondaryIndexName": index} if index else {}
        self.metrics.add("AWS/DynamoDB", metric, len(calls), TableName=table, **of_index)

    def minutes(self, count: int, each: Callable[[int], object] = lambda _: None) -> None:
        """Let so many minutes pass, with what happens in each."""
        for number in range(count):
            if self.scheduled:
                self.metrics.add("AWS/Lambda", "Invocations", 1, FunctionName="RedriveFunction")
            each(number)
            self.read()
            self.metrics.minute += 1
            self.rang |= ringing(self.metrics)

    def errors(self, function: str) -> float:
        """How many invocations of a function have failed."""
        series = ("AWS/Lambda", "Errors", frozenset({("FunctionName", f"{function.capitalize()}Function")}))
        return sum(sum(values) for values in self.metrics.values[series].values())

    def outcomes(self, function: str, mode: str, outcome: str) -> float:
        """How many deliveries had that outcome."""
        facts = {"service": function, "mode": mode, "outcome": outcome}
        series = (STACK, "Deliveries", frozenset(facts.items()))
        return sum(sum(values) for values in self.metrics.values[series].values())

    # what there is to do

    def hook(self, path: str, name: str = "hook") -> NotificationTransport:
        """A webhook to a path of the sinks."""
        return NotificationTransport(name=name, mode=TransportMode.WEBHOOK, url=f"{self.sinks.url}{path}")

    def misbehave(self, path: str, status: int) -> None:
        """Have that path answer with a status."""
        self.sinks.misbehave(Misbehaviour(path, status=status))

    def messages(self, count: int, transport: str = "hook") -> list[str]:
        """Bodies of messages about an event each."""
        return [self.message(transport).to_body() for _ in range(count)]

    def message(self, transport: str = "hook") -> DeliveryMessage:
        """A message about a new event, by a webhook."""
        return self.world.message(transport)


type Cause = Callable[[Watch], None]


@dataclass(frozen=True)
class Fault:
    """A way to fail: how it is made, which alarms ring, and how docs/operating.md calls it."""

    cause: Cause
    rings: frozenset[str]
    said: str


FAULTS: dict[str, Fault] = {}


def fault(*rings: str, said: str = "", name: str = "") -> Callable[[Cause], Cause]:
    """Register a fault, and the alarms that ring for it. Faults of one kind, of several functions, are said alike."""

    def registered(cause: Cause) -> Cause:
        known = name or cause.__name__
        assert known not in FAULTS, known
        FAULTS[known] = Fault(cause, frozenset(rings), said or known.replace("_", " "))
        return cause

    return registered


def table() -> str:
    """The faults and the alarms that they ring, as docs/operating.md has them."""
    rings: dict[str, list[str]] = {}
    for each in FAULTS.values():
        known = rings.setdefault(each.said, [])
        known += [f"`{alarm}`" for alarm in sorted(each.rings) if f"`{alarm}`" not in known]
    rows = [f"| {said} | {', '.join(alarms) or 'none'} |" for said, alarms in rings.items()]
    return "\n".join(["| what fails | what rings |", "|---|---|", *rows, ""])


def post() -> dict[str, Any]:
    """A request that stores an event."""
    return request("POST", "/events", '{"action": "login"}')


def sample(name: str) -> dict[str, Any]:
    """A file of events/."""
    payload: dict[str, Any] = json.loads((ROOT / f"events/{name}.json").read_text("utf-8"))
    return payload
