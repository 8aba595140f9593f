"""GET and PUT /blueprint: the whole configuration as one document."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import json_response
from tocsin.api.parameters import asked, flag_of
from tocsin.aws.logging import Code, note
from tocsin.config.blueprint import JSON_TYPE, YAML_TYPES, Blueprints, parse, to_yaml
from tocsin.config.resources import ConfigurationEditor
from tocsin.identity.principal import Scope


def add_routes(app: APIGatewayHttpResolver, blueprints: Blueprints, editor: ConfigurationEditor) -> None:
    """Add this subject's routes. Changes are told at `editor`."""

    @app.get("/blueprint")
    def read() -> Response[str]:
        request, _ = asked(app, Scope.CONFIG_READ)
        shown = blueprints.current().to_json()
        if any(wanted in request.headers.get("accept", "") for wanted in YAML_TYPES):
            return Response(status_code=200, content_type=YAML_TYPES[0], body=to_yaml(shown))
        return json_response(200, shown)

    @app.put("/blueprint")
    def apply() -> Response[str]:
        request, principal = asked(app, Scope.CONFIG_WRITE, query=("dry_run",))
        dry_run = flag_of(request, "dry_run")
        blueprint = parse(request.body, request.content_type(JSON_TYPE, *YAML_TYPES))
        if dry_run:
            return json_response(200, blueprints.plan(blueprint).to_json(dry_run=True))
        applied = blueprints.apply(blueprint, principal.key_name)
        editor.tell(applied.changes, principal)
        note(
            Code.CONFIGURATION_APPLIED,
            "configuration applied",
            version=applied.version,
            changes=len(applied.changes),
            by=principal.key_name,
        )
        return json_response(200, applied.to_json(dry_run=False))
