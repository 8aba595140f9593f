"""template.yaml as it is written, and its resources by type."""

from typing import Any

from tests.expanded_template import expanded_template

TEMPLATE: dict[str, Any] = expanded_template()
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
GLOBALS: dict[str, Any] = TEMPLATE["Globals"]["Function"]


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """{logical id: properties} of the resources of a type."""
    return {name: each.get("Properties", {}) for name, each in RESOURCES.items() if each["Type"] == kind}


FUNCTIONS = of_type("AWS::Serverless::Function")


def name_in(value: Any) -> str:
    """The logical id that a `!GetAtt X.Y` or `!Ref X` names."""
    if isinstance(value, dict):
        (inner,) = value.values()
        return str(inner[0] if isinstance(inner, list) else inner).split(".")[0]
    return str(value)
