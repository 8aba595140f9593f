"""GET /status: queues, dead letters, the stream's readers, breakers and errors. Needs config:read."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import json_response
from tocsin.api.parameters import asked
from tocsin.identity.principal import Scope
from tocsin.status.report import StatusReport
from tocsin.times import utc_now


def add_routes(app: APIGatewayHttpResolver, report: StatusReport) -> None:
    """Add this subject's routes."""

    @app.get("/status")
    def status() -> Response[str]:
        asked(app, Scope.CONFIG_READ)
        return json_response(200, report.read(now=utc_now()))
