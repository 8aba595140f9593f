"""A gradual deployment: what SAM makes of the built template has no function that is invoked past its alias."""

import copy
import json
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from local.cloud.rollout import AT_ONCE, gradual, roll_out
from tests.expanded_template import ROOT, expand

CANARY = "Canary10Percent5Minutes"
LOOKED_AT = 10
"""Alarms that CodeDeploy looks at, at most: https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html"""


@cache
def _read() -> dict[str, Any]:
    template: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text("utf-8"))
    return template


def written() -> dict[str, Any]:
    return copy.deepcopy(_read())


def translated(template: dict[str, Any], **parameters: str) -> dict[str, dict[str, Any]]:
    """The resources that SAM's transform makes, after that of the loops."""
    resources = expand(template["Resources"], template["Mappings"])
    whole = copy.deepcopy({**template, "Transform": "AWS::Serverless-2016-10-31", "Resources": resources})
    for resource in whole["Resources"].values():
        for name in ("CodeUri", "ContentUri"):
            if name in resource["Properties"]:
                resource["Properties"][name] = f"s3://built/{resource['Properties'][name].strip('/').replace('/', '-')}"
    translator = Translator({}, Parser(), None, boto3.Session(region_name="eu-central-1"))
    made: dict[str, dict[str, Any]] = translator.translate(whole, parameter_values=parameters)["Resources"]
    return made


@pytest.fixture(scope="module")
def rolled_out() -> dict[str, dict[str, Any]]:
    return translated(gradual(written()), Rollout=CANARY)


def of_type(resources: dict[str, dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in resources.items() if each["Type"] == kind}


def named(node: Any) -> Iterator[str]:
    """Whatever `node` refers to."""
    if isinstance(node, list):
        for each in node:
            yield from named(each)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in {"Ref", "Fn::GetAtt"}:
                yield (value if isinstance(value, str) else value[0]).split(".")[0]
            elif key == "Fn::Sub":
                text = value if isinstance(value, str) else value[0]
                yield from (part.partition("}")[0].split(".")[0] for part in text.split("${")[1:])
            yield from named(value)


def test_each_function_is_behind_an_alias_that_codedeploy_moves(rolled_out: dict[str, dict[str, Any]]) -> None:
    functions = of_type(rolled_out, "AWS::Lambda::Function")
    aliases = of_type(rolled_out, "AWS::Lambda::Alias")
    groups = of_type(rolled_out, "AWS::CodeDeploy::DeploymentGroup")

    assert aliases.keys() == {f"{name}Aliaslive" for name in functions}
    assert len(groups) == len(functions)
    for alias in aliases.values():
        assert set(alias["UpdatePolicy"]) == {"CodeDeployLambdaAliasUpdate"}
    for group in groups.values():
        properties = group["Properties"]
        assert properties["DeploymentConfigName"] == {
            "Fn::Sub": ["CodeDeployDefault.Lambda${ConfigName}", {"ConfigName": CANARY}]
        }
        assert "DEPLOYMENT_STOP_ON_ALARM" in properties["AutoRollbackConfiguration"]["Events"]
        alarms = properties["AlarmConfiguration"]["Alarms"]
        assert 1 <= len(alarms) <= LOOKED_AT
        assert {rolled_out[each["Name"]["Ref"]]["Type"] for each in alarms} == {"AWS::CloudWatch::Alarm"}


def test_nothing_invokes_a_function_past_its_alias(rolled_out: dict[str, dict[str, Any]]) -> None:
    functions = of_type(rolled_out, "AWS::Lambda::Function").keys()
    aliases = {f"{name}Aliaslive" for name in functions}
    invoking = [
        "AWS::ApiGatewayV2::Integration",
        "AWS::ApiGatewayV2::Authorizer",
        "AWS::Lambda::Permission",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Events::Rule",
    ]
    invoked = {
        kind: [set(named(each["Properties"])) for each in of_type(rolled_out, kind).values()] for kind in invoking
    }

    for kind, found in invoked.items():
        assert found, kind
        for names in found:
            assert not names & functions, kind
            assert len(names & aliases) == 1, kind
    # invoked asynchronously, by the alias: so is what holds of that
    for each in of_type(rolled_out, "AWS::Lambda::EventInvokeConfig").values():
        assert each["Properties"]["Qualifier"] == "live"


def test_no_resource_waits_for_itself(rolled_out: dict[str, dict[str, Any]]) -> None:
    """An alias waits for its alarms, these for functions, APIs and queues."""
    graph = {
        name: (set(named(each)) | _listed(each.get("DependsOn"))) & rolled_out.keys()
        for name, each in rolled_out.items()
    }

    assert len(list(TopologicalSorter(graph).static_order())) == len(rolled_out)


def _listed(given: Any) -> set[str]:
    return {given} if isinstance(given, str) else set(given or ())


def versions(resources: dict[str, dict[str, Any]]) -> set[str]:
    """Those of the function that takes events."""
    made = {name for name in of_type(resources, "AWS::Lambda::Version") if name.startswith("IngestFunctionVersion")}
    assert made
    return made


@pytest.mark.parametrize("change", ["a layer", "a variable", "a reservation"])
def test_a_change_is_a_new_version(rolled_out: dict[str, dict[str, Any]], change: str) -> None:
    """One that the alias does not lead to would never be run."""
    changed = written()
    if change == "a layer":
        changed["Resources"]["CoreLayer"]["Properties"]["ContentUri"] = "layers/newer/"
    elif change == "a variable":
        changed["Globals"]["Function"]["Environment"]["Variables"]["LOG_LEVEL"] = "DEBUG"
    else:
        changed["Resources"]["IngestFunction"]["Properties"]["ReservedConcurrentExecutions"] = 5

    assert versions(rolled_out) != versions(translated(gradual(changed), Rollout=CANARY))


def test_what_did_not_change_is_the_same_version(rolled_out: dict[str, dict[str, Any]]) -> None:
    assert versions(rolled_out) == versions(translated(gradual(written()), Rollout=CANARY))


def test_a_reservation_is_in_what_lambda_compares_versions_by() -> None:
    """Lambda refuses a version that is as the last, and a reservation alone is no part of one."""
    template = gradual(written())
    for name in ("AuthorizerFunction", "IngestFunction"):
        properties = template["Resources"][name]["Properties"]
        assert properties["Environment"]["Variables"]["RESERVED"] == properties["ReservedConcurrentExecutions"]


def test_all_at_once_leaves_the_template_as_it_is(tmp_path: Path) -> None:
    built = tmp_path / "template.yaml"
    built.write_text("Resources: {}\n", "utf-8")

    roll_out(built, AT_ONCE)

    assert built.read_text("utf-8") == "Resources: {}\n"
    made = translated(written(), Rollout=AT_ONCE)
    assert not [each["Type"] for each in made.values() if "CodeDeploy" in each["Type"] or "Alias" in each["Type"]]


def test_a_built_template_is_changed_in_place(tmp_path: Path) -> None:
    built = tmp_path / "template.yaml"
    plain = json.loads(json.dumps(written()))  # as sam writes it: no tags, no anchors
    built.write_text(yaml.safe_dump(plain), "utf-8")

    roll_out(built, CANARY)

    assert yaml.safe_load(built.read_text("utf-8")) == json.loads(json.dumps(gradual(plain)))


def test_the_parameter_takes_what_codedeploy_has_for_lambda() -> None:
    from samtranslator.model.preferences import deployment_preference_collection

    known = deployment_preference_collection.CODEDEPLOY_PREDEFINED_CONFIGURATIONS_LIST
    parameter = written()["Parameters"]["Rollout"]

    assert sorted(parameter["AllowedValues"]) == sorted(known)
    assert parameter["Default"] == AT_ONCE
