"""What makes the emulator do as AWS does."""

import json
import string

import pytest

from local.corrections import (
    authorized_as_on_aws,
    retrying_failed_stream_records,
    secret_by_arn,
    sent_from_an_identity,
    without_punctuation,
)

STREAM_BATCH = {"Records": [{"eventSource": "aws:dynamodb"}]}
FAILURES = {"batchItemFailures": [{"itemIdentifier": "1"}]}


def test_a_stream_batch_with_failed_records_counts_as_failed():
    invoke = retrying_failed_stream_records(lambda _function, _event: {"body": FAILURES})

    assert invoke({}, STREAM_BATCH)["error"] is True


@pytest.mark.parametrize(
    ("event", "result"),
    [
        (STREAM_BATCH, {"body": {"batchItemFailures": []}}),
        (STREAM_BATCH, {"body": None}),
        (STREAM_BATCH, {"error": True, "body": {"errorType": "E"}}),
        ({"Records": [{"eventSource": "aws:sqs"}]}, {"body": FAILURES}),
        ({"requestContext": {}}, {"body": FAILURES}),
    ],
)
def test_every_other_result_stays_as_it_is(event, result):
    invoke = retrying_failed_stream_records(lambda _function, _event: result)

    assert invoke({}, event) == result


@pytest.mark.parametrize(
    ("asked", "checked"),
    [
        ("sqs:SendMessageBatch", "sqs:SendMessage"),
        ("sqs:DeleteMessageBatch", "sqs:DeleteMessage"),
        ("sqs:ChangeMessageVisibilityBatch", "sqs:ChangeMessageVisibility"),
        ("sqs:SendMessage", "sqs:SendMessage"),
        ("dynamodb:BatchWriteItem", "dynamodb:BatchWriteItem"),
        (None, None),
    ],
)
def test_a_batch_of_messages_needs_the_permission_for_one(asked, checked):
    action_of = authorized_as_on_aws(lambda _call: asked)

    assert action_of("call") == checked


@pytest.mark.parametrize("sender", ["tocsin@example.com", "Tocsin <tocsin@example.com>"])
def test_sending_mail_needs_the_permission_on_its_sender(sender):
    resource_of = sent_from_an_identity(lambda *_call: "*")
    body = json.dumps({"FromEmailAddress": sender}).encode()

    resource = resource_of("ses", "POST", "/v2/email/outbound-emails", {}, body, {}, "us-east-1", "000000000000")

    assert resource == "arn:aws:ses:us-east-1:000000000000:identity/tocsin@example.com"


@pytest.mark.parametrize(
    "call",
    [
        ("ses", "GET", "/v2/email/identities", {}, b"", {}, "us-east-1", "000000000000"),
        ("sqs", "POST", "/", {}, b"{}", {}, "us-east-1", "000000000000"),
    ],
)
def test_other_calls_need_what_they_needed(call):
    assert sent_from_an_identity(lambda *_call: "as before")(*call) == "as before"


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
