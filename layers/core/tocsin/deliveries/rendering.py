"""By what a message is told, and what that is given to tell: of a message, its event; of a digest, what it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from tocsin.config.model import Configuration
from tocsin.deliveries.model import DeliveryMessage
from tocsin.events.model import Event
from tocsin.events.store import EventStore
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.digest import LABELS, SHOWN, Digest
from tocsin.notifications.model import Notification, Severity
from tocsin.notifications.transport import INBOX, NotificationTransport, inbox_among
from tocsin.types import Json, JsonObject


def transport_of(message: DeliveryMessage, configuration: Configuration) -> NotificationTransport | None:
    """Return the message's transport; None where it was deleted or disabled, or has another mode by now.

    Each mode has a function of its own with the permissions for it: the inbox's function can't send a webhook.
    """
    found = _named(message, configuration)
    return found if found is not None and found.enabled and found.mode == message.mode else None


def why_none(message: DeliveryMessage, configuration: Configuration) -> str:
    """Return why there is no transport by which to send the message."""
    found = _named(message, configuration)
    if found is None:
        return f"there is no transport {message.transport} any more"
    if found.mode != message.mode:
        return f"transport {message.transport} is no {message.mode} any more: its mode is {found.mode} now"
    return f"transport {message.transport} is turned off"


def _named(message: DeliveryMessage, configuration: Configuration) -> NotificationTransport | None:
    known = configuration.transports_by_name
    is_inbox = (message.transport, message.mode) == (INBOX.name, INBOX.mode)
    return inbox_among(known) if is_inbox else known.get(message.transport)


def context_of(
    message: DeliveryMessage,
    told: JsonObject | None,
    transport: NotificationTransport,
    expressions: Mapping[str, str],
    events: EventStore,
) -> RenderingContext | None:
    """What `transport` is to tell; None where its event is gone. `told` is what a digest tells. Raises Unavailable."""
    digest = None if told is None else _digest(message, told, events)
    if digest is not None:
        notification = _of_digest(message, digest)
    else:
        event = None if message.digest is not None else message.event or events.get(message.event_id)
        notification = None if event is None else _notification(message, event)
    if notification is None:
        return None
    if digest is None:  # as the message was made, and has its id; a digest has one of its own
        transport = replace(transport, send_once=message.once)
    return RenderingContext(
        event=notification.event,
        notification=notification,
        user=message.user,
        rule=message.rule,
        severity=message.severity,
        transport=transport,
        body_mapping=expressions[transport.body_mapping] if transport.body_mapping else None,
        headers_mapping=expressions[transport.headers_mapping] if transport.headers_mapping else None,
        digest=digest,
        about=message.about,
        over=message.over if digest is None else digest.over,
        step=message.step,
    )


def _notification(message: DeliveryMessage, event: Event) -> Notification:
    notification = Notification.of(event, message.rule, message.severity, message.user)
    return _remarked(replace(notification, id=message.notification_id), message.remark)


def _remarked(notification: Notification, remark: str | None) -> Notification:
    return notification if remark is None else notification.with_remark(remark)


def _of_digest(message: DeliveryMessage, digest: Digest) -> Notification | None:
    """The digest as one notification, of the first event that is still there; None where there is none."""
    if not digest.first:
        return None
    lead = digest.first[0]
    return Notification(
        id=message.notification_id,
        severity=message.severity,
        body=digest.text(),
        hyperlink=None,
        hyperlink_label=None,
        event=lead.event,
        rule=lead.rule,
        user=message.user,
        digest=digest.to_json(),
    )


def _digest(message: DeliveryMessage, told: JsonObject, events: EventStore) -> Digest:
    """The digest, with the first of its events that are still there."""
    first: list[Notification] = []
    for entry in _objects(told.get("first")):
        event = events.get(str(entry["event_id"]))
        if event is not None:
            remark = entry.get("remark")
            notification = Notification.of(event, str(entry["rule"]), Severity(str(entry["severity"])), message.user)
            first.append(_remarked(notification, remark if isinstance(remark, str) else None))
        if len(first) == SHOWN:
            break
    severities = _counts(told.get("severities"))
    return Digest(
        id=message.delivery_id,
        count=sum(severities.values()),
        cause=str(told.get("cause")),
        since=datetime.fromisoformat(str(told["since"])),
        severities={severity: severities[severity] for severity in Severity if severity in severities},
        counts={kind: _counts(told.get(kind)) for kind in LABELS},
        first=tuple(first),
        group=_object(told.get("group")),
        latest=str(told.get("latest") or ""),
        over=told.get("over") is True,
        taken=told.get("taken") is True,
    )


def _objects(value: Json) -> list[JsonObject]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _counts(value: Json) -> dict[str, int]:
    return {name: count for name, count in _object(value).items() if isinstance(count, int)}
