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
from tocsin.notifications.text import cut_bytes, one_line
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from tocsin.expressions import Bindings

MAX_HEADER = 4_000
MAX_HEADERS = 8_000
"""Bytes of a mapped header's value, and of all of them together. Servers refuse lines of more than 8 KB (nginx, Apache)
or 16 KB of headers (Node.js, IIS), and a refusal would be final."""
_LEAST = 3

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

    Each value is joined into one line, and cut where it is too long: an event may contain any text, and that must not
    prevent the delivery. Raises NotEvaluated where the mapping fails on this event, MappingFailed where its result is
    not an object or has a header that mappings must not set. Names that are not valid in HTTP are rejected when they
    are sent.
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
    return _fitting(headers)


def _fitting(headers: dict[str, str]) -> dict[str, str]:
    """`headers` of MAX_HEADERS at most: the longest are cut, so that none of an event's crowds out a short one."""
    room, made = MAX_HEADERS, dict(headers)
    shortest_first = sorted(headers, key=lambda name: len(headers[name].encode("utf-8", "replace")))
    for left, name in zip(range(len(headers), 0, -1), shortest_first, strict=True):
        made[name] = _cut(headers[name], min(MAX_HEADER, max(room // left, _LEAST)))
        room -= len(made[name].encode("utf-8", "replace"))
    return made


def _cut(value: str, most: int) -> str:
    """Cut to `most` bytes; what is ASCII ends with dots, since some receivers take no other header."""
    if not value.isascii():
        return cut_bytes(value, most)
    return value if len(value) <= most else f"{value[: most - 3].rstrip()}..."


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
