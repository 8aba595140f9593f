"""Mappings that customers write: CEL expressions that turn a notification into what is sent.

They see what templates see (`RenderingContext.to_json`), with the event itself also as `notification.event`
and what a mapping's vocabulary promises of a person: pk, groups and attributes, which are empty where a
delivery knows nothing of them.
"""

from __future__ import annotations

import orjson

from tocsin.expressions import MAPPING_NAMES, Bindings, Expression, ExpressionError, bind
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.own_headers import NEVER_MAPPED
from tocsin.notifications.text import one_line
from tocsin.types import Json, JsonObject

REWRITTEN = ("body", "hyperlink", "hyperlink_label")
"""What a mapping of an inbox may say anew of a notification."""


class MappingFailed(ValueError):
    """A mapping can't be compiled, failed on these values, or gives what can't be sent. The text says which."""


class NotEvaluated(MappingFailed):
    """A mapping failed on these values: what it reads is not there, or of another kind."""


def check_mapping(source: str) -> None:
    """Raises MappingFailed for a mapping that could never work: before it is stored."""
    _compiled(source)


def mapped_body(source: str, context: RenderingContext) -> Json:
    """What a body mapping makes of a notification: any JSON. Raises MappingFailed."""
    return _evaluated("body", source, context)


def mapped_headers(source: str, context: RenderingContext) -> dict[str, str]:
    """What a headers mapping makes of a notification: names → values; null leaves one out, a list is sent as JSON.

    Values become one line: what an event holds is anybody's, and a line end in a user name is no reason to tell
    nobody. Raises NotEvaluated where the mapping fails on this event, MappingFailed where it gives no object, or names
    a header that is not its to set. Names that HTTP can't carry are refused where they are sent.
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
    """What an inbox's mapping makes of a notification: a text is its new body; an object says more of it anew.

    Raises MappingFailed for anything else.
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
        said[name] = value
    return said


def _evaluated(what: str, source: str, context: RenderingContext) -> Json:
    try:
        return Expression.compile(source, MAPPING_NAMES).evaluate(_bindings(context))
    except ExpressionError as error:
        raise NotEvaluated(f"the {what} mapping failed: {error}") from error


def _compiled(source: str) -> None:
    try:
        Expression.compile(source, MAPPING_NAMES)
    except ExpressionError as error:
        raise MappingFailed(str(error)) from error


def _bindings(context: RenderingContext) -> Bindings:
    seen = context.to_json()
    event, notification, user = seen["event"], seen["notification"], seen["user"]
    told: dict[str, JsonObject] = {
        "event": (event if isinstance(event, dict) else {}) | {"summary": context.event.summary},
        "notification": (notification if isinstance(notification, dict) else {}) | {"event": event},
    }
    if isinstance(user, dict):
        user = {"pk": user.get("username"), "groups": [], "attributes": {}} | user
    return bind(**(seen | told | {"user": user}))
