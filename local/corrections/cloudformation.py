"""What CloudFormation makes of a template's properties."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import cast

type Provisioned = tuple[str, dict[str, str]]


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


def _given(
    handler: dict[str, object], properties_of: Callable[[dict[str, object]], dict[str, object]]
) -> dict[str, object]:
    """A handler that makes and changes its resource by what `properties_of` makes of the template's properties."""
    create = cast("Callable[..., Provisioned]", handler["create"])
    update = cast("Callable[..., Provisioned]", handler["update"])

    return {
        **handler,
        "create": lambda name, given, *rest, **named: create(name, properties_of(given), *rest, **named),
        "update": lambda place, old, new, *rest, **named: update(
            place, properties_of(old), properties_of(new), *rest, **named
        ),
    }


def without_an_identity_source(handler: dict[str, object]) -> dict[str, object]:
    """Makes a Lambda authorizer that names no identity source have none, where the emulator gives it a header.

    With one, requests without that header never reach the authorizer, and get the gateway's own words.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-authorizer.html
    """

    def named(properties: dict[str, object]) -> dict[str, object]:
        return {"IdentitySource": [], **properties} if properties.get("AuthorizerType") == "REQUEST" else properties

    return _given(handler, named)


def with_its_cors_configuration(handler: dict[str, object]) -> dict[str, object]:
    """Makes an HTTP API answer browsers as its template says: the emulator overlooks CloudFormation's spelling.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-apigatewayv2-api-cors.html
    """

    def spelled(properties: dict[str, object]) -> dict[str, object]:
        cors = properties.get("CorsConfiguration")
        if not isinstance(cors, dict):
            return properties
        return {**properties, "CorsConfiguration": {name[0].lower() + name[1:]: value for name, value in cors.items()}}

    return _given(handler, spelled)


def with_its_recursive_loop(
    handler: dict[str, object], put: Callable[[str, dict[str, str]], object]
) -> dict[str, object]:
    """Makes a function's RecursiveLoop what its template says, which the emulator's CloudFormation overlooks.

    `put` is the emulator's PutFunctionRecursionConfig: a function's name, and the setting.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html
    """
    create = cast("Callable[..., Provisioned]", handler["create"])
    update = cast("Callable[..., Provisioned]", handler["update"])

    def set_for(made: Provisioned, properties: dict[str, object]) -> Provisioned:
        put(made[0], {"RecursiveLoop": str(properties.get("RecursiveLoop", "Terminate"))})
        return made

    return {
        **handler,
        "create": lambda name, properties, *rest: set_for(create(name, properties, *rest), properties),
        "update": lambda place, old, new, *rest, **named: set_for(update(place, old, new, *rest, **named), new),
    }


def logged_by_the_accounts_role(handler: dict[str, object], may_log: Callable[[str], bool]) -> dict[str, object]:
    """Makes a WebSocket API's stage that is to write logs fail where the account's settings name no role for that.

    An HTTP API's stage needs none. `may_log` says of an API, by its id, whether its stages may.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html
    The words are API Gateway's: github.com/anomalyco/sst/issues/1556, github.com/aws/aws-cdk/pull/33977.
    """
    create = cast("Callable[..., Provisioned]", handler["create"])
    update = cast("Callable[..., Provisioned]", handler["update"])

    def checked(properties: dict[str, object]) -> dict[str, object]:
        if properties.get("AccessLogSettings") and not may_log(str(properties.get("ApiId"))):
            raise ValueError("CloudWatch Logs role ARN must be set in account settings to enable logging")
        return properties

    return {
        **handler,
        "create": lambda name, given, *rest, **named: create(name, checked(given), *rest, **named),
        "update": lambda place, old, new, *rest, **named: update(place, old, checked(new), *rest, **named),
    }


def with_metric_math(handler: dict[str, object]) -> dict[str, object]:
    """Makes an alarm on metric math, which the emulator's CloudFormation refuses, be there; it is never evaluated.

    It stands for its first metric, and its actions are off.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html
    """

    def plain(properties: dict[str, object]) -> dict[str, object]:
        metrics = properties.get("Metrics")
        if not isinstance(metrics, list):
            return properties
        stat = next(each["MetricStat"] for each in metrics if "MetricStat" in each)
        others = {name: value for name, value in properties.items() if name != "Metrics"}
        return {
            **others,
            **stat["Metric"],
            "Statistic": stat["Stat"],
            "Period": stat["Period"],
            "ActionsEnabled": False,
        }

    return _given(handler, plain)
