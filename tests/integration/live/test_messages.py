"""What connections are sent: notifications, marks, events; and that nobody is held up by one that takes nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clocks import Clock
from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.delivery_world import World
from tests.integration.handler_calls import failing, heard, throttled
from tests.integration.live.conftest import Sockets
from tocsin.aws import clients
from tocsin.aws.connections import Connections
from tocsin.aws.logging import Code
from tocsin.events.model import Event
from tocsin.identity.directory import User
from tocsin.identity.principal import Scope
from tocsin.ids import new_id
from tocsin.live.model import CONNECTION_LIVES, OPENS_WITHIN, Authorisation, Connection
from tocsin.live.push import Pusher
from tocsin.live.store import MAX_TAILS, MAX_TAILS_OF_KEY, MESSAGES_A_SECOND, LiveStore
from tocsin.live.tail import LOOKED_EVERY, LOOKING, MAX_BYTES, MAX_EVENTS, TailFeed
from tocsin.notifications.model import Notification, Severity
from tocsin.notifications.transport import NotificationTransport, TransportMode

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def live(stack: Stack) -> LiveStore:
    return LiveStore(stack.dynamodb, "deliveries")


@pytest.fixture
def clock() -> Clock[datetime]:
    return Clock(NOW)


@pytest.fixture
def pusher(live: LiveStore, sockets: Sockets, clock: Clock[datetime]) -> Pusher:
    endpoint = "https://live1.execute-api.eu-central-1.amazonaws.com/live"
    return Pusher(live, Connections(clients.connections(endpoint)), clock=clock)


@pytest.fixture
def feed(live: LiveStore, pusher: Pusher, clock: Clock[datetime]) -> TailFeed:
    return TailFeed(live, pusher, clock=clock)


def connected(
    live: LiveStore, *ids: str, user: str = "alice", scopes: tuple[Scope, ...] = tuple(Scope), at: datetime = NOW
) -> None:
    for id_ in ids:
        live.add(Connection(id_, Authorisation("k", frozenset(scopes), user), at + CONNECTION_LIVES))


def tail(live: LiveStore, id_: str = "c1", expires: int | None = None, key: str = "k", **filters: str) -> bool:
    connection = Connection(id_, Authorisation(key, frozenset(Scope), None, expires), NOW + CONNECTION_LIVES)
    return live.put_tail(connection, filters, now=NOW)


def event(action: str = "login", **context: Any) -> Event:
    return Event(
        id=new_id(), action=action, app="shop", user={}, context=context, client_ip=None, brand="b", expires=None
    )


# ── notifications ────────────────────────────────────────────────────────────


def test_a_delivered_notification_comes_to_each_of_the_persons_connections(
    world: World, live: LiveStore, sockets: Sockets
) -> None:
    connected(live, "c1", "c2")
    connected(live, "bobs", user="bob")
    connected(live, "reads only", scopes=(Scope.EVENTS_READ,))
    world.configure(NotificationTransport(name="inbox", mode=TransportMode.LOCAL))
    message = world.message("inbox", "local")
    world.send(message)

    world.stack.call("inbox", {"Records": [record | {"eventSource": "aws:sqs"} for record in world.waiting("local")]})

    (told,) = sockets.received("c1")
    alice = Api.of(world.stack, user="alice", scopes=Scope.NOTIFICATIONS.value)
    (shown,) = alice("GET", "/notifications").body["items"]
    assert told == {"message_type": "notification.new", "id": shown["id"], "data": shown}
    assert sockets.received("c2") == [told]
    assert set(sockets.messages) == set()


def test_marks_come_to_each_of_the_persons_connections(world: World, live: LiveStore, sockets: Sockets) -> None:
    connected(live, "c1")
    made = [Notification.of(event(), "rule", Severity.NOTICE, User("alice")) for _ in range(2)]
    for each in made:
        world.inboxes.put(each, keep=timedelta(days=1), now=datetime.now(UTC))
    alice = Api.of(world.stack, user="alice", scopes=Scope.NOTIFICATIONS.value)

    alice("POST", "/notifications/seen", {"ids": [made[0].id]})
    alice("POST", "/notifications/unseen", {"ids": [made[0].id]})
    alice("POST", "/notifications/seen", {"through": 2})
    alice("DELETE", f"/notifications/{made[0].id}")
    alice("DELETE", "/notifications")

    assert sockets.received("c1") == [
        {"message_type": "notification.seen", "data": {"seen": True, "ids": [made[0].id]}},
        {"message_type": "notification.seen", "data": {"seen": False, "ids": [made[0].id]}},
        {"message_type": "notification.seen", "data": {"seen": True, "through": 2}},
        {"message_type": "notification.cleared", "data": {"ids": [made[0].id]}},
        {"message_type": "notification.cleared", "data": {"through": 2}},
    ]


def test_one_that_is_gone_is_forgotten_and_one_that_is_stuck_is_left_alone(
    live: LiveStore, pusher: Pusher, sockets: Sockets, clock: Clock[datetime]
) -> None:
    connected(live, "well", "gone", "stuck")
    sockets.gone.add("gone")
    sockets.stuck.add("stuck")

    pusher.tell("alice", {"n": 1})
    sockets.stuck.clear()
    pusher.tell("alice", {"n": 2})
    clock.now += timedelta(seconds=31)
    pusher.tell("alice", {"n": 3})

    assert sockets.received("well") == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert sockets.received("stuck") == [{"n": 3}]
    assert live.of_person("alice", now=NOW) == ["stuck", "well"]


def test_one_that_is_about_to_open_is_not_forgotten(
    live: LiveStore, pusher: Pusher, sockets: Sockets, clock: Clock[datetime]
) -> None:
    """The fault: API Gateway calls a connection gone until $connect was answered. What was told a person in that moment
    made it deaf for its two hours."""
    connected(live, "opening")
    sockets.gone.add("opening")

    pusher.tell("alice", {"n": 1})
    clock.now += OPENS_WITHIN - timedelta(seconds=1)
    pusher.tell("alice", {"n": 2})
    sockets.gone.clear()
    pusher.tell("alice", {"n": 3})

    assert sockets.received("opening") == [{"n": 3}]


def test_nobody_who_pushes_fails_with_the_table(
    stack: Stack, pusher: Pusher, feed: TailFeed, caplog: pytest.LogCaptureFixture
) -> None:
    stack.dynamodb.delete_table(TableName="deliveries")

    pusher.tell("alice", {})
    feed.feed([event()])


def test_a_connection_that_can_not_be_forgotten_is_left_and_said(
    stack: Stack, live: LiveStore, pusher: Pusher, sockets: Sockets, caplog: pytest.LogCaptureFixture
) -> None:
    connected(live, "gone", at=NOW - CONNECTION_LIVES / 2)
    sockets.gone.add("gone")

    with failing(throttled(), "DeleteItem", client=stack.dynamodb):
        pusher.tell("alice", {"n": 1})

    assert live.of_person("alice", now=NOW) == ["gone"]
    assert Code.CONNECTION_KEPT in [getattr(line, "code", None) for line in caplog.records]


# ── the log ──────────────────────────────────────────────────────────────────


def test_a_tail_is_sent_what_its_filters_admit_oldest_first(live: LiveStore, feed: TailFeed, sockets: Sockets) -> None:
    tail(live, "all")
    tail(live, "logins", action="login", filter="event.context.n > 1")
    events = [event(n=n) for n in range(3)] + [event("logout", n=9)]

    feed.feed(events[::-1])

    (message,) = sockets.received("all")
    assert [each["id"] for each in message["data"]] == [each.id for each in events]
    assert message["skipped"] == 0
    assert message["data"][0]["summary"] == events[0].summary
    (message,) = sockets.received("logins")
    assert [each["context"]["n"] for each in message["data"]] == [2]


def test_a_tail_whose_filter_is_none_any_more_and_a_fault_of_ours_hold_up_nobody(
    live: LiveStore, feed: TailFeed, sockets: Sockets, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tail(live, "earlier", since="yesterday")
    tail(live, "well")

    feed.feed([event()])
    heard_of = sockets.received("well")
    monkeypatch.setattr(TailFeed, "_feed", lambda *_: 1 / 0)
    feed.feed([event()])

    assert (len(heard_of), sockets.received("earlier")) == (1, [])
    assert Code.TAIL_FAILED in [getattr(line, "code", None) for line in caplog.records]


def test_what_comes_faster_is_counted(
    live: LiveStore, feed: TailFeed, sockets: Sockets, clock: Clock[datetime]
) -> None:
    tail(live)

    for _ in range(MESSAGES_A_SECOND + 2):
        feed.feed([event(), event()])
    assert [message["skipped"] for message in sockets.received()] == [0] * MESSAGES_A_SECOND
    clock.now += timedelta(seconds=1)
    feed.feed([event()])
    feed.feed([event()])

    assert [message["skipped"] for message in sockets.received()] == [4, 0]


def test_messages_are_bounded_and_what_fits_into_none_is_counted(
    live: LiveStore, feed: TailFeed, sockets: Sockets
) -> None:
    tail(live)

    feed.feed([event(n=n) for n in range(MAX_EVENTS + 1)] + [event(text="x" * MAX_BYTES), event()])

    assert [(len(message["data"]), message["skipped"]) for message in sockets.received()] == [(MAX_EVENTS, 0), (2, 1)]


def test_only_events_too_large_are_counted_with_the_next_message(
    live: LiveStore, feed: TailFeed, sockets: Sockets
) -> None:
    tail(live)

    feed.feed([event(text="x" * MAX_BYTES)])
    assert sockets.received() == []
    feed.feed([event()])

    assert [message["skipped"] for message in sockets.received()] == [1]


def test_filters_that_take_long_hold_up_nobody_and_what_they_did_not_look_at_is_counted(
    live: LiveStore, pusher: Pusher, sockets: Sockets
) -> None:
    """Whoever followed the log with costly expressions held up those who are told by rules, for seconds a batch."""
    tail(live, "c1")
    tail(live, "c2")
    look = timedelta(seconds=0.1)
    clock = Clock(NOW)

    def as_filters_take_long() -> datetime:
        clock.now += look
        return clock.now

    TailFeed(live, pusher, clock=as_filters_take_long).feed([event() for _ in range(MAX_EVENTS)])

    sent = [*sockets.received("c1"), *sockets.received("c2")]
    assert [len(message["data"]) + message["skipped"] for message in sent] == [MAX_EVENTS, MAX_EVENTS]
    assert all(0 < len(message["data"]) <= LOOKING / 2 / look for message in sent)


def test_events_say_for_which_filters_they_come(live: LiveStore, feed: TailFeed, sockets: Sockets) -> None:
    """Those for the filters before could not be told from those for the filters of now."""
    tail(live, action="login")

    feed.feed([event()])

    assert [message["filters"] for message in sockets.received()] == [{"action": "login"}]


def test_a_tail_ends_with_its_token_and_with_its_connection(
    live: LiveStore, feed: TailFeed, sockets: Sockets, clock: Clock[datetime]
) -> None:
    tail(live, "token", expires=int(NOW.timestamp()) + 2)
    tail(live, "gone")
    sockets.gone.add("gone")
    feed.feed([event()])
    clock.now += max(LOOKED_EVERY, timedelta(seconds=3))

    feed.feed([event()])

    assert len(sockets.received("token")) == 1
    assert [each.connection_id for each in live.tails(now=NOW)] == ["token"]


def test_tails_are_few(live: LiveStore) -> None:
    assert all(tail(live, f"c{number}", key=f"k{number}") for number in range(MAX_TAILS))
    assert not tail(live, "one more")
    assert tail(live, "c1", action="login"), "it follows already"


def test_one_key_leaves_tails_to_others(live: LiveStore) -> None:
    """The fault: whoever opened twenty connections with a key that may read kept everybody else from following."""
    assert all(tail(live, f"c{number}") for number in range(MAX_TAILS_OF_KEY))
    assert not tail(live, "one more")
    assert tail(live, "another's", key="another")
    assert tail(live, "c1", action="login"), "it follows already"


def test_nobody_listening_costs_a_read_in_five_seconds(
    stack: Stack, feed: TailFeed, clock: Clock[datetime], sockets: Sockets
) -> None:
    asked: list[str] = []

    with heard(stack.dynamodb, "before-call.dynamodb", lambda model, **_: asked.append(model.name)):
        for _ in range(10):
            feed.feed([event()])
        clock.now += LOOKED_EVERY
        feed.feed([event()])

    assert asked == ["Query", "Query"]


def test_the_matcher_feeds_tails_when_the_events_are_on_their_way(
    stack: Stack, live: LiveStore, sockets: Sockets, load: Callable[[str], dict[str, Any]]
) -> None:
    tail(live)

    stack.call("matcher", load("matcher-insert"))

    (message,) = sockets.received()
    assert message["message_type"] == "events.new" and message["data"]


def test_the_matcher_forgets_a_tail_whose_connection_is_gone(
    stack: Stack, live: LiveStore, sockets: Sockets, load: Callable[[str], dict[str, Any]]
) -> None:
    tail(live)
    sockets.gone.add("c1")

    stack.call("matcher", load("matcher-insert"))

    assert [item for item in stack.items("deliveries") if item["pk"]["S"] == "tail"] == []


def test_the_inbox_forgets_a_connection_that_is_gone(world: World, live: LiveStore, sockets: Sockets) -> None:
    connected(live, "c1", at=NOW - OPENS_WITHIN)
    sockets.gone.add("c1")
    world.configure(NotificationTransport(name="box", mode=TransportMode.LOCAL))
    message = world.message("box", "local")
    world.send(message)

    world.stack.call("inbox", {"Records": [record | {"eventSource": "aws:sqs"} for record in world.waiting("local")]})

    assert world.delivery(message)["state"] == "delivered"
    assert live.of_person("alice", now=NOW) == []
