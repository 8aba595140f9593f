"""Partition keys in permissions, late reads, throttling, and the size of items."""

import time

import pytest
from botocore.exceptions import ClientError

from local.aws import REGION
from local.corrections.capacity import Throttle
from local.waiting import until
from tests.emulator.conftest import ACCOUNT, NO_RETRIES, item

LATE_S = 3_600.0


def granted(table, *actions, keys, operator="ForAllValues:StringLike"):
    """A statement that allows the actions on a table and its indexes, for items with these partition keys."""
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"
    return {
        "Effect": "Allow",
        "Action": [f"dynamodb:{action}" for action in actions],
        "Resource": [arn, f"{arn}/index/*"],
        "Condition": {operator: {"dynamodb:LeadingKeys": keys}},
    }


EVERY_ACTION = (
    *("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "BatchGetItem", "BatchWriteItem"),
    *("ConditionCheckItem", "PartiQLInsert"),
)
SETS = {"UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {":a": {"S": "a"}}}


def inserting(client, table, *items):
    """Insert items that have a pk and a sk; what each statement is answered."""
    statement = f"""INSERT INTO "{table}" VALUE {{'pk':?,'sk':?}}"""
    statements = [{"Statement": statement, "Parameters": [each["pk"], each["sk"]]} for each in items]
    return client.batch_execute_statement(Statements=statements)["Responses"]


CALLS = {
    "GetItem": lambda client, table, pk: client.get_item(TableName=table, Key=item(pk)),
    "PutItem": lambda client, table, pk: client.put_item(TableName=table, Item=item(pk)),
    "UpdateItem": lambda client, table, pk: client.update_item(TableName=table, Key=item(pk), **SETS),
    "DeleteItem": lambda client, table, pk: client.delete_item(TableName=table, Key=item(pk)),
    "Query": lambda client, table, pk: client.query(
        TableName=table,
        KeyConditionExpression="#p = :p AND sk >= :s",
        ExpressionAttributeNames={"#p": "pk"},
        ExpressionAttributeValues={":p": {"S": pk}, ":s": {"S": "0"}},
    ),
    "Query of an index": lambda client, table, pk: client.query(
        TableName=table,
        IndexName="by-holder",
        KeyConditionExpression="holder = :holder",
        ExpressionAttributeValues={":holder": {"S": pk}},
    ),
    "BatchGetItem": lambda client, table, pk: client.batch_get_item(
        RequestItems={table: {"Keys": [item("mine#1"), item(pk)]}}
    ),
    "BatchWriteItem": lambda client, table, pk: client.batch_write_item(
        RequestItems={table: [{"PutRequest": {"Item": item("mine#1")}}, {"DeleteRequest": {"Key": item(pk)}}]}
    ),
    "PartiQLInsert": lambda client, table, pk: inserting(client, table, item("mine#1"), item(pk)),
    "TransactWriteItems": lambda client, table, pk: client.transact_write_items(
        TransactItems=[{"Put": {"TableName": table, "Item": item(pk)}}]
    ),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_a_condition_on_leading_keys_lets_through_the_keys_that_it_names_and_no_others(account, refused, call):
    table = account.table(index="holder")
    client = account.user("dynamodb", granted(table, *EVERY_ACTION, keys=["mine#*"]))

    call(client, table, "mine#2")
    refusal = refused(lambda: call(client, table, "theirs"))

    assert refusal.startswith("AccessDeniedException")


def test_a_transaction_of_two_tables_needs_the_permissions_of_both(account, refused):
    changed, told = account.table(), account.table()
    both = [granted(changed, "PutItem", "DeleteItem", keys=["*"]), granted(told, "PutItem", keys=["mine#*"])]
    client, other = account.user("dynamodb", *both), account.user("dynamodb", both[0])

    def write(client, pk):
        put = {"Put": {"TableName": changed, "Item": item("a")}}
        delete = {"Delete": {"TableName": changed, "Key": item("b")}}
        client.transact_write_items(TransactItems=[put, delete, {"Put": {"TableName": told, "Item": item(pk)}}])

    assert refused(lambda: write(client, "theirs")).startswith("AccessDeniedException")
    assert refused(lambda: write(other, "mine#1")).startswith("AccessDeniedException")
    assert "Item" not in account.aws.dynamodb.get_item(TableName=changed, Key=item("a"))
    write(client, "mine#1")
    assert account.aws.dynamodb.get_item(TableName=told, Key=item("mine#1"))["Item"] == item("mine#1")


def test_a_condition_on_leading_keys_may_name_them_whole(account, refused):
    table = account.table()
    client = account.user("dynamodb", granted(table, "GetItem", keys=["a*"], operator="ForAllValues:StringEquals"))

    assert refused(lambda: client.get_item(TableName=table, Key=item("ab"))).startswith("AccessDeniedException")
    client.get_item(TableName=table, Key=item("a*"))


def test_a_scan_has_no_leading_keys(account):
    table = account.table()
    client = account.user("dynamodb", granted(table, "Scan", keys=["mine#*"]))

    assert client.scan(TableName=table)["Items"] == []


# PartiQL


def test_an_insert_where_an_item_is_fails_by_itself(account):
    table, dynamodb = account.table(), account.aws.dynamodb
    dynamodb.put_item(TableName=table, Item=item("a", value="as it was"))

    answers = inserting(dynamodb, table, item("a"), item("b"))

    assert answers == [
        {
            "TableName": table,
            "Error": {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"},
        },
        {"TableName": table},
    ]
    assert dynamodb.scan(TableName=table)["Items"] == [item("a", value="as it was"), item("b")]


def test_an_insert_is_in_the_stream_as_a_put_is(account):
    table, dynamodb = account.table(), account.aws.dynamodb
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    arn = dynamodb.update_table(TableName=table, StreamSpecification=stream)["TableDescription"]["LatestStreamArn"]
    streams = account.client("dynamodbstreams")

    inserting(dynamodb, table, item("a"))

    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    start = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    (record,) = streams.get_records(ShardIterator=streams.get_shard_iterator(**start)["ShardIterator"])["Records"]
    assert (record["eventName"], record["dynamodb"]["NewImage"]) == ("INSERT", item("a"))


def test_an_insert_needs_its_own_permission_and_no_other(account, refused):
    table = account.table()
    may_put = account.user("dynamodb", granted(table, "PutItem", "BatchWriteItem", "BatchExecuteStatement", keys=["a"]))
    may_insert = account.user("dynamodb", granted(table, "PartiQLInsert", keys=["a"]))

    assert refused(lambda: inserting(may_put, table, item("a"))).startswith("AccessDeniedException")
    assert inserting(may_insert, table, item("a")) == [{"TableName": table}]


def test_an_insert_of_too_much_fails_by_itself(account):
    table, dynamodb = account.table(), account.aws.dynamodb
    statement = f"""INSERT INTO "{table}" VALUE {{'pk':?,'sk':?,'text':?}}"""
    items = [[{"S": "a"}, {"S": "1"}, {"S": "t" * size}] for size in (400 * 1024, 1)]

    answers = dynamodb.batch_execute_statement(
        Statements=[{"Statement": statement, "Parameters": values} for values in items]
    )["Responses"]

    assert [answer.get("Error", {}).get("Code") for answer in answers] == ["ValidationError", None]


def test_inserts_are_throttled_one_by_one(account, client):
    table = account.table()
    with account.emulator.throttling(Throttle(table, writes_per_s=0.001)):
        answers = inserting(client, table, item("a"), item("a", "2"), item("b"))

    assert [answer.get("Error", {}).get("Code") for answer in answers] == [None, "ThrottlingError", None]
    assert len(client.scan(TableName=table)["Items"]) == 2


# late reads


@pytest.fixture
def reader(account):
    """A client whose reads may be late; root's, by which tests look at tables, never are."""
    return account.user("dynamodb", {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"})


READS = {
    "GetItem": lambda client, table, **more: client.get_item(TableName=table, Key=item("a"), **more).get("Item"),
    "Query": lambda client, table, **more: next(
        iter(
            client.query(
                TableName=table,
                KeyConditionExpression="pk = :a",
                ExpressionAttributeValues={":a": {"S": "a"}},
                **more,
            )["Items"]
        ),
        None,
    ),
    "Scan": lambda client, table, **more: next(iter(client.scan(TableName=table, **more)["Items"]), None),
    "BatchGetItem": lambda client, table, **more: next(
        iter(client.batch_get_item(RequestItems={table: {"Keys": [item("a")], **more}})["Responses"][table]), None
    ),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
def test_a_read_that_need_not_be_consistent_gives_what_was(account, reader, read):
    table = account.table()
    with account.emulator.late_reads(LATE_S):
        reader.put_item(TableName=table, Item=item("a"))
        unseen = read(reader, table)
        seen = read(reader, table, ConsistentRead=True)

    assert unseen is None
    assert seen == item("a")


def test_a_late_read_gives_an_items_old_image_and_what_was_deleted(account, reader):
    table = account.table()
    reader.put_item(TableName=table, Item=item("a", value="old"))
    reader.put_item(TableName=table, Item=item("b"))
    with account.emulator.late_reads(LATE_S):
        reader.put_item(TableName=table, Item=item("a", value="new"))
        reader.put_item(TableName=table, Item=item("a", value="newest"))
        reader.delete_item(TableName=table, Key=item("b"))
        found = reader.scan(TableName=table)["Items"]
        again = reader.scan(TableName=table, ConsistentRead=True)["Items"]

    assert found == [item("a", value="old"), item("b")]
    assert again == [item("a", value="newest")]


def test_an_index_is_late_too(account, reader):
    table = account.table(index="holder")
    query = {
        "TableName": table,
        "IndexName": "by-holder",
        "KeyConditionExpression": "holder = :o",
        "ExpressionAttributeValues": {":o": {"S": "o"}},
    }
    with account.emulator.late_reads(LATE_S):
        reader.put_item(TableName=table, Item=item("a", holder="o"))
        late = reader.query(**query)["Items"]

    assert late == []
    assert reader.query(**query)["Items"] == [item("a", holder="o")]


def test_a_write_sees_what_is_although_reads_are_late(account, reader, refused):
    table = account.table()
    with account.emulator.late_reads(LATE_S):
        reader.put_item(TableName=table, Item=item("a"))
        refusal = refused(
            lambda: reader.put_item(TableName=table, Item=item("a"), ConditionExpression="attribute_not_exists(pk)")
        )

    assert refusal.startswith("ConditionalCheckFailedException")


def test_a_late_read_catches_up(account, reader):
    table = account.table()
    with account.emulator.late_reads(0.2):
        reader.put_item(TableName=table, Item=item("a"))
        began = time.monotonic()
        until(lambda: reader.get_item(TableName=table, Key=item("a")).get("Item"), 120, of="the item", pause_s=0.01)

    assert time.monotonic() - began > 0.05


# throttling


@pytest.fixture
def client(account):
    """A client that does not try again."""
    return account.aws._session.client("dynamodb", endpoint_url=account.emulator.endpoint_url, config=NO_RETRIES)


def written(client, table, *keys, **more):
    """How many of these items are taken before one is refused, and its error's response."""
    for number, key in enumerate(keys):
        try:
            client.put_item(TableName=table, Item=item(key, str(number), **more))
        except ClientError as error:
            return number, error.response
    return len(keys), None


def test_a_partition_takes_so_many_writes_and_others_take_more(account, client):
    table = account.table()
    with account.emulator.throttling(Throttle(table, writes_per_s=0.001)):
        first, refusal = written(client, table, *"aa")
        others, _ = written(client, table, *"bcd")
        hits = account.emulator.throttle_hits()

    assert (first, others) == (1, 3)
    assert refusal["Error"]["Code"] == "ThrottlingException"
    assert refusal["throttlingReasons"] == [
        {
            "reason": "TableWriteKeyRangeThroughputExceeded",
            "resource": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}",
        }
    ]
    assert hits == [1]


def test_a_table_takes_so_many_writes_of_all_partitions(account, client):
    table = account.table()
    with account.emulator.throttling(Throttle(table, per_partition=False, writes_per_s=0.001)):
        taken, refusal = written(client, table, *"abc")

    assert taken == 1
    assert refusal["throttlingReasons"][0]["reason"] == "TableWriteAccountLimitExceeded"


def test_a_throttled_index_throttles_the_writes_of_its_table(account, client):
    table = account.table(index="holder")
    with account.emulator.throttling(Throttle(table, index="by-holder", writes_per_s=0.001)):
        held, refusal = written(client, table, *"abc", holder="one")
        unheld, _ = written(client, table, *"def")

    assert (held, unheld) == (1, 3)
    assert refusal["throttlingReasons"][0]["reason"] == "IndexWriteKeyRangeThroughputExceeded"
    assert refusal["throttlingReasons"][0]["resource"].endswith("/index/by-holder")


def test_a_large_item_takes_more_of_the_capacity(account, client):
    table = account.table()
    with account.emulator.throttling(Throttle(table, writes_per_s=3)):
        client.put_item(TableName=table, Item=item("a", "large", value="v" * 100_000))
        taken, _ = written(client, table, "a")

    assert taken == 0


def test_reads_are_throttled_apart_from_writes(account, client, refused):
    table = account.table()
    with account.emulator.throttling(Throttle(table, reads_per_s=0.001)):
        client.put_item(TableName=table, Item=item("a"))
        client.get_item(TableName=table, Key=item("a"))
        refusal = refused(lambda: client.get_item(TableName=table, Key=item("a")))

    assert refusal.startswith("ThrottlingException")


def test_a_batch_leaves_unprocessed_what_is_throttled(account, client):
    table = account.table()
    puts = [{"PutRequest": {"Item": item(key, str(n))}} for n, key in enumerate("aab")]
    with account.emulator.throttling(Throttle(table, writes_per_s=0.001)):
        left = client.batch_write_item(RequestItems={table: puts})["UnprocessedItems"]

    assert left == {table: [puts[1]]}
    assert len(client.scan(TableName=table)["Items"]) == 2


def test_a_batch_of_which_nothing_finds_room_is_refused(account, client, refused):
    table = account.table()
    with account.emulator.throttling(Throttle(table, writes_per_s=0.001)):
        client.put_item(TableName=table, Item=item("a"))
        refusal = refused(
            lambda: client.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": item("a", "2")}}]})
        )

    assert refusal.startswith("ThrottlingException")


# size


def test_an_item_has_four_hundred_kibibytes_of_names_and_values(account, refused):
    table, dynamodb = account.table(), account.aws.dynamodb
    room = 400 * 1024 - len("pk" + "a" + "sk" + "1" + "text")

    dynamodb.put_item(TableName=table, Item=item("a", text="t" * room))
    refusal = refused(lambda: dynamodb.put_item(TableName=table, Item=item("a", text="t" * (room + 1))))

    assert refusal == "ValidationException: Item size has exceeded the maximum allowed size"


@pytest.mark.parametrize("forward", [True, False])
def test_a_large_partition_is_read_by_pages_in_order_and_whole(account, forward):
    """Each page looks at its own items alone (local/economy.py), and the partition stays as it was."""
    table = account.table()
    names = [f"{number:03d}" for number in range(60)]
    for name in names[::2] + names[::-2]:  # in another order
        account.aws.dynamodb.put_item(TableName=table, Item=item("group", name))
    asked = {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "group"}},
        "ScanIndexForward": forward,
    }

    pages = account.aws.dynamodb.get_paginator("query").paginate(**asked, PaginationConfig={"PageSize": 25})
    read = [[each["sk"]["S"] for each in page["Items"]] for page in pages]

    assert [len(page) for page in read] == [25, 25, 10]
    assert [name for page in read for name in page] == sorted(names, reverse=not forward)
    assert account.aws.dynamodb.query(**asked)["Count"] == 60
