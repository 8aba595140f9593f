"""POST /events on moto, again: with an Idempotency-Key, after a crash, while DynamoDB throttles or fails."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.integration.conftest import Stack
from tests.integration.handler_calls import (
    PRODUCER,
    Client,
    Failure,
    Killed,
    everything,
    failing,
    heard,
    nothing_processed,
    raising,
    throttled,
)
from tocsin.aws import clients
from tocsin.ids import new_id

LOGIN: dict[str, Any] = {"action": "login"}
BATCH: list[dict[str, Any]] = [{"action": "login", "context": {"n": i}} for i in range(40)]
MIXED: list[dict[str, Any]] = [LOGIN, {"action": ""}, {"action": "logout", "created": "2026-01-01T00:00:00.123Z"}]


@pytest.fixture
def producer(stack: Stack) -> Client:
    return Client(stack, "ingest")


def let_a_day_pass(stack: Stack) -> None:
    """Make each Idempotency-Key 24 hours older, as far as its record goes."""
    for item in stack.items("events"):
        if item["pk"]["S"].startswith("idempotency#"):
            expires = int(item["expires_at"]["N"]) - 24 * 3600
            stack.dynamodb.put_item(TableName="events", Item=item | {"expires_at": {"N": str(expires)}})


def numbers(stack: Stack) -> list[int]:
    return sorted(event["context"]["n"] for event in stack.events())


# ── Idempotency-Key ──────────────────────────────────────────────────────────


@pytest.mark.parametrize("body", [LOGIN, BATCH, MIXED], ids=["one", "batch", "mixed"])
def test_a_repeat_gives_the_same_answer_and_stores_nothing(stack: Stack, producer: Client, body: Any) -> None:
    first = producer.post(body, idempotency_key="k1")
    before = everything(stack)

    again = producer.post(body, idempotency_key="k1")

    assert first.status in {200, 201}
    assert (again.status, again.headers, again.text) == (first.status, first.headers, first.text)
    assert everything(stack) == before


def test_a_repeat_to_another_process_gives_the_same_answer(stack: Stack, producer: Client) -> None:
    first = producer.post(BATCH, idempotency_key='"k1"')

    again = Client(stack, "ingest").post(BATCH, idempotency_key="k1")

    assert again.text == first.text
    assert len(stack.events()) == len(BATCH)


def test_a_repeat_whose_expiry_has_passed_gives_the_same_answer(
    producer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    event = LOGIN | {"expires": (now + timedelta(hours=1)).isoformat()}
    first = producer.post(event, idempotency_key="k1")
    monkeypatch.setattr("tocsin.ingest.service.new_id", lambda: new_id(now + timedelta(hours=2)))

    again = producer.post(event, idempotency_key="k1")

    assert producer.post(event).is_problem(422)
    assert (first.status, again.status) == (201, 201)
    assert again.text == first.text


def test_the_same_key_with_another_body_is_a_conflict(stack: Stack, producer: Client) -> None:
    producer.post(LOGIN, idempotency_key="k1")
    before = everything(stack)

    answer = producer.post({"action": "logout"}, idempotency_key="k1")

    assert answer.is_problem(409)
    assert "Idempotency-Key" in answer.body["detail"]
    assert everything(stack) == before


def test_the_same_key_with_a_bad_body_is_a_conflict_too(producer: Client) -> None:
    producer.post(LOGIN, idempotency_key="k1")

    assert producer.post([{"action": ""}], idempotency_key="k1").is_problem(409)


def test_a_refused_request_does_not_use_up_its_key(stack: Stack, producer: Client) -> None:
    assert producer.post({"action": ""}, idempotency_key="k1").is_problem(422)
    assert producer.post([{"action": ""}], idempotency_key="k1").is_problem(422)

    assert producer.post(LOGIN, idempotency_key="k1").status == 201


def test_after_24_hours_the_same_key_is_a_new_request(stack: Stack, producer: Client) -> None:
    first = producer.post(LOGIN, idempotency_key="k1").body["id"]
    let_a_day_pass(stack)

    again = producer.post({"action": "logout"}, idempotency_key="k1")

    assert again.status == 201
    assert again.body["id"] != first
    assert len(stack.events()) == 2


def test_a_key_is_remembered_for_24_hours(stack: Stack, producer: Client) -> None:
    producer.post(LOGIN, idempotency_key="k1")

    (until,) = [int(item["expires_at"]["N"]) for item in stack.items("events") if "anchor" in item]
    assert (
        timedelta(hours=23, minutes=59) < datetime.fromtimestamp(until, UTC) - datetime.now(UTC) <= timedelta(hours=24)
    )


def test_an_idempotency_key_is_its_api_keys_alone(stack: Stack, producer: Client) -> None:
    first = producer.post(LOGIN, idempotency_key="k1").body["id"]

    other = producer.post(LOGIN, idempotency_key="k1", key=PRODUCER | {"key_id": "ffffffffffffffff"})

    assert other.status == 201
    assert other.body["id"] != first


def test_each_idempotency_key_is_a_request_of_its_own(producer: Client) -> None:
    keys = ["k1", "k2", "Xk1", "\ud800", "\ud801"]

    answers = [producer.post({"action": f"e{n}"}, idempotency_key=key) for n, key in enumerate(keys)]

    assert [answer.status for answer in answers] == [201] * len(keys)


def test_the_ids_of_a_request_with_a_key_follow_from_its_time_and_their_places(
    producer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repeat may come to the release after the one that took the first request: it makes the same ids."""
    monkeypatch.setattr("tocsin.ingest.service.new_id", lambda: "019ac0de-5a00-7b31-8c55-1f2e3d4c5b6a")

    first, _, third = producer.post([LOGIN, {}, LOGIN], idempotency_key="k1").body["results"]

    assert first["id"] == "019ac0de-5a00-78b6-85a2-a84c80373bb3"
    assert third["id"] == "019ac0de-5a00-7345-9399-8349e20ea5fe"


def test_an_idempotency_key_is_stored_as_its_hash(stack: Stack, producer: Client) -> None:
    producer.post(LOGIN, idempotency_key="order-4711-of-alice")

    assert "4711" not in str(stack.items("events"))


# ── a crash in the middle ────────────────────────────────────────────────────


WRITES_OF_A_BATCH = ("PutItem", "BatchExecuteStatement")
"""The record of a request's key, or an event by itself; 25 events."""


@pytest.mark.parametrize("killed_at", [0, 1, 2])
def test_a_repeat_after_a_crash_stores_what_is_missing(stack: Stack, producer: Client, killed_at: int) -> None:
    with failing(raising(Killed()), *WRITES_OF_A_BATCH, at=lambda call: call > killed_at), pytest.raises(Killed):
        producer.post(BATCH, idempotency_key="k1")
    stored = {event["id"] for event in stack.events()}
    assert len(stored) < len(BATCH)

    answer = Client(stack, "ingest").post(BATCH, idempotency_key="k1")

    ids = {result["id"] for result in answer.body["results"]}
    assert answer.status == 200
    assert numbers(stack) == list(range(len(BATCH)))
    assert stored <= ids == {event["id"] for event in stack.events()}


def test_a_repeat_after_a_crash_stores_what_is_missing_of_a_producers_ids(stack: Stack, producer: Client) -> None:
    events = [event | {"id": new_id()} for event in BATCH]
    with failing(raising(Killed()), "BatchExecuteStatement", at=lambda call: call > 1), pytest.raises(Killed):
        producer.post(events)
    assert len(stack.events()) == 25

    answer = Client(stack, "ingest").post(events)

    assert answer.body["accepted"] == len(events)
    assert numbers(stack) == list(range(len(events)))


def test_a_repeat_after_an_answer_that_never_came_stores_nothing_twice(stack: Stack, producer: Client) -> None:
    """DynamoDB has done what it was asked for, and the process ends before it hears of it."""
    events = [event | {"id": new_id()} for event in BATCH]

    def end(**_: Any) -> None:
        raise Killed

    with heard(clients.dynamodb(), "after-call.dynamodb.BatchExecuteStatement", end), pytest.raises(Killed):
        producer.post(events)
    before = everything(stack)

    answer = Client(stack, "ingest").post(events)

    assert [result["status"] for result in answer.body["results"]] == [201] * len(events)
    assert numbers(stack) == list(range(len(events)))
    assert all(item in everything(stack)["events"] for item in before["events"])


def test_of_a_batch_the_events_that_are_there_are_answered_from_the_store(stack: Stack, producer: Client) -> None:
    earlier, other, new = ({"action": "login", "id": new_id(), "context": {"n": n}} for n in range(3))
    producer.post([earlier, other])

    answer = producer.post([new, other | {"action": "logout"}, earlier])

    assert [result["status"] for result in answer.body["results"]] == [201, 409, 201]
    assert numbers(stack) == [0, 1, 2]
    assert [event["action"] for event in stack.events()] == ["login"] * 3


@pytest.mark.parametrize("own_ids", [False, True])
def test_a_batch_of_a_hundred_is_four_calls(stack: Stack, producer: Client, own_ids: bool) -> None:
    """The fault: each event with an id of its own was a PutItem."""
    producer.post(LOGIN)  # the settings are read
    events = [LOGIN | ({"id": new_id()} if own_ids else {}) for _ in range(100)]

    with failing(throttled(), at=lambda _: False) as calls:
        answer = producer.post(events)

    assert answer.body["accepted"] == 100
    assert calls == ["BatchExecuteStatement" if own_ids else "BatchWriteItem"] * 4


# ── DynamoDB throttles or fails ──────────────────────────────────────────────

FAILURES: dict[str, Failure] = {
    "throttled": throttled(),
    "above its throughput": throttled("ProvisionedThroughputExceededException"),
    "a fault": throttled("InternalServerError", 500),
    "not allowed": throttled("AccessDeniedException"),
    "no network": raising(EndpointConnectionError(endpoint_url="https://dynamodb.example")),
}


@pytest.mark.usefixtures("impatient")
def test_what_can_not_be_stored_is_not_acknowledged(stack: Stack, producer: Client, subtests: pytest.Subtests) -> None:
    ways: dict[str, tuple[Any, dict[str, str]]] = {
        "one": (LOGIN, {}),
        "a batch": (BATCH, {}),
        "an id": (LOGIN | {"id": new_id()}, {}),
        "a key": (BATCH, {"idempotency_key": "k1"}),
        "ids": ([event | {"id": new_id()} for event in BATCH], {}),
    }
    for way, (body, headers) in ways.items():
        for reason, failure in FAILURES.items():
            with subtests.test(way, reason=reason), failing(failure, "BatchWriteItem", *WRITES_OF_A_BATCH):
                answer = producer.post(body, **headers)

                assert answer.is_problem(503)
                assert int(answer.headers["retry-after"]) == answer.body["retry_after"] > 0
                assert stack.items("events") == []


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("body", [LOGIN, BATCH, LOGIN | {"id": new_id()}], ids=["one", "a batch", "an id"])
def test_the_log_says_why_nothing_could_be_stored(
    producer: Client, capsys: pytest.CaptureFixture[str], body: Any
) -> None:
    """The fault: "the event could not be stored", for a missing right as for throttling; of a batch nothing at all."""
    with failing(throttled("AccessDeniedException"), "BatchWriteItem", *WRITES_OF_A_BATCH):
        producer.post(body)

    (line,) = [json.loads(each) for each in capsys.readouterr().out.splitlines() if "EVENTS_UNAVAILABLE" in each]
    assert line["level"] == "ERROR"
    assert "AccessDeniedException" in line["message"]


def test_without_its_settings_nothing_is_taken(stack: Stack, producer: Client) -> None:
    with failing(throttled(), "GetItem"):
        answer = producer.post(LOGIN)

    assert answer.is_problem(503)
    assert stack.items("events") == []


@pytest.mark.usefixtures("impatient")
def test_what_dynamodb_leaves_unprocessed_is_not_acknowledged(stack: Stack, producer: Client) -> None:
    with failing(nothing_processed, "BatchWriteItem"):
        answer = producer.post(BATCH)

    assert answer.is_problem(503)
    assert {result["status"] for result in answer.body["results"]} == {503}
    assert stack.items("events") == []


@pytest.mark.usefixtures("impatient")
def test_what_dynamodb_leaves_unprocessed_for_a_moment_is_stored(stack: Stack, producer: Client) -> None:
    with failing(nothing_processed, "BatchWriteItem", at=lambda call: call in {1, 2, 4}):
        answer = producer.post(BATCH)

    assert answer.body["accepted"] == len(BATCH)
    assert numbers(stack) == list(range(len(BATCH)))


@pytest.mark.usefixtures("impatient")
def test_of_a_batch_that_is_stored_in_part_just_that_part_is_acknowledged(stack: Stack, producer: Client) -> None:
    with failing(throttled(), "BatchWriteItem", at=lambda call: call > 1):
        answer = producer.post(BATCH)

    acknowledged = [result["id"] for result in answer.body["results"] if result["status"] == 201]
    assert answer.is_problem(503)
    assert "retry-after" in answer.headers
    assert sorted(acknowledged) == sorted(event["id"] for event in stack.events())
    assert 0 < len(acknowledged) < len(BATCH)


@pytest.mark.usefixtures("impatient")
def test_a_repeat_after_throttling_completes_the_batch(stack: Stack, producer: Client) -> None:
    with failing(throttled(), *WRITES_OF_A_BATCH, at=lambda call: call > 2):
        first = producer.post(BATCH, idempotency_key="k1")

    again = producer.post(BATCH, idempotency_key="k1")

    told = [result for result in first.body["results"] if result["status"] == 201]
    assert first.is_problem(503)
    assert len(told) == 25
    assert all(result in again.body["results"] for result in told)
    assert numbers(stack) == list(range(len(BATCH)))
