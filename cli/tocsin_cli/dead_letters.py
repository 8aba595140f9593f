"""Queues of messages that Tocsin's own code could not deal with. The API does not show them; SQS does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from tocsin_cli.aws import Aws, asking
from tocsin_cli.errors import NotFound, Unavailable
from tocsin_cli.times import iso
from tocsin_cli.types import Json, JsonObject

FAILURES = "StreamFailures"
"""What of the stream Lambda gave up; it has no queue to go back to."""
_SUFFIX = "DeadLetters"
_HIDDEN_FOR = 1  # seconds that a message which was looked at is hidden from others
_MOST_RECEIVES = 30


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """A queue of what failed: its logical name, its URL, and how many messages are in it."""

    name: str
    url: str
    messages: int

    def to_json(self) -> JsonObject:
        """{queue, messages}"""
        return {"queue": self.name, "messages": self.messages}


def queues(aws: Aws) -> list[DeadLetters]:
    """All queues of the stack that hold what failed, with how many messages they have."""
    found = []
    for name, url in aws.queues().items():
        if name.endswith(_SUFFIX) or name == FAILURES:
            found.append(DeadLetters(name, url, depth(aws, url)))
    return found


def depth(aws: Aws, url: str) -> int:
    """About how many messages a queue has, those that somebody has taken among them."""
    with asking("SQS"):
        attributes = aws.client("sqs").get_queue_attributes(
            QueueUrl=url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        )["Attributes"]
    return sum(int(number) for number in attributes.values())


def find(aws: Aws, name: str) -> DeadLetters:
    """The queue of that logical name, in any case, with or without `DeadLetters` at its end. Raises NotFound."""
    known = queues(aws)
    wanted = name.lower().removesuffix(_SUFFIX.lower())
    for each in known:
        if each.name.lower().removesuffix(_SUFFIX.lower()) == wanted:
            return each
    names = ", ".join(each.name for each in known)
    raise NotFound(f"there is no queue {name!r}; there are: {names or 'none'}")


def look(aws: Aws, queue: DeadLetters, limit: int) -> Iterator[JsonObject]:
    """Up to `limit` messages: {id, sent, receives, reason, event_id, body}. They stay in the queue.

    SQS hides a message from others for the second after it was looked at, and counts the look.
    """
    sqs = aws.client("sqs")
    seen: set[str] = set()
    for _ in range(_MOST_RECEIVES):
        if len(seen) >= limit:
            return
        with asking("SQS"):
            messages = sqs.receive_message(
                QueueUrl=queue.url,
                MaxNumberOfMessages=min(10, limit - len(seen)),
                VisibilityTimeout=_HIDDEN_FOR,
                WaitTimeSeconds=0,
                AttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
            ).get("Messages", [])
        new = [message for message in messages if message["MessageId"] not in seen]
        if not new:
            return
        for message in new:
            seen.add(message["MessageId"])
            yield _message(message)


def redrive(aws: Aws, queue: DeadLetters) -> str:
    """Have SQS move all messages to the queue whose dead letters they are; the task's handle.

    That queue is named: what the matcher put there itself did not come from it, and SQS, which would go by where each
    message came from, fails the task at the first such message (CouldNotDetermineMessageSource).

    NotFound where the queue is not a dead-letter queue of another one, as that of the stream's failures.
    """
    sqs = aws.client("sqs")
    with asking("SQS"):
        arn = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    source = _sources(aws).get(arn)
    if source is None:
        raise NotFound(f"no queue has {queue.name} as its dead letters: docs/operating.md says what to do with them")
    with asking("SQS"):
        answer = sqs.start_message_move_task(SourceArn=arn, DestinationArn=source)
    handle = answer.get("TaskHandle")
    if not handle:
        raise Unavailable("SQS did not start to move the messages")
    return str(handle)


def _sources(aws: Aws) -> dict[str, str]:
    """{ARN of a queue of dead letters: ARN of the one of the stack's queues that has it as such}."""
    found = {}
    for url in aws.queues().values():
        with asking("SQS"):
            answer = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy", "QueueArn"])
        attributes = answer.get("Attributes", {})
        policy = attributes.get("RedrivePolicy")
        if policy:
            found[str(json.loads(policy).get("deadLetterTargetArn"))] = str(attributes["QueueArn"])
    return found


def _message(message: JsonObject) -> JsonObject:
    attributes = message.get("Attributes")
    told = attributes if isinstance(attributes, dict) else {}
    body = str(message.get("Body", ""))
    try:
        said: Json = json.loads(body)
    except ValueError:
        said = None
    content = said if isinstance(said, dict) else {}
    sent = told.get("SentTimestamp")
    return {
        "id": message.get("MessageId"),
        "sent": iso(datetime.fromtimestamp(int(str(sent)) / 1000, UTC)) if sent else None,
        "receives": int(str(told.get("ApproximateReceiveCount", 0))),
        "event_id": content.get("event_id"),
        "reason": content.get("reason"),
        "body": body,
    }
