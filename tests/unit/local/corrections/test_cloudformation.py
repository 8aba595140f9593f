"""What CloudFormation makes of a template's properties."""

import string

import pytest

from local.corrections.cloudformation import (
    logged_by_the_accounts_role,
    secret_by_arn,
    with_its_recursive_loop,
    with_metric_math,
    without_punctuation,
)


def test_a_secret_without_punctuation_has_none():
    asked = []
    secret_of = without_punctuation(lambda properties: asked.append(properties) or "")

    secret_of({"GenerateSecretString": {"ExcludePunctuation": True, "ExcludeCharacters": "Ol"}})

    assert asked[0]["GenerateSecretString"]["ExcludeCharacters"] == "Ol" + string.punctuation


@pytest.mark.parametrize("properties", [{"SecretString": "s"}, {"GenerateSecretString": {"PasswordLength": 8}}])
def test_other_secrets_are_made_as_they_were(properties):
    asked = []

    without_punctuation(lambda given: asked.append(given) or "")(properties)

    assert asked == [properties]


SECRET_ARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:tocsin-AdminKey-1-a1b2c3"


def test_a_secret_is_known_by_its_arn():
    called = []
    handler = secret_by_arn(
        {
            "create": lambda *_arguments: ("tocsin-AdminKey-1", {"Arn": SECRET_ARN}),
            "update": lambda name, *_rest, **_options: (called.append(name) or name, {"Arn": SECRET_ARN}),
            "delete": lambda name, _properties: called.append(name),
            "update_with_logical_id": True,
        }
    )

    made, _ = handler["create"]("AdminKey", {}, "tocsin")
    kept, _ = handler["update"](made, {}, {}, "tocsin", logical_id="AdminKey")
    handler["delete"](kept, {})

    assert made == kept == SECRET_ARN
    assert called == ["tocsin-AdminKey-1", "tocsin-AdminKey-1"]
    assert handler["update_with_logical_id"] is True


def test_a_function_may_loop_as_its_template_says_and_not_any_more_once_it_does_not():
    told = []
    made = ("tocsin-matcher", {"Arn": "arn"})
    handler = with_its_recursive_loop(
        {"create": lambda *_arguments: made, "update": lambda *_arguments, **_options: made, "delete": None},
        lambda name, setting: told.append((name, setting["RecursiveLoop"])),
    )

    created = handler["create"]("Matcher", {"RecursiveLoop": "Allow"}, "tocsin")
    updated = handler["update"]("tocsin-matcher", {"RecursiveLoop": "Allow"}, {}, "tocsin", logical_id="Matcher")

    assert created == updated == made
    assert told == [("tocsin-matcher", "Allow"), ("tocsin-matcher", "Terminate")]


def test_a_websocket_apis_stage_writes_logs_only_where_the_account_has_a_role_for_that():
    made = []
    handler = logged_by_the_accounts_role(
        {
            "create": lambda _name, properties, *_rest: made.append(properties) or ("stage", {}),
            "update": lambda _place, _old, new, *_rest, **_options: made.append(new) or ("stage", {}),
        },
        {"http": True, "live": False}.__getitem__,
    )
    logging = {"AccessLogSettings": {"DestinationArn": "arn"}}
    fine = [{"ApiId": "http", **logging}, {"ApiId": "live"}]

    for properties in fine:
        handler["create"]("Stage", properties, "tocsin")
    with pytest.raises(ValueError, match="role ARN must be set in account settings"):
        handler["create"]("Stage", {"ApiId": "live", **logging}, "tocsin")
    with pytest.raises(ValueError, match="role ARN must be set in account settings"):
        handler["update"]("stage", fine[1], {"ApiId": "live", **logging}, "tocsin", logical_id="Stage")

    assert made == fine


def test_an_alarm_on_metric_math_is_there_without_its_actions_and_others_are_as_they_were():
    made = []
    handler = with_metric_math(
        {
            "create": lambda _name, properties, *_rest: made.append(properties) or ("alarm", {}),
            "update": lambda _place, _old, new, *_rest, **_options: made.append(new) or ("alarm", {}),
        }
    )
    metric = {"MetricName": "Errors", "Namespace": "AWS/Lambda", "Dimensions": []}
    stat = {"Id": "errors", "ReturnData": False, "MetricStat": {"Stat": "Sum", "Period": 60, "Metric": metric}}
    math = {"Threshold": 0, "Metrics": [{"Id": "sum", "Expression": "FILL(errors, 0)"}, stat]}
    plain = {"Threshold": 0, "MetricName": "Errors"}

    handler["create"]("Alarm", math, "tocsin")
    handler["update"]("alarm", math, plain, "tocsin", logical_id="Alarm")

    assert made == [{"Threshold": 0, **metric, "Statistic": "Sum", "Period": 60, "ActionsEnabled": False}, plain]
