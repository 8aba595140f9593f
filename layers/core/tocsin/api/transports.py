"""/transports/{name}/test, …/breaker: whether a transport works."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import json_response
from tocsin.api.parameters import asked, username_of
from tocsin.api.paths import name_of
from tocsin.deliveries.service import DeliveryService
from tocsin.identity.principal import Scope
from tocsin.notifications.outcome import State


def add_routes(app: APIGatewayHttpResolver, service: DeliveryService) -> None:
    """Add this subject's routes."""

    @app.post("/transports/<name>/test")
    def test(name: str) -> Response[str]:
        request, principal = asked(app, Scope.CONFIG_WRITE, query=("user",))
        delivery = service.test(name_of(name), username_of(request) or principal.user)
        return json_response(200 if State(str(delivery["state"])).final else 202, delivery)

    @app.get("/transports/<name>/breaker")
    def breaker(name: str) -> Response[str]:
        asked(app, Scope.EVENTS_READ)
        return json_response(200, service.breaker(name_of(name)).to_json())

    @app.post("/transports/<name>/breaker/reset")
    def reset(name: str) -> Response[str]:
        asked(app, Scope.CONFIG_WRITE)
        return json_response(200, service.reset(name_of(name)).to_json())
