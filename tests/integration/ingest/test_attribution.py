"""Who posted an event, on moto: its key stands beside it, and what is logged of a request is nothing that was sent."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import PRODUCER, Client, failing, throttled
from tocsin.aws.logging import Code
from tocsin.ids import new_id

OTHER = PRODUCER | {"key_id": "8899aabbccddeeff", "key_name": "shop"}
SECRET = "SECRETVAL91"


@pytest.fixture
def producer(stack: Stack) -> Client:
    return Client(stack, "ingest")


def lines(caplog: pytest.LogCaptureFixture, code: Code) -> list[Any]:
    """The lines with this code."""
    return [record for record in caplog.records if getattr(record, "code", None) == code]


def test_an_event_says_which_key_posted_it_whatever_it_says_itself(stack: Stack, producer: Client) -> None:
    answer = producer.post({"action": "login", "app": "shop"})

    shown = Client(stack, "api").ask("GET", f"/events/{answer.body['id']}").body
    assert shown["key_id"] == PRODUCER["key_id"]
    assert producer.post({"action": "login", "key_id": "8899aabbccddeeff"}).paths == ["key_id"]


def test_an_event_that_another_key_has_stored_is_not_this_ones(stack: Stack, producer: Client) -> None:
    event = {"id": new_id(), "action": "login", "app": "shop"}
    assert producer.post(event).status == 201

    answer = producer.post(event, key=OTHER)

    (stored,) = stack.events()
    assert answer.is_problem(409)
    assert "another key" in answer.body["detail"]
    assert stored["key_id"] == PRODUCER["key_id"]


def test_a_repeat_of_an_event_from_before_keys_were_kept_is_a_repeat(stack: Stack, producer: Client) -> None:
    event = {"id": new_id(), "action": "login"}
    assert producer.post(event).status == 201
    (item,) = stack.items("events")
    old = json.loads(item["event"]["S"])
    del old["key_id"]
    stack.dynamodb.put_item(TableName="events", Item=item | {"event": {"S": json.dumps(old)}})

    assert producer.post(event).status == 201


def test_a_repeat_in_another_spelling_is_a_repeat(stack: Stack, producer: Client) -> None:
    event_id = new_id()
    first = producer.post({"id": event_id, "action": "login", "client_ip": "::ffff:10.0.0.1"})

    second = producer.post({"id": event_id.upper(), "action": "login", "client_ip": "10.0.0.1", "app": None})

    assert (first.status, second.status) == (201, 201)
    assert first.body == second.body
    assert len(stack.events()) == 1


def test_a_mapped_address_is_found_by_both_of_its_spellings(stack: Stack, producer: Client) -> None:
    assert producer.post({"action": "login", "client_ip": "::ffff:10.20.30.40"}).status == 201
    api = Client(stack, "api")

    for asked in ("10.20.30.40", "10.20.30.0/24", "10.0.0.0/8", "::ffff:10.20.30.40", "::ffff:10.20.30.0/120"):
        found = api.ask("GET", "/events", query={"client_ip": asked}).body["items"]
        assert [event["client_ip"] for event in found] == ["10.20.30.40"], asked


def test_what_an_attacker_sends_and_a_proxy_spells_keeps_no_event_out(
    stack: Stack, producer: Client, load: Callable[[str], dict[str, Any]]
) -> None:
    answer = producer.send(load("ingest-replaced"))

    (stored,) = stack.events()
    assert answer.status == 201
    assert (stored["client_ip"], stored["brand"]) == ("198.51.100.7", "acme")
    assert stored["user"]["username"] == "mallory\ufffd"
    assert stored["context"]["_replaced"] == 2


# ── what is logged ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("batch", [False, True])
def test_each_stored_event_has_a_line_with_its_id(
    producer: Client, caplog: pytest.LogCaptureFixture, batch: bool
) -> None:
    event = {"action": "login"}

    answer = producer.post([event, event, {"action": "!"}] if batch else event)

    ids = [result["id"] for result in answer.body["results"] if "id" in result] if batch else [answer.body["id"]]
    assert [record.event_id for record in lines(caplog, Code.EVENT_STORED)] == ids
    assert {record.levelname for record in lines(caplog, Code.EVENT_STORED)} == {"INFO"}


@pytest.mark.parametrize(
    "event",
    [
        {"action": f"Authorization: Bearer {SECRET}"},
        {"action": "login", "client_ip": SECRET},
        {"action": "login", "id": SECRET},
        {"action": "login", "retention": f"{SECRET}=1"},
        {"action": "login", "created": SECRET},
        {"action": "login", "app": f"{SECRET}\n"},
        {"action": "login", SECRET: 1},
        {"action": "login", "user": {"username": {SECRET: 1}}},
        {"action": "login", "once": {"key": SECRET, "window": SECRET}},
    ],
    ids=str,
)
def test_what_is_refused_is_not_logged(
    producer: Client, caplog: pytest.LogCaptureFixture, event: dict[str, Any]
) -> None:
    assert producer.post(event).is_problem(422)
    assert producer.post([event, {"action": "login"}]).status == 200

    (line,) = lines(caplog, Code.EVENTS_REFUSED)
    assert (line.status, line.error) == (422, "invalid")
    assert line.fields == (["other"] if SECRET in event else [[*event][-1]])
    (batch,) = lines(caplog, Code.EVENTS_STORED)
    why = {"status": 422, "error": "invalid", "fields": line.fields}
    assert (batch.stored, batch.refused, batch.first_refused) == (1, 1, why)
    assert not [record for record in caplog.records if SECRET in repr(vars(record))]


@pytest.mark.parametrize(
    "asked",
    [
        {"path": "/events", "query": {"client_ip": SECRET}},
        {"path": "/events", "query": {SECRET: "1"}},
        {"path": f"/events/{SECRET}"},
        {"path": f"/{SECRET}"},
    ],
    ids=str,
)
def test_what_the_api_refuses_is_not_logged(
    stack: Stack, caplog: pytest.LogCaptureFixture, asked: dict[str, Any]
) -> None:
    answer = Client(stack, "api").ask("GET", **asked)

    assert answer.status in {404, 422}
    (line,) = lines(caplog, Code.REQUEST_REFUSED)
    assert line.status == answer.status
    assert not [record for record in caplog.records if SECRET in repr(vars(record))]


@pytest.mark.usefixtures("impatient")
def test_events_are_counted_as_accepted_or_refused_and_not_where_they_could_not_be_stored(
    producer: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = {"action": "login"}, {"action": "!"}
    once = {"action": "login", "once": {"key": "k", "window": "days=1"}}

    with failing(throttled(), "TransactWriteItems"):
        producer.post([good, bad, good, once, bad, good])

    counts = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "EventsAccepted" in line]
    assert [(line["EventsAccepted"], line["EventsRefused"]) for line in counts] == [([3], [2])]


# ── rates ────────────────────────────────────────────────────────────────────


def test_repeats_count_towards_the_rate_of_a_key_also_where_an_event_is_refused(producer: Client) -> None:
    limited = PRODUCER | {"events_per_minute": "10"}
    batch = [{"action": "login"}] * 4 + [{"action": "!"}]

    statuses = [producer.post(batch, key=limited, idempotency_key="k").status for _ in range(4)]

    assert statuses[0] == 200
    assert 429 in statuses[1:]
    assert statuses == sorted(statuses)
