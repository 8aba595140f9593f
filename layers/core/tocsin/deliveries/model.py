"""A delivery: one notification on its way by one transport, and what became of each attempt."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Self

import orjson

from tocsin.errors import Unavailable
from tocsin.events.model import Event
from tocsin.identity.directory import User
from tocsin.ids import id_time
from tocsin.notifications.model import Severity, delivery_id, digest_notification_id, notification_id
from tocsin.notifications.outcome import Outcome, State
from tocsin.records import dataclass, field
from tocsin.times import iso
from tocsin.types import JsonObject

MAX_HOPS = 16
"""Times in a row that a function sends a message to its own queue: Lambda's loop detection is off for it."""

LATE = timedelta(minutes=15)
"""Since its event: longer than what is told at once takes."""

INLINE_LIMIT = 16_000
"""Bytes up to which an event travels in its message: ten such messages fit one SQS batch of 256 KB."""


def message_body(body: JsonObject) -> str:
    """Return `body` as the JSON text of an SQS message.

    SQS takes the characters that XML has: two that JSON text may hold, U+FFFE and U+FFFF, are escaped.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    """
    return orjson.dumps(body).decode().replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


@dataclass(frozen=True, slots=True)
class Following:
    """What comes after an attempt.

    `state` is the delivery's state now. `next_attempt` is when it is due again: None where it does not go on by
    itself. `by_queue` says that SQS brings it back then; otherwise the schedule does, and also where SQS fails to.
    `counted` says whether the attempt counts as one of those that backoff allows.
    """

    state: State
    next_attempt: datetime | None = None
    by_queue: bool = False
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Attempt:
    """An outcome with its time."""

    at: datetime
    duration_ms: int
    outcome: Outcome

    def to_json(self) -> JsonObject:
        """{at, duration_ms, state, reason, detail, status, answer, remote_id}, absent ones left out."""
        shown: JsonObject = {
            "at": iso(self.at),
            "duration_ms": self.duration_ms,
            "state": self.outcome.state.value,
            "reason": self.outcome.reason,
        }
        if self.outcome.detail:
            shown["detail"] = self.outcome.detail
        if self.outcome.status is not None:
            shown["status"] = self.outcome.status
        if self.outcome.answer:
            shown["answer"] = self.outcome.answer
        if self.outcome.remote_id:
            shown["remote_id"] = self.outcome.remote_id
        return shown


@dataclass(frozen=True, slots=True)
class DeliveryMessage:
    """A message in a transport's queue. A large event is left out, and read by its id."""

    event_id: str
    rule: str
    severity: Severity
    transport: str
    mode: str
    user: User | None
    once: bool
    """Whether this is the only delivery of its event, rule and transport, whoever it names."""
    event: Event | None = field(default=None, compare=False)
    remark: str | None = None
    """A text after the summary (`notifications.remarks`)."""
    probe: bool = False
    """Whether it goes out although the transport's breaker is open, to try whether the endpoint is back."""
    paced: bool = False
    """Whether it has a turn at a service that takes one message at a time."""
    hops: int = 0
    """How often in a row the delivering function has sent it to its own queue."""
    test: bool = False
    """Whether somebody waits for its outcome: it is attempted once, whatever the breaker's state."""
    trace: str | None = field(default=None, compare=False)
    """The trace header of its delivery, where the message is made anew of that."""
    why: str | None = None
    """Why it is told at once, where something would have it wait."""
    digest: str | None = None
    """Of a digest: the 16 hex digits that its id ends with. `event_id` is then one of its events."""
    about: str | None = None
    """What is the same for all that a rule with `group`, `resolve` or `escalate` tells of one thing
    (`matching.ending`)."""
    over: bool = False
    """Whether it tells that what was told by `about` is over."""
    step: int | None = None
    """The step of the rule's `escalate` that it belongs to, 1 for the first; None for what the rule tells at once."""
    again: bool = field(default=False, compare=False)
    """Whether the table has its delivery already: it is made of that, or was sent to its own queue."""

    @property
    def delivery_id(self) -> str:
        """The delivery's id: the same whenever the event is matched again."""
        if self.digest is not None:
            return f"{self.event_id}-{self.digest}"
        person = None if self.once or self.user is None else self.user.username
        return delivery_id(self.event_id, self.rule, self.transport, person, self.step)

    @property
    def notification_id(self) -> str:
        """The id of the notification that it carries."""
        if self.digest is not None:
            return digest_notification_id(self.event_id, self.digest)
        return notification_id(self.event_id, self.rule, self.user.username if self.user else None, self.step)

    @property
    def group(self) -> str:
        """The MessageGroupId, by which SQS's fair queues tell tenants apart: the transport.

        Letters, digits and punctuation, no blanks (SQS API reference, SendMessage).
        """
        return self.transport.replace(" ", "_")

    def comes_late(self, now: datetime) -> bool:
        """Whether it is sent so long after its event was matched, or again, that its person may have left meanwhile."""
        return self.again or now - id_time(self.event_id) > LATE

    def once_more(self) -> Self:
        """The message as its function puts it into its own queue again. Raises Unavailable after MAX_HOPS."""
        if self.hops >= MAX_HOPS:
            raise Unavailable(f"sent to its own queue {self.hops} times in a row")
        return replace(self, hops=self.hops + 1, again=True)

    def to_body(self) -> str:
        """As the message's body."""
        body: JsonObject = {
            "event_id": self.event_id,
            "rule": self.rule,
            "severity": self.severity.value,
            "transport": self.transport,
            "mode": self.mode,
            "user": self.user.to_json() if self.user else None,
            "once": self.once,
        }
        for name, text in (("remark", self.remark), ("why", self.why), ("digest", self.digest), ("about", self.about)):
            if text is not None:
                body[name] = text
        marks = {"probe": self.probe, "paced": self.paced, "test": self.test, "over": self.over, "again": self.again}
        for name, said in marks.items():
            if said:
                body[name] = True
        for name, number in (("hops", self.hops), ("step", self.step)):
            if number:
                body[name] = number
        if self.event is not None:
            shown = self.event.to_json()
            if len(orjson.dumps(shown)) <= INLINE_LIMIT:
                body["event"] = shown
        return message_body(body)

    @classmethod
    def from_body(cls, body: str) -> Self:
        """The inverse of `to_body`. KeyError, TypeError or ValueError on what it did not write."""
        data = orjson.loads(body)
        return cls(
            event_id=data["event_id"],
            rule=data["rule"],
            severity=Severity(data["severity"]),
            transport=data["transport"],
            mode=data["mode"],
            user=User.from_json(data["user"]) if data["user"] else None,
            once=data["once"],
            event=Event.from_json(data["event"]) if "event" in data else None,
            remark=data.get("remark"),
            probe=data.get("probe", False),
            paced=data.get("paced", False),
            hops=data.get("hops", 0),
            test=data.get("test", False),
            why=data.get("why"),
            digest=data.get("digest"),
            about=data.get("about"),
            over=data.get("over", False),
            step=data.get("step"),
            again=data.get("again", False),
        )
