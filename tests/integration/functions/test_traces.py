"""An event is followed over all functions by the trace of the request that posted it."""

import json
from typing import Any

import pytest

from local.sinks import Misbehaviour, Sinks
from tests.integration.conftest import Stack
from tests.integration.delivery_world import World
from tests.integration.handler_calls import Client, request
from tests.integration.matching.matching_world import configure
from tests.integration.telling.escalation_world import EscalatingWorld
from tocsin.aws.tracing import caused_by
from tocsin.matching.message import MatchMessage

REQUEST = "1-6929b0d2-0123456789abcdef01234567"
FIRED = {"EVENT_STORED", "RULE_FIRED", "DELIVERY_ENDED"}


def header(root: str, *, lineage: str = "1:68fd508a:1") -> str:
    return f"Root={root};Parent=53995c3f42cd8ad8;Sampled=1;Lineage={lineage}"


class Invocations:
    """Each function has a trace of its own, as Lambda gives it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._count = 0

    def begin(self, root: str | None = None) -> str:
        self._count += 1
        root = root or f"1-0000000{self._count}-{self._count:024x}"
        self._monkeypatch.setenv("_X_AMZN_TRACE_ID", header(root))
        return root


@pytest.fixture
def invocations(monkeypatch: pytest.MonkeyPatch) -> Invocations:
    return Invocations(monkeypatch)


def post(stack: Stack) -> dict[str, Any]:
    """Post an event that a rule is for; its record in the stream."""
    answer = Client(stack, "ingest").send(request("POST", "/events", json.dumps({"action": "login_failed"})))
    assert answer.status == 201
    (item,) = [item for item in stack.items("events") if "event" in item]
    keys = {name: item[name] for name in ("pk", "sk")}
    return {
        "eventSource": "aws:dynamodb",
        "eventName": "INSERT",
        "dynamodb": {"Keys": keys, "NewImage": item, "SequenceNumber": "1"},
    }


def received(stack: Stack, queue: str) -> list[dict[str, Any]]:
    """Messages as Lambda hands them over."""
    found = stack.sqs.receive_message(QueueUrl=stack.queues[queue], MaxNumberOfMessages=10, AttributeNames=["All"])
    return [
        {
            "eventSource": "aws:sqs",
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
        }
        for message in found.get("Messages", [])
    ]


def traces(caplog: pytest.LogCaptureFixture) -> dict[str, set[str]]:
    """{code: trace_id of its lines}"""
    found: dict[str, set[str]] = {}
    for line in caplog.records:
        if hasattr(line, "event_id"):
            found.setdefault(getattr(line, "code", ""), set()).add(getattr(line, "trace_id", "none"))
    return found


def test_all_lines_about_an_event_have_the_trace_of_its_request(
    stack: Stack, invocations: Invocations, caplog: pytest.LogCaptureFixture
) -> None:
    configure(stack)

    invocations.begin(REQUEST)
    record = post(stack)
    invocations.begin()
    stack.call("matcher", {"Records": [record]})
    messages = received(stack, "Inbox")
    invocations.begin()
    stack.call("inbox", {"Records": messages})

    assert traces(caplog) == {code: {REQUEST} for code in FIRED}
    # SQS, and X-Ray, connect the functions; the lineage is the sender's, by which Lambda tells a loop
    assert [each["attributes"]["AWSTraceHeader"] for each in messages] == [header(REQUEST)]


def test_the_trace_is_no_part_of_what_the_api_and_rules_see(stack: Stack, invocations: Invocations) -> None:
    configure(stack)
    invocations.begin(REQUEST)

    record = post(stack)

    assert record["dynamodb"]["NewImage"]["trace"] == {"S": header(REQUEST).partition(";Lineage")[0]}
    assert REQUEST not in record["dynamodb"]["NewImage"]["event"]["S"]
    event_id = record["dynamodb"]["Keys"]["sk"]["S"]
    assert REQUEST not in Client(stack, "api").send(request("GET", f"/events/{event_id}")).text


def test_an_event_that_is_handed_on_keeps_its_trace(
    stack: Stack, invocations: Invocations, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record that fails goes through the match queue; so do the next pages of a large group."""
    configure(stack)
    invocations.begin(REQUEST)
    record = post(stack)
    stack.dynamodb.delete_table(TableName="deliveries")  # where the matcher tells the story

    invocations.begin()
    stack.call("matcher", {"Records": [record]})

    (message,) = received(stack, "Match")
    assert MatchMessage.from_body(message["body"]).event_id == record["dynamodb"]["Keys"]["sk"]["S"]
    assert message["attributes"]["AWSTraceHeader"] == header(REQUEST)
    assert traces(caplog)["RECORD_HANDED_ON"] == {REQUEST}

    invocations.begin()
    stack.call("matcher", {"Records": [message]})

    assert {trace for found in traces(caplog).values() for trace in found} == {REQUEST}


def test_a_retry_days_later_is_still_in_the_trace(
    world: World, sinks: Sinks, invocations: Invocations, caplog: pytest.LogCaptureFixture
) -> None:
    """What waits waits in the table, where messages are made anew: docs/decisions/0030."""
    world.hook(f"{sinks.url}/later")
    sinks.misbehave(Misbehaviour("/later", status=503, times=4))
    message = world.message()
    invocations.begin()
    with caused_by(header(REQUEST)):
        world.send(message)

    for _ in range(8):
        invocations.begin()
        world.pump(world.worker())
        invocations.begin()
        world.go_on(world.worker(), hours=3)

    assert world.delivery(message)["state"] == "delivered"
    assert len(world.delivery(message)["attempts"]) == 5
    found = traces(caplog)
    assert found["DELIVERY_RETRIED"] == found["DELIVERY_ENDED"] == {REQUEST}


def test_a_step_that_is_told_later_is_in_the_trace_of_what_began_it(
    stack: Stack, sinks: Sinks, invocations: Invocations, monkeypatch: pytest.MonkeyPatch
) -> None:
    telling = EscalatingWorld(stack, monkeypatch, sinks)
    (event,) = telling.happened(1)
    invocations.begin(REQUEST)
    telling.begin(event)

    invocations.begin()
    telling.later(minutes=15)
    telling.redrive()

    (message,) = received(stack, "Match")
    assert message["attributes"]["AWSTraceHeader"] == header(REQUEST)


def test_what_no_event_caused_has_the_trace_of_its_invocation(
    stack: Stack, invocations: Invocations, caplog: pytest.LogCaptureFixture, load: Any
) -> None:
    root = invocations.begin()

    stack.call("redrive", load("redrive-minute"))

    assert {getattr(line, "trace_id", None) for line in caplog.records if hasattr(line, "code")} == {root}
