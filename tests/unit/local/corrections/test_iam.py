"""What IAM is asked about."""

import json

import pytest

from local.corrections.iam import (
    LeadingKeys,
    authorized_as_on_aws,
    leading_keys,
    log_groups_with_their_streams,
)


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


def hash_key(table, index):
    """Of the tables `events` and `config`, and of the index of events."""
    return {("events", None): "pk", ("config", None): "pk", ("events", "by-user"): "user"}.get((table, index))


@pytest.mark.parametrize(
    ("request_", "keys"),
    [
        ({"TableName": "events", "Key": {"pk": {"S": "a"}, "sk": {"S": "1"}}}, {"events": ["a"]}),
        ({"TableName": "events", "Item": {"pk": {"N": "7"}}}, {"events": ["7"]}),
        ({"TableName": "arn:aws:dynamodb:r:1:table/events", "Key": {"pk": {"S": "a"}}}, {"events": ["a"]}),
        ({"TableName": "others", "Key": {"pk": {"S": "a"}}}, {}),
        ({"TableName": "events"}, {}),
        (
            {
                "TableName": "events",
                "KeyConditionExpression": "sk BETWEEN :x AND :y AND #p=:p",
                "ExpressionAttributeNames": {"#p": "pk"},
                "ExpressionAttributeValues": {":p": {"S": "a"}, ":x": {"S": "1"}, ":y": {"S": "2"}},
            },
            {"events": ["a"]},
        ),
        (
            {
                "TableName": "events",
                "IndexName": "by-user",
                "KeyConditionExpression": "user = :u AND sk <= :x",
                "ExpressionAttributeValues": {":u": {"S": "u"}, ":x": {"S": "1"}},
            },
            {"events": ["u"]},
        ),
        (
            {"TableName": "events", "KeyConditions": {"pk": {"AttributeValueList": [{"S": "a"}]}}},
            {"events": ["a"]},
        ),
        (
            {"RequestItems": {"events": {"Keys": [{"pk": {"S": "a"}}, {"pk": {"S": "b"}}]}, "others": {"Keys": []}}},
            {"events": ["a", "b"]},
        ),
        (
            {
                "RequestItems": {
                    "events": [
                        {"PutRequest": {"Item": {"pk": {"S": "a"}}}},
                        {"DeleteRequest": {"Key": {"pk": {"S": "b"}}}},
                    ]
                }
            },
            {"events": ["a", "b"]},
        ),
        (
            {
                "TransactItems": [
                    {"Put": {"TableName": "events", "Item": {"pk": {"S": "a"}}}},
                    {"Get": {"TableName": "events", "Key": {"pk": {"S": "b"}}}},
                ]
            },
            {"events": ["a", "b"]},
        ),
        (
            {
                "TransactItems": [
                    {"Put": {"TableName": "config", "Item": {"pk": {"S": "a"}}}},
                    {"Delete": {"TableName": "config", "Key": {"pk": {"S": "b"}}}},
                    {"Put": {"TableName": "events", "Item": {"pk": {"S": "c"}}}},
                ]
            },
            {"config": ["a", "b"], "events": ["c"]},
        ),
        (
            {
                "Statements": [
                    {
                        "Statement": """INSERT INTO "events" VALUE {'sk':?,'pk':?}""",
                        "Parameters": [{"S": "1"}, {"S": key}],
                    }
                    for key in "ab"
                ]
            },
            {"events": ["a", "b"]},
        ),
        ({"Statements": [{"Statement": "SELECT * FROM events"}]}, {}),
    ],
)
def test_the_leading_keys_of_a_call_are_the_partition_keys_that_it_is_about(request_, keys):
    assert leading_keys(request_, hash_key) == keys


def test_a_check_of_a_table_is_given_its_own_keys_beside_what_it_had():
    seen = []
    keys = LeadingKeys(hash_key)
    context_of = keys.reading(lambda _body: {"dynamodb:Select": "ALL_ATTRIBUTES"})
    check = keys.enforcing(lambda *_call, **options: seen.append(options["service_context"]))
    body = json.dumps({"TableName": "events", "Key": {"pk": {"S": "a"}}}).encode()

    context = context_of(body)
    for table in ("events/index/by-user", "others"):
        arn = f"arn:aws:dynamodb:r:1:table/{table}"
        check("key", "dynamodb:GetItem", "dynamodb", "r", resource_arn=arn, service_context=context)

    assert seen == [context | {"dynamodb:LeadingKeys": ["a"]}, context]


def test_a_body_that_is_no_json_has_no_keys():
    keys = LeadingKeys(hash_key)
    keys.reading(lambda _body: {})(b"no")

    assert keys.enforcing(lambda *_call, **options: options["service_context"])("k", "a", "dynamodb", "r") is None


@pytest.mark.parametrize(
    ("operation", "asked"),
    [
        ("FilterLogEvents", "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/x:*"),
        ("ListTagsForResource", "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/x"),
    ],
)
def test_a_log_group_is_asked_about_with_its_streams_but_for_its_tags(operation: str, asked: str) -> None:
    def found(*_: object) -> str:
        return "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/x"

    headers = {"x-amz-target": f"Logs_20140328.{operation}"}

    assert log_groups_with_their_streams(found)("logs", "POST", "/", headers, b"{}") == asked


def test_what_is_no_log_group_is_asked_about_as_it_was() -> None:
    assert log_groups_with_their_streams(lambda *_: "*")("logs", "POST", "/", {}) == "*"
