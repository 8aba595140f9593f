"""/users/{name}/preferences: how a person wants to be told. `me` is whom the key or token stands for."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import json_response
from tocsin.api.parameters import asked, object_of
from tocsin.api.paths import name_of
from tocsin.aws.logging import Code, note
from tocsin.config.resources.preferences import PersonalPreferences
from tocsin.errors import Invalid, Violation
from tocsin.http.preconditions import Precondition, etag_of
from tocsin.http.request import Request
from tocsin.identity.principal import Principal, Scope
from tocsin.names import ME


def add_routes(app: APIGatewayHttpResolver, preferences: PersonalPreferences) -> None:
    """Add this subject's routes."""

    @app.get("/users/<person>/preferences")
    def read(person: str) -> Response[str]:
        request, _, username = _asked(app, person, Scope.CONFIG_READ)
        said = preferences.get(username)
        tag = {"etag": etag_of(said)}
        if Precondition.parse(request.headers).holds_none_match(tag["etag"]):
            return Response(status_code=304, content_type=None, headers=tag | {"cache-control": "no-store"}, body="")
        return json_response(200, said, tag)

    @app.put("/users/<person>/preferences")
    def replace(person: str) -> Response[str]:
        request, principal, username = _asked(app, person, Scope.CONFIG_WRITE)
        said = preferences.put(username, object_of(request), Precondition.parse(request.headers), principal)
        note(Code.PREFERENCES_SAVED, "preferences were saved", user=username, by=principal.key_name)
        return json_response(200, said, {"etag": etag_of(said)})

    @app.get("/users/<person>/preferences/options")
    def options(person: str) -> Response[str]:
        _, _, username = _asked(app, person, Scope.CONFIG_READ)
        return json_response(200, preferences.options(username))


def _asked(app: APIGatewayHttpResolver, person: str, needed: Scope) -> tuple[Request, Principal, str]:
    """The request, who sent it and whose preferences it is about. Another's need the scope `needed` too."""
    request, principal = asked(app, Scope.NOTIFICATIONS, versioned=True)
    name = name_of(person)
    if name not in {ME, principal.user}:
        principal.require(needed)
        return request, principal, name
    if principal.user is None:
        raise Invalid([Violation("person", "this key stands for nobody; say whose preferences")])
    return request, principal, principal.user
