"""`search=` on each list that there is."""

from datetime import timedelta
from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.delivery_world import World
from tests.integration.notifications.test_inbox_window import notification
from tocsin.api.openapi.operations import OPERATIONS
from tocsin.deliveries.worker import LEASE
from tocsin.notifications.email.suppressions import SuppressionReason, Suppressions
from tocsin.notifications.inbox_store import InboxStore
from tocsin.notifications.transport import NotificationTransport, TransportMode
from tocsin.times import utc_now

ENTRIES: dict[str, dict[str, Any]] = {
    "/users/alice": {"email": "alice@example.com", "name": "Alice Straße"},
    "/users/bob": {"email": "bob@example.net"},
    "/groups/oncall": {},
    "/groups/oncall-berlin": {},
    "/mappings/brief": {"expression": "{'text': notification.body}"},
    "/mappings/long": {"expression": "{'summary': notification.body}"},
    "/transports/hook": {"mode": "webhook", "url": "http://127.0.0.1:9/hook", "body_mapping": "brief"},
    "/transports/mail": {"mode": "email"},
    "/transports/ops-slack": {
        "mode": "webhook_slack",
        "url": "https://hooks.slack.com/a/b",
        "username": "a",
    },
    "/policies/failed": {"kind": "event_matcher", "action": "login_failed"},
    "/policies/web": {"kind": "pattern", "pattern": {"context": {"host": [{"prefix": "web"}]}}},
    "/rules/failed-logins": {"severity": "alert", "bindings": [{"policy": "failed"}]},
    "/rules/web": {"bindings": [{"policy": "web"}]},
    "/keys/shop": {"scopes": ["events:write"], "user": "alice"},
    "/keys/reader": {"scopes": ["events:read"]},
    "/silences/deploy": {"matcher": {"app": "shop"}, "ends": "2999-01-01T00:00:00Z", "comment": "Rollout"},
    "/silences/other": {"matcher": {"app": "bank"}, "ends": "2999-01-01T00:00:00Z"},
}

SEARCHES = [
    ("/users", "STRASSE", ["alice"]),
    ("/users", "example", ["alice", "bob"]),
    ("/groups", "Berlin", ["oncall-berlin"]),
    ("/groups/oncall/members", "AL", ["alice"]),
    ("/mappings", "Summary", ["long"]),
    ("/transports", "webhook brief", ["hook"]),
    ("/policies", "WEB", ["web"]),
    ("/rules", "alert failed", ["failed-logins"]),
    ("/keys", "Alice", ["shop"]),
    ("/silences", "rollout", ["deploy"]),
    ("/silences", "nothing-of-that", []),
]


@pytest.fixture
def api(stack: Stack) -> Api:
    made = Api.of(stack, user="alice")
    for path, entry in ENTRIES.items():
        assert made("PUT", path, entry).status == 201, path
    for name in ("alice", "bob"):
        made("PUT", f"/groups/oncall/members/{name}")
    return made


@pytest.mark.parametrize(("path", "words", "found"), SEARCHES)
def test_a_list_is_searched(api: Api, path: str, words: str, found: list[str]) -> None:
    answer = api("GET", path, query={"search": words})

    assert answer.status == 200
    name = "username" if "users" in path or "members" in path else "name"
    assert [entry[name] for entry in answer.body["items"]] == found
    assert answer.body["cursor"] is None


def test_a_search_goes_on_by_its_cursor(api: Api) -> None:
    first = api("GET", "/users", query={"search": "example", "limit": "1"})
    second = api("GET", "/users", query={"search": "example", "limit": "1", "cursor": first.body["cursor"]})

    assert [page.body["items"][0]["username"] for page in (first, second)] == ["alice", "bob"]
    assert second.body["cursor"] is None


def test_a_search_of_transports_goes_on_by_their_names_whatever_slack_calls_them(api: Api) -> None:
    first = api("GET", "/transports", query={"search": "http", "limit": "1"}).body
    second = api("GET", "/transports", query={"search": "http", "limit": "1", "cursor": first["cursor"]}).body

    assert [item["name"] for item in first["items"] + second["items"]] == ["hook", "ops-slack"]


def test_notifications_are_searched_by_what_people_read_of_them(stack: Stack, api: Api) -> None:
    inboxes = InboxStore(stack.dynamodb, "deliveries")
    for reason in ("Wrong password", "locked"):
        inboxes.put(notification("failed-logins", message=reason), keep=timedelta(days=1), now=utc_now())
    inboxes.put(notification("other", message="password changed"), keep=timedelta(days=1), now=utc_now())

    found = api("GET", "/notifications", query={"search": "PASSWORD failed-logins"})
    by_id = api("GET", "/notifications", query={"search": found.body["items"][0]["id"][-8:]})

    assert [item["body"] for item in found.body["items"]] == ["Wrong password"]
    assert by_id.body["items"] == []


def test_a_search_of_an_inbox_goes_on_by_its_cursor(stack: Stack, api: Api) -> None:
    inboxes = InboxStore(stack.dynamodb, "deliveries")
    for number in range(6):
        inboxes.put(
            notification(message=f"{number} {'odd' if number % 2 else 'even'}"), keep=timedelta(1), now=utc_now()
        )

    first = api("GET", "/notifications", query={"search": "odd", "limit": "2"}).body
    second = api("GET", "/notifications", query={"search": "odd", "limit": "2", "cursor": first["cursor"]}).body

    assert [item["body"] for item in first["items"] + second["items"]] == ["5 odd", "3 odd", "1 odd"]
    assert second["cursor"] is None


def test_deliveries_are_searched(world: World) -> None:
    world.configure(
        NotificationTransport(name="ops", mode=TransportMode.LOCAL),
        NotificationTransport(name="sales", mode=TransportMode.LOCAL),
    )
    for name in ("ops", "sales"):
        message = world.message(name, "local", rule=f"{name}-rule")
        world.deliveries.hold(message, now=world.now, lease=LEASE, keep=timedelta(days=1))

    found = Api.of(world.stack)("GET", "/deliveries", query={"search": "SALES held alice"})

    assert [item["rule"] for item in found.body["items"]] == ["sales-rule"]


def test_mail_stops_are_searched(stack: Stack, api: Api) -> None:
    stops = Suppressions(stack.dynamodb, "deliveries")
    for address, detail in (("a@example.com", "550 no such user"), ("b@example.com", "552 full")):
        stops.stop(address, SuppressionReason.BOUNCED, detail, now=utc_now())

    found = api("GET", "/mail-stops", query={"search": "bounced FULL"})

    assert [item["address"] for item in found.body["items"]] == ["b@example.com"]


def test_every_list_takes_it() -> None:
    lists = [each for each in OPERATIONS if each.method == "GET" and "cursor" in each.query]

    assert {each.path for each in lists if "search" not in each.query} == {"/events/{event_id}/deliveries"}
