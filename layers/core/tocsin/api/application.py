"""The API's resolver: its routes, and one place that turns what goes wrong into problems."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from tocsin.api import (
    acknowledge,
    blueprints,
    deliveries,
    events,
    firings,
    health,
    jobs,
    me,
    notifications,
    preferences,
    presets,
    resources,
    sign_in,
    status,
    tickets,
    transports,
    unsubscribe,
    why,
)
from tocsin.api.answers import problem_response, within_limits
from tocsin.api.languages import Readers
from tocsin.api.paths import encoded_path
from tocsin.api.wiring import Services
from tocsin.aws.logging import Code, logger, note
from tocsin.config.resources import Resources
from tocsin.config.resources.preferences import PersonalPreferences
from tocsin.errors import AnswerTooLarge, MethodNotAllowed, NotFound, TocsinError
from tocsin.http.request import Request
from tocsin.http.response import problem
from tocsin.identity.principal import authenticate

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_ELSEWHERE = {"/events": {"POST"}}
"""Paths that another function serves, and with which methods: API Gateway sends us only the others."""


PREFLIGHT = "OPTIONS /{proxy+}"
"""The route of browsers that ask whether they may ask, where CorsOrigins allows any; API Gateway adds the answer's
headers, and the route has no authorizer. Nothing else is served by it."""


def application(services: Services) -> Callable[[dict[str, Any], LambdaContext], Mapping[str, Any]]:
    """The API over `services`, as a function of a request event and a Lambda context."""
    app = APIGatewayHttpResolver()
    health.add_routes(app)
    me.add_routes(app)
    status.add_routes(app, services.status)
    events.add_routes(app, services.events, services.stories, services.log)
    notifications.add_routes(
        app,
        services.inboxes,
        services.events,
        services.editor.configuration.inbox_bounds,
        services.pusher.tell,
        services.acknowledgements,
    )
    personal = PersonalPreferences(services.editor, services.preferences)
    readers = Readers(personal.reader)
    links, deleted = services.acknowledge_links, services.owners.emptied
    acknowledge.add_routes(app, links, services.acknowledgements, services.events, readers, deleted)
    tickets.add_routes(app, services.live, services.live_address)
    blueprints.add_routes(app, services.blueprints)
    firings.add_routes(app, services.firings)
    why.add_routes(app, services.explainer, services.backtester)
    resources.add_routes(app, Resources.at(services.editor))
    preferences.add_routes(app, personal)
    unsubscribe.add_routes(app, services.unsubscribe_links, personal, services.suppressions, readers)
    sign_in.add_routes(app, services.sign_ins)
    deliveries.add_routes(app, services.deliveries, services.suppressions)
    presets.add_routes(app)
    transports.add_routes(app, services.deliveries)
    jobs.add_routes(app, services.jobs, services.exports)

    def refused(error: TocsinError) -> Response[str]:
        request_id = app.current_event.request_context.request_id
        level = logging.ERROR if error.status >= 500 else logging.INFO
        note(
            Code.REQUEST_REFUSED,
            error.logged,
            level=level,
            status=error.status,
            error=error.code,
            request_id=request_id,
        )
        return problem_response(error, request_id)

    def unknown(_: NotFoundError) -> Response[str]:
        request = Request.parse(app.current_event.raw_event)
        try:
            authenticate(request)  # whoever has no key learns nothing of what there is
        except TocsinError as error:
            return refused(error)
        allowed = _methods_of(app, request.path)
        if allowed:
            return refused(
                MethodNotAllowed(f"{request.method} is not taken here; there is {', '.join(allowed)}", allowed)
            )
        return refused(NotFound(f"there is nothing at {request.path[:200]}"))

    app.exception_handler(TocsinError)(refused)
    app.not_found(unknown)

    def resolve(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
        if event.get("routeKey") == PREFLIGHT:
            return {"statusCode": 204, "headers": {}, "body": "", "isBase64Encoded": False}
        request_id = event["requestContext"].get("requestId")
        if event["requestContext"]["http"]["method"] == "HEAD":  # RFC 9110, 9.3.2: as GET, without the content
            return {**resolve(_as_get(event), context), "body": "", "isBase64Encoded": False}
        try:
            answer = app.resolve(event | {"rawPath": encoded_path(event.get("rawPath") or "/")}, context)
            return within_limits(answer, {name.lower(): value for name, value in (event.get("headers") or {}).items()})
        except AnswerTooLarge as error:
            note(Code.REQUEST_REFUSED, error.logged, status=error.status, error=error.code, request_id=request_id)
            return problem(error, instance=request_id)
        except Exception:  # noqa: BLE001 - the last resort: an answer without a trace, a log with one
            facts = {"code": Code.REQUEST_FAILED.value, "request_id": request_id}
            logger.exception("a request could not be served", extra=facts)
            failure = TocsinError("the request could not be served; the log says why, under this request's id")
            return problem(failure, instance=request_id)

    return resolve


def _as_get(event: dict[str, Any]) -> dict[str, Any]:
    asked = event["requestContext"]
    return event | {"requestContext": asked | {"http": asked["http"] | {"method": "GET"}}}


def _methods_of(app: APIGatewayHttpResolver, path: str) -> tuple[str, ...]:
    """The methods with which `path` exists."""
    # Powertools keeps its routes to itself, and gives 404 for a path that has other methods.
    # A path that stands as it is comes before one with a name in it: nothing is called as the first is.
    methods = {route.method for route in app._static_routes if route.rule.match(path)}
    methods = methods or {route.method for route in app._dynamic_routes if route.rule.match(path)}
    heads = {"HEAD"} if "GET" in methods else set()
    return tuple(sorted(methods | heads | _ELSEWHERE.get(path, set())))
