"""Probes of what delivers: webhook, slack, email, inbox; and of redrive and feedback."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from local.faults import Fault
from local.sinks import Misbehaviour
from tests.stack.permissions import Permission
from tests.stack.probes.events import begin_matter
from tests.stack.probes.stage import QUEUES, TRANSPORTS, Payload, Probe, Stage, done, new_message
from tocsin.aws.dynamodb import text, timestamp
from tocsin.deliveries.breaker import HANGS_AFTER, TIMED_OUT
from tocsin.deliveries.items import Place
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.waiting_store import KeptBack, WaitingStore, head_key, head_shard
from tocsin.deliveries.worker import COMES_BACK_AFTER
from tocsin.identity.directory import User
from tocsin.ids import new_id
from tocsin.notifications.outcome import State
from tocsin.notifications.transport import TransportMode
from tocsin.telling.decision import Cause, Decision, Kind

MODES = {
    "webhook": TransportMode.WEBHOOK,
    "slack": TransportMode.WEBHOOK_SLACK,
    "email": TransportMode.EMAIL,
    "inbox": TransportMode.LOCAL,
}
QUEUE_OF = {mode: queue for queue, mode in QUEUES.items()}
GIVEN_UP = 99  # attempts, more than any delivery has


def record_of(message: DeliveryMessage, message_id: str = "1", receipt: str = "none") -> Payload:
    """The message as its queue's mapping hands it over."""
    return {
        "messageId": message_id,
        "receiptHandle": receipt,
        "body": message.to_body(),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
    }


def carry(stage: Stage, function: str, message: DeliveryMessage, state: State) -> None:
    """Has the function attempt a delivery, after which it must stand there."""
    answer = stage.invoke(function, {"Records": [record_of(message)]})
    done(answer == {"batchItemFailures": []}, answer)
    stands = stage.state_of(message)
    done(stands == state, stands)


def deliver(stage: Stage, permission: Permission) -> None:
    carry(stage, permission.function, new_message(MODES[permission.function]), State.DELIVERED)


def deliver_by_key(stage: Stage, permission: Permission) -> None:
    message = new_message(MODES[permission.function], stage.stored_event())
    carry(stage, permission.function, replace(message, event=None), State.DELIVERED)


def deliver_with_link(stage: Stage, permission: Permission) -> None:
    """Delivers what escalates, with a link by which it is acknowledged."""
    message = replace(new_message(MODES[permission.function]), rule="escalating", about="a" * 32)
    carry(stage, permission.function, message, State.DELIVERED)


def deliver_in_thread(stage: Stage, permission: Permission) -> None:
    """Delivers by a bot what is about one thing, in a thread."""
    message = replace(new_message(MODES[permission.function]), transport="by-bot", about=uuid4().hex)
    carry(stage, permission.function, message, State.DELIVERED)


def deliver_late(stage: Stage, permission: Permission) -> None:
    """Has the function deliver what its queue gives out once more, for which it looks whether the person is there."""
    message = new_message(MODES[permission.function])
    carry(stage, permission.function, replace(message, again=True), State.DELIVERED)


@contextlib.contextmanager
def events_unreadable(stage: Stage) -> Iterator[None]:
    """Fails deliveries that carry no event, in a way that time heals, whatever their transport."""
    with stage.stack.emulator.failing(Fault("DynamoDB_20120810.GetItem", contains=stage.stack.deployed.events_table)):
        yield


def retry_soon(stage: Stage, permission: Permission) -> None:
    queue = QUEUE_OF[MODES[permission.function]]
    before = stage.waiting(queue)
    message = replace(new_message(MODES[permission.function]), event=None)
    with events_unreadable(stage):
        carry(stage, permission.function, message, State.RETRYING)
    done(stage.waiting(queue) > before, f"nothing in {queue}")


def fail_for_good(stage: Stage, permission: Permission) -> None:
    """Has a delivery fail for the last time, which administrators are told of once an hour."""
    report = f"Deliveries by transport {TRANSPORTS[MODES[permission.function]]} fail"
    stage.forget_reports(report)
    message = replace(new_message(MODES[permission.function]), event=None)
    item = Place.of(message.delivery_id).key | {
        "state": {"S": State.QUEUED},
        "tries": {"N": str(GIVEN_UP)},
        "attempts": {"L": []},
    }
    stage.stack.aws.dynamodb.put_item(TableName=stage.stack.deployed.deliveries_table, Item=item)
    with events_unreadable(stage):
        carry(stage, permission.function, message, State.FAILED)
    done(stage.reports(report), "no event says that the delivery failed")


def come_back(stage: Stage, permission: Permission) -> None:
    """Has the function receive what no table can be told of now, so that it asks for it again in a few seconds."""
    url, sqs = stage.queue_url(QUEUE_OF[MODES[permission.function]]), stage.stack.aws.sqs
    message = new_message(MODES[permission.function])
    sqs.purge_queue(QueueUrl=url)
    sqs.send_message(QueueUrl=url, MessageBody=message.to_body())
    (received,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=600, WaitTimeSeconds=5)["Messages"]
    record = record_of(message, received["MessageId"], received["ReceiptHandle"])
    with stage.stack.emulator.failing(
        Fault("DynamoDB_20120810.UpdateItem", contains=stage.stack.deployed.deliveries_table)
    ):
        answer = stage.invoke(permission.function, {"Records": [record]})
    done(answer == {"batchItemFailures": [{"itemIdentifier": received["MessageId"]}]}, answer)
    again = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=COMES_BACK_AFTER[0] + 3)
    done("Messages" in again, "the message stays away")


@contextlib.contextmanager
def endpoint_failing(stage: Stage, function: str) -> Iterator[None]:
    """Has the endpoint of the function's transport answer that it is unwell."""
    if function == "email":
        with stage.stack.emulator.failing(
            Fault("POST /v2/email/outbound-emails", code="TooManyRequestsException", status=429)
        ):
            yield
        return
    path = {"webhook": "/webhook/flaky", "slack": "/slack/everywhere"}[function]
    stage.stack.sinks.misbehave(Misbehaviour(path, status=503))
    try:
        yield
    finally:
        stage.stack.sinks.behave()


def count_failure_anew(stage: Stage, permission: Permission) -> None:
    """Has the function count a failure although the breaker is about another configuration."""
    mode = MODES[permission.function]
    name, fingerprint = TRANSPORTS[mode], stage.transport(mode).fingerprint
    stage.put_breaker(name, "another", "closed", failures=1)
    with endpoint_failing(stage, permission.function):
        carry(stage, permission.function, new_message(mode), State.RETRYING)
    breaker = stage.breaker(name)
    done(breaker and breaker["of"]["S"] == fingerprint, breaker)


def count_failure(stage: Stage, permission: Permission) -> None:
    """Has the function count a second failure of an endpoint."""
    mode = MODES[permission.function]
    name = TRANSPORTS[mode]
    stage.put_breaker(name, stage.transport(mode).fingerprint, "closed", failures=1)
    with endpoint_failing(stage, permission.function):
        carry(stage, permission.function, new_message(mode), State.RETRYING)
    breaker = stage.breaker(name)
    done(breaker and breaker["failures"]["N"] == "2", breaker)


def take_turn(stage: Stage, permission: Permission) -> None:
    """Has the function deliver to an endpoint that hung before, in its turn."""
    mode = MODES[permission.function]
    item = {"pk": {"S": "breakers"}, "sk": {"S": TRANSPORTS[mode]}, "of": {"S": stage.transport(mode).fingerprint}}
    facts = {"state": {"S": "closed"}, "failures": {"N": str(HANGS_AFTER)}, "reason": {"S": TIMED_OUT}}
    stage.stack.aws.dynamodb.put_item(TableName=stage.stack.deployed.deliveries_table, Item={**item, **facts})
    message = replace(new_message(mode), paced=False)
    carry(stage, permission.function, message, State.DELIVERED)


def forget_failures(stage: Stage, permission: Permission) -> None:
    mode = MODES[permission.function]
    name = TRANSPORTS[mode]
    stage.put_breaker(name, stage.transport(mode).fingerprint, "closed", failures=1)
    carry(stage, permission.function, new_message(mode), State.DELIVERED)
    done(stage.breaker(name) is None, stage.breaker(name))


def drop_breaker(stage: Stage, _permission: Permission) -> None:
    """Has redrive look after a breaker of a transport that is gone."""
    transport = f"gone-{uuid4()}"
    stage.put_breaker(transport, "gone", "draining", failures=0)
    stage.invoke("redrive", {})
    done(stage.breaker(transport) is None, transport)


def give_up_endpoint(stage: Stage, _permission: Permission) -> None:
    """Has redrive disable a transport whose endpoint failed for days."""
    name = TRANSPORTS[TransportMode.WEBHOOK]
    stage.put_breaker(name, stage.transport(TransportMode.WEBHOOK).fingerprint, "open", failures=10, changed_at=1)
    report = f"Transport {name} is disabled"
    stage.forget_reports(report)
    stage.invoke("redrive", {})
    breaker = stage.breaker(name)
    done(breaker and breaker["state"]["S"] == "disabled", breaker)
    done(stage.reports(report), "no event says that the transport is disabled")


def put_back(stage: Stage, permission: Permission) -> None:
    """Has redrive put a due delivery back on its queue."""
    queue = permission.resource if permission.resource in QUEUES else "InboxQueue"
    message, before = stage.noted_delivery(QUEUES[queue], State.RETRYING, due=True), stage.waiting(queue)
    stage.invoke("redrive", {})
    stands = stage.state_of(message)
    done(stands == State.QUEUED, stands)
    done(stage.waiting(queue) > before, f"nothing in {queue}")


def find_what_goes_on(stage: Stage, permission: Permission) -> None:
    """Has redrive find what is due, and what is held for an endpoint that is back."""
    if not permission.resource.endswith("/by-state"):
        put_back(stage, permission)
        return
    mode = TransportMode.WEBHOOK
    stage.put_breaker(TRANSPORTS[mode], stage.transport(mode).fingerprint, "draining", failures=0)
    message = stage.noted_delivery(mode, State.HELD)
    stage.invoke("redrive", {})
    stands = stage.state_of(message)
    done(stands == State.QUEUED, stands)


def tell_what_waits(stage: Stage, _permission: Permission) -> None:
    """Has redrive make a digest of what waited for somebody until a minute ago."""
    event = stage.stored_event()
    message = replace(new_message(TransportMode.LOCAL, event), user=User(f"probe-{uuid4()}"))
    now = datetime.now(UTC)
    held = Decision(Kind.HOLD, Cause.QUIET_HOURS, "probe", now - timedelta(minutes=1))
    waiting = WaitingStore(stage.stack.aws.dynamodb, stage.stack.deployed.deliveries_table)
    waiting.keep_back([KeptBack(message, event, held)], now=now, keep=timedelta(days=1))
    ran = stage.invoke("redrive", {})
    done(ran["digests"], ran)
    stands = stage.state_of(message)
    done(stands == State.JOINED, stands)


def tidy_digest(stage: Stage, _permission: Permission) -> None:
    """Has redrive look after a digest that was begun an hour ago, and of which nothing is left."""
    partition = f"digest#inbox#probe-{uuid4()}"
    hour_ago = timestamp(datetime.now(UTC) - timedelta(hours=1))
    table, dynamodb, key = stage.stack.deployed.deliveries_table, stage.stack.aws.dynamodb, head_key(partition)
    facts: Payload = {"due_shard": text(head_shard(partition)), "due_at": hour_ago, "asked_at": hour_ago}
    dynamodb.put_item(TableName=table, Item=key | facts | {"digest": text(f"{new_id()}-0123456789abcdef")})
    try:
        stage.invoke("redrive", {})
        left = dynamodb.get_item(TableName=table, Key=key)
        done("Item" not in left, left)
    finally:
        dynamodb.delete_item(TableName=table, Key=key)


def hand_step_on(stage: Stage, _permission: Permission) -> None:
    """Has redrive hand a step that is due to the matcher."""
    begin_matter(stage)
    before = stage.waiting("MatchQueue")
    stage.invoke("redrive", {})
    done(stage.waiting("MatchQueue") > before, "nothing in MatchQueue")


def bounce_of(address: str) -> Payload:
    """What SES says when mail to that address came back for good."""
    bounce = {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": address, "status": "5.1.1"}]}
    return {"source": "aws.ses", "detail": {"eventType": "Bounce", "bounce": bounce}}


def take_bounce(stage: Stage, _permission: Permission) -> None:
    address = f"{uuid4()}@example.com"
    answer = stage.invoke("feedback", bounce_of(address))
    done(answer == {"stopped": 1}, answer)
    done(stage.reports(address), "no event says that the address gets no more mail")


COURIERS: dict[tuple[str, str], Probe] = {
    ("ReturnSooner", "sqs:ChangeMessageVisibility"): come_back,
    ("RetrySoon", "sqs:SendMessage"): retry_soon,
    ("ReadVersion", "dynamodb:GetItem"): deliver,
    ("ReadSnapshot", "dynamodb:Query"): deliver,
    ("ReadLargeEvent", "dynamodb:GetItem"): deliver_by_key,
    ("ReportFailure", "dynamodb:PutItem"): fail_for_good,
    ("KeepLedger", "dynamodb:UpdateItem"): deliver,
    ("ReadUser", "dynamodb:BatchGetItem"): deliver_late,
    ("ReadDeparture", "dynamodb:BatchGetItem"): deliver_late,
}
# Of those that tell somebody else's endpoint; the inbox is our own table.
OUTSIDERS = ("webhook", "slack", "email")
BREAKERS: dict[tuple[str, str], Probe] = {
    ("TakeTurns", "dynamodb:UpdateItem"): take_turn,
    ("KeepBreaker", "dynamodb:UpdateItem"): count_failure,
    ("KeepBreaker", "dynamodb:GetItem"): deliver,
    ("KeepBreaker", "dynamodb:PutItem"): count_failure_anew,
    ("KeepBreaker", "dynamodb:DeleteItem"): forget_failures,
}

PROBES: dict[tuple[str, str, str], Probe] = {
    **{(function, *granted): probe for function in MODES for granted, probe in COURIERS.items()},
    **{(function, *granted): probe for function in OUTSIDERS for granted, probe in BREAKERS.items()},
    **dict.fromkeys(((each, "SignLinks", "secretsmanager:GetSecretValue") for each in OUTSIDERS), deliver_with_link),
    ("email", "SendMail", "ses:SendEmail"): deliver,
    ("email", "ReadMailStop", "dynamodb:GetItem"): deliver,
    ("webhook", "ReadSecrets", "dynamodb:GetItem"): deliver,
    ("slack", "ReadSecrets", "dynamodb:GetItem"): deliver,
    ("slack", "KeepThreads", "dynamodb:UpdateItem"): deliver_in_thread,
    ("inbox", "StoreNotification", "dynamodb:PutItem"): deliver,
    ("inbox", "NumberNotification", "dynamodb:UpdateItem"): deliver,
    ("feedback", "StopMail", "dynamodb:PutItem"): take_bounce,
    ("feedback", "ReadVersion", "dynamodb:GetItem"): take_bounce,
    ("feedback", "ReportStop", "dynamodb:PutItem"): take_bounce,
    ("redrive", "ReadVersion", "dynamodb:GetItem"): put_back,
    ("redrive", "ReadRulesAndGroups", "dynamodb:Query"): put_back,
    ("redrive", "KeepBreakers", "dynamodb:Query"): drop_breaker,
    ("redrive", "KeepBreakers", "dynamodb:UpdateItem"): give_up_endpoint,
    ("redrive", "KeepBreakers", "dynamodb:DeleteItem"): drop_breaker,
    ("redrive", "FindWhatGoesOn", "dynamodb:Query"): find_what_goes_on,
    ("redrive", "ClaimIt", "dynamodb:UpdateItem"): put_back,
    ("redrive", "KeepDigests", "dynamodb:UpdateItem"): tell_what_waits,
    ("redrive", "ReadWhoIsTold", "dynamodb:BatchGetItem"): tell_what_waits,
    ("redrive", "KeepDigests", "dynamodb:DeleteItem"): tidy_digest,
    ("redrive", "ReadJoined", "dynamodb:BatchGetItem"): tidy_digest,
    ("redrive", "PutBack", "sqs:SendMessage"): put_back,
    ("redrive", "HandStepOn", "sqs:SendMessage"): hand_step_on,
    ("redrive", "ReportDisabled", "dynamodb:PutItem"): give_up_endpoint,
}
