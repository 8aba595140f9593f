"""Who follows the log over a WebSocket: who may, how many, what is no action, and what a failing table means."""

from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.handler_calls import failing, throttled
from tests.integration.live.conftest import Sockets
from tocsin.identity.api_keys import ApiKey, hash_secret
from tocsin.identity.directory import User
from tocsin.identity.principal import Scope
from tocsin.identity.store import PeopleStore
from tocsin.live.model import Authorisation
from tocsin.live.store import LiveStore
from tocsin.times import utc_now

TAIL = {"action": "events.tail"}


@pytest.fixture(autouse=True)
def alices_key(stack: Stack) -> None:
    key = ApiKey(id="0123456789abcdef", name="ops", scopes=tuple(Scope), user="alice", secret_hash=hash_secret("one"))
    PeopleStore(stack.dynamodb, "config").write(users=[User("alice")], keys=[key])


def opened(stack: Stack, sockets: Sockets, *scopes: Scope, connection: str = "c1") -> None:
    api = Api.of(stack, user="alice", scopes=" ".join(scopes))
    assert sockets.connect(api("POST", "/tickets").body["ticket"], connection) == 200


def answered(sockets: Sockets, message: Any) -> dict[str, Any]:
    assert sockets.say(message) == 200
    (answer,) = sockets.received()
    found: dict[str, Any] = answer
    return found


def test_who_follows_no_more_is_no_longer_sent_events(stack: Stack, sockets: Sockets) -> None:
    opened(stack, sockets, Scope.EVENTS_READ)
    live = LiveStore(stack.dynamodb, "deliveries")
    answered(sockets, TAIL)
    before = live.tails(now=utc_now())

    assert answered(sockets, {"action": "events.untail"}) == {"message_type": "events.untailed"}
    assert (len(before), live.tails(now=utc_now())) == (1, [])
    assert answered(sockets, {"action": "ping"}) == {"message_type": "pong"}  # the connection is open still


def test_who_may_not_read_events_does_not_follow_them(stack: Stack, sockets: Sockets) -> None:
    opened(stack, sockets, Scope.NOTIFICATIONS)

    refused = answered(sockets, TAIL)

    assert (refused["message_type"], refused["data"]["status"]) == ("error", 403)
    assert "events:read" in refused["data"]["detail"]


def test_who_comes_when_as_many_follow_as_may_is_told_so(
    stack: Stack, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.live.store.MAX_TAILS", 1)
    opened(stack, sockets, Scope.EVENTS_READ)
    opened(stack, sockets, Scope.EVENTS_READ, connection="c2")
    sockets.say(TAIL, "c2")

    refused = answered(sockets, TAIL)

    assert (refused["message_type"], refused["data"]["status"]) == ("error", 409)
    assert "try again later" in refused["data"]["detail"]


@pytest.mark.parametrize("message", [{}, {"action": "events.follow"}, {"action": None}])
def test_what_is_no_action_names_those_that_are(stack: Stack, sockets: Sockets, message: dict[str, Any]) -> None:
    opened(stack, sockets, Scope.EVENTS_READ)

    refused = answered(sockets, message)

    assert refused["data"]["status"] == 422
    assert "must be ping, events.tail or events.untail" in str(refused["data"])


def test_a_table_that_fails_is_no_fault_of_the_message(stack: Stack, sockets: Sockets) -> None:
    """API Gateway is answered with an error, which closes nothing, and the client hears of none of its own."""
    opened(stack, sockets, Scope.EVENTS_READ)

    with failing(throttled("InternalServerError", 500), "Query", "PutItem"):
        status = sockets.say(TAIL)

    assert status >= 500
    assert sockets.received() == []


def test_a_ticket_that_reads_nothing_opens_nothing(stack: Stack, sockets: Sockets) -> None:
    """None is given out; one of an earlier version may be."""
    live = LiveStore(stack.dynamodb, "deliveries")
    live.put_ticket("a-ticket", Authorisation("k", frozenset({Scope.EVENTS_WRITE}), "alice"), now=utc_now())

    assert sockets.connect("a-ticket") == 403
