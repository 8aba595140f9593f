"""What a person is told: a notification, how severe it is, and the ids that make a replay write the same ones."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from tocsin.events.model import Event
from tocsin.events.summary import in_brief
from tocsin.identity.directory import User
from tocsin.ids import derived_id, id_time
from tocsin.times import iso
from tocsin.types import JsonObject

MAX_INBOX = 2_000
"""Notifications that an inbox may be set to hold: 40 MB, so 40 queries, where each body is as long as it may be."""


@dataclass(frozen=True, slots=True)
class InboxBounds:
    """What an inbox holds: its latest arrivals, and how long after its arrival one that was seen; None as others."""

    limit: int
    seen_kept: timedelta | None = None


class Severity(StrEnum):
    """How loud a rule speaks."""

    NOTICE = "notice"
    WARNING = "warning"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class Notification:
    """One event, told to one person (or, by a send-once transport without one, to nobody in particular)."""

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
    """Of several notifications told as one: what it tells; `event` and `rule` are those of the first."""
    words: JsonObject | None = None
    """What an inbox says of it in its person's language (`notifications.inbox`)."""
    remark: str | None = None
    """What stands behind the body: how many more a throttle held back."""

    @property
    def created(self) -> datetime:
        """When its event happened: the id carries it."""
        return id_time(self.id)

    @classmethod
    def of(cls, event: Event, rule: str, severity: Severity, user: User | None) -> Notification:
        """The notification that `rule` makes of `event` for `user`; the same arguments give the same id."""
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
        """The notification with a remark behind its body, which is in brief then: else the remark might be cut."""
        return replace(self, body=_remarked(self.body, remark), remark=remark)

    @property
    def standard_body(self) -> str:
        """The body that it has where neither a rule nor a mapping says it anew."""
        summary = self.event.summary
        return summary if self.remark is None else _remarked(summary, self.remark)

    def to_json(self) -> JsonObject:
        """As the inbox shows it, without its event; the event's id is `event_id`."""
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
        parts: JsonObject = {"digest": self.digest, "words": self.words}
        return shown | {name: part for name, part in parts.items() if part is not None}


def _remarked(body: str, remark: str) -> str:
    return f"{in_brief(body)} ({remark})"


def event_links(event_id: str) -> JsonObject:
    """Where a notification's event and its story are, as paths of the API."""
    href = f"/events/{event_id}"
    return {"href": href, "story": f"{href}/deliveries"}


def notification_id(event_id: str, rule: str, username: str | None) -> str:
    """The id of the notification of an event by a rule to a person: a UUIDv7 with the event's time."""
    return derived_id(event_id, "notification", rule, username or "")


def digest_notification_id(event_id: str, digest: str) -> str:
    """The id of the notification of a digest, whose delivery's id is `<event id>-<digest>`."""
    return derived_id(event_id, "digest", digest)


def delivery_id(event_id: str, rule: str, transport: str, username: str | None) -> str:
    """`<event id>-<16 hex digits>`: the same for the same event, rule, transport and person.

    Within one event 64 bits tell deliveries apart; that the event's id stands first makes the ledger's key
    from the id alone. `username` is None for a send-once transport, which sends once for event and rule.
    """
    told = "\0".join((rule, transport, username or ""))
    return f"{event_id}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"
