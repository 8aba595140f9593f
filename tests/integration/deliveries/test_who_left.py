"""What is sent again, or late, is for nobody who left meanwhile: by hand, by the schedule, from dead letters."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from local.sinks import Misbehaviour, Sinks
from tests.integration.delivery_world import ALICE, World
from tests.integration.handler_calls import Client
from tocsin.deliveries.model import DeliveryMessage
from tocsin.errors import Conflict
from tocsin.identity.directory import User
from tocsin.identity.store import PeopleStore
from tocsin.notifications.inbox_owner_store import InboxOwnerStore
from tocsin.notifications.outcome import Outcome, State
from tocsin.notifications.transport import NotificationTransport, TransportMode

BOB = User("bob", "bob@example.com")

type Leave = Callable[[World], None]


def is_deleted(world: World) -> None:
    """As `DELETE /users/alice` does."""
    InboxOwnerStore(world.stack.dynamodb, "deliveries").empty(["alice"], now=world.now)
    PeopleStore(world.stack.dynamodb, "config").delete(users=[ALICE])
    world.later(seconds=1)


def is_followed_by_another(world: World) -> None:
    """Somebody else gets the name."""
    is_deleted(world)
    PeopleStore(world.stack.dynamodb, "config").write(users=[User("alice", "alice.b@example.com")])


def is_made_inactive(world: World) -> None:
    PeopleStore(world.stack.dynamodb, "config").write(users=[User("alice", ALICE.email, active=False)])


LEAVES = pytest.mark.parametrize(
    ("leaves", "reason"),
    [
        (is_deleted, "person_deleted"),
        (is_followed_by_another, "person_deleted"),
        (is_made_inactive, "person_inactive"),
    ],
)


def failed(world: World, sinks: Sinks, *messages: DeliveryMessage, status: int = 404) -> None:
    """Have deliveries fail, for good where the answer is a 404; their endpoint is well afterwards."""
    sinks.misbehave(Misbehaviour("/webhook/x", status=status))
    world.send(*messages)
    world.pump(world.worker())
    sinks.behave()
    sinks.forget()


def of_hook(world: World, sinks: Sinks, **fields: Any) -> DeliveryMessage:
    """A message by a webhook."""
    world.hook(f"{sinks.url}/webhook/x")
    return world.message(**fields)


def ended(world: World, message: DeliveryMessage) -> tuple[str, str]:
    """A delivery's state, and the reason of its last attempt."""
    delivery = world.delivery(message)
    return delivery["state"], delivery["attempts"][-1]["reason"]


@LEAVES
def test_a_retry_by_hand_is_refused_and_the_delivery_says_why(
    world: World, sinks: Sinks, leaves: Leave, reason: str
) -> None:
    """The fault: somebody who was deleted a week ago was sent what had failed before."""
    message = of_hook(world, sinks)
    failed(world, sinks, message)
    leaves(world)

    with pytest.raises(Conflict, match="it is not sent again: its person"):
        world.service().retry(message.delivery_id)

    assert (world.pump(world.worker()), sinks.received()) == (0, [])
    assert ended(world, message) == ("discarded", reason)


@LEAVES
def test_a_redrive_leaves_out_who_left_and_counts_them(world: World, sinks: Sinks, leaves: Leave, reason: str) -> None:
    PeopleStore(world.stack.dynamodb, "config").write(users=[BOB])
    theirs, others = of_hook(world, sinks), of_hook(world, sinks, user=BOB)
    failed(world, sinks, theirs, others)
    leaves(world)

    done = world.service().redrive(
        transport="hook", states=[State.FAILED], since=None, until=None, after=None, limit=10
    )

    world.pump(world.worker())
    assert (done.queued, done.skipped, done.gone) == (1, 1, 1)
    assert (ended(world, theirs), ended(world, others)[0]) == (("discarded", reason), "delivered")
    assert len(sinks.received()) == 1


def test_sending_again_what_is_for_who_left_is_answered_with_why(world: World, sinks: Sinks) -> None:
    api, message = Client(world.stack, "api"), of_hook(world, sinks)
    failed(world, sinks, message)
    is_deleted(world)

    refused = api.ask("POST", f"/deliveries/{message.delivery_id}/retry")
    redriven = api.ask("POST", "/deliveries/redrive", {"transport": "hook", "states": ["discarded"]})

    assert (refused.status, redriven.status) == (409, 202)
    assert refused.body["detail"] == "it is not sent again: its person is not in the directory any more"
    assert redriven.body == {"queued": 0, "skipped": 1, "gone": 1, "cursor": None}


def test_a_retry_by_hand_of_what_was_delivered_says_so_and_changes_nothing(world: World, sinks: Sinks) -> None:
    message = of_hook(world, sinks)
    world.send(message)
    world.pump(world.worker())
    is_deleted(world)

    with pytest.raises(Conflict, match="delivered"):
        world.service().retry(message.delivery_id)

    assert world.delivery(message)["state"] == "delivered"


@LEAVES
def test_what_a_breaker_held_is_for_nobody_who_left_meanwhile(
    world: World, sinks: Sinks, leaves: Leave, reason: str
) -> None:
    message = of_hook(world, sinks)
    transport = world.configuration.current()[1].transports_by_name["hook"]
    world.deliveries.hold(message, now=world.now, lease=timedelta(seconds=35), keep=timedelta(days=30))
    world.breakers.recover("hook", transport.fingerprint, now=world.now)
    leaves(world)

    world.go_on(world.worker(), minutes=1)

    assert (ended(world, message), sinks.received()) == (("discarded", reason), [])


@LEAVES
def test_a_retry_that_is_due_is_for_nobody_who_left_meanwhile(
    world: World, sinks: Sinks, leaves: Leave, reason: str
) -> None:
    message = of_hook(world, sinks)
    failed(world, sinks, message, status=503)
    leaves(world)

    world.go_on(world.worker(), hours=1)

    assert (ended(world, message), sinks.received()) == (("discarded", reason), [])


@LEAVES
def test_a_dead_letter_that_is_moved_back_is_for_nobody_who_left_meanwhile(
    world: World, sinks: Sinks, leaves: Leave, reason: str
) -> None:
    """It was never attempted: no table has its delivery."""
    message = of_hook(world, sinks)
    world.later(days=9)
    leaves(world)

    world.send(message)
    world.pump(world.worker())

    assert (ended(world, message), sinks.received()) == (("discarded", reason), [])


@pytest.mark.parametrize("leaves", [is_deleted, is_made_inactive])
def test_a_channel_is_sent_again_also_where_the_person_that_it_names_left(
    world: World, sinks: Sinks, leaves: Leave
) -> None:
    message = of_hook(world, sinks, once=True)
    failed(world, sinks, message)
    leaves(world)

    world.service().retry(message.delivery_id)
    world.pump(world.worker())

    assert (world.delivery(message)["state"], len(sinks.received())) == ("delivered", 1)


@pytest.mark.parametrize("mode", list(TransportMode))
def test_what_is_sent_once_to_a_person_is_theirs(world: World, mode: TransportMode) -> None:
    """A mail and an inbox have a reader, however often they are sent; and each role reads who that is."""
    is_personal = mode in {TransportMode.EMAIL, TransportMode.LOCAL}
    given: dict[str, Any] = {"url": "http://127.0.0.1:9/hook"} if mode is TransportMode.WEBHOOK else {}
    world.configure(NotificationTransport(name="way", mode=mode, **given))
    theirs, once = world.message("way", mode), world.message("way", mode, once=True)
    world.later(hours=1)
    is_followed_by_another(world)

    world.send(theirs, once)
    world.pump(world.worker(mode, lambda _: Outcome(State.DELIVERED, "taken")), mode)

    assert ended(world, theirs) == ("discarded", "person_deleted")
    assert world.delivery(once)["state"] == ("discarded" if is_personal else "delivered")
