"""What the meter counts of calls, held to DynamoDB's and SQS's rules."""

import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.corrections import moto_partiql
from local.cost.bill import Prices
from local.cost.meter import Meter

KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}
TABLE, INDEX = "dynamodb.write:things", "dynamodb.write:things/by-owner"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Any]]:
    """Clients of DynamoDB, with a table that has an index of keys by owner, and of SQS."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws(), moto_partiql.installed():
        dynamodb = boto3.client("dynamodb")
        text = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "owner")]
        keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
        index = {
            "IndexName": "by-owner",
            "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
        dynamodb.create_table(
            TableName="things",
            AttributeDefinitions=text,
            KeySchema=keys,
            BillingMode="PAY_PER_REQUEST",
            GlobalSecondaryIndexes=[index],
        )
        yield dynamodb, boto3.client("sqs")


def metered(dynamodb: Any, call: Any) -> dict[str, float]:
    meter = Meter(dynamodb, Prices.read().assumed)
    with meter.running():
        call()
    return {name: units for name, units in meter.usage.items() if units}


def put(dynamodb: Any, size: int, **more: Any) -> None:
    given = more.pop("given", {})
    dynamodb.put_item(TableName="things", Item=KEY | {"text": {"S": "x" * size}} | more, **given)


def test_a_write_costs_whole_kilobytes_of_the_larger_item(aws: Any) -> None:
    dynamodb, _ = aws

    assert metered(dynamodb, lambda: put(dynamodb, 100)) == {TABLE: 1}
    assert metered(dynamodb, lambda: put(dynamodb, 1500)) == {TABLE: 2}
    assert metered(dynamodb, lambda: put(dynamodb, 100)) == {TABLE: 2}  # what is replaced counts too


def test_an_index_costs_where_its_entry_changes(aws: Any) -> None:
    dynamodb, _ = aws

    assert metered(dynamodb, lambda: put(dynamodb, 1, owner={"S": "ann"})) == {TABLE: 1, INDEX: 1}
    assert metered(dynamodb, lambda: put(dynamodb, 2, owner={"S": "ann"})) == {TABLE: 1}
    assert metered(dynamodb, lambda: put(dynamodb, 2, owner={"S": "ben"})) == {TABLE: 1, INDEX: 2}
    assert metered(dynamodb, lambda: put(dynamodb, 2)) == {TABLE: 1, INDEX: 1}


def test_a_write_that_its_condition_refuses_costs_as_one_that_is_done(aws: Any) -> None:
    dynamodb, _ = aws
    put(dynamodb, 1)

    def refused() -> None:
        with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
            put(dynamodb, 1, given={"ConditionExpression": "attribute_not_exists(pk)"})

    assert metered(dynamodb, refused) == {TABLE: 1}


def test_a_batch_costs_each_of_its_writes_and_a_transaction_twice(aws: Any) -> None:
    dynamodb, _ = aws
    items = [{"pk": {"S": "a"}, "sk": {"S": str(number)}} for number in range(3)]

    batch = {"things": [{"PutRequest": {"Item": item}} for item in items]}
    inserts = [
        {"Statement": """INSERT INTO "things" VALUE {'pk':?,'sk':?}""", "Parameters": list(item.values())}
        for item in items
    ]
    together = [{"Put": {"TableName": "things", "Item": item}} for item in items]

    assert metered(dynamodb, lambda: dynamodb.batch_write_item(RequestItems=batch)) == {TABLE: 3}
    assert metered(dynamodb, lambda: dynamodb.batch_execute_statement(Statements=inserts)) == {TABLE: 3}
    assert metered(dynamodb, lambda: dynamodb.transact_write_items(TransactItems=together)) == {TABLE: 6}


def test_a_read_costs_four_kilobytes_at_a_time_and_half_where_it_may_be_late(aws: Any) -> None:
    dynamodb, _ = aws
    put(dynamodb, 5000)

    def get(consistent: bool) -> dict[str, float]:
        return metered(dynamodb, lambda: dynamodb.get_item(TableName="things", Key=KEY, ConsistentRead=consistent))

    assert (get(True), get(False)) == ({"dynamodb.read:things": 2}, {"dynamodb.read:things": 1})
    missing = {"pk": {"S": "no"}, "sk": {"S": "no"}}
    assert metered(dynamodb, lambda: dynamodb.get_item(TableName="things", Key=missing)) == {
        "dynamodb.read:things": 0.5
    }


def test_messages_cost_a_request_for_each_64_kilobytes(aws: Any) -> None:
    dynamodb, sqs = aws
    url = sqs.create_queue(QueueName="q")["QueueUrl"]

    def send(*sizes: int) -> dict[str, float]:
        entries = [{"Id": str(number), "MessageBody": "x" * size} for number, size in enumerate(sizes)]
        return metered(dynamodb, lambda: sqs.send_message_batch(QueueUrl=url, Entries=entries))

    assert send(10, 10) == {"sqs.requests": 1}
    assert send(40_000, 40_000) == {"sqs.requests": 2}


def test_what_the_meter_does_itself_is_none_of_the_functions_time(aws: Any) -> None:
    dynamodb, _ = aws
    meter, looked = Meter(dynamodb, Prices.read().assumed), []
    items = meter._items

    def busy(*given: Any) -> Any:
        until = time.thread_time() + 0.02
        while time.thread_time() < until:
            pass
        looked.append(given)
        return items(*given)

    meter._items = busy  # type: ignore[method-assign]
    with meter.running():
        put(dynamodb, 100)

    assert len(looked) == 2  # before and after
    assert meter.emulated_s >= 0.04
