"""Our own trouble around an attempt: what a table or a queue does not take costs nobody a delivery, and tells nobody
twice."""

import json
from typing import Any

import pytest

from local.sinks import Misbehaviour, Sinks
from tests.integration.delivery_world import World, bodies
from tests.integration.handler_calls import WRITES, failing, throttled
from tests.quick_calls import answers_lost
from tocsin.errors import Conflict, Unavailable


def nothing_queued(call: dict[str, Any]) -> Any:
    """SQS takes a batch, and none of its messages."""
    entries = range(10)
    failed = [{"Id": str(number), "Code": "InternalError", "SenderFault": False} for number in entries]
    return type("Answer", (), {"status_code": 200}), {"Failed": failed, "ResponseMetadata": {"HTTPStatusCode": 200}}


def failed_delivery(world: World, sinks: Sinks) -> str:
    sinks.misbehave(Misbehaviour("/webhook/x", status=404))
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)
    world.pump(world.worker())
    return message.delivery_id


def test_a_message_whose_delivery_can_not_be_taken_comes_back(
    world: World, sinks: Sinks, capsys: pytest.CaptureFixture[str]
) -> None:
    """The fault: the line named SQS's message alone, so the log of its event knew nothing of it."""
    world.hook(f"{sinks.url}/webhook/x")
    worker = world.worker()
    world.configuration.current()
    message = world.message()
    world.send(message)
    records = world.waiting()

    with failing(throttled(), "UpdateItem", table="deliveries", client=world.stack.dynamodb):
        answer = worker.run(records)

    assert answer == {"batchItemFailures": [{"itemIdentifier": records[0]["messageId"]}]}
    (line,) = [json.loads(each) for each in capsys.readouterr().out.splitlines() if "DELIVERY_LEFT" in each]
    assert (line["event_id"], line["delivery_id"]) == (message.event_id, message.delivery_id)
    assert sinks.received() == []


def test_a_message_that_not_even_can_be_given_back_comes_back_by_the_queues_own_time(
    world: World, sinks: Sinks, caplog: pytest.LogCaptureFixture
) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    worker = world.worker()
    world.send(world.message())
    records = world.waiting()

    with (
        failing(throttled(), "UpdateItem", table="deliveries", client=world.stack.dynamodb),
        failing(throttled(), "ChangeMessageVisibility", service="sqs", client=world.stack.sqs) as calls,
    ):
        answer = worker.run(records)

    assert answer == {"batchItemFailures": [{"itemIdentifier": records[0]["messageId"]}]}
    assert calls
    left = [vars(line) for line in caplog.records if getattr(line, "code", None) == "DELIVERY_LEFT"]
    assert {(line["message_id"], line["levelname"]) for line in left} == {(records[0]["messageId"], "WARNING")}


def test_an_outcome_that_is_stored_at_the_second_try_is_told_once(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)

    with failing(
        throttled(), "UpdateItem", table="deliveries", client=world.stack.dynamodb, at=lambda number: number == 2
    ):
        world.pump(world.worker())

    assert world.delivery(message)["state"] == "delivered"
    assert len(sinks.received()) == 1


def notes_lost(outcome: str, times: int, tries: list[str]) -> Any:
    """Loses the answers of the first `times` calls that note an attempt with that outcome; `tries` gets all of them."""

    def lost(operation: str, request: dict[str, Any]) -> bool:
        if operation != "UpdateItem" or outcome.encode() not in request["body"]:
            return False
        tries.append(operation)
        return len(tries) <= times

    return answers_lost(lost)


def test_an_attempt_is_on_record_once_though_the_answer_of_noting_it_got_lost(world: World, sinks: Sinks) -> None:
    """The fault: it stood there twice, counted as two tries, and the delivery ended one attempt early."""
    sinks.misbehave(Misbehaviour("/webhook/x", status=503))
    world.hook(f"{sinks.url}/webhook/x")
    message, worker, tries = world.message(), world.worker(), list[str]()
    world.send(message)

    world.pump(worker)
    world.later(seconds=40)
    with notes_lost("http_503", 1, tries):
        world.pump(worker)

    (item,) = world.all()
    assert len(tries) >= 2
    assert [attempt["reason"] for attempt in world.delivery(message)["attempts"]] == ["http_503"] * 2
    assert item["tries"] == {"N": "2"}


def test_an_attempt_is_on_record_once_though_noting_it_seemed_to_fail(world: World, sinks: Sinks) -> None:
    """DynamoDB noted it, and none of botocore's own tries got an answer: the worker's next try finds it noted."""
    world.hook(f"{sinks.url}/webhook/x")
    message, tries = world.message(), list[str]()
    world.send(message)

    with notes_lost("http_200", 3, tries):
        world.pump(world.worker())

    assert len(tries) == 4
    assert [attempt["reason"] for attempt in world.delivery(message)["attempts"]] == ["http_200"]


def test_an_event_that_can_not_be_read_is_our_trouble_and_tried_again(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)
    worker = world.worker()

    with failing(throttled(), "GetItem", table="events", client=world.stack.dynamodb):
        world.pump(worker)

    delivery = world.delivery(message)
    assert (delivery["state"], delivery["attempts"][0]["reason"]) == ("retrying", "unavailable")
    assert world.breakers.get("hook") is None


def test_a_retry_that_no_queue_takes_is_sent_by_the_schedule(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=503, times=1))
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)
    worker = world.worker()

    with failing(throttled(), "SendMessage", service="sqs", client=world.stack.sqs):
        world.pump(worker)
    world.go_on(worker, hours=1)

    assert world.delivery(message)["state"] == "delivered"


def test_a_remark_reaches_whoever_is_told(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message(remark="3 more were held back")
    sinks.misbehave(Misbehaviour("/webhook/x", status=503, times=1))
    world.send(message)
    worker = world.worker()

    world.pump(worker)
    world.go_on(worker, hours=1)

    first, second = bodies(sinks)
    assert first["body"].endswith("(3 more were held back)")
    assert first["body"] == second["body"]


def test_people_of_a_rule_without_transports_are_told_in_the_inbox(world: World) -> None:
    world.configure()
    message = world.message("inbox", "local")
    world.send(message)

    world.pump(world.worker("local"), "local")

    assert world.delivery(message)["state"] == "delivered"


def test_a_retry_by_hand_that_no_queue_takes_says_when_it_goes_out(world: World, sinks: Sinks) -> None:
    delivery_id = failed_delivery(world, sinks)

    with (
        failing(nothing_queued, "SendMessageBatch", service="sqs", client=world.stack.sqs),
        pytest.raises(Unavailable, match="within an hour"),
    ):
        world.service().retry(delivery_id)

    sinks.behave()
    world.go_on(world.worker(), hours=1, minutes=1)
    assert world.states() == {"delivered": 1}


def test_a_test_that_no_queue_takes_is_unavailable(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x")

    with (
        failing(nothing_queued, "SendMessageBatch", service="sqs", client=world.stack.sqs),
        pytest.raises(Unavailable, match="the test now") as refused,
    ):
        world.service().test("hook", None)

    assert refused.value.retry_after == 5


def test_a_test_is_not_sent_again_by_hand(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=404))
    world.hook(f"{sinks.url}/webhook/x")
    asked = world.service()
    tested = asked.test("hook", None)
    world.pump(world.worker())

    with pytest.raises(Conflict, match="test the transport again"):
        asked.retry(str(tested["id"]))


def test_a_failure_that_can_not_be_reported_is_settled_all_the_same(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=404))
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)
    worker = world.worker()

    with failing(throttled(), *WRITES, table="events", client=world.stack.dynamodb) as calls:
        world.pump(worker)

    assert calls
    assert world.delivery(message)["state"] == "failed"
    assert world.reported() == []


def test_a_breaker_that_can_not_be_written_changes_nothing_of_the_delivery(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=410))
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)
    worker = world.worker()

    after_its_outcome = failing(throttled(), "UpdateItem", client=world.stack.dynamodb, at=lambda call: call > 2)
    with after_its_outcome as calls:
        world.pump(worker)

    assert calls[2:]
    assert world.breakers.get("hook") is None
    assert world.delivery(message)["state"] == "failed"
