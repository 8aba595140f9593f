"""GET /firings: how often each rule fired lately, and was held. Needs config:read."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import json_response
from tocsin.api.parameters import asked
from tocsin.identity.principal import Scope
from tocsin.matching.firings_store import FiringStore
from tocsin.times import iso, utc_now


def add_routes(app: APIGatewayHttpResolver, firings: FiringStore) -> None:
    """Add this subject's routes."""

    @app.get("/firings")
    def totals() -> Response[str]:
        asked(app, Scope.CONFIG_READ)
        now = utc_now()
        return json_response(200, {"at": iso(now), "items": firings.totals(now=now)})
