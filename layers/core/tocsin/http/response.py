"""Answers in API Gateway's payload format 2.0. The one place that maps our errors to HTTP."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypedDict

import orjson

from tocsin.errors import MethodNotAllowed, TocsinError, Unauthenticated
from tocsin.types import Json, JsonObject

MAX_RESPONSE = 6_291_556
"""Bytes that a function may return: all of the answer as JSON, in which its body is escaped once more. What is larger
never reaches the caller, who gets a 500. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html says
6 MB; the number is that of Lambda's error message."""

MAX_BODY = MAX_RESPONSE - 100_000
"""Bytes of `returned_size` that a body may have, whatever headers go with it."""


def returned_size(body: str) -> int:
    """How many bytes of a function's answer a body takes: quotes, backslashes and line ends count twice."""
    return len(orjson.dumps(body))


class Answer(TypedDict):
    """An answer as API Gateway takes it, payload format 2.0."""

    statusCode: int
    headers: dict[str, str]
    body: str
    isBase64Encoded: bool


def answer(status: int, body: Json, headers: Mapping[str, str] | None = None) -> Answer:
    """A JSON answer."""
    return _answer(status, body, "application/json", headers)


def problem(error: TocsinError, *, instance: str | None = None, more: JsonObject | None = None) -> Answer:
    """The answer that `error` is: problem+json (RFC 9457), with Retry-After or Allow where they belong.

    `instance` is the request's id, by which its log lines are found; `more` are further members.
    """
    members = error.problem() | (more or {})
    if instance:
        members["instance"] = f"urn:tocsin:request:{instance}"
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["retry-after"] = str(math.ceil(error.retry_after))
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = 'Bearer realm="tocsin"'
    if isinstance(error, MethodNotAllowed):
        headers["allow"] = ", ".join(error.allowed)
    return _answer(error.status, members, "application/problem+json", headers)


def _answer(status: int, body: Json, content_type: str, headers: Mapping[str, str] | None) -> Answer:
    fixed = {
        "content-type": content_type,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return {
        "statusCode": status,
        "headers": fixed | dict(headers or {}),
        "body": orjson.dumps(body).decode(),
        "isBase64Encoded": False,
    }
