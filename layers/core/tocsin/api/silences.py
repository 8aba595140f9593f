"""GET and POST /silences, DELETE /silences/{name}: times in which nobody is told of certain events."""

from __future__ import annotations

from datetime import UTC, datetime

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import check_query, json_response, request_of
from tocsin.api.why import json_body
from tocsin.management import EditingDesk
from tocsin.silencing import Silences
from tocsin.web import Scope


def add_routes(app: APIGatewayHttpResolver, silences: Silences, desk: EditingDesk) -> None:
    """Add this subject's routes. Changes are told at `desk`."""

    @app.get("/silences")
    def all_silences() -> Response[str]:
        request = request_of(app)
        request.principal(Scope.CONFIG_READ)
        check_query(request)
        return json_response(200, {"items": list(silences.all(datetime.now(UTC)))})

    @app.post("/silences")
    def add() -> Response[str]:
        request = request_of(app)
        principal = request.principal(Scope.CONFIG_WRITE)
        check_query(request)
        made = silences.add(json_body(request), by=principal.key_name, now=datetime.now(UTC))
        desk.tell([{"kind": "silences", "name": made["name"], "change": "create"}], principal)
        return json_response(201, made, {"location": f"/silences/{made['name']}"})

    @app.delete("/silences/<name>")
    def end(name: str) -> Response[str]:
        request = request_of(app)
        principal = request.principal(Scope.CONFIG_WRITE)
        check_query(request)
        ended = silences.end(name, by=principal.key_name, now=datetime.now(UTC))
        desk.tell([{"kind": "silences", "name": name, "change": "delete"}], principal)
        return json_response(200, ended)
