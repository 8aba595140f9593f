"""POST /keys/{name}/ticket and POST /sign-in: a link that signs in once, instead of a key in a link."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import json_response
from tocsin.api.parameters import asked, object_of, request_of
from tocsin.api.paths import name_of
from tocsin.aws.logging import Code, note
from tocsin.config.resources.sign_ins import SignIns
from tocsin.identity.principal import Scope


def add_routes(app: APIGatewayHttpResolver, sign_ins: SignIns) -> None:
    """Add this subject's routes."""

    @app.post("/keys/<name>/ticket")
    def ticket(name: str) -> Response[str]:
        request, principal = asked(app, Scope.CONFIG_WRITE)
        made = sign_ins.ticket(name_of(name), object_of(request) if request.body else {}, principal)
        return json_response(201, made)

    # Needs no key: the ticket says who may.
    @app.post("/sign-in")
    def sign_in() -> Response[str]:
        claimed = sign_ins.claim(object_of(request_of(app)))
        note(Code.SIGNED_IN, "somebody signed in by a ticket", key_name=claimed["name"])
        return json_response(200, claimed)
