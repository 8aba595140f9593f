"""Messages of a batch keep their trace headers, each its own."""

import pytest

from local.corrections.sqs import SystemAttributesOfBatches


def header(root):
    return {"AWSTraceHeader": {"DataType": "String", "StringValue": f"Root={root}"}}


@pytest.fixture
def sqs():
    """(SendMessage, SendMessageBatch, what was sent), of an emulator that hands on bodies alone."""
    system, sent = SystemAttributesOfBatches(), []

    def act(request, _url):
        if request["MessageBody"] == "refused":
            raise ValueError
        sent.append((request["MessageBody"], request.get("MessageSystemAttributes")))
        return {}

    send = system.sending(act)

    def act_on_batch(request, url):
        for each in request["Entries"]:
            try:
                send({"MessageBody": each["MessageBody"]}, url)
            except ValueError:
                continue
        return {}

    return send, system.of_batches(act_on_batch), sent


def test_each_message_of_a_batch_has_its_own(sqs):
    _send, send_batch, sent = sqs
    entries = [
        {"MessageBody": "a", "MessageSystemAttributes": header("1-a")},
        {"MessageBody": "refused", "MessageSystemAttributes": header("1-b")},
        {"MessageBody": "c"},
        {"MessageBody": "d", "MessageSystemAttributes": header("1-d")},
    ]

    send_batch({"Entries": entries}, "queue")

    assert sent == [("a", header("1-a")), ("c", None), ("d", header("1-d"))]


def test_a_message_that_is_in_no_batch_keeps_what_it_has(sqs):
    send, send_batch, sent = sqs
    send_batch({"Entries": [{"MessageBody": "a", "MessageSystemAttributes": header("1-a")}]}, "queue")

    send({"MessageBody": "b", "MessageSystemAttributes": header("1-b")}, "queue")
    send({"MessageBody": "c"}, "queue")

    assert sent[1:] == [("b", header("1-b")), ("c", None)]
