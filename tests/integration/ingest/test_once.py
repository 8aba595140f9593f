"""POST /events with `once` on moto: of the events with one key, the first within a window is stored."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import PRODUCER, Client, Killed, everything, failing, raising, throttled
from tocsin.events.store import event_key
from tocsin.ids import new_id

ONCE: dict[str, Any] = {"action": "login", "once": {"key": "k", "window": "days=30"}}


@pytest.fixture
def producer(stack: Stack) -> Client:
    return Client(stack, "ingest")


def markers(stack: Stack) -> list[dict[str, Any]]:
    return [item for item in stack.items("events") if item["pk"]["S"].startswith("once#")]


def let_windows_end(stack: Stack) -> None:
    """Make each marker as old as its window is long."""
    for item in markers(stack):
        stack.dynamodb.put_item(TableName="events", Item=item | {"expires_at": {"N": "1"}})


def test_the_first_event_of_a_key_is_stored_as_any_other(stack: Stack, producer: Client) -> None:
    answer = producer.post(ONCE)

    (stored,) = stack.events()
    assert answer.status == 201
    assert answer.body == {name: stored[name] for name in ("id", "created", "expires")}
    assert "once" not in stored


@pytest.mark.parametrize("more", [{}, {"id": new_id(), "context": {"message": "in other words"}}])
def test_a_second_event_of_a_key_stores_nothing_and_is_answered_with_the_first(
    stack: Stack, producer: Client, more: dict[str, Any]
) -> None:
    first = producer.post(ONCE)
    before = everything(stack)

    second = producer.post(ONCE | more)

    assert second.status == 200
    assert second.body == first.body
    assert everything(stack) == before


def test_an_event_that_never_expires_is_answered_so_the_second_time_too(producer: Client) -> None:
    producer.post(ONCE | {"expiring": False})

    assert producer.post(ONCE).body["expires"] is None


def test_an_event_that_is_sent_again_is_answered_as_stored(stack: Stack, producer: Client) -> None:
    event = ONCE | {"id": new_id()}
    first = producer.post(event)
    before = everything(stack)

    again = producer.post(event)

    assert (again.status, again.text) == (201, first.text)
    assert everything(stack) == before


def test_an_idempotency_key_answers_a_repeat_alike(stack: Stack, producer: Client) -> None:
    first = producer.post(ONCE, idempotency_key="k1")
    before = everything(stack)

    again = producer.post(ONCE, idempotency_key="k1")

    assert (again.status, again.text) == (first.status, first.text) == (201, first.text)
    assert everything(stack) == before


def test_an_id_that_another_event_has_is_a_conflict_and_leaves_no_marker(stack: Stack, producer: Client) -> None:
    event_id = new_id()
    producer.post({"action": "logout", "id": event_id})

    answer = producer.post(ONCE | {"id": event_id})

    assert answer.is_problem(409)
    assert markers(stack) == []


def test_after_the_window_the_next_event_is_stored(stack: Stack, producer: Client) -> None:
    first = producer.post(ONCE)
    let_windows_end(stack)

    second = producer.post(ONCE)

    assert second.status == 201
    assert second.body["id"] != first.body["id"]
    assert len(stack.events()) == 2


def test_the_window_goes_on_when_the_event_is_gone(stack: Stack, producer: Client) -> None:
    first = producer.post(ONCE | {"retention": "seconds=1"})
    stack.dynamodb.delete_item(TableName="events", Key=event_key(first.body["id"]))

    second = producer.post(ONCE)

    assert (second.status, second.body["id"]) == (200, first.body["id"])
    assert stack.events() == []


def test_the_event_is_created_when_it_is_sent(producer: Client) -> None:
    """A deprecation was dated to the start of its window of 30 days, where nobody looks for news."""
    before = datetime.now(UTC) - timedelta(milliseconds=1)

    created = datetime.fromisoformat(producer.post(ONCE).body["created"])

    assert before <= created <= datetime.now(UTC)


def test_a_marker_lives_as_long_as_its_window_and_does_not_show_its_key(stack: Stack, producer: Client) -> None:
    producer.post(ONCE | {"once": {"key": "old-setting of alice", "window": "hours=2"}})

    (marker,) = markers(stack)
    left = datetime.fromtimestamp(int(marker["expires_at"]["N"]), UTC) - datetime.now(UTC)
    assert timedelta(hours=1, minutes=59) < left <= timedelta(hours=2)
    assert "alice" not in str(marker)


def test_a_key_is_its_api_keys_alone(stack: Stack, producer: Client) -> None:
    producer.post(ONCE)

    other = producer.post(ONCE, key=PRODUCER | {"key_id": "ffffffffffffffff"})

    assert other.status == 201
    assert len(stack.events()) == 2


def test_in_a_batch_the_first_of_each_key_is_stored(stack: Stack, producer: Client) -> None:
    keys = ["a", "b", None, "a", "b", "a"]
    batch = [
        {"action": f"e{n}"} | ({} if key is None else {"once": {"key": key, "window": "days=1"}})
        for n, key in enumerate(keys)
    ]

    answer = producer.post([*batch, {"action": ""}])

    results = answer.body["results"]
    assert [result["status"] for result in results] == [201, 201, 201, 200, 200, 200, 422]
    assert (answer.body["accepted"], answer.body["rejected"]) == (6, 1)
    assert [results[n]["id"] for n in (3, 4, 5)] == [results[n]["id"] for n in (0, 1, 0)]
    assert sorted(event["action"] for event in stack.events()) == ["custom_e0", "custom_e1", "custom_e2"]


def test_a_batch_of_repeats_is_accepted(producer: Client) -> None:
    producer.post(ONCE)

    answer = producer.post([ONCE])

    assert (answer.status, answer.body["accepted"]) == (200, 1)


def test_a_crash_leaves_no_marker_without_its_event(stack: Stack, producer: Client) -> None:
    with failing(raising(Killed()), "TransactWriteItems"), pytest.raises(Killed):
        producer.post(ONCE)

    assert stack.items("events") == []
    assert producer.post(ONCE).status == 201


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "failure",
    [throttled(), throttled("InternalServerError", 500), throttled("TransactionCanceledException")],
    ids=["throttled", "a fault", "cancelled for no reason given"],
)
def test_what_can_not_be_stored_is_not_acknowledged(stack: Stack, producer: Client, failure: Any) -> None:
    with failing(failure, "TransactWriteItems"):
        answer = producer.post([ONCE, {"action": "plain"}])

    assert answer.is_problem(503)
    assert [result["status"] for result in answer.body["results"]] == [503, 201]
    assert markers(stack) == []


@pytest.mark.usefixtures("impatient")
def test_a_transaction_that_meets_another_is_tried_again(stack: Stack, producer: Client) -> None:
    def conflict(call: dict[str, Any]) -> Any:
        http, answer = throttled("TransactionCanceledException")(call)
        return http, answer | {"CancellationReasons": [{"Code": "TransactionConflict"}, {"Code": "None"}]}

    with failing(conflict, "TransactWriteItems", at=lambda call: call <= 2) as calls:
        answer = producer.post(ONCE)

    assert answer.status == 201
    assert len(calls) == 3
    assert len(stack.events()) == 1
