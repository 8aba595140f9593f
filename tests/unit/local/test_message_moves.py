"""The emulator's StartMessageMoveTask: dead letters go back to where they came from."""

import json

import pytest
from ministack.services import sqs

from local.message_moves import start_message_move_task

DEAD = "arn:aws:sqs:us-east-1:000000000000:dead"
LIVE = "arn:aws:sqs:us-east-1:000000000000:live"
OTHER = "arn:aws:sqs:us-east-1:000000000000:other"


def queue(arn, *messages, came_from=None, **attributes):
    held = [{"id": each, "receipt_handle": "r", "receive_count": 3, "visible_at": 9e9, "sys": {}} for each in messages]
    if came_from is not None:
        for each in held:
            each["sys"]["DeadLetterQueueSourceArn"] = came_from
    return {"attributes": {"QueueArn": arn} | attributes, "messages": held}


@pytest.fixture
def queues(monkeypatch):
    made = {
        LIVE: queue(LIVE, RedrivePolicy=json.dumps({"deadLetterTargetArn": DEAD, "maxReceiveCount": 3})),
        DEAD: queue(DEAD, "a", "b", came_from=LIVE),
        OTHER: queue(OTHER),
    }
    monkeypatch.setattr(sqs, "_queues", made)
    monkeypatch.setattr(sqs, "_queue_by_arn", made.get)
    return made


def test_messages_go_back_to_the_queue_that_they_came_from(queues):
    assert start_message_move_task({"SourceArn": DEAD}, "")["TaskHandle"]

    assert [message["id"] for message in queues[LIVE]["messages"]] == ["a", "b"]
    assert {message["receive_count"] for message in queues[LIVE]["messages"]} == {0}
    assert queues[DEAD]["messages"] == []


def test_a_message_that_came_from_no_queue_ends_it_unless_a_queue_is_named(queues):
    queues[DEAD]["messages"][0]["sys"] = {}

    start_message_move_task({"SourceArn": DEAD}, "")
    left = [message["id"] for message in queues[DEAD]["messages"]]
    start_message_move_task({"SourceArn": DEAD, "DestinationArn": LIVE}, "")

    assert left == ["a", "b"]
    assert [message["id"] for message in queues[LIVE]["messages"]] == ["a", "b"]


def test_messages_go_where_they_are_said_to(queues):
    start_message_move_task({"SourceArn": DEAD, "DestinationArn": OTHER}, "")

    assert [message["id"] for message in queues[OTHER]["messages"]] == ["a", "b"]


def test_a_queue_that_is_nobodys_dead_letters_is_refused_as_on_aws(queues):
    with pytest.raises(sqs._Err, match="SourceArn"):
        start_message_move_task({"SourceArn": OTHER}, "")
