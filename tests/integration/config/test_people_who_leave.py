"""A deleted person's inbox goes with them: who has the name later sees nothing of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tocsin.aws import clients
from tocsin.events.model import Event
from tocsin.identity.directory import User
from tocsin.ids import new_id
from tocsin.notifications.inbox_store import BelongsToAnother, InboxStore
from tocsin.notifications.model import Notification, Severity
from tocsin.times import utc_now

type Edit = Callable[[Api], object]
ZED: dict[str, Any] = {"users": [{"username": "zed"}]}
EDITS: dict[str, tuple[Edit, Edit]] = {
    "alone": (lambda api: api("DELETE", "/users/zed"), lambda api: api("PUT", "/users/zed", {})),
    "blueprint": (lambda api: api("PUT", "/blueprint", {}), lambda api: api("PUT", "/blueprint", ZED)),
}


@pytest.fixture
def api(stack: Stack) -> Api:
    made = Api.of(stack)
    assert made("PUT", "/users/zed", {}).status == 201
    return made


def notification(said: str) -> Notification:
    event = Event(
        id=new_id(), action="login", app="shop", user={}, context={"message": said}, client_ip=None, brand="default",
        expires=utc_now() + timedelta(days=1),
    )  # fmt: skip
    return Notification.of(event, "rule", Severity.NOTICE, User("zed"))


def tell(stack: Stack, said: Notification) -> None:
    InboxStore(clients.dynamodb(), "deliveries").put(said, keep=timedelta(days=1), now=utc_now())


def bodies(api: Api) -> list[str]:
    return [item["body"] for item in api("GET", "/notifications", query={"user": "zed"}).body["items"]]


@pytest.mark.parametrize("way", EDITS)
def test_a_deleted_persons_inbox_goes_with_them(api: Api, stack: Stack, way: str) -> None:
    delete, make = EDITS[way]
    tell(stack, notification("private to the first zed"))
    assert bodies(api) == ["private to the first zed"]

    delete(api)
    gone = bodies(api)
    make(api)

    assert (gone, bodies(api)) == ([], [])
    count = api("GET", "/notifications/unread", query={"user": "zed"}).body
    assert (count["unread"], count["total"], count["dropped"]) == (0, 0, 0)
    tell(stack, notification("to the second"))
    assert bodies(api) == ["to the second"]


@pytest.mark.parametrize("way", EDITS)
def test_what_was_on_its_way_to_them_reaches_nobody(api: Api, stack: Stack, way: str) -> None:
    delete, make = EDITS[way]
    late = notification("private to the first zed")

    delete(api)
    make(api)

    with pytest.raises(BelongsToAnother):
        tell(stack, late)
    assert bodies(api) == []


def test_a_name_whose_person_went_unseen_begins_with_an_empty_inbox(api: Api, stack: Stack) -> None:
    tell(stack, replace(notification("told somebody"), user=User("new")))

    api("PUT", "/users/new", {})

    assert api("GET", "/notifications", query={"user": "new"}).body["items"] == []


def test_who_stays_keeps_their_inbox(api: Api, stack: Stack) -> None:
    tell(stack, notification("kept"))

    api("PUT", "/users/zed", {"name": "Zed"})
    api("PUT", "/blueprint", ZED | {"groups": [{"name": "crew", "members": ["zed"]}]})

    assert bodies(api) == ["kept"]
