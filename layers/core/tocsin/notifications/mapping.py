"""Evaluate customers' mappings: CEL expressions that turn a notification into what is sent.

Expressions are loaded with the first mapping: most transports have none.

They see what templates see (`RenderingContext.to_json`), the event also as `notification.event`, and a person's pk,
groups and attributes, which are empty where the delivery does not know them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from tocsin.events.model import web_address
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.own_headers import NEVER_MAPPED
from tocsin.notifications.text import one_line
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from tocsin.expressions import Bindings

REWRITTEN = ("body", "hyperlink", "hyperlink_label")
"""The fields of a notification that an inbox's mapping may replace."""


class MappingFailed(ValueError):
    """A mapping can't be compiled, failed on these values, or its result can't be sent. The message says which."""


class NotEvaluated(MappingFailed):
    """A mapping failed on these values: a field that it reads is missing, or has another type."""


def check_mapping(source: str) -> None:
    """Raise MappingFailed for a mapping that can never work. Called before it is stored."""
    _compiled(source)


def mapped_body(source: str, context: RenderingContext) -> Json:
    """Return the body that a mapping makes of a notification: any JSON. Raises MappingFailed."""
    return _evaluated("body", source, context)


def mapped_headers(source: str, context: RenderingContext) -> dict[str, str]:
    """Return the headers that a mapping makes of a notification. null leaves one out, a list is sent as JSON.

    Each value is joined into one line: an event may contain any text, and that must not prevent the delivery. Raises
    NotEvaluated where the mapping fails on this event, MappingFailed where its result is not an object or has a header
    that mappings must not set. Names that are not valid in HTTP are rejected when they are sent.
    """
    result = _evaluated("headers", source, context)
    if not isinstance(result, dict):
        raise MappingFailed("the headers mapping gives no object")
    headers: dict[str, str] = {}
    for name, value in result.items():
        if name.lower() in NEVER_MAPPED:
            raise MappingFailed(f"the headers mapping can't set {name[:60]}")
        if value is not None:
            headers[name] = one_line(value if isinstance(value, str) else orjson.dumps(value).decode())
    return headers


def rewritten(source: str, context: RenderingContext) -> dict[str, str | None]:
    """Return the fields that an inbox's mapping replaces: a text replaces the body, an object the fields in it.

    A hyperlink that is no web address becomes none: an event may contain any text. Raises MappingFailed for any other
    result.
    """
    result = _evaluated("body", source, context)
    if isinstance(result, str):
        return {"body": result}
    if not isinstance(result, dict) or not result.keys() <= set(REWRITTEN):
        raise MappingFailed(f"the body mapping gives neither a text nor an object of {', '.join(REWRITTEN)}")
    said: dict[str, str | None] = {}
    for name, value in result.items():
        if not isinstance(value, str) and (value is not None or name == "body"):
            raise MappingFailed(f"{name} is no text")
        said[name] = web_address(value) if name == "hyperlink" else value
    return said


def _evaluated(what: str, source: str, context: RenderingContext) -> Json:
    from tocsin.expressions import MAPPING_NAMES, Expression, ExpressionError  # noqa: PLC0415

    try:
        return Expression.compile(source, MAPPING_NAMES).evaluate(_bindings(context))
    except ExpressionError as error:
        raise NotEvaluated(f"the {what} mapping failed: {error}") from error


def _compiled(source: str) -> None:
    from tocsin.expressions import MAPPING_NAMES, Expression, ExpressionError  # noqa: PLC0415

    try:
        Expression.compile(source, MAPPING_NAMES)
    except ExpressionError as error:
        raise MappingFailed(str(error)) from error


def _bindings(context: RenderingContext) -> Bindings:
    from tocsin.expressions import bind  # noqa: PLC0415

    seen = context.to_json()
    event, notification, user = seen["event"], seen["notification"], seen["user"]
    told: dict[str, JsonObject] = {
        "event": (event if isinstance(event, dict) else {}) | {"summary": context.event.summary},
        "notification": (notification if isinstance(notification, dict) else {}) | {"event": event},
    }
    if isinstance(user, dict):
        user = {"pk": user.get("username"), "groups": [], "attributes": {}} | user
    return bind(**(seen | told | {"user": user}))
