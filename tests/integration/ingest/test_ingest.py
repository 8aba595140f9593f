"""POST /events on moto: what is taken, how it is answered, and what is stored of it."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import PRODUCER, Client
from tocsin.aws import clients
from tocsin.config.model import Configuration
from tocsin.config.settings import Settings
from tocsin.config.store import ConfigurationStore, Version
from tocsin.events.redact import MASK
from tocsin.events.store import EventStore
from tocsin.ids import id_time, new_id

LOGIN = {"action": "login", "user": {"username": "alice", "pk": 7}, "context": {"n": 1}}


@pytest.fixture
def producer(stack: Stack) -> Client:
    return Client(stack, "ingest")


def configure(stack: Stack, **settings: Any) -> None:
    """Publish a configuration of nothing but settings."""
    store = ConfigurationStore(stack.dynamodb, "config")
    store.publish(Configuration(settings=Settings(**settings)), replacing=Version(), by="test")


def batch(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"action": "login", "context": {"n": i}, **fields} for i in range(count)]


# ── one event ────────────────────────────────────────────────────────────────


def test_one_event_is_stored_and_answered_with_its_id_and_times(stack: Stack, producer: Client) -> None:
    answer = producer.post(LOGIN)

    (stored,) = stack.events()
    assert answer.status == 201
    assert answer.body == {name: stored[name] for name in ("id", "created", "expires")}
    assert answer.headers["location"] == f"/events/{stored['id']}"
    assert stored == {
        "id": stored["id"],
        "created": stored["created"],
        "action": "login",
        "app": "billing",
        "user": {"username": "alice", "pk": 7},
        "context": {"n": 1},
        "client_ip": None,
        "brand": "default",
        "expires": stored["expires"],
        "expiring": True,
        "key_id": "0011223344556677",
    }


def test_the_times_of_an_event_are_those_of_its_request(producer: Client) -> None:
    begun = datetime.now(UTC)

    body = producer.post(LOGIN).body

    created = datetime.fromisoformat(body["created"])
    assert begun - timedelta(milliseconds=1) <= created <= datetime.now(UTC)
    assert id_time(body["id"]) == created
    assert datetime.fromisoformat(body["expires"]) == created + timedelta(days=365)


def test_an_event_can_be_read_by_its_id_alone(stack: Stack, producer: Client) -> None:
    event_id = producer.post(LOGIN).body["id"]

    event = EventStore(clients.dynamodb(), "events").get(event_id)

    assert event is not None
    assert event.to_json() == stack.events()[0]


def test_an_event_stands_in_the_indexes_by_user_and_address(stack: Stack, producer: Client) -> None:
    known = producer.post(LOGIN | {"client_ip": "2001:DB8::1"}).body["id"]
    unknown = producer.post({"action": "login", "user": {"pk": ""}}).body["id"]

    keys = {item["sk"]["S"]: (item.get("user_pk"), item.get("client_ip")) for item in stack.items("events")}
    assert keys == {known: ({"S": "7"}, {"S": "2001:db8::1"}), unknown: (None, None)}


def test_a_body_in_base64_is_taken(stack: Stack, load: Any) -> None:
    payload = load("ingest-single") | {
        "body": base64.b64encode(json.dumps(LOGIN).encode()).decode(),
        "isBase64Encoded": True,
    }

    assert stack.call("ingest", payload)["statusCode"] == 201


# ── several events ───────────────────────────────────────────────────────────


def test_a_batch_is_answered_with_a_result_for_each_in_order(stack: Stack, producer: Client) -> None:
    answer = producer.post(batch(60))

    results = answer.body["results"]
    stored = {event["id"]: event["context"]["n"] for event in stack.events()}
    assert (answer.status, answer.body["accepted"], answer.body["rejected"]) == (200, 60, 0)
    assert [stored[result["id"]] for result in results] == list(range(60))
    assert {result["status"] for result in results} == {201}


def test_a_batch_of_one_is_a_batch(producer: Client) -> None:
    answer = producer.post(batch(1))

    assert (answer.status, len(answer.body["results"])) == (200, 1)


def test_lines_are_a_batch(stack: Stack, producer: Client) -> None:
    lines = "\n".join(map(json.dumps, batch(3)))

    answer = producer.post(lines, content_type="application/x-ndjson")

    assert (answer.status, answer.body["accepted"]) == (200, 3)
    assert sorted(event["context"]["n"] for event in stack.events()) == [0, 1, 2]


def test_the_largest_batch_is_stored(stack: Stack, producer: Client) -> None:
    answer = producer.post(batch(500))

    assert (answer.status, answer.body["accepted"]) == (200, 500)
    assert len({result["id"] for result in answer.body["results"]}) == 500


def test_one_bad_event_loses_none_of_the_good_ones(stack: Stack, producer: Client) -> None:
    events = batch(3)
    events[1]["colour"] = "red"

    answer = producer.post(events)

    good, bad, other = answer.body["results"]
    assert (answer.status, answer.body["accepted"], answer.body["rejected"]) == (200, 2, 1)
    assert (good["status"], bad["status"], other["status"]) == (201, 422, 201)
    assert bad["errors"] == [{"path": "colour", "message": "is not a known field"}]
    assert {event["id"] for event in stack.events()} == {good["id"], other["id"]}


def test_a_bad_line_loses_none_of_the_good_ones(stack: Stack, producer: Client) -> None:
    answer = producer.post('{"action": "a"}\n{"action":\n{"action": "b"}', content_type="application/x-ndjson")

    assert [result["status"] for result in answer.body["results"]] == [201, 400, 201]
    assert len(stack.events()) == 2


def test_a_batch_of_nothing_but_bad_events_is_refused_with_a_result_for_each(stack: Stack, producer: Client) -> None:
    answer = producer.post([{}, {"action": ""}, 5], idempotency_key="once")

    assert answer.is_problem(422)
    assert [result["status"] for result in answer.body["results"]] == [422, 422, 422]
    assert stack.items("events") == []


# ── what the stack adds ──────────────────────────────────────────────────────


def test_an_event_without_an_app_is_its_keys(stack: Stack, producer: Client) -> None:
    producer.post({"action": "login"}, key=PRODUCER | {"key_name": "crm"})

    assert stack.events()[0]["app"] == "crm"


def test_an_event_may_name_its_app(stack: Stack, producer: Client) -> None:
    producer.post({"action": "login", "app": "shop"})

    assert stack.events()[0]["app"] == "shop"


def test_secrets_are_masked_before_anything_is_stored(stack: Stack, producer: Client) -> None:
    producer.post({"action": "login", "context": {"password": "hunter2", "url": "https://x.example/?token=hunter2"}})

    assert stack.events()[0]["context"] == {"password": MASK, "url": f"https://x.example/?token={MASK}"}
    assert "hunter2" not in str(stack.items("events"))


def test_the_settings_add_and_exempt_names_of_secrets(stack: Stack, producer: Client) -> None:
    configure(stack, secret_keys=("pin",), exempt_keys=("token",))

    producer.post({"action": "login", "context": {"pin": 1234, "token": "visible"}})

    assert stack.events()[0]["context"] == {"pin": MASK, "token": "visible"}


def test_the_settings_give_retention_and_brand(stack: Stack, producer: Client) -> None:
    configure(stack, event_retention="days=1", brand="acme")

    body = producer.post(LOGIN).body

    kept = datetime.fromisoformat(body["expires"]) - datetime.fromisoformat(body["created"])
    assert (kept, stack.events()[0]["brand"]) == (timedelta(days=1), "acme")


def test_an_event_goes_when_it_says(stack: Stack, producer: Client) -> None:
    producer.post(LOGIN | {"expires": "2099-12-31T00:00:00Z"})

    assert stack.items("events")[0]["expires_at"] == {"N": "4102358400"}


def test_a_retention_counts_from_the_request(stack: Stack, producer: Client) -> None:
    body = producer.post(LOGIN | {"retention": "hours=1", "created": "2026-01-01T00:00:00Z"}).body

    left = datetime.fromisoformat(body["expires"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)


def test_an_event_that_does_not_expire_has_no_end(stack: Stack, producer: Client) -> None:
    body = producer.post(LOGIN | {"expiring": False}).body

    (item,) = stack.items("events")
    assert body["expires"] is None
    assert "expires_at" not in item
    assert stack.events()[0]["expiring"] is False


@pytest.mark.parametrize(
    ("headers", "address"),
    [({"x_forwarded_for": "198.51.100.1, 10.0.0.1"}, "198.51.100.1"), ({"x_forwarded_for": ""}, "203.0.113.7")],
)
def test_the_producers_address_is_stored_where_it_asks_for_that(
    stack: Stack, producer: Client, headers: dict[str, str], address: str
) -> None:
    producer.post(LOGIN | {"client_ip": "request"}, **headers)

    assert stack.events()[0]["client_ip"] == address


def test_an_event_that_masks_swell_is_stored_for_all_that(stack: Stack, producer: Client) -> None:
    answer = producer.post([LOGIN, {"action": "login", "context": {"list": [{"pwd": 0}] * 19_000}}])

    assert [result["status"] for result in answer.body["results"]] == [201, 201]
    assert len(stack.events()) == 2


# ── ids of the producer's own ────────────────────────────────────────────────


def test_a_producers_id_is_the_events(stack: Stack, producer: Client) -> None:
    event_id = new_id()

    answer = producer.post(LOGIN | {"id": event_id})

    assert (answer.status, answer.body["id"]) == (201, event_id)
    assert stack.events()[0]["id"] == event_id


def test_a_repeat_gives_the_same_answer_and_stores_nothing(stack: Stack, producer: Client) -> None:
    event = LOGIN | {"id": new_id()}
    first = producer.post(event)
    before = stack.items("events")

    again = producer.post(dict(reversed(event.items())))

    assert again == first
    assert stack.items("events") == before


def test_a_repeat_in_a_batch_gives_the_same_result(stack: Stack, producer: Client) -> None:
    event = LOGIN | {"id": new_id()}
    first = producer.post(event).body

    results = producer.post([{"action": "logout"}, event]).body["results"]

    assert results[1] == {"status": 201} | first
    assert len(stack.events()) == 2


def test_another_event_of_the_same_id_is_a_conflict(stack: Stack, producer: Client) -> None:
    event_id = new_id()
    producer.post(LOGIN | {"id": event_id})

    answer = producer.post({"action": "logout", "id": event_id})

    assert answer.is_problem(409)
    assert event_id in answer.body["detail"]
    assert [event["action"] for event in stack.events()] == ["login"]


def test_a_conflict_in_a_batch_is_its_own(stack: Stack, producer: Client) -> None:
    event_id = producer.post(LOGIN).body["id"]

    results = producer.post([{"action": "logout", "id": event_id}, {"action": "logout"}]).body["results"]

    assert [result["status"] for result in results] == [409, 201]
    assert sorted(event["action"] for event in stack.events()) == ["login", "logout"]


def test_an_id_that_stands_twice_in_a_batch_is_taken_once(stack: Stack, producer: Client) -> None:
    event_id = new_id()

    twice = [LOGIN | {"id": event_id}, {"action": "logout", "id": event_id.upper()}]
    results = producer.post([*twice, {"action": "restart"}]).body["results"]

    assert [result["status"] for result in results] == [201, 422, 201]
    assert results[1]["errors"][0]["path"] == "id"
    assert sorted(event["action"] for event in stack.events()) == ["custom_restart", "login"]
