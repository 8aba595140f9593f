"""Queues as SQS counts them, and a look at dead letters, which stay where they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import orjson

from tocsin.aws.errors import as_unavailable
from tocsin.times import from_milliseconds, iso
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

LOOKED_AT = 10
"""Dead letters of a queue that are looked at: what one ReceiveMessage gives."""
GIVEN_UP = "taken ten times and never finished"
"""Of a delivery: no table could be told of its outcome. The message itself names no reason."""
_MOST = 200


@dataclass(frozen=True, slots=True)
class Depth:
    """How many messages a queue has, about: those that wait, those that a function works on, and the delayed ones."""

    waiting: int
    in_flight: int
    delayed: int

    @property
    def all(self) -> int:
        """All of them."""
        return self.waiting + self.in_flight + self.delayed


def depth(sqs: SQSClient, url: str) -> Depth:
    """How many messages a queue has. Raises Unavailable."""
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
    """One message of those that failed: why, when it was first sent, and the event that it is about, if it says so."""

    reason: str
    sent: datetime
    event_id: str | None


def look(sqs: SQSClient, url: str) -> list[DeadLetter]:
    """Up to LOOKED_AT messages of a queue of dead letters. They stay, and nobody waits for them: a dead-letter queue
    has no redrive policy of its own, so that the count of receives, which a look raises, decides nothing.

    Raises Unavailable.
    """
    with as_unavailable("looking at dead letters"):
        received = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=LOOKED_AT,
            VisibilityTimeout=0,  # the next look finds them too
            WaitTimeSeconds=1,  # asks all of SQS's servers: with few messages, a short poll finds none
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
    """Why a message is there: the matcher says so itself; Lambda names its condition, and the error's type.

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
    """{reason, messages, oldest, event_id} of each reason, the most frequent first; `event_id` is one of them."""
    found = list(letters)
    reasons: list[Json] = []
    for reason, messages in Counter(letter.reason for letter in found).most_common():
        alike = sorted((letter for letter in found if letter.reason == reason), key=lambda letter: letter.sent)
        named = next((letter.event_id for letter in alike if letter.event_id is not None), None)
        reasons.append({"reason": reason, "messages": messages, "oldest": iso(alike[0].sent), "event_id": named})
    return reasons
