"""GET /health: whether this API answers. Needs no key and tells nothing else."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin import __version__
from tocsin.api.answers import json_response


def add_routes(app: APIGatewayHttpResolver) -> None:
    """Add this subject's routes."""

    @app.get("/health")
    def health() -> Response[str]:
        return json_response(200, {"status": "ok", "version": __version__})
