"""A delivery: one notification on its way by one transport, and what became of each attempt."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self

import orjson

from tocsin.directory import User
from tocsin.events import Event, iso
from tocsin.jsontypes import JsonObject
from tocsin.notifications import Severity, delivery_id, notification_id

INLINE_LIMIT = 16_000
"""Bytes of an event that still travels in its message: ten such messages fit one SQS batch of 256 KB."""

MAX_EXCERPT = 1024
"""Bytes kept of an endpoint's answer."""


class State(StrEnum):
    """Where a delivery stands. The last three are final."""

    DELIVERING = "delivering"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    FAILED = "failed"
    DISCARDED = "discarded"

    @property
    def final(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in {State.DELIVERED, State.FAILED, State.DISCARDED}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt came to.

    `reason` is a stable word (`http_500`, `timeout`, `no_address`), `detail` a sentence for people without
    secrets, `answer` the beginning of what the endpoint said. `retry_after` is seconds, where it asked for it.
    """

    state: State
    reason: str
    detail: str = ""
    status: int | None = None
    answer: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """An outcome with its time."""

    at: datetime
    duration_ms: int
    outcome: Outcome

    def to_json(self) -> JsonObject:
        """{at, duration_ms, state, reason, detail, status, answer}, absent ones left out."""
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
        return shown


@dataclass(frozen=True, slots=True)
class DeliveryMessage:
    """What travels through a transport's queue. A large event is left out and read by its id instead."""

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
    """What is said after the summary: how many notifications a throttle held back before this one."""

    @property
    def delivery_id(self) -> str:
        """The delivery's id, the same in each replay."""
        person = None if self.once or self.user is None else self.user.username
        return delivery_id(self.event_id, self.rule, self.transport, person)

    @property
    def notification_id(self) -> str:
        """The id of the notification that it carries."""
        return notification_id(self.event_id, self.rule, self.user.username if self.user else None)

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
        if self.remark is not None:
            body["remark"] = self.remark
        if self.event is not None:
            shown = self.event.to_json()
            if len(orjson.dumps(shown)) <= INLINE_LIMIT:
                body["event"] = shown
        return orjson.dumps(body).decode()

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
        )
