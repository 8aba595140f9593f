"""What moto is made to do as AWS does, for all tests of this directory."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.sqs.models import Message

ROUNDS, THREADS = 20, 8


def item(sk="1", **more):
    return {name: {"S": value} for name, value in {"pk": "a", "sk": sk, **more}.items()}


@pytest.fixture
def hurried():
    """Has threads come in between as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def at_once(call, clients):
    """What each of some threads gets who call at the same time."""
    gate = threading.Barrier(len(clients))

    def one(client):
        gate.wait()
        return call(client)

    with ThreadPoolExecutor(len(clients)) as pool:
        return list(pool.map(one, clients))


def test_of_threads_that_write_the_same_item_on_condition_one_wins(stack, hurried):
    clients = [boto3.client("dynamodb") for _ in range(THREADS)]

    def take(client, name):
        try:
            client.update_item(
                TableName="deliveries",
                Key=item(name),
                UpdateExpression="SET taken = :t",
                ConditionExpression="attribute_not_exists(taken)",
                ExpressionAttributeValues={":t": {"BOOL": True}},
            )
        except client.exceptions.ConditionalCheckFailedException:
            return 0
        return 1

    winners = [sum(at_once(lambda client, n=n: take(client, str(n)), clients)) for n in range(ROUNDS)]

    assert winners == [1] * ROUNDS


def test_a_count_that_threads_add_to_loses_nothing(stack, hurried):
    clients = [boto3.client("dynamodb") for _ in range(THREADS)]

    def add(client):
        for _ in range(ROUNDS):
            client.update_item(
                TableName="deliveries",
                Key=item(),
                UpdateExpression="ADD n :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    at_once(add, clients)

    assert stack.dynamodb.get_item(TableName="deliveries", Key=item())["Item"]["n"] == {"N": str(ROUNDS * THREADS)}


def test_a_message_is_received_by_one_thread(stack, monkeypatch):
    url, clients = stack.queues["Inbox"], [boto3.client("sqs") for _ in range(THREADS)]
    mark_received = Message.mark_received

    def mark_late(message, *arguments, **options):
        threading.Event().wait(0.01)  # as on a busy machine, between seeing that it is there and taking it
        mark_received(message, *arguments, **options)

    monkeypatch.setattr(Message, "mark_received", mark_late)
    stack.sqs.send_message(QueueUrl=url, MessageBody="a")

    received = at_once(lambda client: client.receive_message(QueueUrl=url).get("Messages", []), clients)

    assert sorted(map(len, received)) == [0] * (THREADS - 1) + [1]


def test_who_waits_for_a_message_does_not_hold_up_who_sends_it(stack):
    url, clients = stack.queues["Inbox"], [boto3.client("sqs"), boto3.client("sqs")]

    def send_or_receive(client):
        if client is clients[0]:
            return client.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages")
        return client.send_message(QueueUrl=url, MessageBody="a")

    received, _ = at_once(send_or_receive, clients)

    assert [message["Body"] for message in received] == ["a"]


# size

ROOM = 400 * 1024 - len("pk" + "a" + "sk" + "1" + "text")


def refused(call):
    with pytest.raises(ClientError) as raised:
        call()
    error = raised.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def test_an_item_has_four_hundred_kibibytes_of_names_and_values(stack):
    def put(text):
        stack.dynamodb.put_item(TableName="deliveries", Item=item(text=text))

    put("t" * ROOM)

    assert refused(lambda: put("t" * (ROOM + 1))) == (
        "ValidationException: Item size has exceeded the maximum allowed size"
    )


def set_text(stack, text):
    stack.dynamodb.update_item(
        TableName="deliveries",
        Key=item(),
        UpdateExpression="SET #text = :t",
        ExpressionAttributeNames={"#text": "text"},
        ExpressionAttributeValues={":t": {"S": text}},
    )


def test_an_update_may_replace_a_large_value_by_another(stack):
    set_text(stack, "a" * ROOM)

    set_text(stack, "b" * ROOM)

    assert stack.dynamodb.get_item(TableName="deliveries", Key=item())["Item"]["text"] == {"S": "b" * ROOM}


@pytest.mark.parametrize("text", ["", "old"])
def test_an_update_that_makes_an_item_too_large_changes_nothing(stack, text):
    if text:
        set_text(stack, text)
    before = stack.items("deliveries")

    refusal = refused(lambda: set_text(stack, "t" * (ROOM + 1)))

    assert refusal == "ValidationException: Item size to update has exceeded the maximum allowed size"
    assert stack.items("deliveries") == before


def test_a_transaction_that_fails_changes_nothing(stack):
    table = {"TableName": "deliveries"}
    for sk in ("changed", "deleted"):
        stack.dynamodb.put_item(**table, Item=item(sk, text="a"))
    before = stack.items("deliveries")
    change = {"UpdateExpression": "SET #t = :b", "ExpressionAttributeNames": {"#t": "text"}}
    there = {"ConditionExpression": "attribute_exists(pk)"}

    with pytest.raises(stack.dynamodb.exceptions.TransactionCanceledException):
        stack.dynamodb.transact_write_items(
            TransactItems=[
                {"Update": table | {"Key": item("changed"), "ExpressionAttributeValues": {":b": {"S": "b"}}} | change},
                {"Delete": table | {"Key": item("deleted")}},
                {"Put": table | {"Item": item("new")}},
                {"ConditionCheck": table | {"Key": item("missing")} | there},
            ]
        )

    assert stack.items("deliveries") == before
    assert before == stack.dynamodb.scan(TableName="deliveries")["Items"]


def test_a_batch_with_an_item_that_is_too_large_writes_nothing(stack):
    puts = [{"PutRequest": {"Item": item("1")}}, {"PutRequest": {"Item": item("2", text="t" * (ROOM + 1))}}]

    refusal = refused(lambda: stack.dynamodb.batch_write_item(RequestItems={"deliveries": puts}))

    assert refusal.startswith("ValidationException: Item size")
    assert stack.items("deliveries") == []


# messages


def test_a_message_with_a_character_that_xml_has_not_is_refused(stack):
    url = stack.queues["Inbox"]

    refusal = refused(lambda: stack.sqs.send_message(QueueUrl=url, MessageBody="a\uffffb"))

    assert refusal.startswith("InvalidMessageContents")


def test_in_a_batch_a_bad_character_fails_its_own_message_alone(stack):
    entries = [{"Id": "good", "MessageBody": "a"}, {"Id": "bad", "MessageBody": "\ufffe"}]

    answer = stack.sqs.send_message_batch(QueueUrl=stack.queues["Inbox"], Entries=entries)

    assert [each["Id"] for each in answer["Successful"]] == ["good"]
    assert [(each["Id"], each["Code"]) for each in answer["Failed"]] == [("bad", "InvalidMessageContents")]


def test_a_message_is_counted_in_bytes(stack):
    url = stack.queues["Inbox"]

    refusal = refused(lambda: stack.sqs.send_message(QueueUrl=url, MessageBody="ä" * (512 * 1024 + 1)))

    assert refusal.endswith("Message must be shorter than 1048576 bytes.")


def test_a_batch_is_counted_in_bytes(stack):
    entries = [{"Id": str(number), "MessageBody": "ä" * 300_000} for number in range(2)]

    refusal = refused(lambda: stack.sqs.send_message_batch(QueueUrl=stack.queues["Inbox"], Entries=entries))

    assert "BatchRequestTooLong" in refusal


# late reads

READS = {
    "GetItem": lambda client, **more: client.get_item(TableName="deliveries", Key=item(), **more).get("Item"),
    "Query": lambda client, **more: next(
        iter(
            client.query(
                TableName="deliveries",
                KeyConditionExpression="pk = :a",
                ExpressionAttributeValues={":a": {"S": "a"}},
                **more,
            )["Items"]
        ),
        None,
    ),
    "Scan": lambda client, **more: next(iter(client.scan(TableName="deliveries", **more)["Items"]), None),
    "BatchGetItem": lambda client, **more: next(
        iter(client.batch_get_item(RequestItems={"deliveries": {"Keys": [item()], **more}})["Responses"]["deliveries"]),
        None,
    ),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
def test_a_read_gives_what_was_until_it_catches_up_unless_it_is_consistent(stack, late_reads, read):
    stack.dynamodb.put_item(TableName="deliveries", Item=item(text="old"))
    late_reads.catch_up()
    set_text(stack, "new")
    set_text(stack, "newest")

    late, consistent = read(stack.dynamodb), read(stack.dynamodb, ConsistentRead=True)
    late_reads.catch_up()

    assert late == item(text="old")
    assert consistent == read(stack.dynamodb) == item(text="newest")


def test_a_late_read_gives_what_was_deleted_and_not_what_was_added(stack, late_reads):
    stack.dynamodb.put_item(TableName="deliveries", Item=item("1"))
    late_reads.catch_up()
    stack.dynamodb.delete_item(TableName="deliveries", Key=item("1"))
    stack.dynamodb.put_item(TableName="deliveries", Item=item("2"))

    assert stack.dynamodb.scan(TableName="deliveries")["Items"] == [item("1")]
    assert stack.dynamodb.scan(TableName="deliveries", ConsistentRead=True)["Items"] == [item("2")]


def test_an_index_is_late_too(stack, late_reads):
    stack.dynamodb.put_item(TableName="events", Item=item(user_pk="7"))

    def by_user():
        return stack.dynamodb.query(
            TableName="events",
            IndexName="by-user",
            KeyConditionExpression="user_pk = :u",
            ExpressionAttributeValues={":u": {"S": "7"}},
        )["Count"]

    assert by_user() == 0
    late_reads.catch_up()
    assert by_user() == 1


def test_without_being_asked_no_read_is_late(stack):
    set_text(stack, "new")

    assert READS["GetItem"](stack.dynamodb) == item(text="new")
