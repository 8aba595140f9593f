"""SAM's transform takes the template as that of the loops leaves it: with parameters' values in their places, as texts.

"The AWS::LanguageExtensions transform resolves parameters to literal values during processing", and SAM's, which comes
after it, takes a text for no number where a property's type is its own rather than CloudFormation's, which would make
one of it. Locally SAM gets references, which it takes everywhere.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-languageextensions.html
"""

import copy
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from tests.expanded_template import expanded_template

TEMPLATE = expanded_template()
VALUES = {name: str(each.get("Default", "")) for name, each in TEMPLATE["Parameters"].items()}


def with_values(node: Any) -> Any:
    """`node` with the value of each parameter in the place of its Ref."""
    if isinstance(node, list):
        return [with_values(each) for each in node]
    if not isinstance(node, dict):
        return node
    match node:
        case {"Ref": name} if name in VALUES:
            is_list = TEMPLATE["Parameters"][name]["Type"] == "CommaDelimitedList"
            return VALUES[name].split(",") if is_list else VALUES[name]
    return {key: with_values(value) for key, value in node.items()}


def test_parameters_as_texts_are_taken_wherever_they_go() -> None:
    """The fault: the matcher's stream was an event of SAM's, which asks a number of MaximumBatchingWindowInSeconds."""
    whole = copy.deepcopy({**TEMPLATE, "Transform": "AWS::Serverless-2016-10-31"})
    whole |= {section: with_values(whole[section]) for section in ("Globals", "Resources")}
    for resource in whole["Resources"].values():
        for name in {"CodeUri", "ContentUri"} & resource["Properties"].keys():
            resource["Properties"][name] = "s3://built/code"

    translator = Translator({}, Parser(), None, boto3.Session(region_name="eu-central-1"))
    made = translator.translate(whole, parameter_values=VALUES)["Resources"]  # InvalidDocumentException says what not

    assert made["MatcherFunctionStream"]["Properties"]["MaximumBatchingWindowInSeconds"] == VALUES["MatchWindow"]
