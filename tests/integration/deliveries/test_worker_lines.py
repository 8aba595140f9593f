"""What the log and the metrics say of each attempt and of what follows from it, and what is queued again for when."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.deliveries.said_lines import said_since
from tests.integration.delivery_world import World
from tests.integration.handler_calls import failing, throttled
from tocsin.aws.metrics import Metric
from tocsin.deliveries.backoff import BY_QUEUE_UP_TO, PAUSES
from tocsin.deliveries.breaker import OPENS_AFTER, OPENS_OVER, BreakerState
from tocsin.deliveries.items import Place
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.worker import COMES_BACK_AFTER, LEASE
from tocsin.errors import Unavailable
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.outcome import Outcome, State
from tocsin.times import iso

type Facts = dict[str, Any]
type Measured = list[tuple[str, float, dict[str, str]]]

DELIVERED = Outcome(State.DELIVERED, "http_200", status=200)
FAILED = Outcome(State.FAILED, "http_404", "the endpoint answered 404", status=404)
LATER = Outcome(State.RETRYING, "http_503", "the endpoint answered 503", status=503, retry_after=50)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measured:
    found: Measured = []

    def measure(metric: Metric, value: float = 1, **dimensions: str) -> None:
        found.append((metric.value, value, dimensions))

    monkeypatch.setattr("tocsin.deliveries.worker.measured", measure)
    return found


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[Facts]]:
    caplog.set_level(logging.INFO)
    return lambda: said_since(caplog)


def attempted(world: World, outcome: Outcome | Exception, message: DeliveryMessage | None = None) -> DeliveryMessage:
    """Have a worker attempt a message, which takes 1,250 ms and has that outcome."""

    def deliver(_: RenderingContext) -> Outcome:
        world.later(milliseconds=1250)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    message = message or world.message()
    world.send(message)
    world.later(seconds=1)
    world.pump(world.worker(deliver=deliver))
    return message


def facts(message: DeliveryMessage) -> Facts:
    names = ("event_id", "delivery_id", "rule", "transport")
    return {name: getattr(message, name) for name in names}


def line(message: DeliveryMessage, level: str, code: str, text: str, **more: Any) -> Facts:
    return {"level": level, "code": code, "message": text} | facts(message) | more


@pytest.mark.parametrize(
    ("outcome", "level", "code", "text", "state", "pause"),
    [
        (DELIVERED, "INFO", "DELIVERY_ENDED", "http_200", "delivered", None),
        (replace(DELIVERED, state=State.DISCARDED), "INFO", "DELIVERY_ENDED", "http_200", "discarded", None),
        (FAILED, "WARNING", "DELIVERY_ENDED", "the endpoint answered 404", "failed", None),
        (LATER, "WARNING", "DELIVERY_RETRIED", "the endpoint answered 503", "retrying", 50),
    ],
    ids=["delivered", "discarded", "failed", "retried"],
)
def test_an_attempts_line_says_whom_it_told_how_it_went_and_what_follows(
    world: World,
    said: Callable[[], list[Facts]],
    measured: Measured,
    outcome: Outcome,
    level: str,
    code: str,
    text: str,
    state: str,
    pause: int | None,
) -> None:
    world.hook("https://example.com/x")

    message = attempted(world, outcome)

    expected = line(
        message,
        level,
        code,
        text,
        user="alice",
        state=state,
        reason=outcome.reason,
        status=outcome.status,
        attempt=1,
        duration_ms=1250,
        next_attempt_s=pause,
    )
    assert said() == [{name: value for name, value in expected.items() if value is not None}]
    age = [("DeliveryAge", 2250.0, {"mode": "webhook"})] if state == "delivered" else []
    assert measured == [("Deliveries", 1, {"mode": "webhook", "outcome": state}), *age]
    (attempt,) = world.delivery(message)["attempts"]
    assert (attempt["at"], attempt["duration_ms"]) == (iso(world.now - timedelta(milliseconds=1250)), 1250)


@pytest.mark.parametrize(("fields", "outcomes"), [({"step": 1}, ["delivered"]), ({"test": True}, [])])
def test_the_age_of_a_step_is_not_measured_and_nothing_of_a_test(
    world: World, measured: Measured, fields: Facts, outcomes: list[str]
) -> None:
    world.hook("https://example.com/x")

    attempted(world, DELIVERED, world.message(**fields, event=world.event()))

    assert measured == [("Deliveries", 1, {"mode": "webhook", "outcome": each}) for each in outcomes]


def test_what_is_tried_again_soon_is_queued_for_then_and_what_is_later_waits_in_the_table(world: World) -> None:
    world.hook("https://example.com/x")
    pauses = (BY_QUEUE_UP_TO - 0.5, BY_QUEUE_UP_TO, BY_QUEUE_UP_TO + 0.5)
    soon, just, late = [attempted(world, replace(LATER, retry_after=pause)) for pause in pauses]

    assert [world.delivery(each)["next_attempt"] for each in (soon, just, late)] == [
        iso(world.now - timedelta(seconds=4.5) + timedelta(seconds=BY_QUEUE_UP_TO)),
        iso(world.now - timedelta(seconds=2.25) + timedelta(seconds=BY_QUEUE_UP_TO)),
        iso(world.now + timedelta(seconds=BY_QUEUE_UP_TO + 0.5)),
    ]
    world.later(seconds=BY_QUEUE_UP_TO - 5)
    assert world.waiting() == []
    world.later(seconds=11)
    records = world.waiting()
    queued = [DeliveryMessage.from_body(record["body"]) for record in records]
    assert {each.delivery_id for each in queued} == {soon.delivery_id, just.delivery_id}
    assert {(each.hops, each.again) for each in queued} == {(1, True)}
    assert {record["attributes"]["MessageGroupId"] for record in records} == {"hook"}


@pytest.mark.parametrize(
    ("test", "detail", "text"),
    [
        (False, "the endpoint answered 503", "the endpoint answered 503; given up after 10 attempts"),
        (True, "the endpoint answered 503", "the endpoint answered 503; given up after 1 attempt"),
        (True, "", "given up after 1 attempt"),
    ],
)
def test_what_is_given_up_says_after_how_many_attempts(
    world: World, said: Callable[[], list[Facts]], test: bool, detail: str, text: str
) -> None:
    world.hook("https://example.com/x")
    outcome = replace(LATER, detail=detail)
    message = world.message(test=test, event=world.event())
    if not test:
        attempted(world, outcome, message)
        world.stack.dynamodb.update_item(
            TableName="deliveries",
            Key=Place.of(message.delivery_id).key,
            UpdateExpression="SET tries = :tries",
            ExpressionAttributeValues={":tries": {"N": str(len(PAUSES))}},
        )
        world.forget_messages()
        world.later(minutes=1)
    said()

    attempted(world, outcome, message)

    ended = said()[-1]
    count = 1 if test else 10
    assert (ended["code"], ended["message"], ended["attempt"]) == ("DELIVERY_ENDED", text, count)
    assert "next_attempt_s" not in ended
    assert world.delivery(message)["attempts"][-1]["detail"] == text
    assert len(world.reported()) == (0 if test else 1)


def test_what_a_breaker_holds_says_so_and_is_counted(
    world: World, said: Callable[[], list[Facts]], measured: Measured
) -> None:
    hook = world.hook("https://example.com/x")
    world.open_breaker(hook)

    message = attempted(world, DELIVERED)

    assert said() == [line(message, "INFO", "DELIVERY_HELD", "held until the transport's endpoint answers again")]
    assert measured == [("Deliveries", 1, {"mode": "webhook", "outcome": "held"})]


def test_a_copy_of_what_is_done_says_what_it_found(world: World, said: Callable[[], list[Facts]]) -> None:
    world.hook("https://example.com/x")
    message = attempted(world, DELIVERED)
    said()

    attempted(world, DELIVERED, message)

    text = "this is not to be attempted now"
    assert said() == [line(message, "INFO", "DELIVERY_REPEATED", text, state="delivered")]


def test_what_a_disabled_transport_does_not_take_says_why_and_rings_no_alarm(world: World) -> None:
    hook = world.hook("https://example.com/x")
    world.breakers.disable("hook", hook.fingerprint, "http_410", now=world.now)

    message = attempted(world, DELIVERED)

    (attempt,) = world.delivery(message)["attempts"]
    assert (attempt["state"], attempt["reason"]) == ("failed", "transport_disabled")
    assert attempt["detail"] == (
        "the transport is disabled since its endpoint failed (http_410); mend it, then reset its breaker"
    )
    assert world.reported() == []


@pytest.mark.parametrize(
    ("transport", "event_id", "reason", "detail"),
    [
        ("another", None, "no_transport", "there is no transport another any more"),
        ("hook", "019ca945-0a00-7000-8000-000000000001", "event_gone", "the event has expired or was deleted"),
    ],
)
def test_what_can_not_be_told_any_more_is_discarded_and_rings_no_alarm(
    world: World, said: Callable[[], list[Facts]], transport: str, event_id: str | None, reason: str, detail: str
) -> None:
    world.hook("https://example.com/x")

    message = attempted(world, DELIVERED, world.message(transport, event_id=event_id))

    assert [(each["level"], each["message"], each["state"]) for each in said()] == [("INFO", detail, "discarded")]
    (attempt,) = world.delivery(message)["attempts"]
    assert (attempt["state"], attempt["reason"], attempt["detail"]) == ("discarded", reason, detail)
    assert world.reported() == []


@pytest.mark.parametrize(
    ("error", "reason", "detail"),
    [
        (Unavailable("the table is busy"), "unavailable", "the table is busy"),
        (ZeroDivisionError("x"), "fault", "a fault of Tocsin's: ZeroDivisionError"),
    ],
)
def test_a_fault_of_ours_is_tried_again_and_says_nothing_of_the_endpoint(
    world: World, said: Callable[[], list[Facts]], error: Exception, reason: str, detail: str
) -> None:
    world.hook("https://example.com/x")

    message = attempted(world, error)

    lines = said()
    assert [each["code"] for each in lines] == [*(["ATTEMPT_BROKEN"] if reason == "fault" else []), "DELIVERY_RETRIED"]
    if reason == "fault":
        assert lines[0] == line(message, "ERROR", "ATTEMPT_BROKEN", "an attempt could not be made")
    (attempt,) = world.delivery(message)["attempts"]
    assert (attempt["state"], attempt["reason"], attempt["detail"]) == ("retrying", reason, detail)
    assert world.breakers.get("hook") is None


def test_a_breaker_that_opens_is_told_of_once(world: World, said: Callable[[], list[Facts]]) -> None:
    hook = world.hook("https://example.com/x")
    for _ in range(OPENS_AFTER - 1):
        world.breakers.failed("hook", hook.fingerprint, "http_500", now=world.now - OPENS_OVER)

    attempted(world, LATER)

    text = "the endpoint fails: its deliveries are held, and one a minute tries it"
    assert said()[1:] == [{"level": "WARNING", "code": "BREAKER_OPENED", "message": text, "transport": "hook"}]
    (reported,) = world.reported()
    assert reported["context"]["reason"] == "http_503"


def test_an_endpoint_that_answers_again_is_told_of(world: World, said: Callable[[], list[Facts]]) -> None:
    hook = world.hook("https://example.com/x")
    world.open_breaker(hook)

    attempted(world, DELIVERED, world.message(probe=True))

    text = "the endpoint answers again"
    assert said()[1:] == [{"level": "INFO", "code": "BREAKER_RECOVERED", "message": text, "transport": "hook"}]


def test_an_endpoint_that_is_gone_disables_its_transport_and_both_are_told_of(
    world: World, said: Callable[[], list[Facts]]
) -> None:
    world.hook("https://example.com/x")
    gone = replace(FAILED, reason="http_410", detail="the endpoint is gone", disables=True)

    attempted(world, gone)

    text = "the endpoint is gone"
    assert said()[1:] == [{"level": "ERROR", "code": "TRANSPORT_DISABLED", "message": text, "transport": "hook"}]
    found = world.breakers.get("hook")
    assert found is not None
    assert (found.state, found.reason, found.told) == (BreakerState.DISABLED, "http_410", True)
    assert "Transport hook is disabled: the endpoint is gone. Mend it, then reset its breaker." in {
        each["context"]["message"] for each in world.reported()
    }


def test_a_breaker_that_can_not_be_written_is_said(world: World, said: Callable[[], list[Facts]]) -> None:
    world.hook("https://example.com/x")

    with failing(throttled(), "UpdateItem", client=world.stack.dynamodb, at=lambda call: call > 2):
        attempted(world, LATER)

    (left,) = [each for each in said() if each["code"] == "DELIVERY_LEFT"]
    assert (left["level"], left["transport"]) == ("WARNING", "hook")


def test_a_message_that_no_queue_takes_again_is_said(world: World, said: Callable[[], list[Facts]]) -> None:
    world.hook("https://example.com/x")
    message = world.message()

    with failing(throttled(), "SendMessage", service="sqs", client=world.stack.sqs):
        attempted(world, LATER, message)

    (left,) = [each for each in said() if each["code"] == "DELIVERY_NOT_REQUEUED"]
    assert left["level"] == "WARNING" and left.items() >= facts(message).items()


@pytest.mark.parametrize("times", [*range(1, len(COMES_BACK_AFTER) + 2)])
@pytest.mark.parametrize("is_broken", [True, False])
def test_what_can_not_be_handled_comes_back_ever_later(
    world: World, said: Callable[[], list[Facts]], times: int, is_broken: bool
) -> None:
    world.hook("https://example.com/x")
    message = world.message()
    world.send(message)
    (record,) = world.waiting()
    record["attributes"]["ApproximateReceiveCount"] = str(times)
    if is_broken:
        record["body"] = "no JSON"
    worker = world.worker()

    with failing(throttled(), "UpdateItem", table="deliveries", client=world.stack.dynamodb):
        worker.run([record])

    pause = COMES_BACK_AFTER[min(times, 6) - 1]
    world.later(seconds=pause - 0.5)
    assert world.waiting() == []
    world.later(seconds=1)
    assert len(world.waiting()) == 1
    (left,) = [each for each in said() if each["code"] == "DELIVERY_LEFT"]
    known = {"event_id": message.event_id, "delivery_id": message.delivery_id}
    known = (
        {"level": "ERROR", "message": "a message could not be handled"} if is_broken else known | {"level": "WARNING"}
    )
    assert left.items() >= ({"message_id": record["messageId"]} | known).items()


def test_a_delivery_is_taken_for_longer_than_its_function_may_run(world: World) -> None:
    world.hook("https://example.com/x")
    message = world.message()
    world.send(message, message)
    first, copy = world.waiting()

    def die(_: RenderingContext) -> Outcome:
        raise SystemExit

    with pytest.raises(SystemExit):
        world.worker(deliver=die).run([first])
    world.worker().run([copy])

    assert [float(item["due_at"]["N"]) for item in world.all()] == [(world.now + LEASE).timestamp()]


def test_a_delivery_and_what_is_queued_of_it_again_are_of_the_trace_of_its_message(world: World) -> None:
    world.hook("https://example.com/x")
    message, header = world.message(), "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    world.send(message)
    (record,) = world.waiting()
    record["attributes"]["AWSTraceHeader"] = header

    world.worker(deliver=lambda _: LATER).run([record])

    (item,) = world.all()
    world.later(seconds=51)
    again = [each for each in world.waiting() if each["messageId"] != record["messageId"]]
    assert item["trace"]["S"] == header
    assert [each["attributes"]["AWSTraceHeader"] for each in again] == [header]
