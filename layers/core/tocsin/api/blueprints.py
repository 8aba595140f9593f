"""GET and PUT /blueprint: the whole configuration as one document."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import json_response
from tocsin.api.parameters import asked, flag_of
from tocsin.aws.logging import Code, note
from tocsin.config.blueprint import JSON_TYPE, YAML_TYPES, Blueprints, parse, to_yaml
from tocsin.config.resources import Precondition, etag_of
from tocsin.http.accept import preferred
from tocsin.identity.principal import Scope

_YAML_MARK = "-yaml"
"""The end of the ETag of a blueprint as YAML: strong tags of two forms differ (RFC 9110, section 8.8.1)."""


def add_routes(app: APIGatewayHttpResolver, blueprints: Blueprints) -> None:
    """Add this subject's routes."""

    @app.get("/blueprint")
    def read() -> Response[str]:
        request, _ = asked(app, Scope.CONFIG_READ)
        held = blueprints.current()
        form = preferred(request.headers, (JSON_TYPE, *YAML_TYPES))
        as_yaml = form != JSON_TYPE
        tag = etag_of(held.state)
        if as_yaml:
            tag = f'{tag[:-1]}{_YAML_MARK}"'
        headers = {"etag": tag, "cache-control": "no-store", "vary": "accept"}
        if Precondition.parse(request.headers).holds_none_match(tag):
            return Response(status_code=304, content_type=None, headers=headers, body="")
        shown = held.blueprint.to_json()
        if as_yaml:
            return Response(status_code=200, content_type=form, headers=headers, body=to_yaml(shown))
        return json_response(200, shown, headers)

    @app.put("/blueprint")
    def apply() -> Response[str]:
        request, principal = asked(app, Scope.CONFIG_WRITE, query=("dry_run",), versioned=True)
        precondition = Precondition.parse(request.headers).for_representation(_YAML_MARK)
        dry_run = flag_of(request, "dry_run")
        blueprint = parse(request.body, request.content_type(JSON_TYPE, *YAML_TYPES))
        if dry_run:
            planned = blueprints.plan(blueprint, precondition)
            return json_response(200, planned.to_json(dry_run=True), {"etag": etag_of(planned.state)})
        applied = blueprints.apply(blueprint, principal, precondition)
        note(
            Code.CONFIGURATION_APPLIED,
            "configuration applied",
            version=applied.version,
            changes=len(applied.changes),
            by=principal.key_name,
        )
        return json_response(200, applied.to_json(dry_run=False), {"etag": etag_of(applied.state)})
