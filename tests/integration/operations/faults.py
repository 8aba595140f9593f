"""Each way to fail, made to happen, and the alarm that is to ring."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from local.sinks import Sinks
from tests.expanded_template import ROOT, expanded_template
from tests.integration.conftest import Stack
from tests.integration.delivery_world import World
from tests.integration.handler_calls import Killed, failing, nothing_processed, raising, request, throttled
from tests.integration.operations.alarms import STACK, Metrics, embedded, ringing
from tocsin.notifications.transport import NotificationTransport

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
            record = {"messageId": "1", "receiptHandle": "1", "body": body, "eventSource": "aws:sqs"}
            answer = self.invoke(
                function, {"Records": [record | {"attributes": {"ApproximateReceiveCount": str(received)}}]}
            )
            if answer == {"batchItemFailures": []}:
                return
        self.dead(f"{transport}DeadLetters")

    def dead(self, queue: str, messages: int = 1) -> None:
        """Messages are in a queue that should be empty."""
        self.metrics.add("AWS/SQS", "ApproximateNumberOfMessagesVisible", messages, QueueName=queue)

    def minutes(self, count: int, each: Callable[[int], object] = lambda _: None) -> None:
        """Let so many minutes pass, with what happens in each."""
        for number in range(count):
            if self.scheduled:
                self.metrics.add("AWS/Lambda", "Invocations", 1, FunctionName="RedriveFunction")
            each(number)
            self.read()
            self.metrics.minute += 1
            self.rang |= ringing(self.metrics)


type Fault = Callable[[Watch], None]
FAULTS: dict[str, tuple[Fault, set[str]]] = {}


def fault(*rings: str) -> Callable[[Fault], Fault]:
    """A fault, and the alarms that ring for it."""

    def registered(cause: Fault) -> Fault:
        FAULTS[cause.__name__] = (cause, set(rings))
        return cause

    return registered


def post() -> dict[str, Any]:
    """A request that stores an event."""
    return request("POST", "/events", '{"action": "login"}')


@fault()
def nothing_is_wrong(watch: Watch) -> None:
    watch.world.configure(hook(watch, "/hook"))

    def work(_: int) -> None:
        watch.ask("ingest", post())
        watch.invoke("matcher", {"Records": []})
        watch.give("webhook", watch.world.message().to_body())

    watch.minutes(16, work)


@fault("RequestsFailAlarm")
def the_events_table_takes_nothing(watch: Watch) -> None:
    with failing(throttled("InternalServerError", 500), "PutItem", "BatchWriteItem", table="events"):
        watch.minutes(3, lambda _: watch.ask("ingest", post()))


@fault("RequestsFailAlarm")
def the_api_can_not_read(watch: Watch) -> None:
    with failing(throttled("InternalServerError", 500)):
        watch.minutes(3, lambda _: watch.ask("api", request("GET", "/events", content_type=None)))


@fault("RequestsFailAlarm")
def keys_can_not_be_checked(watch: Watch) -> None:
    asked = json.loads((ROOT / "events/authorizer-known-key.json").read_text("utf-8"))
    with failing(throttled("InternalServerError", 500)):
        watch.minutes(3, lambda _: watch.ask("authorizer", asked))


@fault("MatchDeadLettersAlarm")
def an_event_can_not_be_matched(watch: Watch) -> None:
    record = json.loads((ROOT / "events/matcher-insert.json").read_text("utf-8"))["Records"][0]
    record["dynamodb"]["NewImage"] = {}

    def match(_: int) -> None:
        watch.invoke("matcher", {"Records": [record]})
        watch.dead("MatchDeadLetters", len(watch.stack.messages("MatchDeadLetters")))

    watch.minutes(1, match)


@fault("FeedbackDeadLettersAlarm")
def a_bounce_can_not_be_taken(watch: Watch) -> None:
    bounce = json.loads((ROOT / "events/feedback-bounce.json").read_text("utf-8"))

    def take(_: int) -> None:
        retries = expanded_template()["Resources"]["FeedbackFunction"]["Properties"]["EventInvokeConfig"]
        tries = [watch.invoke("feedback", bounce) for _ in range(retries["MaximumRetryAttempts"] + 1)]
        watch.dead("FeedbackDeadLetters", int(all(answer is None for answer in tries)))

    with failing(throttled("InternalServerError", 500)):
        watch.minutes(1, take)


@fault("StreamFailuresAlarm")
def lambda_gives_up_a_record(watch: Watch) -> None:
    watch.minutes(1, lambda _: watch.dead("StreamFailures"))


@fault("MatcherErrorsAlarm")
def the_matcher_ends_at_each_record(watch: Watch) -> None:
    payload = json.loads((ROOT / "events/matcher-insert.json").read_text("utf-8"))
    with failing(raising(Killed())):
        watch.minutes(4, lambda _: watch.invoke("matcher", payload))


@fault("RollupErrorsAlarm")
def no_hour_can_be_counted(watch: Watch) -> None:
    with failing(throttled("InternalServerError", 500)):
        watch.minutes(4, lambda _: watch.invoke("rollup", {}))


@fault("RedriveErrorsAlarm")
def the_schedule_finds_no_table(watch: Watch) -> None:
    with failing(throttled("InternalServerError", 500)):
        watch.minutes(4, lambda _: watch.invoke("redrive", {}))


@fault("JobsErrorsAlarm")
def the_jobs_can_not_be_read(watch: Watch) -> None:
    with failing(throttled("InternalServerError", 500)):
        watch.minutes(4, lambda _: watch.invoke("jobs", {}))


@fault("RedriveIdleAlarm")
def the_schedule_is_disabled(watch: Watch) -> None:
    watch.scheduled = False
    watch.minutes(16)


@fault("MatcherIdleAlarm")
def the_stream_is_not_read(watch: Watch) -> None:
    watch.minutes(16, lambda _: watch.ask("ingest", post()))


@fault("MatcherLagAlarm")
def the_matcher_hands_its_records_back(watch: Watch) -> None:
    late(watch, "MatcherFunction")


@fault("RollupLagAlarm")
def hours_can_not_be_marked(watch: Watch) -> None:
    late(watch, "RollupFunction")


def late(watch: Watch, function: str) -> None:
    """Let the records of the stream grow old."""

    def grow_old(number: int) -> None:
        watch.metrics.add("AWS/Lambda", "IteratorAge", number * 60_000, FunctionName=function)

    watch.minutes(10, grow_old)


@fault("EventsTableThrottlesAlarm")
def a_partition_of_the_log_is_hot_and_writes_succeed_at_the_second_try(watch: Watch) -> None:
    def work(_: int) -> None:
        for _number in range(12):
            with failing(nothing_processed, "BatchWriteItem", at=lambda number: number == 1) as calls:
                watch.ask("ingest", post())
            watch.metrics.add("AWS/DynamoDB", "WriteThrottleEvents", len(calls) - 1, TableName="EventsTable")

    watch.minutes(4, work)


@fault("ConfigTableThrottlesAlarm")
def the_configuration_is_read_too_often(watch: Watch) -> None:
    watch.minutes(4, lambda _: watch.metrics.add("AWS/DynamoDB", "ReadThrottleEvents", 20, TableName="ConfigTable"))


@fault("DeliveriesTableThrottlesAlarm")
def the_ledger_is_written_too_often(watch: Watch) -> None:
    watch.minutes(
        4, lambda _: watch.metrics.add("AWS/DynamoDB", "WriteThrottleEvents", 20, TableName="DeliveriesTable")
    )


@fault("EmailDeliversNothingAlarm")
def ses_refuses_the_sender(watch: Watch) -> None:
    deliver_nothing(
        watch,
        "email",
        NotificationTransport(name="mail", mode="email"),
        failure="AccessDeniedException",
        service="sesv2",
    )


@fault("WebhookDeliversNothingAlarm")
def no_webhook_is_taken(watch: Watch) -> None:
    watch.sinks.misbehave(misbehaviour("/hook", 404))
    deliver_nothing(watch, "webhook", hook(watch, "/hook"))


@fault()
def one_of_two_endpoints_takes_nothing(watch: Watch) -> None:
    watch.sinks.misbehave(misbehaviour("/bad", 404))
    watch.world.configure(hook(watch, "/hook"), hook(watch, "/bad", "bad"))

    def work(_: int) -> None:
        watch.give("webhook", watch.world.message("bad").to_body())
        watch.give("webhook", watch.world.message("hook").to_body())

    watch.minutes(15, work)


@fault("SlackDeliversNothingAlarm")
def no_chat_takes_anything(watch: Watch) -> None:
    modelled_failures(watch, "slack", "webhook_slack")


@fault("InboxDeliversNothingAlarm")
def no_notification_is_stored(watch: Watch) -> None:
    modelled_failures(watch, "inbox", "local")


def stops(function: str) -> Fault:
    """Lambda takes a function for one that feeds itself: somebody set its RecursiveLoop back."""

    def cause(watch: Watch) -> None:
        facts = {"FunctionName": f"{function}Function"}
        watch.minutes(1, lambda _: watch.metrics.add("AWS/Lambda", "RecursiveInvocationsDropped", 1, **facts))

    cause.__name__ = f"lambda_stops_{function.lower()}"
    return cause


for _name in ("Matcher", *TRANSPORTS.values()):
    fault(f"{_name}StoppedAlarm")(stops(_name))


def modelled_failures(watch: Watch, function: str, mode: str) -> None:
    """Outcomes as the function writes them; that it does is shown of webhooks and mail."""
    facts = {"service": function, "mode": mode, "outcome": "failed"}
    watch.minutes(15, lambda _: watch.metrics.add(STACK, "Deliveries", 1, **facts))


def hook(watch: Watch, path: str, name: str = "hook") -> NotificationTransport:
    return NotificationTransport(name=name, mode="webhook", url=f"{watch.sinks.url}{path}")


def misbehaviour(path: str, status: int) -> Any:
    from local.sinks import Misbehaviour

    return Misbehaviour(path, status=status)


def deliver_nothing(
    watch: Watch, function: str, transport: NotificationTransport, *, failure: str = "", service: str = ""
) -> None:
    """A message a minute, each of which fails for good."""
    watch.world.configure(transport)

    def work(_: int) -> None:
        body = watch.world.message(transport.name, transport.mode).to_body()
        if service:
            with failing(throttled(failure, 403), service=service):
                watch.give(function, body)
        else:
            watch.give(function, body)

    watch.minutes(15, work)


def broken_message(function: str) -> Fault:
    """A message that our own code can't handle."""
    return lambda watch: watch.minutes(1, lambda _: watch.give(function, "{"))


def dying_function(function: str) -> Fault:
    """A function that ends at each message."""

    def die(watch: Watch) -> None:
        record = {"messageId": "1", "receiptHandle": "1", "attributes": {"ApproximateReceiveCount": "1"}}
        body = watch.world.message(function, "webhook").to_body()
        with failing(raising(Killed())):
            watch.minutes(4, lambda _: watch.invoke(function, {"Records": [record | {"body": body}]}))

    return die


def waiting_queue(queue: str) -> Fault:
    """Lambda has no concurrency left for a queue's function."""
    return lambda watch: watch.minutes(
        20,
        lambda number: watch.metrics.add("AWS/SQS", "ApproximateAgeOfOldestMessage", number * 60, QueueName=queue),
    )


for _function, _transport in TRANSPORTS.items():
    FAULTS[f"a_message_of_{_function}_is_broken"] = (broken_message(_function), {f"{_transport}DeadLettersAlarm"})
    FAULTS[f"the_{_function}_function_ends_at_each_message"] = (dying_function(_function), {f"{_transport}ErrorsAlarm"})


for _queue in ("WebhookQueue", "SlackQueue", "EmailQueue", "InboxQueue", "MatchQueue"):
    FAULTS[f"{_queue}_has_no_concurrency"] = (waiting_queue(_queue), {f"{_queue}WaitsAlarm"})
