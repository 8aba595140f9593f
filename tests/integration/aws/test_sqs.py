"""Messages on their way to SQS: batches, what SQS leaves unsent, and whose it is."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import failing, throttled
from tocsin.aws import clients
from tocsin.aws.sqs import Outbox

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
def outbox(stack: Stack) -> Outbox:
    return Outbox(clients.sqs())


def fill(outbox: Outbox, queue: str, count: int) -> None:
    for number in range(count):
        outbox.add(queue, json.dumps({"n": number}), f"owner {number}")


def taking_none_of(*refused: int) -> Callable[[dict[str, Any]], Any]:
    """SQS answers that it refused these messages of a batch, by their place in it; it is given none of the others."""

    def answer(call: dict[str, Any]) -> Any:
        entries = json.loads(call["body"])["Entries"]
        ids = [entry["Id"] for entry in entries if int(entry["Id"]) in refused]
        failed = [{"Id": each, "Code": "InvalidMessageContents", "SenderFault": True} for each in ids]
        body = {"Successful": [], "Failed": failed, "ResponseMetadata": {"HTTPStatusCode": 200}}
        return SimpleNamespace(status_code=200), body

    return answer


def numbers(stack: Stack) -> list[int]:
    return sorted(message["n"] for message in stack.messages("Inbox"))


def test_messages_are_sent_ten_at_a_time(stack: Stack, outbox: Outbox) -> None:
    fill(outbox, stack.queues["Inbox"], 23)

    with failing(lambda _: None, "SendMessageBatch", service="sqs") as calls:
        failed, nothing_left = outbox.send(), outbox.send()

    assert (failed, nothing_left, len(calls)) == ({}, {}, 3)
    assert numbers(stack) == list(range(23))


def test_what_sqs_refuses_is_sent_again_alone(stack: Stack, outbox: Outbox) -> None:
    fill(outbox, stack.queues["Inbox"], 5)

    with failing(taking_none_of(1, 3), "SendMessageBatch", service="sqs", at=lambda call: call == 1) as calls:
        failed = outbox.send()

    assert (failed, len(calls)) == ({}, 2)
    assert numbers(stack) == [1, 3]


def test_what_sqs_refuses_each_time_costs_its_owner_alone(stack: Stack, outbox: Outbox) -> None:
    fill(outbox, stack.queues["Inbox"], 5)

    with failing(taking_none_of(3), "SendMessageBatch", service="sqs") as calls:
        failed = outbox.send()

    assert failed == {"owner 3": "SQS did not take the message: InvalidMessageContents"}
    assert len(calls) == 3


def test_a_call_that_fails_is_not_made_again_here_and_its_error_is_named(stack: Stack, outbox: Outbox) -> None:
    fill(outbox, stack.queues["Inbox"], 2)

    with failing(throttled("AccessDenied"), "SendMessageBatch", service="sqs") as calls:
        failed = outbox.send()

    assert failed == dict.fromkeys(("owner 0", "owner 1"), "sending messages failed: AccessDenied")
    assert len(calls) == 1
