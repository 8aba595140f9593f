"""GET /me: who the key or token stands for, and what it may do. Needs a key, and no scope."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import json_response
from tocsin.api.parameters import asked


def add_routes(app: APIGatewayHttpResolver) -> None:
    """Add this subject's routes."""

    @app.get("/me")
    def me() -> Response[str]:
        _, principal = asked(app)
        return json_response(
            200,
            {
                "name": principal.key_name,
                "user": principal.user,
                "person": principal.person,
                "scopes": [*sorted(principal.scopes)],
            },
        )
