"""GET /presets: the services that a webhook can speak to, and what each wants of a transport."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import json_response
from tocsin.api.cursors import NAMES
from tocsin.api.parameters import asked, limit_of, words_of
from tocsin.config.resources.snapshot_entries import page_of
from tocsin.identity.principal import Scope
from tocsin.notifications.presets.catalogue import presets
from tocsin.types import Json
from tocsin.words import page_with

_DEFAULT_LIMIT = 100


def add_routes(app: APIGatewayHttpResolver) -> None:
    """Add this subject's routes."""

    @app.get("/presets")
    def many() -> Response[str]:
        request, _ = asked(app, Scope.CONFIG_READ, query=("search", "limit", "cursor"))
        known = {preset.name: preset.to_json() for preset in presets()}
        page = page_with(
            words_of(request),
            lambda after, limit: page_of(known, after, limit),
            key=lambda entry: str(entry["name"]),
            after=NAMES.read(request.query.get("cursor")),
            limit=limit_of(request, _DEFAULT_LIMIT),
        )
        items: list[Json] = [*page.items]
        return json_response(200, {"items": items, "cursor": NAMES.write(page.last)})
