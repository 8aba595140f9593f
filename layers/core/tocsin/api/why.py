"""Why a rule tells people, telling nobody: POST /rules/{name}/test, /rules/{name}/backtest, /policies/{name}/test."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import json_response
from tocsin.api.cursors import Cursors
from tocsin.api.parameters import asked, object_of
from tocsin.api.paths import name_of
from tocsin.events.search.timeline import check_position
from tocsin.identity.principal import Scope
from tocsin.matching.backtest import Backtester
from tocsin.matching.explain import Explainer
from tocsin.times import utc_now
from tocsin.types import JsonObject


def add_routes(app: APIGatewayHttpResolver, explainer: Explainer, backtester: Backtester) -> None:
    """Add this subject's routes."""

    @app.post("/rules/<name>/test")
    def test_rule(name: str) -> Response[str]:
        about = _asked(app)
        return json_response(200, explainer.explain_rule(name_of(name), explainer.event(about)))

    @app.post("/rules/<name>/backtest")
    def backtest(name: str) -> Response[str]:
        about, rule = _asked(app), name_of(name)
        cursors = Cursors(of=rule, other="is not of a backtest of this rule", check=check_position)
        if isinstance(cursor := about.get("cursor"), str):
            about["cursor"] = cursors.read(cursor)
        result, position = backtester.run(rule, about, now=utc_now())
        return json_response(200, result | {"cursor": cursors.write(position)})

    @app.post("/policies/<name>/test")
    def test_policy(name: str) -> Response[str]:
        about = _asked(app)
        return json_response(200, explainer.explain_policy(name_of(name), explainer.event(about)))


def _asked(app: APIGatewayHttpResolver) -> JsonObject:
    """The body of a test. What is answered tells of the configuration, and of a stored event: both are needed."""
    request, _ = asked(app, Scope.CONFIG_READ, Scope.EVENTS_READ)
    return object_of(request)
