"""Tickets, connections, and the end of what they were authorised by."""

import time
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import boto3
import pytest

from tests.integration.api_calls import Api, request_event
from tests.integration.conftest import Stack
from tests.integration.handler_calls import failing, throttled
from tests.integration.live.conftest import Sockets
from tocsin.errors import Unavailable
from tocsin.identity.api_keys import ApiKey, hash_secret
from tocsin.identity.directory import User
from tocsin.identity.principal import Scope
from tocsin.identity.store import PeopleStore
from tocsin.live.authority import Authority
from tocsin.live.model import Authorisation
from tocsin.live.store import LiveStore

KEY_ID = "0123456789abcdef"
READER = (Scope.EVENTS_READ, Scope.NOTIFICATIONS)


def key(**fields: Any) -> ApiKey:
    known: dict[str, Any] = {
        "id": KEY_ID,
        "name": "ops",
        "scopes": READER,
        "user": "alice",
        "secret_hash": hash_secret("one"),
    }
    return ApiKey(**(known | fields))


@pytest.fixture
def people(stack: Stack) -> PeopleStore:
    store = PeopleStore(stack.dynamodb, "config")
    store.write(users=[User("alice")], keys=[key()])
    return store


def ticket(stack: Stack, *scopes: Scope, user: str = "alice", **facts: str) -> str:
    api = Api.of(stack, user=user, scopes=" ".join(scopes or READER), **facts)
    answer = api("POST", "/tickets")
    assert answer.status == 201
    return str(answer.body["ticket"])


def test_a_ticket_opens_one_connection(stack: Stack, people: PeopleStore, sockets: Sockets) -> None:
    given = ticket(stack)

    assert sockets.connect(given, "c1") == 200
    assert sockets.connect(given, "c2") == 401
    assert sockets.say({"action": "ping"}) == 200
    assert sockets.received() == [{"message_type": "pong"}]


@pytest.mark.parametrize("wrong", [None, "", "guessed", "x" * 5000])
def test_what_is_no_ticket_opens_nothing(people: PeopleStore, sockets: Sockets, wrong: str | None) -> None:
    assert sockets.connect(wrong) == 401


def test_a_ticket_ends_by_its_own_clock_though_ttl_is_late(stack: Stack) -> None:
    live, now = LiveStore(stack.dynamodb, "deliveries"), datetime.now(UTC)
    live.put_ticket("t", Authorisation("k", frozenset(READER)), now=now)

    assert live.take_ticket("t", now=now + timedelta(seconds=30)) is None
    assert live.take_ticket("t", now=now) is None, "it was used up by being shown"


def test_a_ticket_is_stored_as_its_hash_alone(stack: Stack, people: PeopleStore) -> None:
    given = ticket(stack)

    assert given not in str(stack.items("deliveries"))


def test_whoever_may_read_nothing_gets_no_ticket(stack: Stack) -> None:
    answer = Api.of(stack, scopes=Scope.EVENTS_WRITE.value)("POST", "/tickets")

    assert answer.status == 403
    assert "events:read, config:read, notifications" in answer.body["detail"]


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        ({}, "wss://live1.execute-api.eu-central-1.amazonaws.com/live"),
        ({"host": "log.example.com"}, "wss://live1.execute-api.eu-central-1.amazonaws.com/live"),
        (
            {"host": "abc.execute-api.eu-central-1.amazonaws.com", "x-forwarded-proto": "https"},
            "wss://live1.execute-api.eu-central-1.amazonaws.com/live",
        ),
        ({"host": "abc.execute-api.localhost:4566"}, "ws://live1.execute-api.localhost:4566/live"),
    ],
)
def test_the_address_is_beside_the_one_that_was_asked(stack: Stack, headers: dict[str, str], url: str) -> None:
    api = Api.of(stack)
    event = request_event("POST", "/tickets", None, headers, None, api.facts)

    assert f'"url":"{url}"' in api.module.handler(event, stack.context)["body"]


def admin_key_changes(stack: Stack) -> None:
    (secret,) = boto3.client("secretsmanager").list_secrets()["SecretList"]
    boto3.client("secretsmanager").put_secret_value(SecretId=secret["ARN"], SecretString="b" * 48)


ENDS = {
    "deleted": lambda people: people.delete(key_ids=[KEY_ID]),
    "expired": lambda people: people.write(keys=[key(expires=datetime.now(UTC) - timedelta(seconds=1))]),
    "rotated": lambda people: people.write(keys=[key(secret_hash=hash_secret("two"))]),
    "rotated, overlap over": lambda people: people.write(
        keys=[
            key(
                secret_hash=hash_secret("two"),
                retired_hash=hash_secret("one"),
                retired_until=datetime.now(UTC) - timedelta(seconds=1),
            )
        ]
    ),
    "lost a scope": lambda people: people.write(keys=[key(scopes=(Scope.NOTIFICATIONS,))]),
    "stands for another": lambda people: people.write(keys=[key(user="bob")]),
    "person deleted": lambda people: people.delete(users=[User("alice")]),
    "person inactive": lambda people: people.write(users=[User("alice", active=False)]),
}


@pytest.mark.parametrize("end", ["rotated", "rotated, overlap over"])
def test_a_ticket_ends_with_the_secret_that_it_was_asked_for_by(
    stack: Stack, people: PeopleStore, sockets: Sockets, end: str
) -> None:
    """The fault: who had the old secret went on reading for two hours, by a ticket of just before it was replaced."""
    given = ticket(stack, secret_hash=hash_secret("one"))

    ENDS[end](people)

    assert sockets.connect(given) == 401


def test_a_ticket_of_a_retired_secret_opens_a_connection_that_ends_with_the_overlap(
    stack: Stack, people: PeopleStore, sockets: Sockets
) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    people.write(keys=[key(secret_hash=hash_secret("two"), retired_hash=hash_secret("one"), retired_until=later)])
    opened = sockets.connect(ticket(stack, secret_hash=hash_secret("one")))

    ENDS["rotated, overlap over"](people)

    assert (opened, sockets.end_unauthorised()) == (200, 1)


def test_a_ticket_of_an_earlier_admin_key_opens_nothing(stack: Stack, sockets: Sockets) -> None:
    given = ticket(stack, user="", key_id="admin", secret_hash=hash_secret(stack.admin_key))

    admin_key_changes(stack)

    assert sockets.connect(given) == 401


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("noticed_by", ["schedule", "message"])
def test_a_connection_ends_with_what_it_was_authorised_by(
    stack: Stack, people: PeopleStore, sockets: Sockets, end: str, noticed_by: str
) -> None:
    sockets.connect(ticket(stack))
    assert sockets.end_unauthorised() == 0

    ENDS[end](people)

    if noticed_by == "schedule":
        assert sockets.end_unauthorised() == 1
    else:
        sockets.say({"action": "ping"})
    assert sockets.closed == ["c1"]
    assert sockets.received() == []
    assert [item["pk"]["S"] for item in stack.items("deliveries") if item["sk"]["S"] == "c1"] == []
    assert sockets.connect(ticket(stack), "c2") == (200 if end in {"rotated", "rotated, overlap over"} else 401)


@pytest.mark.parametrize(
    "change",
    [
        key(scopes=(*READER, Scope.CONFIG_READ)),
        key(
            secret_hash=hash_secret("two"),
            retired_hash=hash_secret("one"),
            retired_until=datetime.now(UTC) + timedelta(hours=1),
        ),
        key(expires=datetime.now(UTC) + timedelta(hours=1)),
    ],
    ids=["more scopes", "rotated, within the overlap", "expires later"],
)
def test_a_connection_outlives_what_takes_nothing_from_it(
    stack: Stack, people: PeopleStore, sockets: Sockets, change: ApiKey
) -> None:
    sockets.connect(ticket(stack))

    people.write(keys=[change])

    assert sockets.end_unauthorised() == 0


def test_the_admin_keys_connections_end_when_it_is_changed(stack: Stack, sockets: Sockets) -> None:
    assert sockets.connect(ticket(stack, user="", key_id="admin")) == 200
    assert sockets.end_unauthorised() == 0

    admin_key_changes(stack)

    assert sockets.end_unauthorised() == 1


def test_one_connection_that_can_not_be_looked_at_keeps_no_other_open(
    stack: Stack, people: PeopleStore, sockets: Sockets
) -> None:
    """The fault: none was closed before all had been looked at, one after the other. Of a few thousand the function ran
    out of time, each minute, and none was ever closed."""
    connections = [f"c{number}" for number in range(40)]
    for each in connections:
        sockets.connect(ticket(stack), each)
    people.delete(key_ids=[KEY_ID])

    failure = throttled("InternalServerError", 500)
    with failing(failure, "GetItem", table="config", at=lambda number: number == 1), pytest.raises(Unavailable):
        sockets.end_unauthorised()

    assert len(sockets.closed) == len(connections) - 1
    assert sockets.end_unauthorised() == 1


@pytest.mark.parametrize(
    "broken", [{"by": {"S": "[]"}}, {"by": {"S": "{}"}}, {"by": {"S": "{"}}, {"ends": {"NULL": True}}]
)
@pytest.mark.parametrize("noticed_by", ["schedule", "message"])
def test_a_connection_that_can_not_be_read_is_closed_and_keeps_no_other_open(
    stack: Stack, people: PeopleStore, sockets: Sockets, broken: dict[str, Any], noticed_by: str
) -> None:
    """The fault: none that came after it was looked at, so that the log was read on with keys that were deleted."""
    for each in ("c1", "c2"):
        sockets.connect(ticket(stack), each)
    (stored,) = [item for item in stack.items("deliveries") if (item["pk"]["S"], item["sk"]["S"]) == ("live", "c1")]
    stack.dynamodb.put_item(TableName="deliveries", Item=stored | broken)

    if noticed_by == "schedule":
        assert sockets.end_unauthorised() == 1
    else:
        sockets.say({"action": "ping"}, "c1")

    assert (sockets.closed, sockets.received("c1")) == (["c1"], [])
    people.delete(key_ids=[KEY_ID])
    assert sockets.end_unauthorised() == 1


def test_several_connections_are_looked_at_at_once(
    stack: Stack, people: PeopleStore, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        sockets.connect(ticket(stack), f"c{number}")
    together = Barrier(8)
    look = Authority.why_ended

    def slowly(self: Authority, *about: Any, **more: Any) -> str | None:
        together.wait(timeout=120)  # BrokenBarrierError where they come one after the other
        return look(self, *about, **more)

    monkeypatch.setattr(Authority, "why_ended", slowly)

    assert sockets.end_unauthorised() == 0


def test_a_tokens_connections_end_when_it_expires(stack: Stack, people: PeopleStore, sockets: Sockets) -> None:
    ends = str(int(time.time()) + 3600)
    assert sockets.connect(ticket(stack, key_id="oidc-1", expires=ends)) == 200
    assert sockets.end_unauthorised() == 0
    (stored,) = [item for item in stack.items("deliveries") if item["pk"]["S"] == "live"]
    ended = stored["by"]["S"].replace(ends, str(int(time.time())))

    stack.dynamodb.put_item(TableName="deliveries", Item=stored | {"by": {"S": ended}})

    assert sockets.end_unauthorised() == 1


def test_a_connection_that_was_closed_is_forgotten(stack: Stack, people: PeopleStore, sockets: Sockets) -> None:
    sockets.connect(ticket(stack))
    sockets.say({"action": "events.tail"})

    assert sockets.disconnect() == 200

    assert [item["pk"]["S"] for item in stack.items("deliveries") if item["sk"]["S"] == "c1"] == []


def test_one_that_went_without_a_word_is_no_trouble_to_end(stack: Stack, people: PeopleStore, sockets: Sockets) -> None:
    sockets.connect(ticket(stack))
    sockets.gone.add("c1")
    people.delete(key_ids=[KEY_ID])

    assert sockets.end_unauthorised() == 1
    assert sockets.end_unauthorised() == 0


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"action": "dance"}, "action"),
        ({}, "action"),
        ([], ""),
        ({"action": "events.tail", "filters": []}, "filters"),
        ({"action": "events.tail", "filters": {"since": "2026-03-01T00:00:00Z"}}, "filters.since"),
        ({"action": "events.tail", "filters": {"color": "red"}}, "filters.color"),
        ({"action": "events.tail", "filters": {"action": 1}}, "filters.action"),
        ({"action": "events.tail", "filters": {"client_ip": "here"}}, "filters.client_ip"),
        ({"action": "events.tail", "filters": {"filter": "event.("}}, "filters.filter"),
        ({"action": "events.tail", "filters": {"\ud800": "x"}}, "filters.?"),
        ({"action": "events.tail", "filters": {"app": "\ud800"}}, "filters.app"),
        ({"action": "events.tail", "filters": {"search": "\udfff"}}, "filters.search"),
        ({"action": "events.tail", "filters": {"app": "\0"}}, "filters.app"),
        ({"action": "ping", "at": 10**400}, "at"),
    ],
)
def test_what_is_wrong_is_named(stack: Stack, people: PeopleStore, sockets: Sockets, message: Any, field: str) -> None:
    sockets.connect(ticket(stack))

    assert sockets.say(message) == 200

    (answer,) = sockets.received()
    assert answer["message_type"] == "error"
    assert [error["path"] for error in answer["data"]["errors"]] == [field]


@pytest.mark.parametrize("text", ["", "{", "NaN", '{"action": "ping", "action": "pong"}', "\ud800"])
def test_what_can_not_be_read_is_an_error_and_no_fault(
    stack: Stack, people: PeopleStore, sockets: Sockets, text: str
) -> None:
    sockets.connect(ticket(stack))

    assert sockets.say(text) == 200
    assert [answer["message_type"] for answer in sockets.received()] == ["error"]
