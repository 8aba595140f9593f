"""Calls that go to moto without a network say what calls say that go the whole way: see tests/quick_calls.py."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from tests import quick_calls, quick_items
from tests.integration.conftest import Stack

ITEM: dict[str, Any] = {
    "pk": {"S": "a"},
    "sk": {"S": "1"},
    "number": {"N": "12.50"},
    "bytes": {"B": b"\x00\xff"},
    "yes": {"BOOL": True},
    "no": {"BOOL": False},
    "nothing": {"NULL": True},
    "words": {"SS": ["x", "y"]},
    "numbers": {"NS": ["1", "2"]},
    "pieces": {"BS": [b"\x01", b"\x02"]},
    "empty": {"S": ""},
    "list": {"L": [{"S": "x"}, {"M": {"deep": {"L": [{"B": b"b"}, {"N": "3"}]}}}, {"L": []}]},
    "map": {"M": {"inner": {"M": {}}, "text": {"S": "ä\u2028"}}},
}
KEY = {"pk": ITEM["pk"], "sk": ITEM["sk"]}
UPDATE = {
    "UpdateExpression": "SET #n = if_not_exists(#n, :zero) + :one, #m.added = :one REMOVE #l[0] ADD words :words",
    "ExpressionAttributeNames": {"#n": "counted", "#m": "map", "#l": "list"},
    "ExpressionAttributeValues": {":zero": {"N": "0"}, ":one": {"N": "1"}, ":words": {"SS": ["z"]}},
}
ABSENT = {"ConditionExpression": "attribute_not_exists(pk)"}
TABLE = {"TableName": "events"}


def transaction(*members: dict[str, Any]) -> dict[str, Any]:
    return {"TransactItems": list(members)}


def insert(sk: str) -> dict[str, Any]:
    item = ITEM | {"sk": {"S": sk}}
    names = ",".join(f"'{name}':?" for name in item)
    return {"Statement": f'INSERT INTO "events" VALUE {{{names}}}', "Parameters": list(item.values())}


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("put_item", TABLE | {"Item": ITEM}),
    ("put_item", TABLE | {"Item": KEY} | ABSENT),
    ("put_item", TABLE | {"Item": KEY, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"} | ABSENT),
    ("get_item", TABLE | {"Key": KEY, "ConsistentRead": True}),
    ("get_item", TABLE | {"Key": KEY, "ProjectionExpression": "pk, bytes"}),
    ("get_item", TABLE | {"Key": KEY | {"sk": {"S": "absent"}}}),
    ("update_item", TABLE | {"Key": KEY, "ReturnValues": "ALL_NEW"} | UPDATE),
    ("update_item", TABLE | {"Key": KEY, "ReturnValues": "UPDATED_OLD"} | UPDATE),
    ("update_item", TABLE | {"Key": KEY, "UpdateExpression": "SET pk = :x"}),
    ("update_item", TABLE | {"Key": KEY, "UpdateExpression": "SET ("}),
    ("update_item", TABLE | {"Key": KEY} | UPDATE | {"ConditionExpression": "counted > :zero AND counted < :one"}),
    ("batch_get_item", {"RequestItems": {"events": {"Keys": [KEY, KEY | {"sk": {"S": "2"}}]}}}),
    ("batch_write_item", {"RequestItems": {"events": [{"PutRequest": {"Item": ITEM | {"sk": {"S": "2"}}}}]}}),
    ("batch_execute_statement", {"Statements": [insert("1"), insert("4"), insert("4")]}),
    (
        "query",
        TABLE
        | {"KeyConditionExpression": "pk = :p AND sk > :s", "ReturnConsumedCapacity": "TOTAL"}
        | {"ExpressionAttributeValues": {":p": {"S": "a"}, ":s": {"S": "0"}}, "Limit": 1},
    ),
    ("scan", TABLE | {"FilterExpression": "bytes = :b", "ExpressionAttributeValues": {":b": {"B": b"\x00\xff"}}}),
    ("transact_write_items", transaction({"Put": TABLE | {"Item": KEY} | ABSENT}, {"Delete": TABLE | {"Key": KEY}})),
    ("transact_write_items", transaction({"Put": TABLE | {"Item": ITEM | {"sk": {"S": "3"}}} | ABSENT})),
    ("delete_item", TABLE | {"Key": KEY, "ReturnValues": "ALL_OLD"}),
    ("get_item", {"TableName": "nowhere", "Key": KEY}),
    ("get_item", TABLE | {"Key": {"pk": {"S": "a"}}}),
    ("get_item", TABLE | {"Key": {"pk": "a"}}),
    ("describe_table", TABLE),
]


@pytest.fixture
def plainly(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """`plainly()` has calls go the whole way from then on."""

    def switch() -> None:
        for (owner, name), plain in (quick_calls.PLAIN | quick_items.PLAIN).items():
            monkeypatch.setattr(owner, name, plain)

    yield switch
    monkeypatch.undo()


def said(client: Any, calls: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    """What each call answers or raises, but for what is each answer's own."""
    found: list[Any] = []
    for operation, arguments in calls:
        try:
            answer = getattr(client, operation)(**arguments)
        except ClientError as error:
            answer = error.response | {"raised": type(error).__name__, "text": str(error)}
        except ParamValidationError as error:
            answer = {"raised": str(error), "ResponseMetadata": {}}
        metadata = answer.pop("ResponseMetadata")
        answer["status"] = metadata.get("HTTPStatusCode"), metadata.get("RetryAttempts")
        for part in (answer, answer.get("Table", {}), *answer.get("Successful", [])):
            for own in ("CreationDateTime", "TableId", "LatestStreamLabel", "LatestStreamArn", "MessageId"):
                part.pop(own, None)
        found.append(answer)
    return found


def test_dynamodb_says_the_same(stack: Stack, plainly: Callable[[], None]) -> None:
    quick = said(stack.dynamodb, CALLS)
    for sk in ("1", "2", "3", "4"):
        stack.dynamodb.delete_item(TableName="events", Key=KEY | {"sk": {"S": sk}})
    plainly()
    plain = said(stack.dynamodb, CALLS)

    for call, one, other in zip(CALLS, quick, plain, strict=True):
        assert one == other, call
    assert {answer.get("raised") for answer in plain} >= {None, "ConditionalCheckFailedException"}


def test_items_are_read_as_a_scan_has_them(stack: Stack) -> None:
    stack.dynamodb.put_item(TableName="events", Item=ITEM)

    assert stack.items("events") == stack.dynamodb.scan(TableName="events")["Items"] == [ITEM]


def test_sqs_says_the_same(stack: Stack, plainly: Callable[[], None]) -> None:
    url = stack.queues["Webhook"]
    attributes = {
        "kind": {"DataType": "String", "StringValue": "x"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\xff"},
    }
    calls: list[tuple[str, dict[str, Any]]] = [
        ("send_message", {"QueueUrl": url, "MessageBody": "ä", "MessageAttributes": attributes}),
        ("send_message", {"QueueUrl": url, "MessageBody": "\x00"}),
        (
            "send_message_batch",
            {"QueueUrl": url, "Entries": [{"Id": "1", "MessageBody": "one"}, {"Id": "2", "MessageBody": "\x01"}]},
        ),
        ("get_queue_attributes", {"QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages"]}),
        ("get_queue_url", {"QueueName": "Webhook"}),
        ("get_queue_attributes", {"QueueUrl": f"{url}-not", "AttributeNames": ["All"]}),
    ]

    quick, quick_bodies = said(stack.sqs, calls), received(stack, url)
    plainly()
    plain, plain_bodies = said(stack.sqs, calls), received(stack, url)

    assert quick == plain
    assert quick_bodies == plain_bodies == [("one", None), ("ä", attributes)]


def received(stack: Stack, url: str) -> list[tuple[str, Any]]:
    """The messages of a queue, which are taken: body and attributes."""
    found: list[tuple[str, Any]] = []
    while messages := stack.sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages"):
        for message in messages:
            found.append((message["Body"], message.get("MessageAttributes")))
            stack.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return sorted(found)
