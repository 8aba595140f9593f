"""Gradual deployments: what was built, with its functions behind aliases whose traffic CodeDeploy shifts.

template.yaml says how (`DeploymentPreference`, whose type is the parameter Rollout, and the alarms that end it) but not
that: SAM can't make aliases by a parameter, and a function behind an alias is another one to whoever invokes it. So
this changes the built template where Rollout is gradual, and leaves it alone where it is AllAtOnce. Why not always, and
what it costs: docs/decisions/0075-gradual-deployments-are-made-at-build-time.md.

https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/automating-updates-to-serverless-apps.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

AT_ONCE = "AllAtOnce"
ALIAS = "live"

_INVOKES = {
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
}
"""What names the function that it has invoked. What SAM makes of a function's Events names the alias by itself."""


def roll_out(template: Path, rollout: str) -> None:
    """Have the built template shift traffic as `rollout` says: a deployment type of CodeDeploy's, or AllAtOnce."""
    if rollout != AT_ONCE:
        document = yaml.safe_load(template.read_text("utf-8"))
        template.write_text(yaml.safe_dump(gradual(document), sort_keys=False, allow_unicode=True), "utf-8")


def gradual(template: Mapping[str, Any]) -> dict[str, Any]:
    """The template with all functions behind an alias, and what invokes them leading there."""
    of_functions = template["Globals"]["Function"]
    function = {
        **of_functions,
        "AutoPublishAlias": ALIAS,
        # A version for each change, as of a variable or a layer, and not of the function's own code alone.
        "AutoPublishAliasAllProperties": True,
        "DeploymentPreference": {**of_functions["DeploymentPreference"], "Enabled": True},
    }
    resources = {name: _in_loop(resource) for name, resource in template["Resources"].items()}
    return {**template, "Globals": {**template["Globals"], "Function": function}, "Resources": resources}


def _in_loop(resource: Any) -> object:  # noqa: ANN401 - a loop or a mapping
    """A resource, or a loop with the resources that it makes."""
    if isinstance(resource, list):  # Fn::ForEach: identifier, entries, {name: resource}
        identifier, entries, fragment = resource
        return [identifier, entries, {name: _changed(each) for name, each in fragment.items()}]
    return _changed(resource)


def _changed(resource: Mapping[str, Any]) -> dict[str, Any]:
    properties = resource.get("Properties", {})
    if resource["Type"] in _INVOKES:
        properties = {name: _by_alias(value) for name, value in properties.items()}
    elif resource["Type"] == "AWS::Serverless::LayerVersion":
        properties = {**properties, "PublishLambdaVersion": True}
    elif "ReservedConcurrentExecutions" in properties:
        properties = _with_its_reservation(properties)
    return {**resource, "Properties": properties}


def _with_its_reservation(properties: dict[str, Any]) -> dict[str, Any]:
    """A function whose versions differ where its reservation does.

    SAM makes a new version of any change, and Lambda refuses one that is as the last: a reservation is no part of it.
    """
    variables = {**properties["Environment"]["Variables"], "RESERVED": properties["ReservedConcurrentExecutions"]}
    return {**properties, "Environment": {"Variables": variables}}


def _by_alias(node: object) -> object:
    """`node` with the alias in the place of each function that it names."""
    if isinstance(node, list):
        return [_by_alias(each) for each in node]
    if not isinstance(node, dict):
        return node
    match node:
        case {"Ref": name} | {"Fn::GetAtt": [name, "Arn"]} if (alias := _alias_of(name)) is not None:
            return {"Ref": alias}
        case {"Fn::Sub": str(text)}:
            return {"Fn::Sub": re.sub(r"\$\{(\w+Function)\.Arn\}", rf"${{\1Alias{ALIAS}}}", text)}
    return {key: _by_alias(value) for key, value in node.items()}


def _alias_of(name: object) -> object:
    """The name of the alias that SAM makes for a function, plain or put together by a loop; None for all else."""
    match name:
        case {"Fn::Sub": str(text)} if text.endswith("Function"):
            return {"Fn::Sub": f"{text}Alias{ALIAS}"}
        case str(text) if text.endswith("Function"):
            return f"{text}Alias{ALIAS}"
    return None
