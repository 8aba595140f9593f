"""Each permission of each function's role, as template.yaml grants it, and taking one away on the emulator."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from local.stack import LocalStack
from tests.expanded_template import expanded_template

# What the emulator can't show, by statement and action ("*" for all of its actions), and why. Each of these is used
# by Lambda itself rather than by a function's code. tests/template/test_lambda_permissions.py says that exactly
# those that Lambda needs are there.
NOT_SHOWN = {
    ("Log", "*"): "the emulator writes functions' logs itself, without their roles",
    ("Trace", "*"): "the emulator has no X-Ray",
    ("ReadStream", "*"): "the emulator's stream mapping reads the table's changes in memory, without the role",
    ("ListStreams", "*"): "the emulator's stream mapping is told its stream and looks for none",
    ("SayWhatStreamLost", "*"): "the emulator puts into a mapping's on-failure queue itself, without the role",
    ("KeepWhatFails", "*"): "the emulator puts into a function's on-failure queue itself, without the role",
    ("ReceiveWork", "*"): "the emulator's queue mapping reads the queue in memory, without the role",
    ("Receive", "*"): "the emulator's queue mapping reads the queue in memory, without the role",
}

# What statements may be conditioned on: what the emulator looks at (local/corrections/iam.py, ses.py).
CONDITIONS_SHOWN = frozenset({"dynamodb:LeadingKeys", "ses:FromAddress"})


@dataclass(frozen=True)
class Permission:
    """One action on one resource, granted by one statement of a function's role."""

    function: str  # api, authorizer, …
    statement: str  # its Sid
    action: str
    resource: str  # as the template names it, shortened: DeliveriesTable, DeliveriesTable/index/by-due
    position: int  # of the resource in its statement
    resources: int  # how many the statement has

    def __str__(self) -> str:
        """The test's id."""
        name = f"{self.function}-{self.statement}-{self.action}"
        return f"{name}-{self.resource}" if self.resources > 1 else name

    @property
    def why_not_shown(self) -> str | None:
        """Why the emulator can't show that it is needed; None where it can."""
        return NOT_SHOWN.get((self.statement, "*")) or NOT_SHOWN.get((self.statement, self.action))


@cache
def template() -> dict[str, Any]:
    """template.yaml, expanded, with intrinsic functions as their short forms spell them: !GetAtt A.B is "A.B"."""
    read: dict[str, Any] = _spelled(expanded_template())
    return read


def _spelled(node: Any) -> Any:
    """`node` with the argument of each intrinsic function in its place."""
    if isinstance(node, list):
        return [_spelled(each) for each in node]
    if not isinstance(node, dict):
        return node
    spelled = {key: _spelled(value) for key, value in node.items()}
    match list(spelled.items()):
        case [("Fn::GetAtt", [name, attribute])]:
            return f"{name}.{attribute}"
        case [(key, argument)] if key == "Ref" or key.startswith("Fn::"):
            return argument
    return spelled


def functions() -> dict[str, dict[str, Any]]:
    """The properties of each function of the template, by its short name."""
    return {
        properties["FunctionName"].removeprefix("${AWS::StackName}-"): properties
        for resource in template()["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
        for properties in [resource["Properties"]]
    }


def statements(function: str) -> list[dict[str, Any]]:
    """The statements of a function's role."""
    role = template()["Resources"][functions()[function]["Role"].removesuffix(".Arn")]
    return [
        statement for policy in role["Properties"]["Policies"] for statement in policy["PolicyDocument"]["Statement"]
    ]


def permissions() -> list[Permission]:
    """Every permission of every function's role."""
    return [
        Permission(function, statement["Sid"], action, short_name(resource), position, len(resources))
        for function in functions()
        for statement in statements(function)
        for resources in [as_list(statement["Resource"])]
        for action in as_list(statement["Action"])
        for position, resource in enumerate(resources)
    ]


def as_list(value: Any) -> list[Any]:
    """IAM's "one or a list" as a list; what `!Sub` is given (a text and its variables) is one."""
    if isinstance(value, list) and not (len(value) == 2 and isinstance(value[1], dict)):
        return value
    return [value]


def short_name(resource: object) -> str:
    """A readable name of a resource: the logical name that is in it, and what follows."""
    text = resource[0] if isinstance(resource, list) else str(resource)
    name = text.removesuffix(".Arn").replace("${", "").replace(".Arn}", "").replace("}", "")
    if "/@connections/" in name:  # of a WebSocket API's connections: what is done to them, POST/@connections/*
        return "/".join(name.split("/")[-3:])
    return name.rpartition("/")[2] if name.startswith("arn:") else name


@contextmanager
def without(stack: LocalStack, permission: Permission) -> Iterator[None]:
    """Takes the permission from the deployed role meanwhile, and leaves it every other one."""
    role = _role_name(stack, permission.function)
    iam = stack.aws.iam
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    whole: Any = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    try:
        _put(stack, role, name, {**whole, "Statement": list(_less(whole["Statement"], permission))})
        yield
    finally:
        _put(stack, role, name, whole)


def _put(stack: LocalStack, role: str, name: str, document: dict[str, Any]) -> None:
    stack.aws.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def _less(granted: list[dict[str, Any]], permission: Permission) -> Iterator[dict[str, Any]]:
    for statement in granted:
        if statement["Sid"] != permission.statement:
            yield statement
            continue
        actions, resources = _plain_list(statement["Action"]), _plain_list(statement["Resource"])
        assert permission.action in actions
        others = [action for action in actions if action != permission.action]
        elsewhere = [resource for number, resource in enumerate(resources) if number != permission.position]
        if others:
            yield {**statement, "Action": others}
        if elsewhere:
            yield {
                **statement,
                "Sid": f"{statement['Sid']}Elsewhere",
                "Action": [permission.action],
                "Resource": elsewhere,
            }


def _plain_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _role_name(stack: LocalStack, function: str) -> str:
    name = f"{stack.deployed.stack_name}-{function}"
    return stack.aws.awslambda.get_function_configuration(FunctionName=name)["Role"].rpartition("/")[2]
