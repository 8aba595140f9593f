"""Answers in the form that Powertools' resolver takes, and what all routes read of a request alike."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

import orjson
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.errors import Invalid, TocsinError, Violation
from tocsin.http import response
from tocsin.http.request import Request
from tocsin.types import Json

if TYPE_CHECKING:
    from tocsin.http.request import Request

MAX_LIMIT = 1000
"""Items a page."""

_MAX_KEY = 1024  # bytes: what DynamoDB takes as a sort key


def request_of(app: APIGatewayHttpResolver) -> Request:
    """The request that is being served."""
    return Request.parse(app.current_event.raw_event)


def json_response(status: int, body: Json, headers: dict[str, str] | None = None) -> Response[str]:
    """A JSON answer."""
    return _response(response.answer(status, body, headers))


def problem_response(error: TocsinError, request_id: str | None) -> Response[str]:
    """The answer that `error` is."""
    return _response(response.problem(error, instance=request_id))


def _response(made: response.Answer) -> Response[str]:
    headers = dict(made["headers"])
    content_type = headers.pop("content-type")
    return Response(status_code=made["statusCode"], content_type=content_type, headers=headers, body=made["body"])


def limit_of(request: Request, default: int) -> int:
    """The query's `limit`: 1 to MAX_LIMIT, `default` where there is none."""
    given = request.query.get("limit")
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and len(given) <= 4 and 1 <= int(given) <= MAX_LIMIT):
        raise Invalid([Violation("limit", f"must be a number from 1 to {MAX_LIMIT}: {given[:20]!r}")])
    return int(given)


def cursor_of(request: Request) -> str | None:
    """The key that the query's `cursor` holds; None where there is none."""
    given = request.query.get("cursor")
    return None if given is None else key_of(given)


def key_of(given: str) -> str:
    """The key that a cursor holds. Invalid for one that is none of ours."""
    try:
        value = orjson.loads(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)))
    except (binascii.Error, ValueError):
        value = None
    if isinstance(value, str) and len(value.encode("utf-8", "surrogatepass")) > _MAX_KEY:
        value = None
    if not isinstance(value, str):
        raise Invalid([Violation("cursor", "is none of ours; take it from the answer before, as it is")])
    return value


def as_cursor(last: str | None) -> str | None:
    """A key as an opaque cursor."""
    return None if last is None else base64.urlsafe_b64encode(orjson.dumps(last)).decode().rstrip("=")


def flag_of(request: Request, name: str) -> bool:
    """The query's `name`: true or false, false where there is none."""
    given = request.query.get(name, "false").lower()
    if given not in {"true", "false"}:
        raise Invalid([Violation(name, f"must be true or false: {given[:20]!r}")])
    return given == "true"


def check_query(request: Request, *known: str) -> None:
    """Invalid where the query has a parameter that this route does not know."""
    unknown = [Violation(name[:60], "is not a parameter of this path") for name in request.query if name not in known]
    if unknown:
        raise Invalid(unknown)
