"""GET /events and its kin, through the handler, on moto."""

from datetime import timedelta
from typing import Any

import pytest

from tests.integration.events.filled_log import NOW, Log, some_events
from tocsin.events.model import Event
from tocsin.events.search.query import parse_search
from tocsin.events.search.rollup_hours import hour_of
from tocsin.events.search.rollups import Rollups
from tocsin.ids import new_id
from tocsin.times import iso

FILTERS: list[dict[str, str]] = [
    {},
    {"username": "user3"},
    {"user_pk": "3"},
    {"user_pk": "3", "action": "login"},
    {"user_pk": "99"},
    {"action": "custom_rare"},
    {"action": "log*"},
    {"action": "ra*"},
    {"action": "logout,custom_rare"},
    {"actions": "logout,custom_rare", "app": "wiki"},
    {"action": "suspicious_request"},
    {"client_ip": "10.0.0.7"},
    {"client_ip": "10.0.0.0/28"},
    {"client_ip": "10.0.1.0/24", "action": "logout"},
    {"client_ip": "10.0.0.7", "user_pk": "3"},
    {"search": "broken LOGOUT"},
    {"filter": "event.context.n > 90"},
    {"since": iso(NOW - timedelta(hours=5)), "until": iso(NOW - timedelta(hours=1, minutes=11))},
    {"since": iso(NOW - timedelta(hours=5)), "user_pk": "4"},
    {"until": iso(NOW - timedelta(hours=5)), "action": "logout"},
]


@pytest.mark.parametrize(("rolled_up", "days"), [(True, 0.4), (False, 0.4), (False, 2.5)])
def test_every_way_finds_what_looking_at_each_event_finds(log: Log, rolled_up: bool, days: float) -> None:
    log.fill(some_events(200, days), rolled_up=rolled_up)
    since = {"since": iso(NOW - timedelta(days=3))}  # without roll-ups nobody knows where the log begins

    for query in FILTERS:
        for limit in ("25",) if rolled_up else ("1000",):
            wanted = log.expected(**query)

            newest = log.ids(**since | query, limit=limit)
            oldest = log.ids(**since | query, limit=limit, order="oldest")

            assert newest == wanted, query
            assert oldest == wanted[::-1], query


def test_pages_are_right_while_events_arrive(log: Log) -> None:
    log.fill(some_events(60))
    before = log.expected()
    _, first = log.get("/events", limit="20")
    newer = [each for each in some_events(20, days=0.01, seed=2) if each.id > before[0]]
    log.fill(newer)

    found = [each["id"] for each in first["items"]]
    while first["cursor"]:
        _, first = log.get("/events", limit="20", cursor=first["cursor"])
        found += [each["id"] for each in first["items"]]

    assert newer
    assert found == before


def test_ids_of_one_millisecond_are_paged_apart(log: Log) -> None:
    moment = NOW - timedelta(hours=1)
    log.fill([Event(new_id(moment), "login", "shop", {}, {}, None, "default", None) for _ in range(25)])

    assert log.ids(limit="1") == log.expected()
    assert log.ids(limit="1", order="oldest") == log.expected()[::-1]


def test_an_event_is_shown_with_its_summary(log: Log) -> None:
    log.fill(some_events(1))

    _, page = log.get("/events")

    assert page["items"] == [log.events[0].to_json() | {"summary": log.events[0].summary}]


def test_an_expired_event_is_not_shown(log: Log) -> None:
    gone = Event(
        new_id(NOW - timedelta(hours=1)), "login", "shop", {"pk": 1}, {}, None, "default", NOW - timedelta(minutes=1)
    )
    log.fill([gone])

    assert log.ids() == []
    assert log.ids(user_pk="1") == []


UUID = "0b4ad6a9-3a3f-4d4c-9e5b-6a1f0c2d3e4f"


@pytest.mark.parametrize("stored", [UUID, UUID.replace("-", ""), UUID.upper()])
@pytest.mark.parametrize("asked", [UUID, UUID.replace("-", "").upper()])
def test_a_user_whose_key_is_a_uuid_is_found_however_it_is_spelled(log: Log, stored: str, asked: str) -> None:
    """The index was asked for the one spelling that was given, though every spelling is the same key elsewhere."""
    theirs = Event(new_id(NOW - timedelta(hours=1)), "login", "shop", {"pk": stored}, {}, None, "default", None)
    log.fill([theirs, *some_events(5)])

    assert log.ids(user_pk=asked) == [theirs.id]
    assert log.ids(user_pk=asked, order="oldest", limit="1") == [theirs.id]


def test_hours_without_the_action_are_not_read(log: Log) -> None:
    log.fill(some_events(60))
    hours = {hour_of(each.created) for each in log.events if each.action == "custom_rare" and each.app == "wiki"}
    there = sum(hour_of(each.created) in hours | {hour_of(NOW)} for each in log.events)

    page = log.reading.page(parse_search({"action": "custom_rare", "app": "wiki"}), now=NOW, limit=1000)

    assert page.events
    assert page.position is None
    assert page.budget.spent_items <= there
    assert there < 60


def test_a_late_event_is_found_in_an_hour_that_was_skipped_before(log: Log) -> None:
    log.fill(some_events(100))
    late = Event(new_id(NOW - timedelta(hours=8)), "system_exception", "shop", {}, {}, None, "default", None)
    log.fill([late], rolled_up=False)

    Rollups(log.stack.dynamodb, "events").mark([late.id])

    assert log.ids(action="system_exception") == [late.id]


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/events", {"limit": "1001"}, "limit"),
        ("/events", {"order": "random"}, "order"),
        ("/events", {"client_ip": "x"}, "client_ip"),
        ("/events", {"nope": "1"}, "nope"),
        ("/events/volume", {"interval": "minutes=30"}, "interval"),
        ("/events/volume", {"interval": "six"}, "interval"),
        ("/events/volume", {"history_days": "0"}, "history_days"),
        ("/events/volume", {"history_days": "x"}, "history_days"),
        ("/events/actions", {"history_days": "-1"}, "history_days"),
        ("/events/volume", {"history_days": "1", "since": iso(NOW - timedelta(days=1))}, "history_days"),
        ("/events/top_per_user", {"top": "0"}, "top"),
        ("/events/top_per_user", {"top": "00000000190000000"}, "top"),
        ("/events/top_per_user", {"top": "9" * 5000}, "top"),
        ("/events/stats", {"steps": "hours=24,x"}, "steps"),
        ("/events/stats", {"since": iso(NOW)}, "since"),
        ("/events/actions", {"app": "x"}, "app"),
    ],
)
def test_a_wrong_parameter_is_named(log: Log, path: str, query: dict[str, str], field: str) -> None:
    status, problem = log.get(path, **query)

    assert status == 422
    assert [error["path"] for error in problem["errors"]] == [field]


@pytest.mark.parametrize("path", ["/events", *(f"/events/{n}" for n in ("actions", "volume", "top_per_user", "stats"))])
def test_reading_needs_its_scope(log: Log, path: str) -> None:
    assert log.get(path, scopes="events:write config:read")[0] == 403


@pytest.mark.parametrize("case", ["list", "search", "volume", "stats", "top", "actions", "wrong-cursor"])
def test_each_sample_payload_is_answered(log: Log, load: Any, case: str) -> None:
    answer = log.api(load(f"api-events-{case}"), log.stack.context)

    assert answer["statusCode"] == (422 if case == "wrong-cursor" else 200), answer["body"]
