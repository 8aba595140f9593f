"""The inbox: stored once, rewritten by a mapping."""

from datetime import timedelta
from typing import Any

import pytest

from tests.integration.delivery_world import World
from tocsin.identity.directory import User
from tocsin.notifications.inbox import MAX_FACTS
from tocsin.notifications.inbox_owner_store import InboxOwnerStore
from tocsin.notifications.transport import NotificationTransport, TransportMode


def deliver(world: World, mapping: str | None = None, **fields: Any) -> dict[str, Any]:
    mappings, named = world.mapped({"body_mapping": mapping} if mapping else {})
    world.configure(NotificationTransport(name="inbox", mode=TransportMode.LOCAL, **named), mappings=mappings)
    message = world.message("inbox", "local", **fields)
    world.send(message)
    world.pump(world.worker("local"), "local")
    return world.delivery(message)


def inbox(world: World) -> list[dict[str, Any]]:
    page = world.inboxes.page("alice", world.inboxes.head("alice"), limit=1000, now=world.now)
    return [dict(item) for item in page.items]


def test_a_notification_is_stored_for_its_person(world: World) -> None:
    delivery = deliver(world)

    assert delivery["state"] == "delivered"
    assert inbox(world)[0]["id"] == delivery["notification_id"]


def test_a_notification_is_stored_once_however_often_it_is_delivered(world: World) -> None:
    delivery = deliver(world)
    world.redeliveries.requeue(_place(delivery["id"]), now=world.now, skip=())
    world.send(world.message("inbox", "local", event_id=delivery["event_id"]))

    world.pump(world.worker("local"), "local")

    assert len(inbox(world)) == 1


def _place(delivery_id: str) -> Any:
    from tocsin.deliveries.items import Place

    return Place.of(delivery_id)


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ("'Look: ' + event.context.reason", {"body": "Look: wrong password"}),
        ("{'body': 'b', 'hyperlink': 'https://example.com/', 'hyperlink_label': null}", {"body": "b"}),
    ],
)
def test_a_mapping_rewrites_the_notification(world: World, mapping: str, said: dict[str, Any]) -> None:
    deliver(world, mapping)

    assert inbox(world)[0].items() >= said.items()


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "/x", "https", ""])
def test_a_mapping_makes_no_link_of_what_is_no_web_address(world: World, link: str) -> None:
    """The fault: whoever chose a value of an event chose what an app that shows the inbox would open."""
    delivery = deliver(world, f"{{'body': 'b', 'hyperlink': '{link}'}}")

    assert delivery["state"] == "delivered"
    assert (inbox(world)[0]["body"], inbox(world)[0]["hyperlink"]) == ("b", None)


@pytest.mark.parametrize("mapping", ["{'id': 'other'}", "{'user': 'bob'}", "[1]", "{'body': null}", "1"])
def test_a_mapping_can_change_nothing_else(world: World, mapping: str) -> None:
    delivery = deliver(world, mapping)

    assert (delivery["state"], delivery["attempts"][0]["reason"]) == ("failed", "bad_mapping")
    assert inbox(world) == []


def test_nobody_has_no_inbox(world: World) -> None:
    delivery = deliver(world, user=None)

    assert (delivery["state"], delivery["attempts"][0]["reason"]) == ("discarded", "no_person")


def test_what_happened_before_somebody_was_deleted_is_discarded_and_says_so(world: World) -> None:
    others = InboxOwnerStore(world.stack.dynamodb, "deliveries")
    others.empty(["alice", "bob"], now=world.now + timedelta(seconds=1))

    delivery = deliver(world)

    attempt = delivery["attempts"][0]
    assert (delivery["state"], attempt["reason"]) == ("discarded", "person_deleted")
    assert "was deleted after the event happened" in attempt["detail"]
    assert inbox(world) == []
    assert others.emptied(["alice", "bob", "eve"]).keys() == {"alice", "bob"}


def test_an_inbox_has_the_words_of_its_persons_language(world: World) -> None:
    event = world.event(context={"reason": "wrong password", "attempts": 3} | {f"k{at}": "v" for at in range(20)})
    deliver(world, event_id=event.id, user=User("alice", locale="de"))

    words = inbox(world)[0]["words"]
    assert (words["locale"], words["title"]) == ("de", "Anmeldung fehlgeschlagen")
    assert words["text"].startswith("mallory konnte sich nicht anmelden")
    assert words["advice"] == "Wenn das weitergeht: Konto oder Adresse sperren."
    assert words["why"].startswith("Sie hören davon, weil")
    assert {"label": "Versuche", "value": "3"} in words["facts"]
    assert (len(words["facts"]), words["left_out"] > 0) == (MAX_FACTS, True)


def test_the_words_of_an_inbox_are_as_a_mapping_rewrites_the_body(world: World) -> None:
    deliver(world, "'Look here'")

    assert inbox(world)[0]["words"]["text"] == "Look here"
