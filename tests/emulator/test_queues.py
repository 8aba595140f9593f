"""What SQS takes for a message."""

import json

import pytest

from local.corrections.sqs import MAX_MESSAGE


@pytest.mark.parametrize("character", ["\x01", "\x0b", "\ufffe", "\uffff"])
def test_a_character_that_xml_has_not_is_not_taken(account, refused, character):
    queue = account.queue()

    refusal = refused(lambda: account.aws.sqs.send_message(QueueUrl=queue, MessageBody=f"a{character}b"))

    assert refusal.startswith("InvalidMessageContents")


@pytest.mark.parametrize("character", ["\t", "\n", "\r", " ", "\ud7ff", "\ue000", "\ufffd", "\U0001f600", "\U0010ffff"])
def test_every_other_character_is_taken(account, character):
    queue = account.queue()

    account.aws.sqs.send_message(QueueUrl=queue, MessageBody=f"a{character}b")

    (message,) = account.aws.sqs.receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"] == f"a{character}b"


def test_in_a_batch_a_bad_character_fails_its_own_message_alone(account):
    queue = account.queue()
    entries = [{"Id": "good", "MessageBody": "a"}, {"Id": "bad", "MessageBody": "\uffff"}]

    answer = account.aws.sqs.send_message_batch(QueueUrl=queue, Entries=entries)

    assert [each["Id"] for each in answer["Successful"]] == ["good"]
    assert [(each["Id"], each["Code"]) for each in answer["Failed"]] == [("bad", "InvalidMessageContents")]


ATTRIBUTES = {"kind": {"DataType": "String", "StringValue": "test"}}
ROOM = MAX_MESSAGE - len("kind" + "String" + "test")


def test_a_message_has_a_mebibyte_with_its_attributes(account, refused):
    queue, sqs = account.queue(), account.aws.sqs

    sqs.send_message(QueueUrl=queue, MessageBody="a" * ROOM, MessageAttributes=ATTRIBUTES)
    refusal = refused(
        lambda: sqs.send_message(QueueUrl=queue, MessageBody="a" * (ROOM + 1), MessageAttributes=ATTRIBUTES)
    )

    assert refusal.startswith("InvalidParameterValue: One or more parameters are invalid. Reason: Message must be")


def test_a_batch_has_a_mebibyte_with_all_attributes(account, refused):
    queue = account.queue()
    entries = [
        {"Id": "1", "MessageBody": "a" * (ROOM // 2), "MessageAttributes": ATTRIBUTES},
        {"Id": "2", "MessageBody": "a" * (ROOM // 2), "MessageAttributes": ATTRIBUTES},
    ]

    refusal = refused(lambda: account.aws.sqs.send_message_batch(QueueUrl=queue, Entries=entries))

    # botocore's name for it: AWS.SimpleQueueService.BatchRequestTooLong
    assert "BatchRequestTooLong" in refusal


def test_a_queue_may_take_less(account, refused):
    queue = account.queue(MaximumMessageSize="1024")

    refusal = refused(lambda: account.aws.sqs.send_message(QueueUrl=queue, MessageBody="ä" * 513))

    assert refusal.endswith("Message must be shorter than 1024 bytes.")


def test_each_message_of_a_batch_keeps_its_trace_header(account):
    queue = account.queue()
    headers = [f"Root=1-6929b0d2-{number:024x};Parent=53995c3f42cd8ad8;Sampled=1" for number in range(2)]
    entries = [
        {
            "Id": str(number),
            "MessageBody": header,
            "MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": header}},
        }
        for number, header in enumerate(headers)
    ]

    account.aws.sqs.send_message_batch(QueueUrl=queue, Entries=entries)

    received = account.aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, AttributeNames=["All"])
    assert sorted(each["Attributes"]["AWSTraceHeader"] for each in received["Messages"]) == headers
    assert all(each["Attributes"]["AWSTraceHeader"] == each["Body"] for each in received["Messages"])


def test_a_queue_gives_out_its_messages_once_in_their_turn_and_what_failed_too_often_to_its_dead_letters(account):
    """Only the front of a queue is looked at for each message (local/economy.py)."""
    dead, sqs = account.queue(), account.aws.sqs
    policy = json.dumps({"deadLetterTargetArn": account.arn_of_queue(dead), "maxReceiveCount": "2"})
    queue = account.queue(RedrivePolicy=policy)
    bodies = [str(number) for number in range(25)]
    for body in bodies:
        sqs.send_message(QueueUrl=queue, MessageBody=body)

    for _ in range(2):  # the first two fail twice
        received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=2, VisibilityTimeout=0)["Messages"]
        assert [each["Body"] for each in received] == bodies[:2]
    taken = []
    while found := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        taken += [each["Body"] for each in found]
        handles = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(found)]
        assert len(sqs.delete_message_batch(QueueUrl=queue, Entries=handles)["Successful"]) == len(found)

    assert taken == bodies[2:]
    failed = sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10)["Messages"]
    assert [each["Body"] for each in failed] == bodies[:2]
