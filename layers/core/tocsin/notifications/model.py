"""The notification: its content, its severity, and deterministic ids, so that a replay writes the same ones."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from tocsin.events.model import Event
from tocsin.events.summary import in_brief
from tocsin.identity.directory import User
from tocsin.ids import derived_id, id_time
from tocsin.records import dataclass
from tocsin.times import iso
from tocsin.types import JsonObject

MAX_INBOX = 2_000
"""The largest inbox that can be configured, in notifications. With the longest bodies it has 40 MB, so 40 queries."""


@dataclass(frozen=True, slots=True)
class InboxBounds:
    """The limits of an inbox: how many notifications, and how long seen ones are kept (None: as long as unseen)."""

    limit: int
    seen_kept: timedelta | None = None


class Severity(StrEnum):
    """The severity of a rule's notifications."""

    NOTICE = "notice"
    WARNING = "warning"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class Notification:
    """One event for one person; for nobody in particular where a send-once transport sends it."""

    id: str
    severity: Severity
    body: str
    hyperlink: str | None
    hyperlink_label: str | None
    event: Event
    rule: str
    user: User | None
    seen: bool = False
    digest: JsonObject | None = None
    """The content of a digest; None otherwise. `event` and `rule` are then those of its first notification."""
    about: str | None = None
    """Of a rule that escalates: what it is acknowledged by (`matching.ending.about_of`)."""
    words: JsonObject | None = None
    """The inbox's wording in the person's language (`notifications.inbox`)."""
    remark: str | None = None
    """A remark after the body (`notifications.remarks`)."""

    @property
    def created(self) -> datetime:
        """When its event happened, as read from the id."""
        return id_time(self.id)

    @classmethod
    def of(cls, event: Event, rule: str, severity: Severity, user: User | None) -> Notification:
        """Make the notification of `event` by `rule` for `user`. The same arguments give the same id."""
        return cls(
            id=notification_id(event.id, rule, user.username if user else None),
            severity=severity,
            body=event.summary,
            hyperlink=event.hyperlink,
            hyperlink_label=event.hyperlink_label,
            event=event,
            rule=rule,
            user=user,
        )

    def with_remark(self, remark: str) -> Notification:
        """Return it with a remark after its body, which is shortened, so that the remark is not cut off."""
        return replace(self, body=_remarked(self.body, remark), remark=remark)

    @property
    def standard_body(self) -> str:
        """The body that it has unless a rule or a mapping replaces it."""
        summary = self.event.summary
        return summary if self.remark is None else _remarked(summary, self.remark)

    def to_json(self) -> JsonObject:
        """Return it as the inbox shows it: without its event, but with `event_id`."""
        shown: JsonObject = {
            "id": self.id,
            "severity": self.severity.value,
            "body": self.body,
            "hyperlink": self.hyperlink,
            "hyperlink_label": self.hyperlink_label,
            "created": iso(self.created),
            "event_id": self.event.id,
            "action": self.event.action,
            "app": self.event.app,
            "rule": self.rule,
            "user": self.user.username if self.user else None,
            "seen": self.seen,
        }
        parts: JsonObject = {"digest": self.digest, "about": self.about, "words": self.words}
        return shown | {name: part for name, part in parts.items() if part is not None}


def _remarked(body: str, remark: str) -> str:
    return f"{in_brief(body)} ({remark})"


def event_links(event_id: str) -> JsonObject:
    """Return the API's paths of an event and of its story."""
    href = f"/events/{event_id}"
    return {"href": href, "story": f"{href}/deliveries"}


def notification_id(event_id: str, rule: str, username: str | None, step: int | None = None) -> str:
    """Return the id of the notification of an event by a rule, or a step of it, to a person.

    It is a UUIDv7 with the event's time. A step, 1 for the first, has other ids than the rule and the other steps: who
    is told by several is notified by each.
    """
    return derived_id(event_id, "notification", rule, username or "", *_of_step(step))


def digest_notification_id(event_id: str, digest: str) -> str:
    """Return the id of a digest's notification. The id of its delivery is `<event id>-<digest>`."""
    return derived_id(event_id, "digest", digest)


def delivery_id(event_id: str, rule: str, transport: str, username: str | None, step: int | None = None) -> str:
    """Return `<event id>-<16 hex digits>`: the same for the same event, rule, transport, person and step of the rule.

    64 bits are enough to distinguish the deliveries of one event. The event's id comes first, so that the table's key
    can be derived from the delivery's id alone. `username` is None for a send-once transport.
    """
    told = "\0".join((rule, transport, username or "", *_of_step(step)))
    return f"{event_id}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"


def _of_step(step: int | None) -> tuple[str, ...]:
    return () if step is None else (f"step {step}",)
