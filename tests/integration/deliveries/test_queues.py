"""Messages put on their transports' queues: which queue, when, in which trace, and what the log says of the others."""

import pytest

from tests.integration.deliveries.said_lines import said_since
from tests.integration.deliveries.test_trouble import nothing_queued
from tests.integration.delivery_world import World
from tests.integration.handler_calls import failing
from tocsin.aws.sqs import Outbox
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.queues import Queues

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


@pytest.fixture
def queues(world: World) -> Queues:
    return Queues(lambda: Outbox(world.stack.sqs), world.urls)


def test_each_message_is_on_its_modes_queue_after_its_delay_in_its_trace(world: World, queues: Queues) -> None:
    hook = world.message("on call", trace=TRACE)
    local = world.message("inbox", "local")

    assert queues.send([(hook, 30), (local, 0)]) == 2

    (of_inbox,) = world.waiting("local")
    assert DeliveryMessage.from_body(of_inbox["body"]) == local
    assert "AWSTraceHeader" not in of_inbox["attributes"]
    world.later(seconds=29)
    assert world.waiting() == []
    world.later(seconds=2)
    (of_hook,) = world.waiting()
    assert DeliveryMessage.from_body(of_hook["body"]) == hook
    assert (of_hook["attributes"]["MessageGroupId"], of_hook["attributes"]["AWSTraceHeader"]) == ("on_call", TRACE)


def test_what_no_queue_takes_is_not_counted_and_named(
    world: World, queues: Queues, caplog: pytest.LogCaptureFixture, impatient: None
) -> None:
    message = world.message()
    with failing(nothing_queued, "SendMessageBatch", service="sqs", client=world.stack.sqs):
        assert queues.send([(message, 0)]) == 0

    assert said_since(caplog) == [
        {
            "level": "WARNING",
            "code": "DELIVERY_NOT_REQUEUED",
            "message": "SQS did not take the message: InternalError",
            "delivery_id": message.delivery_id,
        }
    ]
    assert queues.send([]) == 0
