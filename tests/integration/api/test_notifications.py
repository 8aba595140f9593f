"""/notifications over HTTP: whose inbox, filters, marks, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tocsin.events.model import Event
from tocsin.events.store import EventStore, Submission
from tocsin.identity.directory import User
from tocsin.identity.principal import Scope
from tocsin.ids import new_id
from tocsin.notifications.inbox_store import InboxStore
from tocsin.notifications.model import Notification, Severity

PATH = "/notifications"


@pytest.fixture
def alice(stack: Stack) -> Api:
    return Api.of(stack, user="alice", scopes=Scope.NOTIFICATIONS.value)


def tell(stack: Stack, user: str = "alice", rule: str = "r", *, stored: bool = True) -> str:
    """A notification about a new event; its id."""
    event = Event(
        id=new_id(), action="login", app="shop", user={}, context={}, client_ip=None, brand="default", expires=None
    )
    if stored:
        EventStore(stack.dynamodb, "events").add([Submission(event, None)])
    told = Notification.of(event, rule, Severity.WARNING, User(user))
    InboxStore(stack.dynamodb, "deliveries").put(told, keep=timedelta(days=1), now=datetime.now(UTC))
    return told.id


def test_a_notification_says_where_its_event_and_its_story_are(stack: Stack, alice: Api) -> None:
    id_ = tell(stack)

    (item,) = alice("GET", PATH).body["items"]
    one = alice("GET", f"{PATH}/{id_}").body

    assert item == one
    href = f"/events/{one['event_id']}"
    assert one["event"] == {"href": href, "story": f"{href}/deliveries"}
    assert Api.of(stack)("GET", one["event"]["href"]).status == 200


def test_an_event_that_is_gone_is_null(stack: Stack, alice: Api) -> None:
    id_ = tell(stack, stored=False)

    assert alice("GET", f"{PATH}/{id_}").body["event"] is None
    assert [item["event"] for item in alice("GET", PATH).body["items"]] == [None]


def test_marks_are_counted(stack: Stack, alice: Api) -> None:
    first, second = tell(stack), tell(stack)

    assert alice("POST", f"{PATH}/seen", {"ids": [first]}).body == {"user": "alice", "seen": True, "ids": [first]}
    assert alice("GET", f"{PATH}/unread").body == {
        "user": "alice",
        "unread": 1,
        "total": 2,
        "limit": 1000,
        "dropped": 0,
        "arrivals": 2,
    }
    assert [item["id"] for item in alice("GET", PATH, query={"unseen": "true"}).body["items"]] == [second]
    assert alice("POST", f"{PATH}/seen", {"through": 2}).body == {"user": "alice", "seen": True, "through": 2}
    assert alice("GET", PATH).body["unread"] == 0
    assert alice("POST", f"{PATH}/unseen", {"ids": [first]}).body == {"user": "alice", "seen": False, "ids": [first]}
    assert alice("DELETE", f"{PATH}/{first}").body == {"user": "alice", "ids": [first]}
    assert alice("DELETE", f"{PATH}/{first}").status == 404
    assert alice("GET", f"{PATH}/{first}").status == 404
    assert alice("DELETE", PATH).body == {"user": "alice", "through": 2}
    assert alice("GET", PATH).body["items"] == []


def test_after_asks_for_what_arrived_since(stack: Stack, alice: Api) -> None:
    tell(stack)
    known = alice("GET", PATH).body["items"][0]["arrival"]
    new = tell(stack)

    assert [item["id"] for item in alice("GET", PATH, query={"after": str(known)}).body["items"]] == [new]


def test_pages_follow_their_cursor(stack: Stack, alice: Api) -> None:
    told = [tell(stack) for _ in range(3)]

    first = alice("GET", PATH, query={"limit": "2"}).body
    second = alice("GET", PATH, query={"limit": "2", "cursor": first["cursor"]}).body

    assert [item["id"] for item in first["items"] + second["items"]] == told[::-1]
    assert second["cursor"] is None


def test_the_setting_says_how_many_an_inbox_holds(stack: Stack, alice: Api) -> None:
    told = [tell(stack) for _ in range(4)]

    assert Api.of(stack)("PUT", "/settings", {"inbox_limit": 3}).status == 200
    fresh = Api.of(stack, user="alice", scopes=Scope.NOTIFICATIONS.value)

    assert [item["id"] for item in fresh("GET", PATH).body["items"]] == told[:0:-1]
    counted = fresh("GET", f"{PATH}/unread").body
    assert (counted["total"], counted["limit"], counted["dropped"]) == (3, 3, 1)


def test_what_was_seen_leaves_the_inbox_by_a_setting_of_its_own(stack: Stack, alice: Api) -> None:
    seen, unseen = tell(stack), tell(stack)
    assert alice("POST", f"{PATH}/seen", {"ids": [seen]}).status == 200

    kept = {"seen_notification_retention": "microseconds=1"}
    assert Api.of(stack)("PUT", "/settings", kept).status == 200
    fresh = Api.of(stack, user="alice", scopes=Scope.NOTIFICATIONS.value)

    assert [item["id"] for item in fresh("GET", PATH).body["items"]] == [unseen]
    assert fresh("GET", f"{PATH}/unread").body["total"] == 1
    assert fresh("GET", f"{PATH}/{seen}").status == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "query", "field"),
    [
        ("GET", PATH, None, {"severity": "loud"}, "severity"),
        ("GET", PATH, None, {"since": "yesterday"}, "since"),
        ("GET", PATH, None, {"after": "-1"}, "after"),
        ("GET", PATH, None, {"unseen": "maybe"}, "unseen"),
        ("GET", PATH, None, {"rule": ""}, "rule"),
        ("GET", PATH, None, {"cursor": "bm8"}, "cursor"),
        ("GET", f"{PATH}/x", None, {}, "notification_id"),
        ("DELETE", PATH, None, {"through": "all"}, "through"),
        ("POST", f"{PATH}/seen", {}, {}, ""),
        ("POST", f"{PATH}/seen", {"ids": ["x"]}, {}, "ids[0]"),
        ("POST", f"{PATH}/seen", {"through": -1}, {}, "through"),
        ("POST", f"{PATH}/unseen", {"ids": []}, {}, "ids"),
        ("POST", f"{PATH}/unseen", {"through": 1}, {}, "ids"),
    ],
)
def test_what_is_wrong_is_named(
    alice: Api, method: str, path: str, body: Any, query: dict[str, str], field: str
) -> None:
    answer = alice(method, path, body, query=query)

    assert answer.status == 422
    assert field in {error["path"] for error in answer.body["errors"]}


def test_another_persons_inbox_is_read_with_events_read_and_changed_with_config_write(stack: Stack) -> None:
    tell(stack, "bob")
    bobs = {"user": "bob"}
    reader = Api.of(stack, user="alice", scopes=f"{Scope.NOTIFICATIONS} {Scope.EVENTS_READ}")
    operator = Api.of(stack, user="alice", scopes=f"{Scope.NOTIFICATIONS} {Scope.CONFIG_WRITE}")

    assert reader("GET", f"{PATH}/unread", query=bobs).body["unread"] == 1
    assert reader("POST", f"{PATH}/seen", {"through": 1}, query=bobs).status == 403
    assert reader("DELETE", PATH, query=bobs).status == 403
    assert operator("DELETE", PATH, query=bobs).status == 200
    assert operator("GET", PATH, query={"user": "x" * 101}).status == 403
    assert reader("GET", PATH, query={"user": "x" * 256}).status == 422
