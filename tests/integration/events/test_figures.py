"""Volume, statistics, top users and actions: what is counted of the log."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.events.filled_log import NOW, Log, some_events
from tocsin.events.model import Event
from tocsin.events.search import reader
from tocsin.events.search.query import Search
from tocsin.events.search.rollup_hours import hour_of
from tocsin.events.search.timeline import Budget
from tocsin.ids import id_time, new_id
from tocsin.times import iso
from tocsin.types import JsonObject


@pytest.mark.parametrize("rolled_up", [True, False])
def test_volume_counts_each_bucket(log: Log, rolled_up: bool) -> None:
    log.fill(some_events(200), rolled_up=rolled_up)
    queries: list[dict[str, str]] = [
        {},
        {"action": "logout"},
        {"app": "wiki"},
        {"user_pk": "3"},
        {"search": "broken"},
    ]

    for query in queries:
        status, volume = log.get("/events/volume", history_days="1", **query)

        start = datetime.fromisoformat(volume["since"])
        wanted = [id_time(each) for each in log.expected(**query) if id_time(each) >= start]
        shown = Counter(
            {bucket["start"]: bucket["events"] for bucket in volume["buckets"] if bucket["events"]},
        )
        assert status == 200, query
        assert start.hour % 6 == 0, query
        assert volume["total"] == len(wanted), query
        assert volume["complete_from"] is None, query
        assert shown == Counter(
            iso(moment.replace(hour=moment.hour // 6 * 6, minute=0, second=0, microsecond=0)) for moment in wanted
        ), query


def test_volume_of_seven_days_has_buckets_of_six_hours(log: Log) -> None:
    log.fill(some_events(5))

    _, volume = log.get("/events/volume")

    assert volume["interval_seconds"] == 21_600
    assert len(volume["buckets"]) in {28, 29}
    assert all(bucket["complete"] for bucket in volume["buckets"])


def test_volume_of_a_range_that_cuts_hours_counts_only_what_is_in_it(log: Log) -> None:
    log.fill(some_events(300))
    query = {"since": iso(NOW - timedelta(hours=9, minutes=13)), "until": iso(NOW - timedelta(hours=1, minutes=7))}

    _, volume = log.get("/events/volume", interval="hours=1", **query)

    assert volume["total"] == len(log.expected(**query))


def test_a_count_that_met_its_bound_says_from_when_on_it_is_complete(log: Log) -> None:
    log.fill(some_events(300, days=1.8), rolled_up=False)
    start = hour_of(NOW - timedelta(days=2))

    tally = log.reading.tally(Search(), start, NOW, now=NOW, budget=Budget(items=100))

    assert tally.complete_from is not None
    at_least = sum(each.created > tally.complete_from for each in log.events)
    assert at_least <= tally.total < 300


def test_stats_count_each_step(log: Log) -> None:
    log.fill(some_events(300))
    before = datetime.now(UTC)

    _, stats = log.get("/events/stats", steps="hours=1;minutes=30,hours=24,days=7", action="login")

    lengths = [timedelta(minutes=90), timedelta(hours=24), timedelta(days=7)]
    assert [item["step"] for item in stats["items"]] == ["hours=1;minutes=30", "hours=24", "days=7"]
    for item, length in zip(stats["items"], lengths, strict=True):
        exact = sum(each.action == "login" and each.created >= before - length for each in log.events)
        assert exact - 1 <= item["events"] <= exact  # an event may have left the step's range meanwhile


def test_top_applications_are_ranked_with_their_users(log: Log) -> None:
    def use(name: str, user: int) -> Event:
        context: dict[str, Any] = {"authorized_application": {"pk": name[0], "name": name}}
        moment = NOW - timedelta(hours=user + 1)
        return Event(new_id(moment), "authorize_application", "sso", {"pk": user}, context, None, "default", None)

    log.fill([use("wiki", 1), use("wiki", 1), use("wiki", 2), use("mail", 1), *some_events(20)])

    _, top = log.get("/events/top_per_user")
    _, one = log.get("/events/top_per_user", top="1")

    assert top["items"] == [
        {"application": {"pk": "w", "name": "wiki"}, "events": 3, "unique_users": 2},
        {"application": {"pk": "m", "name": "mail"}, "events": 1, "unique_users": 1},
    ]
    assert top["complete_from"] is None
    assert one["items"] == top["items"][:1]


def test_top_counts_only_events_with_an_application(log: Log) -> None:
    """Of `login`, the list was one of producers."""
    wiki = Event(new_id(NOW), "login", "sso", {"pk": 1}, {"authorized_application": "Wiki"}, None, "default", None)
    log.fill([wiki, *some_events(30)])

    _, top = log.get("/events/top_per_user", action="login")

    assert top["items"] == [{"application": {"pk": None, "name": "Wiki"}, "events": 1, "unique_users": 1}]


def test_an_application_is_told_by_its_key_else_by_its_name_and_by_no_other(log: Log) -> None:
    """The fault: one whose key is 0 was told by its name, or not at all, and a name was taken for another's key."""
    applications: list[JsonObject] = [
        {"pk": 0},
        {"pk": 0, "name": "zero"},
        {"pk": "shop"},
        {"name": "shop"},
        {"pk": ""},
    ]
    log.fill(
        [
            Event(new_id(NOW), "authorize_application", "x", {}, {"authorized_application": each}, None, "d", None)
            for each in applications
        ]
    )

    _, top = log.get("/events/top_per_user")

    told = {(item["application"]["pk"], item["application"]["name"]): item["events"] for item in top["items"]}
    assert sorted(told.values()) == [1, 1, 2]
    assert told["shop", None] == told[None, "shop"] == 1


USERS: list[JsonObject] = [
    *({"pk": None, "username": "u1"}, {"pk": None, "username": "u2"}, {"username": "u3"}, {"pk": 5}, {"pk": 5}),
    *({}, {"pk": "", "username": ""}, {"pk": 5, "username": "u5"}, {"username": "u3", "email": "x@example.org"}),
]


def test_a_user_without_a_primary_key_is_told_by_name(log: Log) -> None:
    context: JsonObject = {"authorized_application": {"pk": "w", "name": "wiki"}}
    log.fill([Event(new_id(NOW), "authorize_application", "x", user, context, None, "d", None) for user in USERS])

    _, top = log.get("/events/top_per_user")
    _, stats = log.get("/events/stats")

    assert [(item["events"], item["unique_users"]) for item in top["items"]] == [(9, 4)]
    assert [(item["events"], item["unique_users"]) for item in stats["items"]] == [(9, 4)]


@pytest.mark.parametrize("rolled_up", [True, False])
def test_stats_count_the_users_of_each_step(log: Log, rolled_up: bool) -> None:
    log.fill(some_events(120, days=0.3), rolled_up=rolled_up)
    queries: list[dict[str, str]] = [{}, {"action": "log*"}, {"search": "broken"}, {"user_pk": "3"}]

    for query in queries:
        _, stats = log.get("/events/stats", steps="hours=3,hours=24", **query)

        found = set(log.expected(**query))
        for item in stats["items"]:
            since = datetime.fromisoformat(item["since"])
            there = [each for each in log.events if each.id in found and each.created >= since]
            assert item["events"] == len(there), query
            assert item["unique_users"] == len({each.user["pk"] for each in there}), query
            assert (item["complete_from"], item["users_complete_from"]) == (None, None), query


def test_stats_say_from_when_on_they_know_the_users(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.fill(some_events(300))
    monkeypatch.setattr(reader, "counting_budget", lambda: Budget(items=100))

    _, stats = log.get("/events/stats", steps="minutes=1,hours=24")

    assert stats["items"][0]["users_complete_from"] is None
    known_from = datetime.fromisoformat(stats["items"][1]["users_complete_from"])
    at_least = {each.user["pk"] for each in log.events if each.created > known_from}
    assert stats["items"][1]["unique_users"] >= len(at_least)
    assert stats["items"][1]["events"] == 300


def test_counts_say_on_how_many_events_the_filter_failed(log: Log) -> None:
    """The fault: they had no word of it, and a chart of nothing looked like a log of nothing."""
    log.fill(some_events(120, days=0.3))
    query = {"filter": "event.context.amount > 5"}

    _, page = log.get("/events", **query)
    _, volume = log.get("/events/volume", **query)
    _, stats = log.get("/events/stats", steps="seconds=1,hours=3,hours=24", **query)

    reason = page["filter_failed"]["first"]
    assert (volume["total"], volume["filter_failed"]) == (0, {"events": 120, "first": reason})
    since = datetime.fromisoformat(stats["items"][1]["since"])
    of_three_hours = len([each for each in log.events if each.created >= since])
    assert 0 < of_three_hours < 120
    assert [item["filter_failed"] for item in stats["items"]] == [
        None,
        {"events": of_three_hours, "first": reason},
        {"events": 120, "first": reason},
    ]


def test_top_per_user_says_on_how_many_events_the_filter_failed(log: Log) -> None:
    context: JsonObject = {"authorized_application": "wiki"}
    log.fill([Event(new_id(NOW), "authorize_application", "x", {}, context, None, "d", None) for _ in range(3)])

    _, top = log.get("/events/top_per_user", filter="event.context.amount > 5")

    assert (top["items"], top["filter_failed"]["events"]) == ([], 3)


@pytest.mark.parametrize("path", ["volume", "top_per_user"])
def test_counts_say_nothing_of_a_filter_that_failed_on_no_event(log: Log, path: str) -> None:
    log.fill(some_events(20))

    _, found = log.get(f"/events/{path}", filter="event.action == 'login'")

    assert found["filter_failed"] is None


DAYS_90 = timedelta(days=90)


@pytest.fixture
def counting_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts end early: what span is counted is said whatever was found."""
    monkeypatch.setattr(reader, "counting_budget", lambda: Budget(items=100, queries=32))


@pytest.mark.usefixtures("counting_little")
@pytest.mark.parametrize(
    ("path", "query", "capped"),
    [
        ("/events/volume", {"history_days": "90"}, False),
        ("/events/volume", {"history_days": "91"}, True),
        ("/events/volume", {"history_days": "00000000190000000"}, True),
        ("/events/volume", {"history_days": "9" * 5000}, True),
        ("/events/volume", {"since": iso(NOW - timedelta(days=91))}, True),
        ("/events/volume", {"since": iso(NOW - timedelta(days=400)), "until": iso(NOW - timedelta(days=200))}, True),
        ("/events/volume", {"since": iso(NOW - timedelta(days=210)), "until": iso(NOW - timedelta(days=200))}, False),
        ("/events/top_per_user", {"history_days": "365"}, True),
        ("/events/top_per_user", {"history_days": "000090"}, False),
        ("/events/actions", {"history_days": "365"}, True),
        ("/events/actions", {}, False),
    ],
)
def test_of_more_than_90_days_the_last_are_counted_and_the_answer_says_so(
    log: Log, path: str, query: dict[str, str], capped: bool
) -> None:
    log.fill(some_events(3))

    status, answer = log.get(path, **query)

    until = datetime.fromisoformat(answer["until"]) if "until" in answer else datetime.now(UTC)
    since = datetime.fromisoformat(answer["since"])
    assert (status, answer["capped"]) == (200, capped)
    if capped:
        assert timedelta(0) <= until - since - DAYS_90 < timedelta(hours=6, minutes=1)  # from a bucket's start on


@pytest.mark.usefixtures("counting_little")
def test_stats_of_more_than_90_days_are_of_90(log: Log) -> None:
    log.fill(some_events(3))

    status, stats = log.get("/events/stats", steps="days=91,days=90,hours=1")

    until = datetime.fromisoformat(stats["until"])
    assert status == 200
    assert [item["capped"] for item in stats["items"]] == [True, False, False]
    assert [item["step"] for item in stats["items"]] == ["days=91", "days=90", "hours=1"]
    assert until - datetime.fromisoformat(stats["items"][0]["since"]) == DAYS_90


def test_actions_are_the_known_and_those_that_came(log: Log) -> None:
    log.fill(some_events(100))

    _, answer = log.get("/events/actions")

    items = {item["action"]: item for item in answer["items"]}
    assert items["export_ready"] == {"action": "export_ready", "known": True, "events": 0}
    assert items["custom_rare"]["known"] is False
    assert sum(item["events"] for item in items.values()) >= 95


def test_an_empty_log_answers_everything(log: Log) -> None:
    log.roll_up([])

    for path in ("/events/volume", "/events/top_per_user", "/events/stats", "/events/actions"):
        assert log.get(path)[0] == 200
    assert log.get("/events", since=iso(NOW - timedelta(days=2)))[1]["items"] == []
