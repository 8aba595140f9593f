"""One delivery by webhook against real endpoints: what each answer, and each way of not answering, makes of it."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from local.sinks import Misbehaviour, Sinks
from tests.integration.delivery_world import World, bodies
from tocsin.aws.retry import TRIES
from tocsin.deliveries.model import State
from tocsin.errors import Unavailable
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.outcome import Outcome


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


@pytest.fixture
def babbler() -> Iterator[str]:
    """A server that speaks, but no HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def babble() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"\x00\xffgarbage\r\n\r\n")

        threading.Thread(target=babble, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/hook"


def test_an_endpoint_that_takes_it_has_it_delivered(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)

    world.pump(world.worker())

    delivery = world.delivery(message)
    assert delivery["state"] == "delivered"
    (attempt,) = delivery["attempts"]
    assert (attempt["reason"], attempt["status"], attempt["answer"]) == ("http_200", 200, '{"ok": true}')
    (received,) = sinks.received()
    assert received.headers["webhook-id"] == message.delivery_id
    assert received.headers["user-agent"].startswith("Tocsin/")


@pytest.mark.parametrize(
    ("treatment", "state", "reason"),
    [
        ({"status": 500}, "retrying", "http_500"),
        ({"status": 503}, "retrying", "http_503"),
        ({"status": 408}, "retrying", "http_408"),
        ({"status": 425}, "retrying", "http_425"),
        ({"status": 429}, "retrying", "http_429"),
        ({"drop": True}, "retrying", "protocol"),
        ({"status": 400}, "failed", "http_400"),
        ({"status": 401}, "failed", "http_401"),
        ({"status": 404}, "failed", "http_404"),
        ({"status": 410}, "failed", "http_410"),
        ({"status": 302, "headers": {"Location": "http://127.0.0.1/"}}, "failed", "http_302"),
        ({"status": 204}, "delivered", "http_204"),
        ({"body": "\x00 no JSON"}, "delivered", "http_200"),
    ],
)
def test_each_answer_has_its_outcome(
    world: World, sinks: Sinks, treatment: dict[str, Any], state: str, reason: str
) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", **treatment))
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)

    world.pump(world.worker())

    delivery = world.delivery(message)
    assert (delivery["state"], delivery["attempts"][0]["reason"]) == (state, reason)


def test_an_endpoint_that_does_not_answer_in_time_is_tried_again(world: World, sinks: Sinks) -> None:
    world.hang(sinks, "/webhook/x")
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)

    world.pump(world.worker())

    delivery = world.delivery(message)
    assert (delivery["state"], delivery["attempts"][0]["reason"]) == ("retrying", "timeout")


def test_an_endpoint_that_is_down_is_tried_again(world: World, closed_port: int) -> None:
    world.hook(f"http://127.0.0.1:{closed_port}/")
    message = world.message()
    world.send(message)

    world.pump(world.worker())

    delivery = world.delivery(message)
    assert (delivery["state"], delivery["attempts"][0]["reason"]) == ("retrying", "connect")
    assert delivery["next_attempt"] > delivery["updated"]


def test_an_endpoint_that_speaks_no_http_is_tried_again(world: World, babbler: str) -> None:
    world.hook(babbler)
    message = world.message()
    world.send(message)

    world.pump(world.worker())

    assert world.delivery(message)["attempts"][0]["reason"] == "protocol"


def test_a_blocked_address_is_a_final_failure_and_shows_nothing_of_what_is_there(world: World) -> None:
    world.hook("http://169.254.169.254/latest/meta-data/")
    message = world.message()
    world.send(message)

    world.pump(world.worker())

    delivery = world.delivery(message)
    assert (delivery["state"], delivery["attempts"][0]["reason"]) == ("failed", "blocked_address_not_global")
    assert "answer" not in delivery["attempts"][0]


def test_at_most_a_kilobyte_of_an_answer_is_kept(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=500, body="x" * 100_000))
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)

    world.pump(world.worker())

    assert len(world.delivery(message)["attempts"][0]["answer"]) == 1024


def test_the_first_retry_comes_back_by_the_queue_with_the_same_id(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=500, times=1))
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)
    worker = world.worker()
    world.pump(worker)

    world.later(seconds=7)
    world.pump(worker)

    assert world.delivery(message)["state"] == "delivered"
    first, second = sinks.received()
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]


def test_a_repeated_message_of_a_done_delivery_sends_nothing(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message, message)

    world.pump(world.worker())
    world.send(message)
    world.pump(world.worker())

    assert len(sinks.received()) == 1
    assert len(world.delivery(message)["attempts"]) == 1


def test_a_repeated_message_of_a_delivery_that_waits_does_not_hurry_it(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=500))
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)
    world.pump(world.worker())

    world.send(message)
    world.pump(world.worker())

    assert len(sinks.received()) == 1


def test_two_copies_at_once_send_one_request(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", delay=0.3))
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(*[message] * 10)

    world.pump(world.worker())

    assert len(sinks.received()) == 1
    assert world.states() == {"delivered": 1}


def test_a_function_that_dies_before_its_note_leaves_a_delivery_that_goes_on(
    world: World, sinks: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)

    world.attempt_unnoted(world.waiting())
    world.go_on(world.worker(), seconds=40)  # the message comes back
    world.go_on(world.worker(), seconds=1)  # and the schedule finds its delivery

    delivery = world.delivery(message)
    assert delivery["state"] == "delivered"
    assert [attempt["reason"] for attempt in delivery["attempts"]] == ["interrupted", "http_200"]
    first, second = sinks.received()
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_a_message_that_comes_back_first_hides_no_attempt_of_a_function_that_died(
    world: World, sinks: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault: SQS gave the message out again before the schedule ran, and the endpoint was told once unrecorded."""
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)

    world.attempt_unnoted(world.waiting())
    world.later(minutes=5)  # the lease is over, and the queue's own time
    world.pump(world.worker())
    world.go_on(world.worker(), seconds=1)

    assert [attempt["reason"] for attempt in world.delivery(message)["attempts"]] == ["interrupted", "http_200"]
    assert len(sinks.received()) == 2


def test_a_delivery_that_kills_its_function_each_time_ends(
    world: World, sinks: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)

    def die(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(world.deliveries, "note", die)
    for _ in range(12):
        with contextlib.suppress(SystemExit):
            world.worker().run(world.waiting())
        world.later(seconds=60)
        world.redrive()

    delivery = world.delivery(message)
    assert (delivery["state"], delivery["attempts"][-1]["reason"]) == ("failed", "interrupted")
    assert len(delivery["attempts"]) == 10
    listed = world.service().list(transport="hook", states=[State.FAILED], since=None, until=None, before=None, limit=9)
    assert [each["id"] for each in listed.items] == [message.delivery_id]
    assert len(sinks.received()) == 10
    assert "interrupted" in [event["context"]["reason"] for event in world.reported()]


def test_what_keeps_an_attempt_from_being_noted_is_named(
    world: World, sinks: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault: after the last try it was called throttling, whatever it was."""
    world.hook(f"{sinks.url}/webhook/x")
    world.send(world.message())
    said: list[str] = []
    tried: list[object] = []

    def fail(*given: object) -> None:
        tried.append(given)
        raise Unavailable("noting an attempt failed: ValidationException")

    monkeypatch.setattr(world.deliveries, "note", fail)
    monkeypatch.setattr("tocsin.aws.retry.time.sleep", lambda _: None)
    monkeypatch.setattr("tocsin.deliveries.worker.note", lambda code, message, **facts: said.append(message))
    records = world.waiting()

    answer = world.worker().run(records)

    assert answer == {"batchItemFailures": [{"itemIdentifier": records[0]["messageId"]}]}
    assert said == ["noting an attempt failed: ValidationException"]
    assert (len(tried), len(sinks.received())) == (TRIES, 1)


def test_a_large_event_is_read_by_its_id(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    event = world.event(context={"message": "large", "blob": "x" * 150_000})
    message = world.message(event_id=event.id, event=event)
    assert len(message.to_body()) < 1000
    world.send(message)

    world.pump(world.worker())

    assert bodies(sinks)[0]["body"] == "large"


def test_an_event_that_is_gone_discards_its_delivery(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message(event_id="019ac0de-5a00-7b31-8c55-1f2e3d4c5b6a")
    world.send(message)

    world.pump(world.worker())

    delivery = world.delivery(message)
    assert (delivery["state"], delivery["attempts"][0]["reason"]) == ("discarded", "event_gone")
    assert sinks.received() == []


def test_a_transport_that_is_gone_discards_its_deliveries(world: World) -> None:
    world.configure()
    message = world.message()
    world.send(message)

    world.pump(world.worker())

    assert world.delivery(message)["attempts"][0]["reason"] == "no_transport"


def test_a_broken_message_comes_back_and_keeps_no_other_from_going_out(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.stack.sqs.send_message(QueueUrl=world.stack.queues["Webhook"], MessageBody="{")
    world.send(message)

    answer = world.worker().run(world.waiting())

    assert len(answer["batchItemFailures"]) == 1  # type: ignore[arg-type]
    assert world.delivery(message)["state"] == "delivered"


def test_ten_messages_go_out_at_once_and_no_more(world: World) -> None:
    world.hook("https://example.com/x")
    world.send(*[world.message() for _ in range(11)])
    ten, eleventh, under_way, most = threading.Barrier(10, timeout=60), threading.Event(), set[int](), list[int]()

    def deliver(_: RenderingContext) -> Outcome:
        under_way.add(threading.get_ident())
        most.append(len(under_way))
        if len(most) == 11:
            eleventh.set()
        else:
            ten.wait()
            eleventh.wait(0.3)
        under_way.discard(threading.get_ident())
        return Outcome(State.DELIVERED, "http_200")

    world.worker(deliver=deliver).run(world.waiting() + world.waiting())

    assert max(most) == 10
    assert world.states() == {"delivered": 11}


def test_messages_name_their_transport_so_that_queues_are_fair(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x", name="on call")
    world.send(world.message("on call"))

    (record,) = world.waiting()

    assert record["attributes"]["MessageGroupId"] == "on_call"
