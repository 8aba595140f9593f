"""What Lambda itself does with functions' roles: the permissions that no test on the emulator can miss.

The emulator writes logs, reads streams and queues, and keeps what failed without asking the role. So this says
that exactly those permissions are granted that AWS asks for, from what the template has each function triggered by.

https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-eventsourcemapping.html (permissions)
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html (permissions)
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html (destinations)
https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html (execution role permissions)
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.stack.permissions import (
    CONDITIONS_SHOWN,
    NOT_SHOWN,
    Permission,
    functions,
    permissions,
    statements,
    template,
)

READS_QUEUE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
READS_STREAM = ("dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream")
WRITES_TRACES = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
WRITES_LOG = ("logs:CreateLogStream", "logs:PutLogEvents")


def needed(function: str) -> Iterator[tuple[str, str]]:
    """(action, resource) of all that Lambda does with the function's role."""
    properties = functions()[function]
    yield from ((action, properties["LoggingConfig"]["LogGroup"]) for action in WRITES_LOG)
    if template()["Globals"]["Function"].get("Tracing"):  # the parameter says whether it does
        yield from ((action, "*") for action in WRITES_TRACES)
    kept = [properties.get("EventInvokeConfig", {})]
    for event in properties.get("Events", {}).values():
        given = event["Properties"]
        if event["Type"] == "SQS":
            yield from ((action, _name(given["Queue"])) for action in READS_QUEUE)
            kept.append(given)
    for stream in _streams(function):
        table = stream["EventSourceArn"].removesuffix(".StreamArn")
        yield from ((action, f"{table}.StreamArn") for action in READS_STREAM)
        yield "dynamodb:ListStreams", f"{table}/stream/*"
        kept.append(stream)
    for configured in kept:
        destination = configured.get("DestinationConfig", {}).get("OnFailure")
        if destination is not None:
            yield "sqs:SendMessage", _name(destination["Destination"])


def _streams(function: str) -> list[dict[str, Any]]:
    """The mappings by which a function reads a stream: resources of their own."""
    resources = template()["Resources"]
    mappings = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Lambda::EventSourceMapping"]
    name = functions()[function]["FunctionName"]
    return [each for each in mappings if resources[each["FunctionName"]]["Properties"]["FunctionName"] == name]


def _name(attribute: str) -> str:
    return attribute.removesuffix(".Arn")


@pytest.mark.parametrize("function", functions())
def test_a_role_has_exactly_what_lambda_itself_needs_of_it(function: str) -> None:
    granted = {(each.action, each.resource) for each in permissions() if each.function == function and _unseen(each)}

    assert granted == set(needed(function))


def _unseen(permission: Permission) -> bool:
    return (permission.statement, "*") in NOT_SHOWN


@pytest.mark.parametrize("function", functions())
def test_what_a_condition_allows_is_what_the_statement_is_for(function: str) -> None:
    conditions = [statement["Condition"] for statement in statements(function) if "Condition" in statement]

    for condition in conditions:
        ((operator, keys),) = condition.items()
        ((key, _values),) = keys.items()
        assert key in CONDITIONS_SHOWN
        # a key of many values needs ForAllValues, one of a single value must not have it: it would hold without any
        assert operator == ("ForAllValues:StringLike" if key == "dynamodb:LeadingKeys" else "StringEquals")


def test_mail_is_sent_from_the_sender_alone_and_by_the_configuration_set_of_the_stack() -> None:
    (statement,) = [each for each in statements("email") if each["Sid"] == "SendMail"]

    assert statement["Action"] == ["ses:SendEmail"]
    assert [each.partition("${AWS::AccountId}:")[2] for each in statement["Resource"]] == [
        "identity/*",
        "configuration-set/${AWS::StackName}-mail",
    ]
    assert statement["Condition"] == {"StringEquals": {"ses:FromAddress": ["HasMailSender", "MailSender", "none"]}}
    assert template()["Resources"]["MailConfigurationSet"]["Properties"]["Name"] == "${AWS::StackName}-mail"
