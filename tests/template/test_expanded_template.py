"""What tests read of template.yaml is what CloudFormation makes of it."""

from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from tests.expanded_template import LOOP, ROOT, expand, expanded_template


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    """template.yaml as it is written."""
    template: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text("utf-8"))
    return template


def test_loops_are_expanded_as_the_emulator_expands_them(written: dict[str, Any]) -> None:
    from ministack.services.cloudformation import language_extensions

    expanded = language_extensions.apply(written, {})

    assert expanded_template()["Resources"] == expanded["Resources"]


def test_sam_builds_and_packages_the_same_resources(written: dict[str, Any]) -> None:
    from samcli.lib.cfn_language_extensions import expand_language_extensions

    expanded = expand_language_extensions(written, enabled=True).expanded_template

    assert expanded_template()["Resources"].keys() == expanded["Resources"].keys()
    assert {name: each["Type"] for name, each in expanded_template()["Resources"].items()} == {
        name: each["Type"] for name, each in expanded["Resources"].items()
    }


def test_no_loop_is_left_and_each_name_that_one_makes_is_new(written: dict[str, Any]) -> None:
    loops = {name: loop for name, loop in written["Resources"].items() if name.startswith(LOOP)}
    made = sum(len(entries) * len(fragment) for _identifier, entries, fragment in loops.values())

    assert loops
    assert not [name for name in expanded_template()["Resources"] if name.startswith(LOOP)]
    assert len(expanded_template()["Resources"]) == len(written["Resources"]) - len(loops) + made


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ({"Ref": "Queue"}, "Work"),
        ({"Ref": "WorkTable"}, {"Ref": "WorkTable"}),
        ({"Ref": {"Fn::Sub": "${Queue}Table"}}, {"Ref": "WorkTable"}),
        ({"Fn::GetAtt": [{"Fn::Sub": "${Queue}Table"}, "Arn"]}, {"Fn::GetAtt": ["WorkTable", "Arn"]}),
        ({"Fn::GetAtt": [{"Ref": "Queue"}, "Arn"]}, {"Fn::GetAtt": ["Work", "Arn"]}),
        ({"Fn::Sub": "${AWS::StackName}-${Queue}"}, {"Fn::Sub": "${AWS::StackName}-Work"}),
        ({"Fn::FindInMap": ["Texts", {"Ref": "Queue"}, "Alarm"]}, "too much work"),
        ("${Queue}", "${Queue}"),  # CloudFormation fills in no plain text
        ([{"Nested": {"Ref": "Queue"}}], [{"Nested": "Work"}]),
    ],
)
def test_an_entry_is_filled_in_where_cloudformation_does(written: object, made: object) -> None:
    loop = {"Fn::ForEach::Queues": ["Queue", ["Work"], {"${Queue}Thing": {"Value": written}}]}

    expanded = expand(loop, {"Texts": {"Work": {"Alarm": "too much work"}}})

    assert expanded == {"WorkThing": {"Value": made}}
