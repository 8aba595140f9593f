"""The inbox: stored once, rewritten by a mapping."""

from typing import Any

import pytest

from tests.integration.delivery_world import World
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


@pytest.mark.parametrize("mapping", ["{'id': 'other'}", "{'user': 'bob'}", "[1]", "{'body': null}", "1"])
def test_a_mapping_can_change_nothing_else(world: World, mapping: str) -> None:
    delivery = deliver(world, mapping)

    assert (delivery["state"], delivery["attempts"][0]["reason"]) == ("failed", "bad_mapping")
    assert inbox(world) == []


def test_nobody_has_no_inbox(world: World) -> None:
    delivery = deliver(world, user=None)

    assert (delivery["state"], delivery["attempts"][0]["reason"]) == ("discarded", "no_person")
