"""POST /rules/{name}/test and /policies/{name}/test: why a rule tells people, without telling anybody."""

from __future__ import annotations

import orjson
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import check_query, json_response, request_of
from tocsin.errors import MalformedBody, TooLarge
from tocsin.explaining import Explainer
from tocsin.intake import JSON_TYPE, MAX_BODY
from tocsin.jsontypes import Json
from tocsin.web import Request, Scope


def add_routes(app: APIGatewayHttpResolver, explainer: Explainer) -> None:
    """Add this subject's routes."""

    @app.post("/rules/<name>/test")
    def test_rule(name: str) -> Response[str]:
        asked = _asked(request_of(app))
        return json_response(200, explainer.explain_rule(name, explainer.event(asked)))

    @app.post("/policies/<name>/test")
    def test_policy(name: str) -> Response[str]:
        asked = _asked(request_of(app))
        return json_response(200, explainer.explain_policy(name, explainer.event(asked)))


def _asked(request: Request) -> Json:
    """The body of a test. What is answered tells of the configuration, and of a stored event: both are needed."""
    request.principal(Scope.CONFIG_READ)
    request.principal(Scope.EVENTS_READ)
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
