"""Each way to fail that lasts until somebody acts, made to happen, and the one alarm that is to ring."""

import base64
import json
from typing import Any

from tests.expanded_template import expanded_template
from tests.integration.handler_calls import Killed, failing, nothing_processed, raising, request, throttled
from tests.integration.matching.matching_world import configure, event, record
from tests.integration.operations.alarms import STACK
from tests.integration.operations.watch import TRANSPORTS, Cause, Watch, fault, post, sample
from tocsin.notifications.transport import NotificationTransport, TransportMode

AWAY = "http://127.0.0.1:9"
"""Nobody listens there."""


# ── requests ─────────────────────────────────────────────────────────────────


@fault("RequestsFailAlarm", said="the events table takes nothing")
def the_events_table_takes_nothing(watch: Watch) -> None:
    with failing(
        throttled("InternalServerError", 500), "PutItem", "BatchWriteItem", "BatchExecuteStatement", table="events"
    ):
        watch.minutes(3, lambda _: watch.ask("ingest", post()))


@fault("RequestsFailAlarm", said="the API can't read a table")
def the_api_can_not_read(watch: Watch) -> None:
    with failing(throttled("InternalServerError", 500)):
        watch.minutes(3, lambda _: watch.ask("api", request("GET", "/events", content_type=None)))


@fault("RequestsFailAlarm", said="API keys can't be read, or not the admin key's secret")
def keys_can_not_be_checked(watch: Watch) -> None:
    with failing(throttled("InternalServerError", 500)):
        watch.minutes(3, lambda _: watch.ask("authorizer", sample("authorizer-known-key")))


@fault("RequestsFailAlarm", said="API keys can't be read, or not the admin key's secret")
def the_admin_key_can_not_be_read(watch: Watch) -> None:
    asked = signed_in_by(watch.stack.admin_key)
    with failing(throttled("InternalServiceError", 500), "GetSecretValue", service="secretsmanager"):
        watch.minutes(3, lambda _: watch.ask("authorizer", asked))


@fault("RequestsFailAlarm", said="the issuer of access tokens can't be reached")
def the_issuer_of_tokens_is_away(watch: Watch) -> None:
    watch.stack.monkeypatch.setenv("OIDC_ISSUER", AWAY)
    watch.stack.monkeypatch.setenv("OIDC_AUDIENCE", "tocsin")
    head = {"alg": "EdDSA", "typ": "at+jwt", "kid": "1"}
    claims = {"iss": AWAY, "aud": "tocsin", "sub": "alice", "exp": 4_102_444_800}
    parts = [*(json.dumps(each).encode() for each in (head, claims)), bytes(64)]
    token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    watch.minutes(3, lambda _: watch.ask("authorizer", signed_in_by(token)))


def signed_in_by(token: str) -> dict[str, Any]:
    """What the authorizer is asked of a request with that key or token."""
    asked = sample("authorizer-known-key")
    given = f"Bearer {token}"
    return asked | {"identitySource": [given], "headers": asked["headers"] | {"authorization": given}}


# ── what reads the stream, and schedules ─────────────────────────────────────


@fault("MatchDeadLettersAlarm", said="an event can't be read, and so not matched")
def an_event_can_not_be_matched(watch: Watch) -> None:
    unreadable = sample("matcher-insert")["Records"][0]
    unreadable["dynamodb"]["NewImage"] = {}

    def match(_: int) -> None:
        watch.invoke("matcher", {"Records": [unreadable]})
        watch.dead("MatchDeadLetters", len(watch.stack.messages("MatchDeadLetters")))

    watch.minutes(1, match)


@fault("FeedbackDeadLettersAlarm", said="a bounce can't be taken, three times")
def a_bounce_can_not_be_taken(watch: Watch) -> None:
    def take(_: int) -> None:
        settings = expanded_template()["Resources"]["FeedbackFunction"]["Properties"]["EventInvokeConfig"]
        tries = range(settings["MaximumRetryAttempts"] + 1)
        answers = [watch.invoke("feedback", sample("feedback-bounce")) for _ in tries]
        watch.dead("FeedbackDeadLetters", int(all(answer is None for answer in answers)))

    with failing(throttled("InternalServerError", 500)):
        watch.minutes(1, take)


@fault("StreamFailuresAlarm", said="Lambda gives up a record of the stream")
def lambda_gives_up_a_record(watch: Watch) -> None:
    watch.minutes(1, lambda _: watch.dead("StreamFailures"))


def failing_as_a_whole(function: str, payload: str) -> Cause:
    """Each invocation fails: of a schedule since a table can't be read, of the stream since the process ends."""

    def cause(watch: Watch) -> None:
        failure = raising(Killed()) if function == "matcher" else throttled("InternalServerError", 500)
        with failing(failure):
            watch.minutes(4, lambda _: watch.invoke(function, sample(payload)))

    return cause


for _function, _payload in {
    "matcher": "matcher-insert",
    "rollup": "rollup-schedule",
    "redrive": "redrive-minute",
    "jobs": "jobs-minute",
    "websocket": "websocket-minute",
}.items():
    fault(
        f"{_function.capitalize()}ErrorsAlarm",
        said="each run of a function fails: it can't start, it ends in the middle, or a table can't be read",
        name=f"each_run_of_{_function}_fails",
    )(failing_as_a_whole(_function, _payload))


@fault("RedriveIdleAlarm", said="the schedule of redrive is disabled")
def the_schedule_is_disabled(watch: Watch) -> None:
    watch.scheduled = False
    watch.minutes(16)


@fault("MatcherIdleAlarm", said="the stream's mapping is disabled, and nobody matches what comes in")
def the_stream_is_not_read(watch: Watch) -> None:
    watch.minutes(16, lambda _: watch.ask("ingest", post()))


@fault("MatcherLagAlarm", said="the matcher can put nothing on a queue, and hands its records back")
def no_queue_takes_what_the_matcher_sends(watch: Watch) -> None:
    configure(watch.stack)
    with failing(throttled(), "SendMessageBatch", service="sqs"):
        watch.minutes(9, lambda _: watch.read_stream("matcher", record(event())))


@fault("RollupLagAlarm", said="the hours of new events can't be marked for counting")
def hours_can_not_be_marked(watch: Watch) -> None:
    (new, *_) = sample("rollup-stream")["Records"]
    with failing(throttled("InternalServerError", 500), table="events"):
        watch.minutes(9, lambda _: watch.read_stream("rollup", new))


# ── tables ───────────────────────────────────────────────────────────────────


@fault("EventsTableThrottlesAlarm", said="the events table, or a hot partition of it, throttles; second tries succeed")
def a_partition_of_the_log_is_hot_and_writes_succeed_at_the_second_try(watch: Watch) -> None:
    def work(_: int) -> None:
        for _number in range(12):
            with failing(nothing_processed, "BatchWriteItem", at=lambda number: number == 1) as calls:
                watch.ask("ingest", post())
            watch.metrics.add("AWS/DynamoDB", "WriteThrottleEvents", len(calls) - 1, TableName="EventsTable")

    watch.minutes(4, work)


@fault("EventsTableThrottlesAlarm", said="events can't be read for their deliveries, since their table throttles")
def events_are_read_too_often_for_their_deliveries(watch: Watch) -> None:
    watch.world.configure(watch.hook("/hook"))

    def work(_: int) -> None:
        bodies = watch.messages(12)
        with watch.throttling("EventsTable", "ReadThrottleEvents", "GetItem"):
            watch.batch("webhook", bodies)

    watch.minutes(4, work)


@fault("ConfigTableThrottlesAlarm", said="the configuration's table throttles, and groups can't be read")
def the_configuration_is_read_too_often(watch: Watch) -> None:
    configure(watch.stack)

    def work(_: int) -> None:
        records = [record(event(), number) for number in range(12)]
        with watch.throttling("ConfigTable", "ReadThrottleEvents", "Query"):
            watch.invoke("matcher", {"Records": records})

    watch.minutes(4, work)


@fault("DeliveriesTableThrottlesAlarm", said="the deliveries' table throttles, and messages come back")
def the_ledger_is_written_too_often(watch: Watch) -> None:
    _deliveries_are_throttled(watch)


def _deliveries_are_throttled(watch: Watch, **by: str) -> None:
    watch.world.configure(watch.hook("/hook"))
    bodies = watch.messages(12)

    def work(number: int) -> None:
        with watch.throttling("DeliveriesTable", "WriteThrottleEvents", "UpdateItem", **by):
            assert watch.batch("webhook", bodies, received=number + 1) == len(bodies)

    watch.minutes(4, work)


# The dimension TableName counts what the table throttles, and nothing of its indexes:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html


@fault("EventsTableIndexThrottlesAlarm", said="an index of the events table takes no more of one user or address")
def one_users_events_are_more_than_their_index_takes(watch: Watch) -> None:
    def work(_: int) -> None:
        for _number in range(12):
            with failing(nothing_processed, "BatchWriteItem", at=lambda number: number == 1) as calls:
                watch.ask("ingest", post())
            index = {"TableName": "EventsTable", "GlobalSecondaryIndexName": "by-user"}
            watch.metrics.add("AWS/DynamoDB", "WriteThrottleEvents", len(calls) - 1, **index)

    watch.minutes(4, work)


@fault("DeliveriesTableIndexThrottlesAlarm", said="an index of the deliveries' table throttles, and messages come back")
def what_is_due_is_more_than_its_index_takes(watch: Watch) -> None:
    _deliveries_are_throttled(watch, index="by-due")


# ── deliveries ───────────────────────────────────────────────────────────────


@fault("EmailDeliversNothingAlarm", said="SES refuses the sender")
def ses_refuses_the_sender(watch: Watch) -> None:
    watch.world.configure(NotificationTransport(name="mail", mode=TransportMode.EMAIL))

    def work(_: int) -> None:
        with failing(throttled("AccessDeniedException", 403), service="sesv2"):
            watch.give("email", watch.world.message("mail", "email").to_body())

    watch.minutes(15, work)


@fault("WebhookDeliversNothingAlarm", said="no endpoint takes anything: a mapping, or the way out, is broken")
def no_webhook_is_taken(watch: Watch) -> None:
    watch.misbehave("/hook", 404)
    watch.world.configure(watch.hook("/hook"))
    watch.minutes(15, lambda _: watch.give("webhook", watch.message().to_body()))


def refused(function: str, mode: str) -> Cause:
    """Outcomes as the function writes them; that it does is shown of webhooks and mail."""
    facts = {"service": function, "mode": mode, "outcome": "failed"}
    return lambda watch: watch.minutes(15, lambda _: watch.metrics.add(STACK, "Deliveries", 1, **facts))


for _function, _mode in {"slack": "webhook_slack", "inbox": "local"}.items():
    fault(
        f"{TRANSPORTS[_function]}DeliversNothingAlarm",
        said="no chat takes anything, or no notification can be stored",
        name=f"{_function}_delivers_nothing",
    )(refused(_function, _mode))


def broken_message(function: str) -> Cause:
    """A message that our own code can't handle."""
    return lambda watch: watch.minutes(1, lambda _: watch.give(function, "{"))


def dying_function(function: str) -> Cause:
    """A function that ends at each message."""

    def die(watch: Watch) -> None:
        body = watch.world.message(function, "webhook").to_body()
        with failing(raising(Killed())):
            watch.minutes(4, lambda _: watch.batch(function, [body]))

    return die


for _function, _transport in TRANSPORTS.items():
    fault(
        f"{_transport}DeadLettersAlarm",
        said="our own code can't handle a message of a transport's queue",
        name=f"a_message_of_{_function}_is_broken",
    )(broken_message(_function))
    fault(
        f"{_transport}ErrorsAlarm",
        said="a transport's function ends at each message",
        name=f"the_{_function}_function_ends_at_each_message",
    )(dying_function(_function))


# ── what Lambda does ─────────────────────────────────────────────────────────


def waiting_queue(queue: str) -> Cause:
    """Lambda has no concurrency left for a queue's function."""
    return lambda watch: watch.minutes(
        20,
        lambda number: watch.metrics.add("AWS/SQS", "ApproximateAgeOfOldestMessage", number * 60, QueueName=queue),
    )


def stopped(function: str) -> Cause:
    """Lambda takes a function for one that feeds itself: somebody set its RecursiveLoop back."""
    facts = {"FunctionName": f"{function}Function"}
    return lambda watch: watch.minutes(
        1, lambda _: watch.metrics.add("AWS/Lambda", "RecursiveInvocationsDropped", 1, **facts)
    )


for _name in (*TRANSPORTS.values(), "Match"):
    fault(
        f"{_name}QueueWaitsAlarm",
        said="Lambda has no concurrency left for a queue's function",
        name=f"{_name}Queue_has_no_concurrency",
    )(waiting_queue(f"{_name}Queue"))

for _name in ("Matcher", *TRANSPORTS.values()):
    fault(
        f"{_name}StoppedAlarm",
        said="Lambda takes a function for a loop, and drops its messages",
        name=f"lambda_stops_{_name.lower()}",
    )(stopped(_name))
