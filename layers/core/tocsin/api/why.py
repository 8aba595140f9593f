"""Why a rule tells people, telling nobody: POST /rules/{name}/test, /rules/{name}/backtest, /policies/{name}/test."""

from __future__ import annotations

import orjson
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import as_cursor, check_query, json_response, key_of, request_of
from tocsin.errors import Invalid, MalformedBody, TooLarge, Violation
from tocsin.http.json_body import JSON_TYPE, MAX_BODY
from tocsin.http.request import Request
from tocsin.identity.principal import Scope, authorize
from tocsin.matching.backtest import Backtester
from tocsin.matching.explain import Explainer
from tocsin.times import utc_now
from tocsin.types import Json


def add_routes(app: APIGatewayHttpResolver, explainer: Explainer, backtester: Backtester) -> None:
    """Add this subject's routes."""

    @app.post("/rules/<name>/test")
    def test_rule(name: str) -> Response[str]:
        asked = _asked(request_of(app))
        return json_response(200, explainer.explain_rule(name, explainer.event(asked)))

    @app.post("/rules/<name>/backtest")
    def backtest(name: str) -> Response[str]:
        asked = _asked(request_of(app))
        if isinstance(asked, dict) and isinstance(cursor := asked.get("cursor"), str):
            asked = asked | {"cursor": _position(cursor, name)}
        result, position = backtester.run(name, asked, now=utc_now())
        return json_response(200, result | {"cursor": as_cursor(f"{name} {position}") if position else None})

    @app.post("/policies/<name>/test")
    def test_policy(name: str) -> Response[str]:
        asked = _asked(request_of(app))
        return json_response(200, explainer.explain_policy(name, explainer.event(asked)))


def _position(cursor: str, rule: str) -> str:
    """The position that a backtest's cursor holds; Invalid for another rule's."""
    name, _, position = key_of(cursor).rpartition(" ")
    if name != rule:
        raise Invalid([Violation("cursor", "is not of a backtest of this rule")])
    return position


def _asked(request: Request) -> Json:
    """The body of a test. What is answered tells of the configuration, and of a stored event: both are needed."""
    authorize(request, Scope.CONFIG_READ)
    authorize(request, Scope.EVENTS_READ)
    check_query(request)
    return json_body(request)


def json_body(request: Request) -> Json:
    """A request's JSON body."""
    request.content_type(JSON_TYPE)
    if len(request.body) > MAX_BODY:
        raise TooLarge(f"the body has {len(request.body):,} bytes; at most {MAX_BODY:,} are taken")
    try:
        parsed: Json = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise MalformedBody(f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    return parsed
