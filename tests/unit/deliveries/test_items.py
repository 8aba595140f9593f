"""A delivery's item, and the messages of queues: what is written is read again, whatever is set."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from tests.unit.rules.test_ruleset import event
from tocsin.aws.dynamodb import document, number, text
from tocsin.aws.tracing import caused_by
from tocsin.deliveries.items import QUEUE_GRACE, Place, due, facts, message_of, shown
from tocsin.deliveries.model import INLINE_LIMIT, MAX_HOPS, Attempt, DeliveryMessage, Following
from tocsin.errors import Unavailable
from tocsin.identity.directory import User
from tocsin.matching.message import Cursor, MatchMessage
from tocsin.notifications.model import Severity
from tocsin.notifications.outcome import Outcome, State

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLAIN = DeliveryMessage(
    event_id=event().id, rule="r", severity=Severity.ALERT, transport="t", mode="webhook", user=None, once=False
)
FULL = replace(
    PLAIN,
    user=User("alice", "alice@example.com", locale="de"),
    once=True,
    remark="Two more were held back.",
    test=True,
    why="a rule of hers says so",
    about="0123456789abcdef",
    over=True,
    step=2,
)


def item_of(message: DeliveryMessage) -> dict[str, object]:
    return Place.of(message.delivery_id).key | facts(message)


@pytest.mark.parametrize("message", [PLAIN, FULL], ids=["plain", "full"])
def test_a_message_is_made_again_of_its_delivery(message: DeliveryMessage) -> None:
    made = message_of(item_of(message))

    assert made == message
    assert made.delivery_id == message.delivery_id
    assert made.again


def test_a_message_is_made_again_in_the_trace_in_which_its_delivery_was_taken() -> None:
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

    with caused_by(header):
        item = item_of(PLAIN)

    assert (message_of(item).trace, message_of(item_of(PLAIN)).trace) == (header, None)


def test_a_digest_is_made_again_with_its_id() -> None:
    digest = replace(PLAIN, digest="0123456789abcdef")

    made = message_of(item_of(digest) | {"digest": document({"first": []})})

    assert made == digest


@pytest.mark.parametrize(
    "message",
    [PLAIN, FULL, replace(PLAIN, probe=True, paced=True, hops=3, digest="0123456789abcdef")],
    ids=["plain", "full", "on its way"],
)
def test_a_message_of_a_queue_is_read_as_it_was_written(message: DeliveryMessage) -> None:
    assert DeliveryMessage.from_body(message.to_body()) == message


def test_whether_the_table_has_its_delivery_already_goes_with_a_message() -> None:
    sent = [replace(PLAIN, again=again) for again in (False, True)]

    assert [DeliveryMessage.from_body(message.to_body()).again for message in sent] == [False, True]


@pytest.mark.parametrize(
    "message",
    [
        MatchMessage(event().id),
        MatchMessage(event().id, "r", Cursor(2, "alice", 7, once_told=True, remark="more"), "a reason", ends=True),
        MatchMessage(event().id, "r", Cursor(), step=1, about="0123456789abcdef"),
    ],
    ids=["an event", "an end", "a step"],
)
def test_work_for_the_matcher_is_read_as_it_was_written(message: MatchMessage) -> None:
    assert MatchMessage.from_body(message.to_body()) == message


def test_a_message_is_sent_to_its_own_queue_a_bounded_number_of_times() -> None:
    last = replace(PLAIN, hops=MAX_HOPS - 1).once_more()

    assert (last.hops, last.again) == (MAX_HOPS, True)
    with pytest.raises(Unavailable):
        last.once_more()


@pytest.mark.parametrize(("more", "travels"), [(0, True), (1, False)])
def test_an_event_travels_in_its_message_up_to_a_size(more: int, travels: bool) -> None:
    about = event(context={"m": ""})
    filled = replace(about, context={"m": "x" * (INLINE_LIMIT - len(orjson.dumps(about.to_json())) + more)})

    sent = DeliveryMessage.from_body(replace(PLAIN, event=filled).to_body())

    assert sent.event == (filled if travels else None)


@pytest.mark.parametrize(("by_queue", "grace"), [(True, QUEUE_GRACE), (False, timedelta())])
def test_the_schedule_takes_what_sqs_did_not_bring_back_some_minutes_later(by_queue: bool, grace: timedelta) -> None:
    made = due(PLAIN.delivery_id, Following(State.RETRYING, NOON, by_queue))

    assert made["next_attempt"] == {"S": "2026-03-01T12:00:00.000Z"}
    assert float(made["due_at"]["N"]) - float(made["not_before"]["N"]) == grace.total_seconds()


def test_what_does_not_go_on_by_itself_is_never_due() -> None:
    assert due(PLAIN.delivery_id, Following(State.DELIVERED)) == {}


@pytest.mark.parametrize(
    "known",
    [{}, {"detail": "it says no", "status": 503, "answer": "<html>", "remote_id": "0102"}],
    ids=["nothing more", "all"],
)
def test_an_attempt_is_shown_with_what_is_known_of_it(known: dict[str, Any]) -> None:
    attempt = Attempt(NOON, 70, Outcome(State.RETRYING, "http_503", **known))

    assert attempt.to_json() == {
        "at": "2026-03-01T12:00:00.000Z",
        "duration_ms": 70,
        "state": "retrying",
        "reason": "http_503",
        **known,
    }


def test_a_delivery_is_shown_with_all_that_is_known_of_it() -> None:
    item = item_of(FULL) | {
        "state": text(State.RETRYING),
        "created": text("2026-03-01T12:00:00.000Z"),
        "updated": text("2026-03-01T12:07:00.000Z"),
        "taken_at": text("2026-03-01T12:06:00.000Z"),
        "attempts": {"L": [document({"reason": "http_503"}), document({"reason": "http_500"})]},
        "attempts_left_out": number(3),
        "next_attempt": text("2026-03-01T13:00:00.000Z"),
        "joined": text("0123-4567"),
        "digest": document({"count": 2, "first": []}),
    }

    assert shown(item) == {
        "id": FULL.delivery_id,
        "event_id": FULL.event_id,
        "rule": "r",
        "transport": "t",
        "mode": "webhook",
        "user": "alice",
        "notification_id": FULL.notification_id,
        "state": "retrying",
        "created": "2026-03-01T12:00:00.000Z",
        "updated": "2026-03-01T12:07:00.000Z",
        "attempts": [{"reason": "http_503"}, {"reason": "http_500"}],
        "attempts_left_out": 3,
        "next_attempt": "2026-03-01T13:00:00.000Z",
        "step": 2,
        "why": "a rule of hers says so",
        "joined": "0123-4567",
        "digest": {"count": 2, "first": []},
    }


def test_a_delivery_that_a_function_has_taken_and_not_changed_yet_is_shown_without_what_it_has_not() -> None:
    item = item_of(PLAIN) | {"state": text(State.DELIVERING), "taken_at": text("2026-03-01T12:06:00.000Z")}

    told = shown(item)

    assert (told["updated"], told["attempts"], told["user"]) == ("2026-03-01T12:06:00.000Z", [], None)
    assert told.keys().isdisjoint({"attempts_left_out", "next_attempt", "step", "why", "joined", "digest"})
