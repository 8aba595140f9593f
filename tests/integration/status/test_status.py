"""GET /status: each part as the stack is, and parts that can't be read, which take no other with them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.expanded_template import expanded_template
from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.role_policies import DEAD_LETTERS
from tests.stack.permissions import functions
from tocsin.aws import clients
from tocsin.deliveries.breaker_store import BreakerStore
from tocsin.ids import new_id
from tocsin.status import log_errors
from tocsin.status.report import FUNCTIONS, PARALLEL, READERS

PARTS = {"at", "queues", "dead_letters", "stream", "breakers", "errors", "unknown"}


@pytest.fixture
def api(stack: Stack) -> Iterator[Api]:
    """The API of a stack whose functions have log groups."""
    logs = boto3.client("logs")
    for function in FUNCTIONS:
        logs.create_log_group(logGroupName=f"/aws/lambda/tocsin-test-{function}")
        logs.create_log_stream(logGroupName=f"/aws/lambda/tocsin-test-{function}", logStreamName="1")
    return Api.of(stack)


def status(api: Api) -> Any:
    answer = api("GET", "/status")
    assert answer.status == 200, answer.text
    assert answer.body.keys() == PARTS
    return answer.body


def named(entries: list[Any], name: str, by: str = "queue") -> Any:
    (found,) = [entry for entry in entries if entry[by] == name]
    return found


def log(function: str, *lines: str, at: datetime | None = None) -> None:
    stamp = int((at or datetime.now(UTC)).timestamp() * 1000)
    boto3.client("logs").put_log_events(
        logGroupName=f"/aws/lambda/tocsin-test-{function}",
        logStreamName="1",
        logEvents=[{"timestamp": stamp, "message": line} for line in lines],
    )


def measure(namespace: str, metric: str, dimension: tuple[str, str], value: float) -> None:
    """A measurement of a minute ago, after one that was half of it."""
    now, dimensions = datetime.now(UTC), [{"Name": dimension[0], "Value": dimension[1]}]
    for minutes, measured in ((3, value / 2), (1, value)):
        at = now - timedelta(minutes=minutes)
        datum: Any = {"MetricName": metric, "Dimensions": dimensions, "Value": measured, "Timestamp": at}
        boto3.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[datum])


def fail(monkeypatch: pytest.MonkeyPatch, client: Any, operation: str) -> None:
    """Has AWS refuse an operation, as it refuses a role that lacks the permission."""

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)

    monkeypatch.setattr(client, operation, refuse)


def test_a_stack_at_rest_has_nothing_to_say(api: Api) -> None:
    said = status(api)

    assert [each["queue"] for each in said["queues"]] == ["webhook", "slack", "email", "inbox", "match"]
    assert {each["waiting"] + each["in_flight"] + each["delayed"] for each in said["queues"]} == {0}
    assert {each["messages"] for each in said["dead_letters"]} == {0}
    assert said["stream"] == [{"reader": reader, "lag_seconds": None} for reader in READERS]
    assert said["errors"]["codes"] == []
    assert said["errors"]["complete"] is True
    assert said["unknown"] == []


def test_queues_have_their_depth_and_the_age_of_their_oldest_message(api: Api, stack: Stack) -> None:
    for delay in (0, 0, 60):
        stack.sqs.send_message(QueueUrl=stack.queues["Webhook"], MessageBody="{}", DelaySeconds=delay)
    stack.sqs.receive_message(QueueUrl=stack.queues["Webhook"], MaxNumberOfMessages=1)
    measure("AWS/SQS", "ApproximateAgeOfOldestMessage", ("QueueName", "Webhook"), 42)

    webhook = named(status(api)["queues"], "webhook")

    assert webhook == {"queue": "webhook", "waiting": 1, "in_flight": 1, "delayed": 1, "oldest_seconds": 42}


def test_dead_letters_are_counted_by_their_reasons_and_stay(api: Api, stack: Stack) -> None:
    event = new_id()
    lambdas = {"requestContext": {"condition": "RetriesExhausted"}, "responsePayload": {"errorType": "KeyError"}}
    for body in ({"event_id": event, "reason": "DynamoDB is throttling"}, {"reason": "DynamoDB is throttling"}):
        stack.sqs.send_message(QueueUrl=stack.queues["MatchDeadLetters"], MessageBody=json.dumps(body))
    stack.sqs.send_message(QueueUrl=stack.queues["FeedbackDeadLetters"], MessageBody=json.dumps(lambdas))
    stack.sqs.send_message(QueueUrl=stack.queues["EmailDeadLetters"], MessageBody="no JSON")

    first, second = status(api)["dead_letters"], status(api)["dead_letters"]

    assert second == first
    match = named(first, "match")
    assert (match["messages"], match["looked_at"]) == (2, 2)
    ((reason, messages, of),) = [(each["reason"], each["messages"], each["event_id"]) for each in match["reasons"]]
    assert (reason, messages, of) == ("DynamoDB is throttling", 2, event)
    assert named(first, "feedback")["reasons"][0]["reason"] == "RetriesExhausted: KeyError"
    assert named(first, "email")["reasons"][0]["event_id"] is None
    assert named(first, "webhook") == {"queue": "webhook", "messages": 0, "looked_at": 0, "reasons": []}


def test_each_queue_of_dead_letters_is_looked_into(api: Api, stack: Stack) -> None:
    for name in DEAD_LETTERS:
        stack.sqs.send_message(QueueUrl=stack.queues[name], MessageBody='{"reason": "throttled"}')

    letters = status(api)["dead_letters"]

    assert {each["queue"]: each["looked_at"] for each in letters} == {_short(name): 1 for name in DEAD_LETTERS}


def test_readers_of_the_stream_have_their_lag_in_seconds(api: Api) -> None:
    measure("AWS/Lambda", "IteratorAge", ("FunctionName", "tocsin-test-matcher"), 1500)

    assert status(api)["stream"] == [
        {"reader": "matcher", "lag_seconds": 1.5},
        {"reader": "rollup", "lag_seconds": None},
    ]


def test_breakers_of_configured_transports_are_there(api: Api, stack: Stack) -> None:
    made = api("PUT", "/transports/pager", {"mode": "webhook", "url": "https://pager.example.com/x"})
    assert made.status == 201, made.text
    store = BreakerStore(stack.dynamodb, "deliveries")
    store.failed("gone-since", "x", "timeout", now=datetime.now(UTC))

    breakers = status(api)["breakers"]

    assert {each["transport"]: each["state"] for each in breakers}["pager"] == "closed"
    assert "gone-since" not in {each["transport"] for each in breakers}


def test_errors_are_counted_by_code_and_function_the_latest_first(api: Api) -> None:
    event, now = new_id(), datetime.now(UTC)
    lost = {"level": "ERROR", "code": "RECORD_LEFT", "message": "sending failed", "event_id": event}
    log("matcher", *[json.dumps(lost)] * 2, at=now - timedelta(minutes=2))
    log("matcher", json.dumps(lost | {"event_id": None}), at=now - timedelta(hours=2))
    log("matcher", json.dumps({"level": "INFO", "code": "RULE_FIRED", "message": "no ERROR at all"}))
    log("matcher", json.dumps(["ERROR"]), "a line with the word ERROR in it")
    log("api", "[ERROR] KeyError: 'a secret'\nTraceback (most recent call last)", at=now - timedelta(minutes=1))

    codes = status(api)["errors"]["codes"]

    assert [(each["code"], each["function"], each["count"]) for each in codes] == [
        (log_errors.UNCODED, "api", 1),
        ("RECORD_LEFT", "matcher", 2),
    ]
    assert codes[1]["event_id"] == event
    assert codes[1]["message"] == "sending failed"
    assert "secret" not in json.dumps(codes)


@pytest.mark.parametrize(
    ("status_", "code"),
    [
        ("timeout", "INVOCATION_TIMEOUT"),
        ("failure", "INVOCATION_FAILURE"),
        ("error", None),  # the runtime writes a line of its own
        ("success", None),
    ],
)
def test_an_invocation_that_was_cut_off_is_an_error_though_lambda_only_warns(
    api: Api, status_: str, code: str | None
) -> None:
    """The fault: a function that ran into its timeout had no line of the level ERROR, and so was not in the status."""
    record = {"requestId": "52fdfc07", "metrics": {"durationMs": 30000.0}, "status": status_}
    log("webhook", json.dumps({"time": "2026-03-01T12:00:00Z", "type": "platform.report", "record": record}))

    codes = status(api)["errors"]["codes"]

    assert [(each["code"], each["function"]) for each in codes] == ([(code, "webhook")] if code else [])


def test_a_log_that_is_too_long_to_be_read_whole_is_said_to_be(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def always_more(**request: Any) -> Any:
        asked.append(request)
        return {"events": [], "nextToken": "more"}

    monkeypatch.setattr(clients.logs(), "filter_log_events", always_more)

    said = status(api)

    assert said["errors"]["complete"] is False
    assert len(asked) == log_errors.MOST_PAGES * len(FUNCTIONS)


@pytest.mark.parametrize(
    ("service", "operation", "part", "lost"),
    [
        ("sqs", "get_queue_attributes", "queues", {"queues", "dead_letters"}),
        ("sqs", "receive_message", "dead_letters.match", set()),
        ("cloudwatch", "get_metric_data", "ages", {"stream"}),
        ("logs", "filter_log_events", "errors.api", set()),
        ("dynamodb", "query", "breakers", {"breakers"}),
    ],
)
def test_a_part_that_cannot_be_read_says_why_and_takes_no_other_with_it(
    api: Api, stack: Stack, monkeypatch: pytest.MonkeyPatch, service: str, operation: str, part: str, lost: set[str]
) -> None:
    stack.sqs.send_message(QueueUrl=stack.queues["MatchDeadLetters"], MessageBody="{}")
    fail(monkeypatch, getattr(clients, service)(), operation)

    said = status(api)

    reasons = {each["part"]: each["reason"] for each in said["unknown"]}
    assert "AccessDenied" in reasons[part]
    assert {name for name in PARTS if said[name] is None} == lost


def test_what_is_looked_at_is_what_the_template_has() -> None:
    resources = expanded_template()["Resources"]
    queues = {name for name, each in resources.items() if each["Type"] == "AWS::SQS::Queue"}
    variables = functions()["api"]["Environment"]["Variables"]
    named_there = f"{variables['WATCHED_QUEUES']} {variables['DEAD_LETTERS']}"

    assert {word.partition("=")[2].strip("${}") for word in named_there.split()} == queues
    assert {word.partition("=")[0] for word in variables["DEAD_LETTERS"].split()} == {
        _short(name) for name in DEAD_LETTERS
    }
    assert set(FUNCTIONS) == functions().keys()


def _short(queue: str) -> str:
    return queue.removesuffix("DeadLetters").removesuffix("Failures").lower()


def test_nothing_is_asked_by_more_threads_than_its_client_keeps_connections() -> None:
    """The fault: each status wrote warnings of urllib3's, "Connection pool is full", among those of real trouble."""
    for client in (clients.logs(), clients.sqs(), clients.cloudwatch()):
        assert client.meta.config.max_pool_connections >= PARALLEL
