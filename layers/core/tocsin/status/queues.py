"""Count the messages of queues, and read dead letters without removing them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import orjson

from tocsin.aws.errors import as_unavailable
from tocsin.records import dataclass
from tocsin.times import from_milliseconds, iso
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

LOOKED_AT = 10
"""Dead letters read per queue: the most that one ReceiveMessage returns."""
GIVEN_UP = "taken ten times and never finished"
"""The reason of a delivery's dead letter, which names none itself: its outcome could not be stored."""
_MOST = 200


@dataclass(frozen=True, slots=True)
class Depth:
    """The approximate number of messages in a queue: waiting, in flight (a function has them), and delayed."""

    waiting: int
    in_flight: int
    delayed: int

    @property
    def all(self) -> int:
        """All of them."""
        return self.waiting + self.in_flight + self.delayed


def depth(sqs: SQSClient, url: str) -> Depth:
    """Return the number of messages in a queue. Raises Unavailable."""
    with as_unavailable("reading a queue's depth"):
        found = sqs.get_queue_attributes(
            QueueUrl=url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        )["Attributes"]
    return Depth(
        int(found.get("ApproximateNumberOfMessages", 0)),
        int(found.get("ApproximateNumberOfMessagesNotVisible", 0)),
        int(found.get("ApproximateNumberOfMessagesDelayed", 0)),
    )


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter: why it failed, when it was first sent, and the event that it is about, if it names one."""

    reason: str
    sent: datetime
    event_id: str | None


def look(sqs: SQSClient, url: str) -> list[DeadLetter]:
    """Read up to LOOKED_AT messages of a dead-letter queue without removing them. Reading raises their receive count,
    which does no harm: a dead-letter queue has no redrive policy of its own.

    Raises Unavailable.
    """
    with as_unavailable("looking at dead letters"):
        received = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=LOOKED_AT,
            VisibilityTimeout=0,  # so that they are visible to the next read
            WaitTimeSeconds=1,  # long polling asks all of SQS's servers: a short poll may miss a few messages
            MessageSystemAttributeNames=["SentTimestamp"],
        ).get("Messages", [])
    return [_letter(message) for message in {message["MessageId"]: message for message in received}.values()]


def _letter(message: MessageTypeDef) -> DeadLetter:
    try:
        body: Json = orjson.loads(message["Body"])
    except orjson.JSONDecodeError:
        body = None
    said = body if isinstance(body, dict) else {}
    event_id = said.get("event_id")
    return DeadLetter(
        reason=_reason(said)[:_MOST],
        sent=from_milliseconds(int(message["Attributes"]["SentTimestamp"])),
        event_id=event_id if isinstance(event_id, str) else None,
    )


def _reason(said: JsonObject) -> str:
    """Return why a message is there: the matcher's own reason, or Lambda's condition and the error's type.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    reason, context, answer = (said.get(name) for name in ("reason", "requestContext", "responsePayload"))
    if isinstance(reason, str) and reason:
        return reason
    if isinstance(context, dict) and isinstance(context.get("condition"), str):
        kind = answer.get("errorType") if isinstance(answer, dict) else None
        return f"{context['condition']}{f': {kind}' if isinstance(kind, str) else ''}"
    return GIVEN_UP


def by_reason(letters: Iterable[DeadLetter]) -> list[Json]:
    """Return {reason, messages, oldest, event_id} per reason, the most frequent first; `event_id` is one of them."""
    found = list(letters)
    reasons: list[Json] = []
    for reason, messages in Counter(letter.reason for letter in found).most_common():
        alike = sorted((letter for letter in found if letter.reason == reason), key=lambda letter: letter.sent)
        named = next((letter.event_id for letter in alike if letter.event_id is not None), None)
        reasons.append({"reason": reason, "messages": messages, "oldest": iso(alike[0].sent), "event_id": named})
    return reasons
