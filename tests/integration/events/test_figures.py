"""Volume, statistics, top users and actions: what is counted of the log."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.events.filled_log import NOW, Log, some_events
from tocsin.events.model import Event
from tocsin.events.search.query import Search
from tocsin.events.search.rollup_hours import hour_of
from tocsin.events.search.timeline import Budget
from tocsin.ids import id_time, new_id
from tocsin.times import iso


@pytest.mark.parametrize("rolled_up", [True, False])
@pytest.mark.parametrize("query", [{}, {"action": "logout"}, {"app": "wiki"}, {"user_pk": "3"}, {"search": "broken"}])
def test_volume_counts_each_bucket(log: Log, query: dict[str, str], rolled_up: bool) -> None:
    log.fill(some_events(200), rolled_up=rolled_up)

    status, volume = log.get("/events/volume", history_days="1", **query)

    start = datetime.fromisoformat(volume["since"])
    wanted = [id_time(each) for each in log.expected(**query) if id_time(each) >= start]
    shown = Counter(
        {bucket["start"]: bucket["events"] for bucket in volume["buckets"] if bucket["events"]},
    )
    assert status == 200
    assert start.hour % 6 == 0
    assert volume["total"] == len(wanted)
    assert volume["complete_from"] is None
    assert shown == Counter(
        iso(moment.replace(hour=moment.hour // 6 * 6, minute=0, second=0, microsecond=0)) for moment in wanted
    )


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


def test_top_of_another_action_counts_by_app(log: Log) -> None:
    log.fill(some_events(100))

    _, top = log.get("/events/top_per_user", action="login")

    wanted = Counter(each.app for each in log.events if each.action == "login")
    assert {item["application"]["name"]: item["events"] for item in top["items"]} == wanted


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
