"""What roles of functions allow: named actions on named resources, each for Lambda alone."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.template.resources import FUNCTIONS, name_in, of_type

ROLES = of_type("AWS::IAM::Role")


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    for role, properties in ROLES.items():
        for policy in properties.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield role, statement


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_two_functions_share_a_role_and_none_has_managed_policies(function: str) -> None:
    role = name_in(FUNCTIONS[function]["Role"])

    assert [name_in(each["Role"]) for each in FUNCTIONS.values()].count(role) == 1
    assert "ManagedPolicyArns" not in ROLES[role]
    assert "Policies" not in FUNCTIONS[function]


CAN_NAME_NO_RESOURCE = {"cloudwatch:GetMetricData", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}
"""https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html"""


@pytest.mark.parametrize(("role", "statement"), list(statements()))
def test_a_statement_allows_named_actions_on_named_resources(role: str, statement: dict[str, Any]) -> None:
    assert statement["Effect"] == "Allow"
    assert statement["Sid"]
    assert not [action for action in listed(statement["Action"]) if "*" in action]
    resources = [resource for resource in listed(statement["Resource"]) if isinstance(resource, str)]
    unnamed = set(statement["Action"]) <= CAN_NAME_NO_RESOURCE
    assert resources == (["*"] if unnamed else []), "resources are references, never text with a wildcard"


def test_only_what_has_no_name_before_it_exists_is_named_with_a_wildcard() -> None:
    wild = [
        (role, statement["Sid"])
        for role, statement in statements()
        for resource in listed(statement["Resource"])
        if isinstance(resource, dict) and "*" in str(resource)
    ]

    # a table's stream has the time of its making in its name; ListStreams takes no narrower resource. Mail is sent from
    # one address, by a condition, whichever identity it belongs to.
    # A connection's id is made when it opens, a file's name when it is asked for.
    assert set(wild) <= {
        *((role, "ListStreams") for role in ("MatcherRole", "RollupRole")),
        ("EmailRole", "SendMail"),
        *((role, "Push") for role in ("MatcherRole", "InboxRole", "ApiRole", "WebsocketRole")),
        ("WebsocketRole", "EndConnection"),
        *(("ApiRole", "ReadExports"), ("JobsRole", "WriteExports")),
    }


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_for_lambda_alone(role: str) -> None:
    (statement,) = ROLES[role]["AssumeRolePolicyDocument"]["Statement"]

    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
