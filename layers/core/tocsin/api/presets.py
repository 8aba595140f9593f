"""GET /presets: the services that a webhook can speak to, and what each wants of a transport."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import json_response
from tocsin.api.cursors import NAMES
from tocsin.api.parameters import asked, limit_of
from tocsin.identity.principal import Scope
from tocsin.notifications.presets.catalogue import presets
from tocsin.types import Json

_DEFAULT_LIMIT = 100


def add_routes(app: APIGatewayHttpResolver) -> None:
    """Add this subject's routes."""

    @app.get("/presets")
    def many() -> Response[str]:
        request, _ = asked(app, Scope.CONFIG_READ, query=("limit", "cursor"))
        limit, after = limit_of(request, _DEFAULT_LIMIT), NAMES.read(request.query.get("cursor"))
        rest = [preset for preset in presets() if after is None or preset.name > after]
        items: list[Json] = [preset.to_json() for preset in rest[:limit]]
        last = rest[limit - 1].name if len(rest) > limit else None
        return json_response(200, {"items": items, "cursor": NAMES.write(last)})
