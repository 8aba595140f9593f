"""Where ministack 1.5.33 and AWS differ in ways that matter here, and what makes the emulator do as AWS does."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from email.utils import parseaddr
from typing import cast

type Invoke = Callable[[object, object], dict[str, object]]

# SQS's batch operations are not IAM actions of their own.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
_SQS_ACTIONS = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}


def authorized_as_on_aws[**P](action_of: Callable[P, str | None]) -> Callable[P, str | None]:
    """Makes a call of an SQS batch operation need the permission for the single one, and no other."""

    def action(*arguments: P.args, **options: P.kwargs) -> str | None:
        found = action_of(*arguments, **options)
        return _SQS_ACTIONS.get(found, found) if found else found

    return action


def sent_from_an_identity(
    resource_of: Callable[[str, str, str, dict[str, str], bytes, object, str, str], str],
) -> Callable[[str, str, str, dict[str, str], bytes, object, str, str], str]:
    """Makes sending mail need the permission on the sender's identity, where the emulator asks for any at all.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsimpleemailservicev2.html
    """

    def resource(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query: object,
        region: str,
        account: str,
    ) -> str:
        if (service, method, path) == ("ses", "POST", "/v2/email/outbound-emails"):
            _, sender = parseaddr(str(json.loads(body).get("FromEmailAddress", "")))
            return f"arn:aws:ses:{region}:{account}:identity/{sender}"
        return resource_of(service, method, path, headers, body, query, region, account)

    return resource


def without_punctuation(secret_of: Callable[[dict[str, object]], str]) -> Callable[[dict[str, object]], str]:
    """Makes a generated secret keep to ExcludePunctuation, which the emulator's CloudFormation overlooks.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-secretsmanager-secret-generatesecretstring.html
    """

    def secret(properties: dict[str, object]) -> str:
        wanted = properties.get("GenerateSecretString")
        if isinstance(wanted, dict) and wanted.get("ExcludePunctuation") in {True, "true"}:
            excluded = f"{wanted.get('ExcludeCharacters', '')}{string.punctuation}"
            properties = {**properties, "GenerateSecretString": {**wanted, "ExcludeCharacters": excluded}}
        return secret_of(properties)

    return secret


type Provisioned = tuple[str, dict[str, str]]


def secret_by_arn(handler: dict[str, object]) -> dict[str, object]:
    """Makes a secret's Ref its ARN, as CloudFormation has it, where the emulator gives its name.

    `handler` is what makes, changes and removes the resource: each by its physical id, which Ref returns.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html
    """
    create = cast("Callable[..., Provisioned]", handler["create"])
    update = cast("Callable[..., Provisioned]", handler["update"])
    delete = cast("Callable[[str, object], None]", handler["delete"])

    def by_arn(made: Provisioned) -> Provisioned:
        return made[1]["Arn"], made[1]

    def name(arn: str) -> str:
        return arn.partition(":secret:")[2].rpartition("-")[0]

    return {
        **handler,
        "create": lambda *arguments: by_arn(create(*arguments)),
        "update": lambda arn, *arguments, **options: by_arn(update(name(arn), *arguments, **options)),
        "delete": lambda arn, properties: delete(name(arn), properties),
    }


def without_an_identity_source(handler: dict[str, object]) -> dict[str, object]:
    """Makes a Lambda authorizer that names no identity source have none, where the emulator gives it a header.

    With one, requests without that header never reach the authorizer, and get the gateway's own words.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-authorizer.html
    """
    create = cast("Callable[..., Provisioned]", handler["create"])
    update = cast("Callable[..., Provisioned]", handler["update"])

    def named(properties: dict[str, object]) -> dict[str, object]:
        return {"IdentitySource": [], **properties} if properties.get("AuthorizerType") == "REQUEST" else properties

    return {
        **handler,
        "create": lambda name, properties, stack: create(name, named(properties), stack),
        "update": lambda place, old, new, stack: update(place, old, named(new), stack),
    }


def with_its_cors_configuration(handler: dict[str, object]) -> dict[str, object]:
    """Makes an HTTP API answer browsers as its template says: the emulator overlooks CloudFormation's spelling.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-apigatewayv2-api-cors.html
    """
    create = cast("Callable[..., Provisioned]", handler["create"])
    update = cast("Callable[..., Provisioned]", handler["update"])

    def spelled(properties: dict[str, object]) -> dict[str, object]:
        cors = properties.get("CorsConfiguration")
        if not isinstance(cors, dict):
            return properties
        return {**properties, "CorsConfiguration": {name[0].lower() + name[1:]: value for name, value in cors.items()}}

    return {
        **handler,
        "create": lambda name, properties, *rest, **named: create(name, spelled(properties), *rest, **named),
        "update": lambda place, old, new, *rest, **named: update(place, old, spelled(new), *rest, **named),
    }


def retrying_failed_stream_records(invoke: Invoke) -> Invoke:
    """Makes a stream batch that a function reported failures of (ReportBatchItemFailures) come again.

    The emulator honours partial batch responses for SQS but takes every answer to a DynamoDB stream batch for
    success, which would lose records here that AWS keeps. AWS resumes at the first failed record; resuming at
    the batch's first one, as after an error, is the same to a function that is idempotent.
    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """

    def invoke_and_look(function: object, event: object) -> dict[str, object]:
        result = invoke(function, event)
        if not result.get("error") and _is_stream_batch(event) and _reports_failures(result.get("body")):
            failure = {"errorType": "PartialBatchFailure", "errorMessage": "records of the batch failed"}
            return {**result, "error": True, "body": failure}
        return result

    return invoke_and_look


def _is_stream_batch(event: object) -> bool:
    match event:
        case {"Records": [{"eventSource": "aws:dynamodb"}, *_]}:
            return True
        case _:
            return False


def _reports_failures(body: object) -> bool:
    match body:
        case {"batchItemFailures": [_, *_]}:
            return True
        case _:
            return False
