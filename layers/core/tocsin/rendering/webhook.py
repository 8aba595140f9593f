"""The default body of a webhook."""

import orjson

from tocsin.rendering.context import RenderingContext
from tocsin.rendering.texts import plain
from tocsin.types import JsonObject


def webhook_body(context: RenderingContext) -> JsonObject:
    """{body, severity, user_email, user_username, event_user_email, event_user_username}: all six, always.

    Each is text, or null where there is no such person or the person has no such thing (blank is nothing).
    Control characters are taken out, so that it can be encoded whatever the event holds.
    """
    user, event = context.user, context.event
    return {
        "body": plain(context.notification.body),
        "severity": context.severity.value,
        "user_email": _told(user.email if user else None),
        "user_username": _told(user.username if user else None),
        "event_user_email": _told(event.user_email),
        "event_user_username": _told(event.username),
    }


def webhook_bytes(context: RenderingContext) -> bytes:
    """`webhook_body` as UTF-8 JSON without blanks: what is signed and what is sent, to the byte."""
    return orjson.dumps(webhook_body(context))


def _told(value: str | None) -> str | None:
    return plain(value).strip() or None if value else None
