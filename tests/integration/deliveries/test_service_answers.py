"""What deliveries' operations answer: of which transport, from where on, and what a test is of."""

from datetime import timedelta
from typing import Any

import pytest

from local.sinks import Misbehaviour, Sinks
from tests.integration.delivery_world import ALICE, World
from tocsin.deliveries.breaker import Breaker, BreakerState
from tocsin.deliveries.items import Place
from tocsin.deliveries.service import TEST_WAITS
from tocsin.errors import Invalid, NotFound
from tocsin.identity.store import PeopleStore
from tocsin.notifications.outcome import State
from tocsin.notifications.transport import NotificationTransport, TransportMode
from tocsin.times import iso

ANY_TIME: dict[str, Any] = {"since": None, "until": None}


def failed(world: World, sinks: Sinks, *transports: str) -> list[str]:
    """Ids of deliveries that have failed, one of each transport named, a second apart."""
    sinks.misbehave(Misbehaviour("/webhook/x", status=404))
    webhook = TransportMode.WEBHOOK
    known = [
        NotificationTransport(name=name, mode=webhook, url=f"{sinks.url}/webhook/x") for name in sorted({*transports})
    ]
    world.configure(*known)
    messages = []
    for transport in transports:
        messages.append(world.message(transport))
        world.later(seconds=1)
    world.send(*messages)
    world.pump(world.worker())
    return [message.delivery_id for message in messages]


def test_deliveries_are_listed_of_the_transport_that_is_asked_for(world: World, sinks: Sinks) -> None:
    first, other, second = failed(world, sinks, "hook", "other", "hook")

    listed = {
        name: [each["id"] for each in world.service().list(
            transport=name, states=[], before=None, limit=10, **ANY_TIME
        ).items]
        for name in ("hook", "other", None)
    }  # fmt: skip

    assert listed == {"hook": [second, first], "other": [other], None: [second, other, first]}


def test_a_redrive_goes_on_after_the_delivery_that_is_named(world: World, sinks: Sinks) -> None:
    """Those before it may have failed again by then."""
    first, second, third = failed(world, sinks, "hook", "hook", "hook")

    redriven = world.service().redrive(transport="hook", states=[State.FAILED], after=first, limit=1, **ANY_TIME)

    assert (redriven.queued, redriven.cursor) == (1, second)
    states = [world.deliveries.get(each) or {} for each in (first, second, third)]
    assert [each["state"] for each in states] == ["failed", "queued", "failed"]


def test_a_test_without_an_outcome_yet_is_queued(world: World) -> None:
    world.hook("https://example.com/x")

    answer = world.service(sleep=lambda _: None).test("hook", None)

    (waiting,) = world.stack.messages("Webhook")
    assert answer == {"id": answer["id"], "state": "queued", "attempts": []}
    assert str(answer["id"]).startswith(waiting["event_id"])
    assert (waiting["event"]["app"], waiting["event"]["user"], waiting["user"]) == ("tocsin", {}, None)


def test_a_test_is_waited_for_at_first_often_then_every_second_for_20_seconds_in_all(world: World) -> None:
    world.hook("https://example.com/x")
    slept = list[float]()

    world.service(sleep=slept.append).test("hook", None)

    assert [round(pause, 3) for pause in slept[:4]] == [0.1, 0.11, 0.121, 0.133]
    assert max(slept) == slept[-1] == 1
    assert sum(slept[:-1]) < TEST_WAITS <= sum(slept) < TEST_WAITS + 1


@pytest.mark.parametrize("after", [0.1, 1, TEST_WAITS], ids=["at once", "after a second", "in the last moment"])
def test_a_test_is_waited_for_no_longer_than_until_its_outcome(world: World, sinks: Sinks, after: float) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    worker, slept = world.worker(), list[float]()

    def sleep(pause: float) -> None:
        slept.append(pause)
        if sum(slept) >= after:
            world.pump(worker)

    answer: Any = world.service(sleep=sleep).test("hook", None)

    assert (answer["state"], len(answer["attempts"])) == ("delivered", 1)
    assert sum(slept[:-1]) < after


def test_a_transport_that_never_failed_has_a_breaker_that_is_closed(world: World) -> None:
    hook = world.hook("https://example.com/x")

    assert world.service().breaker("hook") == Breaker("hook", hook.fingerprint, BreakerState.CLOSED)
    assert world.service().breakers() == [world.service().breaker("hook")]


def test_the_breakers_of_all_transports_are_shown_as_they_are(world: World) -> None:
    world.open_breaker(world.hook("https://example.com/x"))

    (breaker,) = world.service().breakers()

    assert (breaker.transport, breaker.state, breaker.reason) == ("hook", BreakerState.OPEN, "http_500")


def test_a_name_that_is_not_there_is_said_up_to_its_hundredth_character(world: World) -> None:
    world.hook("https://example.com/x")

    with pytest.raises(NotFound, match=f"there is no transport '{'x' * 100}'$"):
        world.service().breaker("x" * 101)
    with pytest.raises(Invalid, match=f"there is no user '{'x' * 100}'$"):
        world.service().test("hook", "x" * 101)


def test_a_redrive_is_of_events_since_the_moment_that_is_named(world: World, sinks: Sinks) -> None:
    begun = world.now
    failed(world, sinks, "hook", "hook", "hook")
    since = begun + timedelta(seconds=1)

    redriven = world.service().redrive(
        transport="hook", states=[State.FAILED], since=since, until=None, after=None, limit=9
    )

    assert (redriven.queued, redriven.skipped, redriven.gone, redriven.cursor) == (2, 0, 0, None)


def test_a_test_with_a_person_is_of_an_event_of_theirs(world: World) -> None:
    world.hook("https://example.com/x")
    PeopleStore(world.stack.dynamodb, "config").write(users=[ALICE])

    world.service(sleep=lambda _: None).test("hook", "alice")

    (waiting,) = world.stack.messages("Webhook")
    assert waiting["event"]["user"] == {"username": "alice", "email": ALICE.email}
    assert (waiting["user"]["username"], waiting["test"]) == ("alice", True)
    assert (waiting["event"]["action"], waiting["event"]["created"]) == ("custom_test", iso(world.now))
    assert waiting["event"]["expires"] == iso(world.now + timedelta(days=1))
    assert waiting["event"]["context"] == {"message": "This is a test of the transport hook."}


def test_a_test_that_might_succeed_later_has_failed_and_is_not_tried_again(world: World, sinks: Sinks) -> None:
    """Somebody waits for its outcome."""
    sinks.misbehave(Misbehaviour("/webhook/x", status=503))
    world.hook(f"{sinks.url}/webhook/x")
    worker = world.worker()

    answer: Any = world.service(sleep=lambda _: world.pump(worker)).test("hook", None)

    assert (answer["state"], [each["reason"] for each in answer["attempts"]]) == ("failed", ["http_503"])
    world.go_on(worker, hours=1)
    assert len(sinks.received()) == 1


def test_a_delivery_is_shown_with_what_it_tells_to_whom_and_how_it_went(world: World, sinks: Sinks) -> None:
    (id_,) = failed(world, sinks, "hook")

    shown: Any = world.service().get(id_)

    moment = iso(world.now)
    (attempt,) = shown.pop("attempts")
    assert (attempt["state"], attempt["reason"], attempt["status"], attempt["at"]) == (
        "failed",
        "http_404",
        404,
        moment,
    )
    assert shown == {
        "id": id_,
        "event_id": Place.of(id_).event_id,
        "rule": "failed-logins",
        "transport": "hook",
        "mode": "webhook",
        "user": "alice",
        "notification_id": shown["notification_id"],
        "state": "failed",
        "created": moment,
        "updated": moment,
    }
