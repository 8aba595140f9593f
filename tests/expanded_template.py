"""template.yaml with its loops expanded: the resources that CloudFormation deploys, before SAM's transform."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[1]
LOOP = "Fn::ForEach::"


@cache
def expanded_template() -> dict[str, Any]:
    """template.yaml, parsed, each Fn::ForEach of its resources replaced by what it makes. To be read, not changed."""
    template: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text("utf-8"))
    return template | {"Resources": expand(template["Resources"], template.get("Mappings", {}))}


def expand(resources: Mapping[str, Any], mappings: Mapping[str, Any]) -> dict[str, Any]:
    """`resources` without loops.

    Of AWS::LanguageExtensions this knows what template.yaml uses: loops over lists that are written out, not nested,
    whose identifier stands in logical ids, in `Fn::Sub`, or as `Ref`. Anything else it leaves as it is, as
    CloudFormation does, so that it is seen to be wrong. tests/template/test_expanded_template.py holds it to the
    emulator's implementation, which was measured against AWS.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
    """
    expanded: dict[str, Any] = {}
    for name, resource in resources.items():
        if not name.startswith(LOOP):
            expanded[name] = resource
            continue
        identifier, entries, fragment = resource
        for entry in entries:
            for key, value in fragment.items():
                expanded[_filled(key, identifier, entry)] = _of_entry(value, identifier, entry, mappings)
    return expanded


def _of_entry(node: Any, identifier: str, entry: str, mappings: Mapping[str, Any]) -> Any:
    """What a loop's fragment, or a part of it, is for one entry of its list."""
    if isinstance(node, list):
        return [_of_entry(each, identifier, entry, mappings) for each in node]
    if not isinstance(node, dict):
        return node
    made = {key: _of_entry(value, identifier, entry, mappings) for key, value in node.items()}
    match made:
        case {"Ref": str(name)} if name == identifier:
            return entry
        case {"Ref": {"Fn::Sub": str(name)}} if "${" not in name:
            return {"Ref": name}
        case {"Fn::Sub": str(text)}:
            return {"Fn::Sub": _filled(text, identifier, entry)}
        case {"Fn::GetAtt": [{"Fn::Sub": str(name)}, attribute]} if "${" not in name:
            return {"Fn::GetAtt": [name, attribute]}
        case {"Fn::FindInMap": [str(mapping), str(top), str(second)]}:
            return mappings[mapping][top][second]
    return made


def _filled(text: str, identifier: str, entry: str) -> str:
    return re.sub(rf"\$\{{{re.escape(identifier)}\}}", entry, text)
